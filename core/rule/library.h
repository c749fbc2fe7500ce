/* rule/library.h - the part of Lua's libraries that rules may use
 *
 * base without load*, dofile, collectgarbage, print, rawset and warn; string
 * without dump; table, math, utf8. No function shows an address, loops in C
 * without a bound, makes a finalizer, or changes a library.
 */
#ifndef RULE_LIBRARY_H
#define RULE_LIBRARY_H

#include <lua.h>
#include <stddef.h>
#include "rule/pattern.h"

/* Sets the functions and libraries in the table on top of the stack. Of
 * a sandbox's state. */
void library_open(lua_State *L, struct pattern_budget *budget);

/* Puts in the place of the table on top of the stack one that reads from it and cannot be changed. */
void library_lock(lua_State *L, const char *name);

/* As luaL_tolstring(), but never an address: "table", or what __tostring or a userdata's __name says. */
const char *library_tostring(lua_State *L, int index, size_t *size);

#endif
