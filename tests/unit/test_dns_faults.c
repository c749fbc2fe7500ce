/* unit/test_dns_faults.c - look-ups with a server that does what servers do not: each fault, and what came of
 * it */
#include <string.h>
#include "asker.h"

#define LABEL_50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define LONG_NAME LABEL_50 "." LABEL_50 "." LABEL_50 "." LABEL_50

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

	asker_begin_with(&asker, server);
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++)
		g_assert_cmpstr(asker_start(&asker, &look_ups[i], faults[i].type, faults[i].name), ==, NULL);
	asker_wait(&asker);
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autofree char *got = asker_print(&look_ups[i].wish.answer, faults[i].type);
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
	asker_finish(&asker);
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

		asker_begin_with(&asker, server);
		asker_start(&asker, &look_up, PP_DNS_A, cases[i].name);
		asker_wait(&asker);
		got = asker_print(&look_up.wish.answer, PP_DNS_A);
		g_test_message("%-30s A    %s", cases[i].name, got);
		g_assert_cmpstr(got, ==, cases[i].wanted);
		arena_free(&look_up.arena);
		asker_finish(&asker);
	}
	nameserver_free(server);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/dns/each fault has its own result", test_faults);
	g_test_add_func("/dns/a stream that drips or ends is no answer", test_streams);
	return g_test_run();
}
