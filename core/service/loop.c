/* service/loop.c - an event-loop thread: descriptors, timers, messages, tasks */
#include "service/loop.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "service/loop_heap.h"
#include "service/loop_task.h"

enum { EVENTS = 128, NAME_MAX_LENGTH = 15 };

struct turn_end {
	void (*function)(void *data);
	void *data;
};

struct loop {
	int64_t usec; /* when this turn began */
	int epoll;
	struct loop_watch wake; /* an eventfd */

	struct loop_heap timers;
	struct loop_tasks tasks;
	struct loop_message *before_sleep;
	struct turn_end *turn_ends;
	unsigned turn_end_count;

	int event, event_count; /* of this turn: being handled, all */
	struct epoll_event events[EVENTS];

	bool started; /* by loop_start(), to be joined */
	pthread_t thread;
	char name[NAME_MAX_LENGTH + 1];

	/* What other threads touch. */
	_Atomic(struct loop_message *) mailbox; /* the newest first */
	atomic_bool asleep;                     /* or about to be: who posts has to wake it */
	atomic_bool stopping;
};

static _Thread_local const struct loop *current;

/* -- threads ------------------------------------------------------------- */

pthread_t loop_spawn(const char *name, void *(*function)(void *data), void *data)
{
	static const int wanted[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGURG };
	char cut[NAME_MAX_LENGTH + 1];
	sigset_t blocked, before;
	pthread_t thread;
	int error;

	sigfillset(&blocked);
	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
		sigdelset(&blocked, wanted[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(&thread, NULL, function, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		g_error("cannot start a thread: %s", g_strerror(error));
	g_strlcpy(cut, name, sizeof(cut));
	pthread_setname_np(thread, cut);
	return thread;
}

pthread_t loop_thread(const struct loop *loop)
{
	return current == loop ? pthread_self() : loop->thread;
}

pp_msec_t loop_now(const struct loop *loop)
{
	return loop->usec / 1000;
}

int64_t loop_usec(const struct loop *loop)
{
	return loop->usec;
}

/* -- timers -------------------------------------------------------------- */

void loop_timer_set(struct loop *loop, struct loop_timer *timer, pp_msec_t due)
{
	loop_heap_set(&loop->timers, timer, due);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	loop_heap_remove(&loop->timers, timer);
}

pp_msec_t loop_next_due(const struct loop *loop)
{
	return loop_heap_least(&loop->timers);
}

/* At most as many as there were, so that one that sets itself anew cannot keep the loop from its
 * descriptors, and for no longer than these took, or a slice: neither waits for many of the other. */
static void run_timers(struct loop *loop)
{
	int64_t end = 0;

	for (uint32_t left = loop->timers.count; left > 0 && (end == 0 || clock_usec() <= end); left--) {
		struct loop_timer *timer = loop_heap_take(&loop->timers, loop_now(loop));

		if (timer == NULL)
			break;
		if (end == 0)
			end = MAX(2 * clock_usec() - loop->usec, loop->usec + LOOP_SLICE_USEC);
		timer->expired(timer);
	}
}

/* For epoll_wait(), in milliseconds. Never early: pp_now() is cut down to whole
 * ones, so sleeping from there to due ends when due has come. */
static int sleep_length(const struct loop *loop)
{
	pp_msec_t left;

	if (loop_tasks_wait(&loop->tasks))
		return 0;
	if (loop->timers.count == 0)
		return -1;
	left = loop_heap_next(&loop->timers) - pp_now();
	if (left <= 0)
		return 0;
	if (clock_is_fake())
		return -1;
	return (int)MIN(left, INT_MAX);
}

/* -- messages ------------------------------------------------------------ */

void loop_wake(struct loop *loop)
{
	const uint64_t one = 1;

	/* It fails only when the counter is full, and then the loop wakes all the same. */
	while (write(loop->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void loop_post(struct loop *loop, struct loop_message *message)
{
	struct loop_message *before = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);

	do
		message->next = before;
	while (!atomic_compare_exchange_weak(&loop->mailbox, &before, message));
	/* The loop says it is asleep before it looks into the mailbox a last time, we
	 * look the other way round: one of the two sees the other. */
	if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
		loop_wake(loop);
}

static bool mailbox_empty(struct loop *loop)
{
	return atomic_load(&loop->mailbox) == NULL;
}

static void run_messages(struct loop *loop)
{
	struct loop_message *newest, *oldest = NULL, *next;

	if (mailbox_empty(loop))
		return;
	newest = atomic_exchange(&loop->mailbox, NULL);
	for (; newest != NULL; newest = next) {
		next = newest->next;
		newest->next = oldest;
		oldest = newest;
	}
	for (; oldest != NULL; oldest = next) {
		next = oldest->next; /* run may free it or post it again */
		oldest->run(oldest);
	}
}

struct call {
	struct loop_message message;
	void (*function)(void *data);
	void *data;
	pthread_mutex_t lock;
	pthread_cond_t returned;
	bool done;
};

static void run_call(struct loop_message *message)
{
	struct call *call = (struct call *)message;

	call->function(call->data);
	pthread_mutex_lock(&call->lock);
	call->done = true;
	pthread_cond_signal(&call->returned);
	pthread_mutex_unlock(&call->lock);
}

void loop_call(struct loop *loop, void (*function)(void *data), void *data)
{
	struct call call = { .message.run = run_call, .function = function, .data = data };

	g_assert(current != loop);
	pthread_mutex_init(&call.lock, NULL);
	pthread_cond_init(&call.returned, NULL);
	loop_post(loop, &call.message);
	pthread_mutex_lock(&call.lock);
	while (!call.done)
		pthread_cond_wait(&call.returned, &call.lock);
	pthread_mutex_unlock(&call.lock);
	pthread_cond_destroy(&call.returned);
	pthread_mutex_destroy(&call.lock);
}

static void woken(struct loop_watch *watch, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(watch->fd, &count, sizeof(count)) < 0)
		g_assert(errno == EAGAIN || errno == EINTR);
}

/* -- descriptors --------------------------------------------------------- */

bool loop_add(struct loop *loop, struct loop_watch *watch)
{
	struct epoll_event event = { .events = watch->events, .data.ptr = watch };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->events == events)
		return;
	watch->events = events;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) != 0)
		g_error("epoll_ctl: descriptor %d: %s", watch->fd, g_strerror(errno));
}

void loop_remove(struct loop *loop, struct loop_watch *watch)
{
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = loop->event + 1; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

static void run_events(struct loop *loop)
{
	for (loop->event = 0; loop->event < loop->event_count; loop->event++) {
		const struct epoll_event *event = &loop->events[loop->event];
		struct loop_watch *watch = event->data.ptr;
		uint32_t events;

		if (watch == NULL)
			continue;
		/* What it waits for may have changed since epoll_wait(). */
		events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
		if (events != 0)
			watch->ready(watch, events);
	}
	loop->event_count = 0;
}

/* -- the loop ------------------------------------------------------------ */

void loop_at_turn_end(struct loop *loop, void (*function)(void *data), void *data)
{
	loop->turn_ends = g_renew(struct turn_end, loop->turn_ends, loop->turn_end_count + 1);
	loop->turn_ends[loop->turn_end_count++] = (struct turn_end){ function, data };
}

static void end_turn(struct loop *loop)
{
	for (unsigned i = 0; i < loop->turn_end_count; i++)
		loop->turn_ends[i].function(loop->turn_ends[i].data);
}

/* What the others of this turn have to say is sent before. */
static void run_tasks(struct loop *loop)
{
	if (!loop_tasks_wait(&loop->tasks))
		return;
	loop_tasks_run(&loop->tasks, loop->usec);
	end_turn(loop);
}

void loop_task_set(struct loop *loop, struct loop_task *task)
{
	loop_tasks_add(&loop->tasks, task);
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
	loop_tasks_remove(&loop->tasks, task);
}

void loop_before_sleep(struct loop *loop, struct loop_message *message)
{
	message->next = loop->before_sleep;
	loop->before_sleep = message;
}

static void run_before_sleep(struct loop *loop)
{
	struct loop_message *message = loop->before_sleep, *next;

	loop->before_sleep = NULL;
	for (; message != NULL; message = next) {
		next = message->next;
		message->run(message);
	}
}

static void poll_events(struct loop *loop, int length)
{
	loop->event_count = epoll_wait(loop->epoll, loop->events, EVENTS, length);
	if (loop->event_count < 0) {
		if (errno != EINTR)
			g_error("epoll_wait: %s", g_strerror(errno));
		loop->event_count = 0;
	}
	loop->usec = clock_usec();
}

static void wait_for_events(struct loop *loop)
{
	int length = sleep_length(loop);

	if (length != 0 && loop->before_sleep != NULL) {
		poll_events(loop, 0);
		if (loop->event_count > 0)
			return;
		run_before_sleep(loop);
		length = sleep_length(loop);
	}
	if (length != 0) {
		atomic_store(&loop->asleep, true);
		if (!mailbox_empty(loop))
			length = 0;
	}
	poll_events(loop, length);
	atomic_store_explicit(&loop->asleep, false, memory_order_relaxed);
}

void loop_run(struct loop *loop)
{
	const struct loop *outer = current;

	current = loop;
	if (!loop->started)
		loop->thread = pthread_self();
	while (!atomic_load(&loop->stopping)) {
		wait_for_events(loop);
		run_events(loop);
		run_timers(loop);
		run_messages(loop);
		end_turn(loop);
		run_tasks(loop);
	}
	run_messages(loop);
	end_turn(loop);
	run_before_sleep(loop);
	atomic_store(&loop->stopping, false);
	current = outer;
}

static void *thread_main(void *data)
{
	loop_run(data);
	return NULL;
}

void loop_start(struct loop *loop)
{
	loop->started = true;
	loop->thread = loop_spawn(loop->name, thread_main, loop);
}

static void join(struct loop *loop)
{
	if (!loop->started)
		return;
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	if (current == loop)
		return;
	loop_wake(loop);
	join(loop);
}

struct loop *loop_new(const char *name)
{
	struct loop *loop = g_new0(struct loop, 1);

	g_strlcpy(loop->name, name, sizeof(loop->name));
	loop->usec = clock_usec();
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = (struct loop_watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		                          .events = EPOLLIN,
		                          .ready = woken };
	if (loop->epoll < 0 || loop->wake.fd < 0 || !loop_add(loop, &loop->wake))
		g_error("cannot make an event loop: %s", g_strerror(errno));
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	join(loop);
	while (!mailbox_empty(loop))
		run_messages(loop);
	close(loop->wake.fd);
	close(loop->epoll);
	loop_heap_clear(&loop->timers);
	g_free(loop->turn_ends);
	g_free(loop);
}
