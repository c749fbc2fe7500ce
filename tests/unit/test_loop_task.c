/* unit/test_loop_task.c - tasks of the event loop: slices of turns */
#include <glib.h>
#include "base/clock.h"
#include "service/loop.h"

struct chore {
	struct loop_task task; /* first */
	struct loop *loop;
	GString *done; /* names, by all */
	char name;
	int left;
	pp_msec_t length;    /* of each bit: 1 is more than a slice */
	struct chore *other; /* to be canceled; NULL: none is */
	struct chore *cause; /* to be set; NULL: none is */
};

struct stopper {
	struct loop_message message; /* first */
	struct loop *loop;
	pp_msec_t length; /* for which it keeps the loop before any task runs */
};

static bool do_bit(struct loop_task *task)
{
	struct chore *chore = (struct chore *)task;

	g_string_append_c(chore->done, chore->name);
	clock_advance(chore->length);
	if (chore->other != NULL)
		loop_task_cancel(chore->loop, &chore->other->task);
	if (chore->cause != NULL)
		loop_task_set(chore->loop, &chore->cause->task);
	return --chore->left > 0;
}

static void stop(struct loop_message *message)
{
	struct stopper *stopper = (struct stopper *)message;

	clock_advance(stopper->length);
	loop_stop(stopper->loop);
}

/* others: how long a turn takes without tasks. Returns what was done in it. */
static const char *long_turn(struct chore *chore, pp_msec_t others)
{
	struct stopper stopper = { { .run = stop }, chore->loop, others };

	g_string_truncate(chore->done, 0);
	loop_post(chore->loop, &stopper.message);
	loop_run(chore->loop);
	return chore->done->str;
}

static const char *turn(struct chore *chore)
{
	return long_turn(chore, 0);
}

/* Called a, b, c, ... */
static void begin(struct chore *chores, size_t count)
{
	struct loop *loop = loop_new("tasks");
	GString *done = g_string_new(NULL);

	for (size_t i = 0; i < count; i++)
		chores[i] = (struct chore){
			.task.run = do_bit, .loop = loop, .done = done, .name = (char)('a' + i), .left = 1
		};
}

static void set_all(struct chore *chores, size_t count)
{
	for (size_t i = 0; i < count; i++)
		loop_task_set(chores[i].loop, &chores[i].task);
}

static void end(struct chore *chores)
{
	g_string_free(chores->done, TRUE);
	loop_free(chores->loop);
}

static void test_order(void)
{
	struct chore chores[4];

	begin(chores, 4);
	chores[0].task.rank = LOOP_PATIENT;
	chores[0].left = 2;
	chores[1].left = 3;
	set_all(chores, 4);
	loop_task_set(chores->loop, &chores[1].task);
	g_assert_cmpstr(turn(chores), ==, "bbbcdaa");
	g_assert_cmpstr(turn(chores), ==, "");
	end(chores);
}

static void test_canceled(void)
{
	struct chore chores[5];

	begin(chores, 5);
	chores[0].other = &chores[1];
	chores[2].other = &chores[4];
	set_all(chores, 5);
	g_assert_cmpstr(turn(chores), ==, "acd");
	loop_task_cancel(chores->loop, &chores[4].task);
	set_all(chores, 1);
	loop_task_cancel(chores->loop, &chores[0].task);
	g_assert_cmpstr(turn(chores), ==, "");
	end(chores);
}

/* Of those that take their time each has its turn, and patient ones have one too. */
static void test_slices(void)
{
	struct chore chores[4];

	begin(chores, 4);
	for (int i = 0; i < 4; i++) {
		chores[i].length = 1;
		chores[i].left = 3;
		chores[i].task.rank = i > 1 ? LOOP_PATIENT : LOOP_PROMPT;
	}
	set_all(chores, 4);
	g_assert_cmpstr(turn(chores), ==, "ac");
	g_assert_cmpstr(turn(chores), ==, "bd");
	g_assert_cmpstr(turn(chores), ==, "ac");
	g_assert_cmpstr(turn(chores), ==, "bd");
	g_assert_cmpstr(turn(chores), ==, "ac");
	g_assert_cmpstr(turn(chores), ==, "bd");
	g_assert_cmpstr(turn(chores), ==, "");
	end(chores);
}

/* Where others take long, so may patient ones, or they would never be done: an eighth of that. */
static void test_part(void)
{
	struct chore chores[1];

	begin(chores, 1);
	chores->task.rank = LOOP_PATIENT;
	chores->length = 1;
	chores->left = 20;
	set_all(chores, 1);
	g_assert_cmpstr(turn(chores), ==, "a");
	g_assert_cmpstr(long_turn(chores, 40), ==, "aaaaa");
	g_assert_cmpstr(long_turn(chores, 8), ==, "a");
	g_assert_cmpstr(long_turn(chores, 80), ==, "aaaaaaaaaa");
	end(chores);
}

/* What they cause is done before the next of them. */
static void test_last(void)
{
	struct chore chores[4];

	begin(chores, 4);
	chores[0].task.rank = chores[1].task.rank = LOOP_LAST;
	chores[0].cause = &chores[2];
	chores[2].task.rank = LOOP_PATIENT;
	set_all(chores, 4);
	g_assert_cmpstr(turn(chores), ==, "dcacb");
	chores[2].length = 1;
	chores[2].left = 2;
	set_all(chores, 4);
	g_assert_cmpstr(turn(chores), ==, "dc");
	g_assert_cmpstr(turn(chores), ==, "c");
	g_assert_cmpstr(turn(chores), ==, "ac");
	g_assert_cmpstr(turn(chores), ==, "b");
	g_assert_cmpstr(turn(chores), ==, "");
	end(chores);
}

static void stop_sleeping(struct loop_message *message)
{
	stop(message);
	loop_wake(((struct stopper *)message)->loop);
}

/* Nobody wakes it before. */
static void test_no_sleep(void)
{
	struct stopper stopper = { { .run = stop_sleeping }, NULL, 0 };
	struct chore chores[1];

	begin(chores, 1);
	stopper.loop = chores->loop;
	chores->length = 1;
	chores->left = 100;
	set_all(chores, 1);
	loop_before_sleep(chores->loop, &stopper.message);
	loop_run(chores->loop);
	g_assert_cmpint(chores->left, ==, 0);
	end(chores);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1700000000000);
	g_test_add_func("/loop-task/each runs to its end, and patient ones after all others", test_order);
	g_test_add_func("/loop-task/a canceled one never runs", test_canceled);
	g_test_add_func("/loop-task/long ones have a slice of a turn, one after the other", test_slices);
	g_test_add_func("/loop-task/patient ones have a part of a long turn", test_part);
	g_test_add_func("/loop-task/last ones wait for patient ones, and for what they cause", test_last);
	g_test_add_func("/loop-task/a loop with tasks does not sleep", test_no_sleep);
	return g_test_run();
}
