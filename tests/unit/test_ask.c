/* unit/test_ask.c - asking: keeping, staleness, merging, steps, timeouts, workers */
#include <glib.h>
#include <string.h>
#include "asking.h"
#include "base/clock.h"
#include "check/step.h"
#include "probe.h"

/* -- a world for them ------------------------------------------------------ */

static void set_up(struct asking *f, const void *data)
{
	(void)data;
	asking_begin(f);
	asked = opened = closed = open_fails = 0;
	source_away = probe_clean = false;
}

static void tear_down(struct asking *f, const void *data)
{
	(void)data;
	asking_end(f);
}

/* -- tests ----------------------------------------------------------------- */

static void test_kept(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, "keep", "10m", NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, check, "a@b.example", "listed memory listed after 2 steps  ");
	asking_expect(f, check, "clean@b.example", "clean asked clean");
	asking_expect(f, check, NULL, "none asked no sender");
	asking_expect(f, check, NULL, "none memory no sender");
	g_assert_cmpint(asked, ==, 3);
	asking_pass(f, 10 * 60 * 1000);
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_module_may_shorten(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, NULL);

	(void)data;
	asking_expect(f, check, "short@b.example", "listed asked listed after 2 steps  ");
	asking_pass(f, 999);
	asking_expect(f, check, "short@b.example", "listed memory listed after 2 steps  ");
	asking_pass(f, 2);
	asking_expect(f, check, "short@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_unknown_is_not_kept(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, "keep", "10m", NULL);

	(void)data;
	source_away = true;
	asking_expect(f, check, "a@b.example", "unknown asked the source is away");
	source_away = false;
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_stale(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, "keep", "10m", "stale", "1h", NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	asking_pass(f, 11 * 60 * 1000);
	source_away = true;
	asking_expect(f, check, "a@b.example", "listed stale listed after 2 steps  ");
	asking_pass(f, 50 * 60 * 1000);
	asking_expect(f, check, "a@b.example", "listed stale listed after 2 steps  ");
	asking_pass(f, 10 * 60 * 1000);
	asking_expect(f, check, "a@b.example", "unknown asked the source is away");
	source_away = false;
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static bool any_entry(const struct cache_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

/* Else what a command has just dropped would be back with the end of an ask that began before. */
static void test_dropped_meanwhile(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, "keep", "10m", "stale", "1h", NULL);
	struct request *request = asking_request(f, "wait@b.example");
	struct asking_wish wishes[3];

	(void)data;
	g_assert_false(asking_start(f, &wishes[0], check, request));
	cache_drop(f->cache, any_entry, NULL);
	asking_pass(f, 400);
	g_assert_cmpuint(wishes[0].told, ==, 1);
	g_assert_false(asking_start(f, &wishes[1], check, request)); /* it was not kept */
	asking_pass(f, 400);
	asking_expect(f, check, "wait@b.example", "listed memory listed after 2 steps  ");
	/* The same with a stale one. */
	asking_pass(f, 11 * 60 * 1000);
	g_assert_false(asking_start(f, &wishes[2], check, request));
	source_away = true;
	cache_drop(f->cache, any_entry, NULL);
	asking_pass(f, 400);
	asking_expect(f, check, "wait@b.example", "unknown asked the source is away");
	request_unref(request);
	check_unref(check);
}

static void test_contradicted(struct asking *f, const void *data)
{
	pp_pair_t words[] = { { "listed", asking_text("1s") } };
	pp_pair_t pairs[] = { { "keep", { .kind = PP_LIST, .list = { 1, words } } },
		              { "stale", asking_text("1h") } };
	const pp_value_t values = { .kind = PP_LIST, .list = { 2, pairs } };
	static const char *const nowhere[] = { NULL };
	struct pp_error error = { .messages = f->messages };
	struct check *check;
	char *reason = NULL;

	(void)data;
	probe_clean = false;
	check_unref(asking_check(f, &probe_fickle, NULL)); /* so that it is known by name */
	check = check_new(module_load("probe_fickle", nowhere, &reason), "fickle", &values, NULL, &error);
	g_assert_nonnull(check);
	asking_expect(f, check, "a@b.example", "listed asked listed");
	asking_pass(f, 2000);
	probe_clean = true;
	asking_expect(f, check, "a@b.example", "clean asked clean");
	source_away = true;
	asking_expect(f, check, "a@b.example", "unknown asked the source is away");
	check_unref(check);
}

static void test_other_parameters(struct asking *f, const void *data)
{
	struct check *one = asking_check(f, &probe, "mark", "1", NULL),
	             *other = asking_check(f, &probe, "mark", "2", NULL);
	struct check *slower = asking_check(f, &probe, "mark", "1", "timeout", "9s", NULL);

	(void)data;
	asking_expect(f, one, "a@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, other, "a@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, slower, "a@b.example", "listed memory listed after 2 steps  ");
	check_unref(one);
	check_unref(other);
	check_unref(slower);
}

static void test_fields(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, "more", "extra", NULL);

	(void)data;
	for (int round = 0; round < 2; round++) {
		struct request *request = asking_request(f, "a@b.example");
		struct answer_value value;
		struct asking_wish wish;

		g_assert_true(asking_start(f, &wish, check, request));
		value = answer_field(check, &wish.ask.answer, 0);
		g_assert_cmpint(value.integer, ==, 3);
		value = answer_field(check, &wish.ask.answer, 1);
		g_assert_cmpstr(value.string, ==, "gone soon");
		value = answer_field(check, &wish.ask.answer, 2);
		g_assert_cmpstr(value.string, ==, "an extra value");
		request_unref(request);
	}
	for (int round = 0; round < 2; round++) {
		struct request *request = asking_request(f, "clean@b.example");
		struct asking_wish wish;

		g_assert_true(asking_start(f, &wish, check, request));
		g_assert_cmpint(answer_field(check, &wish.ask.answer, 0).integer, ==,
		                7); /* .when = "listed" */
		g_assert_cmpstr(answer_field(check, &wish.ask.answer, 1).string, ==, "gone soon");
		request_unref(request);
	}
	check_unref(check);
}

static void test_waiting(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, NULL);

	(void)data;
	asking_expect(f, check, "wait@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, check, "any@b.example", "listed asked 2 done after 3 steps");
	asking_expect(f, check, "last@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, check, "nosuchword@b.example",
	              "unknown asked the module answered 'nosuchword', which is none of its words");
	check_unref(check);
}

static void test_timeouts(struct asking *f, const void *data)
{
	struct check *waits = asking_check(f, &forever, "timeout", "250ms", NULL),
	             *spins = asking_check(f, &endless, NULL);
	struct request *request = asking_request(f, "a@b.example");
	struct asking_wish wish;

	(void)data;
	g_assert_false(asking_start(f, &wish, waits, request));
	asking_pass(f, 249);
	g_assert_false(wish.ask.done);
	asking_pass(f, 2);
	g_assert_true(wish.ask.done);
	g_assert_true(wish.ask.answer.timed_out);
	g_assert_cmpuint(wish.ask.answer.word, ==, WORD_UNKNOWN);
	asking_expect(f, spins, "a@b.example", "unknown asked the module's steps do not end");
	request_unref(request);
	check_unref(waits);
	check_unref(spins);
}

static void test_merged(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, "keep", "0s", NULL),
	             *acts = asking_check(f, &effect, NULL);
	struct request *request = asking_request(f, "wait@b.example"),
	               *other = asking_request(f, "wait2@b.example");
	struct asking_wish wishes[6];

	(void)data;
	for (int i = 0; i < 3; i++)
		g_assert_false(asking_start(f, &wishes[i], check, request));
	g_assert_false(asking_start(f, &wishes[3], check, other));
	g_assert_cmpint(asked, ==, 2);
	ask_forget(&f->host, &wishes[1].ask);
	asking_pass(f, 400);
	for (int i = 0; i < 4; i++)
		g_assert_cmpuint(wishes[i].told, ==, i != 1);
	for (int i = 4; i < 6; i++)
		g_assert_false(asking_start(f, &wishes[i], acts, request));
	g_assert_cmpint(asked, ==, 4);
	asking_pass(f, 400);
	request_unref(request);
	request_unref(other);
	check_unref(check);
	check_unref(acts);
}

