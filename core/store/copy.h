/* store/copy.h - rows of tables moved from one database into another
 *
 * With connections of its own, beside the stores that use these databases: a page of
 * rows at a time, in the order of their keys, each page a transaction. A row that is
 * there already gives way to a newer one, so that it can be done again and again.
 *
 * A set takes part that has the statements copy_out, copy_look, copy_in and
 * copy_count: sql/README says what they are.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/database.h"

struct copy_end {
	const struct database_driver *driver;
	struct database_target target; /* must live as long as the copy */
	const char *shown;             /* for messages; the same */
};

struct copy_count {
	int64_t total; /* rows that there are to read; -1 = not known */
	int64_t read;
	int64_t fresh;     /* were not there */
	int64_t newer;     /* took the place of an older one */
	int64_t left;      /* had a row there that is as new, or newer */
	int64_t refused;   /* what the other database cannot hold */
	char refusal[240]; /* why the first of those was, a sentence */
};

struct copy;

/* Connects to both. NULL: *error is a sentence (g_free() it). */
struct copy *copy_open(const struct copy_end *from, const struct copy_end *to, char **error);
void copy_close(struct copy *copy); /* accepts NULL */

/* Whether a set can be copied. */
bool copy_is_possible(const struct statement_set *set);

/* Copies one: the same set, of the one driver and of the other. Its tables are made where they are
 * missing. goes_on is called after each page; false from it stops. False: *error is a sentence
 * (g_free() it), *count says how far it came. */
bool copy_run(struct copy *copy, const struct statement_set *from, const struct statement_set *to,
              bool (*goes_on)(const struct copy_count *count, void *data), void *data,
              struct copy_count *count, char **error);

#endif
