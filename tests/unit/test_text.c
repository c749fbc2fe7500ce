/* unit/test_text.c - text from strangers made harmless, and words told apart */
#include <glib.h>
#include <string.h>
#include "base/text.h"

#define BYTES(text) text, sizeof(text) - 1

static void test_clean(void)
{
	static const struct {
		const char *text;
		size_t length;
		const char *clean;
	} table[] = {
		{ BYTES(""), "" },
		{ BYTES("plain  text, two  spaces "), "plain  text, two  spaces " },
		{ BYTES("a\rb\nc\td"), "a b c d" },
		{ BYTES("a\r\nb"), "a  b" },
		{ BYTES("nul\0 esc\x1b[31m del\x7f bell\a"), "nul esc[31m del bell" },
		{ BYTES("\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7"),
		  "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7" },
		{ BYTES("c1 \xc2\x80\xc2\x85\xc2\x9f but \xc2\xa0"), "c1  but \xc2\xa0" },
		{ BYTES("bare \x80 \xff"), "bare ? ?" },
		{ BYTES("latin1 caf\xe9"), "latin1 caf?" },
		{ BYTES("cut \xe2\x82"), "cut ??" },
		{ BYTES("cut \xe2\x82x"), "cut ??x" },
		{ BYTES("overlong \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf"), "overlong ?? ??? ????" },
		{ BYTES("surrogate \xed\xa0\x80 \xed\x9f\xbf"), "surrogate ??? \xed\x9f\xbf" },
		{ BYTES("above \xf4\x90\x80\x80 \xf4\x8f\xbf\xbf \xf5\x80\x80\x80"),
		  "above ???? \xf4\x8f\xbf\xbf ????" },
		{ BYTES("123456\n123456789012345\t"), "123456 123456789012345 " },
	};
	char out[256];

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		size_t length = text_clean(out, sizeof(out), table[i].text, table[i].length);

		g_assert_cmpstr(out, ==, table[i].clean);
		g_assert_cmpuint(length, ==, strlen(table[i].clean));
	}
}

static void test_escape(void)
{
	static const struct {
		const char *text;
		size_t length;
		bool blanks;
		const char *escaped;
	} table[] = {
		{ BYTES(""), true, "" },
		{ BYTES("user@example.org"), false, "user@example.org" },
		{ BYTES("a b"), true, "a b" },
		{ BYTES("a b"), false, "a\\x20b" },
		{ BYTES("<a\\b>"), true, "\\x3ca\\x5cb\\x3e" },
		{ BYTES("12345678<12345678>\n"), false, "12345678\\x3c12345678\\x3e\\x0a" },
		{ BYTES("nul\0del\x7f"), true, "nul\\x00del\\x7f" },
		{ BYTES("\xc3\xa9 \xff \xc2\x85"), true, "\xc3\xa9 \\xff \\xc2\\x85" },
		{ BYTES("cut \xe2\x82"), true, "cut \\xe2\\x82" },
		{ BYTES("key=value]"), false, "key=value]" },
	};
	char out[256];

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		size_t length = text_escape(out, sizeof(out), table[i].text, table[i].length,
		                            table[i].blanks);

		g_assert_cmpstr(out, ==, table[i].escaped);
		g_assert_cmpuint(length, ==, strlen(table[i].escaped));
	}
}

static void test_escape_cut(void)
{
	static const struct {
		const char *text;
		size_t size;
		const char *escaped;
	} table[] = {
		{ "1234567890", 11, "1234567890" },
		{ "1234567890", 10, "123456..." },
		{ "123456\xc3\xa9", 9, "123456\xc3\xa9" },
		{ "1234\xc3\xa9 89", 9, "1234..." },
		{ "1234\xc3\xa9 89", 10, "1234\xc3\xa9 89" },
		{ "1234<67890", 10, "1234..." },
		{ "12<67890ab", 10, "12\\x3c..." },
		{ "<<<<", 16, "\\x3c\\x3c\\x3c..." },
		{ "1234567890", 4, "..." },
		{ "1234567890", 3, ".." },
		{ "1234567890", 1, "" },
	};
	char out[64];

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		text_escape(out, table[i].size, table[i].text, strlen(table[i].text), true);
		g_assert_cmpstr(out, ==, table[i].escaped);
	}
	out[0] = 'x';
	g_assert_cmpuint(text_escape(out, 0, "a", 1, true), ==, 0);
	g_assert_cmpuint(text_clean(out, 0, "a", 1), ==, 0);
	g_assert_cmpint(out[0], ==, 'x');
}

/* What must hold of any bytes: length, NUL, no forbidden byte, UTF-8. */
static void check_harmless(const char *out, size_t length, size_t size, bool escaped)
{
	g_assert_cmpuint(length, <, size);
	g_assert_cmpuint(strlen(out), ==, length);
	g_assert_true(g_utf8_validate(out, (gssize)length, NULL));
	for (const char *at = out; *at != '\0'; at = g_utf8_next_char(at)) {
		g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
		if (escaped)
			g_assert_false(*at == '<' || *at == '>' || *at == ' ');
	}
}