static void test_late_answers(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, NULL),
	             *unkept = asking_check(f, &probe, "keep", "0s", "mark", "9", NULL);
	struct request *request = asking_request(f, "wait@b.example");
	struct asking_wish wish;

	(void)data;
	g_assert_false(asking_start(f, &wish, check, request));
	ask_forget(&f->host, &wish.ask);
	g_assert_false(asking_start(f, &wish, unkept, request));
	ask_forget(&f->host, &wish.ask);
	request_unref(request); /* the ask holds it */
	g_assert_null(f->host.open->next_open);
	asking_pass(f, 400);
	g_assert_cmpuint(wish.told, ==, 0);
	asking_expect(f, check, "wait@b.example", "listed memory listed after 2 steps  ");
	check_unref(check);
	check_unref(unkept);
}

static void test_narrow_key(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &narrow, NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, check, "other@b.example", "listed memory listed after 2 steps  ");
	asking_expect(f, check, "nowhere", "listed asked listed after 2 steps  ");
	asking_expect(f, check, "nowhere", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_effects(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &effect, NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	f->host.no_effects = true;
	asking_expect(f, check, "a@b.example", "unknown asked not asked, since asking changes something");
	g_assert_cmpint(asked, ==, 2);
	g_assert_null(asking_check(f, &effect, "keep", "1h", NULL));
	g_assert_cmpstr(
	        f->messages->pdata[0], ==,
	        "test.lua:1: effect: keep: asking effect changes something, so its answers cannot be kept");
	check_unref(check);
}

/* -- keeping, with effects -------------------------------------------------- */

#define MINUTE ((pp_msec_t)60 * 1000)

static void test_keeper(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &keeper, NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked new 1");
	asking_expect(f, check, "a@b.example", "listed memory new 1");
	asking_expect(f, check, "other@b.example", "listed memory new 1");
	asking_pass(f, 10 * MINUTE);
	asking_expect(f, check, "a@b.example", "listed asked listed 2");
	asking_expect(f, check, "a@b.example", "listed memory listed 2");
	asking_pass(f, 59 * MINUTE);
	asking_expect(f, check, "a@b.example", "listed asked listed 3");
	asking_pass(f, 60 * MINUTE);
	asking_expect(f, check, "a@b.example", "listed asked new 1");
	asking_expect(f, check, "nowhere", "listed asked new 1");
	asking_expect(f, check, "nowhere", "listed asked new 1");
	check_unref(check);
}

static void test_keeper_fails(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &keeper, "stale", "1h", NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked new 1");
	asking_pass(f, 11 * MINUTE);
	source_away = true;
	asking_expect(f, check, "a@b.example", "unknown asked the source is away");
	source_away = false;
	asking_expect(f, check, "a@b.example", "listed asked listed 2");
	asking_pass(f, 11 * MINUTE);
	probe_clean = true;
	asking_expect(f, check, "a@b.example", "clean asked clean");
	probe_clean = false;
	asking_expect(f, check, "a@b.example", "listed asked new 1");
	f->host.no_effects = true;
	asking_expect(f, check, "a@b.example", "unknown asked not asked, since asking changes something");
	check_unref(check);
}

static void test_keeper_without_key(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &keyless, NULL);

	(void)data;
	asking_expect(f, check, "a@b.example", "listed asked new 1");
	asking_expect(f, check, "a@b.example", "listed asked new 1");
	check_unref(check);
}

