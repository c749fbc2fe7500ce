/* store/mysql_fault.c - what errors of MySQL and MariaDB mean to those who run a mail server */
#include "store/mysql.h"

#include <string.h>
#include "base/text.h"

bool mysql_refuse(struct database_error *error, enum database_fault fault, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	g_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*error = (struct database_error){ .fault = fault };
	text_clean(error->text, sizeof(error->text), text, strlen(text));
	return false;
}

const char *mysql_without_host(const struct remote_host *host, const char *text)
{
	size_t length = strlen(host->shown);

	return g_str_has_prefix(text, host->shown) && g_str_has_prefix(text + length, ": ")
	               ? text + length + 2
	               : text;
}

/* -- statements ---------------------------------------------------------- */

/* The server's numbers are the same in both, where both have them; from 2000 on they are the
 * library's. A NULL text: what the server says is enough. */
static const struct {
	unsigned code;
	enum database_fault fault;
	const char *text;
} known[] = {
	{ 1205, DATABASE_BUSY,
	  "somebody else holds a lock for too long (SHOW PROCESSLIST, SHOW ENGINE INNODB STATUS)" },
	{ 1213, DATABASE_BUSY, "two transactions were in each other's way each time" },
	{ 3101, DATABASE_BUSY, "two transactions were in each other's way each time" },
	{ 1020, DATABASE_BUSY, NULL }, /* a row has changed since it was read */
	{ 1412, DATABASE_BUSY, NULL }, /* the table was changed meanwhile */
	{ 1615, DATABASE_BUSY, NULL }, /* ... and a statement has to be prepared anew */
	{ 1317, DATABASE_BUSY, "the statement was ended by KILL QUERY" },
	{ 1021, DATABASE_DENIED, "its disk is full; free some" },
	{ 1114, DATABASE_DENIED, "the table is full: its disk, tablespace or a limit; make room" },
	{ 3, DATABASE_DENIED, "the server cannot write a file: its disk is full, or broken" },
	{ 1026, DATABASE_DENIED, "the server cannot write a file: its disk is full, or broken" },
	{ 1030, DATABASE_DENIED, NULL }, /* of the storage engine, such as 28: no room */
	{ 1037, DATABASE_DENIED, NULL }, /* no memory */
	{ 1041, DATABASE_DENIED, NULL },
	{ 1206, DATABASE_DENIED, NULL }, /* too many locks */
	{ 1044, DATABASE_DENIED, NULL }, /* rights */
	{ 1142, DATABASE_DENIED, NULL },
	{ 1143, DATABASE_DENIED, NULL },
	{ 1227, DATABASE_DENIED, NULL },
	{ 1226, DATABASE_DENIED, NULL }, /* so many statements an hour */
	{ 1461, DATABASE_DENIED, "no more prepared statements are allowed: raise max_prepared_stmt_count" },
	{ 1665, DATABASE_DENIED, "binlog_format is STATEMENT: make it MIXED or ROW" },
	{ 1290, DATABASE_LOST, "it is read-only" },
	{ 1792, DATABASE_LOST, "it is read-only" },
	{ 1836, DATABASE_LOST, "it is read-only" },
	{ 1180, DATABASE_LOST, NULL }, /* at a commit: nobody knows what became of it */
	{ 1047, DATABASE_LOST, "it is not part of its cluster (wsrep_ready is off)" },
	{ 3100, DATABASE_LOST, "it cannot commit with its group" },
	{ 1053, DATABASE_LOST, "it is being shut down" },
	{ 1152, DATABASE_LOST, NULL }, /* the connection was aborted */
	{ 1158, DATABASE_LOST, NULL },
	{ 1159, DATABASE_LOST, NULL },
	{ 1160, DATABASE_LOST, NULL },
	{ 1161, DATABASE_LOST, NULL },
	{ 1077, DATABASE_LOST, "it is being shut down" },
	{ 1243, DATABASE_LOST, NULL }, /* it does not know the prepared statement any more */
	{ 1927, DATABASE_LOST, "the connection was ended by KILL" },
	{ 4031, DATABASE_LOST, NULL }, /* idle for too long */
};

