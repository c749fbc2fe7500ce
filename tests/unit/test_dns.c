/* unit/test_dns.c - look-ups: names, many at once, servers */
#include <string.h>
#include "asker.h"
#include "base/clock.h"

#define LABEL_50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define LABEL_63 LABEL_50 "fffffffffffff"

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

	asker_begin_with(&asker, server);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(asker_start(&asker, &look_ups[i], PP_DNS_A, cases[i].name), ==,
		                cases[i].wanted);
	asker_wait(&asker);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==,
		                cases[i].wanted != NULL ? PP_DNS_BAD_NAME : PP_DNS_NXDOMAIN);
		arena_free(&look_ups[i].arena);
	}
	g_assert_cmpuint(nameserver_asked(server), ==, 2);
	dns_stats_add(asker.dns, &stats);
	g_assert_cmpuint(stats.refused, ==, 11);
	g_assert_cmpuint(stats.status[PP_DNS_NXDOMAIN], ==, 3);
	asker_finish(&asker);
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

	asker_begin_with(&asker, server);
	for (unsigned i = 0; i < MANY; i++)
		asker_start(&asker, &look_ups[i], i % 2 ? PP_DNS_A : PP_DNS_AAAA,
		            i % 4 < 2 ? "address.example.org" : "ADDRESS.EXAMPLE.ORG.");
	asker_wait(&asker);
	g_assert_cmpuint(nameserver_asked(server), ==, 2);
	for (unsigned i = 0; i < MANY; i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, i % 2 ? PP_DNS_FOUND : PP_DNS_NODATA);
		arena_free(&look_ups[i].arena);
	}
	/* Nothing is kept. */
	asker_start(&asker, &look_ups[0], PP_DNS_A, "address.example.org");
	asker_wait(&asker);
	arena_free(&look_ups[0].arena);
	g_assert_cmpuint(nameserver_asked(server), ==, 3);
	dns_stats_add(asker.dns, &stats);
	g_assert_cmpuint(stats.asked, ==, MANY + 1);
	g_assert_cmpuint(stats.merged, ==, MANY - 2);
	g_assert_cmpuint(stats.open, ==, 0);
	asker_finish(&asker);
	nameserver_free(server);
}

/* Else what an attacker asked for first would come late for all others. */
static void test_lanes(void)
{
	static const struct {
		const char *name;
		bool patient;
		unsigned questions; /* so far */
	} cases[] = {
		{ "address.a.example.org", true, 1 },  { "address.a.example.org", true, 1 },
		{ "address.a.example.org", false, 2 }, { "address.a.example.org", true, 2 },
		{ "address.b.example.org", false, 3 }, { "address.b.example.org", true, 3 },
	};
	struct nameserver *server = nameserver_new(NULL);
	struct look_up look_ups[G_N_ELEMENTS(cases)];
	struct dns_stats stats = { 0 };
	struct asker asker;

	asker_begin_with(&asker, server);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		asker.patient = cases[i].patient;
		asker_start(&asker, &look_ups[i], PP_DNS_A, cases[i].name);
		memset(&stats, 0, sizeof(stats));
		dns_stats_add(asker.dns, &stats);
		g_assert_cmpuint(stats.open, ==, cases[i].questions);
	}
	asker_wait(&asker);
	g_assert_cmpuint(nameserver_asked(server), ==, 3);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, PP_DNS_FOUND);
		arena_free(&look_ups[i].arena);
	}
	asker_finish(&asker);
	nameserver_free(server);
}

/* Who asks takes so many bytes and no more. */
static void test_room(void)
{
	struct nameserver *server = nameserver_new(NULL);
	struct look_up one, other, small;
	struct asker asker;
	size_t room = 100000;

	asker_begin_with(&asker, server);
	asker_start(&asker, &one, PP_DNS_TXT, "large.a.example.org");
	one.wish.room = &room;
	asker_wait(&asker);
	g_assert_cmpint(one.wish.answer.status, ==, PP_DNS_FOUND);
	g_assert_cmpuint(room, <, 50000);
	asker_start(&asker, &other, PP_DNS_TXT, "large.b.example.org");
	asker_start(&asker, &small, PP_DNS_A, "address.example.org");
	other.wish.room = small.wish.room = &room;
	asker_wait(&asker);
	g_assert_cmpint(other.wish.answer.status, ==, PP_DNS_TOO_LARGE);
	g_assert_cmpint(small.wish.answer.status, ==, PP_DNS_FOUND);
	arena_free(&one.arena);
	arena_free(&other.arena);
	arena_free(&small.arena);
	asker_finish(&asker);
	nameserver_free(server);
}

static void test_bound(void)
{
	struct nameserver *server = nameserver_new("silent");
	struct look_up *look_ups = g_new(struct look_up, DNS_OPEN_MAX + 1);
	struct asker asker;
	char name[32];

	asker_begin_with(&asker, server);
	for (unsigned i = 0; i < DNS_OPEN_MAX; i++) {
		g_snprintf(name, sizeof(name), "n%u.example.org", i);
		g_assert_cmpstr(asker_start(&asker, &look_ups[i], PP_DNS_A, name), ==, NULL);
	}
	g_assert_cmpstr(asker_start(&asker, &look_ups[DNS_OPEN_MAX], PP_DNS_A, "more.example.org"), ==,
	                "too many look-ups are under way");
	g_assert_cmpint(look_ups[DNS_OPEN_MAX].wish.answer.status, ==, PP_DNS_NOT_ASKED);
	/* One that joins is none more. */
	g_assert_cmpstr(asker_start(&asker, &look_ups[DNS_OPEN_MAX], PP_DNS_A, "n7.example.org"), ==, NULL);
	asker_wait(&asker);
	for (unsigned i = 0; i <= DNS_OPEN_MAX; i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, PP_DNS_TIMEOUT);
		arena_free(&look_ups[i].arena);
	}
	g_free(look_ups);
	asker_finish(&asker);
	nameserver_free(server);
}

