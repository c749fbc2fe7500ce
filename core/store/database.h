/* store/database.h - what a database driver does, so that all of them look alike
 *
 * A connection belongs to one thread. Drivers know nothing of queues, batches and
 * asks; the store knows nothing of SQLite or MySQL.
 */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include "store/remote.h"
#include "store/statement.h"
#include "ppolicyd/module.h"

/* A value on its way in or out. kind is PP_NIL, PP_INTEGER, PP_REAL or PP_STRING. */
struct database_value {
	pp_kind_t kind;
	union {
		int64_t integer;
		double real;
		struct {
			const char *string; /* NUL-terminated; what stood behind a NUL inside is gone */
			uint32_t length;
		};
	};
};

enum database_fault {
	DATABASE_OK,
	DATABASE_DATA,   /* this row, or this statement, is refused: others are not */
	DATABASE_BUSY,   /* locked by somebody else: try again */
	DATABASE_DENIED, /* cannot write now: disk full, read-only, no right; reading may work */
	DATABASE_LOST    /* the connection is of no use: close it, open another */
};

struct database_error {
	enum database_fault fault;
	bool waited;    /* for an answer that did not come in time */
	int64_t again;  /* of open(): not worth another attempt before, monotonic microseconds; 0 = not known
	                 */
	char text[240]; /* a sentence for the log, clean, with what to do where we know it */
};

/* Of what a driver finds when it looks whether its database is there still. */
enum database_presence {
	DATABASE_THERE,
	DATABASE_REPLACED, /* it is another one than what was opened, such as a file put in its place */
	DATABASE_GONE      /* the connection is of no use any more: *error says why */
};

/* Where and how; the texts live as long as the store. */
struct database_target {
	const char *path;      /* sqlite: NULL = in memory, of one connection; others: for people only */
	struct remote *remote; /* mysql: its hosts; else NULL */
	bool read_only;
	bool full_sync; /* a commit survives a power cut too */
	pp_msec_t lock_wait;
	pp_msec_t read_limit; /* how long what only reads may take; 0 = as long as it wants */
};

struct database_health {          /* for people */
	int64_t bytes, log_bytes; /* of the database, of its write-ahead log; -1 = not known */
	char server[80];          /* of a host: what runs there, such as "10.11.6-MariaDB"; "" = no host */
	char tls[100];            /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "none" */
};

struct database; /* a connection */

/* Called for each row of a result; what it is given lives until it returns. */
typedef void (*database_row_fn)(const struct database_value *values, void *data);

struct database_driver {
	const char *name;     /* "sqlite": its folder in sql/ */
	unsigned readers;     /* connections beside the writer's that are worth while */
	const char *versions; /* SQL that makes ppolicyd_schema if it is not there; for people too */
	bool remote;          /* an attempt to open or to use it may take long, and not because it is busy */

	/* NULL: failed. A fresh database is made where writing is allowed. */
	struct database *(*open)(const struct database_target *target, struct database_error *error);
	void (*close)(struct database *database); /* accepts NULL */

	bool (*begin)(struct database *database, struct database_error *error); /* to write */
	bool (*commit)(struct database *database, struct database_error *error);
	void (*rollback)(struct database *database);
	/* Within a transaction: what is run up to release() is undone by undo(), and nothing else. */
	bool (*savepoint)(struct database *database, struct database_error *error);
	bool (*release)(struct database *database, struct database_error *error);
	bool (*undo)(struct database *database, struct database_error *error);

	/* Runs a statement, prepared at its first use for this number of rows; the values are rows
	 * times statement->arg_count. *columns (may be NULL): the names of the result's columns, valid
	 * until the next call. False: rows may have been delivered already; they do not count. */
	bool (*run)(struct database *database, const struct statement *statement, unsigned rows,
	            const struct database_value *values, const char *const **columns, unsigned *column_count,
	            database_row_fn row, void *data, struct database_error *error);
	/* Forgets what was prepared of a set that is about to go. */
	void (*forget)(struct database *database, const struct statement_set *set);

	/* Migrations: the version of a name (0 = new), under a lock that holds until commit or
	 * rollback; then a script of several statements; then the version. Within begin()..commit(). */
	bool (*version)(struct database *database, const char *name, int *version,
	                struct database_error *error);
	bool (*script)(struct database *database, const char *sql, struct database_error *error);
	bool (*set_version)(struct database *database, const char *name, int version,
	                    struct database_error *error);

	/* Asked about once a second. */
	enum database_presence (*still_there)(struct database *database, struct database_error *error);
	/* Which host it is, for people; NULL: there is but one. Lives as long as the connection. */
	const char *(*place)(const struct database *database);
	/* Moves what was committed to where it stays; called by a thread of its own about once a second
	 * with a connection of its own, and sooner after much was written. May be NULL. */
	void (*checkpoint)(struct database *database);
	void (*health)(struct database *database, struct database_health *health);
};

extern const struct database_driver database_sqlite, database_mysql;
const struct database_driver *database_driver_find(const char *name); /* NULL: none */

#endif
