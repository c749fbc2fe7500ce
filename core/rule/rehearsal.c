/* rule/rehearsal.c - rule tests: ppolicyd --test */
#include "rule/rehearsal.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "rule/compare.h"
#include "rule/expect.h"
#include "rule/fixture.h"
#include "rule/stage.h"

#define EXIT_CONFIG 78         /* EX_CONFIG of sysexits.h */
#define INSTRUCTIONS 300000000 /* of a test */
#define TIME_MAX 600000        /* ms of the processor: instructions are what ends a rule */

struct rehearsal {
	struct stage stage; /* first */
	const char *path;   /* of the test file */
	unsigned tests, failed;
	bool within; /* a test */
};

static struct rehearsal *rehearsal_of(lua_State *L)
{
	return (struct rehearsal *)stage_of(L);
}

/* -- results ------------------------------------------------------------- */

static void print_clean(const char *before, const char *text, size_t length)
{
	g_autofree char *clean = g_malloc(length * 3 + 1);

	text_clean(clean, length * 3 + 1, text, length);
	printf("%s%s\n", before, clean);
}

static void print_lines(const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		print_clean("# ", text, length);
		text += length + (text[length] == '\n');
	}
}

/* message: NULL = passed. What was refused without an error of its own counts too. */
static void report(struct rehearsal *rehearsal, const char *name, const char *message, guint refused_before)
{
	GPtrArray *errors = rehearsal->stage.program->plan->errors;
	bool failed = message != NULL || errors->len > refused_before;

	rehearsal->tests++;
	rehearsal->failed += failed;
	printf("%sok %u - ", failed ? "not " : "", rehearsal->tests);
	print_clean("", name, strlen(name));
	if (message != NULL)
		print_lines(message);
	for (guint i = refused_before; i < errors->len; i++)
		print_lines(errors->pdata[i]);
	g_ptr_array_set_size(errors, (int)refused_before);
	fflush(stdout);
}

/* -- test ---------------------------------------------------------------- */

static int test_call(lua_State *L);

static bool is_test_call(lua_State *L, int level)
{
	lua_Debug debug;
	bool equal;

	if (!lua_getstack(L, level, &debug) || !lua_getinfo(L, "f", &debug))
		return true;
	equal = lua_tocfunction(L, -1) == test_call;
	lua_pop(L, 1);
	return equal;
}

static bool begins_with_place(lua_State *L, int level, const char *message)
{
	lua_Debug debug;

	return lua_getstack(L, level, &debug) && lua_getinfo(L, "S", &debug) &&
	       (g_str_has_prefix(message, debug.short_src) || g_str_has_prefix(message, debug.source + 1));
}

/* Handles errors of tests: says where, and who called. */
static int explain(lua_State *L)
{
	struct arena *arena = &stage_of(L)->scratch;
	const char *message;
	bool inner = true;
	GString *text;

	if (sandbox_is_ended(L))
		return 1;
	message = lua_type(L, 1) == LUA_TSTRING
	                  ? lua_tostring(L, 1)
	                  : arena_printf(arena, "error() was called with %s", program_describe(L, 1));
	text = g_string_new(message);
	for (int level = 0; !is_test_call(L, level); level++) {
		const char *place = stage_where(L, level, arena);

		if (place == NULL)
			continue;
		if (!inner)
			g_string_append_printf(text, "\n  called from %s", place);
		else if (!begins_with_place(L, level, message))
			g_string_prepend(g_string_prepend(text, ": "), place);
		inner = false;
	}
	lua_pushstring(L, text->str);
	g_string_free(text, TRUE);
	return 1;
}

/* Upvalue: the stage. Calls its argument; returns whether it went well, and the error. */
static int call_explained(lua_State *L)
{
	lua_pushlightuserdata(L, stage_of(L));
	lua_pushcclosure(L, explain, 1);
	lua_insert(L, 1);
	lua_pushboolean(L, lua_pcall(L, 0, 0, 1) == LUA_OK);
	lua_insert(L, 2);
	lua_settop(L, 3);
	return 2;
}

/* Calls the function on top of the stack, within limits of its own. NULL: it went
 * well; else an error, on the stack. */
static const char *call(lua_State *L, struct stage *stage)
{
	struct sandbox *sandbox = stage->program->sandbox;

	lua_pushlightuserdata(L, stage);
	lua_pushcclosure(L, call_explained, 1);
	lua_insert(L, -2);
	sandbox_set_instructions(sandbox, INSTRUCTIONS);
	if (sandbox_call(sandbox, 1, 2) != LUA_OK)
		return lua_tostring(L, -1);
	return lua_toboolean(L, -2) ? NULL : lua_tostring(L, -1);
}

static int test_call(lua_State *L)
{
	struct rehearsal *rehearsal = rehearsal_of(L);
	const char *name = luaL_checkstring(L, 1);
	GPtrArray *errors = rehearsal->stage.program->plan->errors;
	guint refused_before = errors->len;
	unsigned calls = rehearsal->stage.calls;
	const char *message;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (rehearsal->within)
		return stage_fail(L, "test() cannot stand within a test");
	lua_settop(L, 2);
	stage_clear(&rehearsal->stage);
	rehearsal->within = true;
	fixture_next(&rehearsal->stage.files);
	message = call(L, &rehearsal->stage);
	rehearsal->within = false;
	fixture_next(&rehearsal->stage.files);
	rehearsal->stage.calls = calls;
	report(rehearsal, name, message, refused_before);
	stage_clear(&rehearsal->stage);
	return 0;
}

