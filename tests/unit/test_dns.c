/* unit/test_dns.c - look-ups with a server that does what servers do not: each fault, and what came of it */
#include <glib.h>
#include <string.h>
#include "base/clock.h"
#include "nameserver.h"
#include "service/dns.h"

#define TIMEOUT 80  /* ms */
#define GUARD 20000 /* ms: something hangs */
#define LABEL_50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define LABEL_63 LABEL_50 "fffffffffffff"
#define LONG_NAME LABEL_50 "." LABEL_50 "." LABEL_50 "." LABEL_50

struct look_up {
	struct dns_wish wish; /* first */
	struct asker *asker;
	struct arena arena;
	pp_msec_t took;
	bool done;
};

struct asker {
	struct loop *loop;
	struct dns *dns;
	struct loop_timer guard;
	unsigned open;
	pp_msec_t started;
};

static void hangs(struct loop_timer *timer)
{
	(void)timer;
	g_error("no answer");
}

static void begin(struct asker *asker, const char *const *servers, size_t count)
{
	const pp_texts_t texts = { count, servers };
	const struct dns_settings settings = { &texts, TIMEOUT, 2 };

	*asker = (struct asker){ .loop = loop_new("test"), .guard.expired = hangs };
	asker->dns = dns_new(asker->loop, &settings);
	asker->started = pp_now();
}

static void begin_with(struct asker *asker, const struct nameserver *server)
{
	const char *address = nameserver_address(server);

	begin(asker, &address, 1);
}

static void finish(struct asker *asker)
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

static const char *start(struct asker *asker, struct look_up *look_up, pp_dns_type_t type, const char *name)
{
	const char *refused;

	memset(look_up, 0, sizeof(*look_up));
	arena_init(&look_up->arena);
	look_up->asker = asker;
	look_up->wish.ready = ready;
	look_up->wish.arena = &look_up->arena;
	refused = dns_ask(asker->dns, &look_up->wish, type, name);
	asker->open += refused == NULL;
	g_assert_false(look_up->done);
	return refused;
}

static void wait_for_all(struct asker *asker)
{
	if (asker->open == 0)
		return;
	loop_timer_set(asker->loop, &asker->guard, pp_now() + GUARD);
	loop_run(asker->loop);
	loop_timer_cancel(asker->loop, &asker->guard);
	g_assert_cmpuint(asker->open, ==, 0);
}

/* "2 of 300 s: 10 mx.example.org, ..." */
static char *print_answer(const struct dns_answer *answer, pp_dns_type_t type)
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

/* -- faults -------------------------------------------------------------- */

