/* base/value.h - values as written in a rule file: built, copied, compared, printed
 *
 * pp_value_t is in ppolicyd/module.h. All memory is the arena's.
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <glib.h>
#include "base/arena.h"
#include "ppolicyd/module.h"

/* An action, as those who make it know more of: so many bytes in one piece, with this at their
 * beginning, and without pointers into themselves. */
struct pp_action {
	size_t size;
	size_t source; /* where its constructor stands as Lua source, NUL-terminated */
};
const char *value_action_source(const pp_action_t *action);
const pp_action_t *value_action_copy(struct arena *arena, const pp_action_t *action); /* NULL for NULL */

const char *value_kind_name(pp_kind_t kind); /* "text", "number", "true or false", "table", "nil" */
const pp_value_t *value_get(const pp_value_t *list, const char *key); /* NULL: no such key, or no list */
/* The whole number a number is; false for 1.5, for what does not fit and for no number. */
bool value_integer(const pp_value_t *value, int64_t *integer);
/* The number a text is; false: it is none, and value stays as it was. */
bool value_number(const char *text, pp_value_t *value);
/* A deep copy. */
pp_value_t value_copy(struct arena *arena, const pp_value_t *value);
/* A short print of a value for error messages: 'text', 5, {...}. */
const char *value_show(struct arena *arena, const pp_value_t *value);
/* Appends an exact, canonical text: equal values give equal texts. */
void value_canonical(GString *out, const pp_value_t *value);
/* Appends the value as Lua source: "5m", 5, { 1, key = true }. */
void value_print(GString *out, const pp_value_t *value);

#endif
