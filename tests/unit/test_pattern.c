/* unit/test_pattern.c - pattern functions give what Lua's give, and come to an end */
#include "rule/pattern.h"

#include <glib.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>

#define RANDOM_CALLS 15000

static void spent(lua_State *L)
{
	luaL_error(L, "spent");
}

static struct pattern_budget budget = { 1000000, 4000000, spent };

/* A state with all of Lua's library. Ours are in its place if ours is true, so
 * that errors have the same names. */
static lua_State *open_state(bool ours)
{
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	lua_getglobal(L, "string");
	if (ours)
		pattern_open(L, &budget);
	lua_pop(L, 1);
	budget.call = 1000000;
	budget.run = G_MAXUINT32;
	return L;
}

/* Runs the chunk with the texts as its arguments. Returns its results or error, with lengths. */
static char *run(lua_State *L, const char *chunk, const GString *const *texts, int count)
{
	GString *shown = g_string_new(NULL);
	int status;

	g_assert_cmpint(luaL_loadstring(L, chunk), ==, LUA_OK);
	for (int i = 0; i < count; i++)
		lua_pushlstring(L, texts[i]->str, texts[i]->len);
	status = lua_pcall(L, count, LUA_MULTRET, 0);
	g_string_append_printf(shown, "status %d", status);
	for (int i = 1; i <= lua_gettop(L); i++) {
		size_t size;
		const char *text = luaL_tolstring(L, i, &size);
		g_autofree char *escaped = NULL;
		g_autofree char *bytes = g_malloc0(size + 1);

		for (size_t j = 0; j < size; j++)
			bytes[j] = text[j] == '\0' ? '0' : text[j];
		escaped = g_strescape(bytes, NULL);
		g_string_append_printf(shown, ", %s %zu \"%s\"", luaL_typename(L, i), size, escaped);
		lua_pop(L, 1);
	}
	lua_settop(L, 0);
	return g_string_free(shown, FALSE);
}

static void compare(lua_State *ours, lua_State *theirs, const char *chunk, const GString *const *texts,
                    int count)
{
	g_autofree char *got = run(ours, chunk, texts, count);
	g_autofree char *want = run(theirs, chunk, texts, count);

	if (strcmp(got, want) != 0)
		g_test_message("%s with subject '%s' pattern '%s' third '%s'", chunk,
		               count > 0 ? texts[0]->str : "", count > 1 ? texts[1]->str : "",
		               count > 2 ? texts[2]->str : "");
	g_assert_cmpstr(got, ==, want);
}

