/* unit/asking.c - what tests of asks need: a loop of their own, requests, wishes, time */
#include "asking.h"

#include <string.h>
#include "base/clock.h"
#include "check/sql.h"

void asking_begin(struct asking *f)
{
	f->loop = loop_new("test");
	f->cache = cache_new(1 << 20);
	f->workers = worker_pool_new(2, 1);
	f->requests = request_pool_new();
	ask_host_init(&f->host, f->loop, 0, f->cache, f->workers);
	f->messages = g_ptr_array_new_with_free_func(g_free);
}

void asking_end(struct asking *f)
{
	ask_host_clear(&f->host);
	request_pool_free(f->requests);
	worker_pool_free(f->workers);
	cache_free(f->cache);
	loop_free(f->loop);
	g_ptr_array_unref(f->messages);
}

/* -- checks and requests --------------------------------------------------- */

pp_value_t asking_text(const char *string)
{
	return (pp_value_t){ .kind = PP_STRING, .string = string };
}

static const struct module *find_module(struct asking *f, const pp_module_t *desc)
{
	static const char *const nowhere[] = { NULL };
	g_autofree char *reason = NULL;
	const struct module *module = module_load(desc->name, nowhere, &reason);

	if (module != NULL)
		return module;
	g_clear_pointer(&reason, g_free);
	module = module_adopt_with_sql(desc, f->sql, &reason);
	g_assert_cmpstr(reason, ==, NULL);
	return module;
}

struct check *asking_check(struct asking *f, const pp_module_t *desc, ...)
{
	const struct module *module = find_module(f, desc);
	pp_pair_t pairs[8];
	pp_value_t values = { .kind = PP_LIST, .list.pairs = pairs };
	struct pp_error error = { .file = "test.lua", .line = 1, .messages = f->messages };
	const char *name;
	va_list args;

	va_start(args, desc);
	while ((name = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);

		pairs[values.list.count].key = name;
		pairs[values.list.count].value = asking_text(value);
		if (g_ascii_isdigit(*value) && strchr("0123456789", value[strlen(value) - 1]))
			pairs[values.list.count].value = (pp_value_t){ .kind = PP_INTEGER,
				                                       .integer = atoi(value) };
		values.list.count++;
	}
	va_end(args);
	return check_new_with_stores(module, desc->name, &values, NULL, &f->stores, &error);
}

struct request *asking_request(struct asking *f, const char *sender)
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

/* -- asking ---------------------------------------------------------------- */

static void told(struct ask_wish *wish)
{
	((struct asking_wish *)wish)->told++;
	g_assert_true(wish->done);
}

bool asking_start(struct asking *f, struct asking_wish *wish, struct check *check, struct request *request)
{
	static const int64_t no_args[8];

	memset(wish, 0, sizeof(*wish));
	wish->ask.ready = told;
	return ask_start(&f->host, &wish->ask, check, request,
	                 check->module->desc->args != NULL ? no_args : NULL, "+\0", 2);
}

struct stopper {
	struct loop_message message;
	struct loop *loop;
};

static void stop_loop(struct loop_message *message)
{
	loop_stop(((struct stopper *)message)->loop);
}

void asking_turn(struct asking *f)
{
	struct stopper stopper = { { NULL, stop_loop }, f->loop };

	loop_post(f->loop, &stopper.message);
	loop_run(f->loop);
}

void asking_settle(struct asking *f)
{
	do {
		sql_settle(&f->host);
		asking_turn(f);
	} while (sql_is_open(&f->host));
}

void asking_pass(struct asking *f, pp_msec_t length)
{
	while (length > 0) {
		pp_msec_t due, step;

		asking_settle(f);
		due = loop_next_due(f->loop);
		step = due < 0 ? length : CLAMP(due - pp_now(), 1, length);
		clock_advance(step);
		length -= step;
		asking_turn(f);
		asking_turn(f);
	}
}

void asking_expect(struct asking *f, struct check *check, const char *sender, const char *wanted)
{
	struct request *request = asking_request(f, sender);
	struct asking_wish wish;
	g_autofree char *got = NULL;

	if (!asking_start(f, &wish, check, request)) {
		asking_settle(f);
		if (!wish.ask.done)
			asking_pass(f, 100 * 1000);
		g_assert_cmpuint(wish.told, ==, 1);
	}
	got = g_strdup_printf("%s %s %s", check->module->word[wish.ask.answer.word].word,
	                      answer_from_name(wish.ask.answer.from), wish.ask.answer.text);
	g_assert_cmpstr(got, ==, wanted);
	request_unref(request);
}
