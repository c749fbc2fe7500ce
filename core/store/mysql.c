/* store/mysql.c - the database driver for MySQL and MariaDB: transactions, versions, sizes
 *
 * A connection that writes commits nothing by itself, so a transaction begins with
 * its first statement, without a word that would have to be waited for.
 */
#include "store/mysql.h"

#include <limits.h>
#include <string.h>
#include "base/text.h"
#include "store/lexer.h"

enum { READERS = 3, LIMIT_PERCENT = 75 }; /* of the time for an answer, what the server may take */

#define MEASURE_EACH (60 * (int64_t)G_USEC_PER_SEC)

/* -- transactions -------------------------------------------------------- */

static bool begin(struct database *database, struct database_error *error)
{
	if (database->read_only)
		return mysql_refuse(error, DATABASE_DENIED, "this database is only read");
	if (database->broken)
		return mysql_refuse(error, DATABASE_LOST, "%s: the connection broke", database->host->shown);
	return true;
}

/* The lock for migrations does not end with the transaction. */
static void unlock(struct database *database)
{
	struct database_value name = { .kind = PP_STRING, .string = database->lock };
	struct database_error error;

	if (!database->locked)
		return;
	database->locked = false;
	name.length = (uint32_t)strlen(database->lock);
	mysql_once(database, "DO RELEASE_LOCK(?)", &name, 1, NULL, &error);
}

static bool commit(struct database *database, struct database_error *error)
{
	int64_t since = g_get_monotonic_time();
	bool good = mysql_commit(database->handle) == 0;

	if (!good)
		mysql_fail(database, mysql_errno(database->handle), mysql_error(database->handle), since,
		           true, error);
	unlock(database);
	return good;
}

static void rollback(struct database *database)
{
	/* Else the next statement would go on with what was given up. */
	if (!database->broken && mysql_rollback(database->handle) != 0)
		database->broken = true;
	unlock(database);
}

static bool savepoint(struct database *database, struct database_error *error)
{
	return mysql_say(database, database->handle, "SAVEPOINT part", error);
}

static bool release(struct database *database, struct database_error *error)
{
	return mysql_say(database, database->handle, "RELEASE SAVEPOINT part", error);
}

static bool undo(struct database *database, struct database_error *error)
{
	return mysql_say(database, database->handle, "ROLLBACK TO SAVEPOINT part", error) &&
	       release(database, error);
}

/* -- scripts ------------------------------------------------------------- */

/* What to do where the server may not; other faults as they are. Returns false. */
static bool explain(const struct database *database, struct database_error *error)
{
	if (error->fault != DATABASE_DENIED ||
	    (database->code != MYSQL_NO_RIGHT_TO_TABLE && database->code != MYSQL_NO_RIGHT_TO_DATABASE))
		return false;
	return mysql_refuse(error, DATABASE_DATA,
	                    "user '%s' may not make or change tables: let the owner of the database run what "
	                    "`ppolicyctl store schema mysql` prints",
	                    database->remote->user);
}

static bool run_words(struct database *database, MYSQL *handle, GString *words, struct database_error *error)
{
	g_autofree char *sql = g_strdup(g_strstrip(words->str));

	g_string_truncate(words, 0);
	return *sql == '\0' || mysql_say(database, handle, sql, error) || explain(database, error);
}

/* One statement after the other, without the comments. */
static bool run_script(struct database *database, MYSQL *handle, const char *sql,
                       struct database_error *error)
{
	g_autoptr(GString) words = g_string_new(NULL);
	struct lexer reader;
	struct lexer_token token;

	lexer_init(&reader, sql);
	while ((token = lexer_next(&reader)).kind != LEXER_END) {
		if (token.kind == LEXER_WRONG)
			return mysql_refuse(error, DATABASE_DATA, "line %u: %s", token.line, reader.wrong);
		if (token.kind == LEXER_COMMENT)
			g_string_append_c(words, ' ');
		else if (!lexer_is_sign(&token, ';'))
			g_string_append_len(words, token.text, (gssize)token.length);
		else if (!run_words(database, handle, words, error))
			return false;
	}
	return run_words(database, handle, words, error);
}

