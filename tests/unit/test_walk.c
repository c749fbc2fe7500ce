/* unit/test_walk.c - ppolicyd -t walks rules: what it finds, where it says so, and what it is quiet about */
#include <glib.h>
#include <string.h>
#include "base/clock.h"
#include "policy.h"
#include "rule/walk.h"

/* -- walking a text ------------------------------------------------------ */

#define CHECKS                                                                         \
	"partners = check.list { file = \"partners.txt\" }\n"                          \
	"zen = check.dnsbl { zones = { [\"zen.example.org\"] = 5 }, threshold = 5 }\n" \
	"spf = check.spf {}\n"                                                         \
	"grey = check.greylist {}\n"                                                   \
	"rec = check.record {}\n"
#define LISTEN "listen(\"inet:127.0.0.1:10031\", incoming)\n"
/* The body begins on line 7, behind the checks and the function's own line. */
#define RULE(body) CHECKS "function incoming(req)\n" body "end\n" LISTEN

static void walk(const char *text, struct walk_report *report)
{
	struct plan *plan;
	struct program *program = policy_load(text, &plan);

	walk_rules(program, report);
	policy_unload(program, plan);
}

/* All that is said, in lines: errors, then warnings. */
static char *found(const struct walk_report *report)
{
	GString *all = g_string_new(NULL);

	for (guint i = 0; i < report->errors->len; i++)
		g_string_append_printf(all, "%s\n", (char *)report->errors->pdata[i]);
	for (guint i = 0; i < report->warnings->len; i++)
		g_string_append_printf(all, "warning: %s\n", (char *)report->warnings->pdata[i]);
	return g_string_free(all, FALSE);
}

struct test {
	const char *name, *text, *found;
};

static void expect(gconstpointer data)
{
	const struct test *test = data;
	struct walk_report report;
	g_autofree char *all = NULL;

	walk(test->text, &report);
	all = found(&report);
	g_assert_cmpstr(all, ==, test->found);
	walk_clear(&report);
}

/* -- the example --------------------------------------------------------- */

#define EXAMPLE                                                                                              \
	"    if req.sasl_username then return dunno() end\n"                                                 \
	"    local listed, sender = zen(req), spf(req)\n"                                                    \
	"    if sender.pass and partners(req, { value = req.sender }).found then return dunno(\"partner\") " \
	"end\n"                                                                                              \
	"    if listed.listed then return reject(\"5.7.1\", listed.text) end\n"                              \
	"    if listed.score > 0 or not sender.pass then\n"                                                  \
	"        local known = grey(req, { domain = sender.domain })\n"                                      \
	"        if known.wait then return defer_if_permit(\"4.7.1\", known.text) end\n"                     \
	"    end\n"                                                                                          \
	"    return dunno()\n"

/* What the contract says: while partners is unknown, mail of a partner on the list is refused. */
#define EXAMPLE_WARNING                                                                                      \
	"warning: policy.lua:10: reject is given while 'partners' is unknown, though 'found' would lead to " \
	"something milder; say what to do when it is unknown (partners.unknown)\n"

