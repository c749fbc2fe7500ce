/* fuzz/fuzz_statement.c - whatever a file of SQL says, SQLite cuts it as we do
 *
 * The input is read as a statement, as a query of the configuration and as a
 * migration. SQLite says whether what comes out is one statement with as many
 * arguments as we think, and whether it writes.
 */
#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include "fuzz.h"
#include "store/statement_parse.h"

static const char tables[] = "CREATE TABLE grey (a TEXT PRIMARY KEY, b INTEGER, c TEXT) WITHOUT ROWID;"
                             "CREATE TABLE t (a, b UNIQUE, c);"
                             "CREATE TABLE x (a);";

static sqlite3 *open_database(void)
{
	sqlite3 *database;

	if (sqlite3_open(":memory:", &database) != SQLITE_OK ||
	    sqlite3_exec(database, tables, NULL, NULL, NULL) != SQLITE_OK)
		g_error("%s", sqlite3_errmsg(database));
	return database;
}

static void check_error(bool good, const char *error, bool file)
{
	g_assert_true(good == (error == NULL));
	if (error == NULL)
		return;
	g_assert_true(g_utf8_validate(error, -1, NULL));
	if (file)
		g_assert_true(g_str_has_prefix(error, "a.sql:") && g_ascii_isdigit(error[6]));
}

/* Which value each ? is. */
static void check_places(const struct statement *statement, unsigned rows, const unsigned *places,
                         unsigned count)
{
	g_autofree bool *seen = g_new0(bool, statement->arg_count);

	g_assert_cmpuint(count, ==, statement->text->place_count * rows);
	for (unsigned i = 0; i < count; i++) {
		unsigned row = i / MAX(statement->text->place_count, 1);

		g_assert_cmpuint(places[i] / statement->arg_count, ==, row);
		seen[places[i] % statement->arg_count] = true;
	}
	for (unsigned i = 0; i < statement->arg_count; i++)
		g_assert_true(seen[i] && statement_is_identifier(statement->args[i]));
}

/* True: SQLite takes it. */
static bool check_render(const struct statement *statement, unsigned rows)
{
	static sqlite3 *database;
	unsigned count, *places;
	g_autofree char *sql = statement_render(statement, STATEMENT_TEXT, rows, &places, &count);
	sqlite3_stmt *prepared = NULL;
	const char *rest = "";
	bool good;

	if (database == NULL)
		database = open_database();
	check_places(statement, rows, places, count);
	g_assert_true(strpbrk(sql, "?") != NULL || count == 0);
	good = sqlite3_prepare_v2(database, sql, -1, &prepared, &rest) == SQLITE_OK;
	if (good) {
		g_assert_nonnull(prepared);
		g_assert_cmpstr(rest, ==, "");
		g_assert_cmpint(sqlite3_bind_parameter_count(prepared), ==, count);
		g_assert_cmpint(!sqlite3_stmt_readonly(prepared), ==, statement->writes);
	}
	sqlite3_finalize(prepared);
	g_free(places);
	return good;
}

/* Of two statements the second one has no argument that the first one has not. */
static void check_result(const struct statement *statement, unsigned rows)
{
	unsigned count, *places;
	g_autofree char *sql = NULL;

	if (statement->result == NULL)
		return;
	g_assert_true(statement->writes);
	sql = statement_render(statement, STATEMENT_RESULT, rows, &places, &count);
	g_assert_cmpuint(count, ==, statement->result->place_count * rows);
	for (unsigned i = 0; i < count; i++)
		g_assert_cmpuint(places[i] % statement->arg_count, <, statement->arg_count);
	g_free(places);
	if (statement->returning != NULL) {
		g_free(statement_render(statement, STATEMENT_RETURNING, rows, &places, &count));
		g_free(places);
		g_assert_cmpuint(count, ==, statement->text->place_count * rows);
	}
}

static void check_statement(struct arena *arena, const struct statement_source *source)
{
	struct statement statement = { .name = "a" };
	g_autofree char *error = NULL;
	bool good = statement_parse(&statement, arena, source, &error);

	check_error(good, error, source->origin == STATEMENT_FILE);
	if (!good)
		return;
	for (unsigned i = 0; i < statement.key_count; i++)
		g_assert_cmpuint(statement.keys[i], <, statement.arg_count);
	if (source->origin == STATEMENT_QUERY)
		g_assert_true(!statement.writes && statement.key_count == 0);
	check_result(&statement, statement.key_count > 0 ? 2 : 1);
	if (check_render(&statement, 1) && statement.key_count > 0) {
		check_render(&statement, 2);
		check_render(&statement, 3);
	}
}

static void check_migration(struct arena *arena, const struct statement_source *source)
{
	g_autofree char *error = NULL;
	const char *sql = statement_parse_migration(arena, source, &error);

	check_error(sql != NULL, error, true);
	if (sql == NULL)
		return;
	g_assert_null(strstr(sql, "{table}"));
	if (strstr(source->sql, "{table}") == NULL)
		g_assert_cmpstr(sql, ==, source->sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	struct statement_source source = { STATEMENT_FILE, "a.sql", text, size, "grey", false };
	struct arena arena;

	arena_init(&arena);
	check_statement(&arena, &source);
	check_migration(&arena, &source);
	source.origin = STATEMENT_QUERY;
	check_statement(&arena, &source);
	arena_free(&arena);
	return 0;
}
