/* store/store.h - a database behind one verb: ask(statement, row) -> rows
 *
 * Threads: one writer takes all that waits, runs equal statements as one of many
 * rows in one transaction, and answers each when it is committed; a few readers run
 * what only reads; one moves the write-ahead log. An ask is answered in the loop it
 * came from. A database that fails is tried again by itself; meanwhile asks fail at
 * once (while it is locked by somebody else: after lock_wait), and a line is logged for
 * each change of state, not for each ask.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "service/loop.h"
#include "store/database.h"

struct store;

struct store_settings {
	const char *name; /* NULL = the store; "mail" = a database for lists, only read */
	const char *driver;
	struct database_target target;
};

/* Copies the settings. Nothing is opened yet, no thread runs. */
struct store *store_new(const struct store_settings *settings);
struct store *store_ref(struct store *store);
void store_unref(struct store *store); /* the last one writes what waits, then closes; accepts NULL */
bool store_equal(const struct store *store, const struct store_settings *settings);
const char *store_name(const struct store *store);   /* "mail", or "store" */
const char *store_driver(const struct store *store); /* "sqlite" */
const char *store_path(const struct store *store);   /* NULL: in memory; of hosts: for people */

/* As it was made; lives as long as the store. */
const struct store_settings *store_settings(const struct store *store);

/* Makes a set known: its tables are migrated before its first statement runs. Any thread, before
 * or after store_open(); sets of equal name and table are one. The store holds a reference. */
void store_add(struct store *store, struct statement_set *set);

/* Starts the threads at the first call and waits for the first attempt to open. What is wrong is
 * logged. False: it failed, and is tried again. */
bool store_open(struct store *store);

/* -- asking -------------------------------------------------------------- */

struct store_rows {
	unsigned count, columns;
	const char *const *names;            /* of the columns */
	const struct database_value *values; /* count times columns */
};

enum store_state { STORE_WAITING, STORE_DONE, STORE_FAILED };

/* An ask. Embed it; statement (its set is known to the store) and values must live until it
 * is answered. */
struct store_ask {
	struct loop_message message; /* posted to loop when answered; message.run is the caller's */
	struct loop *loop;           /* NULL: message.run is called in a thread of the store */
	const struct statement *statement;
	const struct database_value *values; /* statement->arg_count of them */
	bool later;                          /* nobody waits: written within half a second, with others */

	enum store_state state;
	struct store_rows *rows; /* when done; free it with store_rows_free() */
	char error[200];         /* when failed: a sentence */
	uint64_t order;          /* this and the rest are the store's own */
	int64_t arrived;
	uint32_t bytes;
	struct store_ask *next;
};

/* Any thread. False: too much waits already, or the store is being closed; state and error are
 * set, and message.run is not called. */
bool store_start(struct store *store, struct store_ask *ask);
void store_rows_free(struct store_rows *rows); /* accepts NULL */

/* Waits for the answer: never in a loop. False: *error is a sentence (g_free() it; may be NULL). */
bool store_run(struct store *store, const struct statement *statement, const struct database_value *values,
               struct store_rows **rows, char **error);
/* Waits until what was started before is written, also what was to be written later. */
void store_flush(struct store *store);
/* For rule tests, with a database in memory: forgets all of it. Nothing may be under way. */
void store_clear(struct store *store);

/* -- for people ----------------------------------------------------------- */

struct store_status {
	bool open, good;        /* good: the last attempt to use it succeeded */
	char trouble[240];      /* what is wrong; "" when good */
	pp_msec_t since;        /* pp_time() of the last change of state */
	char last_trouble[240]; /* what was wrong last, and may be over; "" = nothing was */
	pp_msec_t last_trouble_at;
	uint64_t asks, failed, refused; /* refused: because too much waited */
	uint64_t reads, rows_written, transactions;
	uint64_t waiting;   /* now */
	int64_t write_usec; /* time in transactions, all together */
	struct database_health health;
	char place[160]; /* the host that is used for writing; "" where there are no hosts */
};
void store_status(struct store *store, struct store_status *status);
/* Names and versions of the sets: calls for each. */
void store_each_set(struct store *store,
                    void (*visit)(const struct statement_set *set, int version, void *data), void *data);

#endif
