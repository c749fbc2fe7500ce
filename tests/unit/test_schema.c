/* unit/test_schema.c - tables are brought to their version: all of it or nothing */
#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include "store/schema.h"

static const struct migration migrations[] = {
	{ 1, "001_make.sql", "CREATE TABLE grey (a INTEGER);" },
	{ 2, "002_fill.sql", "INSERT INTO grey VALUES (1); INSERT INTO grey VALUES (2);" },
	{ 3, "003_more.sql", "ALTER TABLE grey ADD COLUMN b;" },
};

static struct statement_set set_of(unsigned count)
{
	return (struct statement_set){
		.name = "greylist", .table = "grey", .migration_count = count, .migrations = migrations
	};
}

/* -- a driver that notes what it is told to do --------------------------------- */

struct database {
	GString *log;
	unsigned calls, failing; /* failing: which call fails; 0 = none */
	int version;
};

static bool note(struct database *database, struct database_error *error, const char *format, ...)
        G_GNUC_PRINTF(3, 4);
static bool note(struct database *database, struct database_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(database->log, format, args);
	va_end(args);
	g_string_append_c(database->log, ' ');
	if (++database->calls != database->failing)
		return true;
	error->fault = DATABASE_BUSY;
	g_strlcpy(error->text, "somebody else holds it", sizeof(error->text));
	return false;
}

static bool fake_begin(struct database *database, struct database_error *error)
{
	return note(database, error, "begin");
}

static bool fake_commit(struct database *database, struct database_error *error)
{
	return note(database, error, "commit");
}

static void fake_rollback(struct database *database)
{
	g_string_append(database->log, "rollback ");
}

static bool fake_version(struct database *database, const char *name, int *version,
                         struct database_error *error)
{
	*version = database->version;
	return note(database, error, "version(%s)", name);
}

static bool fake_script(struct database *database, const char *sql, struct database_error *error)
{
	return note(database, error, "%.6s", sql);
}

static bool fake_set_version(struct database *database, const char *name, int version,
                             struct database_error *error)
{
	return note(database, error, "set(%s,%d)", name, version);
}

static const struct database_driver fake = {
	.name = "fake",
	.begin = fake_begin,
	.commit = fake_commit,
	.rollback = fake_rollback,
	.version = fake_version,
	.script = fake_script,
	.set_version = fake_set_version,
};

static const struct {
	int version;
	unsigned known;
	const char *log;
	bool good;
	int from, to;
	enum database_fault fault;
	const char *error;
} table[] = {
	{ 0, 0, "", true, 0, 0, DATABASE_OK, "" },
	{ 9, 0, "", true, 0, 0, DATABASE_OK, "" },
	{ 0, 1, "begin version(greylist/grey) CREATE set(greylist/grey,1) commit ", true, 0, 1, DATABASE_OK,
	  "" },
	{ 0, 3,
	  "begin version(greylist/grey) CREATE set(greylist/grey,1) INSERT set(greylist/grey,2) "
	  "ALTER  set(greylist/grey,3) commit ",
	  true, 0, 3, DATABASE_OK, "" },
	{ 2, 3, "begin version(greylist/grey) ALTER  set(greylist/grey,3) commit ", true, 2, 3, DATABASE_OK,
	  "" },
	{ 3, 3, "begin version(greylist/grey) commit ", true, 3, 3, DATABASE_OK, "" },
	{ 3, 2, "begin version(greylist/grey) rollback ", false, 3, 2, DATABASE_DENIED,
	  "the tables of greylist/grey have version 3, and this ppolicyd knows versions up to 2 only: run "
	  "the newer "
	  "one that made them, or restore a backup from before" },
	{ -1, 2, "begin version(greylist/grey) rollback ", false, -1, -1, DATABASE_DATA,
	  "the version of the tables of greylist/grey is -1, which ppolicyd never writes: restore a backup" },
};

static void test_steps(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct database database = { .log = g_string_new(NULL), .version = table[i].version };
		struct statement_set set = set_of(table[i].known);
		struct database_error error = { 0 };
		int from = -7, to = -7;

		g_assert_cmpint(schema_migrate(&fake, &database, &set, &from, &to, &error), ==,
		                table[i].good);
		g_assert_cmpstr(database.log->str, ==, table[i].log);
		g_assert_cmpint(from, ==, table[i].from);
		g_assert_cmpint(to, ==, table[i].to);
		g_assert_cmpint(error.fault, ==, table[i].fault);
		g_assert_cmpstr(error.text, ==, table[i].error);
		g_string_free(database.log, TRUE);
	}
}

static void test_name(void)
{
	struct database database = { .log = g_string_new(NULL), .version = 1 };
	struct statement_set set = set_of(1);
	struct database_error error = { 0 };
	int from, to;

	set.table = "greylist";
	g_assert_true(schema_migrate(&fake, &database, &set, &from, &to, &error));
	g_assert_cmpstr(database.log->str, ==, "begin version(greylist) commit ");
	g_string_free(database.log, TRUE);
}

