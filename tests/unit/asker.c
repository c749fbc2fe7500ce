/* unit/asker.c - who looks names up in tests, and waits for what comes */
#include "asker.h"

#include <string.h>
#include "base/clock.h"

static bool patient; /* of this test */

struct test {
	void (*function)(void);
	bool patient;
};

static void run(const void *data)
{
	const struct test *test = data;

	patient = test->patient;
	test->function();
}

void asker_add_test(const char *path, void (*test)(void))
{
	for (int i = 0; i < 2; i++) {
		g_autofree char *name = g_strconcat(path, i == 0 ? NULL : ", patiently", NULL);
		struct test both = { test, i == 1 };

		g_test_add_data_func_full(name, g_memdup2(&both, sizeof(both)), run, g_free);
	}
}

static void hangs(struct loop_timer *timer)
{
	(void)timer;
	g_error("no answer");
}

void asker_begin(struct asker *asker, const char *const *servers, size_t count)
{
	const pp_texts_t texts = { count, servers };
	const struct dns_settings settings = { &texts, TIMEOUT, 2 };

	*asker = (struct asker){ .patient = patient, .loop = loop_new("test"), .guard.expired = hangs };
	asker->dns = dns_new(asker->loop, &settings);
	asker->started = pp_now();
}

void asker_begin_with(struct asker *asker, const struct nameserver *server)
{
	const char *address = nameserver_address(server);

	asker_begin(asker, &address, 1);
}

void asker_finish(struct asker *asker)
{
	dns_free(asker->dns);
	loop_free(asker->loop);
}

static void ready(struct dns_wish *wish)
{
	struct look_up *look_up = (struct look_up *)wish;

	g_assert_false(look_up->done);
	look_up->done = true;
	look_up->took = pp_now() - look_up->asker->started;
	if (--look_up->asker->open == 0)
		loop_stop(look_up->asker->loop);
}

const char *asker_start(struct asker *asker, struct look_up *look_up, pp_dns_type_t type, const char *name)
{
	const char *refused;

	memset(look_up, 0, sizeof(*look_up));
	arena_init(&look_up->arena);
	look_up->asker = asker;
	look_up->wish.ready = ready;
	look_up->wish.arena = &look_up->arena;
	look_up->wish.patient = asker->patient;
	refused = dns_ask(asker->dns, &look_up->wish, type, name);
	asker->open += refused == NULL;
	g_assert_false(look_up->done);
	return refused;
}

void asker_wait(struct asker *asker)
{
	if (asker->open == 0)
		return;
	loop_timer_set(asker->loop, &asker->guard, pp_now() + GUARD);
	loop_run(asker->loop);
	loop_timer_cancel(asker->loop, &asker->guard);
	g_assert_cmpuint(asker->open, ==, 0);
}

char *asker_print(const struct dns_answer *answer, pp_dns_type_t type)
{
	GString *text = g_string_new(pp_dns_status_name(answer->status));

	if (answer->ttl >= 0)
		g_string_append_printf(text, " for %d s", (int)answer->ttl);
	for (size_t i = 0; i < MIN(answer->count, 3); i++) {
		const pp_dns_record_t *record = &answer->records[i];

		g_string_append(text, i == 0 ? ": " : ", ");
		if (type == PP_DNS_MX)
			g_string_append_printf(text, "%u ", record->preference);
		g_string_append_printf(text, "%.40s", record->text);
		if (record->length > 40)
			g_string_append_printf(text, "... (%u bytes)", (unsigned)record->length);
		if (record->has_nul)
			g_string_append_printf(text, " (NUL, %u bytes)", (unsigned)record->length);
	}
	if (answer->count > 3)
		g_string_append_printf(text, ", ... (%u)", (unsigned)answer->count);
	return g_string_free(text, FALSE);
}
