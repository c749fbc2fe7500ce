/* rule/pattern.c - Lua's string.find, match, gmatch and gsub with an end in sight */
#define _GNU_SOURCE 1 /* memmem() */
#include "rule/pattern.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>
#include "rule/matcher.h"

#define ESCAPE '%'

/* The argument init, made an offset; more than size if it is behind the end. */
static size_t start_offset(lua_State *L, int argument, size_t size)
{
	lua_Integer init = luaL_optinteger(L, argument, 1);

	if (init > 0)
		return (lua_Unsigned)init - 1 > size ? size + 1 : (size_t)init - 1;
	if (init == 0 || init < -(lua_Integer)size)
		return 0;
	return size - (size_t)-init;
}

static bool is_plain(const char *pattern, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (pattern[i] != '\0' && strchr("^$*+?.([%-", pattern[i]) != NULL)
			return false;
	}
	return true;
}

static int find_plain(lua_State *L, const char *subject, size_t subject_size, size_t offset, const char *word,
                      size_t word_size)
{
	const char *found = memmem(subject + offset, subject_size - offset, word, word_size);

	if (found == NULL) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, found - subject + 1);
	lua_pushinteger(L, found - subject + (lua_Integer)word_size);
	return 2;
}

static int search(lua_State *L, bool find)
{
	size_t subject_size, pattern_size, offset;
	const char *subject = luaL_checklstring(L, 1, &subject_size);
	const char *pattern = luaL_checklstring(L, 2, &pattern_size), *end = NULL;
	struct matcher m;
	bool anchored;

	offset = start_offset(L, 3, subject_size);
	if (offset > subject_size) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || is_plain(pattern, pattern_size)))
		return find_plain(L, subject, subject_size, offset, pattern, pattern_size);
	matcher_init(&m, L, subject, subject_size, pattern, pattern_size);
	anchored = *pattern == '^';
	m.pattern += anchored;
	for (const char *s = subject + offset; s <= m.subject_end; s++) {
		end = matcher_run(&m, s);
		if (end != NULL) {
			matcher_settle(&m);
			if (find) {
				lua_pushinteger(L, s - subject + 1);
				lua_pushinteger(L, end - subject);
			}
			return matcher_push_all(&m, s, end, !find) + (find ? 2 : 0);
		}
		if (anchored)
			break;
		matcher_take(&m, 1);
	}
	matcher_settle(&m);
	lua_pushnil(L);
	return 1;
}

static int string_find(lua_State *L)
{
	return search(L, true);
}

static int string_match(lua_State *L)
{
	return search(L, false);
}

/* -- gmatch -------------------------------------------------------------- */

struct walk {
	struct matcher m;
	const char *at, *last; /* where to go on; the end of the last match */
};

/* Upvalues: the walk, and subject and pattern to keep them. */
static int gmatch_next(lua_State *L)
{
	struct walk *walk = lua_touserdata(L, lua_upvalueindex(1));
	struct matcher *m = &walk->m;

	m->L = L; /* may be another coroutine's than at the last call */
	matcher_grant(m);
	for (const char *s = walk->at; s <= m->subject_end; s++) {
		const char *end = matcher_run(m, s);

		if (end != NULL && end != walk->last) {
			walk->at = walk->last = end;
			matcher_settle(m);
			return matcher_push_all(m, s, end, true);
		}
		matcher_take(m, 1);
	}
	walk->at = m->subject_end + 1;
	matcher_settle(m);
	return 0;
}

static int string_gmatch(lua_State *L)
{
	size_t subject_size, pattern_size, offset;
	const char *subject = luaL_checklstring(L, 1, &subject_size);
	const char *pattern = luaL_checklstring(L, 2, &pattern_size);
	struct walk *walk;

	offset = start_offset(L, 3, subject_size);
	lua_settop(L, 2);
	walk = lua_newuserdatauv(L, sizeof(*walk), 0);
	matcher_init(&walk->m, L, subject, subject_size, pattern, pattern_size);
	walk->at = subject + offset;
	walk->last = NULL;
	lua_insert(L, 1);
	lua_pushcclosure(L, gmatch_next, 3);
	return 1;
}