/* Each is a chunk that runs in both. */
static const char *const chunks[] = {
	"return string.find('hello world', 'o w')",
	"return string.find('hello world', 'l+', 5)",
	"return string.find('a.b', '.', 1, true), string.find('a+b', '+', 1, true), ('a.b'):find('%.')",
	"return string.find('abc', '', 4), string.find('abc', '', 5), string.find('', ''), "
	"string.find('abc', 'b', -1)",
	"return string.find('abc', 'a', -100), string.find('abc', 'a', math.mininteger), string.find('abc', "
	"'c', math.maxinteger)",
	"return string.find('abc', '^b', 2), string.find('abc', '^b'), string.match('abc', '^(a)()')",
	"return string.find('a\\0b\\0c', '\\0c'), string.find('a\\0b', '%z'), string.match('a\\0b', '[%z]b')",
	"return string.match('key = value', '^(%w+)%s*=%s*(%w+)$')",
	"return string.match('  trim  ', '^%s*(.-)%s*$')",
	"return string.match('THE (quick) fox', '%((%a+)%)'), ('x'):match('()'), ('x'):match('x()')",
	"return string.find('THE (quick) fox', '%b()'), ('((a)'):find('%b()'), ('a'):find('%b')",
	"return string.gsub('THE (quick) fox', '%f[%a]%a+', '<%0>'), ('a'):find('%f'), ('a'):find('%fa')",
	"return string.match('\"it\\'s\"', '([\"\\'])(.-)%1'), ('abab'):match('(ab)%1'), ('a'):match('%1')",
	"return string.match('a', '(a'), 1",
	"return string.match('a', 'a)')",
	"return string.match('a', '(()a', 1)",
	"return string.match('a', '[a'), 1",
	"return string.match('a', '%')",
	"return string.match('a', '[%')",
	"return string.match('a]', '[]]'), string.match('a-', '[a-]', 2), string.match('b', '[^]a]')",
	"return string.match('-', '[%a-z]'), string.match('é', '[\\x80-\\xff]+'), string.match('^', '[x^]')",
	"return string.find('aaa', ('a?'):rep(199)), 1",
	"return string.find('aaa', ('a?'):rep(300))",
	"return string.find(('a'):rep(300), ('a?'):rep(199))",
	"return string.find(('a'):rep(300), ('a?'):rep(200))",
	"return string.find('x', ('()'):rep(32))",
	"return string.find('x', ('()'):rep(33))",
	"return string.gsub('abc', '', '-'), string.gsub('', '', '-'), string.gsub('abc', '^', '-')",
	"return string.gsub('hello world', 'o', '0', 1), string.gsub('hello', 'l', 'L', 0), "
	"string.gsub('hello', 'l', 'L', -1)",
	"return string.gsub('hello', '(l)(.)', '%2%1%%%0'), string.gsub('a', 'a', '%1'), string.gsub('a', "
	"'a', '%2')",
	"return string.gsub('a', 'a', '%'), 1",
	"return string.gsub('a', 'a', '%x')",
	"return string.gsub('a', 'a', true)",
	"return string.gsub('$name is $what', '%$(%w+)', { name = 'Lua', what = 54 })",
	"return string.gsub('abc', '%w', function(c) if c ~= 'b' then return c:byte() end end)",
	"return string.gsub('abc', '()(%w)', function(p, c) return p .. c end)",
	"return string.gsub('abc', 'b', function() return {} end)",
	"return string.gsub('abc', 'b', { b = true })",
	"return string.gsub('abc', 'b', function() return false end), string.gsub('abc', 'b', { b = false })",
	"return string.gsub('abc', 'b', function() error('mine', 0) end)",
	"return string.gsub('a1', '%d', 7)",
	"return string.gsub('abc def', '%w+', '%0 %0', 1), string.gsub('abc', '^a', 'x'), string.gsub('aaa', "
	"'^a', 'x')",
	"return string.gsub(('x'):rep(3000), 'x', 'yz')",
	"return string.gsub(12345, 3, 'x')",
	"local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end return "
	"table.concat(t, ';')",
	"local t = {} for w in ('one two'):gmatch('%a*') do t[#t + 1] = w end return table.concat(t, ';')",
	"local t = {} for w in ('^a^a'):gmatch('^a') do t[#t + 1] = w end return #t",
	"local t = {} for p in ('abc'):gmatch('()') do t[#t + 1] = p end return table.concat(t, ';')",
	"local t = {} for w in ('abc'):gmatch('%w', 2) do t[#t + 1] = w end return table.concat(t, ';')",
	"local t = {} for w in ('abc'):gmatch('%w', -1) do t[#t + 1] = w end return table.concat(t, ';')",
	"local f = ('a'):gmatch('a', 9) return f(), f(), select('#', f())",
	"return ('a'):gmatch('(')()",
	"return string.find(nil, 'a')",
	"return string.find('a')",
	"return ('a'):find({})",
	"return string.gmatch('a')",
	"return string.find('a', 'a', 'x')",
	"return string.gsub('a', 'a', 'b', {})",
	"return string.match()",
};

static void test_table(void)
{
	lua_State *ours = open_state(true), *theirs = open_state(false);

	for (size_t i = 0; i < G_N_ELEMENTS(chunks); i++)
		compare(ours, theirs, chunks[i], NULL, 0);
	lua_close(ours);
	lua_close(theirs);
}

static void test_classes(void)
{
	lua_State *ours = open_state(true), *theirs = open_state(false);

	compare(ours, theirs,
	        "local t = {} for class = 0, 255 do for c = 0, 255 do\n"
	        "t[#t + 1] = string.find(string.char(c), '^%' .. string.char(class)) and '1' or '0'\n"
	        "t[#t + 1] = string.find(string.char(c), '^[%' .. string.char(class) .. ']') and '1' or '0'\n"
	        "end end return table.concat(t)",
	        NULL, 0);
	lua_close(ours);
	lua_close(theirs);
}

static void fill(GString *text, const char *const *pieces, size_t count, int most)
{
	g_string_truncate(text, 0);
	for (int i = g_test_rand_int_range(0, most + 1); i > 0; i--) {
		const char *piece = pieces[g_test_rand_int_range(0, (gint32)count)];

		g_string_append_len(text, piece, *piece == '\0' ? 1 : (gssize)strlen(piece));
	}
}