static void test_any_bytes(void)
{
	static const char pieces[] =
	        "abc <>\\\r\n\t\0\x7f\xc2\x85\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa7\xff\x80\xed\xa0";

	for (int round = 0; round < 30000; round++) {
		char text[48], out[64], small[64];
		size_t length = (size_t)g_test_rand_int_range(0, sizeof(text) + 1);
		size_t size = (size_t)g_test_rand_int_range(1, sizeof(small) + 1), whole, cut;

		for (size_t i = 0; i < length; i++)
			text[i] = round % 2 == 0 ? (char)g_test_rand_int()
			                         : pieces[g_test_rand_int_range(0, sizeof(pieces))];
		whole = text_clean(out, sizeof(out), text, length);
		check_harmless(out, whole, sizeof(out), false);
		g_assert_true(text_is_utf8(out, whole));
		g_assert_cmpint(text_is_utf8(text, length), ==,
		                memchr(text, '\0', length) == NULL
		                        ? g_utf8_validate(text, (gssize)length, NULL)
		                        : text_is_utf8(text, length));
		cut = text_clean(small, size, text, length);
		check_harmless(small, cut, size, false);
		g_assert_cmpint(strncmp(out, small, cut), ==, 0);
		g_assert_cmpuint(cut + 4, >=, MIN(whole, size));
		cut = text_escape(small, size, text, length, false);
		check_harmless(small, cut, size, true);
		cut = text_cut(out, whole, size - 1);
		g_assert_cmpuint(cut, <=, size - 1);
		g_assert_true(g_utf8_validate(out, (gssize)cut, NULL));
	}
}

static void test_cut(void)
{
	static const struct {
		const char *text;
		size_t limit, length;
	} table[] = {
		{ "abc", 5, 3 },
		{ "abc", 3, 3 },
		{ "abc", 2, 2 },
		{ "abc", 0, 0 },
		{ "a\xe2\x82\xac", 3, 1 },
		{ "a\xe2\x82\xac", 2, 1 },
		{ "a\xe2\x82\xac", 4, 4 },
		{ "\xe2\x82\xac"
		  "b",
		  3, 3 },
		{ "\xf0\x9f\x93\xa7", 3, 0 },
		{ "\x80\x80\x80\x80\x80", 4, 4 },
		{ "a\xff\xff", 2, 2 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		g_assert_cmpuint(text_cut(table[i].text, strlen(table[i].text), table[i].limit), ==,
		                 table[i].length);
}

static void test_nearest(void)
{
	static const char *const words[] = { "delay", "search", "exact", "cidr",
		                             "mail",  "domain", "regex", NULL };
	static const struct {
		const char *word, *nearest;
	} table[] = {
		{ "dealy", "delay" },  { "delya", "delay" },   { "dely", "delay" }, { "DELAY", "delay" },
		{ "cdir", "cidr" },    { "serach", "search" }, { "exat", "exact" }, { "domains", "domain" },
		{ "regexp", "regex" }, { "mial", "mail" },     { "zebra", NULL },   { "x", NULL },
		{ "", NULL },          { "ex", NULL },         { "exlap", NULL },
	};
	static const char *const none[] = { NULL };
	g_autofree char *endless = g_strnfill(1000, 'a');

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_test_message("%s", table[i].word);
		g_assert_cmpstr(text_nearest(table[i].word, words), ==, table[i].nearest);
	}
	g_assert_null(text_nearest("delay", none));
	g_assert_null(text_nearest(endless, words));
}

static void test_words(void)
{
	char mixed[] = "MiXeD.Example.ORG \xc3\x89";

	g_assert_cmpstr(text_lower(mixed), ==, "mixed.example.org \xc3\x89");
	g_assert_true(text_has_word("ok filter redirect", "ok"));
	g_assert_true(text_has_word("ok filter redirect", "filter"));
	g_assert_true(text_has_word("ok filter redirect", "redirect"));
	g_assert_true(text_has_word("ok", "ok"));
	g_assert_false(text_has_word("ok filter redirect", "filt"));
	g_assert_false(text_has_word("ok filter redirect", "direct"));
	g_assert_false(text_has_word("ok filter redirect", "ok filter"));
	g_assert_false(text_has_word("ok filter redirect", ""));
	g_assert_false(text_has_word("", "ok"));
	g_assert_false(text_has_word("", ""));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/text/cleaning leaves plain text and UTF-8 as they are", test_clean);
	g_test_add_func("/text/escaping shows what cleaning would change", test_escape);
	g_test_add_func("/text/an escaped text is cut with dots between characters", test_escape_cut);
	g_test_add_func("/text/no bytes get through that could harm", test_any_bytes);
	g_test_add_func("/text/a cut never splits a character", test_cut);
	g_test_add_func("/text/the nearest word allows for swapped letters", test_nearest);
	g_test_add_func("/text/words and case", test_words);
	return g_test_run();
}
