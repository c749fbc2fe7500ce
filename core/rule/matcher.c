/* rule/matcher.c - one pattern against one subject, in a bounded number of steps */
#include "rule/matcher.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE '%'
#define DEEPEST 200 /* nested match() calls, as in Lua */

enum { OPEN = -1, POSITION = -2 }; /* lengths of captures that have none */

static const char *match(struct matcher *m, const char *s, const char *p);

/* -- steps --------------------------------------------------------------- */

void matcher_settle(struct matcher *m)
{
	uint32_t used = m->granted - m->left, run = m->budget->run;

	m->budget->run = used < run ? run - used : 0;
	if (m->left > m->budget->run)
		m->left = m->budget->run;
	m->granted = m->left;
}

void matcher_spend(struct matcher *m)
{
	m->left = 0;
	matcher_settle(m);
	m->budget->spent(m->L);
	abort();
}

void matcher_fail(struct matcher *m, const char *format, int number)
{
	matcher_settle(m);
	luaL_where(m->L, 1);
	lua_pushfstring(m->L, format, number);
	lua_concat(m->L, 2);
	lua_error(m->L);
	abort();
}

void matcher_grant(struct matcher *m)
{
	m->left = m->budget->call < m->budget->run ? m->budget->call : m->budget->run;
	m->granted = m->left;
}

void matcher_init(struct matcher *m, lua_State *L, const char *subject, size_t subject_size,
                  const char *pattern, size_t pattern_size)
{
	m->L = L;
	m->subject = subject;
	m->subject_end = subject + subject_size;
	m->pattern = pattern;
	m->pattern_end = pattern + pattern_size;
	m->budget = lua_touserdata(L, lua_upvalueindex(1));
	matcher_grant(m);
}

const char *matcher_run(struct matcher *m, const char *s)
{
	m->depth = DEEPEST;
	m->captures = 0;
	return match(m, s, m->pattern);
}

/* -- one byte against one item ------------------------------------------- */

/* By hand, because ctype.h depends on the locale. */
static bool in_class(unsigned char c, char class)
{
	bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
	bool graph = c > ' ' && c < 0x7f;

	switch (class) {
	case 'a': return lower || upper;
	case 'c': return c < ' ' || c == 0x7f;
	case 'd': return digit;
	case 'g': return graph;
	case 'l': return lower;
	case 'p': return graph && !lower && !upper && !digit;
	case 's': return c == ' ' || (c >= '\t' && c <= '\r');
	case 'u': return upper;
	case 'w': return lower || upper || digit;
	case 'x': return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
	default: return c == '\0'; /* 'z' */
	}
}

/* class is what follows the '%': a class, its opposite, or a byte meaning itself. */
static bool escape_holds(unsigned char c, char class)
{
	char lower = class >= 'A' && class <= 'Z' ? (char)(class - 'A' + 'a') : class;

	if (lower == '\0' || strchr("acdglpsuwxz", lower) == NULL)
		return (unsigned char)class == c;
	return in_class(c, lower) == (class == lower);
}

/* set points at the '[', end at its ']'. */
static bool set_holds(unsigned char c, const char *set, const char *end)
{
	const char *p = set + 1;
	bool found = true;

	if (*p == '^') {
		found = false;
		p++;
	}
	for (; p < end; p++) {
		if (*p == ESCAPE) {
			p++;
			if (escape_holds(c, *p))
				return found;
		} else if (p[1] == '-' && p + 2 < end) {
			p += 2;
			if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p)
				return found;
		} else if ((unsigned char)*p == c) {
			return found;
		}
	}
	return !found;
}

