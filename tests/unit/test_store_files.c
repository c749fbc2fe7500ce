/* unit/test_store_files.c - the store on SQLite: what becomes of its file */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "triplets.h"

static void expect_integrity(const struct triplets *f)
{
	sqlite3 *database;
	sqlite3_stmt *check;

	g_assert_cmpint(sqlite3_open(f->path, &database), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &check, NULL), ==,
	                SQLITE_OK);
	g_assert_cmpint(sqlite3_step(check), ==, SQLITE_ROW);
	g_assert_cmpstr((const char *)sqlite3_column_text(check, 0), ==, "ok");
	sqlite3_finalize(check);
	sqlite3_close(database);
}

static void execute(sqlite3 *database, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK)
		g_error("%s: %s", sql, message);
}

static void test_locked(void)
{
	struct triplets f;
	struct stored ask;
	sqlite3 *other;
	gint64 start, limit;
	unsigned failed = 0;

	triplets_begin_open(&f, true);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	stored_log_start();
	g_assert_cmpint(sqlite3_open(f.path, &other), ==, SQLITE_OK);
	execute(other, "BEGIN IMMEDIATE");
	limit = g_get_monotonic_time() + G_USEC_PER_SEC * 7 / 10;
	for (; g_get_monotonic_time() < limit; failed++) {
		start = g_get_monotonic_time();
		g_assert_cmpint(triplets_touch(&f, "192.0.2.2"), ==, STORE_FAILED);
		g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC / 2);
		g_assert_cmpint(triplets_count(&f), ==, 1); /* reading goes on */
	}
	g_assert_cmpuint(failed, >=, 2);
	g_assert_cmpuint(stored_log_lines(), ==, 1);
	execute(other, "ROLLBACK");
	sqlite3_close(other);
	g_assert_cmpint(stored_run(f.store, &ask, f.touch, "192.0.2.2", "a@example.org", 1), ==, STORE_DONE);
	g_assert_cmpint(stored_integer(&ask, "passes"), ==, 0);
	stored_free(&ask, 1);
	stored_log_expect(100, "warning: store: ", "store: works again after ", NULL);
	stored_log_stop();
	triplets_end(&f);
}

/* Puts other bytes in the file's place: those of a file, or garbage. */
static void replace_file(const struct triplets *f, const char *from)
{
	g_autofree char *other = g_build_filename(f->folder, "other", NULL);
	static const char *const beside[] = { "-wal", "-shm" };
	g_autofree char *bytes = NULL;
	gsize length = 4096;

	if (from == NULL)
		bytes = g_strnfill(length, 'x');
	else
		g_assert_true(g_file_get_contents(from, &bytes, &length, NULL));
	g_assert_true(g_file_set_contents(other, bytes, (gssize)length, NULL));
	g_assert_cmpint(g_rename(other, f->path), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(beside); i++) {
		g_autofree char *path = g_strconcat(f->path, beside[i], NULL);

		g_unlink(path);
	}
}

static void touch_until(struct triplets *f, enum store_state wanted, pp_msec_t patience)
{
	gint64 limit = g_get_monotonic_time() + patience * 1000;

	while (triplets_touch(f, "192.0.2.2") != wanted) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		g_usleep(10000);
	}
}

/* Garbage, a good file, another good file: it is what is there that counts. */
static void test_replaced(void)
{
	struct triplets f;
	g_autofree char *good = NULL;
	struct store_status status;

	triplets_begin_open(&f, true);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	triplets_close_store(&f);
	good = g_build_filename(f.folder, "good.db", NULL);
	g_assert_cmpint(g_rename(f.path, good), ==, 0);

	replace_file(&f, NULL);
	stored_log_start();
	triplets_make_store(&f, true);
	g_assert_false(store_open(f.store));
	for (int i = 0; i < 20; i++)
		g_assert_cmpint(triplets_touch(&f, "192.0.2.2"), ==, STORE_FAILED);
	store_status(f.store, &status);
	g_assert_false(status.good);
	g_assert_nonnull(strstr(status.trouble, "no SQLite database"));
	stored_log_expect(0, "warning: store: ", NULL);
	replace_file(&f, good);
	touch_until(&f, STORE_DONE, 6000);
	g_assert_cmpint(triplets_count(&f), ==, 2);
	stored_log_expect(100, "warning: store: ", "store: works again after ", NULL);

	replace_file(&f, good);
	stored_log_expect(3000, "warning: store: ", "store: works again after ",
	                  "another database is in its place", NULL);
	touch_until(&f, STORE_DONE, 1000);
	g_assert_cmpint(triplets_count(&f), ==, 2);
	stored_log_stop();
	triplets_close_store(&f);
	expect_integrity(&f);
	triplets_end(&f);
}

static void test_newer(void)
{
	struct triplets f;
	struct stored ask;

	triplets_begin(&f);
	triplets_write(&f, "002_more.sql", "CREATE TABLE {table}_more (x);\n");
	statement_set_unref(f.set);
	triplets_load(&f);
	triplets_make_store(&f, true);
	store_open(f.store);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	triplets_close_store(&f);

	triplets_write(&f, "002_more.sql", NULL);
	statement_set_unref(f.set);
	triplets_load(&f);
	stored_log_start();
	triplets_make_store(&f, true);
	g_assert_true(store_open(f.store));
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpint(stored_run(f.store, &ask, f.count, "", "", 0), ==, STORE_FAILED);
	stored_log_expect(0, "what needs it fails, others do not", NULL);
	stored_log_stop();
	triplets_end(&f);
}