static void test_random(void)
{
	static const char *const subject[] = { "a", "a", "b", "c", "A", "1",  " ",        "(",  ")",  "[",
		                               "]", "-", "%", ".", "",  "\n", "\xc3\xa9", "ab", "aab" };
	static const char *const pattern[] = { "a",      "a",     "b",  "c",   ".",   ".",    "%a",   "%d",
		                               "%w",     "%s",    "%u", "%A",  "%W",  "%.",   "[ab]", "[^a]",
		                               "[a-c]",  "[%w_]", "[",  "]",   "^",   "$",    "(",    ")",
		                               "(",      ")",     "()", "*",   "+",   "-",    "?",    "*",
		                               "+",      "-",     "?",  "%1",  "%2",  "%b()", "%bab", "%f[a]",
		                               "%f[%w]", "%",     "",   "(a)", "(.-)" };
	static const char *const third[] = { "x", "%0", "%1", "%2", "%%", "%", "<", "", "%9" };
	static const char *const calls[] = {
		"return string.find(...)",
		"local s, p = ... return string.match(s, p)",
		"local s, p = ... return string.find(s, p, 2)",
		"local s, p = ... return string.match(s, p, -2)",
		"return string.gsub(...)",
		"local s, p = ... return string.gsub(s, p, '', 2)",
		"local s, p = ... return string.gsub(s, p, { a = 'x', b = false, ab = 1 })",
		"local s, p = ... return string.gsub(s, p, function(...) return table.concat({ ... }, '|') "
		"end)",
		"local t, s, p = {}, ... for a, b in string.gmatch(s, p) do t[#t + 1] = a t[#t + 1] = b end\n"
		"return table.concat(t, '|')",
	};
	lua_State *ours = open_state(true), *theirs = open_state(false);
	GString *texts[3] = { g_string_new(NULL), g_string_new(NULL), g_string_new(NULL) };

	for (int i = 0; i < RANDOM_CALLS; i++) {
		const char *chunk = calls[g_test_rand_int_range(0, G_N_ELEMENTS(calls))];
		int count = strstr(chunk, "gsub(...)") != NULL ? 3 : 2;

		fill(texts[0], subject, G_N_ELEMENTS(subject), 10);
		fill(texts[1], pattern, G_N_ELEMENTS(pattern), 7);
		fill(texts[2], third, G_N_ELEMENTS(third), 3);
		compare(ours, theirs, chunk, (const GString *const *)texts, count);
	}
	for (int i = 0; i < 3; i++)
		g_string_free(texts[i], TRUE);
	lua_close(ours);
	lua_close(theirs);
}

static void test_budget(void)
{
	static const struct {
		const char *chunk;
		bool spent;
	} cases[] = {
		{ "return ('a'):rep(400):find('.-.-.-.-b')", true },
		{ "return ('a'):rep(400):match('.-.-.-.-b')", true },
		{ "return ('a'):rep(400):gmatch('.-.-.-.-b')()", true },
		{ "return ('a'):rep(400):gsub('.-.-.-.-b', '')", true },
		{ "return ('('):rep(2000):find('%b()x')", true },
		{ "return ('a'):rep(4000):find('(a*)%1%1b')", true },
		{ "return ('a'):rep(2000):find(('[' .. ('b'):rep(4000) .. 'a]') .. '-c')", true },
		{ "return ('a'):rep(2000000):find('a-b')", true },
		{ "return ('a'):rep(2000000):gsub('a', 'b')", true },
		{ "return ('a'):rep(2000000):find('b', 1, true)", false },
		{ "return ('a'):rep(200000):find('a*$')", false },
		{ "return ('a'):rep(8000):gsub('%w', '%0%0')", false },
		{ "for i = 1, 3 do ('a'):rep(200000):find('a*$') end", false },
		{ "for i = 1, 60 do ('a'):rep(99999):find('a*$') end", true },
		{ "for i = 1, 60 do pcall(string.find, ('a'):rep(99999), 'a*(') end ('a'):find('.')", true },
		{ "('a'):gsub('a', function() for i = 1, 60 do ('a'):rep(99999):find('a*$') end end)", true },
		{ "('a'):gsub('aa?', function() for i = 1, 9 do ('a'):rep(99999):find('a*$') end end)",
		  false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		lua_State *L = open_state(true);
		int status;

		g_assert_cmpint(luaL_loadstring(L, cases[i].chunk), ==, LUA_OK);
		budget.run = 4000000;
		status = lua_pcall(L, 0, 0, 0);
		if ((status != LUA_OK) != cases[i].spent)
			g_test_message("%s: %u left", cases[i].chunk, budget.run);
		g_assert_cmpint(status != LUA_OK, ==, cases[i].spent);
		if (cases[i].spent)
			g_assert_nonnull(strstr(lua_tostring(L, -1), "spent"));
		lua_close(L);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pattern/results and errors are Lua's", test_table);
	g_test_add_func("/pattern/every class holds for the bytes Lua says", test_classes);
	g_test_add_func("/pattern/random patterns give what Lua's give", test_random);
	g_test_add_func("/pattern/a call ends when its steps are used up", test_budget);
	return g_test_run();
}