static const struct test tests[] = {
	/* Nothing is wrong, or only what is said. */
	{ "the example of the design has one warning", RULE(EXAMPLE), EXAMPLE_WARNING },
	{ "the example, with a word for what is not known",
	  RULE("    if req.sasl_username then return dunno() end\n"
	       "    local listed, sender = zen(req), spf(req)\n"
	       "    local partner = sender.pass and partners(req, { value = req.sender })\n"
	       "    if partner and (partner.found or partner.unknown) then return dunno(\"partner\") end\n"
	       "    if listed.listed then return reject(\"5.7.1\", listed.text) end\n"
	       "    if listed.score > 0 or not sender.pass then\n"
	       "        local known = grey(req, { domain = sender.domain })\n"
	       "        if known.wait then return defer_if_permit(\"4.7.1\", known.text) end\n"
	       "    end\n"
	       "    return dunno()\n"),
	  "" },
	{ "a refusal because of a word is fine",
	  RULE("if zen(req).listed then return reject() end return dunno()\n"), "" },
	{ "a refusal for now is fine",
	  RULE("if not spf(req).pass then return defer_if_permit() end return dunno()\n"), "" },
	{ "a reply of class 4 is fine",
	  RULE("if not spf(req).pass then return reply(\"450 4.7.1\", \"later\") end return dunno()\n"), "" },
	{ "now, note and log are no errors",
	  RULE("note(\"zen\", zen(req).word) log(\"at \" .. now(\"%H\") .. now()) return "
	       "dunno(zen(req).from)\n"),
	  "" },
	{ "an error that pcall catches is none",
	  RULE("if not pcall(error, \"x\") and not pcall(function() return zen(req).lisetd end) then\n"
	       "return dunno(zen(req).text) end return reject()\n"),
	  "" },
	{ "a rule that refuses everybody",
	  RULE("if spf(req).pass then return reject() end return reject(\"no\")\n"), "" },
	{ "asked twice is one answer",
	  RULE("local a = zen(req)\nif zen(req).listed then return reject() end return dunno()\n"), "" },
	{ "an action in a local",
	  RULE("local no = reject()\nif zen(req).listed then return no end\nreturn dunno()\n"), "" },
	{ "actions made at load",
	  "no, yes = reject(), dunno()\n" RULE("return zen(req).listed and no or yes\n"), "" },
	{ "a module whose asking is the purpose", RULE("rec(req)\nreturn dunno()\n"), "" },
	{ "an answer read by a helper",
	  CHECKS
	  "function bad(a) return a.listed end\n"
	  "function incoming(req) if bad(zen(req)) then return reject() end return dunno() end\n" LISTEN,
	  "" },
	{ "permit class with may",
	  CHECKS "function incoming(req) if partners(req).found then return ok() end return dunno() end\n"
	         "listen(\"inet:127.0.0.1:10031\", incoming, { may = { \"ok\" } })\n",
	  "" },

	/* Lua errors. */
	{ "an error has its line and the least that leads there",
	  RULE("local sender, listed = spf(req), zen(req)\nif sender.pass then return dunno() end\n"
	       "if listed.unknown then\nreturn dunno(\"x\" .. nil)\nend\nreturn dunno()\n"),
	  "policy.lua:10: attempt to concatenate a nil value (with spf fail, zen unknown)\n" },
	{ "what does not matter is left out",
	  RULE("local sender, listed = spf(req).pass, zen(req)\nif listed.unknown then\nreturn dunno(\"x\" "
	       ".. nil)\nend\n"
	       "return dunno(sender and \"pass\" or \"no\")\n"),
	  "policy.lua:9: attempt to concatenate a nil value (with zen unknown)\n" },
	{ "an error in all runs needs no example", RULE("return rejcet()\n"),
	  "policy.lua:7: no such name 'rejcet' (did you mean 'reject'?)\n" },
	{ "a request without a sender", RULE("return dunno(\"from \" .. req.sender)\n"),
	  "policy.lua:7: attempt to concatenate a nil value (field 'sender') (with protocol_state "
	  "CONNECT)\n" },
	{ "a request without a HELO name", RULE("return dunno(\"helo \" .. req.helo_name)\n"),
	  "policy.lua:7: attempt to concatenate a nil value (field 'helo_name') (with no HELO name)\n" },
	{ "no recipient", RULE("return dunno(req.recipient:lower())\n"),
	  "policy.lua:7: attempt to index a nil value (field 'recipient') (with protocol_state CONNECT)\n" },
	{ "a field that is nil elsewhere", RULE("return dunno(\"by \" .. spf(req).domain)\n"),
	  "policy.lua:7: attempt to concatenate a nil value (field 'domain') (with spf fail)\n" },
	{ "a field's values",
	  RULE("local s = zen(req).score\nif s == 10 then error(\"ten\") end return dunno()\n"),
	  "policy.lua:8: ten (with zen listed, zen.score 10)\n" },
	{ "a wrong field", RULE("return dunno(zen(req).scor)\n"),
	  "policy.lua:7: an answer of 'zen' has no 'scor' (did you mean 'score'?)\n" },
	{ "fields without samples: false and true, nil and a text, ends of a range",
	  RULE("local a = partners(req)\nif a.exact and a.comment == \"sample\" and a.age == 864000000 then "
	       "error(\"all\") end\n"
	       "return dunno()\n"),
	  "policy.lua:8: all (with partners found, partners.exact true, partners.comment \"sample\", "
	  "partners.age 864000000)\n" },
	{ "a line that fails in many ways is said once",
	  RULE("error(\"for \" .. req.client_address .. zen(req).word)\n"),
	  "policy.lua:7: for 192.0.2.25listed\n" },
	{ "an error without a place", RULE("error({}) return dunno()\n"),
	  "policy.lua:7: error() was called with a table\n" },
	{ "an answer read in a callback",
	  RULE("req.client_address:gsub(\"%d\", function() return zen(req).text end) return dunno()\n"),
	  "policy.lua:7: an answer cannot be waited for within a function that gsub, sort or a metamethod "
	  "calls; "
	  "read it before, into a local\n" },
	{ "a rule without an end",
	  RULE("local i = 0 while not zen(req).listed do i = i + 1 end return dunno()\n"),
	  "policy.lua:7: the rule ran more than 5000000 instructions (with zen clean)\n" },

	/* No action. */
	{ "an end without an action", RULE("if zen(req).listed then return reject() end\n"),
	  "policy.lua:6: the rule ends without an action: it returns nothing, at line 8 (with zen clean)\n" },
	{ "a rule that asks nothing and gives nothing", RULE("if req.stress then return defer() end\n"),
	  "policy.lua:6: the rule ends without an action: it returns nothing\n" },
	{ "an answer is no action", RULE("return zen(req)\n"),
	  "policy.lua:6: the rule ends without an action: it returns an answer, at line 7\n"
	  "policy.lua:7: 'zen' is asked, but its answer is never read, as by zen(req).listed\n" },
	{ "an end without an action in another state",
	  RULE("if req.protocol_state == \"RCPT\" then return dunno() end\n"),
	  "policy.lua:6: the rule ends without an action: it returns nothing (with protocol_state "
	  "CONNECT)\n" },

	/* Permit class. */
	{ "permit class without may", RULE("if partners(req).found then return ok() end\nreturn dunno()\n"),
	  "policy.lua:7: ok needs may = { \"ok\" } in its listen() (with partners found)\n" },
	{ "a filter without may", RULE("return filter(\"smtp:[127.0.0.1]:10025\")\n"),
	  "policy.lua:7: filter needs may = { \"filter\" } in its listen()\n" },

	/* Never read, never returned. */
	{ "an answer that is never read", RULE("if partners(req) then return dunno() end\nreturn reject()\n"),
	  "policy.lua:7: 'partners' is asked, but its answer is never read, as by partners(req).found\n" },
	{ "two asks on one line, one never read",
	  RULE("local a, b = zen(req), spf(req)\nif a.listed then return reject() end\nreturn dunno()\n"),
	  "policy.lua:7: 'spf' is asked, but its answer is never read, as by spf(req).pass\n" },
	{ "an answer that is kept, but never read",
	  RULE("local a = zen(req)\nlocal b = a\nif a == b then return dunno() end\nreturn defer()\n"),
	  "policy.lua:7: 'zen' is asked, but its answer is never read, as by zen(req).listed\n" },
	{ "an action that is never returned",
	  RULE("if zen(req).listed then reject(\"5.7.1\", \"no\") end\nreturn dunno()\n"),
	  "policy.lua:7: reject() is made, but never returned; write return reject(...)\n" },
	{ "an action in a local that is never returned",
	  RULE("local no = reject()\nif zen(req).listed then return dunno(\"x\") end\nreturn dunno()\n"),
	  "policy.lua:7: reject() is made, but never returned; write return reject(...)\n" },
	{ "read only in a branch that no request takes",
	  RULE("local a = zen(req)\nlocal vip = { [\"x@y.example\"] = true }\nif vip[req.recipient or \"\"] "
	       "then\n"
	       "if a.listed then return reject() end\nend\nreturn dunno()\n"),
	  "" },
	{ "returned only in a branch that no request takes",
	  RULE("local no = reject()\nif req.client_name and req.client_name:find(\"%.dyn%.\") then\nreturn "
	       "no\nend\nreturn dunno()\n"),
	  "" },
	{ "not read in a branch that no request takes",
	  RULE("local a = zen(req)\nif req.client_name and req.client_name:find(\"%.dyn%.\") then\n-- not "
	       "a\nreturn reject()\nend\nreturn dunno()\n"),
	  "policy.lua:7: 'zen' is asked, but its answer is never read, as by zen(req).listed\n" },
	{ "actions kept in a table",
	  RULE("local by = {\na = reject(),\nb = dunno(),\n}\nreturn by[req.policy_context] or by.b\n"), "" },
	{ "what an error hides is not said",
	  RULE("local a = zen(req)\nlocal b = nil .. \"x\"\nif a.listed then return reject(b) end\nreturn "
	       "dunno()\n"),
	  "policy.lua:8: attempt to concatenate a nil value\n" },

	/* Refused while unknown. */
	{ "refused because it did not pass",
	  RULE("if not spf(req).pass then return reject(\"no\") end\nreturn dunno()\n"),
	  "warning: policy.lua:7: reject is given while 'spf' is unknown, though 'pass' would lead to "
	  "something milder; "
	  "say what to do when it is unknown (spf.unknown)\n" },
	{ "a reply of class 5 is for good",
	  RULE("if not spf(req).pass then\nreturn reply(\"550 5.7.1\", \"no\")\nend\nreturn dunno()\n"),
	  "warning: policy.lua:8: reply is given while 'spf' is unknown, though 'pass' would lead to "
	  "something milder; "
	  "say what to do when it is unknown (spf.unknown)\n" },
	{ "permitted while unknown",
	  CHECKS "function incoming(req) if zen(req).listed then return reject() end return ok() end\n"
	         "listen(\"inet:127.0.0.1:10031\", incoming, { may = { \"ok\" } })\n",
	  "warning: policy.lua:6: ok is given while 'zen' is unknown, though 'listed' would lead to "
	  "something milder; "
	  "say what to do when it is unknown (zen.unknown)\n" },
	{ "refused later, for what was read before",
	  RULE("local fine = spf(req).pass\nif zen(req).listed and not fine then return reject() end\nreturn "
	       "dunno()\n"),
	  "warning: policy.lua:8: reject is given while 'spf' is unknown, though 'pass' would lead to "
	  "something milder; "
	  "say what to do when it is unknown (spf.unknown)\n" },
	{ "an error is nothing milder", RULE("if spf(req).pass then error(\"x\") end\nreturn reject()\n"),
	  "policy.lua:7: x (with spf pass)\n" },
	{ "whatever follows: it may be refused all the same",
	  RULE("local fine = spf(req).pass\nif not fine and partners(req).absent then return reject() end\n"
	       "if zen(req).listed then return reject() end\nreturn dunno()\n"),
	  "" },

	/* Routes, other values, included files. */
	{ "each rule of a route is walked",
	  CHECKS "function f(req)\nif req.policy_context ~= \"in\" then error(\"f\") end\nif zen(req) then "
	         "end\nreturn dunno()\nend\n"
	         "function g(req) return dunno(req.recipient .. \"x\") end\n"
	         "listen(\"inet:127.0.0.1:10031\", route(\"policy_context\", { [\"in\"] = f, out = "
	         "route(\"protocol_state\", "
	         "{ RCPT = g, MAIL = f }) }))\n",
	  "policy.lua:7: f (with protocol_state MAIL)\n"
	  "policy.lua:8: 'zen' is asked, but its answer is never read, as by zen(req).listed\n" },
	{ "values the file compares with are tried",
	  RULE("if req.recipient_domain == \"vip.example\" and zen(req) then return dunno() end\n"
	       "if req.size and req.size > 200000000 then error(\"large\") end\n"
	       "if req.sender ~= 'root@example.org' then return dunno() end\n"),
	  "policy.lua:6: the rule ends without an action: it returns nothing (with sender root@example.org)\n"
	  "policy.lua:7: 'zen' is asked, but its answer is never read, as by zen(req).listed\n"
	  "policy.lua:8: large (with size 200000001)\n" },
	{ "lines of an included file",
	  CHECKS "include(\"more.lua\")\nfunction incoming(req)\nlocal a, b = zen(req), spf(req)\nreturn "
	         "more(req, a)\nend\n" LISTEN,
	  "more.lua:2: reject() is made, but never returned; write return reject(...)\n"
	  "more.lua:4: attempt to index a nil value (field 'helo_name') (with zen none, no HELO name)\n"
	  "policy.lua:8: 'spf' is asked, but its answer is never read, as by spf(req).pass\n" },
	{ "a rule that keeps something of its own",
	  "seen = { 0 }\n" RULE(
	          "seen[1] = seen[1] + 1\nif seen[1] % 3 == 0 and zen(req).listed then return reject() end\n"
	          "if seen[1] % 2 == 0 and not spf(req).pass then return reject() end\n"
	          "return dunno(partners(req).word)\n"),
	  "" },
	{ "an observed rule is walked",
	  CHECKS
	  "function incoming(req) end\nlisten(\"inet:127.0.0.1:10031\", incoming, { observe = true })\n",
	  "policy.lua:6: the rule ends without an action: it returns nothing\n" },
};

