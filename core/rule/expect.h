/* rule/expect.h - functions of rule tests: a request to a rule, or to a check */
#ifndef RULE_EXPECT_H
#define RULE_EXPECT_H

#include <lua.h>

int expect_call(lua_State *L); /* expect(action, request [, rule]) */
int expect_ask(lua_State *L);  /* ask(check, request [, arguments]) -> answer */

#endif
