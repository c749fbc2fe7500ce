/* unit/test_mysql_fault.c - what each error number of a MySQL or MariaDB makes the store do */
#include <glib.h>
#include <string.h>
#include "store/mysql.h"

#define TIMEOUT 2000 /* ms */

static struct remote_host host = { .shown = "db1" };
static struct remote remote = {
	.hosts = &host, .host_count = 1, .user = "ppolicyd", .database = "mail", .timeout = TIMEOUT
};

static struct database database_of(void)
{
	return (struct database){ .remote = &remote, .host = &host, .limit = 1500 };
}

/* Busy is tried again at once, denied a little later while reading goes on; of what is lost the
 * connection is closed, and another one made, to the next host if need be. */
static const struct {
	unsigned code;
	enum database_fault fault;
	const char *text;
} errors[] = {
	{ 2002, DATABASE_LOST, "db1: as it says" },
	{ 2006, DATABASE_LOST, "db1: as it says" },
	{ 2013, DATABASE_LOST, "db1: as it says" },
	{ 2014, DATABASE_LOST, "db1: as it says" },
	{ 0, DATABASE_LOST, "db1: it failed, and nothing says why" },
	{ 1205, DATABASE_BUSY, "db1: somebody else holds a lock for too long" },
	{ 1213, DATABASE_BUSY, "db1: two transactions were in each other's way each time (error 1213)" },
	{ 3101, DATABASE_BUSY, "db1: two transactions were in each other's way each time (error 3101)" },
	{ 3100, DATABASE_LOST, "db1: it cannot commit with its group (error 3100)" },
	{ 1290, DATABASE_LOST, "db1: it is read-only (error 1290)" },
	{ 1836, DATABASE_LOST, "db1: it is read-only (error 1836)" },
	{ 1047, DATABASE_LOST, "db1: it is not part of its cluster (wsrep_ready is off) (error 1047)" },
	{ 1180, DATABASE_LOST, "db1: as it says (error 1180)" },
	{ 1927, DATABASE_LOST, "db1: the connection was ended by KILL (error 1927)" },
	{ 1114, DATABASE_DENIED, "db1: the table is full: its disk, tablespace or a limit; make room" },
	{ 1021, DATABASE_DENIED, "db1: its disk is full; free some (error 1021)" },
	{ 1030, DATABASE_DENIED, "db1: as it says (error 1030)" },
	{ 1142, DATABASE_DENIED, "db1: as it says (error 1142)" },
	{ 1064, DATABASE_DATA, "as it says (error 1064)" },
	{ 1406, DATABASE_DATA, "as it says (error 1406)" },
	{ 4031, DATABASE_LOST, "db1: as it says (error 4031)" },
	{ 3000, DATABASE_DATA, "as it says (error 3000)" },
};

static void test_statements(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
		for (int writes = 0; writes < 2; writes++) {
			struct database database = database_of();
			struct database_error error;

			g_assert_false(mysql_fail(&database, errors[i].code, "as it says",
			                          g_get_monotonic_time(), writes, &error));
			g_assert_cmpint(error.fault, ==, errors[i].fault);
			g_assert_cmpint(database.broken, ==, error.fault == DATABASE_LOST);
			g_assert_cmpuint(database.code, ==, errors[i].code);
			g_assert_true(g_str_has_prefix(error.text, errors[i].text));
			g_assert_false(error.waited);
		}
}

/* What took too long and was ended: a query is at fault itself, a write tells of the whole database. */
static void test_slow(void)
{
	static const unsigned codes[] = { 1969, 3024 };

	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		struct database database = database_of();
		struct database_error error;

		mysql_fail(&database, codes[i], "interrupted", 0, false, &error);
		g_assert_cmpint(error.fault, ==, DATABASE_DATA);
		g_assert_nonnull(strstr(error.text, "longer than 1.5 s"));
		mysql_fail(&database, codes[i], "interrupted", 0, true, &error);
		g_assert_cmpint(error.fault, ==, DATABASE_DENIED);
		g_assert_nonnull(strstr(error.text, "writing took longer than 1.5 s"));
		g_assert_false(database.broken);
	}
}

/* No answer in time: the host is left alone for a while, by all. */
static void test_frozen(void)
{
	struct database database = database_of();
	gint64 now = g_get_monotonic_time();
	struct database_error error;

	pthread_mutex_init(&remote.lock, NULL);
	mysql_fail(&database, 2013, "Lost connection", now - TIMEOUT * 1000, true, &error);
	g_assert_cmpint(error.fault, ==, DATABASE_LOST);
	g_assert_cmpstr(error.text, ==, "db1: no answer within 2.0 s");
	g_assert_true(error.waited);
	g_assert_cmpint(error.again, >, now);
	g_assert_cmpint(host.again, ==, error.again);
	g_assert_cmpstr(host.trouble, ==, "no answer within 2.0 s");
	pthread_mutex_destroy(&remote.lock);
}

static const struct {
	unsigned code;
	const char *said, *text;
} attempts[] = {
	{ 2002, "Can't connect to local server through socket '/x' (2)",
	  "Can't connect to local server through socket '/x' (2)" },
	{ 2013, "Lost connection to server at 'handshake', system error: 11",
	  "it took the connection, and did not greet" },
	{ 1040, "Too many connections",
	  "it has too many connections already: raise max_connections or max_user_connections" },
	{ 1203, "User has more than",
	  "it has too many connections already: raise max_connections or max_user_connections" },
	{ 1045, "Access denied",
	  "it does not let user 'ppolicyd' in without a password: password_file names one" },
	{ 1049, "Unknown database", "it has no database 'mail': CREATE DATABASE, or another name" },
	{ 1130, "Host is not allowed", "it does not accept this machine: Host is not allowed" },
	{ 2026, "certificate", "TLS failed: certificate" },
	{ 9999, "line\nbreak", "line break" },
};

static void test_attempts(void)
{
	char text[160];

	for (size_t i = 0; i < G_N_ELEMENTS(attempts); i++) {
		mysql_say_unconnected(&remote, attempts[i].code, attempts[i].said, text);
		g_assert_cmpstr(text, ==, attempts[i].text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mysql fault/an error of a statement", test_statements);
	g_test_add_func("/mysql fault/a statement that took too long", test_slow);
	g_test_add_func("/mysql fault/a host that does not answer", test_frozen);
	g_test_add_func("/mysql fault/a host that cannot be connected to", test_attempts);
	return g_test_run();
}
