/* rule/environment.c - the names a rule file sees and may set */
#include "rule/environment.h"

#include <lauxlib.h>
#include <stddef.h>
#include "base/text.h"

/* The global that is nearest to the name, or NULL. Leaves something on the stack. */
static const char *nearest(lua_State *L, const struct environment *environment, const char *name)
{
	const char **names;
	size_t count = 0;
	int real;

	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->real);
	real = lua_gettop(L);
	for (lua_pushnil(L); lua_next(L, real); lua_pop(L, 1))
		count++;
	/* Lua's memory, since an error may come at any time. */
	names = lua_newuserdatauv(L, (count + 1) * sizeof(*names), 0);
	count = 0;
	for (lua_pushnil(L); lua_next(L, real); lua_pop(L, 1)) {
		if (lua_type(L, -2) == LUA_TSTRING)
			names[count++] = lua_tostring(L, -2);
	}
	names[count] = NULL;
	return text_nearest(name, names);
}

/* __index(real, name): there is no such global. */
static int refuse_name(lua_State *L)
{
	struct environment *environment = lua_touserdata(L, lua_upvalueindex(1));
	const char *name, *meant;

	if (lua_type(L, 2) != LUA_TSTRING)
		return luaL_error(L, "the name of a global is a string, not a %s", luaL_typename(L, 2));
	name = lua_tostring(L, 2);
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->loading);
	if (environment->running && lua_getfield(L, -1, name) != LUA_TNIL)
		return luaL_error(L, "'%s' can only be used while the file is loaded", name);
	meant = nearest(L, environment, name);
	if (meant == NULL)
		return luaL_error(L, "no such name '%s'", name);
	return luaL_error(L, "no such name '%s' (did you mean '%s'?)", name, meant);
}

/* __newindex(seen, name, value) */
static int assign(lua_State *L)
{
	struct environment *environment = lua_touserdata(L, lua_upvalueindex(1));
	const char *name;

	if (lua_type(L, 2) != LUA_TSTRING)
		return luaL_error(L, "the name of a global is a string, not a %s", luaL_typename(L, 2));
	name = lua_tostring(L, 2);
	if (environment->running)
		return luaL_error(L, "a rule cannot set the global '%s'; use local", name);
	lua_pushvalue(L, 3);
	environment_set(L, environment, name);
	/* A name of ours that the file gives a meaning of its own stays the file's. */
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->loading);
	lua_pushnil(L);
	lua_setfield(L, -2, name);
	lua_settop(L, 3);
	if (environment->assigned != NULL)
		environment->assigned(L, name, environment->data);
	return 0;
}

void environment_open(lua_State *L, struct environment *environment)
{
	lua_createtable(L, 0, 1);
	lua_pushlightuserdata(L, environment);
	lua_pushcclosure(L, refuse_name, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_createtable(L, 0, 0);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushlightuserdata(L, environment);
	lua_pushcclosure(L, assign, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	environment->seen = luaL_ref(L, LUA_REGISTRYINDEX);
	environment->real = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_newtable(L);
	environment->loading = luaL_ref(L, LUA_REGISTRYINDEX);
}

void environment_set(lua_State *L, struct environment *environment, const char *name)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->real);
	lua_insert(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

void environment_set_loading(lua_State *L, struct environment *environment, const char *name)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->loading);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
	if (environment->running)
		lua_pop(L, 1);
	else
		environment_set(L, environment, name);
}

void environment_run(lua_State *L, struct environment *environment, bool running)
{
	environment->running = running;
	lua_checkstack(L, 6);
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->real);
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->loading);
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		lua_pushvalue(L, -2);
		if (running)
			lua_pushnil(L);
		else
			lua_pushvalue(L, -2);
		lua_rawset(L, -6);
	}
	lua_pop(L, 2);
}

void environment_enclose(lua_State *L, const struct environment *environment)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, environment->seen);
	lua_setupvalue(L, -2, 1);
}
