/* store/sqlite.c - the database driver for SQLite: transactions, statements, versions */
#include "store/sqlite.h"

#include <limits.h>
#include <string.h>

enum { READERS = 2 };

static void finalize(sqlite3_stmt **handle)
{
	sqlite3_finalize(*handle);
	*handle = NULL;
}

/* -- transactions -------------------------------------------------------- */

static bool run_verb(struct database *database, enum sqlite_verb verb, struct database_error *error)
{
	static const char *const texts[VERBS] = {
		[VERB_BEGIN] = "BEGIN IMMEDIATE", [VERB_COMMIT] = "COMMIT",
		[VERB_ROLLBACK] = "ROLLBACK",     [VERB_SAVEPOINT] = "SAVEPOINT part",
		[VERB_RELEASE] = "RELEASE part",  [VERB_ROLLBACK_TO] = "ROLLBACK TO part",
	};
	sqlite3_stmt **handle = &database->verbs[verb];
	int code = SQLITE_OK;

	if (*handle == NULL)
		code = sqlite3_prepare_v3(database->handle, texts[verb], -1, SQLITE_PREPARE_PERSISTENT,
		                          handle, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(*handle);
	if (code != SQLITE_DONE)
		sqlite_fail(database, code, error);
	sqlite3_reset(*handle);
	return code == SQLITE_DONE;
}

static bool begin(struct database *database, struct database_error *error)
{
	if (database->read_only)
		return sqlite_refuse(error, DATABASE_DENIED, "this database is only read");
	database->writing = run_verb(database, VERB_BEGIN, error);
	return database->writing;
}

static bool commit(struct database *database, struct database_error *error)
{
	if (!run_verb(database, VERB_COMMIT, error))
		return false;
	database->writing = false;
	return true;
}

/* SQLite itself has undone it all after some errors. */
static void rollback(struct database *database)
{
	struct database_error error;

	database->writing = false;
	if (!sqlite3_get_autocommit(database->handle))
		run_verb(database, VERB_ROLLBACK, &error);
}

static bool savepoint(struct database *database, struct database_error *error)
{
	return run_verb(database, VERB_SAVEPOINT, error);
}

static bool release(struct database *database, struct database_error *error)
{
	return run_verb(database, VERB_RELEASE, error);
}

static bool undo(struct database *database, struct database_error *error)
{
	return run_verb(database, VERB_ROLLBACK_TO, error) && run_verb(database, VERB_RELEASE, error);
}

/* Without a transaction each statement would be committed by itself, unnoticed. */
static bool in_order(const struct database *database, struct database_error *error)
{
	if (!database->writing || !sqlite3_get_autocommit(database->handle))
		return true;
	return sqlite_refuse(error, DATABASE_DATA, "a statement before this one ended the transaction");
}

/* -- prepared statements ------------------------------------------------- */

struct prepared {
	const struct statement *statement; /* may be gone */
	const struct statement_set *set;
	unsigned rows;
	sqlite3_stmt *handle;
	unsigned *places, place_count; /* which value each ? is */
};

static unsigned prepared_hash(const void *key)
{
	const struct prepared *prepared = key;

	return g_direct_hash(prepared->statement) * 31 + prepared->rows;
}

static int prepared_equal(const void *a, const void *b)
{
	const struct prepared *left = a, *right = b;

	return left->statement == right->statement && left->rows == right->rows;
}

static void prepared_free(void *data)
{
	struct prepared *prepared = data;

	sqlite3_finalize(prepared->handle);
	g_free(prepared->places);
	g_free(prepared);
}

/* Says whose fault it was, where it was that of a statement. Returns false. */
static bool blame(const struct statement *statement, struct database_error *error)
{
	g_autofree char *text = g_strdup(error->text);

	if (error->fault == DATABASE_DATA)
		sqlite_refuse(error, DATABASE_DATA, "statement %s: %s", statement->name, text);
	return false;
}

static bool is_allowed(const struct database *database, const struct prepared *prepared,
                       struct database_error *error)
{
	if (prepared->handle == NULL)
		return sqlite_refuse(error, DATABASE_DATA, "it is empty");
	if ((unsigned)sqlite3_bind_parameter_count(prepared->handle) != prepared->place_count)
		return sqlite_refuse(error, DATABASE_DATA, "a ? in it is no argument");
	if (database->read_only && !sqlite3_stmt_readonly(prepared->handle))
		return sqlite_refuse(error, DATABASE_DATA, "it writes, and this database is only read");
	return true;
}

/* Found or made; NULL: failed. */
static struct prepared *prepare(struct database *database, const struct statement *statement, unsigned rows,
                                struct database_error *error)
{
	struct prepared key = { .statement = statement, .rows = rows };
	struct prepared *prepared = g_hash_table_lookup(database->prepared, &key);
	g_autofree char *sql = NULL;
	bool good = false;
	int code;

	if (prepared != NULL)
		return prepared;
	prepared = g_new0(struct prepared, 1);
	*prepared = (struct prepared){ .statement = statement, .set = statement->set, .rows = rows };
	sql = statement_render(statement, STATEMENT_TEXT, rows, &prepared->places, &prepared->place_count);
	code = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared->handle,
	                          NULL);
	if (code == SQLITE_OK)
		good = is_allowed(database, prepared, error);
	else
		sqlite_fail(database, code, error);
	if (good) {
		g_hash_table_add(database->prepared, prepared);
		return prepared;
	}
	prepared_free(prepared);
	return NULL;
}