/* Where the item that begins at p ends, without its repetition. */
static const char *item_end(struct matcher *m, const char *p)
{
	const char *end = m->pattern_end;

	if (*p == ESCAPE) {
		if (p + 1 == end)
			matcher_fail(m, "malformed pattern (ends with '%%')", 0);
		return p + 2;
	}
	if (*p != '[')
		return p + 1;
	p += p[1] == '^' ? 2 : 1;
	/* A ']' that comes first stands for itself. */
	for (bool first = true; first || *p != ']'; first = false) {
		if (p == end)
			matcher_fail(m, "malformed pattern (missing ']')", 0);
		p += *p == ESCAPE && p + 1 < end ? 2 : 1;
	}
	return p + 1;
}

static bool item_holds(struct matcher *m, const char *s, const char *item, const char *end)
{
	/* A set is looked at from its beginning for every byte. */
	matcher_take(m, 1 + (size_t)(end - item) / 4);
	if (s >= m->subject_end)
		return false;
	switch (*item) {
	case '.': return true;
	case ESCAPE: return escape_holds((unsigned char)*s, item[1]);
	case '[': return set_holds((unsigned char)*s, item, end - 1);
	default: return *item == *s;
	}
}

/* -- items that are more than one byte ----------------------------------- */

/* p is behind the "%b". Returns the end of the balanced text at s, or NULL. */
static const char *match_balance(struct matcher *m, const char *s, const char *p)
{
	int depth = 0;

	if (m->pattern_end - p < 2)
		matcher_fail(m, "malformed pattern (missing arguments to '%%b')", 0);
	if (s >= m->subject_end || *s != p[0])
		return NULL;
	for (s++; s < m->subject_end; s++) {
		matcher_take(m, 1);
		if (*s == p[1] && depth-- == 0)
			return s + 1;
		if (*s == p[0] && *s != p[1])
			depth++;
	}
	return NULL;
}

/* p is behind the "%f". Returns the end of the set if s is its frontier, or NULL. */
static const char *match_frontier(struct matcher *m, const char *s, const char *p)
{
	unsigned char before = s == m->subject ? '\0' : (unsigned char)s[-1];
	const char *end;

	if (*p != '[')
		matcher_fail(m, "missing '[' after '%%f' in pattern", 0);
	end = item_end(m, p);
	matcher_take(m, 1 + (size_t)(end - p) / 4);
	if (set_holds(before, p, end - 1) || !set_holds((unsigned char)*s, p, end - 1))
		return NULL;
	return end;
}

static const char *match_reference(struct matcher *m, const char *s, char digit)
{
	int index = digit - '1';
	size_t length;

	if (index < 0 || index >= m->captures || m->capture[index].length == OPEN)
		matcher_fail(m, "invalid capture index %%%d", index + 1);
	/* That of a position is longer than any subject, and never found. */
	length = (size_t)m->capture[index].length;
	if ((size_t)(m->subject_end - s) < length)
		return NULL;
	matcher_take(m, 1 + length / 8);
	return memcmp(m->capture[index].start, s, length) == 0 ? s + length : NULL;
}

static const char *open_capture(struct matcher *m, const char *s, const char *p, int length)
{
	const char *end;

	if (m->captures == MATCHER_CAPTURES)
		matcher_fail(m, "too many captures", 0);
	m->capture[m->captures].start = s;
	m->capture[m->captures++].length = length;
	end = match(m, s, p);
	if (end == NULL)
		m->captures--;
	return end;
}

static const char *close_capture(struct matcher *m, const char *s, const char *p)
{
	int index = m->captures - 1;
	const char *end;

	while (index >= 0 && m->capture[index].length != OPEN)
		index--;
	if (index < 0)
		matcher_fail(m, "invalid pattern capture", 0);
	m->capture[index].length = s - m->capture[index].start;
	end = match(m, s, p);
	if (end == NULL)
		m->capture[index].length = OPEN;
	return end;
}

/* As many as there are, then fewer. */
static const char *match_longest(struct matcher *m, const char *s, const char *item, const char *end)
{
	const char *last = s;

	while (item_holds(m, last, item, end))
		last++;
	for (;; last--) {
		const char *found = match(m, last, end + 1);

		if (found != NULL || last == s)
			return found;
	}
}

