/* unit/test_sandbox.c - no script gets out, or keeps the processor or the memory */
#include "rule/sandbox.h"

#include <glib.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include "rule/library.h"

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* ThreadSanitizer delivers a signal only where the program calls the C library. */
#ifdef __SANITIZE_THREAD__
#define TURN "local _ = tostring(1.5) "
#else
#define TURN ""
#endif

#define LOOP "while true do " TURN "end "

/* A sandbox that runs, with small limits. */
static struct sandbox *open_sandbox(void)
{
	struct sandbox *sandbox = sandbox_new(NULL);

	sandbox_set_time(sandbox, 10);
	sandbox_set_memory(sandbox, 4 << 20);
	sandbox_set_running(sandbox, true);
	return sandbox;
}

static void load(lua_State *L, const char *chunk)
{
	if (!sandbox_load(L, "rule.lua", chunk, strlen(chunk)))
		g_error("%s", lua_tostring(L, -1));
}

/* Runs a chunk as the file is. Returns its first result or error as text. */
static char *call(struct sandbox *sandbox, const char *chunk)
{
	lua_State *L = sandbox_state(sandbox);
	char *text;

	load(L, chunk);
	sandbox_call(sandbox, 0, 1);
	text = g_strdup(library_tostring(L, -1, NULL));
	lua_settop(L, 0);
	return text;
}

