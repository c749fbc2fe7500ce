/* rule/program.h - a rule file loaded into a Lua state of its own
 *
 * Each loop has one; one more, made first, checks the file and makes the plan.
 * A program is used by one thread at a time.
 */
#ifndef RULE_PROGRAM_H
#define RULE_PROGRAM_H

#include <lua.h>
#include "check/ask.h"
#include "rule/plan.h"
#include "rule/sandbox.h"

struct run;
struct rule_ask;
struct lua_action;

/* What -t and rule tests put in the place of asking. */
struct program_hooks {
	/* Before a check is asked. True: it has put an answer into the ask (done). */
	bool (*ask)(struct program_hooks *hooks, struct run *run, struct rule_ask *ask);
	/* Before an answer is read; field is the index of a field, or -1. May put the answer. NULL: nothing.
	 */
	void (*read)(struct program_hooks *hooks, struct run *run, struct rule_ask *ask, int field);
	/* In place of answer_field(). NULL: answer_field(). */
	struct answer_value (*field)(struct program_hooks *hooks, struct run *run, struct rule_ask *ask,
	                             unsigned field);
	/* An action was made, at this line. NULL: nothing. */
	void (*made)(struct program_hooks *hooks, struct run *run, const struct lua_action *action);
};

struct program_rule {
	int function; /* registry reference */
	const char *name;
};

/* A rule of rules, made by route(). */
struct program_route {
	pp_attribute_t attribute;
	const char *file; /* where route() stands */
	int line;
	GPtrArray *values;    /* of char * */
	GArray *rules;        /* of struct program_rule, one a value */
	const void *function; /* lua_topointer() of the function that route() made */
};

struct program {
	struct sandbox *sandbox;
	lua_State *L;
	struct plan *plan;
	bool loading;
	struct plan_source *source;    /* being loaded */
	int includes;                  /* depth */
	GArray *rules;                 /* of struct program_rule, one a listener */
	GPtrArray *routes;             /* of struct program_route */
	GPtrArray *checks;             /* of struct lua_check, anchored in the registry */
	int request_meta, action_meta; /* registry references of metatables */
	const char **classes;          /* restriction classes, NULL-terminated */
	struct program_hooks *hooks;
	struct run *current; /* whose Lua runs now */
	struct run *spare;   /* recycled */
	GHashTable *said;    /* rule errors logged already */
	uint64_t *errors;    /* counted here, may be NULL */
};

/* An empty program of a plan. */
struct program *program_new(struct plan *plan);
void program_free(struct program *program); /* no run is open */

/* The route a rule is, or NULL. */
const struct program_route *program_route_of(struct program *program, const struct program_rule *rule);

/* Loads a file with what it includes. What is wrong goes to plan->errors. The
 * caller calls plan_finish() or plan_follow() next, then program_bind(). */
void program_load(struct program *program, const char *path);
/* Tells the constructors which restriction classes there are. */
void program_set_classes(struct program *program);
/* After the checks were made: what their answers are called. */
void program_bind(struct program *program);

/* What a value is worth showing as in a message: "a number", "nil". */
const char *program_describe(lua_State *L, int index);
/* The text at index itself, or program_describe() of what is no text. Never runs
 * a script's functions. */
const char *program_text(lua_State *L, int index);
struct program *program_of(lua_State *L);
/* Where the Lua function that called the running C function stands. */
struct plan_place program_place(struct program *program, lua_State *L);
int program_line(lua_State *L);

#endif