/* -- how much ------------------------------------------------------------ */

static void test_limit(void)
{
	const char *text = RULE("local a, b, c = zen(req).word, spf(req).word, partners(req).word\n"
	                        "local d, e = grey(req).word, grey(req, { domain = \"a\" }).word\n"
	                        "return dunno(a .. b .. c .. d .. e)\n");
	int64_t started = clock_usec();
	struct walk_report report;

	walk(text, &report);
	g_assert_cmpuint(report.paths, ==, WALK_PATHS_MAX);
	g_assert_true(report.cut);
	g_assert_cmpuint(report.errors->len, ==, 0);
	g_assert_cmpint(clock_usec() - started, <, 10000000);
	g_test_message("%u paths in %d ms", report.paths, (int)((clock_usec() - started) / 1000));
	walk_clear(&report);
}

/* What is found does not hang on where the walk was cut: a is read first, and the way
 * to no is not walked. */
static void test_cut(void)
{
	const char *text = RULE(
	        "local a, b, c = zen(req).word, grey(req).word, partners(req).word\n"
	        "local d, e = grey(req, { domain = \"b\" }).word, grey(req, { domain = \"a\" }).word\n"
	        "local f, g = rec(req).word, partners(req, { value = \"a\" }).word\n"
	        "local last, no = spf(req), reject()\n"
	        "if a == \"unknown\" and b == \"none\" and c == \"none\" and d == \"none\" and\n"
	        "e == f and f == g and\n"
	        "last.permerror then return no end\n"
	        "return a == \"unknown\" and error(\"found\") or dunno()\n");
	struct walk_report report;
	g_autofree char *all = NULL;

	walk(text, &report);
	g_assert_true(report.cut);
	all = found(&report);
	g_assert_cmpstr(all, ==, "policy.lua:14: found (with zen unknown)\n");
	walk_clear(&report);
}

