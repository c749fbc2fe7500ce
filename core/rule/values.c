/* rule/values.c - Lua values as the values that rows read */
#include "rule/values.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include "rule/actions.h"
#include "rule/program.h"

struct conversion {
	lua_State *L;
	struct arena *arena;
	const struct plan_place *place;
	const char *error;
	unsigned depth;
};

static bool convert(struct conversion *how, int index, pp_value_t *value);

static int by_key(const void *a, const void *b)
{
	const pp_pair_t *one = a, *other = b;

	if (one->key == NULL || other->key == NULL)
		return (one->key != NULL) - (other->key != NULL);
	return strcmp(one->key, other->key);
}

static bool is_in(const char *const *names, const char *name)
{
	while (names != NULL && *names != NULL)
		if (strcmp(*names++, name) == 0)
			return true;
	return false;
}

/* The key is at -2, the value at -1. */
static bool convert_pair(struct conversion *how, pp_pair_t *pair)
{
	lua_State *L = how->L;
	size_t length;

	if (lua_type(L, -2) == LUA_TSTRING) {
		pair->key = arena_strdup(how->arena, lua_tolstring(L, -2, &length));
		if (strlen(pair->key) != length) {
			how->error = "a key has a NUL in it";
			return false;
		}
		if (how->depth == 1 && how->place->source != NULL)
			pair->value.line = plan_line_of(how->place->source, how->place->line, pair->key);
	}
	return convert(how, lua_gettop(L), &pair->value);
}

static bool convert_table(struct conversion *how, int index, pp_value_t *value, const char *const *skip)
{
	lua_State *L = how->L;
	size_t sequence = lua_rawlen(L, index), count = 0;
	pp_pair_t *pairs;

	lua_pushnil(L);
	while (lua_next(L, index)) {
		count++;
		lua_pop(L, 1);
	}
	pairs = arena_alloc0(how->arena, (count + 1) * sizeof(*pairs));
	value->kind = PP_LIST;
	value->list.pairs = pairs;
	for (size_t i = 1; i <= sequence; i++) {
		bool ok;

		lua_rawgeti(L, index, (lua_Integer)i);
		ok = convert(how, lua_gettop(L), &pairs[value->list.count++].value);
		lua_pop(L, 1);
		if (!ok)
			return false;
	}
	lua_pushnil(L);
	while (lua_next(L, index)) {
		bool is_text = lua_type(L, -2) == LUA_TSTRING;

		if (!is_text && !(lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 &&
		                  lua_tointeger(L, -2) <= (lua_Integer)sequence)) {
			how->error = "keys of a table are texts, or numbers from 1 without gaps";
			return false;
		}
		if (is_text && !is_in(skip, lua_tostring(L, -2)) &&
		    !convert_pair(how, &pairs[value->list.count++]))
			return false;
		lua_pop(L, 1);
	}
	qsort(pairs + sequence, value->list.count - sequence, sizeof(*pairs), by_key);
	return true;
}

static bool convert_string(struct conversion *how, int index, pp_value_t *value)
{
	size_t length;

	value->kind = PP_STRING;
	value->string = arena_strdup(how->arena, lua_tolstring(how->L, index, &length));
	how->error = strlen(value->string) != length ? "a text has a NUL in it" : NULL;
	return how->error == NULL;
}

static bool convert(struct conversion *how, int index, pp_value_t *value)
{
	lua_State *L = how->L;
	bool done;

	switch (lua_type(L, index)) {
	case LUA_TNIL: value->kind = PP_NIL; return true;
	case LUA_TBOOLEAN:
		value->kind = PP_BOOLEAN;
		value->boolean = lua_toboolean(L, index);
		return true;
	case LUA_TNUMBER:
		value->kind = lua_isinteger(L, index) ? PP_INTEGER : PP_REAL;
		if (value->kind == PP_INTEGER)
			value->integer = (int64_t)lua_tointeger(L, index);
		else
			value->real = (double)lua_tonumber(L, index);
		return true;
	case LUA_TSTRING: return convert_string(how, index, value);
	case LUA_TTABLE:
		if (how->depth++ == 16 || !lua_checkstack(L, 8)) {
			how->error = "a table is nested too deeply";
			return false;
		}
		done = convert_table(how, index, value, NULL);
		how->depth--;
		return done;
	default:
		if (actions_get(L, index) != NULL) {
			value->kind = PP_MADE_ACTION;
			value->action = actions_as_value(actions_get(L, index), how->arena);
			return true;
		}
		how->error = arena_printf(how->arena,
		                          "found %s, wanted text, a number, true or false, or a table",
		                          program_describe(L, index));
		return false;
	}
}

const pp_value_t *values_read(lua_State *L, int index, struct arena *arena, const char *const *skip,
                              const struct plan_place *place, const char **error)
{
	struct conversion how = { .L = L, .arena = arena, .place = place, .depth = 1 };
	pp_value_t *value = arena_new0(arena, pp_value_t);
	int top = lua_gettop(L);
	bool done;

	index = lua_absindex(L, index);
	value->line = place->line;
	done = lua_istable(L, index) ? convert_table(&how, index, value, skip) : convert(&how, index, value);
	lua_settop(L, top);
	*error = how.error;
	return done ? value : NULL;
}