/* It may take long, which this connection must not. */
static bool script(struct database *database, const char *sql, struct database_error *error)
{
	MYSQL *handle = mysql_connect_patiently(database, error);
	bool good;

	if (handle == NULL)
		return false;
	good = run_script(database, handle, sql, error);
	mysql_disconnect(handle);
	return good;
}

/* -- versions ------------------------------------------------------------ */

static struct database_value text_value(const char *text)
{
	struct database_value value = { .kind = PP_STRING, .string = text };

	value.length = (uint32_t)strlen(text);
	return value;
}

static struct database_value integer_value(int64_t integer)
{
	return (struct database_value){ .kind = PP_INTEGER, .integer = integer };
}

/* Of the whole server, so it has the database's name. In a Galera cluster it is of one node, and some
 * releases of MariaDB (10.6.13, 10.11.3) refuse it there: who comes second with a table at another node
 * is refused by the cluster, and finds the version when it looks again. */
static bool lock(struct database *database, struct database_error *error)
{
	struct database_value values[2] = { text_value(database->lock),
		                            integer_value(MAX(database->patience / 1000, 1)) };
	int64_t got = 0;

	if (database->locked)
		return true;
	if (!mysql_once(database, "SELECT GET_LOCK(?, ?)", values, 2, &got, error))
		return database->code == MYSQL_NOT_SUPPORTED;
	database->locked = got == 1;
	return got == 1 || mysql_refuse(error, DATABASE_BUSY,
	                                "%s: another ppolicyd makes or changes the tables; waiting for it",
	                                database->host->shown);
}

static bool find_version(struct database *database, const char *name, int64_t *version,
                         struct database_error *error)
{
	struct database_value value = text_value(name);

	return mysql_once(database, "SELECT version FROM ppolicyd_schema WHERE name = ?", &value, 1, version,
	                  error);
}

static bool version(struct database *database, const char *name, int *version, struct database_error *error)
{
	int64_t found = 0;
	bool good;

	*version = 0;
	if (!lock(database, error))
		return false;
	good = find_version(database, name, &found, error);
	if (!good && (database->code == MYSQL_NO_TABLE || database->code == MYSQL_NO_RIGHT_TO_TABLE))
		good = script(database, database_mysql.versions, error) &&
		       find_version(database, name, &found, error);
	*version = (int)CLAMP(found, INT_MIN, INT_MAX);
	return good;
}

static bool set_version(struct database *database, const char *name, int version,
                        struct database_error *error)
{
	const struct database_value values[3] = { text_value(name), integer_value(version),
		                                  integer_value(pp_time()) };

	return mysql_once(database,
	                  "INSERT INTO ppolicyd_schema (name, version, changed) VALUES (?, ?, ?) "
	                  "ON DUPLICATE KEY UPDATE version = VALUES(version), changed = VALUES(changed)",
	                  values, 3, NULL, error);
}

/* -- for people ---------------------------------------------------------- */

/* Both servers tell it this way only. "" where there is none. */
static void find_tls_version(struct database *database, char *version, size_t size)
{
	static const char sql[] = "SHOW SESSION STATUS LIKE 'Ssl_version'";
	MYSQL_RES *result = NULL;
	MYSQL_ROW row = NULL;

	*version = '\0';
	if (mysql_real_query(database->handle, sql, strlen(sql)) == 0 &&
	    (result = mysql_store_result(database->handle)) != NULL && mysql_num_fields(result) == 2)
		row = mysql_fetch_row(result);
	if (row != NULL && row[1] != NULL)
		text_clean(version, size, row[1], strlen(row[1]));
	mysql_free_result(result);
}

