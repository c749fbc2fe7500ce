/* rule/manual_names.h - what functions and actions of rule files take and mean */
#ifndef RULE_MANUAL_NAMES_H
#define RULE_MANUAL_NAMES_H

#include "request/action.h"

struct manual_parameter {
	const char *name, *type; /* of LuaLS; a NULL name ends the list */
	bool optional;
};

enum manual_when { MANUAL_LOADING, MANUAL_RULES, MANUAL_TESTS };

struct manual_function {
	const char *name;
	enum manual_when when; /* it may be called: while loading, in rules too, in rule tests */
	struct manual_parameter params[4];
	const char *returns; /* of LuaLS, NULL = nothing */
	const char *help;
};
const struct manual_function *manual_names_functions(void); /* ends with a NULL name */

const struct manual_parameter *manual_names_action_params(enum action_verb verb);
const char *manual_names_action_help(enum action_verb verb);

/* "(address, rule [, options])"; g_free() it. */
char *manual_names_signature(const struct manual_parameter *params);

#endif
