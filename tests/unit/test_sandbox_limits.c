/* unit/test_sandbox_limits.c - what rules may not take beside time and memory: depth, C, the request's arena
 */
#include <glib.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include "policy.h"
#include "rule/library.h"
#include "rule/run.h"

/* -- running ------------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int pause_rule(lua_State *L)
{
	return lua_yield(L, lua_gettop(L));
}

static struct sandbox *open_sandbox(void)
{
	struct sandbox *sandbox = sandbox_new(NULL);

	lua_pushcfunction(sandbox_state(sandbox), pause_rule);
	sandbox_set_global(sandbox, "pause");
	sandbox_set_memory(sandbox, 4 << 20);
	sandbox_set_running(sandbox, true);
	return sandbox;
}

static void load(lua_State *L, const char *chunk)
{
	if (!sandbox_load(L, "rule.lua", chunk, strlen(chunk)))
		g_error("%s", lua_tostring(L, -1));
}

/* Runs it in a coroutine, through all its waits. Returns its result or error as text. */
static char *run(struct sandbox *sandbox, lua_State *thread, const char *chunk)
{
	int results = 0, status;
	char *text;

	load(thread, chunk);
	while ((status = sandbox_resume(sandbox, thread, 0, &results)) == LUA_YIELD)
		lua_pop(thread, results);
	text = g_strdup(results > 0 ? library_tostring(thread, -1, NULL) : "");
	lua_settop(thread, 0);
	return text;
}

/* -- depth --------------------------------------------------------------- */

#define TOO_DEEP "pcall is called within 1000 other calls"

static const struct {
	const char *chunk, *result;
	pp_msec_t time;
} depths[] = {
	{ "local f f = function() pcall(f) f() end f()", "rule.lua:1: " TOO_DEEP, 10000 },
	{ "local f f = function() xpcall(f, tostring) f() end f()", "rule.lua:1: " TOO_DEEP, 10000 },
	{ "local function walk(t) local ok = pcall(walk, t.next) return walk(t.next) end\n"
	  "local t = {} t.next = t walk(t)",
	  "rule.lua:1: " TOO_DEEP, 10000 },
	{ "local function f() return pcall(f), f() end while true do pcall(f) end", "rule.lua:1: " TOO_DEEP,
	  10000 },
	/* Ended where the stack is deep and errors are caught as often as may be. */
	{ "local function g(n) if n > 0 then g(n - 1) tostring(n) end while true do tostring(n) end end\n"
	  "local function f(n) if n == 0 then g(15000) end pcall(f, n - 1) while true do end end f(180)",
	  "rule.lua:1: the rule took more than 20 ms of processor time", 20 },
	/* As deep as it may be. */
	{ "local function f(n) if n == 0 then pause() error('caught', 0) end\n"
	  "local ok, e = pcall(f, n - 1) error(e .. (n % 50 == 0 and n or ''), 0) end\n"
	  "return select(2, pcall(f, 180))",
	  "caught50100150", 10000 },
	{ "local function f(n) if n > 0 then return (f(n - 1)) end return pcall(pause) end return f(990)",
	  "true", 10000 },
	{ "local function f(n) if n > 0 then return (f(n - 1)) end return pcall(pause) end return f(999)",
	  "rule.lua:1: " TOO_DEEP, 10000 },
};

static void test_depth(void)
{
	struct sandbox *sandbox = open_sandbox();
	lua_State *thread = sandbox_thread(sandbox);

	for (size_t i = 0; i < G_N_ELEMENTS(depths); i++) {
		double before = cpu_seconds();
		g_autofree char *text = NULL;

		sandbox_set_time(sandbox, depths[i].time);
		text = run(sandbox, thread, depths[i].chunk);
		g_assert_cmpstr(text, ==, depths[i].result);
		g_assert_cmpint(sandbox_aborted(sandbox) != NULL, ==, strstr(text, "rule.lua") != NULL);
		g_assert_cmpfloat(cpu_seconds() - before, <, 2);
	}
	sandbox_free(sandbox);
}

/* -- memory that is not the run's ---------------------------------------- */

static void test_kept(void)
{
	struct sandbox *sandbox = sandbox_new(NULL);
	lua_State *thread = sandbox_thread(sandbox);
	static const char grow[] = "for i = 1, 20 do kept[#kept + 1] = ('x'):rep(10000) .. #kept end";
	g_autofree char *own = NULL;
	g_autofree char *text = NULL;

	sandbox_set_time(sandbox, 10000);
	sandbox_set_memory(sandbox, 1 << 20);
	load(sandbox_state(sandbox), "kept = {}");
	g_assert_cmpint(sandbox_call(sandbox, 0, 0), ==, LUA_OK);
	sandbox_set_running(sandbox, true);
	own = run(sandbox, thread, "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(10000) .. i end");
	g_assert_cmpstr(own, ==, "rule.lua:1: the rule took more than 1M of memory");
	do {
		g_free(text);
		text = run(sandbox, thread, grow);
	} while (sandbox_aborted(sandbox) == NULL);
	g_assert_nonnull(strstr(text, "rule.lua:1: the rule took more than 1M of memory; 9"));
	g_assert_nonnull(
	        strstr(text, " % of it are kept by variables of the file, or by requests that wait"));
	sandbox_free(sandbox);
}

