/* rule/library.c - the part of Lua's libraries that rules may use */
#include "rule/library.h"

#include <glib.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>
#include "rule/sandbox.h"

/* A table can be neither longer nor moved further: C functions of Lua go through
 * it, or through what it claims to hold, without a look at any limit. */
#define LONGEST 1000000
/* Calls around a call of pcall. In a coroutine Lua forgets the depth of its C stack
 * with every error that is caught, so that nothing else bounds pcall in pcall; and
 * an error goes through all open calls wherever it is caught. */
#define DEEPEST 1000

/* -- what the originals would do wrong ----------------------------------- */

/* The original is the first upvalue. It is called as if Lua had called it, so
 * that its errors name the right line and function. */
static int original(lua_State *L)
{
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static void check_table(lua_State *L, int argument)
{
	luaL_checktype(L, argument, LUA_TTABLE);
	if (luaL_getmetafield(L, argument, "__len") != LUA_TNIL)
		luaL_argerror(L, argument, "table without __len expected");
	if (lua_rawlen(L, argument) > LONGEST)
		luaL_argerror(L, argument, "table is too long");
}

static int table_bounded(lua_State *L)
{
	check_table(L, 1);
	return original(L);
}

static int table_concat(lua_State *L)
{
	lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, 1);

	check_table(L, 1);
	if (last > first && (lua_Unsigned)last - (lua_Unsigned)first > LONGEST)
		luaL_argerror(L, 4, "too many elements to concat");
	return original(L);
}

static int table_move(lua_State *L)
{
	lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);

	if (last > first && (lua_Unsigned)last - (lua_Unsigned)first > LONGEST)
		luaL_argerror(L, 3, "too many elements to move");
	return original(L);
}

static int is_less(lua_State *L)
{
	lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
	return 1;
}

static int table_sort(lua_State *L)
{
	check_table(L, 1);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		/* Calls can be ended; a sort without any cannot. */
		lua_pushcfunction(L, is_less);
		lua_replace(L, 2);
	}
	return original(L);
}

static int string_rep(lua_State *L)
{
	size_t size = 0, separator_size = 0;

	luaL_checklstring(L, 1, &size);
	luaL_optlstring(L, 3, "", &separator_size);
	luaL_checkinteger(L, 2);
	if (size == 0 && separator_size == 0) {
		/* The original repeats nothing as often as it is told to. */
		lua_pushliteral(L, "");
		return 1;
	}
	return original(L);
}

/* Puts texts without addresses in the place of tables, functions and userdata. */
static int string_format(lua_State *L)
{
	int argument = 1, last = lua_gettop(L);
	size_t size;
	const char *p = luaL_checklstring(L, 1, &size), *end = p + size;

	while ((p = memchr(p, '%', (size_t)(end - p))) != NULL) {
		p += 1 + strspn(p + 1, "-+ #0123456789.");
		if (p == end)
			break;
		argument += *p != '%';
		if (*p == 'p')
			return luaL_error(L, "invalid conversion '%%p' to 'format'");
		if (*p == 's' && argument <= last) {
			library_tostring(L, argument, NULL);
			lua_replace(L, argument);
		}
		p++;
	}
	return original(L);
}

static int math_randomseed(lua_State *L)
{
	/* Without one, the original takes the address of the state and returns it. */
	luaL_checkany(L, 1);
	return original(L);
}

/* -- base ---------------------------------------------------------------- */

const char *library_tostring(lua_State *L, int index, size_t *size)
{
	int type = lua_type(L, index);

	index = lua_absindex(L, index);
	if (luaL_callmeta(L, index, "__tostring")) {
		if (!lua_isstring(L, -1))
			luaL_error(L, "'__tostring' must return a string");
	} else if (type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN || type == LUA_TNIL) {
		luaL_tolstring(L, index, NULL);
	} else if (type != LUA_TUSERDATA || luaL_getmetafield(L, index, "__name") != LUA_TSTRING) {
		lua_pushstring(L, luaL_typename(L, index));
	}
	return lua_tolstring(L, -1, size);
}

static int base_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	library_tostring(L, 1, NULL);
	return 1;
}

static int base_getmetatable(lua_State *L)
{
	luaL_checkany(L, 1);
	if (!lua_getmetatable(L, 1))
		lua_pushnil(L);
	else if (!lua_istable(L, 1))
		lua_pushboolean(L, false);
	else
		luaL_getmetafield(L, 1, "__metatable");
	return 1;
}

