/* fuzz/fuzz_pattern.c - pattern functions against Lua's own
 *
 * The input is pattern, replacement and subject, each in a line.
 */
#include <glib.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>
#include "fuzz.h"
#include "rule/pattern.h"

#define STEPS 2000 /* what takes more is not tried with Lua's functions, which have no bound */

static bool is_spent;

static void spent(lua_State *L)
{
	is_spent = true;
	luaL_error(L, "spent");
}

static struct pattern_budget budget = { STEPS, G_MAXUINT32, spent };

static const char program[] =
        "local subject, pattern, replacement = ...\n"
        "local function shown(...)\n"
        "  local t = table.pack(...)\n"
        "  for i = 1, t.n do t[i] = math.type(t[i]) or type(t[i]) .. ':' .. tostring(t[i]) end\n"
        "  return table.concat(t, ',')\n"
        "end\n"
        "local function walk()\n"
        "  local t = {}\n"
        "  for a, b in string.gmatch(subject, pattern) do t[#t + 1] = shown(a, b) end\n"
        "  return table.concat(t, ';')\n"
        "end\n"
        "return shown(pcall(string.find, subject, pattern)) .. '|' ..\n"
        "  shown(pcall(string.match, subject, pattern, 2)) .. '|' ..\n"
        "  shown(pcall(string.gsub, subject, pattern, replacement)) .. '|' ..\n"
        "  shown(pcall(string.gsub, subject, pattern, shown)) .. '|' .. shown(pcall(walk))";

static lua_State *open_state(bool ours)
{
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	lua_getglobal(L, "string");
	if (ours)
		pattern_open(L, &budget);
	lua_pop(L, 1);
	if (luaL_loadstring(L, program) != LUA_OK)
		g_error("%s", lua_tostring(L, -1));
	return L;
}

/* Leaves the result on the stack. */
static const char *run(lua_State *L, const char *const *parts, const size_t *sizes, size_t *size)
{
	lua_settop(L, 1);
	lua_pushvalue(L, 1);
	for (int i = 0; i < 3; i++)
		lua_pushlstring(L, parts[i], sizes[i]);
	if (lua_pcall(L, 3, 1, 0) != LUA_OK)
		g_error("%s", lua_tostring(L, -1));
	return lua_tolstring(L, -1, size);
}

/* What stands before the next newline. */
static const char *cut(const char **rest, const char *end, size_t *size)
{
	const char *part = *rest, *newline = memchr(part, '\n', (size_t)(end - part));

	*size = (size_t)((newline != NULL ? newline : end) - part);
	*rest = newline != NULL ? newline + 1 : end;
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static lua_State *ours, *theirs;
	const char *rest = data != NULL ? (const char *)data : "", *end = rest + size, *parts[3], *got, *want;
	size_t sizes[3], got_size, want_size;

	if (ours == NULL) {
		ours = open_state(true);
		theirs = open_state(false);
	}
	parts[1] = cut(&rest, end, &sizes[1]);
	parts[2] = cut(&rest, end, &sizes[2]);
	parts[0] = rest;
	sizes[0] = (size_t)(end - rest);
	is_spent = false;
	budget.run = G_MAXUINT32;
	got = run(ours, parts, sizes, &got_size);
	if (is_spent)
		return 0;
	want = run(theirs, parts, sizes, &want_size);
	if (got_size != want_size || memcmp(got, want, got_size) != 0)
		g_error("got  %s\nwant %s", got, want);
	return 0;
}
