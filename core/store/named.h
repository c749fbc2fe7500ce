/* store/named.h - statements run with arguments by their names, and rows read by the names of columns
 *
 * For those who ask seldom and may wait. Who asks for each mail knows the places.
 */
#ifndef STORE_NAMED_H
#define STORE_NAMED_H

#include "store/store.h"

struct named_argument {
	const char *name; /* NULL: no more follow */
	struct database_value value;
};

struct database_value named_text(const char *text); /* which is not copied; NULL: NULL */
struct database_value named_number(int64_t number);

/* As store_run(); an argument of the statement that is not given is NULL. */
bool named_run(struct store *store, const struct statement *statement, const struct named_argument *arguments,
               struct store_rows **rows, char **error);

/* NULL, and 0: there is no such column, or its value is none of this kind. Texts live as long as the
 * rows. */
const char *named_text_of(const struct store_rows *rows, unsigned row, const char *name);
int64_t named_number_of(const struct store_rows *rows, unsigned row, const char *name);

#endif
