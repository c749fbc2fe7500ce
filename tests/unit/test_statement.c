/* unit/test_statement.c - folders of SQL files, ours too */
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include "store/statement.h"

struct file {
	const char *name, *text;
};
#define FILES_MAX 6

static char *top; /* a folder of this test's own */

static char *make_folder(const char *root, const char *name)
{
	char *folder = g_build_filename(top, root, "sqlite", name, NULL);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	return folder;
}

static void write_files(const char *root, const char *name, const struct file *files)
{
	g_autofree char *folder = make_folder(root, name);

	for (; files->name != NULL; files++) {
		g_autofree char *path = g_build_filename(folder, files->name, NULL);

		g_assert_true(g_file_set_contents(path, files->text, -1, NULL));
	}
}

static void remove_all(const char *path)
{
	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK) && g_file_test(path, G_FILE_TEST_IS_DIR)) {
		g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
		const char *name;

		while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
			g_autofree char *child = g_build_filename(path, name, NULL);

			remove_all(child);
		}
	}
	g_remove(path);
}

/* Of the folders a and b below top. */
static struct statement_set *load(const char *name, const char *table, char **error)
{
	g_autofree char *a = g_build_filename(top, "a", NULL), *b = g_build_filename(top, "b", NULL);
	const char *folders[] = { a, b, NULL };

	return statement_set_load(folders, "sqlite", name, table, error);
}

static struct statement_set *load_good(const char *name, const char *table)
{
	char *error = NULL;
	struct statement_set *set = load(name, table, &error);

	g_assert_cmpstr(error, ==, NULL);
	g_assert_nonnull(set);
	return set;
}

/* A set of just these files, in the folder a. */
static struct statement_set *set_of(const struct file *files, char **error)
{
	g_autofree char *folder = g_build_filename(top, "a", "sqlite", "one", NULL);

	remove_all(folder);
	write_files("a", "one", files);
	return load("one", "grey", error);
}

/* -- folders ----------------------------------------------------------------- */

static void test_folders(void)
{
	static const struct file first[] = { { "002_more.sql", "CREATE INDEX {table}_i ON {table} (a);\n" },
		                             { "001_make.sql", "CREATE TABLE {table} (a);\n" },
		                             { "look_up.sql", "SELECT a FROM {table}" },
		                             { "add.sql", "INSERT INTO {table} VALUES (:a)" },
		                             { "README", "?" },
		                             { ".#add.sql", "?" },
		                             { "add.sql~", "?" },
		                             { NULL, NULL } };
	static const struct file second[] = { { "other.sql", "SELECT 1" }, { NULL, NULL } };
	struct statement_set *set, *same;

	write_files("a", "both", first);
	write_files("b", "both", second);
	write_files("b", "later", second);
	set = load_good("both", "grey_2");
	same = statement_set_ref(set);
	statement_set_unref(same);
	g_assert_cmpstr(set->name, ==, "both");
	g_assert_cmpstr(set->table, ==, "grey_2");
	g_assert_cmpuint(set->migration_count, ==, 2);
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(set->migrations[i].version, ==, i + 1);
	g_assert_cmpstr(set->migrations[0].file, ==, "001_make.sql");
	g_assert_cmpstr(set->migrations[0].sql, ==, "CREATE TABLE grey_2 (a);\n");
	g_assert_cmpstr(set->migrations[1].sql, ==, "CREATE INDEX grey_2_i ON grey_2 (a);\n");
	g_assert_cmpuint(set->statement_count, ==, 2);
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpuint(set->statements[i]->index, ==, i);
		g_assert_true(set->statements[i]->set == set);
		g_assert_true(statement_find(set, set->statements[i]->name) == set->statements[i]);
	}
	g_assert_nonnull(statement_find(set, "look_up"));
	g_assert_true(statement_find(set, "add")->writes);
	g_assert_null(statement_find(set, "other"));
	g_assert_null(statement_find(set, "001_make"));
	statement_set_unref(set);
	set = load_good("later", NULL);
	g_assert_cmpstr(set->table, ==, "later");
	g_assert_nonnull(statement_find(set, "other"));
	statement_set_unref(set);
	statement_set_unref(NULL);
}