/* -- the rest ---------------------------------------------------------------- */

static void test_reads_only_what_is_declared(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &probe, NULL),
	             *named = asking_check(f, &probe, "attribute", "helo_name", NULL);

	(void)data;
	asking_expect(f, check, "unread@b.example", "listed asked nothing");
	g_assert_true(check_reads_named(named, "helo_name"));
	check_unref(check);
	check_unref(named);
}

static void test_opening(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &opening, NULL);

	(void)data;
	open_fails = 2;
	check_open(check);
	asking_expect(f, check, "a@b.example", "unknown asked could not be opened");
	check_upkeep(check);
	check_upkeep(check);
	asking_expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
	g_assert_cmpint(opened, ==, 1);
	g_assert_cmpint(closed, ==, 1);
}

/* In real time, since workers are real. */
static void wait_for(struct asking *f, const struct asking_wish *wish)
{
	for (int i = 0; i < 1000 && !wish->ask.done; i++) {
		g_usleep(5000);
		asking_turn(f);
	}
	g_assert_true(wish->ask.done);
}

static void test_workers(struct asking *f, const void *data)
{
	struct check *check = asking_check(f, &working, NULL);
	struct request *request = asking_request(f, "a@b.example");
	struct asking_wish wish, stuck[4];

	(void)data;
	check_set_workers(check, 2);
	g_assert_false(asking_start(f, &wish, check, request));
	wait_for(f, &wish);
	g_assert_cmpstr(wish.ask.answer.text, ==, "42");
	request_unref(request);
	/* Two workers, one place to wait: the fourth is unknown at once. */
	for (int i = 0; i < 4; i++) {
		g_autofree char *sender = g_strdup_printf("slow%d@b.example", i);

		request = asking_request(f, sender);
		g_assert_cmpint(asking_start(f, &stuck[i], check, request), ==, i == 3);
		if (i < 3)
			ask_forget(&f->host, &stuck[i].ask); /* their jobs end without them */
		else
			g_assert_cmpstr(stuck[i].ask.answer.text, ==, "state 2");
		request_unref(request);
	}
	g_usleep(700 * 1000);
	check_unref(check);
}

