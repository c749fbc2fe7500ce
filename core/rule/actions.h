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

/* Makes one, as its constructor would at this line. */
void actions_push(lua_State *L, struct program *program, const struct action *action);

/* An action as the value of a parameter, in the arena, and back; its text lives as long as the value. */
const pp_action_t *actions_as_value(const struct lua_action *action, struct arena *arena);
struct action actions_of_value(const pp_action_t *value);

/* Reads on_error or overload: an action or "close". 1; 0 = nil; -1 = something else. */
int actions_read_setting(lua_State *L, int index, struct action *action);

#endif
