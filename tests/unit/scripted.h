/* unit/scripted.h - a database driver that does what a test says
 *
 * It has no tables: a row is counted under its key (client sender) for ever, also when it
 * is rolled back, and comes back with this count. A client "poison" is refused, the row of
 * one that begins with "locked" is locked, for which it waits LOCKED_WAIT; what is asked of one
 * that begins with "slow" is ended after SLOW_WAIT.
 */
#ifndef UNIT_SCRIPTED_H
#define UNIT_SCRIPTED_H

#include "store/inside.h"
#include "stored.h"

#define LOCKED_WAIT 400 /* ms */
#define SLOW_WAIT 600   /* ms */

enum scripted_spot { SPOT_OPEN, SPOT_BEGIN, SPOT_RUN, SPOT_COMMIT, SPOT_VERSION, SPOTS };

/* How the rows of a result come back. */
enum scripted_rows { ROWS_IN_ORDER, ROWS_REVERSED, ROWS_LAST_MISSING, ROWS_LAST_TWICE, ROWS_OF_STRANGERS };

extern const struct database_driver scripted; /* with two readers */
extern const struct statement scripted_touch; /* client sender now; key: client sender */
extern const struct statement scripted_add;   /* the same without a key */
extern const struct statement scripted_read;  /* reads */
extern const struct statement scripted_tabled_read;
extern const struct statement scripted_tabled;             /* as touch, of a set with a migration */
extern struct statement_set scripted_set, scripted_tables; /* with the first three, with the last */

void scripted_reset(void);
/* From now on the next so many calls fail so (-1 = all). */
void scripted_fail(enum scripted_spot spot, int times, enum database_fault fault, const char *text);
void scripted_return(enum scripted_rows rows);
void scripted_replace(void); /* the database is another one from now on */
void scripted_version(int version);
unsigned scripted_calls(enum scripted_spot spot);
unsigned scripted_largest(void);   /* rows of one run */
unsigned scripted_committed(void); /* rows */
/* Runs that write wait while it is shut. */
void scripted_gate(bool shut);
void scripted_await_stuck(void); /* until one does */
bool scripted_is_ended(void);    /* all connections are closed */

struct store *scripted_store(void);        /* with the script reset, not open */
struct store *scripted_remote_store(void); /* the same, with a driver that is remote */
struct store *scripted_open(void);         /* and the log is looked at */
void scripted_end(struct store *store);
enum store_state scripted_run(struct store *store, const char *client); /* touches it */
/* Started asks, with clients and times that count; before the store is open they are one batch. */
struct stored *scripted_many(struct store *store, const struct statement *statement, unsigned count);

#endif
