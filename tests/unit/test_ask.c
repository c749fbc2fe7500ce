/* unit/test_ask.c - asking: keeping, staleness, merging, steps, timeouts, workers */
#include <glib.h>
#include <string.h>
#include "base/clock.h"
#include "check/step.h"
#include "probe.h"

/* -- a world for them ------------------------------------------------------ */

struct fixture {
	struct loop *loop;
	struct cache *cache;
	struct worker_pool *workers;
	struct ask_host host;
	struct request_pool *requests;
	struct arena arena;
	GPtrArray *messages;
};

static void set_up(struct fixture *f, const void *data)
{
	(void)data;
	f->loop = loop_new("test");
	f->cache = cache_new(1 << 20);
	f->workers = worker_pool_new(2, 1);
	f->requests = request_pool_new();
	ask_host_init(&f->host, f->loop, 0, f->cache, f->workers);
	arena_init(&f->arena);
	f->messages = g_ptr_array_new_with_free_func(g_free);
	asked = opened = closed = open_fails = 0;
	source_away = false;
}

static void tear_down(struct fixture *f, const void *data)
{
	(void)data;
	ask_host_clear(&f->host);
	request_pool_free(f->requests);
	worker_pool_free(f->workers);
	cache_free(f->cache);
	loop_free(f->loop);
	arena_free(&f->arena);
	g_ptr_array_unref(f->messages);
}

static pp_value_t text(const char *string)
{
	return (pp_value_t){ .kind = PP_STRING, .string = string };
}

/* Parameters: name, text, ... NULL. */
static struct check *make(struct fixture *f, const pp_module_t *desc, ...)
{
	const struct module *module;
	pp_pair_t pairs[8];
	pp_value_t values = { .kind = PP_LIST, .list.pairs = pairs };
	struct pp_error error = { .file = "test.lua", .line = 1, .messages = f->messages };
	const char *name;
	static const char *const nowhere[] = { NULL };
	g_autofree char *reason = NULL;
	va_list args;

	module = module_load(desc->name, nowhere, &reason);
	if (module == NULL) {
		g_clear_pointer(&reason, g_free);
		module = module_adopt(desc, &reason);
	}
	g_assert_nonnull(module);
	va_start(args, desc);
	while ((name = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);

		pairs[values.list.count].key = name;
		pairs[values.list.count].value = text(value);
		if (g_ascii_isdigit(*value) && strchr("0123456789", value[strlen(value) - 1]))
			pairs[values.list.count].value = (pp_value_t){ .kind = PP_INTEGER,
				                                       .integer = atoi(value) };
		values.list.count++;
	}
	va_end(args);
	return check_new(module, desc->name, &values, NULL, &error);
}

static struct request *request_of(struct fixture *f, const char *sender)
{
	const char *const pairs[] = { "request",
		                      "smtpd_access_policy",
		                      "protocol_state",
		                      "RCPT",
		                      "helo_name",
		                      "helo.example.net",
		                      sender != NULL ? "sender" : NULL,
		                      sender,
		                      NULL };
	struct request *request = request_new(f->requests);

	g_assert_cmpstr(request_from_pairs(request, pairs), ==, NULL);
	return request;
}

struct wish {
	struct ask_wish ask; /* first */
	unsigned told;
};

static void told(struct ask_wish *wish)
{
	((struct wish *)wish)->told++;
	g_assert_true(wish->done);
}

static bool start(struct fixture *f, struct wish *wish, struct check *check, struct request *request)
{
	static const struct args no_args;

	memset(wish, 0, sizeof(*wish));
	wish->ask.ready = told;
	return ask_start(&f->host, &wish->ask, check, request, &no_args, "+\0", 2);
}

struct stopper {
	struct loop_message message;
	struct loop *loop;
};

static void stop_loop(struct loop_message *message)
{
	loop_stop(((struct stopper *)message)->loop);
}

/* Turns the clock on, a millisecond at a time near what is due. */
static void pass(struct fixture *f, pp_msec_t length)
{
	while (length > 0) {
		pp_msec_t due = loop_next_due(f->loop),
		          step = due < 0 ? length : CLAMP(due - pp_now(), 1, length);
		struct stopper stopper = { { NULL, stop_loop }, f->loop };

		clock_advance(step);
		length -= step;
		for (int turn = 0; turn < 2; turn++) {
			stopper.message.run = stop_loop;
			loop_post(f->loop, &stopper.message);
			loop_run(f->loop);
		}
	}
}

