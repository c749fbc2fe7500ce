/* unit/test_timer.c - the event loop's timers and turns, with the real and the fake clock */
#include <glib.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/clock.h"
#include "service/loop.h"

/* -- real clock -------------------------------------------------- */

struct clock_test {
	struct loop_watch watch;
	struct loop_timer timer;
	struct loop *loop;
	int turns, left;
	int64_t begin;
};

static struct clock_test *timed(struct loop_timer *timer)
{
	return (struct clock_test *)((char *)timer - offsetof(struct clock_test, timer));
}

static void stop_in_time(struct loop_timer *timer)
{
	struct clock_test *test = timed(timer);

	g_assert_cmpint(pp_now(), >=, timer->due);
	g_assert_cmpint(loop_now(test->loop), >=, timer->due);
	loop_stop(test->loop);
}

static void count_turn(void *data)
{
	struct clock_test *test = data;

	test->turns++;
}

/* A busy loop would take thousands of turns. */
static void test_sleep(void)
{
	struct clock_test test = { .timer.expired = stop_in_time, .loop = loop_new("sleep") };

	loop_at_turn_end(test.loop, count_turn, &test);
	for (int i = 0; i < 30; i++) {
		test.begin = clock_usec();
		loop_timer_set(test.loop, &test.timer, pp_now() + 1 + i % 5);
		loop_run(test.loop);
		g_assert_cmpint(clock_usec() - test.begin, <, 2 * G_USEC_PER_SEC);
	}
	g_assert_cmpint(test.turns, <=, 30 * 4);
	loop_free(test.loop);
}

struct slow_timer {
	struct loop_timer timer; /* first */
	struct clock_test *test;
};

static void take_long(struct loop_timer *timer)
{
	struct clock_test *test = ((struct slow_timer *)timer)->test;
	int64_t end = clock_usec() + 500;

	while (clock_usec() < end)
		continue;
	if (--test->left == 0)
		loop_stop(test->loop);
}

/* Else they would all be of one turn. */
static void test_slices(void)
{
	struct clock_test test = { .loop = loop_new("slices"), .left = 200 };
	struct slow_timer timers[200];

	loop_at_turn_end(test.loop, count_turn, &test);
	for (size_t i = 0; i < G_N_ELEMENTS(timers); i++) {
		timers[i] = (struct slow_timer){ .timer.expired = take_long, .test = &test };
		loop_timer_set(test.loop, &timers[i].timer, pp_now());
	}
	loop_run(test.loop);
	g_assert_cmpint(test.left, ==, 0);
	g_assert_cmpint(test.turns, >=, 50);
	loop_free(test.loop);
}

/* -- fake clock -------------------------------------------------- */

/* The real clock does not come back, so these tests are the last. */
static struct loop *fake_loop(void)
{
	if (!clock_is_fake())
		clock_fake(INT64_C(1790000000000));
	return loop_new("fake");
}

struct alarm {
	struct loop_timer timer;
	struct loop_message message;
	struct loop *loop;
	pp_msec_t period; /* it sets itself anew; -1 = it does not */
	pp_msec_t wanted; /* -1 = not set */
	atomic_int rung;
};

static void ring(struct loop_timer *timer)
{
	struct alarm *alarm = (struct alarm *)timer;

	g_assert_cmpint(alarm->wanted, ==, timer->due);
	g_assert_cmpint(timer->due, <=, loop_now(alarm->loop));
	g_assert_cmpuint(timer->place, ==, 0);
	alarm->wanted = -1;
	if (alarm->period >= 0) {
		alarm->wanted = pp_now() + alarm->period;
		loop_timer_set(alarm->loop, timer, alarm->wanted);
	}
	atomic_fetch_add(&alarm->rung, 1);
}

static void nothing(void *data)
{
	(void)data;
}

static void set_alarm(void *data)
{
	struct alarm *alarm = data;

	alarm->wanted = pp_now() + alarm->period;
	loop_timer_set(alarm->loop, &alarm->timer, alarm->wanted);
}

static void test_fake_sleep(void)
{
	struct alarm alarm = { { .expired = ring }, .loop = fake_loop(), .period = 3600000 };

	loop_start(alarm.loop);
	loop_call(alarm.loop, set_alarm, &alarm);
	for (int i = 0; i < 200; i++) {
		clock_advance(alarm.period / 2);
		loop_wake(alarm.loop);
		loop_call(alarm.loop, nothing, NULL);
		g_assert_cmpint(atomic_load(&alarm.rung), ==, i);
		clock_advance(alarm.period / 2);
		loop_wake(alarm.loop);
		while (atomic_load(&alarm.rung) <= i)
			g_usleep(10);
	}
	loop_stop(alarm.loop);
	loop_free(alarm.loop);
}

static void stop_loop(struct loop_message *message)
{
	loop_stop(((struct alarm *)((char *)message - offsetof(struct alarm, message)))->loop);
}

/* Runs the loop in this thread until it has nothing left to do now. */
static void run_due(struct loop *loop)
{
	pp_msec_t due;
	struct alarm stopper = { .message.run = stop_loop, .loop = loop };

	do {
		loop_post(loop, &stopper.message);
		loop_run(loop);
		due = loop_next_due(loop);
	} while (due >= 0 && due <= pp_now());
}