/* As few as will do. */
static const char *match_shortest(struct matcher *m, const char *s, const char *item, const char *end)
{
	for (;; s++) {
		const char *found = match(m, s, end + 1);

		if (found != NULL || !item_holds(m, s, item, end))
			return found;
	}
}

/* -- the matcher --------------------------------------------------------- */

/* One of %b %f %1 at *p: moves *p behind it. */
static const char *match_special(struct matcher *m, const char *s, const char **p)
{
	const char *end;

	switch ((*p)[1]) {
	case 'b':
		s = match_balance(m, s, *p + 2);
		*p += 4;
		return s;
	case 'f':
		end = match_frontier(m, s, *p + 2);
		*p = end;
		return end != NULL ? s : NULL;
	default:
		s = match_reference(m, s, (*p)[1]);
		*p += 2;
		return s;
	}
}

/* One byte's item at *p with its repetition. If the rest of the pattern was
 * matched as well, *p is its end, else behind the item. */
static const char *match_item(struct matcher *m, const char *s, const char **p)
{
	const char *item = *p, *end = item_end(m, item), *found;
	bool holds = item_holds(m, s, item, end);
	char repetition = end < m->pattern_end ? *end : '\0';

	*p = m->pattern_end;
	switch (repetition) {
	case '+': return holds ? match_longest(m, s + 1, item, end) : NULL;
	case '*':
		if (holds)
			return match_longest(m, s, item, end);
		break;
	case '-':
		if (holds)
			return match_shortest(m, s, item, end);
		break;
	case '?':
		found = holds ? match(m, s + 1, end + 1) : NULL;
		if (found != NULL)
			return found;
		break;
	default: *p = end; return holds ? s + 1 : NULL;
	}
	*p = end + 1;
	return s;
}

static bool is_special(const char *p)
{
	return p[0] == ESCAPE && (p[1] == 'b' || p[1] == 'f' || (p[1] >= '0' && p[1] <= '9'));
}

/* Matches the rest of the pattern from p on at s. Returns the end of the match, or NULL. */
static const char *match(struct matcher *m, const char *s, const char *p)
{
	const char *end = m->pattern_end;

	if (m->depth == 0)
		matcher_fail(m, "pattern too complex", 0);
	m->depth--;
	while (s != NULL && p != end) {
		matcher_take(m, 1);
		if (*p == '(') {
			s = p[1] == ')' ? open_capture(m, s, p + 2, POSITION)
			                : open_capture(m, s, p + 1, OPEN);
			p = end;
		} else if (*p == ')') {
			s = close_capture(m, s, p + 1);
			p = end;
		} else if (*p == '$' && p + 1 == end) {
			s = s == m->subject_end ? s : NULL;
			p = end;
		} else if (is_special(p)) {
			s = match_special(m, s, &p);
		} else {
			s = match_item(m, s, &p);
		}
	}
	m->depth++;
	return s;
}

/* -- results ------------------------------------------------------------- */

void matcher_push(struct matcher *m, int index, const char *s, const char *end)
{
	if (index >= m->captures) {
		if (index != 0)
			matcher_fail(m, "invalid capture index %%%d", index + 1);
		lua_pushlstring(m->L, s, (size_t)(end - s));
	} else if (m->capture[index].length == POSITION) {
		lua_pushinteger(m->L, m->capture[index].start - m->subject + 1);
	} else if (m->capture[index].length == OPEN) {
		matcher_fail(m, "unfinished capture", 0);
	} else {
		lua_pushlstring(m->L, m->capture[index].start, (size_t)m->capture[index].length);
	}
}

int matcher_push_all(struct matcher *m, const char *s, const char *end, bool whole)
{
	int count = m->captures == 0 && whole ? 1 : m->captures;

	luaL_checkstack(m->L, count, "too many captures");
	for (int i = 0; i < count; i++)
		matcher_push(m, i, s, end);
	return count;
}