static char *resume(struct sandbox *sandbox, lua_State *thread, const char *chunk, int *status)
{
	int results;
	char *text;

	load(thread, chunk);
	*status = sandbox_resume(sandbox, thread, 0, &results);
	text = g_strdup(results > 0 ? library_tostring(thread, -1, NULL) : "");
	lua_settop(thread, 0);
	return text;
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Keys whose length Lua finds to be 2^30. */
#define POWER(base, n) "[1 << " base " + " n "] = 1, "
#define FIVE(base) POWER(base, "1") POWER(base, "2") POWER(base, "3") POWER(base, "4") POWER(base, "5")

/* -- attacks ------------------------------------------------------------- */

static const struct attack {
	const char *chunk;
	const char *reason; /* why it is ended; NULL: it ends by itself */
	bool harmless;      /* without an error */
} attacks[] = {
	{ LOOP, "took more than 10 ms of processor time" },
	{ "while true do pcall(function() " LOOP "end) end", "took more than 10 ms" },
	{ "local function f() pcall(f) " LOOP "end f()", "took more than 10 ms" },
	{ "while true do xpcall(function() " LOOP "end, function() " LOOP "end) end",
	  "took more than 10 ms" },
	{ "xpcall(error, function() " LOOP "end)", "took more than 10 ms" },
	{ "xpcall(error, function(m) error(m) end)", NULL, true },
	{ "local t = setmetatable({}, { __close = function() " LOOP "end }) do local x <close> = t end",
	  "10 ms" },
	{ "local t = setmetatable({}, { __close = function() " LOOP "end }) local x <close> = t " LOOP,
	  "10 ms" },
	{ "local t = setmetatable({}, { __close = function() pcall(function() " LOOP "end) end })\n"
	  "while true do pcall(function() local x <close> = t error('x') end) end",
	  "10 ms" },
	{ "for _ in (function() " LOOP "end) do end", "10 ms" },
	{ "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) "
	  "while true do pcall(function() return t[1] end) end",
	  "10 ms" },
	{ "local t = {} for i = 1, 9999 do t[i] = i % 7 end\n"
	  "while true do pcall(table.sort, t, function() " TURN "return true end) end",
	  "10 ms" },
	{ "local t = {} for i = 1, 50000 do t[i] = 'x' end\n while true do table.sort(t) " TURN "end",
	  "10 ms" },
	{ "local s, t = ('x'):rep(1000):rep(1000), {} for i = 1, 20000 do t[i] = s end table.sort(t)",
	  "10 ms" },
	{ "local s = ('a'):rep(100) while true do s:gsub('a', function() " LOOP "end) end", "10 ms" },
	{ "local function f() return f() + 1 end return f()", "4M of memory" },
	{ "local function f() local ok = pcall(f) return ok end while true do f() " TURN "end", "10 ms" },
	{ "return ('a'):rep(400):find('.-.-.-.-b')", "rule.lua:1: pattern matching took too many steps" },
	{ "while true do pcall(string.find, ('a'):rep(400), '.-.-.-.-b') end", "too many steps" },
	{ "while true do pcall(string.gsub, ('a'):rep(400), '.-.-.-.-b', '') end", "too many steps" },
	{ "return pcall(string.find, ('a'):rep(400), '.-.-.-.-b')", "too many steps" },
	{ "return ('x'):rep(1e9)", "rule.lua:1: the rule took more than 4M of memory" },
	{ "while true do pcall(string.rep, 'x', 1e9) end", "4M of memory" },
	{ "return pcall(string.rep, 'x', 1e9)", "4M of memory" },
	{ "local s = 'x' while true do s = s .. s end", "4M of memory" },
	{ "local t = {} while true do t[#t + 1] = {} end", "4M of memory" },
	{ "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end",
	  "4M of memory" },
	{ "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(9999) .. #t end) end",
	  "4M of memory" },
	{ "xpcall(string.rep, function() return ('x'):rep(1e9) end, 'x', 1e9)", "4M of memory" },
	{ "return ('%99d'):rep(99999):format(table.unpack({}, 1, 99999))", "4M of memory" },
	{ "return table.concat(setmetatable({}, { __index = type }), '', 1, 1e15)", NULL },
	{ "return table.move({}, 1, 1e15, 2)", NULL },
	{ "return table.insert(setmetatable({}, { __len = function() return 1e15 end }), 1, 0)", NULL },
	{ "return table.remove(setmetatable({}, { __len = function() return 1e15 end }), 1)", NULL },
	{ "local t = { 1, " FIVE("0") FIVE("5") FIVE("10") FIVE("15") FIVE("20")
	          FIVE("25") "} return table.insert(t, 1, 0)",
	  NULL },
	{ "return (''):rep(1e15)", NULL, true },
	{ "return setmetatable({}, { __gc = function() " LOOP "end })", NULL },
	{ "return getmetatable('').__index.find", NULL },
};

static void attack(struct sandbox *sandbox, lua_State *thread, const struct attack *attack)
{
	double before = cpu_seconds();
	g_autofree char *again = NULL;
	g_autofree char *text = NULL;
	const char *reason;
	int status;

	/* Whatever a sanitizer costs, it is not the processor time that ends the others. */
	sandbox_set_time(sandbox,
	                 attack->reason != NULL && strstr(attack->reason, "10 ms") != NULL ? 10 : 10000);
	if (thread != NULL) {
		text = resume(sandbox, thread, attack->chunk, &status);
	} else {
		load(sandbox_state(sandbox), attack->chunk);
		status = sandbox_call(sandbox, 0, 1);
		text = g_strdup(library_tostring(sandbox_state(sandbox), -1, NULL));
		lua_settop(sandbox_state(sandbox), 0);
	}
	reason = sandbox_aborted(sandbox);
	if ((reason != NULL) != (attack->reason != NULL) || (status == LUA_OK) != attack->harmless)
		g_test_message("%s: %s (%s)", attack->chunk, text, reason != NULL ? reason : "not ended");
	g_assert_cmpint(reason != NULL, ==, attack->reason != NULL);
	if (reason != NULL) {
		g_assert_cmpstr(text, ==, reason);
		if (strstr(reason, attack->reason) == NULL)
			g_test_message("%s: %s", attack->chunk, reason);
		g_assert_nonnull(strstr(reason, attack->reason));
	}
	g_assert_true((status == LUA_OK) == attack->harmless);
	g_assert_cmpfloat(cpu_seconds() - before, <, 5);
	again = call(sandbox,
	             "local t = {} for i = 1, 1000 do t[i] = tostring(i) end return #table.concat(t)");
	g_assert_cmpstr(again, ==, "2893");
	g_assert_null(sandbox_aborted(sandbox));
}

static void test_attacks(void)
{
	struct sandbox *sandbox = open_sandbox();

	for (size_t i = 0; i < G_N_ELEMENTS(attacks); i++)
		attack(sandbox, NULL, &attacks[i]);
	sandbox_free(sandbox);
}

static void test_attacks_in_thread(void)
{
	struct sandbox *sandbox = open_sandbox();
	lua_State *thread = sandbox_thread(sandbox);

	for (size_t i = 0; i < G_N_ELEMENTS(attacks); i++)
		attack(sandbox, thread, &attacks[i]);
	sandbox_free(sandbox);
}

static void test_instructions(void)
{
	struct sandbox *sandbox = sandbox_new(NULL);
	g_autofree char *few = NULL;
	g_autofree char *many = NULL;
	g_autofree char *unlimited = NULL;

	sandbox_set_running(sandbox, true);
	sandbox_set_instructions(sandbox, 10000);
	few = call(sandbox, "for i = 1, 1000 do end return 'done'");
	g_assert_cmpstr(few, ==, "done");
	many = call(sandbox, "while true do pcall(function() while true do end end) end");
	g_assert_cmpstr(many, ==, "rule.lua:1: the rule ran more than 10000 instructions");
	sandbox_set_instructions(sandbox, 0);
	unlimited = call(sandbox, "for i = 1, 100000 do end return 'done'");
	g_assert_cmpstr(unlimited, ==, "done");
	sandbox_free(sandbox);
}

static void test_garbage(void)
{
	struct sandbox *sandbox = open_sandbox();
	g_autofree char *text = NULL;

	/* 40 MB go through 4, in pieces that the buffers of Lua's library ask for. */
	sandbox_set_time(sandbox, 10000);
	text = call(sandbox,
	            "local n, x = 0, ('x'):rep(1000) for i = 1, 400 do n = n + #x:rep(100) end return n");
	g_assert_cmpstr(text, ==, "40000000");
	sandbox_free(sandbox);
}

static void test_loading_limits(void)
{
	struct sandbox *sandbox = sandbox_new(NULL);
	g_autofree char *text = NULL;
	g_autofree char *large = NULL;
	g_autofree char *loop = NULL;
	g_autofree char *rule = NULL;

	sandbox_set_memory(sandbox, 1 << 20);
	text = call(sandbox, "kept = ('x'):rep(1000):rep(5000) return #kept");
	g_assert_cmpstr(text, ==, "5000000");
	large = call(sandbox, "large = ('x'):rep(1000):rep(50000)");
	g_assert_cmpstr(large, ==, "rule.lua:1: loading the file took more than 16M of memory");
	sandbox_set_time(sandbox, 1);
	loop = call(sandbox, LOOP);
	g_assert_cmpstr(loop, ==, "rule.lua:1: loading the file took more than 100 ms of processor time");
	sandbox_set_running(sandbox, true);
	sandbox_set_time(sandbox, 10000);
	rule = call(sandbox, "for i = 1, 100 do local s = kept:sub(1, 99999) .. i end return #kept");
	g_assert_cmpstr(rule, ==, "5000000");
	sandbox_free(sandbox);
}

/* -- names --------------------------------------------------------------- */

static const struct {
	const char *chunk, *result;
} running_cases[] = {
	{ "return partnres", "rule.lua:1: no such name 'partnres' (did you mean 'partners'?)" },
	{ "\n\nlocal x = partnres", "rule.lua:3: no such name 'partnres' (did you mean 'partners'?)" },
	{ "return zzzzzzzzzz", "rule.lua:1: no such name 'zzzzzzzzzz'" },
	{ "return partners", "a list" },
	{ "x = 1", "rule.lua:1: a rule cannot set the global 'x'; use local" },
	{ "partners = 1", "rule.lua:1: a rule cannot set the global 'partners'; use local" },
	{ "function incoming() end", "rule.lua:1: a rule cannot set the global 'incoming'; use local" },
	{ "listen('x')", "rule.lua:1: 'listen' can only be used while the file is loaded" },
	{ "return _ENV[1]", "rule.lua:1: the name of a global is a string, not a number" },
	{ "_ENV[1] = 1", "rule.lua:1: the name of a global is a string, not a number" },
	{ "setmetatable(_ENV, {})", "cannot change a protected metatable" },
	{ "return getmetatable(_ENV)", "false" },
	{ "return next(_ENV)", "nil" },
	{ "table.insert(_ENV, 1)", "string, not a number" },
	{ "return coroutine", "no such name 'coroutine'" },
	{ "return io", "no such name 'io'" },
	{ "return os", "no such name 'os'" },
	{ "return debug", "no such name 'debug'" },
	{ "return package", "no such name 'package'" },
	{ "return require", "no such name 'require'" },
	{ "return load", "no such name 'load'" },
	{ "return loadfile", "no such name 'loadfile'" },
	{ "return loadstring", "no such name 'loadstring'" },
	{ "return dofile", "no such name 'dofile'" },
	{ "return collectgarbage", "no such name 'collectgarbage'" },
	{ "return rawset", "no such name 'rawset'" },
	{ "return print", "no such name 'print'" },
	{ "return _G", "no such name '_G'" },
	{ "return string.dump", "nil" },
	{ "string.find = 1", "rule.lua:1: 'string' cannot be changed" },
	{ "table.x = 1", "rule.lua:1: 'table' cannot be changed" },
	{ "math.pi = 3", "rule.lua:1: 'math' cannot be changed" },
	{ "utf8.len = nil", "rule.lua:1: 'utf8' cannot be changed" },
	{ "return getmetatable(string)", "false" },
	{ "return getmetatable('x')", "false" },
	{ "local s = 'x' s.y = 1", "attempt to index a string value" },
	{ "setmetatable({}, { __gc = 1 })", "rule.lua:1: a metatable of a rule cannot have __gc" },
	{ "local t = setmetatable({}, { __metatable = 'mine' }) return getmetatable(t)", "mine" },
	{ "local t = setmetatable({}, { __metatable = 'mine' }) setmetatable(t, nil)",
	  "a protected metatable" },
	{ "local m = {} return getmetatable(setmetatable({}, m)) == m", "true" },
	{ "return tostring({})", "table" },
	{ "return tostring(print or next)", "no such name" },
	{ "return tostring(next)", "function" },
	{ "return tostring(setmetatable({}, { __name = 'x' }))", "table" },
	{ "return tostring(setmetatable({}, { __tostring = function() return 'mine' end }))", "mine" },
	{ "return tostring(nil) .. tostring(1.5) .. tostring(true)", "nil1.5true" },
	{ "return ('%s %5s %d %%s %s'):format({}, next, 7, 'x')", "table function 7 %s x" },
	{ "return ('%p'):format({})", "rule.lua:1: invalid conversion '%p' to 'format'" },
	{ "return ('%-20p'):format({})", "invalid conversion '%p' to 'format'" },
	{ "return ('%d'):format({})",
	  "rule.lua:1: bad argument #1 to 'format' (number expected, got table)" },
	{ "return ('a\\0%p'):format({})", "invalid conversion" },
	{ "return math.randomseed()", "bad argument #1 to 'randomseed'" },
	{ "return select('#', table.unpack({ 1, 2, nil, 4 }, 1, 4))", "4" },
	{ "local t = { 3, 1, 2 } table.sort(t) return table.concat(t, ' ')", "1 2 3" },
	{ "local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return table.concat(t)",
	  "321" },
	{ "table.sort({ 1, 'x' })", "attempt to compare" },
	{ "local t = { 1, 3 } table.insert(t, 2, 2) table.insert(t, 4) return table.concat(t, ',', 2)",
	  "2,3,4" },
	{ "return table.remove({ 1, 2 }, 1) .. #table.move({ 1, 2, 3 }, 2, 3, 1)", "13" },
	{ "table.insert('x', 1)", "rule.lua:1: bad argument #1 to 'insert' (table expected, got string)" },
	{ "return ('ab'):rep(3, '-')", "ab-ab-ab" },
	{ "local ok, m = xpcall(error, function(m) return 'handled ' .. m end, 'x') return m", "handled x" },
	{ "return select(2, xpcall(function(a, b) return a + b end, error, 1, 2))", "3" },
	{ "return pcall(xpcall)", "false" },
	{ "return ('x'):find('x')", "1" },
	{ "return utf8.char(228)", "\xc3\xa4" },
	{ "local a <close> = nil return #'abc' + ('10' + 1)", "14" },
};

static void assigned(lua_State *L, const char *name, void *data)
{
	g_string_append_printf(data, "%s=%s;", name, library_tostring(L, -1, NULL));
	lua_pop(L, 1);
}

static int give(lua_State *L)
{
	lua_pushliteral(L, "given");
	return 1;
}

static void test_names(void)
{
	struct sandbox *sandbox = sandbox_new(NULL);
	lua_State *L = sandbox_state(sandbox);

	lua_pushcfunction(L, give);
	sandbox_set_loading_global(sandbox, "listen");
	lua_pushliteral(L, "a list");
	sandbox_set_global(sandbox, "partners");
	sandbox_set_running(sandbox, true);
	g_assert_true(sandbox_is_running(sandbox));
	for (size_t i = 0; i < G_N_ELEMENTS(running_cases); i++) {
		g_autofree char *got = call(sandbox, running_cases[i].chunk);

		if (strstr(got, running_cases[i].result) == NULL)
			g_test_message("%s", running_cases[i].chunk);
		if (strstr(running_cases[i].result, "rule.lua") != NULL)
			g_assert_cmpstr(got, ==, running_cases[i].result);
		g_assert_nonnull(strstr(got, running_cases[i].result));
	}
	g_assert_cmpint(lua_gettop(L), ==, 0);
	sandbox_free(sandbox);
}

static void test_loading(void)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	struct sandbox *sandbox = sandbox_new(seen);
	lua_State *L = sandbox_state(sandbox);
	g_autofree char *result = NULL;
	g_autofree char *later = NULL;
	g_autofree char *misspelt = NULL;
	g_autofree char *again = NULL;

	g_assert_true(sandbox_owner(sandbox_thread(sandbox)) == seen);
	sandbox_on_assigned(sandbox, assigned, seen);
	lua_pushcfunction(L, give);
	sandbox_set_loading_global(sandbox, "listen");
	lua_pushcfunction(L, give);
	sandbox_set_loading_global(sandbox, "check");
	result = call(
	        sandbox,
	        "zen = listen() function incoming() return zen end check = 7 zen = zen .. '!' return zen");
	g_assert_cmpstr(result, ==, "given!");
	g_assert_cmpstr(seen->str, ==, "zen=given;incoming=function;check=7;zen=given!;");
	misspelt = call(sandbox, "lisen()");
	g_assert_cmpstr(misspelt, ==, "rule.lua:1: no such name 'lisen' (did you mean 'listen'?)");
	sandbox_set_running(sandbox, true);
	later = call(sandbox, "return incoming() .. check");
	g_assert_cmpstr(later, ==, "given!7");
	/* As a file of rule tests, loaded after the rules. */
	sandbox_set_running(sandbox, false);
	again = call(sandbox, "more = listen() return more .. incoming()");
	g_assert_cmpstr(again, ==, "givengiven!");
	sandbox_free(sandbox);
}

