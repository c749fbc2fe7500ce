/* rule/requests.c - requests as rules hold them: Postfix's own names, read only */
#include <lauxlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/objects.h"
#include "rule/run.h"

struct lua_request *objects_request(lua_State *L, int index)
{
	return objects_get(L, index, OBJECT_REQUEST);
}

struct lua_request *objects_new_request(lua_State *L, struct run *run)
{
	struct lua_request *object = lua_newuserdatauv(L, sizeof(*object), 1);

	*object = (struct lua_request){ OBJECT_REQUEST, run };
	lua_rawgeti(L, LUA_REGISTRYINDEX, run->order.program->request_meta);
	lua_setmetatable(L, -2);
	return object;
}

static struct request *open_request(lua_State *L, int index)
{
	struct lua_request *object = objects_request(L, index);

	if (object == NULL)
		luaL_error(L, "found %s, wanted the request", program_describe(L, index));
	if (object->run == NULL)
		luaL_error(L, "this request is over; a rule cannot keep it");
	return object->run->order.request;
}

static int push_attribute(lua_State *L, struct request *request, pp_attribute_t attribute)
{
	const char *value;
	size_t length;
	int64_t number;

	if (attribute_info(attribute)->kind == ATTRIBUTE_NUMBER) {
		if (request_get_number(request, attribute, &number))
			lua_pushinteger(L, (lua_Integer)number);
		else
			lua_pushnil(L);
		return 1;
	}
	value = request_get(request, attribute, &length);
	if (value != NULL)
		lua_pushlstring(L, value, length);
	else
		lua_pushnil(L);
	return 1;
}

static int no_such_attribute(lua_State *L, const char *name)
{
	const char *names[PP_ATTRIBUTES + 4] = { "listener", "peer", "attribute" };
	const char *nearest;

	for (int i = 1; i < PP_ATTRIBUTES; i++)
		names[i + 2] = attribute_info((pp_attribute_t)i)->name;
	nearest = text_nearest(name, names);
	return luaL_error(
	        L, "a request has no '%s'%s%s%s; req:attribute(\"%s\") reads what Postfix may send one day",
	        name, nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
	        nearest != NULL ? "'?)" : "", name);
}

/* By a name that is none of Postfix's. */
static int push_other(lua_State *L, struct request *request, const char *name)
{
	const char *value;
	size_t length;

	if (strcmp(name, "attribute") == 0) {
		lua_pushvalue(L, lua_upvalueindex(1));
	} else if (strcmp(name, "listener") == 0) {
		lua_pushstring(L, request->listener);
	} else if (strcmp(name, "peer") == 0) {
		lua_pushstring(L, request->peer);
	} else if (!request_was_sent(request, name)) {
		no_such_attribute(L, name);
	} else {
		value = request_get_named(request, name, &length);
		if (value != NULL)
			lua_pushlstring(L, value, length);
		else
			lua_pushnil(L);
	}
	return 1;
}

/* Upvalue: the method attribute(). */
static int request_index(lua_State *L)
{
	struct lua_request *object = lua_touserdata(L, 1);
	pp_attribute_t attribute;
	const char *name;
	size_t length;

	if (object->run == NULL)
		return luaL_error(L, "this request is over; a rule cannot keep it");
	name = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &length) : luaL_tolstring(L, 2, &length);
	attribute = attribute_find(name, length);
	if (attribute != PP_ATTRIBUTE_NONE)
		return push_attribute(L, object->run->order.request, attribute);
	return push_other(L, object->run->order.request, name);
}

static int request_attribute(lua_State *L)
{
	struct request *request = open_request(L, 1);
	const char *name = luaL_checkstring(L, 2);
	pp_attribute_t attribute = attribute_find(name, strlen(name));
	const char *value;
	size_t length;

	if (attribute != PP_ATTRIBUTE_NONE)
		return push_attribute(L, request, attribute);
	value = request_get_named(request, name, &length);
	if (value != NULL)
		lua_pushlstring(L, value, length);
	else
		lua_pushnil(L);
	return 1;
}

static int request_newindex(lua_State *L)
{
	return luaL_error(L, "a request cannot be changed");
}

void objects_register_request(struct program *program)
{
	lua_State *L = program->L;

	lua_newtable(L);
	lua_pushcfunction(L, request_attribute);
	lua_pushcclosure(L, request_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, request_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushliteral(L, "request");
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	program->request_meta = luaL_ref(L, LUA_REGISTRYINDEX);
}
