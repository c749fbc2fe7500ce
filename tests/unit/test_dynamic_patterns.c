/* unit/test_dynamic_patterns.c - files of patterns of the module dynamic_host: read, tried, judged by */
#include <glib.h>
#include <string.h>
#include "../../modules/dynamic_host/patterns.h"

struct file_case {
	const char *text;
	const char *problems; /* joined by "|", "*" for what PCRE says; NULL: it is good */
};

#define ENTRY "dynamic host /^dsl/ a line\n"

static const struct file_case files[] = {
	{ ENTRY, NULL },
	{ "static name /\\.example\\.net$/ ours", NULL },
	{ "dynamic address it stands there\n", NULL },
	{ "dynamic address part  a part\n", NULL },
	{ "\xef\xbb\xbf# comment\r\n\r\n  dynamic\thost\t/a b#c/\twhy not  # comment\r\n\tmatch a b#c.x.y\n",
	  "4: 'b#c.x.y' is no IP address" },
	{ "dynamic host /a#b/ why # comment\nmatch a#b.x.y # comment\n", NULL },
	{ "dynamic host /a\\/b/ why\nmatch a/b.example.net\n", NULL },
	{ "dynamic host /DSL/ why\nmatch dsl7.example.net\nmatch DSL7.example.net\n", NULL },

	{ "", "1: there is no entry in the file" },
	{ "# nothing\n", "1: there is no entry in the file" },
	{ "dynmaic host /a/ why\n",
	  "1: found 'dynmaic host /a/ why', wanted dynamic, static, match, no match or no entry" },
	{ "no\n", "1: found 'no', wanted dynamic, static, match, no match or no entry" },
	{ "entry x\n", "1: found 'entry x', wanted dynamic, static, match, no match or no entry" },
	{ "dynamic /a/ why\n",
	  "1: found '/a/ why', wanted host /REGEX/, name /REGEX/, address or address part" },
	{ "dynamic hosts /a/ why\n",
	  "1: found 'hosts /a/ why', wanted host /REGEX/, name /REGEX/, address or address part" },
	{ "dynamic host a why\n", "1: found 'a why', wanted a pattern between slashes and a blank" },
	{ "dynamic host /a why\n", "1: found '/a why', wanted a pattern between slashes and a blank" },
	{ "dynamic host /a/i why\n", "1: found '/a/i why', wanted a pattern between slashes and a blank" },
	{ "dynamic host /a\\/ why\n", "1: found '/a\\/ why', wanted a pattern between slashes and a blank" },
	{ "dynamic host /(/ why\n", "1: /(/: *" },
	{ "dynamic host /\\C/ why\n", "1: /\\C/: *" },
	{ "dynamic host /a/\n",
	  "1: say behind the pattern why, in 1 to 200 characters: it stands in the answer" },
	{ "dynamic host /a/ # why\n",
	  "1: say behind the pattern why, in 1 to 200 characters: it stands in the answer" },
	{ "dynamic address\n",
	  "1: say behind the pattern why, in 1 to 200 characters: it stands in the answer" },
	{ "dynamic host /a/ b\001\n", "1: the line has a control character" },

	{ "match dsl.example.net\n" ENTRY, "1: there is no entry above that could match" },
	{ "no match dsl.example.net\n" ENTRY, "1: there is no entry above that could match" },
	{ ENTRY "match\n", "2: wanted a name, and behind it an address or nothing" },
	{ ENTRY "match a b c\n", "2: wanted a name, and behind it an address or nothing" },
	{ ENTRY "match a 192.0.2.1 c\n", "2: wanted a name, and behind it an address or nothing" },
	{ ENTRY "match a 192.0.2.256\n", "2: '192.0.2.256' is no IP address" },
	{ ENTRY "match dsl7.example.net\nno match adsl7.example.net\nno entry adsl7.example.net\n", NULL },
	{ ENTRY "match xdsl7.example.net\n", "2: match xdsl7.example.net: line 1 does not match it" },
	{ ENTRY "no match dsl7.example.net\n", "2: no match dsl7.example.net: line 1 matches it" },
	{ ENTRY "no entry dsl7.example.net\n", "2: no entry dsl7.example.net: line 1 matches it" },
	{ "no entry dsl7.example.net\n" ENTRY, "1: no entry dsl7.example.net: line 2 matches it" },
	{ ENTRY "static host /7/ why\nmatch dsl7.example.net\n",
	  "3: match dsl7.example.net: line 1 matches it before line 2" },
	{ ENTRY "match x7.example.net\nstatic host /7/ why\n",
	  "2: match x7.example.net: line 1 does not match it" },
	{ ENTRY "static host /7/ why\nmatch x7.example.net\nno match x8.example.net\n", NULL },
	{ "dynamic host /^(a+)+$/ slow\nmatch aaaaaaaaaaaaaaaaaa!.example.net\n",
	  "2: aaaaaaaaaaaaaaaaaa!.example.net: line 1 takes more steps than an entry "
	  "may" },
	{ "dynamic address why\nmatch x203-0-113-7.example.net 203.0.113.7\nno match "
	  "x203-0-113-7.example.net\n",
	  NULL },
	{ "dynamic address why\nmatch x203-0-113.example.net 203.0.113.7\n",
	  "2: match x203-0-113.example.net: line 1 does not match it" },
	{ "dynamic address part why\nmatch x203-0-113.example.net 203.0.113.7\n", NULL },
	{ ENTRY "match x\nbad\n", "3: found 'bad', wanted dynamic, static, match, no match or no entry" },
	{ "dynamic host /a/\nmatch x\n",
	  "1: say behind the pattern why, in 1 to 200 characters: it stands in the answer" },
	{ "bad\n" ENTRY "match x\nworse\n",
	  "1: found 'bad', wanted dynamic, static, match, no match or no entry|"
	  "4: found 'worse', wanted dynamic, static, match, no match or no entry" },
};

