/* store/batch.h - many asks as few statements, each with an answer of its own
 *
 * Asks of one statement become runs of 256, 128, ... 1 rows, a key at most once in
 * a run. One thread at a time; knows nothing of queues and connections that break.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store/rows.h"

struct batch;

struct batch *batch_new(void);
void batch_free(struct batch *batch); /* accepts NULL; it is empty */

/* In order of arrival. */
void batch_add(struct batch *batch, struct store_ask *ask);
unsigned batch_count(const struct batch *batch);
unsigned batch_rows_written(const struct batch *batch); /* rows of statements that write, by the last run */

/* Runs all of it, within a transaction: each ask is then done or, for what it asks itself,
 * failed. False: the transaction is of no use, roll it back; all asks wait again. carefully:
 * with savepoints, so that a row that is refused harms no other; without it such a row
 * (DATABASE_DATA) is one more reason for false, but all goes faster. */
bool batch_run(struct batch *batch, bool carefully, const struct database_driver *driver,
               struct database *database, struct database_error *error);

void batch_undo(struct batch *batch);                   /* rolled back: all asks wait again */
void batch_fail(struct batch *batch, const char *text); /* all asks fail */
/* A list of the asks, in order of arrival; it is empty then. */
struct store_ask *batch_take(struct batch *batch);
/* Hands over each ask and is empty. Returns how many of them failed. */
unsigned batch_answer(struct batch *batch);

#endif