static void add(const char *path, void (*test)(struct asking *f, const void *data))
{
	g_test_add(path, struct asking, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1800000000000);
	add("/ask/an answer is kept as long as keep says", test_kept);
	add("/ask/a module may have its answer kept shorter", test_module_may_shorten);
	add("/ask/unknown is not kept by a duration alone", test_unknown_is_not_kept);
	add("/ask/a stale answer serves while the source fails", test_stale);
	add("/ask/what is dropped meanwhile is not kept again", test_dropped_meanwhile);
	add("/ask/a known answer ends an older one it contradicts, kept itself or not", test_contradicted);
	add("/ask/changed parameters never meet old answers, a changed timeout does", test_other_parameters);
	add("/ask/fields come with the answer, asked and kept, or have their defaults", test_fields);
	add("/ask/steps wait for all work, for any, and answer at the timeout", test_waiting);
	add("/ask/at its timeout an ask is unknown", test_timeouts);
	add("/ask/identical asks under way are one, those with effects are not", test_merged);
	add("/ask/a late answer still fills the cache", test_late_answers);
	add("/ask/a key of the module's narrows what is kept", test_narrow_key);
	add("/ask/asks with effects are neither kept nor made in a trial", test_effects);
	add("/ask/with effects, what pp_keep() says is given again, then found by pp_kept()", test_keeper);
	add("/ask/what is held outlives a failure, and ends with another answer", test_keeper_fails);
	add("/ask/without a key nothing is held", test_keeper_without_key);
	add("/ask/a module reads only what it declares", test_reads_only_what_is_declared);
	add("/ask/a check that cannot be opened is unknown and tried again", test_opening);
	add("/ask/blocking work runs on workers, and never queues for ever", test_workers);
	return g_test_run();
}