static void test_named(void)
{
	struct triplets f;
	struct store_settings settings;
	struct statement_set *query;
	struct stored ask;
	g_autofree char *error = NULL;

	triplets_begin_open(&f, true);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	triplets_close_store(&f);
	settings = (struct store_settings){ .name = "mail", .driver = "sqlite", .target.path = f.path };
	query = statement_set_of_query("SELECT first FROM triplets WHERE client = :client", &error);
	g_assert_cmpstr(error, ==, NULL);
	f.store = store_new(&settings);
	g_assert_cmpstr(store_name(f.store), ==, "mail");
	store_add(f.store, query);
	g_assert_true(store_open(f.store));
	stored_run(f.store, &ask, query->statements[0], "192.0.2.1", "", 0);
	g_assert_cmpint(stored_integer(&ask, "first"), ==, 1);
	stored_free(&ask, 1);
	store_add(f.store, f.set);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpint(triplets_count(&f), ==, 1);
	store_flush(f.store);
	statement_set_unref(query);
	triplets_end(&f);
}

/* There is no file, and then there is. */
static void test_named_away(void)
{
	struct triplets f;
	struct store_settings settings;
	struct stored ask;
	gint64 limit = g_get_monotonic_time() + 6 * G_USEC_PER_SEC;

	triplets_begin(&f);
	settings = (struct store_settings){ .name = "mail", .driver = "sqlite", .target.path = f.path };
	stored_log_start();
	struct store *mail = store_new(&settings);
	store_add(mail, f.set);
	g_assert_false(store_open(mail));
	g_assert_cmpint(stored_run(mail, &ask, f.count, "", "", 0), ==, STORE_FAILED);
	g_assert_false(g_file_test(f.path, G_FILE_TEST_EXISTS));
	stored_log_expect(100, "warning: store 'mail': ", NULL);
	stored_log_stop();
	triplets_make_store(&f, true);
	g_assert_true(store_open(f.store));
	stored_log_start();
	while (stored_run(mail, &ask, f.count, "", "", 0) != STORE_DONE) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		g_usleep(10000);
	}
	stored_free(&ask, 1);
	stored_log_expect(100, "store 'mail': works again after ", NULL);
	stored_log_stop();
	store_unref(mail);
	triplets_end(&f);
}

/* A child that says which asks are committed, until it is killed. */
static void write_for_ever(struct triplets *f, int out, unsigned round)
{
	enum { AT_ONCE = 20 };
	struct stored asks[AT_ONCE];

	triplets_make_store(f, true);
	if (!store_open(f->store))
		_exit(1);
	for (uint32_t next = 0;;) {
		uint32_t first = next;

		for (unsigned i = 0; i < AT_ONCE; i++) {
			char client[32];

			g_snprintf(client, sizeof(client), "%u.%u", round, next++);
			stored_set(&asks[i], f->touch, client, "a", 1);
			stored_start(f->store, &asks[i]);
		}
		for (unsigned i = 0; i < AT_ONCE; i++) {
			uint32_t number = first + i;

			stored_await(&asks[i], 1, 10000);
			if (asks[i].ask.state == STORE_DONE &&
			    write(out, &number, sizeof(number)) != sizeof(number))
				_exit(1);
		}
		stored_free(asks, AT_ONCE);
	}
}

/* That they are all there, each touched once. Returns how many. */
static unsigned check_reported(struct triplets *f, int in, unsigned round)
{
	enum { AT_ONCE = 500 };
	struct stored *asks = g_new0(struct stored, AT_ONCE);
	uint32_t numbers[AT_ONCE];
	unsigned count = 0, some;
	ssize_t length;

	while ((length = read(in, numbers, sizeof(numbers))) > 0) {
		some = (unsigned)length / sizeof(numbers[0]);
		for (unsigned i = 0; i < some; i++) {
			char client[32];

			g_snprintf(client, sizeof(client), "%u.%u", round, numbers[i]);
			stored_set(&asks[i], f->look_up, client, "a", 1);
			g_assert_true(stored_start(f->store, &asks[i]));
		}
		stored_await(asks, some, 10000);
		for (unsigned i = 0; i < some; i++)
			g_assert_cmpint(stored_integer(&asks[i], "passes"), ==, 0);
		stored_free(asks, some);
		count += some;
	}
	g_free(asks);
	return count;
}

static unsigned kill_a_writer(struct triplets *f, unsigned round)
{
	unsigned count;
	pid_t child;
	int ends[2];

	g_assert_cmpint(pipe(ends), ==, 0);
	child = fork();
	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		close(ends[0]);
		write_for_ever(f, ends[1], round);
	}
	close(ends[1]);
	g_usleep((gulong)g_random_int_range(5000, 40000));
	kill(child, SIGKILL);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
	expect_integrity(f);
	triplets_make_store(f, true);
	g_assert_true(store_open(f->store));
	count = check_reported(f, ends[0], round);
	close(ends[0]);
	triplets_close_store(f);
	return count;
}

static void test_kill(void)
{
	struct triplets f;
	unsigned reported = 0;

	triplets_begin(&f);
	for (unsigned round = 0; round < 20; round++)
		reported += kill_a_writer(&f, round);
	g_assert_cmpuint(reported, >, 100);
	triplets_end(&f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* First, as long as there is no other thread. */
	g_test_add_func("/store files/what was answered is there after kill -9", test_kill);
	g_test_add_func("/store files/a locked file fails writes in time, and reads go on", test_locked);
	g_test_add_func("/store files/a replaced file is the one that counts, garbage too", test_replaced);
	g_test_add_func("/store files/tables newer than the program", test_newer);
	g_test_add_func("/store files/a named store is only read", test_named);
	g_test_add_func("/store files/a named store that comes later", test_named_away);
	return g_test_run();
}