/* Asks, waits as long as it takes, and compares word, origin and text. */
static void expect(struct fixture *f, struct check *check, const char *sender, const char *wanted)
{
	struct request *request = request_of(f, sender);
	struct wish wish;
	g_autofree char *got = NULL;

	if (!start(f, &wish, check, request)) {
		pass(f, 100 * 1000);
		g_assert_cmpuint(wish.told, ==, 1);
	}
	got = g_strdup_printf("%s %s %s", check->module->word[wish.ask.answer.word].word,
	                      answer_from_name(wish.ask.answer.from), wish.ask.answer.text);
	g_assert_cmpstr(got, ==, wanted);
	request_unref(request);
}

/* -- tests ----------------------------------------------------------------- */

static void test_kept(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, "keep", "10m", NULL);

	(void)data;
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	expect(f, check, "a@b.example", "listed memory listed after 2 steps  ");
	expect(f, check, "clean@b.example", "clean asked clean");
	expect(f, check, NULL, "none asked no sender");
	expect(f, check, NULL, "none memory no sender");
	g_assert_cmpint(asked, ==, 3);
	pass(f, 10 * 60 * 1000);
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_module_may_shorten(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, NULL);

	(void)data;
	expect(f, check, "short@b.example", "listed asked listed after 2 steps  ");
	pass(f, 999);
	expect(f, check, "short@b.example", "listed memory listed after 2 steps  ");
	pass(f, 2);
	expect(f, check, "short@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_unknown_is_not_kept(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, "keep", "10m", NULL);

	(void)data;
	source_away = true;
	expect(f, check, "a@b.example", "unknown asked the source is away");
	source_away = false;
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_stale(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, "keep", "10m", "stale", "1h", NULL);

	(void)data;
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	pass(f, 11 * 60 * 1000);
	source_away = true;
	expect(f, check, "a@b.example", "listed stale listed after 2 steps  ");
	pass(f, 50 * 60 * 1000);
	expect(f, check, "a@b.example", "listed stale listed after 2 steps  ");
	pass(f, 10 * 60 * 1000);
	expect(f, check, "a@b.example", "unknown asked the source is away");
	source_away = false;
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_contradicted(struct fixture *f, const void *data)
{
	pp_pair_t words[] = { { "listed", text("1s") } };
	pp_pair_t pairs[] = { { "keep", { .kind = PP_LIST, .list = { 1, words } } },
		              { "stale", text("1h") } };
	const pp_value_t values = { .kind = PP_LIST, .list = { 2, pairs } };
	static const char *const nowhere[] = { NULL };
	struct pp_error error = { .messages = f->messages };
	struct check *check;
	char *reason = NULL;

	(void)data;
	probe_clean = false;
	check_unref(make(f, &probe_fickle, NULL)); /* so that it is known by name */
	check = check_new(module_load("probe_fickle", nowhere, &reason), "fickle", &values, NULL, &error);
	g_assert_nonnull(check);
	expect(f, check, "a@b.example", "listed asked listed");
	pass(f, 2000);
	probe_clean = true;
	expect(f, check, "a@b.example", "clean asked clean");
	source_away = true;
	expect(f, check, "a@b.example", "unknown asked the source is away");
	check_unref(check);
}

static void test_other_parameters(struct fixture *f, const void *data)
{
	struct check *one = make(f, &probe, "mark", "1", NULL), *other = make(f, &probe, "mark", "2", NULL);
	struct check *slower = make(f, &probe, "mark", "1", "timeout", "9s", NULL);

	(void)data;
	expect(f, one, "a@b.example", "listed asked listed after 2 steps  ");
	expect(f, other, "a@b.example", "listed asked listed after 2 steps  ");
	expect(f, slower, "a@b.example", "listed memory listed after 2 steps  ");
	check_unref(one);
	check_unref(other);
	check_unref(slower);
}

static void test_fields(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, "more", "extra", NULL);

	(void)data;
	for (int round = 0; round < 2; round++) {
		struct request *request = request_of(f, "a@b.example");
		struct answer_value value;
		struct wish wish;

		g_assert_true(start(f, &wish, check, request));
		value = answer_field(check, &wish.ask.answer, 0);
		g_assert_cmpint(value.integer, ==, 3);
		value = answer_field(check, &wish.ask.answer, 1);
		g_assert_cmpstr(value.string, ==, "gone soon");
		value = answer_field(check, &wish.ask.answer, 2);
		g_assert_cmpstr(value.string, ==, "an extra value");
		request_unref(request);
	}
	for (int round = 0; round < 2; round++) {
		struct request *request = request_of(f, "clean@b.example");
		struct wish wish;

		g_assert_true(start(f, &wish, check, request));
		g_assert_cmpint(answer_field(check, &wish.ask.answer, 0).integer, ==,
		                7); /* .when = "listed" */
		g_assert_cmpstr(answer_field(check, &wish.ask.answer, 1).string, ==, "gone soon");
		request_unref(request);
	}
	check_unref(check);
}