static void test_chunks(void)
{
	static const char binary[] = LUA_SIGNATURE "\x54";
	struct sandbox *sandbox = sandbox_new(NULL);
	lua_State *L = sandbox_state(sandbox);

	g_assert_false(sandbox_load(L, "rule.lua", binary, sizeof(binary)));
	g_assert_nonnull(strstr(lua_tostring(L, -1), "attempt to load a binary chunk"));
	g_assert_false(sandbox_load(L, "rule.lua", "x = = 1", 7));
	g_assert_cmpstr(lua_tostring(L, -1), ==, "rule.lua:1: unexpected symbol near '='");
	sandbox_free(sandbox);
}

/* -- threads ------------------------------------------------------------- */

static int pause_rule(lua_State *L)
{
	return lua_yield(L, lua_gettop(L));
}

static void test_waiting(void)
{
	struct sandbox *sandbox = open_sandbox();
	lua_State *thread = sandbox_thread(sandbox);
	int results, status;

	lua_pushcfunction(sandbox_state(sandbox), pause_rule);
	sandbox_set_global(sandbox, "pause");
	for (int i = 0; i < 3; i++) {
		lua_pushliteral(thread, "below");
		load(thread,
		     "local a = ... local ok, b, c = xpcall(function() return pause(a), pause(2) end, "
		     "error)\n"
		     "local d = select(2, pcall(function() error({ pause(3) }) end))[1] return b + c, d");
		lua_pushinteger(thread, 1);
		for (int j = 1; j <= 3; j++) {
			status = sandbox_resume(sandbox, thread, 1, &results);
			g_assert_cmpint(status, ==, LUA_YIELD);
			g_assert_cmpint(results, ==, 1);
			g_assert_cmpint(lua_tointeger(thread, -1), ==, j);
			lua_pop(thread, 1);
			lua_pushinteger(thread, 10 * j);
		}
		status = sandbox_resume(sandbox, thread, 1, &results);
		g_assert_cmpint(status, ==, LUA_OK);
		g_assert_cmpint(results, ==, 2);
		g_assert_cmpint(lua_tointeger(thread, -2), ==, 30);
		g_assert_cmpint(lua_tointeger(thread, -1), ==, 30);
		lua_settop(thread, -results - 1);
		g_assert_cmpint(lua_gettop(thread), ==, 1);
		g_assert_cmpstr(lua_tostring(thread, 1), ==, "below");
		lua_settop(thread, 0);
	}
	sandbox_free(sandbox);
}

