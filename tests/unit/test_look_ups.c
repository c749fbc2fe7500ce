/* unit/test_look_ups.c - what modules see of DNS: waiting, limits, cancelling, how long answers are kept */
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include "asking.h"
#include "base/clock.h"
#include "check/dns.h"

/* -- a server that is none ----------------------------------------------- */

static unsigned given; /* how often it was asked */
static char order[64]; /* of what: first letters of names */

static const struct dns_answer *give(void *data, pp_dns_type_t type, const struct dns_name *name,
                                     pp_msec_t *after)
{
	static const pp_dns_record_t records[] = { { .text = "10.0.0.1", .length = 8, .ttl = 60 },
		                                   { .text = "10.0.0.2", .length = 8, .ttl = 60 } };
	static const struct dns_answer found = { PP_DNS_FOUND, 60, 2, records };
	static const struct dns_answer brief = { PP_DNS_FOUND, 5, 1, records };
	static const struct dns_answer none = { PP_DNS_NXDOMAIN, 30, 0, NULL };
	static const struct dns_answer failed = { PP_DNS_SERVFAIL, -1, 0, NULL };
	char text[DNS_TEXT_MAX];

	(void)data, (void)type;
	dns_name_print(name, text);
	if (given < sizeof(order) - 1)
		order[given] = *text;
	given++;
	if (g_str_has_prefix(text, "later"))
		*after = 700;
	if (g_str_has_prefix(text, "never"))
		*after = 60000;
	if (g_str_has_prefix(text, "gone"))
		return &none;
	if (g_str_has_prefix(text, "servfail"))
		return &failed;
	return g_str_has_prefix(text, "brief") ? &brief : &found;
}

/* -- modules ------------------------------------------------------------- */

struct state {
	pp_work_t *works[600];
	unsigned count, steps;
};

static const char *print_work(pp_ask_t *a, const pp_work_t *work)
{
	if (pp_dns_status(work) == PP_DNS_FOUND)
		return pp_format(a, "%s+%u/%d", pp_dns_text(work, 0), (unsigned)pp_dns_count(work) - 1,
		                 (int)pp_dns_ttl(work));
	if (pp_work_state(work) == PP_WORK_FAILED)
		return pp_work_error(work);
	return pp_dns_status_name(pp_dns_status(work));
}

static pp_step_t told(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	const char *text = "";

	state->steps++;
	for (unsigned i = 0; i < state->count; i++)
		text = pp_format(a, "%s%s%s", text, i > 0 ? ", " : "", print_work(a, state->works[i]));
	return pp_yes(a, "step %u: %s", state->steps, text);
}

static pp_step_t told_one(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	for (unsigned i = 0; i < state->count; i++)
		if (pp_dns_status(state->works[i]) == PP_DNS_FOUND)
			return told(a);
	state->steps++;
	return pp_wait_any(a, told_one);
}

/* Looks up the names in the sender's local part, which stand between '+'. */
static pp_step_t ask(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	g_auto(GStrv) names = g_strsplit(pp_attr(a, PP_SENDER), "+", -1);

	for (char **name = names; (*name)[0] != '@'; name++)
		if (strcmp(*name, "any") != 0)
			state->works[state->count++] = pp_dns(a, PP_DNS_A,
			                                      pp_format(a, "%s.%s", *name, "example.org"));
	return strcmp(*names, "any") == 0 ? pp_wait_any(a, told_one) : pp_wait(a, told);
}

static pp_step_t counted(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	unsigned done = 0;
	const char *error = "";

	for (unsigned i = 0; i < state->count; i++) {
		done += pp_work_state(state->works[i]) == PP_WORK_DONE;
		if (pp_work_state(state->works[i]) == PP_WORK_FAILED)
			error = pp_work_error(state->works[i]);
	}
	return pp_yes(a, "%u of %u%s%s", done, state->count, *error != '\0' ? ", " : "", error);
}

/* As many look-ups as the sender's local part says, of names that begin with what stands behind it. */
static pp_step_t ask_many(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	char *label;
	unsigned count = (unsigned)strtoul(pp_attr(a, PP_SENDER), &label, 10);

	for (unsigned i = 0; i < count; i++)
		state->works[state->count++] = pp_dns(a, PP_DNS_A,
		                                      pp_format(a, "%.*s%u.example.org",
		                                                *label == '@' ? 1 : (int)strcspn(label, "@"),
		                                                *label == '@' ? "n" : label, i));
	return pp_wait(a, counted);
}

