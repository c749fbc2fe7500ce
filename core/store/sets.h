/* store/sets.h - the statement sets a store knows, and whether their tables are there
 *
 * Any thread, where nothing else is said. Several sets of equal name and table, as
 * after a reload, share the state of their tables. A set that only the store still
 * holds is dropped once each connection has forgotten it.
 */
#ifndef STORE_SETS_H
#define STORE_SETS_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include "store/schema.h"

enum sets_state {
	SETS_WAITING, /* for the writer to look at its tables */
	SETS_READY,
	SETS_REFUSED /* such as tables newer than this program */
};

struct sets {
	pthread_mutex_t lock;
	const char *who;      /* begins the lines in the log */
	bool quiet;           /* says nothing of new tables */
	GPtrArray *known;     /* struct set_known */
	atomic_bool waiting;  /* there are some for the writer to look at */
	atomic_int departing; /* how many */
};

void sets_init(struct sets *sets, const char *who, bool quiet);
void sets_clear(struct sets *sets); /* drops all */

void sets_add(struct sets *sets, struct statement_set *set);
/* error (may be NULL; 240 bytes) is set if it is refused. */
enum sets_state sets_state(struct sets *sets, const struct statement_set *set, char *error);
void sets_each(struct sets *sets, void (*visit)(const struct statement_set *set, int version, void *data),
               void *data);

/* The writer: brings the tables of those that wait to their version; those that were refused
 * again after some seconds. False: the trouble is not of one set, but of the database. */
bool sets_migrate(struct sets *sets, const struct database_driver *driver, struct database *database,
                  struct database_error *error);
/* All of them wait again: it may be another database. replaced: it is known to be. Tables that are
 * newer than this program are refused, but for those that it has used before they were. */
void sets_reopened(struct sets *sets, bool replaced);

/* Finds out which sets nobody uses any more; connections: a bit for each that has to forget
 * them. True: there are some. */
bool sets_sweep(struct sets *sets, uint32_t connections);
/* The thread of a connection: forgets them. database may be NULL: it is not open. */
void sets_forget(struct sets *sets, uint32_t connection, const struct database_driver *driver,
                 struct database *database);

#endif