static int is_of_set(void *key, void *value, void *data)
{
	const struct prepared *prepared = key;

	(void)value;
	return prepared->set == data;
}

static void forget(struct database *database, const struct statement_set *set)
{
	g_hash_table_foreach_remove(database->prepared, is_of_set, (void *)set);
}

/* -- running ------------------------------------------------------------- */

/* The values outlive the run, so SQLite need not copy them. */
static int bind_value(sqlite3_stmt *handle, int place, const struct database_value *value)
{
	switch (value->kind) {
	case PP_INTEGER: return sqlite3_bind_int64(handle, place, value->integer);
	case PP_REAL: return sqlite3_bind_double(handle, place, value->real);
	case PP_STRING:
		return sqlite3_bind_text64(handle, place, value->string, value->length, SQLITE_STATIC,
		                           SQLITE_UTF8);
	default: return sqlite3_bind_null(handle, place);
	}
}

static int bind_values(const struct prepared *prepared, const struct database_value *values)
{
	int code = SQLITE_OK;

	for (unsigned i = 0; i < prepared->place_count && code == SQLITE_OK; i++)
		code = bind_value(prepared->handle, (int)i + 1, &values[prepared->places[i]]);
	return code;
}

static int take_names(struct database *database, sqlite3_stmt *handle, unsigned count)
{
	if (count > database->columns) {
		database->columns = count;
		database->names = g_renew(const char *, database->names, count);
		database->values = g_renew(struct database_value, database->values, count);
	}
	for (unsigned i = 0; i < count; i++) {
		database->names[i] = sqlite3_column_name(handle, (int)i);
		if (database->names[i] == NULL)
			return SQLITE_NOMEM;
	}
	return SQLITE_OK;
}

static int take_text(struct database *database, sqlite3_stmt *handle, unsigned column)
{
	const char *text = (const char *)sqlite3_column_text(handle, (int)column);

	if (text == NULL)
		return SQLITE_NOMEM;
	database->values[column] = (struct database_value){ .kind = PP_STRING, .string = text };
	database->values[column].length = (uint32_t)strlen(text);
	return SQLITE_OK;
}

static int take_row(struct database *database, sqlite3_stmt *handle, unsigned count)
{
	struct database_value *values = database->values;
	int code = SQLITE_OK;

	for (unsigned i = 0; i < count && code == SQLITE_OK; i++) {
		switch (sqlite3_column_type(handle, (int)i)) {
		case SQLITE_NULL: values[i] = (struct database_value){ .kind = PP_NIL }; break;
		case SQLITE_INTEGER:
			values[i].kind = PP_INTEGER;
			values[i].integer = sqlite3_column_int64(handle, (int)i);
			break;
		case SQLITE_FLOAT:
			values[i].kind = PP_REAL;
			values[i].real = sqlite3_column_double(handle, (int)i);
			break;
		default: code = take_text(database, handle, i);
		}
	}
	return code;
}

struct result {
	const char *const **columns; /* may be NULL, as the next */
	unsigned *column_count;
	database_row_fn row; /* may be NULL */
	void *data;
};

/* To its end, else it could not be committed. The columns are known after the first step: a
 * statement may be prepared again by it. */
static int step(struct database *database, sqlite3_stmt *handle, const struct result *result)
{
	int code = sqlite3_step(handle), good = SQLITE_OK;
	unsigned count = (unsigned)sqlite3_column_count(handle);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return code;
	good = take_names(database, handle, count);
	if (result->columns != NULL)
		*result->columns = database->names;
	if (result->column_count != NULL)
		*result->column_count = count;
	for (; code == SQLITE_ROW && good == SQLITE_OK; code = sqlite3_step(handle)) {
		good = take_row(database, handle, count);
		if (good == SQLITE_OK && result->row != NULL)
			result->row(database->values, result->data);
	}
	return good != SQLITE_OK ? good : code;
}