static void test_errors_in_thread(void)
{
	static const struct {
		const char *chunk, *error;
		bool ended;
	} cases[] = {
		{ "pause() error('mine')", "rule.lua:1: mine", false },
		{ "pause() " LOOP, "rule.lua:1: the rule took more than 10 ms of processor time", true },
		{ "pcall(function() pause() " LOOP "end) return 1",
		  "rule.lua:1: the rule took more than 10 ms of"
		  " processor time",
		  true },
		{ "pause(); ('a'):gsub('a', pause)", "attempt to yield across a C-call boundary", false },
	};
	struct sandbox *sandbox = open_sandbox();
	lua_State *thread = sandbox_thread(sandbox);
	int results, status;

	lua_pushcfunction(sandbox_state(sandbox), pause_rule);
	sandbox_set_global(sandbox, "pause");
	for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		lua_pushliteral(thread, "below");
		load(thread, cases[i / 2].chunk);
		status = sandbox_resume(sandbox, thread, 0, &results);
		g_assert_cmpint(status, ==, LUA_YIELD);
		status = sandbox_resume(sandbox, thread, 0, &results);
		g_assert_cmpint(status, ==, LUA_ERRRUN);
		g_assert_cmpint(results, ==, 1);
		g_assert_cmpstr(lua_tostring(thread, -1), ==, cases[i / 2].error);
		g_assert_cmpint(sandbox_aborted(sandbox) != NULL, ==, cases[i / 2].ended);
		g_assert_cmpstr(lua_tostring(thread, 1), ==, "below");
		lua_settop(thread, 0);
	}
	sandbox_free(sandbox);
}

