/* rule/pattern.h - Lua's string.find, match, gmatch and gsub with an end in sight
 *
 * Patterns and results are exactly Lua 5.4's, in the C locale. The library of
 * Lua backtracks without a bound; here every call has a budget of steps, one
 * step being a pattern item or a byte looked at.
 */
#ifndef RULE_PATTERN_H
#define RULE_PATTERN_H

#include <lua.h>
#include <stdint.h>

struct pattern_budget {
	uint32_t call; /* steps one call may take */
	uint32_t run;  /* steps that are left to all calls together */
	/* Steps are used up. Raises an error, and never returns. */
	void (*spent)(lua_State *L);
};

/* Sets the four functions in the table on top of the stack; the budget lives as
 * long as they do. */
void pattern_open(lua_State *L, struct pattern_budget *budget);

#endif