static const struct {
	const char *name;
	pp_dns_type_t type;
	const char *wanted;
} faults[] = {
	{ "address.example.org", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "ADDRESS.Example.ORG.", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "six.example.org", PP_DNS_AAAA, "found for 300 s: 2001:db8::1" },
	{ "mx.example.org", PP_DNS_MX, "found for 100 s: 10 mx.mx.example.org, 20 BackUp.Example.org" },
	{ "null-mx.example.org", PP_DNS_MX, "found for 300 s: 0 ." },
	{ "text.example.org", PP_DNS_TXT, "found for 300 s: v=spf1 -all" },
	{ "ns.example.org", PP_DNS_NS, "found for 300 s: ns.ns.example.org" },
	{ "odd.example.org", PP_DNS_PTR, "found for 300 s: a\\.b\\\\\\010\\128\\032.org" },
	{ "nul.example.org", PP_DNS_TXT, "found for 300 s: v= (NUL, 5 bytes)" },
	{ "case.example.org", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "far-future.example.org", PP_DNS_A, "found for 0 s: 192.0.2.1" },
	{ "nxdomain.example.org", PP_DNS_A, "NXDOMAIN for 60 s" },
	{ "nosoa.example.org", PP_DNS_A, "NXDOMAIN for 0 s" },
	{ "nodata.example.org", PP_DNS_A, "no data for 60 s" },
	{ "stranger.example.org", PP_DNS_A, "a broken answer" },
	{ "referral.example.org", PP_DNS_A, "a broken answer" },
	{ "nxdomain-referral.example.org", PP_DNS_A, "NXDOMAIN for 0 s" },
	{ "nodata-cut.example.org", PP_DNS_A, "a broken answer" },
	{ "scattered.example.org", PP_DNS_TXT, "a broken answer" },
	{ "address.example.org", PP_DNS_MX, "no data for 0 s" },
	{ "servfail.example.org", PP_DNS_A, "SERVFAIL" },
	{ "refused.example.org", PP_DNS_A, "REFUSED" },
	{ "silent.example.org", PP_DNS_A, "no answer in time" },
	{ "second.example.org", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "truncated.example.org", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "always-truncated.example.org", PP_DNS_A, "a broken answer" },
	{ "wrong-id.example.org", PP_DNS_A, "no answer in time" },
	{ "wrong-question.example.org", PP_DNS_A, "no answer in time" },
	{ "byte.example.org", PP_DNS_A, "no answer in time" },
	{ "nothing.example.org", PP_DNS_A, "no answer in time" },
	{ "loop.example.org", PP_DNS_A, "a broken answer" },
	{ "short.example.org", PP_DNS_A, "a broken answer" },
	{ "cut.example.org", PP_DNS_A, "a broken answer" },
	{ "text-broken.example.org", PP_DNS_TXT, "a broken answer" },
	{ "garbage.example.org", PP_DNS_A, "a broken answer" },
	{ "large.example.org", PP_DNS_TXT,
	  "found for 300 s: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... (64746 bytes)" },
	{ "thousand.example.org", PP_DNS_A, "found for 300 s: 192.0.2.1, 192.0.2.1, 192.0.2.1, ... (1000)" },
	{ "many.example.org", PP_DNS_A, "too large an answer" },
	{ "bomb." LONG_NAME, PP_DNS_NS, "too large an answer" },
	{ "chain-16.example.org", PP_DNS_A, "found for 5 s: 192.0.2.1" },
	{ "chain-17.example.org", PP_DNS_A, "too large an answer" },
	{ "chain-30.example.org", PP_DNS_A, "too large an answer" },
	{ "circle.example.org", PP_DNS_A, "too large an answer" },
	{ "no-edns.example.org", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "no-edns.example.net", PP_DNS_A, "found for 300 s: 192.0.2.1" },
	{ "no-edns.example.com", PP_DNS_A, "found for 300 s: 192.0.2.1" },
};

static void test_faults(void)
{
	struct nameserver *server = nameserver_new(NULL);
	static struct look_up look_ups[G_N_ELEMENTS(faults)];
	struct asker asker;
	bool all = true;

	begin_with(&asker, server);
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++)
		g_assert_cmpstr(start(&asker, &look_ups[i], faults[i].type, faults[i].name), ==, NULL);
	wait_for_all(&asker);
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autofree char *got = print_answer(&look_ups[i].wish.answer, faults[i].type);
		bool right = strcmp(got, faults[i].wanted) == 0;

		g_test_message("%-30.30s %-4s %s", faults[i].name, dns_type_name(faults[i].type), got);
		if (!right)
			g_test_message("  wanted: %s", faults[i].wanted);
		all &= right;
		/* 80 + 160 ms, and what a busy machine adds. */
		g_assert_cmpint(look_ups[i].took, <, GUARD / 2);
		arena_free(&look_ups[i].arena);
	}
	g_assert_true(all);
	finish(&asker);
	nameserver_free(server);
}