static const struct {
	struct file files[FILES_MAX];
	const char *error; /* {} stands for the folder */
} wrong_folders[] = {
	{ { { NULL, NULL } }, "{}: no .sql file lies here" },
	{ { { "README", "" } }, "{}: no .sql file lies here" },
	{ { { "001_a.sql", "DELETE FROM t" }, { "003_c.sql", "DELETE FROM t" } },
	  "{}/003_c.sql: there is no migration 002 before it" },
	{ { { "002_a.sql", "DELETE FROM t" } }, "{}/002_a.sql: there is no migration 001 before it" },
	{ { { "001_a.sql", "DELETE FROM t" }, { "001_b.sql", "DELETE FROM t" } },
	  "{}/001_b.sql: 001_a.sql has the same number" },
	{ { { "000_a.sql", "DELETE FROM t" } },
	  "{}/000_a.sql: a migration is named 001_what_it_does.sql, from 001 on" },
	{ { { "1_a.sql", "DELETE FROM t" } },
	  "{}/1_a.sql: a migration is named 001_what_it_does.sql, from 001 on" },
	{ { { "0001_a.sql", "DELETE FROM t" } },
	  "{}/0001_a.sql: a migration is named 001_what_it_does.sql, from 001 on" },
	{ { { "look-up.sql", "SELECT 1" } },
	  "{}/look-up.sql: a statement's name has letters, digits and '_', at most 64" },
	{ { { "001_a.sql", "-- nothing\n" } }, "{}/001_a.sql:1: no statement stands here" },
	{ { { "001_a.sql", "" } }, "{}/001_a.sql:1: no statement stands here" },
	{ { { "001_a.sql", "DELETE FROM t WHERE a = 1\n OR b = :b" } },
	  "{}/001_a.sql:2: a migration has no arguments, such as :b" },
	{ { { "001_a.sql", "DELETE FROM {Table}" } },
	  "{}/001_a.sql:1: unknown {Table}; there is {table} only" },
	{ { { "001_a.sql", "CREATE TABLE t (a);\n\n-- now\nCOMMIT;" } },
	  "{}/001_a.sql:4: COMMIT does not go into a migration: ppolicyd runs each within a transaction" },
	{ { { "001_a.sql", "pragma user_version = 1" } },
	  "{}/001_a.sql:1: pragma does not go into a migration: ppolicyd runs each within a transaction" },
	{ { { "001_a.sql", "CREATE TABLE t (a);\nINSERT INTO t VALUES ('x)" } },
	  "{}/001_a.sql:2: the ' that begins here is not closed" },
};

static void test_wrong_folders(void)
{
	g_autofree char *folder = g_build_filename(top, "a", "sqlite", "one", NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(wrong_folders); i++) {
		g_auto(GStrv) parts = g_strsplit(wrong_folders[i].error, "{}", 2);
		g_autofree char *wanted = g_strjoinv(folder, parts), *error = NULL;

		g_assert_null(set_of(wrong_folders[i].files, &error));
		g_assert_cmpstr(error, ==, wanted);
	}
}

static void test_no_folder(void)
{
	g_autofree char *error = NULL, *wanted = NULL,
	                *file = g_build_filename(top, "a", "sqlite", "flat", NULL),
	                *odd = make_folder("a", "odd"), *inside = g_build_filename(odd, "x.sql", NULL);

	g_assert_null(load("nowhere", NULL, &error));
	wanted = g_strdup_printf("there is no folder sqlite/nowhere with SQL files in %s/a, %s/b", top, top);
	g_assert_cmpstr(error, ==, wanted);
	g_clear_pointer(&error, g_free);
	g_assert_true(g_file_set_contents(file, "", 0, NULL));
	g_assert_null(load("flat", NULL, &error));
	g_assert_nonnull(strstr(error, file));
	g_clear_pointer(&error, g_free);
	g_assert_cmpint(g_mkdir(inside, 0700), ==, 0);
	g_assert_null(load("odd", NULL, &error));
	g_assert_nonnull(strstr(error, inside));
}

static void test_names(void)
{
	static const char *const bad[] = { "../odd", "", "a b", "1a", "a;b", "t\xc3\xa4", "a\"b" };
	g_autofree char *longest = g_strnfill(64, 'a'), *longer = g_strnfill(65, 'a');

	write_files("a", "named", (struct file[]){ { "x.sql", "SELECT 1 FROM {table}" }, { NULL, NULL } });
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *error = NULL, *second = NULL;

		g_assert_false(statement_is_identifier(bad[i]));
		g_assert_null(load("named", bad[i], &error));
		g_assert_nonnull(strstr(error, bad[i]));
		g_assert_null(load(bad[i], "good", &second));
		g_assert_nonnull(second);
	}
	g_assert_false(statement_is_identifier(NULL));
	g_assert_false(statement_is_identifier(longer));
	g_assert_true(statement_is_identifier(longest));
	g_assert_true(statement_is_identifier("_Grey_2"));
	statement_set_unref(load_good("named", longest));
}

