/* store/sqlite_file.c - SQLite's files: opened or made, still there, brought up to date, measured
 *
 * A file must never be opened beside SQLite: closing it would end all locks that this
 * process holds on it (POSIX). So it is made with mknod() and looked at with stat().
 */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What there is to tune; tests/bench tells what a change does. */
#define PAGE_BYTES 1024                /* of a new database */
#define CACHE_BYTES (64 * 1024 * 1024) /* a connection, at most */
#define MMAP_BYTES 0                   /* with it an error of the disk would be a signal */

/* A log in use that is longer begins anew at the next moment at which nobody writes or reads it.
 * Its file is made short when little is written: that takes 1 ms a MB, in which nobody can write. */
#define LOG_BYTES_MAX (64 * 1024 * 1024)
#define LOG_WAIT (50 * 1000) /* for such a moment; microseconds */
enum { LOG_PASSES = 3, QUIET = 64 };
enum { LOOK_STEPS = 100000 }; /* of SQLite's machine: about a millisecond */

enum { VERSION_LEAST = 3035000 }; /* RETURNING */

/* -- locks --------------------------------------------------------------- */

/* Asked by SQLite each time it finds a lock of somebody else; 0: enough. */
static int keep_waiting(void *data, int count)
{
	struct database *database = data;
	int64_t now = g_get_monotonic_time();

	if (count == 0)
		database->busy_since = now;
	if (now - database->busy_since >= database->patience)
		return 0;
	/* Often at first: between two transactions of a busy writer there is little time. */
	g_usleep(count < 500 ? 100 : 2000);
	return 1;
}

/* SQLite does not wait by itself where a log is begun or mended. */
static int run_patiently(struct database *database, const char *sql)
{
	int code, count = 0;

	do {
		code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
	} while (sqlite_primary(code) == SQLITE_BUSY && keep_waiting(database, count++));
	return code;
}

/* Asked by SQLite now and then while a statement runs; not 0: enough. */
static int is_late(void *data)
{
	const struct database *database = data;

	return database->due != 0 && g_get_monotonic_time() > database->due;
}

/* -- opening ------------------------------------------------------------- */

/* For us alone; its -wal and -shm get the same rights. */
static bool make_file(const struct database *database)
{
	return mknod(database->path, S_IFREG | 0600, 0) == 0 || errno == EEXIST;
}

