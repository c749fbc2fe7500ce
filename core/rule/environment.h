/* rule/environment.h - the names a rule file sees and may set
 *
 * Scripts see an empty table that reads from the real one and cannot be written
 * around: a known name is found without a call, an unknown one is an error.
 */
#ifndef RULE_ENVIRONMENT_H
#define RULE_ENVIRONMENT_H

#include <lua.h>
#include <stdbool.h>

struct environment {
	int seen, real, loading; /* registry references; loading has the names seen only then */
	void (*assigned)(lua_State *L, const char *name, void *data);
	void *data;
	bool running;
};

/* Takes the table of the first globals from the stack. The environment lives as long as the state. */
void environment_open(lua_State *L, struct environment *environment);
void environment_set(lua_State *L, struct environment *environment, const char *name); /* pops the value */
void environment_set_loading(lua_State *L, struct environment *environment, const char *name);
void environment_run(lua_State *L, struct environment *environment, bool running);
/* Gives the function on top of the stack, which was just loaded, the environment. */
void environment_enclose(lua_State *L, const struct environment *environment);

#endif
