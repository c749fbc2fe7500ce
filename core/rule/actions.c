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

/* "521" or "521 5.7.1", both of one class. */
static bool is_reply_code(const char *text)
{
	return (text[0] == '4' || text[0] == '5') && isdigit((unsigned char)text[1]) &&
	       isdigit((unsigned char)text[2]) &&
	       (text[3] == '\0' || (text[3] == ' ' && text[4] == text[0] && is_enhanced_code(text + 4)));
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
		if (!is_reply_code(*enhanced))
			luaL_error(L,
			           "%s: found '%s', wanted a reply code such as \"521\" or \"521 5.7.1\" "
			           "before the text",
			           name, *enhanced);
		*text = lua_pushfstring(L, "%s %s", *enhanced, *text);
		*enhanced = NULL;
	} else if (!is_enhanced_code(*enhanced)) {
		luaL_error(L,
		           "%s: found '%s', wanted an enhanced status code such as \"5.7.1\" before the text",
		           name, *enhanced);
	}
}

/* Rules keep actions for longer than a request lives. The file takes time to find and is
 * not asked for of most that are made for a request. */
struct place {
	int line; /* 0 = not known */
	const char *file;
};

static bool wants_file(const struct program *program, enum action_verb verb)
{
	return program->hooks != NULL || program->current == NULL || action_class(verb) == ACTION_PERMIT;
}

/* Of the nearest function in Lua: pcall may stand between. */
static struct place find_place(lua_State *L, bool with_file)
{
	struct place place = { 0, "" };
	lua_Debug debug;

	for (int level = 1; place.line <= 0 && lua_getstack(L, level, &debug); level++) {
		lua_getinfo(L, with_file ? "Sl" : "l", &debug);
		place.line = MAX(debug.currentline, 0);
		if (place.line > 0 && with_file)
			place.file = g_intern_string(debug.source + (*debug.source == '@'));
	}
	return place;
}

static struct lua_action *push_action(lua_State *L, const struct program *program,
                                      const struct action *action, const struct place *place)
{
	const char *verbatim = action->verbatim;
	size_t length = strlen(action->text) + 1, more = verbatim != NULL ? strlen(verbatim) + 1 : 0;
	struct lua_action *made = lua_newuserdatauv(L, sizeof(*made) + length + more, 0);

	*made = (struct lua_action){ OBJECT_ACTION, *action, place->line, place->file };
	made->action.text = memcpy(made->text, action->text, length);
	if (verbatim != NULL)
		made->action.verbatim = memcpy(made->text + length, verbatim, more);
	lua_rawgeti(L, LUA_REGISTRYINDEX, program->action_meta);
	lua_setmetatable(L, -2);
	return made;
}

static void tell_made(struct program *program, const struct lua_action *made)
{
	struct run *run = program->current;

	if (run != NULL && program->hooks != NULL && program->hooks->made != NULL)
		program->hooks->made(program->hooks, run, made);
}

void actions_push(lua_State *L, struct program *program, const struct action *action)
{
	struct place place = find_place(L, wants_file(program, action->verb));

	tell_made(program, push_action(L, program, action, &place));
}

/* Upvalues: the verb, the program, and the actions made without arguments by the line
 * that makes them, since these are the same each time. */
static int construct(lua_State *L)
{
	struct program *program = lua_touserdata(L, lua_upvalueindex(2));
	enum action_verb verb = (enum action_verb)lua_tointeger(L, lua_upvalueindex(1));
	struct run *run = program->current;
	struct arena *arena = run != NULL ? &run->order.request->arena : &program->plan->arena;
	bool with_file = wants_file(program, verb), same = lua_gettop(L) == 0 && !with_file;
	struct place place = find_place(L, with_file);
	const char *enhanced, *text, *reason;
	struct lua_action *made;
	struct action action;

	if (same && lua_rawgeti(L, lua_upvalueindex(3), place.line) != LUA_TNIL)
		return 1;
	lua_settop(L, same ? 0 : lua_gettop(L));
	if (run != NULL)
		run_check_memory(run, L);
	read_arguments(L, verb, &enhanced, &text);
	if (!action_make(arena, verb, enhanced, text, program->classes, &action, &reason))
		return luaL_error(L, "%s", reason);
	made = push_action(L, program, &action, &place);
	tell_made(program, made);
	if (same) {
		lua_pushvalue(L, -1);
		lua_rawseti(L, lua_upvalueindex(3), place.line);
	}
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
		lua_newtable(L);
		lua_pushcclosure(L, construct, 3);
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

/* -- as values of parameters --------------------------------------------- */

struct made {
	struct pp_action head; /* first */
	struct action action;  /* its text is bytes */
	char bytes[];
};

static void add_quoted(GString *out, const char *text)
{
	const pp_value_t value = { .kind = PP_STRING, .string = text };

	value_print(out, &value);
}

/* reject("5.7.1", "no"), as it was written. */
static GString *print_source(const struct action *action)
{
	g_autoptr(GString) code = g_string_new(NULL);
	GString *out = g_string_new(action_name(action->verb));

	if (action->code != 0)
		g_string_printf(code, "%u%s", action->code, action->code_added ? "" : " ");
	if (!action->code_added)
		g_string_append(code, action->enhanced);
	g_string_append_c(out, '(');
	if (code->len > 0)
		add_quoted(out, code->str);
	if (*action->text != '\0' && !action->text_added) {
		g_string_append(out, code->len > 0 ? ", " : "");
		add_quoted(out, action->text);
	}
	g_string_append_c(out, ')');
	return out;
}

const pp_action_t *actions_as_value(const struct lua_action *action, struct arena *arena)
{
	g_autoptr(GString) source = print_source(&action->action);
	size_t length = strlen(action->action.text) + 1;
	struct made *made = arena_alloc0(arena, sizeof(*made) + length + source->len + 1);

	made->head = (struct pp_action){ sizeof(*made) + length + source->len + 1, sizeof(*made) + length };
	made->action = action->action;
	made->action.text = NULL;
	memcpy(made->bytes, action->action.text, length);
	memcpy(made->bytes + length, source->str, source->len + 1);
	return &made->head;
}

struct action actions_of_value(const pp_action_t *value)
{
	const struct made *made = (const struct made *)value;
	struct action action = made->action;

	action.text = made->bytes;
	return action;
}