static void test_waiting(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, NULL);

	(void)data;
	expect(f, check, "wait@b.example", "listed asked listed after 2 steps  ");
	expect(f, check, "any@b.example", "listed asked 2 done after 3 steps");
	expect(f, check, "last@b.example", "listed asked listed after 2 steps  ");
	expect(f, check, "nosuchword@b.example",
	       "unknown asked the module answered 'nosuchword', which is none of its words");
	check_unref(check);
}

static void test_timeouts(struct fixture *f, const void *data)
{
	struct check *waits = make(f, &forever, "timeout", "250ms", NULL), *spins = make(f, &endless, NULL);
	struct request *request = request_of(f, "a@b.example");
	struct wish wish;

	(void)data;
	g_assert_false(start(f, &wish, waits, request));
	pass(f, 249);
	g_assert_false(wish.ask.done);
	pass(f, 2);
	g_assert_true(wish.ask.done);
	g_assert_true(wish.ask.answer.timed_out);
	g_assert_cmpuint(wish.ask.answer.word, ==, WORD_UNKNOWN);
	expect(f, spins, "a@b.example", "unknown asked the module's steps do not end");
	request_unref(request);
	check_unref(waits);
	check_unref(spins);
}

static void test_merged(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, "keep", "0s", NULL), *acts = make(f, &effect, NULL);
	struct request *request = request_of(f, "wait@b.example"), *other = request_of(f, "wait2@b.example");
	struct wish wishes[6];

	(void)data;
	for (int i = 0; i < 3; i++)
		g_assert_false(start(f, &wishes[i], check, request));
	g_assert_false(start(f, &wishes[3], check, other));
	g_assert_cmpint(asked, ==, 2);
	ask_forget(&f->host, &wishes[1].ask);
	pass(f, 400);
	for (int i = 0; i < 4; i++)
		g_assert_cmpuint(wishes[i].told, ==, i != 1);
	for (int i = 4; i < 6; i++)
		g_assert_false(start(f, &wishes[i], acts, request));
	g_assert_cmpint(asked, ==, 4);
	pass(f, 400);
	request_unref(request);
	request_unref(other);
	check_unref(check);
	check_unref(acts);
}

static void test_late_answers(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, NULL),
	             *unkept = make(f, &probe, "keep", "0s", "mark", "9", NULL);
	struct request *request = request_of(f, "wait@b.example");
	struct wish wish;

	(void)data;
	g_assert_false(start(f, &wish, check, request));
	ask_forget(&f->host, &wish.ask);
	g_assert_false(start(f, &wish, unkept, request));
	ask_forget(&f->host, &wish.ask);
	request_unref(request); /* the ask holds it */
	g_assert_null(f->host.open->next_open);
	pass(f, 400);
	g_assert_cmpuint(wish.told, ==, 0);
	expect(f, check, "wait@b.example", "listed memory listed after 2 steps  ");
	check_unref(check);
	check_unref(unkept);
}

static void test_narrow_key(struct fixture *f, const void *data)
{
	struct check *check = make(f, &narrow, NULL);

	(void)data;
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	expect(f, check, "other@b.example", "listed memory listed after 2 steps  ");
	expect(f, check, "nowhere", "listed asked listed after 2 steps  ");
	expect(f, check, "nowhere", "listed asked listed after 2 steps  ");
	check_unref(check);
}

