/* unit/test_sqlite_files.c - SQLite's files: who may use them, how they grow, what replaces them */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "scratch.h"

static const struct database_driver *const sqlite = &database_sqlite;

static void test_mode(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct database_health health;
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = g_strconcat(scratch.path, suffixes[i], NULL);
		GStatBuf status;

		g_assert_cmpint(g_stat(path, &status), ==, 0);
		g_assert_cmpint(status.st_mode & 0777, ==, 0600);
	}
	sqlite->health(scratch.database, &health);
	g_assert_cmpint(health.bytes, ==, sqlite_file_size(scratch.database, ""));
	g_assert_cmpint(health.log_bytes, >, 0);
	scratch_clear(&scratch);
}

static void test_memory(void)
{
	struct database_health health;
	struct scratch scratch;

	scratch_init(&scratch);
	scratch.target.path = NULL;
	scratch_make(&scratch);
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_THERE);
	sqlite->checkpoint(scratch.database);
	sqlite->health(scratch.database, &health);
	g_assert_cmpint(health.bytes, ==, -1);
	g_assert_cmpint(health.log_bytes, ==, -1);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1");
	g_assert_false(g_file_test(scratch.path, G_FILE_TEST_EXISTS));
	scratch_make(&scratch);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "");
	scratch_clear(&scratch);
}

static void fill(struct scratch *scratch, const char *key, int64_t bytes)
{
	const struct database_value values[] = { scratch_text(key), scratch_integer(bytes) };

	scratch_begin(scratch);
	scratch_assert(scratch, scratch_run(scratch, scratch->database, "fill", values));
	scratch_commit(scratch);
}

static void test_checkpoint(void)
{
	enum { MB = 1024 * 1024 };
	struct database *mover, *reader;
	struct database_health health;
	struct scratch scratch;
	int64_t start;

	scratch_init(&scratch);
	scratch_make(&scratch);
	mover = scratch_open_another(&scratch, false);
	reader = scratch_open_another(&scratch, true);
	fill(&scratch, "a", 2 * MB);
	sqlite->health(mover, &health);
	g_assert_cmpint(health.bytes, <, MB);
	sqlite->checkpoint(mover);
	sqlite->health(mover, &health);
	g_assert_cmpint(health.bytes, >, 2 * MB);
	g_assert_cmpint(health.log_bytes, >, 2 * MB);
	g_assert_cmpint(mover->log_max, ==, 64 * MB);
	mover->log_max = 4 * MB;
	fill(&scratch, "b", 4 * MB);
	/* Somebody still reads what the log holds: that is waited for, but not long. */
	scratch_assert(&scratch, sqlite->script(reader, "BEGIN; SELECT count(*) FROM probe", &scratch.error));
	start = g_get_monotonic_time();
	sqlite->checkpoint(mover);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 40 * 1000);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 1000 * 1000);
	fill(&scratch, "c", 4 * MB);
	sqlite->health(mover, &health);
	g_assert_cmpint(health.log_bytes, >, 8 * MB);
	scratch_assert(&scratch, sqlite->script(reader, "COMMIT", &scratch.error));
	/* It begins anew, and is made short when that harms nobody. */
	sqlite->checkpoint(mover);
	fill(&scratch, "d", 2 * MB);
	sqlite->checkpoint(mover);
	g_assert_cmpint(sqlite_file_size(mover, "-wal"), ==, health.log_bytes);
	mover->log_max = 1 * MB;
	sqlite->checkpoint(mover);
	fill(&scratch, "e", 1);
	sqlite->checkpoint(mover);
	sqlite->health(mover, &health);
	g_assert_cmpint(health.bytes, >, 12 * MB);
	g_assert_cmpint(health.log_bytes, ==, 0);
	g_assert_cmpstr(scratch_all(&scratch, reader), ==, "a=1 b=1 c=1 d=1 e=1");
	g_assert_cmpint(mover->patience, ==, scratch.database->patience);
	sqlite->close(reader);
	sqlite->close(mover);
	scratch_clear(&scratch);
}

