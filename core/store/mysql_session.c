/* store/mysql_session.c - connections to MySQL and MariaDB: which host, by what means, with what settings */
#include "store/mysql.h"

#include <string.h>

enum {
	PATIENT = 3600,    /* s: what a script may take */
	RETURNING = 100500 /* MariaDB 10.5 has INSERT ... RETURNING */
};

/* -- settings ------------------------------------------------------------ */

/* Such as "5.5.5-10.11.6-MariaDB-log" or "8.0.36". */
static void read_version(struct database *database)
{
	const char *version = mysql_get_server_info(database->handle);
	unsigned long major = 0, minor = 0;
	char *end;

	database->is_mariadb = strstr(version, "MariaDB") != NULL;
	if (database->is_mariadb && g_str_has_prefix(version, "5.5.5-"))
		version += strlen("5.5.5-");
	major = strtoul(version, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	database->has_returning = database->is_mariadb && major * 10000 + minor * 100 >= RETURNING;
}

bool mysql_say(struct database *database, MYSQL *handle, const char *sql, struct database_error *error)
{
	int64_t since = g_get_monotonic_time();

	if (mysql_real_query(handle, sql, strlen(sql)) != 0)
		return mysql_fail(database, mysql_errno(handle), mysql_error(handle), since, true, error);
	mysql_free_result(mysql_store_result(handle)); /* there is none */
	return true;
}

/* Where a transaction sees what others have committed there is less to be locked. Quotes mean what
 * they mean to SQLite: "a name" and 'a text'. */
static bool settle(struct database *database, MYSQL *handle, int64_t lock_wait, struct database_error *error)
{
	g_autoptr(GString) sql = g_string_new("SET SESSION ");
	int64_t lock_seconds = MAX(lock_wait / 1000, 1);

	g_string_append_printf(sql,
	                       "collation_connection = 'utf8mb4_bin', time_zone = '+00:00', "
	                       "sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
	                       "NO_ENGINE_SUBSTITUTION,ANSI_QUOTES', "
	                       "innodb_lock_wait_timeout = %" G_GINT64_FORMAT
	                       ", lock_wait_timeout = %" G_GINT64_FORMAT ", autocommit = %d",
	                       lock_seconds, lock_seconds, database->read_only);
	if (database->limit > 0 && handle == database->handle)
		g_string_append_printf(sql,
		                       database->is_mariadb ? ", max_statement_time = %.3f"
		                                            : ", max_execution_time = %.0f",
		                       (double)database->limit / (database->is_mariadb ? 1000 : 1));
	return mysql_say(database, handle, sql->str, error) &&
	       mysql_say(database, handle, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", error);
}

/* -- a host -------------------------------------------------------------- */

MYSQL *mysql_connect_patiently(struct database *database, struct database_error *error)
{
	char text[MYSQL_TEXT_SIZE];
	MYSQL *handle = mysql_reach(database->remote, database->host, PATIENT, text);

	if (handle == NULL) {
		mysql_refuse(error, DATABASE_LOST, "%s: %s", database->host->shown, text);
		return NULL;
	}
	if (settle(database, handle, (pp_msec_t)PATIENT * 1000, error))
		return handle;
	mysql_disconnect(handle);
	return NULL;
}

/* A host that is set to read-only is for reading, whoever may write in spite of it. One that is cut
 * off from its cluster (1047) lets everybody in, and answers what has no table; so it is asked for
 * something else, which means nothing here. */
static bool check_host(struct database *database, struct database_error *error)
{
	int64_t read_only = 0;

	if (!mysql_say(database, database->handle, "ROLLBACK", error) ||
	    !mysql_once(database, "SELECT @@global.read_only", NULL, 0, &read_only, error))
		return false;
	return read_only == 0 || database->read_only ||
	       mysql_refuse(error, DATABASE_DENIED, "%s: it is read-only", database->host->shown);
}

static void drop(struct database *database)
{
	g_hash_table_remove_all(database->prepared);
	mysql_disconnect(database->handle);
	database->handle = NULL;
	database->broken = false;
}

/* One attempt. False: *error, and its text begins with the host. */
static bool try_host(struct database *database, struct remote_host *host, struct database_error *error)
{
	char text[MYSQL_TEXT_SIZE];

	database->host = host;
	database->handle = mysql_reach(database->remote, host, mysql_seconds(database->remote->timeout),
	                               text);
	if (database->handle == NULL) {
		mysql_refuse(error, DATABASE_LOST, "%s: %s", host->shown, text);
		error->again = remote_bad(database->remote, host, text);
		return false;
	}
	read_version(database);
	if (settle(database, database->handle, database->patience, error) && check_host(database, error)) {
		remote_good(database->remote, host);
		return true;
	}
	drop(database);
	if (error->fault == DATABASE_DENIED)
		remote_good(database->remote, host); /* for those who read */
	else if (error->again == 0)
		error->again = remote_bad(database->remote, host, mysql_without_host(host, error->text));
	return false;
}

/* -- hosts --------------------------------------------------------------- */

/* What is to be said when no host will do: of each what is wrong with it. */
static void add_trouble(struct database_error *all, const struct database_error *one)
{
	size_t length = strlen(all->text);

	g_snprintf(all->text + length, sizeof(all->text) - length, "%s%s", length > 0 ? "; " : "", one->text);
	/* One that can be read from is better than none. */
	if (one->fault == DATABASE_DENIED)
		all->fault = DATABASE_DENIED;
	if (one->again > 0)
		all->again = all->again > 0 ? MIN(all->again, one->again) : one->again;
}

bool mysql_connect(struct database *database, struct database_error *error)
{
	struct remote *remote = database->remote;

	*error = (struct database_error){ .fault = DATABASE_LOST };
	for (unsigned i = 0; i < remote->host_count; i++) {
		struct database_error one = { .fault = DATABASE_LOST };
		char trouble[MYSQL_TEXT_SIZE];
		int64_t again;

		if (!remote_begin(remote, &remote->hosts[i], &again, trouble)) {
			mysql_refuse(&one, DATABASE_LOST, "%s: %s", remote->hosts[i].shown, trouble);
			one.again = again;
		} else {
			bool good = try_host(database, &remote->hosts[i], &one);

			if (!database->read_only)
				remote_note_read_only(remote, &remote->hosts[i],
				                      !good && one.fault == DATABASE_DENIED);
			if (good)
				return true;
		}
		add_trouble(error, &one);
	}
	/* Another host may be read-only for a moment only. */
	if (error->fault == DATABASE_DENIED)
		error->again = 0;
	return false;
}

/* Such as one that was dropped and made again, where the tables are to be made anew. */
static bool is_another(struct database *database, struct database_error *error)
{
	if (!database->missing)
		return false;
	database->missing = false;
	return !mysql_once(database, "SELECT version FROM ppolicyd_schema LIMIT 1", NULL, 0, NULL, error) &&
	       database->code == MYSQL_NO_TABLE;
}

enum database_presence mysql_still_there(struct database *database, struct database_error *error)
{
	/* Who reads finds out by reading, and may read again. */
	if (database->read_only)
		return database->broken ? DATABASE_GONE : DATABASE_THERE;
	if (is_another(database, error))
		return DATABASE_REPLACED;
	return check_host(database, error) ? DATABASE_THERE : DATABASE_GONE;
}
