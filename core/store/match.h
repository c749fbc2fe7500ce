/* store/match.h - which row of a result belongs to which ask, by the statement's key */
#ifndef STORE_MATCH_H
#define STORE_MATCH_H

#include <limits.h>
#include "store/rows.h"

#define MATCH_NONE UINT_MAX

/* An ask among others. */
struct match_entry {
	struct store_ask *ask;
	unsigned group; /* of those that are run together */
	unsigned round; /* how many with its key come before it */
	unsigned row;   /* of the result that is being told apart, or MATCH_NONE */
};

/* The order of two entries of a statement by its key; a GCompareDataFunc. */
int match_compare(const void *a, const void *b, void *statement);

/* Which columns of a result are the key's, in key_count columns. False: it lacks one. */
bool match_columns(const struct rows_gather *gather, const struct statement *statement,
                   const char *const *names, unsigned *columns);
/* Sets the row of each entry; they are sorted by key, and each has another. False: a row is nobody's, or an
 * ask has two. */
bool match_rows(const struct rows_gather *gather, struct match_entry *entries, unsigned count,
                const unsigned *columns);

#endif
