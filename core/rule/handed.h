/* rule/handed.h - answer:action(): the action that another policy server gave, handed on */
#ifndef RULE_HANDED_H
#define RULE_HANDED_H

#include "rule/run.h"

/* Pushes the action of an answer that is there. One that may not be handed on becomes DUNNO, which
 * is logged. */
void handed_push(lua_State *L, struct run *run, struct rule_ask *ask);

#endif