/* One at a time, since c-ares gives such a connection up with all its queries. */
static void test_streams(void)
{
	static const struct {
		const char *name, *wanted;
	} cases[] = {
		{ "drip.example.org", "no answer in time" },
		{ "closed.example.org", "no server can be reached" },
	};
	struct nameserver *server = nameserver_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct look_up look_up;
		struct asker asker;
		g_autofree char *got = NULL;

		begin_with(&asker, server);
		start(&asker, &look_up, PP_DNS_A, cases[i].name);
		wait_for_all(&asker);
		got = print_answer(&look_up.wish.answer, PP_DNS_A);
		g_test_message("%-30s A    %s", cases[i].name, got);
		g_assert_cmpstr(got, ==, cases[i].wanted);
		arena_free(&look_up.arena);
		finish(&asker);
	}
	nameserver_free(server);
}

/* -- names --------------------------------------------------------------- */

static void test_names(void)
{
	static const struct {
		const char *name, *wanted;
	} cases[] = {
		{ "", "the name is empty" },
		{ ".", "the name is empty" },
		{ ".example.org", "the name has an empty label" },
		{ "a..example.org", "the name has an empty label" },
		{ "example.org..", "the name has an empty label" },
		{ LABEL_63 "f.example.org", "the name has a label of more than 63 bytes" },
		{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_50 "1234567890ab",
		  "the name has more than 253 bytes" },
		{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_50 "1234567890a.b",
		  "the name has more than 253 bytes" },
		{ "a\\000b.example.org", "the name has a NUL" },
		{ "a\\999.example.org", "the name has a backslash with nothing behind it" },
		{ "a\\", "the name has a backslash with nothing behind it" },
		{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_50 "1234567890a", NULL },
		{ "a\\.b\\032\\\\\xc3\xa4.example.org", NULL },
		{ "not-there.onion", NULL },
	};
	struct nameserver *server = nameserver_new(NULL);
	struct look_up look_ups[G_N_ELEMENTS(cases)];
	struct dns_stats stats = { 0 };
	struct asker asker;

	begin_with(&asker, server);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(start(&asker, &look_ups[i], PP_DNS_A, cases[i].name), ==, cases[i].wanted);
	wait_for_all(&asker);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==,
		                cases[i].wanted != NULL ? PP_DNS_BAD_NAME : PP_DNS_NXDOMAIN);
		arena_free(&look_ups[i].arena);
	}
	g_assert_cmpuint(nameserver_asked(server), ==, 2);
	dns_stats_add(asker.dns, &stats);
	g_assert_cmpuint(stats.refused, ==, 11);
	g_assert_cmpuint(stats.status[PP_DNS_NXDOMAIN], ==, 3);
	finish(&asker);
	nameserver_free(server);
}

/* -- many look-ups ------------------------------------------------------- */

static void test_merging(void)
{
	enum { MANY = 50 };
	struct nameserver *server = nameserver_new(NULL);
	struct look_up look_ups[MANY];
	struct dns_stats stats = { 0 };
	struct asker asker;

	begin_with(&asker, server);
	for (unsigned i = 0; i < MANY; i++)
		start(&asker, &look_ups[i], i % 2 ? PP_DNS_A : PP_DNS_AAAA,
		      i % 4 < 2 ? "address.example.org" : "ADDRESS.EXAMPLE.ORG.");
	wait_for_all(&asker);
	g_assert_cmpuint(nameserver_asked(server), ==, 2);
	for (unsigned i = 0; i < MANY; i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, i % 2 ? PP_DNS_FOUND : PP_DNS_NODATA);
		arena_free(&look_ups[i].arena);
	}
	/* Nothing is kept. */
	start(&asker, &look_ups[0], PP_DNS_A, "address.example.org");
	wait_for_all(&asker);
	arena_free(&look_ups[0].arena);
	g_assert_cmpuint(nameserver_asked(server), ==, 3);
	dns_stats_add(asker.dns, &stats);
	g_assert_cmpuint(stats.asked, ==, MANY + 1);
	g_assert_cmpuint(stats.merged, ==, MANY - 2);
	g_assert_cmpuint(stats.open, ==, 0);
	finish(&asker);
	nameserver_free(server);
}

