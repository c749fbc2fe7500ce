/* rule/given.h - answers that a rule test gives in place of asking */
#ifndef RULE_GIVEN_H
#define RULE_GIVEN_H

#include <glib.h>
#include <lua.h>
#include "rule/objects.h"

struct given {
	struct arena arena;
	GHashTable *answers; /* struct check -> struct answer */
};

void given_init(struct given *given);
void given_clear(struct given *given);
void given_free(struct given *given);

/* Puts the answer given for the ask's check into it. False: there is none. */
bool given_put(const struct given *given, struct rule_ask *ask);

/* The Lua function answers { CHECK = "word", CHECK = { "word", field = ... } }. */
int given_call(lua_State *L);

/* Walks through the table that a function of tests was called with, names to values, and gives
 * each, read into the arena. what is the function's name, wanted an example of a call, of what a
 * name is. Raises errors. */
int given_each(lua_State *L, struct arena *arena, const char *what, const char *wanted, const char *of,
               void (*take)(lua_State *L, const char *name, const pp_value_t *values));

#endif
