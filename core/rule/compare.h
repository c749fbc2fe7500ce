/* rule/compare.h - functions of rule tests: values compared, both shown where they differ */
#ifndef RULE_COMPARE_H
#define RULE_COMPARE_H

#include <lua.h>

int compare_equal(lua_State *L);    /* equal(got, want [, what]) */
int compare_contains(lua_State *L); /* contains(text, part) */

#endif