static void check_alarms(struct loop *loop, const struct alarm *alarms, size_t length)
{
	pp_msec_t least = -1;

	for (size_t i = 0; i < length; i++) {
		pp_msec_t wanted = alarms[i].wanted;

		g_assert_true((wanted >= 0) == (alarms[i].timer.place != 0));
		if (wanted >= 0 && (least < 0 || wanted < least))
			least = wanted;
	}
	g_assert_cmpint(loop_next_due(loop), ==, least);
	g_assert_true(least < 0 || least > pp_now());
}

/* Set, set anew, cancelled at random, each rings at its time and no other. */
static void test_model(void)
{
	static struct alarm alarms[400];
	struct loop *loop = fake_loop();
	int rung = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(alarms); i++)
		alarms[i] = (struct alarm){ { .expired = ring }, .loop = loop, .period = -1, .wanted = -1 };
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 40; i++) {
			struct alarm *alarm = &alarms[g_test_rand_int_range(0, G_N_ELEMENTS(alarms))];

			if (g_test_rand_int_range(0, 4) == 0) {
				loop_timer_cancel(loop, &alarm->timer);
				alarm->wanted = -1;
			} else {
				alarm->wanted = pp_now() + g_test_rand_int_range(1, 2000);
				loop_timer_set(loop, &alarm->timer, alarm->wanted);
			}
		}
		check_alarms(loop, alarms, G_N_ELEMENTS(alarms));
		clock_advance(g_test_rand_int_range(0, 100));
		run_due(loop);
		check_alarms(loop, alarms, G_N_ELEMENTS(alarms));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(alarms); i++)
		rung += alarms[i].rung;
	g_assert_cmpint(rung, >, 1000);
	loop_free(loop);
}

static void stop_ready(struct loop_watch *watch, uint32_t events)
{
	struct clock_test *test = (struct clock_test *)watch;

	g_assert_cmpuint(events, ==, EPOLLIN);
	loop_stop(test->loop);
}

/* A timer that is due again at once leaves the loop its descriptors. */
static void test_greedy_timer(void)
{
	struct clock_test test = { { 0, EPOLLIN, stop_ready }, .loop = fake_loop() };
	struct alarm alarm = { { .expired = ring }, .loop = test.loop, .period = 0 };
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	test.watch.fd = fds[0];
	g_assert_true(loop_add(test.loop, &test.watch));
	set_alarm(&alarm);
	loop_run(test.loop);
	g_assert_cmpint(alarm.rung, <, 10);
	loop_free(test.loop);
	close(fds[0]);
	close(fds[1]);
}

static void ring_next(struct loop_timer *timer)
{
	struct alarm *alarm = (struct alarm *)timer;

	ring(timer);
	loop_timer_cancel(alarm->loop, &alarm[1].timer);
	alarm[1].wanted = -1;
}

static void test_cancel_in_turn(void)
{
	struct loop *loop = fake_loop();
	struct alarm alarms[2] = { { { .expired = ring_next }, .loop = loop, .period = -1 },
		                   { { .expired = ring }, .loop = loop, .period = -1 } };

	for (int i = 0; i < 2; i++) {
		alarms[i].wanted = pp_now() + 5 + i;
		loop_timer_set(loop, &alarms[i].timer, alarms[i].wanted);
	}
	clock_advance(10);
	run_due(loop);
	g_assert_cmpint(alarms[0].rung, ==, 1);
	g_assert_cmpint(alarms[1].rung, ==, 0);
	loop_timer_cancel(loop, &alarms[1].timer);
	loop_free(loop);
}

/* Time stands still: there is nothing to wake up for. */
static void test_fake_idle(void)
{
	struct clock_test test = { .loop = fake_loop() };
	struct alarm alarm = { { .expired = ring }, .loop = test.loop, .period = 1 };

	loop_at_turn_end(test.loop, count_turn, &test);
	set_alarm(&alarm);
	loop_start(test.loop);
	loop_call(test.loop, nothing, NULL);
	g_usleep(20000);
	loop_stop(test.loop);
	g_assert_cmpint(test.turns, <=, 4);
	loop_free(test.loop);
}

struct ending {
	struct loop_message message;
	struct loop *loop;
	int turns, messages;
};

static void count_message(struct loop_message *message)
{
	((struct ending *)message)->messages++;
}

/* Nothing else wakes the loop, and what is posted with the last turn is run. */
static void end_turn(void *data)
{
	struct ending *ending = data;

	if (++ending->turns < 3) {
		loop_wake(ending->loop);
	} else if (ending->turns == 3) {
		loop_post(ending->loop, &ending->message);
		loop_stop(ending->loop);
	}
}

static void test_turn_end(void)
{
	struct ending ending = { .message.run = count_message, .loop = fake_loop() };

	loop_at_turn_end(ending.loop, end_turn, &ending);
	loop_wake(ending.loop);
	loop_run(ending.loop);
	g_assert_cmpint(ending.turns, ==, 4);
	g_assert_cmpint(ending.messages, ==, 1);
	loop_free(ending.loop);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/timer/a timer is never early and the loop sleeps until then", test_sleep);
	g_test_add_func("/timer/many timers that are due leave turns to others", test_slices);
	g_test_add_func("/timer/functions run at the end of each turn", test_turn_end);
	g_test_add_func("/timer/with a fake clock it sleeps until time is moved", test_fake_sleep);
	g_test_add_func("/timer/nor does a timer wake it before", test_fake_idle);
	g_test_add_func("/timer/timers expire when due, however often set and cancelled", test_model);
	g_test_add_func("/timer/a timer due again at once keeps nobody waiting", test_greedy_timer);
	g_test_add_func("/timer/a cancelled timer does not expire, not even in this turn",
	                test_cancel_in_turn);
	return g_test_run();
}