/* -- time ---------------------------------------------------------------- */

static int after_call(lua_State *L)
{
	const char *text = luaL_checkstring(L, 1), *why;
	pp_msec_t length;

	if (!duration_parse(text, &length, &why))
		return stage_fail(L, "after: found '%s': %s", text, why);
	stage_pass(stage_of(L), length);
	return 0;
}

/* -- what a test file sees ----------------------------------------------- */

/* Upvalues: the stage, the function. It finds its stage as if it were called itself. */
static int call_of_test(lua_State *L)
{
	struct stage *stage = stage_of(L);
	lua_CFunction function = lua_tocfunction(L, lua_upvalueindex(2));

	if (stage->program->current != NULL)
		return luaL_error(L, "this is a function of tests; a rule cannot call it");
	stage->calls++;
	return function(L);
}

static void set_functions(lua_State *L, struct stage *stage)
{
	static const luaL_Reg functions[] = {
		{ "expect", expect_call },      { "ask", expect_ask },
		{ "answers", given_call },      { "given_dns", given_dns_call },
		{ "equal", compare_equal },     { "contains", compare_contains },
		{ "refused", fixture_refused }, { "after", after_call },
		{ "write", fixture_write },     { NULL, NULL },
	};

	for (const luaL_Reg *each = functions; each->name != NULL; each++) {
		lua_pushlightuserdata(L, stage);
		lua_pushcfunction(L, each->func);
		lua_pushcclosure(L, call_of_test, 2);
		lua_setfield(L, -2, each->name);
	}
	lua_pushlightuserdata(L, stage);
	lua_pushcclosure(L, test_call, 1);
	lua_setfield(L, -2, "test");
}

/* Gives the chunk on top of the stack names of its own before those of rule files:
 * a rule that has a function of such a name keeps it. */
static void enclose(lua_State *L, struct stage *stage)
{
	int chunk = lua_gettop(L), seen = chunk + 1;

	lua_getupvalue(L, chunk, 1);
	lua_newtable(L); /* the names */
	set_functions(L, stage);
	fixture_push_check(L, stage);
	lua_setfield(L, -2, "check");
	lua_newtable(L);
	lua_pushvalue(L, seen);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_newtable(L); /* the metatable of the environment */
	lua_insert(L, -2);
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, seen);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	lua_insert(L, -2);
	lua_setmetatable(L, -2);
	lua_setupvalue(L, chunk, 1);
	lua_settop(L, chunk);
}

/* -- running a file ------------------------------------------------------ */

static int print_errors(const GPtrArray *errors)
{
	for (guint i = 0; i < errors->len; i++)
		fprintf(stderr, "%s\n", (const char *)errors->pdata[i]);
	return EXIT_CONFIG;
}

/* What stands outside of test() is a test too, if it tests anything. */
static void report_file(struct rehearsal *rehearsal, const char *message)
{
	GPtrArray *errors = rehearsal->stage.program->plan->errors;
	g_autofree char *name = g_path_get_basename(rehearsal->path);

	if (message == NULL && errors->len == 0 && rehearsal->tests == 0 && rehearsal->stage.calls == 0)
		message = "the file has no test() and expects nothing";
	if (message != NULL || errors->len > 0 || rehearsal->stage.calls > 0)
		report(rehearsal, name, message, 0);
}

static int run_file(struct rehearsal *rehearsal)
{
	struct program *program = rehearsal->stage.program;
	lua_State *L = program->L;
	g_autofree char *reason = NULL;
	struct plan_source *source = plan_read(program->plan, rehearsal->path, &reason);

	if (source == NULL) {
		fprintf(stderr, "%s: %s\n", rehearsal->path, reason);
		return EXIT_CONFIG;
	}
	if (!sandbox_load(L, source->path, source->bytes, source->size)) {
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
		return EXIT_CONFIG;
	}
	enclose(L, &rehearsal->stage);
	program->source = source;
	if (program->plan->main_path == NULL)
		program->plan->main_path = source->path;
	sandbox_set_time(program->sandbox, TIME_MAX);
	sandbox_set_running(program->sandbox, false);
	report_file(rehearsal, call(L, &rehearsal->stage));
	lua_settop(L, 0);
	printf("1..%u\n", rehearsal->tests);
	return rehearsal->failed > 0 ? 1 : 0;
}

static struct program *load_rules(const char *path)
{
	struct plan *plan = plan_new(NULL);
	struct program *program = program_new(plan);

	plan->rehearsal = true;
	if (path != NULL)
		program_load(program, path);
	if (plan_finish(plan, NULL)) {
		program_bind(program);
		return program;
	}
	print_errors(plan->errors);
	program_free(program);
	plan_free(plan);
	return NULL;
}

int rehearsal_run(const char *rules_path, const char *test_path)
{
	static const struct log_settings log = { .to = "stderr", .level = "warning" };
	struct rehearsal rehearsal = { .path = test_path };
	struct program *program;
	int status;

	clock_fake(pp_time());
	log_open(&log);
	program = load_rules(rules_path);
	if (program == NULL)
		return EXIT_CONFIG;
	stage_open(&rehearsal.stage, program);
	status = run_file(&rehearsal);
	stage_close(&rehearsal.stage);
	fixture_remove(&rehearsal.stage.files);
	return status;
}
