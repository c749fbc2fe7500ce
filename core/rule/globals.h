/* rule/globals.h - what files and rules may call */
#ifndef RULE_GLOBALS_H
#define RULE_GLOBALS_H

#include "rule/program.h"

/* Registers them in the program's sandbox. */
void globals_register(struct program *program);

/* Raises an error if the file is not being loaded. */
void globals_must_load(lua_State *L, const char *what);

/* The first global a function (a registry reference) was assigned to, in the
 * plan's arena; NULL: none. */
const char *globals_name_of(struct program *program, int function);

#endif