/* -- gsub ---------------------------------------------------------------- */

/* The replacement text (argument 3) with its %0 to %9 filled in. */
static void add_text(struct matcher *m, luaL_Buffer *out, const char *s, const char *end)
{
	size_t size;
	const char *text = lua_tolstring(m->L, 3, &size), *text_end = text + size, *escape;

	for (; (escape = memchr(text, ESCAPE, (size_t)(text_end - text))) != NULL; text = escape + 2) {
		char c = escape[1];

		matcher_take(m, 1);
		luaL_addlstring(out, text, (size_t)(escape - text));
		if (c == ESCAPE) {
			luaL_addchar(out, ESCAPE);
		} else if (c == '0') {
			luaL_addlstring(out, s, (size_t)(end - s));
		} else if (c >= '1' && c <= '9') {
			matcher_push(m, c - '1', s, end);
			luaL_addvalue(out);
		} else {
			matcher_fail(m, "invalid use of '%%' in replacement string", 0);
		}
	}
	luaL_addlstring(out, text, (size_t)(text_end - text));
}

/* Adds what the match from s to end becomes. Returns false if that is itself. */
static bool add_replacement(struct matcher *m, luaL_Buffer *out, const char *s, const char *end)
{
	lua_State *L = m->L;

	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		matcher_settle(m);
		lua_call(L, matcher_push_all(m, s, end, true), 1);
		matcher_settle(m);
		break;
	case LUA_TTABLE:
		matcher_push(m, 0, s, end);
		matcher_settle(m);
		lua_gettable(L, 3);
		matcher_settle(m);
		break;
	default: add_text(m, out, s, end); return true;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(out, s, (size_t)(end - s));
		return false;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	luaL_addvalue(out);
	return true;
}

/* Replaces up to most matches. Returns how many there were. */
static lua_Integer replace(struct matcher *m, luaL_Buffer *out, lua_Integer most, bool *changed)
{
	const char *s = m->subject, *last = NULL;
	bool anchored = *m->pattern == '^';
	lua_Integer count = 0;

	m->pattern += anchored;
	while (count < most) {
		const char *end = matcher_run(m, s);

		matcher_take(m, 1);
		if (end != NULL && end != last) {
			count++;
			*changed |= add_replacement(m, out, s, end);
			s = last = end;
		} else if (s < m->subject_end) {
			luaL_addchar(out, *s++);
		} else {
			break;
		}
		if (anchored)
			break;
	}
	luaL_addlstring(out, s, (size_t)(m->subject_end - s));
	return count;
}

static int string_gsub(lua_State *L)
{
	size_t subject_size, pattern_size;
	const char *subject = luaL_checklstring(L, 1, &subject_size);
	const char *pattern = luaL_checklstring(L, 2, &pattern_size);
	int type = lua_type(L, 3);
	lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)subject_size + 1), count;
	bool changed = false;
	struct matcher m;
	luaL_Buffer out;

	luaL_argexpected(
	        L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
	        3, "string/function/table");
	matcher_init(&m, L, subject, subject_size, pattern, pattern_size);
	luaL_buffinit(L, &out);
	count = replace(&m, &out, most, &changed);
	matcher_settle(&m);
	if (changed)
		luaL_pushresult(&out);
	else
		lua_pushvalue(L, 1);
	lua_pushinteger(L, count);
	return 2;
}

void pattern_open(lua_State *L, struct pattern_budget *budget)
{
	static const luaL_Reg functions[] = { { "find", string_find },
		                              { "gmatch", string_gmatch },
		                              { "gsub", string_gsub },
		                              { "match", string_match },
		                              { NULL, NULL } };

	lua_pushlightuserdata(L, budget);
	luaL_setfuncs(L, functions, 1);
}