static void test_effects(struct fixture *f, const void *data)
{
	struct check *check = make(f, &effect, NULL);

	(void)data;
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	f->host.no_effects = true;
	expect(f, check, "a@b.example", "unknown asked not asked, since asking changes something");
	g_assert_cmpint(asked, ==, 2);
	g_assert_null(make(f, &effect, "keep", "1h", NULL));
	g_assert_cmpstr(
	        f->messages->pdata[0], ==,
	        "test.lua:1: effect: keep: asking effect changes something, so its answers cannot be kept");
	check_unref(check);
}

static void test_reads_only_what_is_declared(struct fixture *f, const void *data)
{
	struct check *check = make(f, &probe, NULL), *named = make(f, &probe, "attribute", "helo_name", NULL);

	(void)data;
	expect(f, check, "unread@b.example", "listed asked nothing");
	g_assert_true(check_reads_named(named, "helo_name"));
	check_unref(check);
	check_unref(named);
}

static void test_opening(struct fixture *f, const void *data)
{
	struct check *check = make(f, &opening, NULL);

	(void)data;
	open_fails = 2;
	check_open(check);
	expect(f, check, "a@b.example", "unknown asked could not be opened");
	check_upkeep(check);
	check_upkeep(check);
	expect(f, check, "a@b.example", "listed asked listed after 2 steps  ");
	check_unref(check);
	g_assert_cmpint(opened, ==, 1);
	g_assert_cmpint(closed, ==, 1);
}

/* In real time, since workers are real. */
static void wait_for(struct fixture *f, const struct wish *wish)
{
	for (int i = 0; i < 1000 && !wish->ask.done; i++) {
		struct stopper stopper = { { NULL, stop_loop }, f->loop };

		g_usleep(5000);
		loop_post(f->loop, &stopper.message);
		loop_run(f->loop);
	}
	g_assert_true(wish->ask.done);
}

static void test_workers(struct fixture *f, const void *data)
{
	struct check *check = make(f, &working, NULL);
	struct request *request = request_of(f, "a@b.example");
	struct wish wish, stuck[4];

	(void)data;
	check_set_workers(check, 2);
	g_assert_false(start(f, &wish, check, request));
	wait_for(f, &wish);
	g_assert_cmpstr(wish.ask.answer.text, ==, "42");
	request_unref(request);
	/* Two workers, one place to wait: the fourth is unknown at once. */
	for (int i = 0; i < 4; i++) {
		g_autofree char *sender = g_strdup_printf("slow%d@b.example", i);

		request = request_of(f, sender);
		g_assert_cmpint(start(f, &stuck[i], check, request), ==, i == 3);
		if (i < 3)
			ask_forget(&f->host, &stuck[i].ask); /* their jobs end without them */
		else
			g_assert_cmpstr(stuck[i].ask.answer.text, ==, "state 2");
		request_unref(request);
	}
	g_usleep(700 * 1000);
	check_unref(check);
}

static void add(const char *path, void (*test)(struct fixture *f, const void *data))
{
	g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1800000000000);
	add("/ask/an answer is kept as long as keep says", test_kept);
	add("/ask/a module may have its answer kept shorter", test_module_may_shorten);
	add("/ask/unknown is not kept by a duration alone", test_unknown_is_not_kept);
	add("/ask/a stale answer serves while the source fails", test_stale);
	add("/ask/a known answer ends an older one it contradicts, kept itself or not", test_contradicted);
	add("/ask/changed parameters never meet old answers, a changed timeout does", test_other_parameters);
	add("/ask/fields come with the answer, asked and kept, or have their defaults", test_fields);
	add("/ask/steps wait for all work, for any, and answer at the timeout", test_waiting);
	add("/ask/at its timeout an ask is unknown", test_timeouts);
	add("/ask/identical asks under way are one, those with effects are not", test_merged);
	add("/ask/a late answer still fills the cache", test_late_answers);
	add("/ask/a key of the module's narrows what is kept", test_narrow_key);
	add("/ask/asks with effects are neither kept nor made in a trial", test_effects);
	add("/ask/a module reads only what it declares", test_reads_only_what_is_declared);
	add("/ask/a check that cannot be opened is unknown and tried again", test_opening);
	add("/ask/blocking work runs on workers, and never queues for ever", test_workers);
	return g_test_run();
}