static void test_endless(void)
{
	const char *text = RULE("local a = zen(req)\nlocal no = reject()\nwhile true do\nno = no\nend\n"
	                        "if a.listed then return no end\n");
	int64_t started = clock_usec();
	struct walk_report report;
	g_autofree char *all = NULL;

	walk(text, &report);
	all = found(&report);
	g_assert_nonnull(strstr(all, "the rule ran more than"));
	g_assert_cmpuint(report.errors->len, <=, 2);
	g_test_message("%s%d ms", all, (int)((clock_usec() - started) / 1000));
	walk_clear(&report);
}

/* -- the table ----------------------------------------------------------- */

static char *print(const struct walk_report *report, char **err)
{
	char *out = NULL;
	size_t size;
	FILE *out_file = open_memstream(&out, &size), *err_file = open_memstream(err, &size);

	walk_print(report, out_file, err_file);
	fclose(out_file);
	fclose(err_file);
	return out;
}

static void test_print(void)
{
	const char *text = RULE("if req.stress then return partners(req).found and dunno() or hold() end\n"
	                        "if not spf(req).pass then return reject() end\n"
	                        "if zen(req).listed then return defer() end\n"
	                        "if zen(req).unknown then return defer_if_permit() end\n"
	                        "if req.sasl_username then return ok() end return dunno()\n");
	struct walk_report report;
	char *out, *err;
	g_autofree char *counts = NULL;

	walk(text, &report);
	out = print(&report, &err);
	counts = g_strdup_printf("incoming: while partners is unknown: hold\n"
	                         "incoming: while zen is unknown: defer_if_permit\n"
	                         "incoming: while spf is unknown: reject\n"
	                         "no rule reads grey\nno rule reads rec\n"
	                         "policy.lua: 5 checks, 1 rule, %u paths, 1 error, 1 warning\n",
	                         report.paths);
	g_assert_cmpstr(out, ==, counts);
	g_assert_cmpstr(
	        err, ==,
	        "policy.lua:11: ok needs may = { \"ok\" } in its listen() (with spf pass, zen clean, a SASL "
	        "user)\n"
	        "policy.lua:8: warning: reject is given while 'spf' is unknown, though 'pass' would lead to "
	        "something milder; say what to do when it is unknown (spf.unknown)\n");
	free(out);
	free(err);
	walk_clear(&report);
}

