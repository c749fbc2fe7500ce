/* unit/test_spf_evaluate.c - check_host() beyond what the RFC's test suite asks, by both engines */
#include <glib.h>
#include <string.h>
#include <time.h>
#include "zone.h"

struct outcome_case {
	const char *client, *helo, *sender;
	enum spf_result result;
	const char *mechanism;
};

static void add(struct zone *zone, const char *name, enum spf_type type, const char *data)
{
	g_assert_true(zone_add(zone, name, type, data, strlen(data)));
}

static struct zone_counts evaluate(struct zone *zone, const struct outcome_case *one,
                                   struct spf_outcome *outcome)
{
	struct spf_question question = { .helo = one->helo == NULL ? "mx.example.org" : one->helo,
		                         .sender = one->sender,
		                         .receiver = "mx.example.net",
		                         .now = 1700000000,
		                         .explain = true };
	struct spf_outcome outcomes[2];
	struct zone_counts counts;

	g_assert_true(pp_address_parse(one->client, &question.client));
	g_assert_null(zone_difference(zone, question, outcomes));
	zone_evaluate(zone, &question, outcome, &counts);
	g_assert_cmpstr(spf_result_name(outcome->result), ==, spf_result_name(one->result));
	if (one->mechanism != NULL)
		g_assert_cmpstr(outcome->mechanism, ==, one->mechanism);
	return counts;
}

/* Evaluates one record of example.org for bob@example.org. */
static void expect(struct zone *zone, const char *record, const char *client, enum spf_result result,
                   struct spf_outcome *outcome)
{
	struct outcome_case one = { client, NULL, "bob@example.org", result, NULL };

	add(zone, "example.org", SPF_TXT, record);
	evaluate(zone, &one, outcome);
}

