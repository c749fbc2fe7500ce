/* rule/walk_values.h - the values of fields that ppolicyd -t tries */
#ifndef RULE_WALK_VALUES_H
#define RULE_WALK_VALUES_H

#include "check/check.h"
#include "rule/plan.h"

#define WALK_VALUES_MAX 16

struct walk_values {
	unsigned count; /* at least 1 */
	struct answer_value value[WALK_VALUES_MAX];
};

/* What a field may be with a word that sets it: the row's samples, else what suits its
 * type, its default among them, and of a text what the sources (of struct plan_source)
 * compare it with. In the arena, made once. */
const struct walk_values *walk_values_new(const struct check *check, unsigned field, const GPtrArray *sources,
                                          struct arena *arena);

#endif
