/* rule/walk_values.h - the values of fields that ppolicyd -t tries */
#ifndef RULE_WALK_VALUES_H
#define RULE_WALK_VALUES_H

#include "check/check.h"

#define WALK_VALUES_MAX 16

struct walk_values {
	unsigned count; /* at least 1 */
	struct answer_value value[WALK_VALUES_MAX];
};

/* What a field may be with a word that sets it: the row's samples, else what suits its
 * type, its default among them. In the arena, made once. */
const struct walk_values *walk_values_new(const struct check *check, unsigned field, struct arena *arena);

#endif
