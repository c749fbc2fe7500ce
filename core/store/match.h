/* store/match.h - asks of a statement run as one, and which row of the result belongs to which ask */
#ifndef STORE_MATCH_H
#define STORE_MATCH_H

#include <limits.h>
#include "store/database.h"
#include "store/rows.h"

#define MATCH_NONE UINT_MAX

/* An ask among others. */
struct match_entry {
	struct store_ask *ask;
	unsigned group; /* of those that are run together */
	unsigned round; /* how many with its key come before it */
	unsigned row;   /* of the result that is being told apart, or MATCH_NONE */
};

/* Where they run. Zeroed before its first use. */
struct match_run {
	const struct database_driver *driver; /* these three are the caller's, set before each run */
	struct database *database;
	struct database_error *error;
	struct database_value *values; /* of all of them */
	size_t value_room;
	struct rows_gather gather; /* the result */
};

/* Runs the statement of the first of them for them all; *names: of the columns. False: error says why. */
bool match_run(struct match_run *run, const struct match_entry *entries, unsigned count,
               const char *const **names);
/* Makes an error of a result that cannot be told apart: what is half a sentence. Returns false. */
bool match_refuse(struct match_run *run, const struct statement *statement, const char *what);
void match_run_clear(struct match_run *run);

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
