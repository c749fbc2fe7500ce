/* unit/zone.h - DNS for tests of SPF: what is told it, and nothing else */
#ifndef UNIT_ZONE_H
#define UNIT_ZONE_H

#include "../../modules/spf/evaluate.h"

struct zone;

struct zone *zone_new(void);
void zone_free(struct zone *zone);

/* Adds a record; data is an address (A, AAAA), a name (MX, PTR) or bytes (TXT). False: no address. */
bool zone_add(struct zone *zone, const char *name, enum spf_type type, const char *data, size_t length);
/* There is no answer for the name and type. */
void zone_fail(struct zone *zone, const char *name, enum spf_type type);

struct zone_counts {
	unsigned rounds;    /* how often it was run */
	unsigned questions; /* how many were asked */
};

/* Evaluates as a caller with DNS does. Aborts where what comes out depends on which answers come
 * first, or a promise of evaluate.h is not kept. counts may be NULL. */
void zone_evaluate(struct zone *zone, const struct spf_question *question, struct spf_outcome *outcome,
                   struct zone_counts *counts);

/* Evaluates by both engines, the outcomes in the order of enum spf_engine. NULL: they are equal, and
 * so are the questions asked; else why they differ. Aborts where nothing explains it. */
const char *zone_difference(struct zone *zone, struct spf_question question, struct spf_outcome outcomes[2]);

#endif