static void put_aside(const struct scratch *scratch)
{
	g_autofree char *aside = g_strconcat(scratch->path, ".old", NULL);

	g_assert_cmpint(g_rename(scratch->path, aside), ==, 0);
}

static void test_replaced(void)
{
	struct database *another;
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_THERE);
	put_aside(&scratch);
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_REPLACED);
	g_assert_true(g_file_set_contents(scratch.path, "", 0, NULL));
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_REPLACED);
	another = scratch.database;
	scratch.database = NULL;
	sqlite->close(another);
	scratch_make(&scratch);
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_THERE);
	g_assert_cmpint(g_remove(scratch.path), ==, 0);
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_REPLACED);
	scratch_clear(&scratch);
}

static void write_and_die(struct scratch *scratch)
{
	scratch_assert(scratch, scratch_open(scratch));
	g_assert_true(scratch_write(scratch, scratch->database, "written", 1));
	scratch_begin(scratch);
	scratch_assert(scratch,
	               scratch_upsert(scratch, 1, (const char *const[]){ "lost" }, (int64_t[]){ 1 }));
}

static void test_crash(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_close(&scratch);
	g_assert_true(scratch_in_child(&scratch, false, write_and_die));
	scratch.target.read_only = true;
	scratch_assert(&scratch, scratch_open(&scratch));
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "written=1");
	scratch.target.read_only = false;
	scratch_assert(&scratch, scratch_open(&scratch));
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "written=1");
	scratch_assert(&scratch, sqlite->script(scratch.database,
	                                        "CREATE TEMP TABLE found (text CHECK (text = 'ok'));"
	                                        "INSERT INTO found SELECT * FROM pragma_integrity_check",
	                                        &scratch.error));
	scratch_clear(&scratch);
}

/* -- only read ----------------------------------------------------------- */

static void test_read_only(void)
{
	const struct database_value values[3] = { scratch_text("a"), scratch_integer(1) };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	scratch.target.read_only = true;
	scratch_assert(&scratch, scratch_open(&scratch));
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1");
	g_assert_false(sqlite->begin(scratch.database, &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_DENIED, "only read");
	g_assert_false(scratch_run(&scratch, scratch.database, "upsert", values));
	scratch_assert_fault(&scratch, DATABASE_DATA,
	                     "statement upsert: it writes, and this database is only read");
	g_assert_false(sqlite->script(scratch.database, "DELETE FROM probe", &scratch.error));
	sqlite->checkpoint(scratch.database);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1");
	scratch_clear(&scratch);
}

/* The log leads nowhere: it is as if none could be made in the folder. */
static void test_immutable(void)
{
	g_autofree char *log = NULL;
	struct database *writer;
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_close(&scratch);
	log = g_strconcat(scratch.path, "-wal", NULL);
	g_assert_cmpint(symlink("absent/log", log), ==, 0);
	scratch.target.read_only = true;
	scratch_assert(&scratch, scratch_open(&scratch));
	g_assert_true(scratch.database->immutable);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1");
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_THERE);
	/* Somebody writes after all. */
	g_assert_cmpint(g_remove(log), ==, 0);
	writer = scratch_open_another(&scratch, false);
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_THERE);
	g_assert_true(scratch_write(&scratch, writer, "b", 1));
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_REPLACED);
	sqlite->close(writer);
	g_assert_cmpint(sqlite->still_there(scratch.database, &scratch.error), ==, DATABASE_REPLACED);
	scratch_assert(&scratch, scratch_open(&scratch));
	g_assert_false(scratch.database->immutable);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1 b=1");
	scratch_clear(&scratch);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sqlite files/what was committed outlives a crash, what was not does not",
	                test_crash);
	g_test_add_func("/sqlite files/a new database is for its user alone", test_mode);
	g_test_add_func("/sqlite files/a database in memory has no files", test_memory);
	g_test_add_func("/sqlite files/a checkpoint moves the log, and cuts a long one", test_checkpoint);
	g_test_add_func("/sqlite files/a file put in its place is noticed", test_replaced);
	g_test_add_func("/sqlite files/what is only read is never written", test_read_only);
	g_test_add_func("/sqlite files/where no log can be made it is read without", test_immutable);
	return g_test_run();
}
