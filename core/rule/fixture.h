/* rule/fixture.h - functions of rule tests: checks made at once, files written */
#ifndef RULE_FIXTURE_H
#define RULE_FIXTURE_H

#include "rule/stage.h"

/* Pushes the table whose check.NAME { ... } makes a check at once, or raises what is
 * wrong with it. */
void fixture_push_check(lua_State *L, struct stage *stage);
int fixture_refused(lua_State *L); /* refused(part, function) */

int fixture_write(lua_State *L); /* write(name, text) -> path */
/* From now on files are written in another folder. */
void fixture_next(struct files *files);
/* Removes all that was written. */
void fixture_remove(struct files *files);

#endif
