/* unit/test_spf_libspf2.c - the engine libspf2: what the library is given, and what it may do */
#include <glib.h>
#include <string.h>
#include "../../modules/spf/libspf2.h"
#include "zone.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable() ((void)0)
#define __lsan_enable() ((void)0)
#endif

static struct spf_question question_of(const char *client)
{
	struct spf_question question = { .engine = SPF_LIBSPF2,
		                         .helo = "mx.example.org",
		                         .sender = "bob@example.org",
		                         .receiver = "mx.example.net",
		                         .explain = true };

	g_assert_true(pp_address_parse(client, &question.client));
	return question;
}

/* -- what it is given ------------------------------------------------------ */

struct given {
	struct spf_question question;
	struct round round;
	struct libspf2 run;
};

static void give(struct given *given, const char *record, const char *client)
{
	struct span where;

	memset(given, 0, sizeof(*given));
	given->question = question_of(client);
	given->round.question = &given->question;
	given->run.round = &given->round;
	given->run.frame_count = 1;
	g_assert_null(
	        grammar_check((struct span){ record, strlen(record) }, &given->run.frames[0].record, &where));
}

static void test_records(void)
{
	static const struct {
		const char *client, *record, *handed;
	} cases[] = {
		{ "192.0.2.1", "v=spf1", "v=spf1" },
		{ "192.0.2.1", "v=spf1 a mx ~exists:%{l}.example.org -all",
		  "v=spf1 +a:1.0.t +mx:3.0.t ~exists:6.0.t ?exists:31.0.t -all" },
		{ "192.0.2.1", "v=spf1 a:%{d}/24//64 mx/32//64 a/0",
		  "v=spf1 +a:1.0.t/24 +mx:15.0.t +a:25.0.t" },
		{ "2001:db8::1", "v=spf1 a:%{d}/24//64 mx/32//128 a//0",
		  "v=spf1 +a:1.0.t//64 +mx:15.0.t +a:26.0.t" },
		/* What cannot match is left out, and what is behind a match. */
		{ "192.0.2.1", "v=spf1 ip4:198.51.100.0/24 ip6:::/0 ip4:192.0.2.77/24 a -all",
		  "v=spf1 ?exists:30.0.t +ip4:192.0.2.0/24" },
		{ "2001:db8::1", "v=spf1 ip4:0.0.0.0/0 -ip6:2001:db8::/32 a",
		  "v=spf1 ?exists:15.0.t -ip6:2001:db8::/32" },
		{ "192.0.2.1", "v=spf1 ~ip4:1.2.3.4/0 a", "v=spf1 ?exists:1.0.t ~all" },
		/* Modifiers are, but for a redirect that is reached. */
		{ "192.0.2.1", "v=spf1 redirect=x.example moo=%{l} a exp=e.example",
		  "v=spf1 +a:29.0.t redirect=1.0.t" },
		{ "192.0.2.1", "v=spf1 redirect=x.example ?all", "v=spf1 ?exists:20.0.t ?all" },
		{ "192.0.2.1", "v=spf1 ptr -ptr:x.example",
		  "v=spf1 ?exists:1.0.t +ptr:1.0.t ?exists:5.0.t -ptr:5.0.t" },
		{ "192.0.2.1", "v=spf1 INCLUDE:%%{%_%-x.example", "v=spf1 +include:1.0.t" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) words = g_strsplit(cases[i].handed, " ", -1);
		struct given given;
		struct handed handed;

		give(&given, cases[i].record, cases[i].client);
		libspf2_hand_over(&given.run, &given.run.frames[0], &handed);
		g_assert_cmpstr(handed.text, ==, cases[i].handed);
		g_assert_cmpuint(handed.terms, ==, g_strv_length(words) - 1);
	}
}

