/* rule/actions.h - actions in rules: made only by constructors */
#ifndef RULE_ACTIONS_H
#define RULE_ACTIONS_H

#include "rule/objects.h"

struct lua_action {
	enum object_kind kind;
	struct action action;
	int line;
	const char *file;
	char text[];
};

/* Registers dunno, reject, ... */
void actions_register(struct program *program);

/* NULL: the value at index is something else. */
struct lua_action *actions_get(lua_State *L, int index);

/* Reads on_error or overload: an action or "close". 1; 0 = nil; -1 = something else. */
int actions_read_setting(lua_State *L, int index, struct action *action);

#endif
