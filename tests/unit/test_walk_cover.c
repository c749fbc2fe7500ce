/* unit/test_walk_cover.c - ppolicyd -t judges answers and actions that no path uses: what may be used, and
 * what never is */
#include <glib.h>
#include <string.h>
#include "policy.h"
#include "rule/walk.h"
#include "rule/walk_uses.h"

#define CHECKS                                           \
	"bad = check.list { file = \"bad.txt\" }\n"      \
	"spf = check.spf {}\n"                           \
	"prefs = check.list { fields = { \"mode\" } }\n" \
	"ours = { [\"my.example\"] = true }\n"           \
	"function judge(b) if b.found then return reject() end return dunno() end\n"
#define LISTEN "listen(\"inet:127.0.0.1:10031\", incoming)\n"
/* The body begins on line 7, behind the checks and the function's own line. */
#define RULE(body) CHECKS "function incoming(req)\n" body "end\n" LISTEN

#define NEVER_READ(line, check, word)                                                           \
	"policy.lua:" line ": '" check "' is asked, but its answer is never read, as by " check \
	"(req)." word "\n"
#define BAD(line) NEVER_READ(line, "bad", "found")
#define NEVER_RETURNED(line, verb) \
	"policy.lua:" line ": " verb "() is made, but never returned; write return " verb "(...)\n"