enum { ENDED_MARIADB = 1969, ENDED_MYSQL = 3024, LIBRARY = 2000, LIBRARY_END = 3000, LATE_PERCENT = 90 };

static bool is_late(const struct database *database, int64_t since)
{
	int64_t waited = g_get_monotonic_time() - since;

	return since > 0 && waited * 100 >= database->remote->timeout * 1000 * LATE_PERCENT;
}

/* The connection is gone, whoever ended it. */
static bool lost(struct database *database, const char *message, int64_t since, struct database_error *error)
{
	bool late = is_late(database, since);

	database->broken = true;
	if (late)
		mysql_refuse(error, DATABASE_LOST, "%s: no answer within %.1f s", database->host->shown,
		             (double)database->remote->timeout / 1000);
	else
		mysql_refuse(error, DATABASE_LOST, "%s: %s", database->host->shown, message);
	error->waited = late;
	if (late)
		error->again = remote_bad(database->remote, database->host,
		                          mysql_without_host(database->host, error->text));
	return false;
}

static bool ended(const struct database *database, bool writes, struct database_error *error)
{
	if (writes)
		return mysql_refuse(error, DATABASE_DENIED,
		                    "%s: writing took longer than %.1f s: is its disk slow, or full of work?",
		                    database->host->shown, (double)database->limit / 1000);
	return mysql_refuse(
	        error, DATABASE_DATA,
	        "it was ended, since it took longer than %.1f s: does it lack an index? (timeout of "
	        "the store says how long)",
	        (double)database->limit / 1000);
}

bool mysql_fail(struct database *database, unsigned code, const char *message, int64_t since, bool writes,
                struct database_error *error)
{
	database->code = code;
	if (code == ENDED_MARIADB || code == ENDED_MYSQL)
		return ended(database, writes, error);
	if (code == 0)
		return lost(database, "it failed, and nothing says why", since, error);
	if (code >= LIBRARY && code < LIBRARY_END)
		return lost(database, message, since, error);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].code == code) {
			database->broken |= known[i].fault == DATABASE_LOST;
			return mysql_refuse(error, known[i].fault, "%s: %s (error %u)", database->host->shown,
			                    known[i].text != NULL ? known[i].text : message, code);
		}
	return mysql_refuse(error, DATABASE_DATA, "%s (error %u)", message, code);
}

/* -- connections --------------------------------------------------------- */

void mysql_say_unconnected(const struct remote *remote, unsigned code, const char *message, char *text)
{
	enum { ROOM = 160 };
	char whole[1024];

	switch (code) {
	case 1040:
	case 1203:
	case 1226:
		g_snprintf(
		        whole, sizeof(whole),
		        "it has too many connections already: raise max_connections or max_user_connections");
		break;
	case 1044:
	case 1045:
	case 1698:
		g_snprintf(whole, sizeof(whole), "it does not let user '%s' in%s", remote->user,
		           remote->password_file != NULL ? ": is the password in password_file the right one?"
		                                         : " without a password: password_file names one");
		break;
	case 1049:
		g_snprintf(whole, sizeof(whole), "it has no database '%s': CREATE DATABASE, or another name",
		           remote->database);
		break;
	case 1129:
	case 1130: g_snprintf(whole, sizeof(whole), "it does not accept this machine: %s", message); break;
	case 2013:
		/* What the library says has a number of its own, which changes from one time to the next. */
		g_snprintf(whole, sizeof(whole), "it took the connection, and did not greet");
		break;
	case 2026: g_snprintf(whole, sizeof(whole), "TLS failed: %s", message); break;
	default: g_snprintf(whole, sizeof(whole), "%s", message);
	}
	text_clean(text, ROOM, whole, strlen(whole));
}
