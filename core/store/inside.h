/* store/inside.h - what the parts of a store share; for nobody else but its tests
 *
 * Times are monotonic microseconds of the machine, also where the clock is turned
 * by hand: a database does not wait with it.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <glib.h>
#include <stdatomic.h>
#include "store/door.h"
#include "store/health.h"
#include "store/queue.h"
#include "store/sets.h"
#include "store/store.h"

#define STORE_SECOND ((int64_t)G_USEC_PER_SEC)
#define STORE_PATIENCE (STORE_SECOND / 5)       /* of asks that nobody waits for */
#define STORE_TOO_LONG (10 * STORE_SECOND)      /* an ask that has waited so long fails */
#define STORE_LOOK_EACH (STORE_SECOND * 9 / 10) /* is it the same database? Less than a tick */
enum { STORE_BUSY_TRIES = 3 };                  /* each as long as the driver's lock_wait */

struct writer;
struct reader;
struct checkpoint;

struct store {
	int refs;
	struct store_settings settings;
	const struct database_driver *driver;
	char *who; /* "store 'mail'" */
	struct queue queue;
	struct health health;
	struct door doors[HEALTH_PARTS]; /* shut only where the driver is remote */
	struct sets sets;

	bool writes; /* it has a writer, once it is opened; else it is only read */
	struct writer *writer;
	struct reader **readers;
	unsigned reader_count;
	struct checkpoint *checkpoint;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool started, tried;               /* tried: the first attempt to open it is over */
	uint64_t clears, cleared;          /* asked for, done */
	struct database_health bytes_used; /* as the writer or a reader last saw it */
	char place[160];                   /* where the last connection was made, "" = not known */

	atomic_uint generation; /* counts the databases the writer has opened */
	atomic_int open;        /* how many connections are, that write or read */
	atomic_int reading;     /* those of readers */
	atomic_uint_fast64_t failed, reads, rows_written, transactions, write_usec;
};

/* With a driver of one's own, for tests. */
struct store *store_new_with(const struct store_settings *settings, const struct database_driver *driver);

void store_ask_fail(struct store_ask *ask, const char *text);
/* Hands it over: it must not be touched any more. */
void store_ask_answer(struct store_ask *ask);
/* The first attempt to open it is over; waits for that. */
void store_set_tried(struct store *store);
void store_await_tried(struct store *store);
/* The bit of a connection in sets.h: 0 is the writer's, then come the readers'. */
uint32_t store_connection(unsigned index);
void store_sweep(struct store *store); /* drops statement sets that nobody uses any more */
void store_see_health(struct store *store, struct database *database);
/* A connection was made: says in the log when that is elsewhere than before. */
void store_see_place(struct store *store, const struct database *database);
/* A database that is away: keeps asks of this kind out until it is back. */
void store_shut(struct store *store, enum health_part part, const struct database_error *error);
/* How long to wait after so many failed attempts: 0.1 s to 2 s, not the same for all. */
int64_t store_backoff(unsigned failures);

#endif
