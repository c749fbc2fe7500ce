/* store/copy_page.h - what the files of copying share: a page of rows; for nobody else
 */
#ifndef STORE_COPY_PAGE_H
#define STORE_COPY_PAGE_H

#include <glib.h>
#include "store/copy.h"
#include "store/rows.h"

struct copy {
	struct copy_end from, to;
	struct database *source, *sink; /* connections; NULL: to be opened */
	unsigned tries;
	const struct copy_end *at; /* where what failed last was done */

	/* The set. */
	const struct statement_set *out_set, *in_set;
	const struct statement *versions, *out, *look, *in;
	struct copy_count *count;
	bool absent; /* there are no such tables to be read */

	/* The page. */
	bool more;                       /* it is not the last one */
	GPtrArray *after;                /* texts of last_key */
	struct database_value *last_key; /* of the page before, by argument of look; NIL at first */
	GString *mark;                   /* a last key of before; see goes_on() */
	uint64_t pages, mark_at;
	struct rows_gather page, found;
	unsigned *in_columns, *key_columns; /* of the page, by argument of in and of look */
	unsigned stamp_column;
	GArray *values; /* struct database_value, of what is run */
	unsigned done;  /* rows of the page that are written, or refused */
};

/* Finds the statements. False: *error. */
bool copy_page_begin(struct copy *copy, char **error);
bool copy_page_read(struct copy *copy, struct database_error *error);
bool copy_page_write(struct copy *copy, struct database_error *error);
void copy_page_clear(struct copy *copy);

#endif