/* -- what rules call ----------------------------------------------------- */

struct outcome {
	char *error; /* NULL: it gave an action */
	size_t arena;
};

static void done(struct run *run, const struct verdict *verdict)
{
	struct outcome *outcome = run->order.user;

	outcome->error = g_strdup(verdict->error);
	outcome->arena = arena_size(&run->order.request->arena);
}

static bool ask(struct program_hooks *hooks, struct run *run, struct rule_ask *ask)
{
	(void)hooks;
	(void)run;
	(void)ask;
	return true;
}

static struct outcome run_rule(const char *body)
{
	static const char *const pairs[] = { "request", "smtpd_access_policy", NULL };
	g_autofree char *text = g_strconcat("partners = check.list { file = \"partners.txt\" }\n"
	                                    "function incoming(req) ",
	                                    body, " end\nlisten(\"inet:127.0.0.1:10031\", incoming)\n", NULL);
	struct program_hooks hooks = { .ask = ask };
	struct outcome outcome = { NULL, 0 };
	struct request_pool *pool = request_pool_new();
	struct request *request = request_new(pool);
	struct plan *plan;
	struct program *program = policy_load(text, &plan);
	const struct run_order order = {
		.program = program,
		.request = request,
		.rule = &g_array_index(program->rules, struct program_rule, 0),
		.deadline = 10000,
		.done = done,
		.user = &outcome,
	};

	g_assert_null(request_from_pairs(request, pairs));
	sandbox_set_time(program->sandbox, 10000);
	program->hooks = &hooks;
	run_start(&order);
	program->hooks = NULL;
	request_unref(request);
	policy_unload(program, plan);
	request_pool_free(pool);
	return outcome;
}

static const struct {
	const char *body, *error; /* NULL: it gives an action */
} calls[] = {
	{ "return dunno(now((\"%d\"):rep(100)))" },
	{ "return dunno(now(\"\"))" },
	{ "return dunno(tostring(now() > 0))" },
	{ "return dunno(now((\"%c\"):rep(101)))",
	  "policy.lua:2: now: found a format of 202 bytes, wanted at most 200" },
	{ "return dunno(now((\"%c\"):rep(4000000)))",
	  "policy.lua:2: now: found a format of 8000000 bytes, wanted at most 200" },
	{ "local t = (\"x\"):rep(400) for i = 1, 1000 do reject(\"5.7.1\", t) end return dunno()" },
	{ "local t = (\"x\"):rep(400) while true do reject(\"5.7.1\", t) end",
	  "policy.lua:2: the request takes too much memory" },
	{ "local t = (\"x\"):rep(400) while true do pcall(reject, \"5.7.1\", t) end",
	  "policy.lua:2: the request takes too much memory" },
	{ "local big = (\"x\"):rep(10000) while true do partners(req, { value = big }) end",
	  "policy.lua:2: the request takes too much memory" },
	{ "local i, t = 0, (\"x\"):rep(999) while true do i = i + 1 partners(req, { value = i .. t }) end",
	  "policy.lua:2: the request takes too much memory" },
	{ "for i = 1, 100000 do note(\"key\", (\"x\"):rep(999)) end return dunno()" },
};

static void test_calls(void)
{
	policy_begin();
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		struct outcome outcome = run_rule(calls[i].body);

		g_assert_cmpstr(outcome.error, ==, calls[i].error);
		g_assert_cmpuint(outcome.arena, <, 5 << 20);
		g_free(outcome.error);
	}
	policy_end();
}

static void test_arena_size(void)
{
	struct arena arena;

	arena_init(&arena);
	g_assert_cmpuint(arena_size(&arena), ==, 0);
	arena_alloc(&arena, 1);
	g_assert_cmpuint(arena_size(&arena), <, 5000);
	arena_alloc(&arena, 100000);
	g_assert_cmpuint(arena_size(&arena), >, 100000);
	arena_reset(&arena);
	g_assert_cmpuint(arena_size(&arena), >, 0);
	g_assert_cmpuint(arena_size(&arena), <, 5000);
	arena_free(&arena);
	g_assert_cmpuint(arena_size(&arena), ==, 0);
}

/* In a coroutine each leaves our C function around pcall without a return from it. */
static void test_caught_errors(void)
{
	struct sandbox *sandbox = open_sandbox();
	lua_State *thread = sandbox_thread(sandbox);
	g_autofree char *text = NULL;

	sandbox_set_time(sandbox, 10000);
	text = run(sandbox, thread,
	           "local n = 0 for i = 1, 100000 do\n"
	           "if not pcall(error, i) then n = n + 1 end end return n");
	g_assert_cmpstr(text, ==, "100000");
	sandbox_free(sandbox);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sandbox/pcall within pcall has an end, and a fast one", test_depth);
	g_test_add_func("/sandbox/memory that a file keeps is not blamed on a rule", test_kept);
	g_test_add_func("/sandbox/what is in C and in the request's arena has bounds", test_calls);
	g_test_add_func("/sandbox/an arena knows its size", test_arena_size);
	g_test_add_func("/sandbox/a rule may catch any number of errors", test_caught_errors);
	return g_test_run();
}