static void test_nul(void)
{
	g_autofree char *folder = make_folder("a", "nul"), *path = g_build_filename(folder, "x.sql", NULL),
	                *error = NULL;

	g_assert_true(g_file_set_contents(path, "SELECT 1\0; DELETE", 18, NULL));
	g_assert_null(load("nul", NULL, &error));
	g_assert_true(g_str_has_suffix(error, "x.sql:1: this is not text in UTF-8"));
}

/* -- ours -------------------------------------------------------------------- */

/* Whether SQLite takes it for a number of rows, and sees what we see. */
static void check_prepares(sqlite3 *database, const struct statement *statement, unsigned rows)
{
	unsigned count, *places;
	g_autofree char *sql = statement_render(statement, STATEMENT_TEXT, rows, &places, &count);
	sqlite3_stmt *prepared = NULL;
	const char *rest = "";

	g_test_message("%s/%s: %.200s", statement->set->name, statement->name, sql);
	if (sqlite3_prepare_v2(database, sql, -1, &prepared, &rest) != SQLITE_OK)
		g_error("%s/%s: %s", statement->set->name, statement->name, sqlite3_errmsg(database));
	g_assert_cmpstr(rest, ==, "");
	g_assert_cmpint(sqlite3_bind_parameter_count(prepared), ==, count);
	g_assert_cmpint(!sqlite3_stmt_readonly(prepared), ==, statement->writes);
	for (unsigned i = 0; i < statement->key_count && sqlite3_column_count(prepared) > 0; i++) {
		int column = 0;

		while (column < sqlite3_column_count(prepared) &&
		       strcmp(sqlite3_column_name(prepared, column), statement->args[statement->keys[i]]) !=
		               0)
			column++;
		g_assert_cmpint(column, <, sqlite3_column_count(prepared));
	}
	sqlite3_finalize(prepared);
	g_free(places);
}

static void check_set(const struct statement_set *set)
{
	sqlite3 *database;

	g_assert_cmpint(sqlite3_open(":memory:", &database), ==, SQLITE_OK);
	for (unsigned i = 0; i < set->migration_count; i++)
		if (sqlite3_exec(database, set->migrations[i].sql, NULL, NULL, NULL) != SQLITE_OK)
			g_error("%s/%s: %s", set->name, set->migrations[i].file, sqlite3_errmsg(database));
	for (unsigned i = 0; i < set->statement_count; i++) {
		check_prepares(database, set->statements[i], 1);
		if (set->statements[i]->key_count > 0)
			check_prepares(database, set->statements[i], STATEMENT_ROWS_MAX);
	}
	g_assert_cmpint(sqlite3_close(database), ==, SQLITE_OK);
}

static void test_ours(void)
{
	const char *source = g_getenv("top_srcdir");
	g_autofree char *root = g_build_filename(source == NULL ? "." : source, "sql", NULL),
	                *sqlite = g_build_filename(root, "sqlite", NULL);
	g_autoptr(GDir) dir = g_dir_open(sqlite, 0, NULL);
	const char *folders[] = { root, NULL }, *name;

	if (dir == NULL) {
		g_test_skip("top_srcdir is not set");
		return;
	}
	while ((name = g_dir_read_name(dir)) != NULL) {
		static const char *const tables[] = { NULL, "another_table" };

		for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
			g_autofree char *error = NULL;
			struct statement_set *set = statement_set_load(folders, "sqlite", name, tables[i],
			                                               &error);

			g_assert_cmpstr(error, ==, NULL);
			check_set(set);
			statement_set_unref(set);
		}
	}
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/statement/the first folder that has the name is read, all its files", test_folders);
	g_test_add_func("/statement/names of files that cannot be are refused with the file",
	                test_wrong_folders);
	g_test_add_func("/statement/a folder that is not there is an error that names where it could be",
	                test_no_folder);
	g_test_add_func("/statement/names of sets and tables are identifiers", test_names);
	g_test_add_func("/statement/a NUL hides nothing", test_nul);
	g_test_add_func("/statement/SQLite takes all statements of ppolicyd for one row and for many",
	                test_ours);
	top = g_dir_make_tmp("statement-XXXXXX", NULL);
	status = g_test_run();
	remove_all(top);
	g_free(top);
	return status;
}
