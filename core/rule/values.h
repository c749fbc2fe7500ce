/* rule/values.h - Lua values as the values that rows read */
#ifndef RULE_VALUES_H
#define RULE_VALUES_H

#include <lua.h>
#include "base/value.h"
#include "rule/plan.h"

/* A Lua value as a pp_value_t; keys in skip (NULL-terminated, may be NULL) are left out.
 * NULL: *error says what cannot be taken. */
const pp_value_t *values_read(lua_State *L, int index, struct arena *arena, const char *const *skip,
                              const struct plan_place *place, const char **error);

#endif