/* Runs a rule within the chunk, as rule tests do. */
static int run_within(lua_State *L)
{
	struct sandbox *sandbox = sandbox_of(L);
	lua_State *thread = *(lua_State **)sandbox_owner(L);
	g_autofree char *text = NULL;
	int status;

	sandbox_set_instructions(sandbox, (int)luaL_optinteger(L, 2, 0));
	sandbox_set_running(sandbox, true);
	text = resume(sandbox, thread, lua_tostring(L, 1), &status);
	sandbox_set_running(sandbox, false);
	sandbox_set_instructions(sandbox, 0);
	lua_pushstring(L, text);
	return 1;
}

static void test_nested(void)
{
	lua_State *thread = NULL;
	struct sandbox *sandbox = sandbox_new(&thread);
	g_autofree char *text = NULL;
	g_autofree char *loop = NULL;

	thread = sandbox_thread(sandbox);
	sandbox_set_time(sandbox, 1);
	lua_pushcfunction(sandbox_state(sandbox), run_within);
	sandbox_set_global(sandbox, "within");
	text = call(sandbox,
	            "return within('while true do end', 20000) .. '; ' .. within('return 7') .. '; ' ..\n"
	            "within('return (\"a\"):rep(400):find(\".-.-.-.-b\")')");
	g_assert_cmpstr(text, ==,
	                "rule.lua:1: the rule ran more than 20000 instructions; 7; "
	                "rule.lua:1: pattern matching took too many steps");
	g_assert_null(sandbox_aborted(sandbox));
	loop = call(sandbox, "pcall(within, '" LOOP "') return 'not ended'");
	g_assert_cmpstr(loop, ==, "rule.lua:1: loading the file took more than 100 ms of processor time");
	sandbox_free(sandbox);
}