static void test_files(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		struct problems problems;
		struct patterns *patterns;
		g_autofree char *joined = NULL;

		problems_init(&problems);
		patterns = patterns_parse(files[i].text, strlen(files[i].text), &problems);
		g_ptr_array_add(problems.texts, NULL);
		joined = g_strjoinv("|", (char **)problems.texts->pdata);
		if (files[i].problems == NULL || !g_pattern_match_simple(files[i].problems, joined))
			g_assert_cmpstr(joined, ==, files[i].problems != NULL ? files[i].problems : "");
		g_assert_true((patterns != NULL) == (files[i].problems == NULL));
		patterns_unref(patterns);
		problems_clear(&problems);
	}
}

/* The first twenty are told, all are counted. */
static void test_many_problems(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct problems problems;

	for (int i = 0; i < 50; i++)
		g_string_append(text, "bad\n");
	problems_init(&problems);
	g_assert_null(patterns_parse(text->str, text->len, &problems));
	g_assert_cmpuint(problems.count, ==, 50);
	g_assert_cmpuint(problems.texts->len, ==, PROBLEMS_SHOWN);
	problems_clear(&problems);
}

static char *first_problem(const char *text, size_t length)
{
	struct problems problems;
	struct patterns *patterns;
	char *first;

	problems_init(&problems);
	patterns = patterns_parse(text, length, &problems);
	first = problems.count > 0 ? g_strdup(problems.texts->pdata[0]) : g_strdup("");
	patterns_unref(patterns);
	problems_clear(&problems);
	return first;
}