static void test_cancel(void)
{
	struct nameserver *server = nameserver_new(NULL);
	struct look_up canceled[3], kept;
	struct dns_stats stats = { 0 };
	struct asker asker;

	asker_begin_with(&asker, server);
	asker_start(&asker, &canceled[0], PP_DNS_A, "address.example.org");
	asker_start(&asker, &canceled[1], PP_DNS_A, "second.example.org");
	asker_start(&asker, &kept, PP_DNS_A, "second.example.org");
	asker_start(&asker, &canceled[2], PP_DNS_A, "second.example.org");
	for (int i = 0; i < 3; i++) {
		dns_cancel(&canceled[i].wish);
		dns_cancel(&canceled[i].wish);
		arena_free(&canceled[i].arena);
	}
	asker.open = 1;
	asker_wait(&asker);
	g_assert_cmpint(kept.wish.answer.status, ==, PP_DNS_FOUND);
	dns_stats_add(asker.dns, &stats);
	g_assert_cmpuint(stats.canceled, ==, 3);
	g_assert_cmpuint(stats.status[PP_DNS_FOUND], ==, 1);
	arena_free(&kept.arena);
	/* And one that is there when all ends. */
	asker_start(&asker, &kept, PP_DNS_A, "silent.example.org");
	asker_finish(&asker);
	arena_free(&kept.arena);
	nameserver_free(server);
}

/* -- servers ------------------------------------------------------------- */

static pp_dns_status_t ask_for_address(struct asker *asker)
{
	struct look_up look_up;

	asker_start(asker, &look_up, PP_DNS_A, "address.example.org");
	asker_wait(asker);
	arena_free(&look_up.arena);
	return look_up.wish.answer.status;
}

static pp_dns_status_t ask_servers(const char *first, const char *second)
{
	struct nameserver *one = nameserver_new(first), *two = nameserver_new(second);
	const char *servers[] = { nameserver_address(one), nameserver_address(two) };
	pp_dns_status_t status;
	struct asker asker;

	asker_begin(&asker, servers, 2);
	status = ask_for_address(&asker);
	asker_finish(&asker);
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
		{ "lame", "address", PP_DNS_FOUND },         { "no-recursion", "address", PP_DNS_FOUND },
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
	asker_begin(&asker, servers, 2);
	g_unsetenv("RES_OPTIONS");
	for (int i = 0; i < 4; i++)
		g_assert_cmpint(ask_for_address(&asker), ==, PP_DNS_FOUND);
	g_assert_cmpuint(nameserver_asked(two), ==, 0);
	asker_finish(&asker);
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
	asker_begin(&asker, servers, 1);
	g_assert_cmpint(ask_for_address(&asker), ==, PP_DNS_UNREACHABLE);
	asker_finish(&asker);
}

static void test_change(void)
{
	struct nameserver *one = nameserver_new(NULL), *two = nameserver_new(NULL);
	const char *address = nameserver_address(two);
	const pp_texts_t texts = { 1, &address };
	const struct dns_settings settings = { &texts, TIMEOUT, 1 };
	struct look_up before, after, equal;
	struct asker asker;

	asker_begin_with(&asker, one);
	asker_start(&asker, &before, PP_DNS_A, "second.example.org");
	dns_use(asker.dns, &settings);
	dns_use(asker.dns, &settings);
	asker_start(&asker, &after, PP_DNS_A, "address.example.org");
	asker_start(&asker, &equal, PP_DNS_A, "second.example.org");
	asker_wait(&asker);
	g_assert_cmpint(before.wish.answer.status, ==, PP_DNS_FOUND);
	g_assert_cmpint(after.wish.answer.status, ==, PP_DNS_FOUND);
	g_assert_cmpint(equal.wish.answer.status, ==, PP_DNS_TIMEOUT); /* of one try */
	g_assert_cmpuint(nameserver_asked(one), ==, 2);
	g_assert_cmpuint(nameserver_asked(two), ==, 2);
	arena_free(&equal.arena);
	arena_free(&before.arena);
	arena_free(&after.arena);
	asker_finish(&asker);
	nameserver_free(one);
	nameserver_free(two);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	asker_add_test("/dns/a name that cannot be is not asked for", test_names);
	asker_add_test("/dns/equal look-ups under way are one, and nothing is kept", test_merging);
	g_test_add_func("/dns/nobody waits for a patient one", test_lanes);
	asker_add_test("/dns/who asks takes so many bytes and no more", test_room);
	asker_add_test("/dns/look-ups under way are bounded", test_bound);
	asker_add_test("/dns/who has canceled is not told", test_cancel);
	asker_add_test("/dns/a server that does not answer leaves it to the others", test_servers);
	asker_add_test("/dns/servers are asked in their order", test_order);
	asker_add_test("/dns/a closed port is no answer", test_unreachable);
	asker_add_test("/dns/other servers are asked from then on", test_change);
	return g_test_run();
}