static pp_step_t ask_reverse(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	pp_address_t address;

	pp_address_parse("192.0.2.1", &address);
	state->works[state->count++] = pp_dns_reverse(a, &address);
	g_assert_cmpint(pp_dns_status(state->works[0]), ==, PP_DNS_OPEN);
	g_assert_null(pp_dns_record(state->works[0], 0));
	g_assert_cmpstr(pp_dns_reverse_name(a, &address, "zen.example.org"), ==, "1.2.0.192.zen.example.org");
	return pp_wait(a, told);
}

/* As told(), but each step is in the order, too. */
static pp_step_t watch(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	if (given < sizeof(order) - 1)
		order[given++] = '.';
	for (unsigned i = 0; i < state->count; i++)
		if (pp_dns_status(state->works[i]) == PP_DNS_OPEN)
			return pp_wait_any(a, watch);
	return pp_yes(a, NULL);
}

/* Twenty names. */
static pp_step_t ask_and_watch(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	for (; state->count < 20; state->count++)
		state->works[state->count] = pp_dns(
		        a, PP_DNS_A, pp_format(a, "%c%u", *pp_attr(a, PP_SENDER), state->count));
	return pp_wait_any(a, watch);
}

static pp_step_t been_long(pp_ask_t *a)
{
	return pp_yes(a, "%s", dns_is_patient(a) ? "patient" : "not");
}

static pp_step_t ask_for_long(pp_ask_t *a)
{
	pp_dns(a, PP_DNS_A, *pp_attr(a, PP_SENDER) == 'l' ? "later" : "found");
	g_assert_false(dns_is_patient(a));
	return pp_wait(a, been_long);
}

#define MODULE(what, function, ...)                                           \
	static const pp_module_t what = { .abi = PP_ABI,                      \
		                          .size = sizeof(pp_module_t),        \
		                          .name = #what,                      \
		                          .question = "Is it there?",         \
		                          .yes = "listed",                    \
		                          .no = "clean",                      \
		                          .reads = PP_READS(PP_SENDER),       \
		                          .state_size = sizeof(struct state), \
		                          .ask = function,                    \
		                          __VA_ARGS__ }
MODULE(names, ask, .keep = "1h", .timeout = "5s");
MODULE(many, ask_many, .effects = true);
MODULE(reverse, ask_reverse);
MODULE(lasting, ask_for_long);
MODULE(watching, ask_and_watch);

/* -- tests --------------------------------------------------------------- */

static void begin(struct asking *f)
{
	asking_begin(f);
	f->host.dns = dns_new_given(f->loop, give, NULL);
	given = 0;
	memset(order, 0, sizeof(order));
}

static void finish(struct asking *f)
{
	struct dns *dns = f->host.dns;

	f->host.dns = NULL;
	ask_host_clear(&f->host);
	dns_free(dns);
	ask_host_init(&f->host, f->loop, 0, f->cache, f->workers);
	asking_end(f);
}

