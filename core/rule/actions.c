/* rule/actions.c - actions in rules: made only by constructors */
#include "rule/actions.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>
#include "rule/run.h"

struct lua_action *actions_get(lua_State *L, int index)
{
	return objects_get(L, index, OBJECT_ACTION);
}

static bool is_enhanced_code(const char *text)
{
	const char *at = text + 1;

	if (!isdigit((unsigned char)text[0]))
		return false;
	for (int part = 0; part < 2; part++) {
		size_t digits;

		if (*at++ != '.')
			return false;
		digits = strspn(at, "0123456789");
		if (digits == 0 || digits > 3)
			return false;
		at += digits;
	}
	return *at == '\0';
}

static const char *text_argument(lua_State *L, int index, const char *name)
{
	if (lua_type(L, index) == LUA_TSTRING)
		return lua_tostring(L, index);
	luaL_error(L, "%s: found %s, wanted text", name, program_describe(L, index));
	return NULL;
}

/* One text alone is a code only where it can be the action's: a text that a stranger
 * wrote never makes an error of a refusal. */
static bool is_own_code(enum action_verb verb, const char *text)
{
	if (!is_enhanced_code(text))
		return false;
	if (verb == ACTION_REJECT)
		return *text == '5';
	return *text == '4' &&
	       (verb == ACTION_DEFER || verb == ACTION_DEFER_IF_PERMIT || verb == ACTION_DEFER_IF_REJECT);
}

/* Reads the arguments of a constructor: an enhanced code, a text, both or none. */
static void read_arguments(lua_State *L, enum action_verb verb, const char **enhanced, const char **text)
{
	const char *name = action_name(verb);
	int count = lua_gettop(L);

	*enhanced = *text = NULL;
	if (count > 2)
		luaL_error(L, "%s: found %d values, wanted at most a code and one text; join texts with ..",
		           name, count);
	if (count == 0)
		return;
	*text = text_argument(L, 1, name);
	if (count == 1 && !is_own_code(verb, *text))
		return;
	*enhanced = *text;
	*text = count == 2 ? text_argument(L, 2, name) : NULL;
	if (verb == ACTION_REPLY) {
		*text = lua_pushfstring(L, "%s %s", *enhanced, *text);
		*enhanced = NULL;
	} else if (!is_enhanced_code(*enhanced)) {
		luaL_error(L,
		           "%s: found '%s', wanted an enhanced status code such as \"5.7.1\" before the text",
		           name, *enhanced);
	}
}

static int construct(lua_State *L)
{
	struct program *program = lua_touserdata(L, lua_upvalueindex(2));
	enum action_verb verb = (enum action_verb)lua_tointeger(L, lua_upvalueindex(1));
	struct run *run = program->current;
	struct arena *arena = run != NULL ? &run->order.request->arena : &program->plan->arena;
	const char *enhanced, *text, *reason;
	struct lua_action *made;
	struct action action;
	lua_Debug debug;
	size_t length;

	read_arguments(L, verb, &enhanced, &text);
	if (!action_make(arena, verb, enhanced, text, program->classes, &action, &reason))
		return luaL_error(L, "%s", reason);
	length = strlen(action.text);
	made = lua_newuserdatauv(L, sizeof(*made) + length + 1, 0);
	made->kind = OBJECT_ACTION;
	made->action = action;
	made->action.text = memcpy(made->text, action.text, length + 1);
	made->line = 0;
	made->file = "";
	if (lua_getstack(L, 1, &debug) && lua_getinfo(L, program->hooks != NULL ? "Sl" : "l", &debug)) {
		made->line = debug.currentline;
		if (program->hooks != NULL && run != NULL)
			made->file = arena_strdup(arena, debug.source + (*debug.source == '@'));
	}
	lua_rawgeti(L, LUA_REGISTRYINDEX, program->action_meta);
	lua_setmetatable(L, -2);
	if (run != NULL && program->hooks != NULL && program->hooks->made != NULL)
		program->hooks->made(program->hooks, run, made);
	return 1;
}

static int show(lua_State *L)
{
	struct lua_action *action = actions_get(L, 1);
	struct arena arena;

	arena_init(&arena);
	lua_pushstring(L, action != NULL ? action_print(&action->action, &arena) : "action");
	arena_free(&arena);
	return 1;
}

static int refuse_index(lua_State *L)
{
	return luaL_error(L, "an action has nothing to read; return it");
}

void actions_register(struct program *program)
{
	static const luaL_Reg methods[] = {
		{ "__tostring", show },
		{ "__index", refuse_index },
		{ "__newindex", refuse_index },
		{ NULL, NULL },
	};
	lua_State *L = program->L;

	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_pushliteral(L, "action");
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	program->action_meta = luaL_ref(L, LUA_REGISTRYINDEX);
	for (enum action_verb verb = 0; verb < ACTION_VERBS; verb++) {
		lua_pushinteger(L, (lua_Integer)verb);
		lua_pushlightuserdata(L, program);
		lua_pushcclosure(L, construct, 2);
		sandbox_set_global(program->sandbox, action_name(verb));
	}
}

int actions_read_setting(lua_State *L, int index, struct action *action)
{
	const struct lua_action *made;

	if (lua_isnoneornil(L, index))
		return 0;
	made = actions_get(L, index);
	if (made != NULL)
		*action = made->action;
	else if (lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), "close") == 0)
		*action = (struct action){ .verb = ACTION_CLOSE, .text = "" };
	else
		return -1;
	return 1;
}