static void test_domains(void)
{
	static const struct outcome_case cases[] = {
		{ "192.0.2.1", NULL, "bob@example.org", SPF_PASS, "ip4:192.0.2.1" },
		{ "::ffff:192.0.2.1", NULL, "bob@EXAMPLE.ORG.", SPF_PASS, "ip4:192.0.2.1" },
		{ "192.0.2.2", NULL, "a@b@example.org", SPF_FAIL, "-all" },
		{ "192.0.2.1", "example.org", "", SPF_PASS, "ip4:192.0.2.1" },
		{ "192.0.2.1", "example.org", "@other.example", SPF_NONE, "" },
		{ "192.0.2.1", NULL,
		  "bob@b\xc3\xbc"
		  "cher.example",
		  SPF_PASS, "+all" },
		{ "192.0.2.1", NULL,
		  "bob@b\xfc"
		  "cher.example",
		  SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@org", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@[192.0.2.1]", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@192.0.2.1", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@a..example.org", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@exa mple.org", SPF_NONE, "" },
		{ "192.0.2.1", NULL, "bob@example.org..", SPF_NONE, "" },
		{ "192.0.2.1", "192.0.2.1", "", SPF_NONE, "" },
		{ "192.0.2.1", "", "", SPF_NONE, "" },
	};
	struct zone *zone = zone_new();
	struct spf_outcome outcome;
	g_autofree char *huge = g_strnfill(100000, 'x'), *sender = g_strconcat("bob@", huge, ".org", NULL);
	g_autofree char *local = g_strconcat(huge, "@example.org", NULL);
	struct outcome_case long_domain = { "192.0.2.1", huge, sender, SPF_NONE, "" };
	struct outcome_case long_local = { "192.0.2.1", huge, local, SPF_PASS, "ip4:192.0.2.1" };

	add(zone, "example.org", SPF_TXT, "v=spf1 ip4:192.0.2.1 -all");
	add(zone, "xn--bcher-kva.example", SPF_TXT, "v=spf1 +all");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		evaluate(zone, &cases[i], &outcome);
	evaluate(zone, &long_domain, &outcome);
	evaluate(zone, &long_local, &outcome);
	zone_free(zone);
}

/* What an unknown answer stands in for must not be taken for the answer. */
static void test_unanswered(void)
{
	static const struct {
		const char *record;
		enum spf_result result;
	} cases[] = {
		{ "v=spf1 a:down.example -all", SPF_TEMPERROR },
		{ "v=spf1 mx:down.example -all", SPF_TEMPERROR },
		{ "v=spf1 mx:half.example -all", SPF_TEMPERROR },
		{ "v=spf1 exists:down.example -all", SPF_TEMPERROR },
		{ "v=spf1 include:down.example -all", SPF_TEMPERROR },
		{ "v=spf1 redirect=down.example", SPF_TEMPERROR },
		{ "v=spf1 ip4:192.0.2.1 a:down.example", SPF_PASS },
		{ "v=spf1 ptr:down.example -all", SPF_FAIL },
		{ "v=spf1 exists:%{p}.down.example ~all", SPF_SOFTFAIL },
		{ "v=spf1 -all exp=down.example", SPF_FAIL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct zone *zone = zone_new();
		struct spf_outcome outcome;

		for (int type = SPF_TXT; type <= SPF_PTR; type++)
			zone_fail(zone, "down.example", (enum spf_type)type);
		zone_fail(zone, "1.2.0.192.in-addr.arpa", SPF_PTR);
		add(zone, "half.example", SPF_MX, "up.example");
		add(zone, "half.example", SPF_MX, "down.example");
		add(zone, "up.example", SPF_A, "192.0.2.99");
		expect(zone, cases[i].record, "192.0.2.1", cases[i].result, &outcome);
		zone_free(zone);
	}
}

/* RFC 7208 4.6.4 */
static void test_voids(void)
{
	static const struct {
		const char *record;
		enum spf_result result;
	} cases[] = {
		{ "v=spf1 a:n1.example a:n2.example -all", SPF_FAIL },
		{ "v=spf1 a:n1.example a:n2.example a:n3.example -all", SPF_PERMERROR },
		{ "v=spf1 a:n1.example mx:n2.example exists:n3.example -all", SPF_PERMERROR },
		{ "v=spf1 a:n1.example a:n2.example ptr -all", SPF_PERMERROR },
		{ "v=spf1 a:n1.example a:n2.example ptr:some.example ip4:192.0.2.1 -all", SPF_PERMERROR },
		{ "v=spf1 a:n1.example a:n2.example ip4:192.0.2.1 a:n3.example -all", SPF_PASS },
		{ "v=spf1 a:n1.example include:void2.example -all", SPF_PERMERROR },
		/* Of an mx they count once, and only where no host has an address. */
		{ "v=spf1 a:n1.example mx:gone.example -all", SPF_FAIL },
		{ "v=spf1 a:n1.example a:n2.example mx:gone.example -all", SPF_PERMERROR },
		{ "v=spf1 a:n1.example a:n2.example mx:half.example -all", SPF_FAIL },
		{ "v=spf1 a:n1.example a:n2.example mx:null.example -all", SPF_FAIL },
		/* Names that are none are not asked for. */
		{ "v=spf1 a:a..b.example a:n1.example a:n2.example -all", SPF_FAIL },
		{ "v=spf1 a:n1.example a:n2.example -all exp=n3.example", SPF_FAIL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct zone *zone = zone_new();
		struct spf_outcome outcome;

		add(zone, "void2.example", SPF_TXT, "v=spf1 a:n2.example a:n3.example -all");
		for (int host = 1; host <= 3; host++) {
			g_autofree char *name = g_strdup_printf("h%d.example", host);

			add(zone, "gone.example", SPF_MX, name);
			add(zone, "half.example", SPF_MX, name);
		}
		add(zone, "half.example", SPF_MX, "up.example");
		add(zone, "up.example", SPF_A, "192.0.2.99");
		add(zone, "null.example", SPF_MX, ".");
		g_test_message("%s", cases[i].record);
		expect(zone, cases[i].record, "192.0.2.1", cases[i].result, &outcome);
		zone_free(zone);
	}
}

/* The first ten names of an address count, up to ten hosts of an mx. */
static void test_ten(void)
{
	for (int place = 9; place <= 12; place++) {
		struct zone *zone = zone_new(), *mail = zone_new();
		struct spf_outcome outcome;

		for (int i = 1; i <= place; i++) {
			g_autofree char *name = g_strdup_printf("h%d.example.org", i);

			add(zone, "1.2.0.192.in-addr.arpa", SPF_PTR, name);
			add(zone, name, SPF_A, i == place ? "192.0.2.1" : "192.0.2.2");
			add(mail, "example.org", SPF_MX, name);
			add(mail, name, SPF_A, i == place ? "192.0.2.1" : "192.0.2.2");
		}
		add(mail, "other.example", SPF_MX, "up.example.org");
		add(mail, "up.example.org", SPF_A, "192.0.2.3");
		expect(zone, "v=spf1 ptr -all", "192.0.2.1", place <= 10 ? SPF_PASS : SPF_FAIL, &outcome);
		expect(mail, "v=spf1 mx:other.example mx -all", "192.0.2.1",
		       place <= 10 ? SPF_PASS : SPF_PERMERROR, &outcome);
		zone_free(zone);
		zone_free(mail);
	}
}

static void test_lookups(void)
{
	struct zone *zone = zone_new();
	struct spf_outcome outcome;

	add(zone, "example.org", SPF_A, "192.0.2.9");
	add(zone, "nine.example", SPF_TXT,
	    "v=spf1 a:example.org a:example.org a:example.org a:example.org "
	    "a:example.org a:example.org a:example.org a:example.org "
	    "a:example.org ?all");
	expect(zone, "v=spf1 include:nine.example ip4:192.0.2.1 a -all", "192.0.2.1", SPF_PASS, &outcome);
	g_assert_cmpuint(outcome.lookups, ==, 10);
	g_assert_cmpstr(outcome.mechanism, ==, "ip4:192.0.2.1");
	zone_free(zone);

	zone = zone_new();
	add(zone, "example.org", SPF_A, "192.0.2.9");
	expect(zone, "v=spf1 include:example.org", "192.0.2.1", SPF_PERMERROR, &outcome);
	g_assert_cmpstr(outcome.problem, ==, "more than 10 terms make look-ups");
	zone_free(zone);
}

/* Eight includes and an mx take as many rounds as the longest chain has links. */
static void test_rounds(void)
{
	struct outcome_case one = { "192.0.2.1", NULL, "bob@example.org", SPF_PASS, "mx" };
	struct zone *zone = zone_new();
	struct spf_outcome outcome;
	struct zone_counts counts;

	add(zone, "example.org", SPF_TXT,
	    "v=spf1 include:i1.example include:i2.example include:i3.example include:i4.example "
	    "include:i5.example include:i6.example include:i7.example include:i8.example mx -all");
	for (int i = 1; i <= 8; i++) {
		g_autofree char *name = g_strdup_printf("i%d.example", i);

		add(zone, name, SPF_TXT, "v=spf1 ip4:192.0.2.128/25 -all");
	}
	add(zone, "example.org", SPF_MX, "mx.example.org");
	add(zone, "mx.example.org", SPF_A, "192.0.2.1");
	counts = evaluate(zone, &one, &outcome);
	g_assert_cmpuint(counts.rounds, ==, 4);
	g_assert_cmpuint(counts.questions, ==, 11);
	zone_free(zone);
}

/* What a match ends is not asked for. */
static void test_questions(void)
{
	struct outcome_case one = { "192.0.2.1", NULL, "bob@example.org", SPF_PASS, "ip4:192.0.2.1" };
	struct zone *zone = zone_new();
	struct spf_outcome outcome;
	struct zone_counts counts;

	add(zone, "example.org", SPF_TXT, "v=spf1 ip4:192.0.2.1 a mx include:a.example -all exp=e.example");
	counts = evaluate(zone, &one, &outcome);
	g_assert_cmpuint(counts.questions, ==, 1);
	g_assert_cmpuint(outcome.lookups, ==, 0);
	zone_free(zone);
}

/* The hosts of an mx behind an include are not asked for until the include is settled. */
static void test_unsettled(void)
{
	struct outcome_case one = { "192.0.2.1", NULL, "bob@example.org", SPF_PASS, "include:i.example" };
	struct zone *zone = zone_new();
	struct spf_outcome outcome;
	struct zone_counts counts;

	add(zone, "example.org", SPF_TXT, "v=spf1 include:i.example mx ptr exists:%{p}.example -all");
	add(zone, "i.example", SPF_TXT, "v=spf1 include:j.example -all");
	add(zone, "j.example", SPF_TXT, "v=spf1 include:k.example -all");
	add(zone, "k.example", SPF_TXT, "v=spf1 +all");
	add(zone, "example.org", SPF_MX, "mx.example.org");
	add(zone, "1.2.0.192.in-addr.arpa", SPF_PTR, "h.example.org");
	counts = evaluate(zone, &one, &outcome);
	g_assert_cmpuint(counts.questions, ==, 6);
	g_assert_cmpuint(counts.rounds, ==, 5);
	zone_free(zone);
}

/* What an include says is not what the record says. */
static void test_included(void)
{
	struct zone *zone = zone_new();
	struct spf_outcome outcome;

	add(zone, "i.example", SPF_TXT, "v=spf1 -all exp=why.example");
	add(zone, "why.example", SPF_TXT, "no");
	expect(zone, "v=spf1 include:i.example", "192.0.2.1", SPF_NEUTRAL, &outcome);
	g_assert_cmpstr(outcome.mechanism, ==, "");
	zone_free(zone);
}

/* A name is below a domain at a dot only. */
static void test_ptr(void)
{
	static const struct {
		const char *name;
		enum spf_result result;
	} cases[] = { { "example.org", SPF_PASS },
		      { "a.Example.Org", SPF_PASS },
		      { "badexample.org", SPF_FAIL },
		      { "example.org.bad.example", SPF_FAIL },
		      { "a\\.example.org", SPF_FAIL } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct zone *zone = zone_new();
		struct spf_outcome outcome;

		add(zone, "1.2.0.192.in-addr.arpa", SPF_PTR, cases[i].name);
		add(zone, cases[i].name, SPF_A, "192.0.2.1");
		expect(zone, "v=spf1 ptr -all", "192.0.2.1", cases[i].result, &outcome);
		zone_free(zone);
	}
}

/* RFC 8616 4: a local part outside ASCII matches nothing. */
static void test_wide_local_part(void)
{
	struct zone *zone = zone_new();
	struct spf_outcome outcome;
	struct outcome_case one = { "192.0.2.1", NULL, "caf\xc3\xa9@example.org", SPF_FAIL, "-all" };

	add(zone, "example.org", SPF_TXT, "v=spf1 exists:%{l}.example.org -all exp=why.example.org");
	add(zone, "why.example.org", SPF_TXT, "no %{s} from %{c} at %{r}, %{t}");
	evaluate(zone, &one, &outcome);
	g_assert_cmpstr(outcome.explanation, ==,
	                "no caf??@example.org from 192.0.2.1 at mx.example.net, "
	                "1700000000");
	zone_free(zone);
}

static void test_problems(void)
{
	static const struct {
		const char *record, *problem;
	} cases[] = {
		{ "v=spf1 a moo -all", "'moo' in the record of example.org: there is no such mechanism" },
		{ "v=spf1 redirect=n.example", "n.example, where a redirect leads, has no record" },
		{ "v=spf1 include:n.example",
		  "'include:n.example' in the record of example.org names a domain "
		  "without a record" },
		{ "v=spf1 redirect=a..example", "the redirect of example.org is to no domain" },
		{ "v=spf1 caf\xc3\xa9", "'caf?\?' in the record of example.org: there is no such mechanism" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct zone *zone = zone_new();
		struct spf_outcome outcome;

		expect(zone, cases[i].record, "192.0.2.1", SPF_PERMERROR, &outcome);
		g_assert_cmpstr(outcome.problem, ==, cases[i].problem);
		zone_free(zone);
	}
}

static void test_networks(void)
{
	static const struct {
		const char *record, *client;
		enum spf_result result;
	} cases[] = {
		{ "v=spf1 ip4:192.0.2.77/25 -all", "192.0.2.127", SPF_PASS },
		{ "v=spf1 ip4:192.0.2.77/25 -all", "192.0.2.128", SPF_FAIL },
		{ "v=spf1 ip4:0.0.0.0/0 -all", "192.0.2.128", SPF_PASS },
		{ "v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1", SPF_FAIL },
		{ "v=spf1 ip6:::/0 -all", "192.0.2.1", SPF_FAIL },
		{ "v=spf1 ip6:2001:db8::ffff/113 -all", "2001:db8::8000", SPF_PASS },
		{ "v=spf1 ip6:2001:db8::ffff/113 -all", "2001:db8::7fff", SPF_FAIL },
		{ "v=spf1 ip6:::ffff:192.0.2.1 -all", "::ffff:192.0.2.1", SPF_FAIL },
		{ "v=spf1 a/24 -all", "198.51.100.200", SPF_PASS },
		{ "v=spf1 a -all", "198.51.100.200", SPF_FAIL },
		{ "v=spf1 a//64 -all", "2001:db8::77", SPF_PASS },
		{ "v=spf1 a:mapped.example -all", "c000:201::", SPF_FAIL },
		{ "v=spf1 a:mapped.example//0 -all", "c000:201::", SPF_FAIL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct zone *zone = zone_new();
		struct spf_outcome outcome;

		add(zone, "example.org", SPF_A, "198.51.100.1");
		add(zone, "example.org", SPF_AAAA, "2001:db8::1");
		add(zone, "mapped.example", SPF_AAAA, "::ffff:192.0.2.1");
		expect(zone, cases[i].record, cases[i].client, cases[i].result, &outcome);
		zone_free(zone);
	}
}

static int64_t cpu_msec(void)
{
	struct timespec now;

	g_assert_cmpint(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), ==, 0);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#ifdef __SANITIZE_THREAD__
enum { COSTLY_MSEC = 30000 }; /* everything takes some 20 times as long */
#else
enum { COSTLY_MSEC = 3000 };
#endif

/* As many bytes of macros as a record can have, of values as long as they can be. */
static void test_costly_names(void)
{
	static const struct {
		const char *macro;
		char helo;
	} cases[] = { { "%{H}", '!' }, { "%{L}", '!' }, { "%{h1-}", '-' } };
	g_autofree char *local = g_strnfill(250, '!');
	g_autofree char *sender = g_strdup_printf("%s@example.org", local);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *helo = g_strnfill(2000, cases[i].helo);
		struct outcome_case one = { "192.0.2.1", helo, sender, SPF_NEUTRAL, NULL };
		GString *record = g_string_new("v=spf1");
		struct zone *zone = zone_new();
		struct spf_outcome outcome;
		int64_t started = cpu_msec();

		for (unsigned term = 0; term < 10; term++) {
			g_string_append(record, " a:");
			for (size_t length = 0; length < 990; length += strlen(cases[i].macro))
				g_string_append(record, cases[i].macro);
		}
		add(zone, "example.org", SPF_TXT, record->str);
		for (unsigned times = 0; times < 30; times++)
			evaluate(zone, &one, &outcome);
		/* It takes 0.1 s; had all of them to be written, 6 s. */
		g_test_message("%s: %d ms", cases[i].macro, (int)(cpu_msec() - started));
		g_assert_cmpint(cpu_msec() - started, <, COSTLY_MSEC);
		g_string_free(record, TRUE);
		zone_free(zone);
	}
}

/* Of HELO and local parts the first 255 bytes count in macros. */
static void test_cut(void)
{
	g_autofree char *helo = g_strnfill(2000, 'h'), *local = g_strnfill(2000, 'l');
	g_autofree char *sender = g_strconcat(local, "@example.org", NULL);
	g_autofree char *wanted = g_strdup_printf("%.255s %.255s", helo, local);
	struct outcome_case one = { "192.0.2.1", helo, sender, SPF_FAIL, "-all" };
	struct zone *zone = zone_new();
	struct spf_outcome outcome;

	add(zone, "example.org", SPF_TXT, "v=spf1 -all exp=why.example.org");
	add(zone, "why.example.org", SPF_TXT, "%{h} %{l}");
	evaluate(zone, &one, &outcome);
	g_assert_cmpstr(outcome.explanation, ==, wanted);
	zone_free(zone);
}

static void test_guesses(void)
{
	static const struct {
		const char *name;
		enum spf_type type;
		bool guessed;
	} cases[] = {
		{ "unused.example.org", SPF_A, false },
		{ "1.2.0.192.in-addr.arpa", SPF_PTR, true },
		{ "mail.example.org", SPF_A, true },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct zone *zone = zone_new();
		struct spf_outcome outcome;

		add(zone, "1.2.0.192.in-addr.arpa", SPF_PTR, "mail.example.org");
		add(zone, "mail.example.org", SPF_A, "192.0.2.1");
		zone_fail(zone, cases[i].name, cases[i].type);
		expect(zone, "v=spf1 ptr -all", "192.0.2.1", cases[i].guessed ? SPF_FAIL : SPF_PASS,
		       &outcome);
		g_assert_cmpint(outcome.guessed, ==, cases[i].guessed);
		zone_free(zone);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spf/a check begins with a domain, or says none", test_domains);
	g_test_add_func("/spf/DNS that does not answer is temperror, but for ptr, p and exp",
	                test_unanswered);
	g_test_add_func("/spf/the third term that finds nothing is one too many", test_voids);
	g_test_add_func("/spf/ten names of an address and ten hosts of an mx count", test_ten);
	g_test_add_func("/spf/ten terms look up, in all records together", test_lookups);
	g_test_add_func("/spf/rounds are as many as the longest chain has links", test_rounds);
	g_test_add_func("/spf/what a match ends is not asked for", test_questions);
	g_test_add_func("/spf/hosts behind an include wait for it", test_unsettled);
	g_test_add_func("/spf/what matched in an include is not held", test_included);
	g_test_add_func("/spf/a name is below a domain at a dot", test_ptr);
	g_test_add_func("/spf/a local part outside ASCII matches nothing", test_wide_local_part);
	g_test_add_func("/spf/a problem is said in words", test_problems);
	g_test_add_func("/spf/networks are compared bit by bit, each family with its own", test_networks);
	g_test_add_func("/spf/a name with many macros takes no time", test_costly_names);
	g_test_add_func("/spf/HELO and local parts are cut in macros", test_cut);
	g_test_add_func("/spf/a result without names that DNS does not answer for is a guess", test_guesses);
	return g_test_run();
}
