/* rule/program.c - a rule file loaded into a Lua state of its own */
#include "rule/program.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "rule/globals.h"
#include "rule/objects.h"
#include "rule/run.h"

#define INCLUDES_MAX 16
#define NOTE_KEY_MAX 32
#define LOG_TEXT_MAX 400

struct program *program_of(lua_State *L)
{
	return sandbox_owner(L);
}

/* -- places and descriptions --------------------------------------------- */

int program_line(lua_State *L)
{
	lua_Debug debug;

	return lua_getstack(L, 1, &debug) && lua_getinfo(L, "l", &debug) ? debug.currentline : 0;
}

struct plan_place program_place(struct program *program, lua_State *L)
{
	struct plan_place place = { program->source, 0 };
	struct plan_source *source;
	lua_Debug debug;

	/* The nearest function in Lua: pcall may stand between. */
	for (int level = 1; lua_getstack(L, level, &debug) && lua_getinfo(L, "Sl", &debug); level++) {
		if (debug.currentline <= 0)
			continue;
		source = plan_source(program->plan, debug.source + (*debug.source == '@'));
		if (source != NULL)
			return (struct plan_place){ source, debug.currentline };
	}
	return place;
}

const char *program_describe(lua_State *L, int index)
{
	const char *name = NULL;

	switch (lua_type(L, index)) {
	case LUA_TNONE:
	case LUA_TNIL: return "nil";
	case LUA_TBOOLEAN: return lua_toboolean(L, index) ? "true" : "false";
	case LUA_TNUMBER: return "a number";
	case LUA_TSTRING: return "a text";
	case LUA_TTABLE: return "a table";
	case LUA_TFUNCTION: return "a function";
	default: break;
	}
	if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
		name = lua_tostring(L, -1);
	if (name != NULL)
		lua_pop(L, 1);
	if (name != NULL && strcmp(name, "action") == 0)
		return "an action";
	if (name != NULL && strcmp(name, "answer") == 0)
		return "an answer";
	if (name != NULL && strcmp(name, "check") == 0)
		return "a check";
	return name != NULL && strcmp(name, "request") == 0 ? "the request" : "something else";
}

const char *program_text(lua_State *L, int index)
{
	return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : program_describe(L, index);
}

/* -- a program ----------------------------------------------------------- */

static void free_route(void *data)
{
	struct program_route *each = data;

	g_ptr_array_unref(each->values);
	g_array_unref(each->rules);
	g_free(each);
}

struct program *program_new(struct plan *plan)
{
	struct program *program = g_new0(struct program, 1);

	program->plan = plan;
	program->sandbox = sandbox_new(program);
	program->L = sandbox_state(program->sandbox);
	program->rules = g_array_new(FALSE, FALSE, sizeof(struct program_rule));
	program->routes = g_ptr_array_new_with_free_func(free_route);
	program->checks = g_ptr_array_new();
	program->said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	objects_register(program);
	globals_register(program);
	return program;
}

void program_free(struct program *program)
{
	struct run *run;

	if (program == NULL)
		return;
	while ((run = program->spare) != NULL) {
		program->spare = run->next_spare;
		g_free(run);
	}
	sandbox_free(program->sandbox);
	g_array_unref(program->rules);
	g_ptr_array_unref(program->routes);
	g_ptr_array_unref(program->checks);
	g_hash_table_unref(program->said);
	g_free(program->classes);
	g_free(program);
}

void program_load(struct program *program, const char *path)
{
	struct plan *plan = program->plan;
	g_autofree char *reason = NULL;
	struct plan_source *source = plan_read(plan, path, &reason);

	plan->main_path = arena_strdup(&plan->arena, path);
	if (source == NULL) {
		plan_fail(plan, NULL, path, "%s", reason);
		return;
	}
	program->source = source;
	if (!sandbox_load(program->L, source->path, source->bytes, source->size) ||
	    sandbox_call(program->sandbox, 0, 0) != LUA_OK) {
		const char *error = sandbox_aborted(program->sandbox);

		g_ptr_array_add(plan->errors, g_strdup(error != NULL ? error : program_text(program->L, -1)));
	}
	lua_settop(program->L, 0);
}

static void name_rule(struct program *program, struct program_rule *rule, const char *otherwise)
{
	rule->name = globals_name_of(program, rule->function);
	if (rule->name == NULL && otherwise == NULL)
		otherwise = program_route_of(program, rule) != NULL ? "route" : "rule";
	if (rule->name == NULL)
		rule->name = otherwise;
}

void program_set_classes(struct program *program)
{
	const pp_texts_t *classes = program->plan->server.restriction_classes;

	g_free(program->classes);
	program->classes = g_new0(const char *, (classes != NULL ? classes->count : 0) + 1);
	for (size_t i = 0; classes != NULL && i < classes->count; i++)
		program->classes[i] = classes->items[i];
}

void program_bind(struct program *program)
{
	for (guint i = 0; i < program->checks->len; i++)
		objects_bind_check(program->L, program->checks->pdata[i]);
	for (guint i = 0; i < program->rules->len; i++)
		name_rule(program, &g_array_index(program->rules, struct program_rule, i), NULL);
	for (guint i = 0; i < program->routes->len; i++) {
		struct program_route *each = program->routes->pdata[i];

		for (guint j = 0; j < each->rules->len; j++)
			name_rule(program, &g_array_index(each->rules, struct program_rule, j),
			          each->values->pdata[j]);
	}
	sandbox_set_running(program->sandbox, true);
}