/* Walking leaves nothing behind, and finds the same again. */
static void test_again(void)
{
	struct plan *plan;
	struct program *program = policy_load(RULE("if not spf(req).pass then reject() end\n"), &plan);
	struct walk_report first, second;
	g_autofree char *one = NULL, *other = NULL;

	walk_rules(program, &first);
	walk_rules(program, &second);
	one = found(&first);
	other = found(&second);
	g_assert_cmpstr(one, ==, other);
	g_assert_cmpuint(first.errors->len, ==, 2);
	g_assert_cmpuint(first.paths, ==, second.paths);
	walk_clear(&first);
	walk_clear(&second);
	policy_unload(program, plan);
}

int main(int argc, char **argv)
{
	int failed;

	g_test_init(&argc, &argv, NULL);
	policy_begin();
	policy_write("more.lua",
	             "function more(req, a)\nif a.listed then reject() end\n"
	             "if a.none then\nreturn dunno(req.helo_name:lower())\nend\nreturn dunno()\nend\n");
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strconcat("/walk/", tests[i].name, NULL);

		g_test_add_data_func(path, &tests[i], expect);
	}
	g_test_add_func("/walk/of too many paths 10,000 are walked, quickly", test_limit);
	g_test_add_func(
	        "/walk/a walk that is cut finds what is common, and says nothing of what it did not see",
	        test_cut);
	g_test_add_func("/walk/a rule that never ends is given up soon", test_endless);
	g_test_add_func("/walk/what is printed", test_print);
	g_test_add_func("/walk/a program can be walked again", test_again);
	failed = g_test_run();
	policy_end();
	return failed;
}