static int base_setmetatable(lua_State *L)
{
	int type = lua_type(L, 2);

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (type == LUA_TTABLE) {
		/* Lua looks for it only here; no limit holds in a finalizer. */
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "a metatable of a rule cannot have __gc");
	}
	lua_settop(L, 2);
	lua_setmetatable(L, 1);
	return 1;
}

static void check_depth(lua_State *L)
{
	lua_Debug debug;

	if (lua_getstack(L, DEEPEST, &debug))
		sandbox_abort(L, "pcall is called within " G_STRINGIFY(DEEPEST) " other calls");
}

static int base_pcall(lua_State *L)
{
	check_depth(L);
	return original(L);
}

/* The upvalue is the script's handler. Lua switches hooks off while it handles an
 * error of a hook, so that a handler could run for ever. */
static int handle_error(lua_State *L)
{
	lua_settop(L, 1);
	if (sandbox_is_ended(L))
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int xpcall_finish(lua_State *L, int status, lua_KContext below)
{
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - (int)below;
	lua_pushboolean(L, false);
	lua_insert(L, -2);
	return 2;
}

static int base_xpcall(lua_State *L)
{
	int arguments = lua_gettop(L) - 2;

	check_depth(L);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, handle_error, 1);
	lua_replace(L, 2);
	/* handler, true, function, arguments ... */
	lua_pushvalue(L, 1);
	lua_insert(L, 3);
	lua_pushboolean(L, true);
	lua_insert(L, 3);
	lua_remove(L, 1);
	return xpcall_finish(L, lua_pcallk(L, arguments, LUA_MULTRET, 1, 1, xpcall_finish), 1);
}

/* -- putting it together ------------------------------------------------- */

static int refuse_change(lua_State *L)
{
	return luaL_error(L, "'%s' cannot be changed", lua_tostring(L, lua_upvalueindex(1)));
}

void library_lock(lua_State *L, const char *name)
{
	lua_createtable(L, 0, 0);
	lua_createtable(L, 0, 3);
	lua_rotate(L, -3, -1);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, name);
	lua_pushcclosure(L, refuse_change, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

/* Replaces functions of the library on top of the stack. */
static void wrap(lua_State *L, const luaL_Reg *functions)
{
	for (; functions->name != NULL; functions++) {
		lua_getfield(L, -1, functions->name);
		lua_pushcclosure(L, functions->func, 1);
		lua_setfield(L, -2, functions->name);
	}
}

static void open_base(lua_State *L)
{
	static const char *const kept[] = { "assert", "error",  "ipairs",   "next",   "pairs",    "pcall",
		                            "rawget", "rawlen", "rawequal", "select", "tonumber", "type" };
	static const luaL_Reg own[] = { { "getmetatable", base_getmetatable },
		                        { "setmetatable", base_setmetatable },
		                        { "tostring", base_tostring },
		                        { "xpcall", base_xpcall },
		                        { NULL, NULL } };
	static const luaL_Reg wrapped[] = { { "pcall", base_pcall }, { NULL, NULL } };

	luaL_requiref(L, "_G", luaopen_base, 0);
	wrap(L, wrapped);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		lua_getfield(L, -1, kept[i]);
		lua_setfield(L, -3, kept[i]);
	}
	lua_pop(L, 1);
	luaL_setfuncs(L, own, 0);
}

/* Leaves it on the stack; add_library() is next. */
static void begin_library(lua_State *L, const char *name, lua_CFunction open, const luaL_Reg *wrapped)
{
	luaL_requiref(L, name, open, 0);
	wrap(L, wrapped);
}

static void add_library(lua_State *L, const char *name)
{
	library_lock(L, name);
	lua_setfield(L, -2, name);
}

void library_open(lua_State *L, struct pattern_budget *budget)
{
	static const luaL_Reg none[] = { { NULL, NULL } };
	static const luaL_Reg string[] = { { "format", string_format },
		                           { "rep", string_rep },
		                           { NULL, NULL } };
	static const luaL_Reg math[] = { { "randomseed", math_randomseed }, { NULL, NULL } };
	static const luaL_Reg table[] = { { "concat", table_concat }, { "insert", table_bounded },
		                          { "move", table_move },     { "remove", table_bounded },
		                          { "sort", table_sort },     { NULL, NULL } };

	open_base(L);
	begin_library(L, "string", luaopen_string, string);
	pattern_open(L, budget);
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	add_library(L, "string");
	begin_library(L, "table", luaopen_table, table);
	add_library(L, "table");
	begin_library(L, "math", luaopen_math, math);
	add_library(L, "math");
	begin_library(L, "utf8", luaopen_utf8, none);
	add_library(L, "utf8");
}