static void test_bound(void)
{
	struct nameserver *server = nameserver_new("silent");
	struct look_up *look_ups = g_new(struct look_up, DNS_OPEN_MAX + 1);
	struct asker asker;
	char name[32];

	begin_with(&asker, server);
	for (unsigned i = 0; i < DNS_OPEN_MAX; i++) {
		g_snprintf(name, sizeof(name), "n%u.example.org", i);
		g_assert_cmpstr(start(&asker, &look_ups[i], PP_DNS_A, name), ==, NULL);
	}
	g_assert_cmpstr(start(&asker, &look_ups[DNS_OPEN_MAX], PP_DNS_A, "more.example.org"), ==,
	                "too many look-ups are under way");
	g_assert_cmpint(look_ups[DNS_OPEN_MAX].wish.answer.status, ==, PP_DNS_NOT_ASKED);
	/* One that joins is none more. */
	g_assert_cmpstr(start(&asker, &look_ups[DNS_OPEN_MAX], PP_DNS_A, "n7.example.org"), ==, NULL);
	wait_for_all(&asker);
	for (unsigned i = 0; i <= DNS_OPEN_MAX; i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, PP_DNS_TIMEOUT);
		arena_free(&look_ups[i].arena);
	}
	g_free(look_ups);
	finish(&asker);
	nameserver_free(server);
}

static void test_cancel(void)
{
	struct nameserver *server = nameserver_new(NULL);
	struct look_up canceled[3], kept;
	struct dns_stats stats = { 0 };
	struct asker asker;

	begin_with(&asker, server);
	start(&asker, &canceled[0], PP_DNS_A, "address.example.org");
	start(&asker, &canceled[1], PP_DNS_A, "second.example.org");
	start(&asker, &kept, PP_DNS_A, "second.example.org");
	start(&asker, &canceled[2], PP_DNS_A, "second.example.org");
	for (int i = 0; i < 3; i++) {
		dns_cancel(&canceled[i].wish);
		dns_cancel(&canceled[i].wish);
		arena_free(&canceled[i].arena);
	}
	asker.open = 1;
	wait_for_all(&asker);
	g_assert_cmpint(kept.wish.answer.status, ==, PP_DNS_FOUND);
	dns_stats_add(asker.dns, &stats);
	g_assert_cmpuint(stats.canceled, ==, 3);
	g_assert_cmpuint(stats.status[PP_DNS_FOUND], ==, 1);
	arena_free(&kept.arena);
	/* And one that is there when all ends. */
	start(&asker, &kept, PP_DNS_A, "silent.example.org");
	finish(&asker);
	arena_free(&kept.arena);
	nameserver_free(server);
}

/* -- servers ------------------------------------------------------------- */

static pp_dns_status_t ask_for_address(struct asker *asker)
{
	struct look_up look_up;

	start(asker, &look_up, PP_DNS_A, "address.example.org");
	wait_for_all(asker);
	arena_free(&look_up.arena);
	return look_up.wish.answer.status;
}

static pp_dns_status_t ask_servers(const char *first, const char *second)
{
	struct nameserver *one = nameserver_new(first), *two = nameserver_new(second);
	const char *servers[] = { nameserver_address(one), nameserver_address(two) };
	pp_dns_status_t status;
	struct asker asker;

	begin(&asker, servers, 2);
	status = ask_for_address(&asker);
	finish(&asker);
	nameserver_free(one);
	nameserver_free(two);
	return status;
}

