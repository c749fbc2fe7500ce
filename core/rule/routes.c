/* rule/routes.c - route(): a rule of rules, chosen by the value of an attribute */
#include "rule/routes.h"

#include <lauxlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/globals.h"
#include "rule/objects.h"
#include "rule/run.h"

static int return_one(lua_State *L, int status, lua_KContext context)
{
	(void)L;
	(void)status;
	(void)context;
	return 1;
}

static const struct program_rule *rule_of_value(const struct program_route *way, const char *value)
{
	for (guint i = 0; value != NULL && i < way->values->len; i++)
		if (strcmp(way->values->pdata[i], value) == 0)
			return &g_array_index(way->rules, struct program_rule, i);
	return NULL;
}

static int no_rule(lua_State *L, struct arena *arena, const struct program_route *way, const char *value,
                   size_t length)
{
	char shown[200];

	text_escape(shown, sizeof(shown), value != NULL ? value : "", value != NULL ? length : 0, true);
	return luaL_error(L, "%s",
	                  arena_printf(arena, "%s:%d: route: no rule for %s '%s'", way->file, way->line,
	                               attribute_info(way->attribute)->name, shown));
}

/* Upvalue: the route. From here on the run is one of the rule it leads to. */
static int call_route(lua_State *L)
{
	const struct program_route *way = lua_touserdata(L, lua_upvalueindex(1));
	struct lua_request *object = objects_request(L, 1);
	const struct program_rule *rule;
	const char *value;
	size_t length = 0;

	if (object == NULL || object->run == NULL)
		return luaL_error(L, "a route is called with the request");
	value = request_get(object->run->order.request, way->attribute, &length);
	rule = rule_of_value(way, value);
	if (rule == NULL)
		return no_rule(L, &object->run->order.request->arena, way, value, length);
	object->run->order.rule = rule;
	lua_settop(L, 1);
	lua_rawgeti(L, LUA_REGISTRYINDEX, rule->function);
	lua_insert(L, 1);
	lua_callk(L, 1, 1, 0, return_one);
	return 1;
}

static bool read_routes(lua_State *L, struct program_route *way)
{
	lua_pushnil(L);
	while (lua_next(L, 2)) {
		struct program_rule rule = { 0 };

		if (lua_type(L, -2) != LUA_TSTRING || !lua_isfunction(L, -1))
			return false;
		g_ptr_array_add(way->values, g_strdup(lua_tostring(L, -2)));
		rule.function = luaL_ref(L, LUA_REGISTRYINDEX);
		g_array_append_val(way->rules, rule);
	}
	return way->values->len > 0;
}

static int no_such_attribute(lua_State *L, const char *name)
{
	const char *names[PP_ATTRIBUTES] = { NULL }, *nearest;

	for (int i = 1; i < PP_ATTRIBUTES; i++)
		names[i - 1] = attribute_info((pp_attribute_t)i)->name;
	nearest = text_nearest(name, names);
	if (nearest == NULL)
		return luaL_error(L, "route: no attribute '%s'", name);
	return luaL_error(L, "route: no attribute '%s' (did you mean '%s'?)", name, nearest);
}

static int make_route(lua_State *L)
{
	struct program *program = program_of(L);
	const char *name = luaL_checkstring(L, 1);
	pp_attribute_t attribute = attribute_find(name, strlen(name));
	struct plan_place place = program_place(program, L);
	struct program_route *made;

	globals_must_load(L, "route");
	if (attribute == PP_ATTRIBUTE_NONE)
		return no_such_attribute(L, name);
	if (!lua_istable(L, 2))
		return luaL_error(L, "route: found %s, wanted a table of rules by value",
		                  program_describe(L, 2));
	made = g_new0(struct program_route, 1);
	made->attribute = attribute;
	made->file = place.source->path;
	made->line = place.line;
	made->values = g_ptr_array_new_with_free_func(g_free);
	made->rules = g_array_new(FALSE, FALSE, sizeof(struct program_rule));
	g_ptr_array_add(program->routes, made);
	if (!read_routes(L, made))
		return luaL_error(
		        L,
		        "route: wanted a table of rules by value, such as { inbound = f, submission = g }");
	lua_pushlightuserdata(L, made);
	lua_pushcclosure(L, call_route, 1);
	made->function = lua_topointer(L, -1);
	return 1;
}

const struct program_route *program_route_of(struct program *program, const struct program_rule *rule)
{
	const void *function;

	lua_rawgeti(program->L, LUA_REGISTRYINDEX, rule->function);
	function = lua_topointer(program->L, -1);
	lua_pop(program->L, 1);
	for (guint i = 0; i < program->routes->len; i++) {
		struct program_route *each = program->routes->pdata[i];

		if (each->function == function)
			return each;
	}
	return NULL;
}

void routes_register(struct program *program)
{
	lua_pushcfunction(program->L, make_route);
	sandbox_set_loading_global(program->sandbox, "route");
}
