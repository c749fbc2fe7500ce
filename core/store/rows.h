/* store/rows.h - the rows of a result, copied out of the driver's hands
 *
 * While a statement runs its rows are gathered; then each ask gets a copy of its
 * own, in one piece of memory, since asks are freed in other threads.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/store.h"

struct rows_names; /* of the columns, shared by the results of a statement */

/* Zeroed before its first use; used again for the next statement. */
struct rows_gather {
	unsigned columns; /* set by the driver, before the first row */
	unsigned count;
	bool too_much;                 /* rows were dropped: nobody has use for so many */
	struct database_value *values; /* strings are offsets into text */
	size_t value_room;
	char *text;
	size_t used, room;
	struct rows_names *names;
};

void rows_gather_start(struct rows_gather *gather);                           /* forgets the rows of before */
void rows_gather_row(const struct database_value *values, void *gather);      /* a database_row_fn */
void rows_gather_names(struct rows_gather *gather, const char *const *names); /* when it has run */
void rows_gather_free(struct rows_gather *gather);                            /* what it holds */

/* How a gathered value and a value of an ask compare: < 0, 0, > 0. */
int rows_compare(const struct database_value *a, const struct database_value *b);
struct database_value rows_value(const struct rows_gather *gather, unsigned row, unsigned column);

/* A copy of some of the rows, for store_rows_free(). */
struct store_rows *rows_new(const struct rows_gather *gather, unsigned first, unsigned count);

#endif
