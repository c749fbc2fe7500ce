/* unit/test_loop.c - the event loop: messages, descriptors, stopping */
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "service/loop.h"

/* -- messages ------------------------------------------------------------ */

enum { SENDERS = 8, LETTERS = 5000 };

struct letter {
	struct loop_message message;
	struct sender *sender;
	int number;
};

struct sender {
	struct loop *loop;
	pthread_t thread;
	int next; /* number wanted */
	struct letter letters[LETTERS];
};

static void receive(struct loop_message *message)
{
	struct letter *letter = (struct letter *)message;

	g_assert_cmpint(letter->number, ==, letter->sender->next);
	letter->sender->next++;
}

static void *send_all(void *data)
{
	struct sender *sender = data;

	for (int i = 0; i < LETTERS; i++) {
		sender->letters[i] = (struct letter){ { .run = receive }, sender, i };
		loop_post(sender->loop, &sender->letters[i].message);
		if (i % 500 == 0)
			g_usleep(100);
	}
	return NULL;
}

static void test_order(void)
{
	struct loop *loop = loop_new("order");
	struct sender *senders = g_new0(struct sender, SENDERS);

	loop_start(loop);
	for (int i = 0; i < SENDERS; i++) {
		senders[i].loop = loop;
		pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	loop_stop(loop);
	for (int i = 0; i < SENDERS; i++)
		g_assert_cmpint(senders[i].next, ==, LETTERS);
	loop_free(loop);
	g_free(senders);
}

struct ball {
	struct loop_message message;
	struct loop *loops[2];
	int left;
};

static void bounce(struct loop_message *message)
{
	struct ball *ball = (struct ball *)message;

	if (ball->left-- > 0)
		loop_post(ball->loops[ball->left % 2], &ball->message);
	else
		loop_stop(ball->loops[0]);
}

/* Each message comes to a loop that sleeps or is about to: a lost wake-up hangs. */
static void test_wake_up(void)
{
	struct ball ball = { { .run = bounce }, { loop_new("left"), loop_new("right") }, 10000 };

	loop_start(ball.loops[1]);
	loop_post(ball.loops[0], &ball.message);
	loop_run(ball.loops[0]);
	loop_stop(ball.loops[1]);
	g_assert_cmpint(ball.left, ==, -1);
	loop_free(ball.loops[0]);
	loop_free(ball.loops[1]);
}

struct probe {
	struct loop *loop;
	pthread_t thread;
	sigset_t blocked;
	int calls;
};

static void look_around(void *data)
{
	struct probe *probe = data;

	probe->calls++;
	probe->thread = pthread_self();
	g_assert_true(pthread_equal(loop_thread(probe->loop), pthread_self()));
	pthread_sigmask(SIG_SETMASK, NULL, &probe->blocked);
}

static void test_call(void)
{
	static const struct {
		int number;
		bool blocked;
	} signals[] = { { SIGTERM, true },  { SIGHUP, true },  { SIGPIPE, true }, { SIGALRM, true },
		        { SIGSEGV, false }, { SIGBUS, false }, { SIGFPE, false }, { SIGILL, false },
		        { SIGABRT, false }, { SIGURG, false } };
	struct probe probe = { .loop = loop_new("a name of more than 15 characters") };
	sigset_t mine;

	loop_start(probe.loop);
	for (int i = 1; i <= 100; i++) {
		loop_call(probe.loop, look_around, &probe);
		g_assert_cmpint(probe.calls, ==, i);
	}
	g_assert_false(pthread_equal(probe.thread, pthread_self()));
	g_assert_true(pthread_equal(probe.thread, loop_thread(probe.loop)));
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		g_assert_true(sigismember(&probe.blocked, signals[i].number) == signals[i].blocked);
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	g_assert_false(sigismember(&mine, SIGTERM));
	loop_stop(probe.loop);
	loop_free(probe.loop);
}

struct counter {
	struct loop_message message;
	struct loop *loop;
	int count, again;
};

static void count(struct loop_message *message)
{
	struct counter *counter = (struct counter *)message;

	counter->count++;
	if (counter->again-- > 0)
		loop_post(counter->loop, message);
}

static void test_pending(void)
{
	struct counter counter = { { .run = count }, loop_new("pending"), 0, 2 };

	loop_post(counter.loop, &counter.message);
	loop_free(counter.loop);
	g_assert_cmpint(counter.count, ==, 3);
	loop_free(NULL);
}

static void stop(struct loop_message *message)
{
	struct counter *counter = (struct counter *)message;

	counter->count++;
	loop_stop(counter->loop);
}

static void test_stop(void)
{
	struct counter stopper = { { .run = stop }, loop_new("stop"), 0, 0 };
	struct counter later = { { .run = count }, stopper.loop, 0, 0 };

	for (int i = 1; i <= 3; i++) {
		loop_post(stopper.loop, &stopper.message);
		loop_post(stopper.loop, &later.message);
		loop_run(stopper.loop);
		g_assert_cmpint(stopper.count, ==, i);
		g_assert_cmpint(later.count, ==, i);
	}
	loop_post(stopper.loop, &stopper.message);
	loop_start(stopper.loop);
	loop_free(stopper.loop);
	g_assert_cmpint(stopper.count, ==, 4);
}

/* -- descriptors --------------------------------------------------------- */

struct end {
	struct loop_watch watch;
	struct loop *loop;
	struct end *other;
	int fds[2];
	int calls;
};

static void end_open(struct end *end, struct loop *loop, void (*ready)(struct loop_watch *, uint32_t))
{
	end->loop = loop;
	g_assert_cmpint(pipe(end->fds), ==, 0);
	end->watch = (struct loop_watch){ end->fds[0], EPOLLIN, ready };
	g_assert_true(loop_add(loop, &end->watch));
}

static void end_close(struct end *end)
{
	close(end->fds[0]);
	close(end->fds[1]);
}

static void end_send(struct end *end)
{
	g_assert_cmpint(write(end->fds[1], "x", 1), ==, 1);
}

static void remove_other(struct loop_watch *watch, uint32_t events)
{
	struct end *end = (struct end *)watch;

	g_assert_cmpuint(events, ==, EPOLLIN);
	end->calls++;
	loop_remove(end->loop, &end->other->watch);
	loop_stop(end->loop);
}

static void reopen_other(struct loop_watch *watch, uint32_t events)
{
	struct end *end = (struct end *)watch;

	remove_other(watch, events);
	end_close(end->other);
	end_open(end->other, end->loop, reopen_other);
}

static void quiet_other(struct loop_watch *watch, uint32_t events)
{
	struct end *end = (struct end *)watch;

	g_assert_cmpuint(events, ==, EPOLLIN);
	end->calls++;
	loop_change(end->loop, &end->other->watch, 0);
	loop_stop(end->loop);
}

/* Both are ready in one turn; the first takes the second's turn away. */
static void test_remove(gconstpointer data)
{
	void (*const *ready)(struct loop_watch *, uint32_t) = data;
	struct loop *loop = loop_new("remove");
	struct end a = { 0 }, b = { 0 };

	a.other = &b;
	b.other = &a;
	end_open(&a, loop, *ready);
	end_open(&b, loop, *ready);
	end_send(&a);
	end_send(&b);
	loop_run(loop);
	g_assert_cmpint(a.calls + b.calls, ==, 1);
	end_close(&a);
	end_close(&b);
	loop_free(loop);
}

static void echo(struct loop_watch *watch, uint32_t events)
{
	struct end *end = (struct end *)watch;
	char byte;

	(void)events;
	g_assert_cmpint(read(watch->fd, &byte, 1), ==, 1);
	if (++end->calls < 1000)
		end_send(end->other);
	else
		loop_stop(end->loop);
}

static void test_many_ready(void)
{
	struct loop *loop = loop_new("many");
	struct end ends[300] = { 0 };

	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		end_open(&ends[i], loop, echo);
		ends[i].other = &ends[(i + 1) % G_N_ELEMENTS(ends)];
		end_send(&ends[i]);
	}
	loop_run(loop);
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_assert_cmpint(ends[i].calls, >, 900);
		loop_remove(loop, &ends[i].watch);
		end_close(&ends[i]);
	}
	g_assert_false(loop_add(loop, &ends[0].watch));
	loop_free(loop);
}

int main(int argc, char **argv)
{
	static void (*const removing)(struct loop_watch *, uint32_t) = remove_other;
	static void (*const reopening)(struct loop_watch *, uint32_t) = reopen_other;
	static void (*const quieting)(struct loop_watch *, uint32_t) = quiet_other;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/loop/messages of a sender run in the order posted", test_order);
	g_test_add_func("/loop/a message wakes a sleeping loop, always", test_wake_up);
	g_test_add_func("/loop/a call has run when it returns, in a thread without signals", test_call);
	g_test_add_func("/loop/pending messages are run before it is freed", test_pending);
	g_test_add_func("/loop/it stops from its own thread and runs again", test_stop);
	g_test_add_data_func("/loop/a removed descriptor has no callback in this turn", &removing,
	                     test_remove);
	g_test_add_data_func("/loop/nor has one of the same number opened since", &reopening, test_remove);
	g_test_add_data_func("/loop/nor one that no longer wants the event", &quieting, test_remove);
	g_test_add_func("/loop/more ready descriptors than a turn takes are all served", test_many_ready);
	return g_test_run();
}