static const struct test {
	const char *name, *text, *found;
} tests[] = {
	/* Asked first, read later, behind a guard that no sample passes. */
	{ "a guard before the answer, on its line",
	  RULE("local b = bad(req)\nif req.helo_name and req.helo_name:match(\"^dyn%d+\") and b.found then\n"
	       "return reject() end\nreturn dunno()\n"),
	  "" },
	{ "a guard before the answer, all on one line",
	  RULE("local b = bad(req) if ours[req.recipient_domain] and b.found then return reject() end return "
	       "dunno()\n"),
	  "" },
	{ "an index in brackets",
	  RULE("local b = bad(req)\nif ours[req.size] and b[\"found\"] then return reject() end return "
	       "dunno()\n"),
	  "" },
	{ "passed to a function",
	  RULE("local b = bad(req)\nreturn ours[req.recipient_domain] and judge(b) or dunno()\n"), "" },
	{ "passed to a function of any arguments",
	  "function pick(...)\nif ours[...] then return judge(select(2, ...)) end\nreturn "
	  "dunno()\nend\n" RULE("return pick(req.sender, bad(req))\n"),
	  "" },
	{ "read in a closure that is not called",
	  RULE("local b = bad(req)\nlocal function f() return b.found end\n"
	       "return ours[req.sender] and f() and reject() or dunno()\n"),
	  "" },
	{ "kept in a local of the file, and read in another function",
	  "local kept\nlocal function look() return kept.found end\n" RULE(
	          "kept = bad(req)\nreturn ours[req.sender] and look() and reject() or dunno()\n"),
	  "" },
	{ "returned by a helper",
	  RULE("local function get() local b = bad(req) return ours[req.sender] and b end\nlocal c = get()\n"
	       "if c and c.found then return reject() end return dunno()\n"),
	  "" },
	{ "read under another name",
	  RULE("local b = bad(req)\nlocal c = ours[req.sender] and b or nil\n"
	       "if c and c.found then return reject() end return dunno()\n"),
	  "" },
	{ "read in brackets",
	  RULE("local b = bad(req)\nif ours[req.sender] and (b or spf(req)).unknown then return reject() "
	       "end\n"
	       "return dunno()\n"),
	  "" },
	{ "stored", RULE("local b, t = bad(req), {}\nif ours[req.sender] then t.b = b end\nreturn dunno()\n"),
	  "" },
	{ "kept in a table in a table",
	  RULE("local t = { x = { y = bad(req) } }\n"
	       "if ours[req.sender] and t.x.y.found then return reject() end return dunno()\n"),
	  "" },
	{ "more objects than are followed",
	  RULE("for i = 1, 70 do bad(req, { value = \"v\" .. i }) end\nlocal b = bad(req)\n"
	       "if ours[req.sender] and b.found then return reject() end return dunno()\n"),
	  "" },
	{ "an action behind a guard, on its line",
	  RULE("local no = reject()\nif ours[req.recipient_domain] then return no end\nreturn dunno()\n"),
	  "" },
	{ "an action, all on one line",
	  RULE("local no = reject() return ours[req.recipient_domain] and no or dunno()\n"), "" },

	/* Nothing is done with it, whatever the request. */
	{ "the answer itself as a condition",
	  RULE("local b = bad(req)\nif b then return reject() end return dunno()\n"), BAD("7") },
	{ "the answer itself, behind a guard",
	  RULE("local b = bad(req)\nif ours[req.sender] and (b) then return reject() end return dunno()\n"),
	  BAD("7") },
	{ "the answer itself, on lines that never run",
	  RULE("local b = bad(req)\nif ours[req.sender] then\nif not b then return reject() end\nend\nreturn "
	       "dunno()\n"),
	  BAD("7") },
	{ "an answer that is compared",
	  RULE("local b = bad(req)\nif ours[req.sender] or b ~= nil then return dunno() end\nreturn "
	       "dunno()\n"),
	  BAD("7") },
	{ "asked as a statement", RULE("bad(req) return dunno()\n"), BAD("7") },
	{ "never named again", RULE("local b = bad(req)\n-- b.found\nreturn dunno(\"b.found\")\n"),
	  BAD("7") },
	{ "the name of a field, and of a key",
	  RULE("local size = bad(req)\nlocal t = { size = 1 }\nreturn dunno(t.size .. req.size)\n"),
	  BAD("7") },
	{ "another name that is not used either",
	  RULE("local b = bad(req)\nlocal c, d = ours[req.sender] and b\nif c or d then return dunno() end "
	       "return dunno()\n"),
	  BAD("7") },
	{ "names that go round in a ring",
	  RULE("local b, c = bad(req)\nc = b c = b if c then return dunno() end return dunno()\n"),
	  BAD("7") },
	{ "an action that is a condition",
	  RULE("local no = reject()\nif ours[req.sender] and no then return dunno() end return dunno()\n"),
	  NEVER_RETURNED("7", "reject") },

	/* Places. */
	{ "two actions on one line, one never returned",
	  RULE("if bad(req).found then reject() end return dunno()\n"), NEVER_RETURNED("7", "reject") },
	{ "a line that fails is not blamed twice", RULE("reject() return ok()\n"),
	  "policy.lua:7: ok needs may = { \"ok\" } in its listen()\n" },
	{ "an action made by pcall", RULE("pcall(reject)\nreturn dunno()\n"), NEVER_RETURNED("7", "reject") },
	{ "an error without a place is where the rule came to",
	  "include(\"more.lua\")\n" RULE("if req.sender then return dunno() end\nreturn more(req)\n"),
	  "more.lua:4: error() was called with a table (with protocol_state CONNECT)\n" },
	{ "an action made when an included file was loaded",
	  "include(\"more.lua\")\n" RULE("if bad(req).found then return OKAY end\nreturn dunno()\n"),
	  "more.lua:1: ok needs may = { \"ok\" } in its listen() (with bad found)\n" },
	{ "refused with an action of an included file",
	  "include(\"more.lua\")\n" RULE("if not spf(req).pass then return NO end\nreturn dunno()\n"),
	  "warning: more.lua:2: reject is given while 'spf' is unknown, though 'pass' would lead to "
	  "something "
	  "milder; say what to do when it is unknown (spf.unknown)\n" },

	/* Kept for longer than a request. */
	{ "an action kept in a local of the file",
	  "local kept\n" RULE("kept = kept or reject(\"5.7.1\", \"kept\")\nif bad(req).absent then return "
	                      "dunno() end\nif bad(req).unknown then return defer() end\nreturn kept\n"),
	  "" },
	{ "actions kept in a table",
	  "local cache = {}\n" RULE("local key = req.sender or \"-\"\n"
	                            "cache[key] = cache[key] or prepend(\"X-A: b\")\n"
	                            "if bad(req).found then return hold() end\nreturn cache[key]\n"),
	  "" },

	{ "an action made in one run only, and returned behind a guard",
	  "local kept\n" RULE("kept = kept or reject()\nif ours[req.sender] then return kept end\nreturn "
	                      "dunno()\n"),
	  "" },

	/* Fields. */
	{ "texts that a variable with a field is compared with are tried",
	  RULE("local mine = prefs(req).mode\nif mine == \"strict\" then error(mine) end\n"
	       "if \"lax\" == mine then error(mine) end return dunno()\n"),
	  "policy.lua:8: strict (with prefs found, prefs.mode \"strict\")\n"
	  "policy.lua:9: lax (with prefs found, prefs.mode \"lax\")\n" },
	{ "texts that a field is compared with are tried",
	  RULE("local p = prefs(req)\nif p.comment ~= 'x' then return dunno() end\n"
	       "error(p.comment)\n"),
	  "policy.lua:9: x (with prefs found, prefs.comment \"x\")\n" },
};