/* One of several loops: rules that end by themselves, and now and then one that does not. */
static void *run_loop(void *data)
{
	static const char sum[] = "local n = 0 for i = 1, 2000 do n = n + i end return n";
	struct sandbox *sandbox = open_sandbox();
	lua_State *thread = sandbox_thread(sandbox);

	(void)data;
	for (int i = 1; i <= 300; i++) {
		bool endless = i % 100 == 0;
		int status;
		char *text = resume(sandbox, thread, endless ? LOOP : sum, &status);

		g_assert_true(endless || strcmp(text, "2001000") == 0);
		g_free(text);
		g_assert_cmpint(sandbox_aborted(sandbox) != NULL, ==, endless);
		g_assert_cmpint(status, ==, endless ? LUA_ERRRUN : LUA_OK);
	}
	sandbox_free(sandbox);
	return NULL;
}

static void test_loops(void)
{
	GThread *threads[4];

	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("loop", run_loop, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sandbox/every attack ends and the next run works", test_attacks);
	g_test_add_func("/sandbox/every attack ends in a coroutine that is used again",
	                test_attacks_in_thread);
	g_test_add_func("/sandbox/instructions are counted", test_instructions);
	g_test_add_func("/sandbox/garbage is no memory in use", test_garbage);
	g_test_add_func("/sandbox/loading has limits of its own", test_loading_limits);
	g_test_add_func("/sandbox/a rule sees only what it should", test_names);
	g_test_add_func("/sandbox/globals are set while loading", test_loading);
	g_test_add_func("/sandbox/only text is loaded", test_chunks);
	g_test_add_func("/sandbox/a rule waits, also within pcall", test_waiting);
	g_test_add_func("/sandbox/a coroutine can be used again after an error", test_errors_in_thread);
	g_test_add_func("/sandbox/a run within a run has limits of its own", test_nested);
	g_test_add_func("/sandbox/only the run that takes too long is ended", test_loops);
	return g_test_run();
}
