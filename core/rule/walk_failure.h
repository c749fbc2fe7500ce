/* rule/walk_failure.h - ppolicyd -t: runs that gave no action, and the least that leads there */
#ifndef RULE_WALK_FAILURE_H
#define RULE_WALK_FAILURE_H

#include "rule/walker.h"

/* What went wrong on one line. */
struct walk_failure {
	char *key;    /* "policy.lua:7", or the text where it has no place of its own */
	char *text;   /* "policy.lua:7: attempt to ..." */
	bool limited; /* to run it again takes its time */
	const struct walk_target *target;
	const struct walk_sample *sample;
	unsigned order; /* of the sample: the smaller, the more ordinary */
	GArray *path;   /* of struct walk_choice: the shortest way */
};

/* Of struct walk_failure, by line; freed with the table. */
GHashTable *walk_failures_new(void);
void walk_failures_add(GHashTable *failures, const struct walker *walker, const struct walk_end *end,
                       const struct walk_target *target, const struct walk_sample *sample, unsigned order);

/* "policy.lua:7: attempt to ... (with zen unknown, a null sender)". Runs the rule some
 * times more, to leave out what does not matter. Free with g_free(). */
char *walk_failure_print(const struct walk_failure *failure, struct walker *walker);

#endif