static void test_failures(void)
{
	struct statement_set set = set_of(3);

	/* begin, version, three times script and set_version, commit */
	for (unsigned failing = 1; failing <= 9; failing++) {
		struct database database = { .log = g_string_new(NULL), .failing = failing };
		struct database_error error = { 0 };
		bool in_script = failing == 3 || failing == 5 || failing == 7;
		int from, to;

		g_assert_false(schema_migrate(&fake, &database, &set, &from, &to, &error));
		g_assert_cmpuint(database.calls, ==, failing);
		g_assert_cmpint(g_str_has_suffix(database.log->str, " rollback "), ==, failing > 1);
		g_assert_cmpint(from, ==, 0);
		g_assert_cmpint(to, ==, 0);
		g_assert_cmpint(error.fault, ==, DATABASE_BUSY);
		if (in_script) {
			g_autofree char *wanted = g_strconcat(migrations[(failing - 3) / 2].file,
			                                      ": somebody else holds it", NULL);

			g_assert_cmpstr(error.text, ==, wanted);
		} else {
			g_assert_cmpstr(error.text, ==, "somebody else holds it");
		}
		g_string_free(database.log, TRUE);
	}
}

/* -- with SQLite ---------------------------------------------------------------- */

static struct database *open_sqlite(const char *path)
{
	struct database_target target = { .path = path, .lock_wait = 5000 };
	struct database_error error = { 0 };
	struct database *database = database_sqlite.open(&target, &error);

	g_assert_cmpstr(error.text, ==, "");
	g_assert_nonnull(database);
	return database;
}

static bool migrate(struct database *database, const struct statement_set *set, int *from, int *to,
                    struct database_error *error)
{
	*error = (struct database_error){ 0 };
	return schema_migrate(&database_sqlite, database, set, from, to, error);
}

static void test_sqlite(void)
{
	struct database *database = open_sqlite(NULL);
	struct statement_set set = set_of(2);
	struct database_error error;
	int from, to;

	g_assert_true(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(from, ==, 0);
	g_assert_cmpint(to, ==, 2);
	set = set_of(3);
	g_assert_true(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(from, ==, 2);
	g_assert_cmpint(to, ==, 3);
	g_assert_true(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(from, ==, 3);
	set = set_of(1);
	g_assert_false(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(error.fault, ==, DATABASE_DENIED);
	g_assert_cmpint(from, ==, 3);
	g_assert_cmpint(to, ==, 1);
	set = set_of(3);
	set.table = "greylist";
	g_assert_false(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(error.fault, ==, DATABASE_DATA);
	g_assert_true(g_str_has_prefix(error.text, "001_make.sql: "));
	database_sqlite.close(database);
}

/* The second script is wrong in its second statement: of the first nothing stays either. */
static void test_sqlite_undone(void)
{
	static const struct migration wrong[] = { { 1, "001_make.sql", "CREATE TABLE grey (a INTEGER);" },
		                                  { 2, "002_fill.sql",
		                                    "INSERT INTO grey VALUES (1); INSERT 2" } };
	struct database *database = open_sqlite(NULL);
	struct statement_set set = set_of(2);
	struct database_error error;
	int from, to;

	set.migrations = wrong;
	g_assert_false(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(from, ==, 0);
	g_assert_cmpint(to, ==, 0);
	g_assert_true(g_str_has_prefix(error.text, "002_fill.sql: "));
	set = set_of(2);
	g_assert_true(migrate(database, &set, &from, &to, &error));
	g_assert_cmpint(from, ==, 0);
	g_assert_cmpint(to, ==, 2);
	database_sqlite.close(database);
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	const char *path;
	int from, to;
};

static void *race(void *data)
{
	struct racer *racer = data;
	struct database *database = open_sqlite(racer->path);
	struct statement_set set = set_of(3);
	struct database_error error;

	pthread_barrier_wait(racer->start);
	g_assert_true(migrate(database, &set, &racer->from, &racer->to, &error));
	database_sqlite.close(database);
	return NULL;
}

static void test_sqlite_race(void)
{
	g_autofree char *folder = g_dir_make_tmp("schema-XXXXXX", NULL), *path = NULL;
	struct racer racers[4];
	pthread_barrier_t start;
	int first = 0;

	path = g_build_filename(folder, "a.db", NULL);
	database_sqlite.close(open_sqlite(path));
	pthread_barrier_init(&start, NULL, G_N_ELEMENTS(racers));
	for (size_t i = 0; i < G_N_ELEMENTS(racers); i++) {
		racers[i] = (struct racer){ .start = &start, .path = path };
		g_assert_cmpint(pthread_create(&racers[i].thread, NULL, race, &racers[i]), ==, 0);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(racers); i++) {
		pthread_join(racers[i].thread, NULL);
		g_assert_cmpint(racers[i].to, ==, 3);
		g_assert_true(racers[i].from == 0 || racers[i].from == 3);
		first += racers[i].from == 0;
	}
	g_assert_cmpint(first, ==, 1);
	pthread_barrier_destroy(&start);
	for (const char *const *end = (const char *const[]){ "", "-wal", "-shm", NULL }; *end != NULL;
	     end++) {
		g_autofree char *file = g_strconcat(path, *end, NULL);

		g_remove(file);
	}
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/schema/what is missing is run, each with its version, then committed", test_steps);
	g_test_add_func("/schema/the version has the name of the set, and of its table if that is another",
	                test_name);
	g_test_add_func("/schema/whatever fails, all is rolled back and the file is named", test_failures);
	g_test_add_func("/schema/SQLite's tables are brought on, and newer ones are left alone", test_sqlite);
	g_test_add_func("/schema/a script that fails leaves nothing behind in SQLite", test_sqlite_undone);
	g_test_add_func("/schema/of servers that start at once one makes the tables", test_sqlite_race);
	return g_test_run();
}