static void find_tls(struct database *database)
{
	const char *cipher = mysql_get_ssl_cipher(database->handle);
	char version[32];

	if (database->tls[0] != '\0')
		return;
	g_strlcpy(database->tls, "none", sizeof(database->tls));
	if (cipher == NULL || *cipher == '\0')
		return;
	find_tls_version(database, version, sizeof(version));
	g_snprintf(database->tls, sizeof(database->tls), "%s%s%.60s", version, *version != '\0' ? " " : "",
	           cipher);
}

static void describe_server(struct database *database, struct database_health *health)
{
	const char *version = mysql_get_server_info(database->handle);

	/* What MariaDB puts in front for old clients. */
	if (database->is_mariadb && g_str_has_prefix(version, "5.5.5-"))
		version += strlen("5.5.5-");
	text_clean(health->server, sizeof(health->server), version, strlen(version));
	find_tls(database);
	g_strlcpy(health->tls, database->tls, sizeof(health->tls));
}

static void health(struct database *database, struct database_health *health)
{
	int64_t now = g_get_monotonic_time();
	struct database_error error;

	*health = (struct database_health){ .bytes = -1, .log_bytes = -1 };
	if (database->broken)
		return;
	describe_server(database, health);
	if (database->read_only)
		return;
	if (database->measured == 0 || now - database->measured > MEASURE_EACH) {
		database->measured = now;
		if (!mysql_once(database,
		                "SELECT SUM(data_length + index_length) FROM information_schema.tables "
		                "WHERE table_schema = DATABASE()",
		                NULL, 0, &database->bytes, &error))
			database->bytes = -1;
		if (!database->broken && mysql_rollback(database->handle) != 0)
			database->broken = true;
	}
	health->bytes = database->bytes;
}

static const char *place(const struct database *database)
{
	return database->host->shown;
}

/* -- the driver ---------------------------------------------------------- */

static void close_database(struct database *database)
{
	if (database == NULL)
		return;
	if (database->described != NULL)
		mysql_free_result(database->described);
	g_hash_table_unref(database->prepared);
	mysql_disconnect(database->handle);
	g_array_unref(database->binds);
	g_ptr_array_unref(database->cleaned);
	g_free(database->values);
	g_free(database->names);
	g_free(database);
}

static struct database *open_database(const struct database_target *target, struct database_error *error)
{
	struct database *database = g_new0(struct database, 1);

	database->remote = target->remote;
	database->read_only = target->read_only;
	database->limit = target->remote->timeout * LIMIT_PERCENT / 100;
	database->patience = MAX(target->remote->timeout / 2, 1000);
	database->bytes = -1;
	database->prepared = mysql_prepared_new();
	database->binds = g_array_new(false, true, sizeof(MYSQL_BIND));
	database->cleaned = g_ptr_array_new_with_free_func(g_free);
	g_snprintf(database->lock, sizeof(database->lock), "ppolicyd.%.50s", target->remote->database);
	if (mysql_connect(database, error))
		return database;
	close_database(database);
	return NULL;
}

const struct database_driver database_mysql = {
	.name = "mysql",
	.readers = READERS,
	.remote = true,
	.versions = "CREATE TABLE IF NOT EXISTS ppolicyd_schema (\n"
	            "\tname VARCHAR(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY\n"
	            "\t\tCOMMENT 'of a set of tables; behind a / the table, where it has another name',\n"
	            "\tversion INT NOT NULL COMMENT 'of the last migration that was run',\n"
	            "\tchanged BIGINT NOT NULL COMMENT 'when, in milliseconds since 1970'\n"
	            ") ENGINE = InnoDB COMMENT = 'ppolicyd: which version the tables have'",
	.open = open_database,
	.close = close_database,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.savepoint = savepoint,
	.release = release,
	.undo = undo,
	.run = mysql_run,
	.forget = mysql_forget,
	.version = version,
	.script = script,
	.set_version = set_version,
	.still_there = mysql_still_there,
	.place = place,
	.health = health,
};