static void test_results(void)
{
	static const struct {
		const char *sender, *wanted;
	} cases[] = {
		{ "found+@x", "listed asked step 1: 10.0.0.1+1/60" },
		{ "found+gone+servfail+brief+@x", "listed asked step 1: 10.0.0.1+1/60, NXDOMAIN, A of "
		                                  "servfail.example.org: SERVFAIL, 10.0.0.1+0/5" },
		{ "found+later+gone+@x", "listed asked step 1: 10.0.0.1+1/60, 10.0.0.1+1/60, NXDOMAIN" },
		{ "any+gone+gone2+servfail+later+@x",
		  "listed asked step 2: NXDOMAIN, NXDOMAIN, A of servfail.example.org: SERVFAIL, "
		  "10.0.0.1+1/60" },
		{ "any+gone+later+never+@x", "listed asked step 2: NXDOMAIN, 10.0.0.1+1/60, under way" },
		{ "never+found+@x", "listed asked step 1: no answer in time, 10.0.0.1+1/60" },
		{ "bad..name+found+@x", "listed asked step 1: A of bad..name.example.org: the name has an "
		                        "empty label, 10.0.0.1+1/60" },
		{ "bad..name+@x",
		  "listed asked step 1: A of bad..name.example.org: the name has an empty label" },
	};
	struct asking f = { 0 };
	struct check *check;

	begin(&f);
	check = asking_check(&f, &names, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		asking_expect(&f, check, cases[i].sender, cases[i].wanted);
	check_unref(check);
	finish(&f);
}

static void test_reverse(void)
{
	struct asking f = { 0 };
	struct check *check;

	begin(&f);
	check = asking_check(&f, &reverse, NULL);
	asking_expect(&f, check, "a@x", "listed asked step 1: 10.0.0.1+1/60");
	check_unref(check);
	finish(&f);
}

static void test_kept(void)
{
	static const struct {
		const char *sender;
		pp_msec_t good;
	} cases[] = { { "found+@x", 60000 }, { "found+brief+@x", 5000 }, { "found+gone+@x", 30000 } };
	struct asking f = { 0 };
	struct check *check;

	begin(&f);
	check = asking_check(&f, &names, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct request *request = asking_request(&f, cases[i].sender);
		struct asking_wish first, again, late;

		g_assert_false(asking_start(&f, &first, check, request));
		asking_settle(&f);
		g_assert_cmpuint(first.told, ==, 1);
		asking_pass(&f, cases[i].good - 1000);
		g_assert_true(asking_start(&f, &again, check, request));
		g_assert_cmpint(again.ask.answer.from, ==, ANSWER_MEMORY);
		asking_pass(&f, 1001);
		g_assert_false(asking_start(&f, &late, check, request));
		asking_settle(&f);
		request_unref(request);
	}
	check_unref(check);
	finish(&f);
}

static void test_limits(void)
{
	static const char *const wanted[] = {
		"150 of 150",
		"150 of 151, A of n150.example.org: over 150 look-ups for one check",
		"150 of 150",
		"50 of 50",
		"0 of 3, A of n2.example.org: over 500 look-ups for one request",
	};
	static const char *const senders[] = { "150@x", "151@x", "150@x", "50@x", "3@x" };
	struct asking f = { 0 };
	struct check *check;
	unsigned look_ups = 0;

	begin(&f);
	check = asking_check(&f, &many, NULL);
	/* One request after the other, as if all were one. */
	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		struct request *request = asking_request(&f, senders[i]);
		struct asking_wish wish;

		request->look_ups = look_ups;
		asking_start(&f, &wish, check, request);
		look_ups = request->look_ups;
		asking_settle(&f);
		g_assert_cmpstr(wish.ask.answer.text, ==, wanted[i]);
		request_unref(request);
	}
	check_unref(check);
	finish(&f);
}

/* Each answer takes 700 ms. */
static void test_at_a_time(void)
{
	struct asking f = { 0 };
	struct dns_stats stats = { 0 };
	struct request *request;
	struct asking_wish wish;
	struct check *check;

	begin(&f);
	check = asking_check(&f, &many, NULL);
	request = asking_request(&f, "70later@x");
	g_assert_false(asking_start(&f, &wish, check, request));
	asking_turn(&f);
	g_assert_cmpuint(given, ==, 32);
	asking_pass(&f, 750);
	g_assert_cmpuint(given, ==, 64);
	asking_pass(&f, 700);
	g_assert_cmpuint(given, ==, 70);
	g_assert_cmpuint(wish.told, ==, 0);
	asking_pass(&f, 700);
	g_assert_cmpuint(wish.told, ==, 1);
	g_assert_cmpstr(wish.ask.answer.text, ==, "70 of 70");
	request_unref(request);
	dns_stats_add(f.host.dns, &stats);
	g_assert_cmpuint(stats.usec, ==, 70 * 700 * 1000);
	stats = (struct dns_stats){ 0 };
	/* When its time is over, those that wait are not asked. */
	asking_expect(&f, check, "70never@x", "listed asked 0 of 70");
	g_assert_cmpuint(given, ==, 70 + 32);
	dns_stats_add(f.host.dns, &stats);
	g_assert_cmpuint(stats.asked, ==, 70 + 32);
	check_unref(check);
	finish(&f);
}

/* More than 16 of one are asked after those of others. */
static void test_patient(void)
{
	struct asking f = { 0 };
	struct asking_wish much, little;
	struct request *first, *second;
	struct check *one, *other;

	begin(&f);
	one = asking_check(&f, &many, NULL);
	other = asking_check(&f, &names, NULL);
	first = asking_request(&f, "20a@x");
	second = asking_request(&f, "found+@x");
	g_assert_false(asking_start(&f, &much, one, first));
	g_assert_false(asking_start(&f, &little, other, second));
	asking_settle(&f);
	g_assert_cmpstr(order, ==, "aaaaaaaaaaaaaaaafaaaa");
	g_assert_cmpstr(much.ask.answer.text, ==, "20 of 20");
	request_unref(first);
	request_unref(second);
	check_unref(one);
	check_unref(other);
	one = asking_check(&f, &lasting, NULL);
	asking_expect(&f, one, "found@x", "listed asked not");
	asking_expect(&f, one, "later@x", "listed asked patient");
	check_unref(one);
	finish(&f);
}