static void test_limits(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *long_name = g_strnfill(254, 'd'), *name = NULL;
	g_autofree char *entries = NULL, *trials = NULL, *why = NULL, *line = NULL, *nul = NULL;

	for (int i = 0; i < 1001; i++)
		g_string_append(text, ENTRY);
	entries = first_problem(text->str, text->len);
	g_assert_cmpstr(entries, ==, "1001: there is room for 1000 entries, since they are tried one by one");
	g_string_assign(text, ENTRY);
	for (int i = 0; i < 10001; i++)
		g_string_append(text, "match dsl.a.b\n");
	trials = first_problem(text->str, text->len);
	g_assert_cmpstr(trials, ==, "10002: there is room for 10000 names to try");
	g_string_assign(text, "dynamic host /a/ ");
	for (int i = 0; i < 201; i++)
		g_string_append_c(text, 'x');
	why = first_problem(text->str, text->len);
	g_assert_true(g_str_has_prefix(why, "1: say behind the pattern why"));
	for (int i = 0; i < 4096; i++)
		g_string_append_c(text, 'x');
	line = first_problem(text->str, text->len);
	g_assert_cmpstr(line, ==, "1: the line has more than 4096 bytes");
	g_string_printf(text, ENTRY "no match %s\n", long_name);
	name = first_problem(text->str, text->len);
	g_assert_cmpstr(name, ==, "2: wanted a name, and behind it an address or nothing");
	nul = first_problem("dynamic host /a/ w\0y\n", 21);
	g_assert_cmpstr(nul, ==, "1: the line has a control character");
}

static struct patterns *parsed(const char *text)
{
	struct problems problems;
	struct patterns *patterns;

	problems_init(&problems);
	patterns = patterns_parse(text, strlen(text), &problems);
	g_assert_cmpuint(problems.count, ==, 0);
	problems_clear(&problems);
	return patterns;
}

static void test_judge(void)
{
	static const char text[] = "static name /\\.office\\.example\\.net$/ our offices\n"
	                           "dynamic host /dsl(?=-)/ a line\n"
	                           "dynamic address its address\n"
	                           "dynamic host /^(a+)+$/ slow\n";
	struct patterns *patterns = parsed(text);
	struct verdict verdict;
	pp_address_t address;

	g_assert_true(pp_address_parse("203.0.113.7", &address));
	g_assert_cmpuint(patterns_count(patterns), ==, 4);
	verdict = patterns_judge(patterns, "x-dsl-7.example.net", &address);
	g_assert_cmpint(verdict.judgement, ==, JUDGED_DYNAMIC);
	g_assert_cmpuint(verdict.line, ==, 2);
	g_assert_cmpstr(verdict.why, ==, "a line");
	g_assert_cmpuint(verdict.start, ==, 2);
	g_assert_cmpuint(verdict.length, ==, 3);
	g_assert_false(verdict.by_address);
	verdict = patterns_judge(patterns, "dsl-7.office.example.net", &address);
	g_assert_cmpint(verdict.judgement, ==, JUDGED_STATIC);
	verdict = patterns_judge(patterns, "x203-0-113-7.example.net", &address);
	g_assert_cmpint(verdict.judgement, ==, JUDGED_DYNAMIC);
	g_assert_true(verdict.by_address);
	g_assert_cmpuint(verdict.start, ==, 1);
	verdict = patterns_judge(patterns, "x203-0-113-7.example.net", NULL);
	g_assert_cmpint(verdict.judgement, ==, JUDGED_UNDECIDED);
	g_assert_cmpuint(verdict.line, ==, 0);
	/* Of the domain's own name nothing is a host. */
	verdict = patterns_judge(patterns, "dsl-7.example", &address);
	g_assert_cmpint(verdict.judgement, ==, JUDGED_UNDECIDED);
	verdict = patterns_judge(patterns, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!.example.net", &address);
	g_assert_cmpint(verdict.judgement, ==, JUDGED_TOO_LONG);
	g_assert_cmpuint(verdict.line, ==, 4);
	g_assert_true(patterns_equal(patterns, text, strlen(text)));
	g_assert_false(patterns_equal(patterns, text, strlen(text) - 1));
	patterns_unref(patterns_ref(patterns));
	patterns_unref(patterns);
	patterns_unref(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/patterns/a file is read and tried, or told where it is wrong", test_files);
	g_test_add_func("/patterns/of many problems the first are told", test_many_problems);
	g_test_add_func("/patterns/lines, entries and names to try are bounded", test_limits);
	g_test_add_func("/patterns/the first entry that matches decides", test_judge);
	return g_test_run();
}
