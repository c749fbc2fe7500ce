/* rule/matcher.h - one pattern against one subject, in a bounded number of steps
 *
 * The errors of a pattern are found as in Lua: when the match gets there. All of
 * them, and steps used up, are raised as Lua errors.
 */
#ifndef RULE_MATCHER_H
#define RULE_MATCHER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rule/pattern.h"

#define MATCHER_CAPTURES 32 /* at most, as in Lua */

struct matcher {
	lua_State *L;
	struct pattern_budget *budget;
	uint32_t granted, left;            /* of the budget: when it was last settled, and now */
	const char *subject, *subject_end; /* both are Lua's strings: a NUL follows */
	const char *pattern, *pattern_end;
	int depth, captures;
	struct {
		const char *start;
		ptrdiff_t length;
	} capture[MATCHER_CAPTURES];
};

/* The first upvalue of the running function is the budget. */
void matcher_init(struct matcher *m, lua_State *L, const char *subject, size_t subject_size,
                  const char *pattern, size_t pattern_size);
/* Takes a call's steps from the budget. */
void matcher_grant(struct matcher *m);
/* Books what was used; before and after anything else may use the budget, and at the end. */
void matcher_settle(struct matcher *m);

/* Uses up steps. */
void matcher_spend(struct matcher *m) __attribute__((noreturn, cold));
static inline void matcher_take(struct matcher *m, size_t steps)
{
	if (__builtin_expect(steps >= m->left, 0))
		matcher_spend(m);
	m->left -= (uint32_t)steps;
}

/* Raises an error; format has at most one %d, which is number. */
void matcher_fail(struct matcher *m, const char *format, int number) __attribute__((noreturn, cold));

/* Matches the whole pattern at s. Returns the end of the match, or NULL. */
const char *matcher_run(struct matcher *m, const char *s);

/* Pushes a capture, counted from 0; the first of none is the whole match, from s to end. */
void matcher_push(struct matcher *m, int index, const char *s, const char *end);
/* Pushes all; the whole match if there are none and whole is true. Returns how many. */
int matcher_push_all(struct matcher *m, const char *s, const char *end, bool whole);

#endif