static void test_servers(void)
{
	static const struct {
		const char *first, *second;
		pp_dns_status_t status;
	} cases[] = {
		{ "refused", "address", PP_DNS_FOUND },      { "servfail", "address", PP_DNS_FOUND },
		{ "silent", "address", PP_DNS_FOUND },       { "servfail", "nxdomain", PP_DNS_NXDOMAIN },
		{ "servfail", "servfail", PP_DNS_SERVFAIL }, { "refused", "servfail", PP_DNS_REFUSED },
		{ "refused", "silent", PP_DNS_REFUSED },     { "silent", "refused", PP_DNS_REFUSED },
		{ "silent", "silent", PP_DNS_TIMEOUT },      { "nxdomain", "address", PP_DNS_NXDOMAIN },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		pp_dns_status_t got = ask_servers(cases[i].first, cases[i].second);

		g_test_message("%-10s %-10s %s", cases[i].first, cases[i].second, pp_dns_status_name(got));
		g_assert_cmpint(got, ==, cases[i].status);
	}
}

static void test_order(void)
{
	struct nameserver *one = nameserver_new("address"), *two = nameserver_new("refused");
	const char *servers[] = { nameserver_address(one), nameserver_address(two) };
	struct asker asker;

	g_setenv("RES_OPTIONS", "rotate", TRUE);
	begin(&asker, servers, 2);
	g_unsetenv("RES_OPTIONS");
	for (int i = 0; i < 4; i++)
		g_assert_cmpint(ask_for_address(&asker), ==, PP_DNS_FOUND);
	g_assert_cmpuint(nameserver_asked(two), ==, 0);
	finish(&asker);
	nameserver_free(one);
	nameserver_free(two);
}

static void test_unreachable(void)
{
	struct nameserver *server = nameserver_new(NULL);
	g_autofree char *address = g_strdup(nameserver_address(server));
	const char *servers[] = { address };
	struct asker asker;

	nameserver_free(server);
	begin(&asker, servers, 1);
	g_assert_cmpint(ask_for_address(&asker), ==, PP_DNS_UNREACHABLE);
	finish(&asker);
}

static void test_change(void)
{
	struct nameserver *one = nameserver_new(NULL), *two = nameserver_new(NULL);
	const char *address = nameserver_address(two);
	const pp_texts_t texts = { 1, &address };
	const struct dns_settings settings = { &texts, TIMEOUT, 1 };
	struct look_up before, after, equal;
	struct asker asker;

	begin_with(&asker, one);
	start(&asker, &before, PP_DNS_A, "second.example.org");
	dns_use(asker.dns, &settings);
	dns_use(asker.dns, &settings);
	start(&asker, &after, PP_DNS_A, "address.example.org");
	start(&asker, &equal, PP_DNS_A, "second.example.org");
	wait_for_all(&asker);
	g_assert_cmpint(before.wish.answer.status, ==, PP_DNS_FOUND);
	g_assert_cmpint(after.wish.answer.status, ==, PP_DNS_FOUND);
	g_assert_cmpint(equal.wish.answer.status, ==, PP_DNS_TIMEOUT); /* of one try */
	g_assert_cmpuint(nameserver_asked(one), ==, 2);
	g_assert_cmpuint(nameserver_asked(two), ==, 2);
	arena_free(&equal.arena);
	arena_free(&before.arena);
	arena_free(&after.arena);
	finish(&asker);
	nameserver_free(one);
	nameserver_free(two);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/dns/each fault has its own result", test_faults);
	g_test_add_func("/dns/a stream that drips or ends is no answer", test_streams);
	g_test_add_func("/dns/a name that cannot be is not asked for", test_names);
	g_test_add_func("/dns/equal look-ups under way are one, and nothing is kept", test_merging);
	g_test_add_func("/dns/look-ups under way are bounded", test_bound);
	g_test_add_func("/dns/who has canceled is not told", test_cancel);
	g_test_add_func("/dns/a server that does not answer leaves it to the others", test_servers);
	g_test_add_func("/dns/servers are asked in their order", test_order);
	g_test_add_func("/dns/a closed port is no answer", test_unreachable);
	g_test_add_func("/dns/other servers are asked from then on", test_change);
	return g_test_run();
}