static void test_stand_ins(void)
{
	static const struct {
		const char *name;
		bool found;
		enum term_kind kind;
		size_t host;
	} cases[] = {
		{ "1.0.t", true, TERM_A, LIBSPF2_NO_HOST },
		{ "3.0.t", true, TERM_MX, LIBSPF2_NO_HOST },
		{ "7.3.0.t", true, TERM_MX, 7 },
		{ "10.0.t", false, 0, 0 },
		{ "99.0.t", false, 0, 0 },
		{ "1.1.t", false, 0, 0 },
		{ "1.18446744073709551616.t", false, 0, 0 },
		{ "18446744073709551617.0.t", false, 0, 0 },
		{ "1.1.1.0.t", false, 0, 0 },
		{ "1.0.t.", false, 0, 0 },
		{ "1.0", false, 0, 0 },
		{ "0.t", false, 0, 0 },
		{ "-1.0.t", false, 0, 0 },
		{ "x.0.t", false, 0, 0 },
		{ "", false, 0, 0 },
	};
	struct given given;

	give(&given, "v=spf1 a mx -all", "192.0.2.1");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct frame *frame = NULL;
		struct term term = { 0 };
		size_t host = 0;

		g_test_message("%s", cases[i].name);
		g_assert_cmpint(libspf2_find_term(&given.run, cases[i].name, &frame, &term, &host), ==,
		                cases[i].found);
		if (!cases[i].found)
			continue;
		g_assert_true(frame == given.run.frames);
		g_assert_cmpint(term.kind, ==, cases[i].kind);
		g_assert_cmpuint(host, ==, cases[i].host);
	}
}

static const struct spf_answer *never(void *data, enum spf_type type, const char *name, bool ahead)
{
	(void)data;
	(void)ahead;
	g_error("type %d of %s is asked for", type, name);
	return NULL;
}

static void test_types(void)
{
	static const int types[] = { 99, ns_t_txt, ns_t_any, ns_t_cname };

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		SPF_dns_rr_t *answer;
		struct given given;

		give(&given, "v=spf1 a -all", "192.0.2.1");
		given.round.look = never;
		given.run.layer.hook = &given.run;
		answer = libspf2_answer(&given.run.layer, "1.0.t", (ns_type)types[i], 0);
		g_assert_nonnull(answer);
		g_assert_cmpint(answer->herrno, ==, NO_DATA);
		SPF_dns_rr_free(answer);
	}
}

/* -- its limit ------------------------------------------------------------- */

/* "v=spf1 BEFORE0AFTER BEFORE1AFTER ... END" */
static char *repeat(const char *before, const char *after, unsigned count, const char *end)
{
	GString *record = g_string_new("v=spf1");

	for (unsigned i = 0; i < count; i++)
		g_string_append_printf(record, " %s%u%s", before, i, after);
	g_string_append(record, end);
	return g_string_free(record, FALSE);
}

static void expect(const char *record, const char *client, enum spf_result strict, enum spf_result libspf2)
{
	struct spf_outcome outcomes[2];
	struct zone *zone = zone_new();
	const char *why;

	zone_add(zone, "example.org", SPF_TXT, record, strlen(record));
	zone_add(zone, "h0.example", SPF_A, "192.0.2.1", 9);
	zone_add(zone, "h1.example", SPF_A, "192.0.2.2", 9);
	why = zone_difference(zone, question_of(client), outcomes);
	g_assert_cmpstr(spf_result_name(outcomes[SPF_STRICT].result), ==, spf_result_name(strict));
	g_assert_cmpstr(spf_result_name(outcomes[SPF_LIBSPF2].result), ==, spf_result_name(libspf2));
	if (strict == libspf2)
		g_assert_null(why);
	else
		g_assert_cmpstr(outcomes[SPF_LIBSPF2].problem, ==,
		                "the record of example.org has more terms than libspf2 has room for (511 "
		                "bytes)");
	zone_free(zone);
}