static int open_handle(struct database *database)
{
	int flags = SQLITE_OPEN_NOMUTEX |
	            (database->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	g_autofree char *name = NULL;
	int code;

	if (database->path == NULL)
		name = g_strdup(":memory:");
	else if (!database->immutable)
		name = g_strdup(database->path);
	else {
		g_autofree char *escaped = g_uri_escape_string(database->path, "/", false);

		name = g_strconcat("file:", escaped, "?immutable=1", NULL);
		flags |= SQLITE_OPEN_URI;
	}
	code = sqlite3_open_v2(name, &database->handle, flags,
	                       database->path != NULL ? sqlite_log_vfs() : NULL);
	if (database->handle == NULL)
		return SQLITE_NOMEM;
	sqlite3_extended_result_codes(database->handle, 1);
	sqlite3_busy_handler(database->handle, keep_waiting, database);
	sqlite3_progress_handler(database->handle, LOOK_STEPS, is_late, database);
	sqlite3_db_config(database->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(database->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return code;
}

/* Settings, and a first look into the file. */
static int set_up(struct database *database)
{
	g_autofree char *settings = g_strdup_printf("PRAGMA cache_size = -%d;"
	                                            "PRAGMA mmap_size = %d;"
	                                            "PRAGMA temp_store = MEMORY;"
	                                            "PRAGMA secure_delete = FAST;"
	                                            "PRAGMA wal_autocheckpoint = 0;"
	                                            "PRAGMA synchronous = %s;",
	                                            CACHE_BYTES / 1024, MMAP_BYTES,
	                                            database->full_sync ? "FULL" : "NORMAL");
	g_autofree char *format = g_strdup_printf("PRAGMA page_size = %d;"
	                                          "PRAGMA journal_mode = WAL;",
	                                          PAGE_BYTES);
	int code = run_patiently(database, settings);

	if (code == SQLITE_OK && database->path != NULL && !database->read_only)
		code = run_patiently(database, format);
	if (code == SQLITE_OK)
		code = run_patiently(database, "SELECT count(*) FROM sqlite_schema");
	return code;
}

/* SQLite opens for reading what it may not write. */
static bool is_only_readable(const struct database *database)
{
	return !database->read_only && database->path != NULL &&
	       sqlite3_db_readonly(database->handle, "main") == 1;
}

static int open_and_look(struct database *database)
{
	int code = open_handle(database);

	if (code == SQLITE_OK && is_only_readable(database))
		code = SQLITE_READONLY;
	if (code == SQLITE_OK)
		code = set_up(database);
	return code;
}

/* Even for reading a log wants to be written beside the file. Where that may not be, as on a
 * read-only file system, and no log is there to be read, nobody is writing either. */
static bool may_be_immutable(const struct database *database, int code)
{
	return database->read_only && database->path != NULL &&
	       (sqlite_primary(code) == SQLITE_CANTOPEN || sqlite_primary(code) == SQLITE_READONLY) &&
	       sqlite_file_size(database, "") > 0 && sqlite_file_size(database, "-wal") <= 0 &&
	       access(database->path, R_OK) == 0;
}

static bool has_moved(const struct database *database)
{
	int moved = 0;

	sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved != 0;
}

bool sqlite_connect(struct database *database, struct database_error *error)
{
	int code;

	if (sqlite3_libversion_number() < VERSION_LEAST || sqlite3_threadsafe() == 0)
		return sqlite_refuse(error, DATABASE_LOST, "SQLite %s is too old, or made without threads",
		                     sqlite3_libversion());
	if (database->path != NULL && !database->read_only && !make_file(database))
		return sqlite_fail(database, SQLITE_CANTOPEN, error);
	code = open_and_look(database);
	if (may_be_immutable(database, code)) {
		sqlite3_close(database->handle);
		database->handle = NULL;
		database->immutable = true;
		code = open_and_look(database);
	}
	if (code != SQLITE_OK)
		return sqlite_fail(database, code, error);
	if (database->path != NULL && (stat(database->path, &database->opened) != 0 || has_moved(database)))
		return sqlite_fail(database, SQLITE_READONLY_DBMOVED, error);
	database->log_max = LOG_BYTES_MAX;
	database->ready = true;
	return true;
}

/* -- what is there ------------------------------------------------------- */

int64_t sqlite_file_size(const struct database *database, const char *suffix)
{
	g_autofree char *path = g_strconcat(database->path, suffix, NULL);
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : -1;
}

/* Of an immutable one SQLite does not see that it changes. */
static bool is_unchanged(const struct database *database, const struct stat *now)
{
	const struct stat *then = &database->opened;

	return now->st_size == then->st_size && now->st_mtim.tv_sec == then->st_mtim.tv_sec &&
	       now->st_mtim.tv_nsec == then->st_mtim.tv_nsec && sqlite_file_size(database, "-wal") <= 0;
}

static bool is_the_same(const struct database *database)
{
	struct stat now;

	if (database->path == NULL)
		return true;
	if (stat(database->path, &now) != 0 || has_moved(database))
		return false;
	return now.st_ino == database->opened.st_ino && now.st_dev == database->opened.st_dev &&
	       (!database->immutable || is_unchanged(database, &now));
}

enum database_presence sqlite_still_there(struct database *database, struct database_error *error)
{
	(void)error;
	return is_the_same(database) ? DATABASE_THERE : DATABASE_REPLACED;
}

/* Returns how many bytes of the log are in use: moved or not, they are not written again. */
static int64_t move_log(struct database *database, int mode)
{
	int frames = 0;

	sqlite3_wal_checkpoint_v2(database->handle, "main", mode, &frames, NULL);
	return (int64_t)frames * PAGE_BYTES;
}

/* SQLite does so when all was moved, and that may be while the writer waits: what goes to the
 * disk now it need not wait for. */
static void sync_file(struct database *database)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file != NULL && file->pMethods != NULL)
		file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/* Nobody can write while this waits for those who still read the log. */
static void end_log(struct database *database, int mode)
{
	int64_t patience = database->patience;

	database->patience = LOG_WAIT;
	move_log(database, mode);
	database->patience = patience;
}

void sqlite_checkpoint(struct database *database)
{
	int64_t used;

	if (database->path == NULL || database->read_only)
		return;
	used = move_log(database, SQLITE_CHECKPOINT_PASSIVE);
	sync_file(database);
	if (used > database->log_max) {
		/* What comes in meanwhile is moved before, so that nobody waits for it. */
		for (int i = 0; i < LOG_PASSES; i++) {
			move_log(database, SQLITE_CHECKPOINT_PASSIVE);
			sync_file(database);
		}
		end_log(database, SQLITE_CHECKPOINT_RESTART);
	} else if (used < database->log_max / QUIET &&
	           sqlite_file_size(database, "-wal") > database->log_max) {
		end_log(database, SQLITE_CHECKPOINT_TRUNCATE);
	}
}

void sqlite_health(struct database *database, struct database_health *health)
{
	*health = (struct database_health){ .bytes = -1, .log_bytes = -1 };
	if (database->path == NULL)
		return;
	health->bytes = sqlite_file_size(database, "");
	health->log_bytes = sqlite_file_size(database, "-wal");
}