/* Else there would be more under way than there is time for, and DNS be taken for silent. */
static void test_told_first(void)
{
	struct asking f = { 0 };
	struct asking_wish one, other;
	struct request *first, *second;
	struct check *check;

	begin(&f);
	check = asking_check(&f, &watching, NULL);
	first = asking_request(&f, "a@x");
	second = asking_request(&f, "b@x");
	g_assert_false(asking_start(&f, &one, check, first));
	g_assert_false(asking_start(&f, &other, check, second));
	asking_settle(&f);
	g_assert_true(one.ask.done && other.ask.done);
	g_assert_cmpstr(order, ==, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb..aaaa.bbbb.");
	request_unref(first);
	request_unref(second);
	check_unref(check);
	finish(&f);
}

static void test_canceled(void)
{
	struct asking f = { 0 };
	struct dns_stats stats = { 0 };
	struct request *request;
	struct asking_wish wish;
	struct check *check;

	begin(&f);
	check = asking_check(&f, &names, NULL);
	request = asking_request(&f, "any+found+never+later+@x");
	g_assert_false(asking_start(&f, &wish, check, request));
	asking_settle(&f);
	g_assert_cmpuint(wish.told, ==, 1);
	dns_stats_add(f.host.dns, &stats);
	g_assert_cmpuint(stats.canceled, ==, 2);
	g_assert_cmpuint(stats.open, ==, 0); /* those of a name server would go on */
	asking_pass(&f, 100000);
	g_assert_cmpuint(wish.told, ==, 1);
	/* And one whose host ends first. */
	g_assert_false(asking_start(&f, &wish, check, request));
	request_unref(request);
	check_unref(check);
	finish(&f);
}

/* Half of the places are taken by somebody. */
static void test_busy(void)
{
	enum { TAKEN = DNS_OPEN_MAX / 2 };
	struct dns_wish *wishes = g_new0(struct dns_wish, TAKEN);
	struct asking f = { 0 };
	struct check *check;
	struct arena arena;
	char name[32];

	begin(&f);
	arena_init(&arena);
	check = asking_check(&f, &many, NULL);
	asking_expect(&f, check, "40@x", "listed asked 40 of 40");
	for (unsigned i = 0; i < TAKEN; i++) {
		wishes[i].arena = &arena;
		g_snprintf(name, sizeof(name), "never%u.example.org", i);
		g_assert_null(dns_ask(f.host.dns, &wishes[i], PP_DNS_A, name));
	}
	asking_expect(&f, check, "16@x", "listed asked 16 of 16");
	asking_expect(&f, check, "17@x",
	              "listed asked 16 of 17, A of n16.example.org: too many look-ups are under way");
	for (unsigned i = 0; i < TAKEN; i++)
		dns_cancel(&wishes[i]);
	g_free(wishes);
	arena_free(&arena);
	check_unref(check);
	finish(&f);
}

static void test_no_dns(void)
{
	struct asking f = { 0 };
	struct check *check;

	asking_begin(&f);
	check = asking_check(&f, &names, NULL);
	asking_expect(&f, check, "found+@x",
	              "listed asked step 1: A of found.example.org: there is no DNS here");
	check_unref(check);
	asking_end(&f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1700000000000);
	g_test_add_func("/look-ups/a step is woken once, with all that came of them", test_results);
	g_test_add_func("/look-ups/an address has a reverse name", test_reverse);
	g_test_add_func("/look-ups/an answer is kept no longer than the smallest TTL", test_kept);
	g_test_add_func("/look-ups/an ask has 150, a request 500", test_limits);
	g_test_add_func("/look-ups/when half of the places are taken an ask has few", test_busy);
	g_test_add_func("/look-ups/an ask has 32 at a time, and the others wait", test_at_a_time);
	g_test_add_func("/look-ups/who asks much, or for long, goes after others", test_patient);
	g_test_add_func("/look-ups/more are asked when all that came is told", test_told_first);
	g_test_add_func("/look-ups/those of an ask that has answered are canceled", test_canceled);
	g_test_add_func("/look-ups/without DNS they fail", test_no_dns);
	return g_test_run();
}