static bool run(struct database *database, const struct statement *statement, unsigned rows,
                const struct database_value *values, const char *const **columns, unsigned *column_count,
                database_row_fn row, void *data, struct database_error *error)
{
	const struct result result = { columns, column_count, row, data };
	struct prepared *prepared = NULL;
	int code;

	if (in_order(database, error))
		prepared = prepare(database, statement, rows, error);
	if (prepared == NULL)
		return blame(statement, error);
	code = bind_values(prepared, values);
	/* A query that does not end would hold its reader, and the log, for ever. */
	database->due = statement->writes || database->read_limit == 0
	                        ? 0
	                        : g_get_monotonic_time() + database->read_limit;
	if (code == SQLITE_OK)
		code = step(database, prepared->handle, &result);
	if (code != SQLITE_DONE) {
		sqlite_fail(database, code, error);
		blame(statement, error);
	}
	sqlite3_reset(prepared->handle);
	return code == SQLITE_DONE;
}

/* -- versions ------------------------------------------------------------ */

static bool script(struct database *database, const char *sql, struct database_error *error)
{
	int code;

	if (!in_order(database, error))
		return false;
	code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return sqlite_fail(database, code, error);
	if (database->writing && sqlite3_get_autocommit(database->handle))
		return sqlite_refuse(error, DATABASE_DATA, "a script may not end the transaction it is in");
	return true;
}

/* Runs SQL with a name as ?1 and numbers as ?2 and ?3; its result, if any, goes to *number. */
static bool run_on_version(struct database *database, const char *sql, const char *name,
                           const int64_t *numbers, int *number, struct database_error *error)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite3_prepare_v2(database->handle, sql, -1, &handle, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_bind_text(handle, 1, name, -1, SQLITE_STATIC);
	for (int i = 0; i < 2 && numbers != NULL && code == SQLITE_OK; i++)
		code = sqlite3_bind_int64(handle, i + 2, numbers[i]);
	if (code == SQLITE_OK)
		code = sqlite3_step(handle);
	if (code == SQLITE_ROW) {
		*number = sqlite3_column_int(handle, 0);
		code = sqlite3_step(handle);
	}
	if (code != SQLITE_DONE)
		sqlite_fail(database, code, error);
	finalize(&handle);
	return code == SQLITE_DONE;
}

/* The lock is the transaction. */
static bool version(struct database *database, const char *name, int *version, struct database_error *error)
{
	*version = 0;
	return script(database, database_sqlite.versions, error) &&
	       run_on_version(database, "SELECT version FROM ppolicyd_schema WHERE name = ?1", name, NULL,
	                      version, error);
}

static bool set_version(struct database *database, const char *name, int version,
                        struct database_error *error)
{
	const int64_t numbers[2] = { version, pp_time() };

	return in_order(database, error) &&
	       run_on_version(database,
	                      "INSERT INTO ppolicyd_schema (name, version, changed) VALUES (?1, ?2, ?3)"
	                      " ON CONFLICT (name) DO UPDATE"
	                      " SET version = excluded.version, changed = excluded.changed",
	                      name, numbers, NULL, error);
}

/* -- the driver ---------------------------------------------------------- */

static void close_database(struct database *database)
{
	if (database == NULL)
		return;
	for (int i = 0; i < VERBS; i++)
		finalize(&database->verbs[i]);
	g_hash_table_unref(database->prepared);
	sqlite3_close(database->handle);
	g_free(database->values);
	g_free(database->names);
	g_free(database->path);
	g_free(database);
}

/* A '/' in it says that it is a path: not a URI, not what has a meaning of its own. */
static char *plain_path(const char *path)
{
	return strchr(path, '/') == NULL || g_str_has_prefix(path, "file:") ? g_strconcat("./", path, NULL)
	                                                                    : g_strdup(path);
}

static struct database *open_database(const struct database_target *target, struct database_error *error)
{
	struct database *database = g_new0(struct database, 1);

	database->path = target->path != NULL ? plain_path(target->path) : NULL;
	database->read_only = target->read_only;
	database->full_sync = target->full_sync;
	database->patience = target->lock_wait * 1000;
	database->read_limit = target->read_limit * 1000;
	database->prepared = g_hash_table_new_full(prepared_hash, prepared_equal, prepared_free, NULL);
	if (sqlite_connect(database, error))
		return database;
	close_database(database);
	return NULL;
}

const struct database_driver database_sqlite = {
	.name = "sqlite",
	.readers = READERS,
	.versions = "CREATE TABLE IF NOT EXISTS ppolicyd_schema (name TEXT PRIMARY KEY NOT NULL,"
	            " version INTEGER NOT NULL, changed INTEGER NOT NULL) WITHOUT ROWID",
	.open = open_database,
	.close = close_database,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.savepoint = savepoint,
	.release = release,
	.undo = undo,
	.run = run,
	.forget = forget,
	.version = version,
	.script = script,
	.set_version = set_version,
	.still_there = sqlite_still_there,
	.checkpoint = sqlite_checkpoint,
	.health = sqlite_health,
};
