/* rule/compare.c - functions of rule tests: values compared, both shown where they differ */
#include "rule/compare.h"

#include <lauxlib.h>
#include <string.h>
#include "rule/library.h"
#include "rule/stage.h"
#include "rule/values.h"

/* As Lua source where it can be written so. */
static const char *show(lua_State *L, struct arena *arena, int index)
{
	const struct plan_place place = { NULL, 0 };
	const pp_value_t *value;
	const char *reason, *shown;
	GString *text;

	value = values_read(L, index, arena, NULL, &place, &reason);
	if (value == NULL) {
		shown = arena_strdup(arena, library_tostring(L, index, NULL));
		lua_pop(L, 1);
		return shown;
	}
	text = g_string_new(NULL);
	value_print(text, value);
	shown = arena_strdup(arena, text->str);
	g_string_free(text, TRUE);
	return shown;
}

static bool are_equal(lua_State *L, struct arena *arena)
{
	return (lua_istable(L, 1) && lua_istable(L, 2) &&
	        strcmp(show(L, arena, 1), show(L, arena, 2)) == 0) ||
	       lua_compare(L, 1, 2, LUA_OPEQ);
}

int compare_equal(lua_State *L)
{
	struct arena *arena = &stage_of(L)->scratch;
	const char *what;

	if (lua_gettop(L) < 2)
		return stage_fail(L, "equal: wanted two values");
	if (are_equal(L, arena)) {
		arena_reset(arena);
		return 0;
	}
	what = lua_isnoneornil(L, 3) ? "" : library_tostring(L, 3, NULL);
	return stage_fail(L, "%s%sgot %s, wanted %s", what, *what != '\0' ? ": " : "", show(L, arena, 1),
	                  show(L, arena, 2));
}

int compare_contains(lua_State *L)
{
	struct arena *arena = &stage_of(L)->scratch;
	size_t length, part_length;
	const char *text, *part = luaL_checklstring(L, 2, &part_length);

	if (lua_type(L, 1) == LUA_TSTRING) {
		text = lua_tolstring(L, 1, &length);
		if (memmem(text, length, part, part_length) != NULL)
			return 0;
	}
	return stage_fail(L, "got %s, wanted a text with '%s'", show(L, arena, 1), part);
}
