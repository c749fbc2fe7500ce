/* service/watchdog.c - one thread that ends what uses the processor for too long */
#define _GNU_SOURCE 1 /* gettid(), tgkill() */
#include "service/watchdog.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#define LOOK_EVERY 20000000 /* nanoseconds */

static struct {
	pthread_once_t once;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t stop;
	pthread_t thread;
	uintptr_t generation; /* of the thread; another one has ended or is about to */
	struct watch *first;
} watchdog = { PTHREAD_ONCE_INIT, PTHREAD_MUTEX_INITIALIZER };

/* What this thread works on, for its signal handler. */
static _Thread_local struct watch *volatile working;
static _Thread_local struct {
	pid_t id; /* 0 = not asked yet */
	clockid_t clock;
} self;

/* -- the thread that works ----------------------------------------------- */

struct watch *watch_begin(struct watch *watch)
{
	struct watch *outer = working;
	uint64_t sequence = atomic_load_explicit(&watch->sequence, memory_order_relaxed);

	if (self.id == 0) {
		self.id = gettid();
		pthread_getcpuclockid(pthread_self(), &self.clock);
	}
	working = watch;
	atomic_store_explicit(&watch->thread, self.id, memory_order_relaxed);
	atomic_store_explicit(&watch->clock, self.clock, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&watch->sequence, sequence + 1, memory_order_release);
	return outer;
}

void watch_end(struct watch *watch, struct watch *outer)
{
	uint64_t sequence = atomic_load_explicit(&watch->sequence, memory_order_relaxed);

	atomic_store_explicit(&watch->sequence, sequence + 1, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	working = outer;
}

/* A signal may come late, when the work it is for has ended and other has begun. */
static void handle_signal(int number)
{
	struct watch *watch = working;
	uint64_t sequence;

	(void)number;
	if (watch == NULL)
		return;
	sequence = atomic_load_explicit(&watch->sequence, memory_order_relaxed);
	if (sequence % 2 == 1 && atomic_load_explicit(&watch->overdue, memory_order_relaxed) == sequence)
		watch->overrun(watch);
}

/* -- the thread that watches --------------------------------------------- */

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void look(struct watch *watch)
{
	uint64_t sequence = atomic_load_explicit(&watch->sequence, memory_order_acquire);
	struct timespec now;

	/* A thread that has ended since has no clock any more. */
	if (sequence % 2 == 0 ||
	    clock_gettime(atomic_load_explicit(&watch->clock, memory_order_relaxed), &now) != 0)
		return;
	if (sequence != watch->seen) {
		watch->seen = sequence;
		watch->since = nanoseconds(&now);
	} else if (nanoseconds(&now) - watch->since >=
	           atomic_load_explicit(&watch->budget, memory_order_relaxed)) {
		atomic_store_explicit(&watch->overdue, sequence, memory_order_relaxed);
		/* By its number, since a pthread_t must not be used once its thread has ended. */
		tgkill(getpid(), atomic_load_explicit(&watch->thread, memory_order_relaxed), SIGURG);
	}
}

static void *keep_looking(void *data)
{
	uintptr_t generation = (uintptr_t)data;
	struct timespec next;

	pthread_mutex_lock(&watchdog.lock);
	while (watchdog.generation == generation) {
		for (struct watch *watch = watchdog.first; watch != NULL; watch = watch->next)
			look(watch);
		clock_gettime(CLOCK_MONOTONIC, &next);
		next.tv_nsec += LOOK_EVERY;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		pthread_cond_timedwait(&watchdog.stop, &watchdog.lock, &next);
	}
	pthread_mutex_unlock(&watchdog.lock);
	return NULL;
}

static void prepare(void)
{
	struct sigaction action = { .sa_handler = handle_signal, .sa_flags = SA_RESTART };
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.stop, &attributes);
	pthread_condattr_destroy(&attributes);
	sigemptyset(&action.sa_mask);
	sigaction(SIGURG, &action, NULL);
}

/* The lock is held. */
static void start_thread(void)
{
	sigset_t all, before;
	int error;

	/* The signals of the process are for other threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&watchdog.thread, NULL, keep_looking, (void *)watchdog.generation);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		g_error("cannot start the thread that watches rules: %s", g_strerror(error));
}

void watch_add(struct watch *watch)
{
	pthread_once(&watchdog.once, prepare);
	pthread_mutex_lock(&watchdog.lock);
	if (watchdog.first == NULL)
		start_thread();
	watch->next = watchdog.first;
	watchdog.first = watch;
	pthread_mutex_unlock(&watchdog.lock);
}

void watch_remove(struct watch *watch)
{
	struct watch **link = &watchdog.first;
	pthread_t thread;
	bool last;

	pthread_mutex_lock(&watchdog.lock);
	while (*link != watch)
		link = &(*link)->next;
	*link = watch->next;
	last = watchdog.first == NULL;
	thread = watchdog.thread;
	if (last) {
		watchdog.generation++;
		pthread_cond_broadcast(&watchdog.stop);
	}
	pthread_mutex_unlock(&watchdog.lock);
	if (last)
		pthread_join(thread, NULL);
}