static void test_room(void)
{
	g_autofree char *networks = repeat("ip4:198.51.100.", "", 250, " ip4:192.0.2.1 -all");
	g_autofree char *networks6 = repeat("ip6:2001:db8:1:2:3:4:5:", "", 250, " ip6:2001:db8::/32 -all");
	g_autofree char *fits = repeat("a:h", ".example", 31, " -all");
	g_autofree char *too_many = repeat("a:h", ".example", 33, " -all");
	g_autofree char *far_too_many = repeat("a:h", ".example", 1000, " -all");
	g_autofree char *at_the_end = repeat("ip4:198.51.100.", "", 250, " redirect=h0.example");

	expect(networks, "192.0.2.1", SPF_PASS, SPF_PASS);
	expect(networks, "192.0.2.2", SPF_FAIL, SPF_FAIL);
	expect(networks6, "2001:db8::1", SPF_PASS, SPF_PASS);
	expect(networks6, "192.0.2.1", SPF_FAIL, SPF_FAIL);
	expect(fits, "192.0.2.1", SPF_PASS, SPF_PERMERROR);
	expect(too_many, "192.0.2.1", SPF_PASS, SPF_PERMERROR);
	expect(far_too_many, "192.0.2.1", SPF_PASS, SPF_PERMERROR);
	expect(at_the_end, "192.0.2.1", SPF_PERMERROR, SPF_PERMERROR);
}

/* -- what it may do -------------------------------------------------------- */

/* To libspf2 they always pass. */
static void test_loopback(void)
{
	expect("v=spf1 -all", "127.0.0.1", SPF_FAIL, SPF_FAIL);
	expect("v=spf1 a:h0.example -all", "::1", SPF_FAIL, SPF_FAIL);
}

static const struct spf_answer *give_up(void *data, enum spf_type type, const char *name, bool ahead)
{
	static const struct spf_datum record = { .text = { "v=spf1 a -all", 13 } };
	static const struct spf_answer answer = { SPF_FOUND, 1, &record };

	(void)data;
	(void)name;
	(void)ahead;
	if (type != SPF_TXT)
		SPF_error("a test\nwants it");
	return &answer;
}

/* It calls abort(). What it has allocated by then is lost, which LeakSanitizer need not tell. */
static void test_giving_up(void)
{
	struct spf_question question = question_of("192.0.2.1");
	struct spf_outcome outcome;

	for (int i = 0; i < 3; i++) {
		__lsan_disable();
		g_assert_true(spf_evaluate(&question, give_up, NULL, &outcome));
		__lsan_enable();
		g_assert_cmpstr(spf_result_name(outcome.result), ==, "temperror");
		g_assert_cmpstr(outcome.problem, ==, "libspf2 gave up: a test?wants it");
	}
	expect("v=spf1 a:h0.example -all", "192.0.2.1", SPF_PASS, SPF_PASS);
}

static gpointer evaluate_often(gpointer data)
{
	unsigned own = GPOINTER_TO_UINT(data);
	g_autofree char *client = g_strdup_printf("192.0.2.%u", own % 2 + 1);

	for (int i = 0; i < 200; i++) {
		expect("v=spf1 a:h0.example ~all", client, own % 2 ? SPF_SOFTFAIL : SPF_PASS,
		       own % 2 ? SPF_SOFTFAIL : SPF_PASS);
		if (i % 50 == 0)
			test_giving_up();
	}
	return NULL;
}

static void test_threads(void)
{
	GThread *threads[4];

	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("spf", evaluate_often, GUINT_TO_POINTER(i));
	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spf libspf2/records are written anew, without names and macros", test_records);
	g_test_add_func("/spf libspf2/a stand-in is found again, and nothing else", test_stand_ins);
	g_test_add_func("/spf libspf2/other types of records are never asked for", test_types);
	g_test_add_func("/spf libspf2/what it has no room for is a permerror that says so", test_room);
	g_test_add_func("/spf libspf2/clients of the loopback are as others", test_loopback);
	g_test_add_func("/spf libspf2/where it would end the process, the check ends", test_giving_up);
	g_test_add_func("/spf libspf2/threads do not meet", test_threads);
	return g_test_run();
}
