/* rule/walk_samples.h - the requests that ppolicyd -t tries */
#ifndef RULE_WALK_SAMPLES_H
#define RULE_WALK_SAMPLES_H

#include "request/attribute.h"
#include "rule/plan.h"

struct walk_sample {
	char *name;       /* "a null sender"; NULL: the ordinary request, at RCPT */
	GPtrArray *pairs; /* of char *, names and values by turns; NULL at the end */
};

/* Of struct walk_sample, the ordinary one first; freed with the array. */
GPtrArray *walk_samples_new(const struct plan *plan);
/* A copy of those, as a rule sees them that a route chose for this value. */
GPtrArray *walk_samples_with(const GPtrArray *samples, pp_attribute_t attribute, const char *value);

#endif
