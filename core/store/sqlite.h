/* store/sqlite.h - what the files of the SQLite driver share
 *
 * What is written stands in the write-ahead log (FILE-wal) when it is committed, and
 * gets into FILE by checkpoint(). FILE-shm is memory that all who use FILE share.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <glib.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include "store/database.h"

enum sqlite_verb {
	VERB_BEGIN,
	VERB_COMMIT,
	VERB_ROLLBACK,
	VERB_SAVEPOINT,
	VERB_RELEASE,
	VERB_ROLLBACK_TO,
	VERBS
};

struct database {
	sqlite3 *handle; /* NULL: not open yet */
	char *path;      /* with a '/' in it; NULL = in memory */
	bool read_only, full_sync;
	bool immutable;               /* opened as a file that nobody changes */
	bool ready;                   /* it was opened, and could be read */
	bool writing;                 /* between begin and commit or rollback */
	int64_t patience, busy_since; /* with locks of others; microseconds */
	int64_t read_limit, due;      /* of what only reads; microseconds, 0 = none */
	struct stat opened;           /* the file */
	int64_t log_max;              /* bytes; a longer log begins anew */

	sqlite3_stmt *verbs[VERBS];
	GHashTable *prepared; /* struct prepared -> itself */
	struct database_value *values;
	const char **names;
	unsigned columns; /* room in both */
};

/* Opens what database->path and the rest say, or makes it. False: *error says why. */
bool sqlite_connect(struct database *database, struct database_error *error);

/* The name of the layer below SQLite that writes logs in few calls; NULL: the usual one. */
const char *sqlite_log_vfs(void);

/* Before SQLite is used for the first time; false: it was, and keeps the cache it has. */
bool sqlite_cache_install(void);

enum database_presence sqlite_still_there(struct database *database, struct database_error *error);
void sqlite_checkpoint(struct database *database);
void sqlite_health(struct database *database, struct database_health *health);

/* What a code of SQLite's means, and what to do; with handle NULL it is errno that counts.
 * Returns false. */
bool sqlite_fail(const struct database *database, int code, struct database_error *error);
/* A fault in words of our own. Returns false. */
bool sqlite_refuse(struct database_error *error, enum database_fault fault, const char *format, ...)
        PP_PRINTF(3, 4);

/* A code without what extends it. */
static inline int sqlite_primary(int code)
{
	return code & 0xff;
}

/* How many bytes the file has whose name is the database's and this; -1: there is none. */
int64_t sqlite_file_size(const struct database *database, const char *suffix);

#endif