static void expect(gconstpointer data)
{
	const struct test *test = data;
	g_autoptr(GString) all = g_string_new(NULL);
	struct walk_report report;
	struct plan *plan;
	struct program *program = policy_load(test->text, &plan);

	walk_rules(program, &report);
	policy_unload(program, plan);
	for (guint i = 0; i < report.errors->len; i++)
		g_string_append_printf(all, "%s\n", (char *)report.errors->pdata[i]);
	for (guint i = 0; i < report.warnings->len; i++)
		g_string_append_printf(all, "warning: %s\n", (char *)report.warnings->pdata[i]);
	g_assert_cmpstr(all->str, ==, test->found);
	walk_clear(&report);
}

/* -- what a text does with a name ---------------------------------------- */

static const struct {
	const char *text;
	bool used;
} uses[] = {
	{ "x = a.b", true },
	{ "f(1, a)", true },
	{ "f{a}", true },
	{ "f{b = a}", true },
	{ "t.x = a", true },
	{ "t[a] = 1", true },
	{ "u, t.x = 1, a", true },
	{ "return a", true },
	{ "return x and a or y", true },
	{ "if not a.b then end", true },
	{ "if (x or a):b() then end", true },
	{ "if f(a) then end", true },
	{ "if x == a.b then end", true },
	{ "local b = a if b.c then end", true },
	{ "b.c() b = a", true },
	{ "--[[ x ]] f(a)", true },
	{ "--[==[ x ]] ]==] f(a)", true },
	{ "x = '\\' a' f(a)", true },
	{ "", false },
	{ "-- f(a)", false },
	{ "--[[ \n f(a) ]]", false },
	{ "x = 'f(a)' .. \"f(a)\" .. [=[ f(a) ]=]", false },
	{ "x = ' -- ' \n a = 1", false },
	{ "f(x.a, x:a(), aa, a1)", false },
	{ "local a, b = f()", false },
	{ "b, a = f()", false },
	{ "for _, a in pairs(t) do end", false },
	{ "function x.y:f(b, a) end", false },
	{ "f { a = 1, b = a == nil }", false },
	{ "while x or (y and (a)) do end", false },
	{ "repeat until a", false },
	{ "if a and x then elseif not a then end", false },
	{ "if x ~= a or a == x then end", false },
	{ "local b = x or a", false },
	{ "b = a b = c", false },
	{ "goto a ::a::", false },
	{ "f([[ a", false },
	{ "f(' a", false },
};

static void test_uses(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(uses); i++) {
		g_autofree char *text = g_strdup(uses[i].text);
		struct plan_source source = { .bytes = text, .size = strlen(text) };

		g_test_message("%s", text);
		g_assert_cmpint(walk_uses(&source, "a", 1, 9), ==, uses[i].used);
	}
}

static void test_lines(void)
{
	char text[] = "f(a)\nlocal x = 1\n\nf(a)\n";
	struct plan_source source = { .bytes = text, .size = strlen(text) };

	g_assert_true(walk_uses(&source, "a", 1, 1));
	g_assert_false(walk_uses(&source, "a", 2, 3));
	g_assert_true(walk_uses(&source, "a", 3, 4));
}

static void test_compared(void)
{
	char text[] = "if p.mode == 'a' or \"b\" ~= p.mode or p.mode == 'a' then end\n"
	              "local m, n = p(req, { x = 1 }).mode\n"
	              "if m == \"c\" or m == 'd\\'' or q.m == 'e' or q == 'f' or m == 1 or m == '' then end\n"
	              "if m == 'g' or m == 'h' then end\n";
	struct plan_source source = { .bytes = text, .size = strlen(text) };
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *all = NULL;

	walk_uses_compared(&source, "mode", texts, 5);
	g_ptr_array_add(texts, NULL);
	all = g_strjoinv("|", (char **)texts->pdata);
	g_assert_cmpstr(all, ==, "a|b|c||g");
}

int main(int argc, char **argv)
{
	int failed;

	g_test_init(&argc, &argv, NULL);
	policy_begin();
	policy_write("more.lua", "OKAY = ok(\"y\")\nNO = reject(\"no\")\n"
	                         "function more(req)\nerror({})\nend\n");
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strconcat("/walk cover/", tests[i].name, NULL);

		g_test_add_data_func(path, &tests[i], expect);
	}
	g_test_add_func("/walk cover/what a text does with a name", test_uses);
	g_test_add_func("/walk cover/only the lines asked for count", test_lines);
	g_test_add_func("/walk cover/texts that a field is compared with", test_compared);
	failed = g_test_run();
	policy_end();
	return failed;
}
