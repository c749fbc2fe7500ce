/* check/record.h - a struct described by rows as values of a database, and back */
#ifndef CHECK_RECORD_H
#define CHECK_RECORD_H

#include "base/arena.h"
#include "store/database.h"

/* One member as a value; a text stays the struct's own. */
struct database_value record_value(const pp_row_t *row, const void *structure);

/* Any value as text: NULL for NULL; made in the arena unless it is one. */
const char *record_text(const struct database_value *value, struct arena *arena);

/* Which column of a result each of the rows is. NULL: all were found; else the name of
 * one that is missing. */
const char *record_columns(const pp_row_t *rows, const char *const *names, unsigned count, unsigned *columns);

/* A row of a result as the struct, which holds the defaults: they stay where the result has
 * NULL. With copy, texts are copied into the arena; else they are the result's. NULL: all was
 * read; else the row whose type the value has not. */
const pp_row_t *record_read(const pp_row_t *rows, const unsigned *columns,
                            const struct database_value *values, bool copy, struct arena *arena,
                            void *structure);

#endif
