/* store/reads.h - many asks that read as few statements, each with rows of its own
 *
 * Asks of one statement with a key become runs of as many rows; those of an equal key
 * share what the first of them asked. One thread at a time.
 */
#ifndef STORE_READS_H
#define STORE_READS_H

#include "store/rows.h"

struct reads;

struct reads *reads_new(void);
void reads_free(struct reads *reads); /* accepts NULL */

/* Asks of one statement, STATEMENT_ROWS_MAX at most and more than one only where it has a key: each of
 * them is done then, or, for what it asks itself, failed. False: none of them is, for a reason that is the
 * database's. */
bool reads_run(struct reads *reads, struct store_ask *asks, const struct database_driver *driver,
               struct database *database, struct database_error *error);

#endif
