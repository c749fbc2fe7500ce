/* store/mysql.h - what the files of the driver for MySQL and MariaDB share
 *
 * One code path for both client libraries, libmariadb and libmysqlclient, and for
 * both servers: blocking calls, prepared statements. What only one of them has is
 * used where it is there: RETURNING, and how the time of a statement is limited.
 */
#ifndef STORE_MYSQL_H
#define STORE_MYSQL_H

#include <glib.h>
#include <mysql.h>
#include "store/database.h"

#ifdef HAVE_MY_BOOL
typedef my_bool mysql_bool;
#else
typedef bool mysql_bool;
#endif

/* Error numbers of both servers that are told apart; libmysqlclient has no header for all of them. */
enum {
	MYSQL_NO_RIGHT_TO_DATABASE = 1044,
	MYSQL_NO_RIGHT_TO_TABLE = 1142,
	MYSQL_NO_TABLE = 1146,
	MYSQL_NOT_SUPPORTED = 1235
};

struct database {
	MYSQL *handle; /* NULL: not connected */
	struct remote *remote;
	struct remote_host *host; /* to which it is connected */
	bool read_only;           /* nothing is written, so a replica will do */
	bool is_mariadb, has_returning;
	bool broken;             /* the connection is of no use any more */
	bool missing;            /* a statement did not find a table */
	unsigned code;           /* the number of the last error */
	int64_t limit, patience; /* of a statement, of a lock: milliseconds */
	bool locked;             /* it holds the lock for migrations */
	char lock[65];           /* its name */
	int64_t measured, bytes; /* when, monotonic microseconds; what was found */
	char tls[100];           /* as database_health has it; "" = not looked yet */

	GHashTable *prepared; /* struct prepared -> itself */
	GArray *binds;        /* MYSQL_BIND of a statement's arguments */
	GPtrArray *cleaned;   /* texts among them that were not UTF-8 */
	struct database_value *values;
	const char **names;   /* they belong to described */
	unsigned columns;     /* room in both */
	MYSQL_RES *described; /* the columns of the last result */
};

/* -- mysql_connect.c: one attempt -- */

enum { MYSQL_TEXT_SIZE = 160 }; /* of a sentence about a host */

/* A connection to one of the hosts, within about the timeout, however long its name takes to be resolved;
 * its answers may take so many seconds. NULL: text (MYSQL_TEXT_SIZE bytes) is a sentence. */
MYSQL *mysql_reach(const struct remote *remote, struct remote_host *host, unsigned answer_time, char *text);
void mysql_disconnect(MYSQL *handle);   /* accepts NULL */
unsigned mysql_seconds(pp_msec_t time); /* as the library wants it: rounded up, at least 1 */

/* -- mysql_session.c: connections -- */

/* Connects to the first host that will do. False: *error. */
bool mysql_connect(struct database *database, struct database_error *error);
/* Another connection to the same host, for a script that takes its time; NULL: *error. */
MYSQL *mysql_connect_patiently(struct database *database, struct database_error *error);
/* A word of the driver's own, without arguments and without a result, such as SAVEPOINT. */
bool mysql_say(struct database *database, MYSQL *handle, const char *sql, struct database_error *error);
enum database_presence mysql_still_there(struct database *database, struct database_error *error);

/* -- mysql_run.c: prepared statements -- */

bool mysql_run(struct database *database, const struct statement *statement, unsigned rows,
               const struct database_value *values, const char *const **columns, unsigned *column_count,
               database_row_fn row, void *data, struct database_error *error);
void mysql_forget(struct database *database, const struct statement_set *set);
GHashTable *mysql_prepared_new(void);
/* Runs SQL of the driver's own once; *number is the first column of the first row, or unchanged.
 * False: *error. */
bool mysql_once(struct database *database, const char *sql, const struct database_value *values,
                unsigned count, int64_t *number, struct database_error *error);

/* -- mysql_fault.c: what went wrong -- */

/* What an error of the server or the library means. since: when the call began, monotonic
 * microseconds. writes: it was a statement that writes. Returns false. */
bool mysql_fail(struct database *database, unsigned code, const char *message, int64_t since, bool writes,
                struct database_error *error);
/* The same of a connection that could not be made: a sentence without the host, 160 bytes. */
void mysql_say_unconnected(const struct remote *remote, unsigned code, const char *message, char *text);
/* The rest of a sentence that begins with the host, else all of it. */
const char *mysql_without_host(const struct remote_host *host, const char *text);
/* A fault in words of our own. Returns false. */
bool mysql_refuse(struct database_error *error, enum database_fault fault, const char *format, ...)
        PP_PRINTF(3, 4);

#endif
