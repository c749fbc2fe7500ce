/* unit/test_store_faults.c - what the store does when its database does not do what it should */
#include <glib.h>
#include <string.h>
#include "scripted.h"

static void touch_until_done(struct store *store, pp_msec_t patience)
{
	gint64 limit = g_get_monotonic_time() + patience * 1000;

	while (scripted_run(store, "192.0.2.9") != STORE_DONE) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		g_usleep(10000);
	}
}

/* -- connections --------------------------------------------------------- */

static void test_lost_early(void)
{
	struct store *store = scripted_open();
	unsigned opens = scripted_calls(SPOT_OPEN);

	scripted_fail(SPOT_BEGIN, 1, DATABASE_LOST, "gone");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	scripted_fail(SPOT_RUN, 1, DATABASE_LOST, "gone");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	g_assert_cmpuint(scripted_calls(SPOT_OPEN), >=, opens + 2);
	stored_log_expect(0, NULL);
	scripted_end(store);
}

static void test_lost_in_commit(void)
{
	struct store *store = scripted_open();

	scripted_fail(SPOT_COMMIT, 1, DATABASE_LOST, "the line is cut");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpuint(scripted_calls(SPOT_RUN), ==, 1);
	touch_until_done(store, 1000);
	stored_log_expect(100, "warning: store: the line is cut; trying again", "store: works again after 0.",
	                  NULL);
	scripted_end(store);
}

static void test_away(void)
{
	struct store *store = scripted_store();
	struct store_status status;
	gint64 start;

	scripted_fail(SPOT_OPEN, -1, DATABASE_LOST, "nobody is there");
	stored_log_start();
	g_assert_false(store_open(store));
	start = g_get_monotonic_time();
	for (int i = 0; i < 200; i++)
		g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC / 2);
	g_usleep(400000);
	/* 0.1, 0.2, 0.4 s between, each up to a quarter shorter; the readers as well. */
	g_assert_cmpuint(scripted_calls(SPOT_OPEN), <=, 3 * 6);
	store_status(store, &status);
	g_assert_false(status.good);
	g_assert_cmpstr(status.trouble, ==, "nobody is there");
	g_assert_cmpuint(status.failed, ==, 200);
	stored_log_expect(0, "warning: store: nobody is there; trying again", NULL);
	scripted_fail(SPOT_OPEN, 0, DATABASE_OK, "");
	stored_log_expect(2000, "nobody is there", "store: works again after", NULL);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	/* The readers come back when it is their time to try. */
	start = g_get_monotonic_time();
	do {
		g_usleep(1000);
		store_status(store, &status);
	} while (!(status.good && status.open) && g_get_monotonic_time() - start < 5 * G_USEC_PER_SEC);
	g_assert_true(status.good && status.open);
	scripted_end(store);
}

static void test_locked(void)
{
	struct store *store = scripted_open();

	scripted_fail(SPOT_BEGIN, 2, DATABASE_BUSY, "locked by another");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	scripted_fail(SPOT_COMMIT, 1, DATABASE_BUSY, "locked by another");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	stored_log_expect(0, NULL);
	scripted_fail(SPOT_BEGIN, 6, DATABASE_BUSY, "locked by another");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	stored_log_expect(100, "warning: store: locked by another; trying again", "2 asks failed", NULL);
	scripted_end(store);
}

/* Asks of so many clients whose rows are locked among others, all in one batch; how many failed. */
static unsigned run_locked(struct store *store, unsigned locked, unsigned others)
{
	unsigned count = locked + others, failed = 0;
	struct stored *asks = g_new0(struct stored, count);

	stored_log_start();
	for (unsigned i = 0; i < count; i++) {
		g_autofree char *client = g_strdup_printf(
		        "%s %u", i % 2 == 0 && i / 2 < locked ? "locked" : "free", i);

		stored_set(&asks[i], &scripted_touch, client, "a@example.org", i);
		g_assert_true(stored_start(store, &asks[i]));
	}
	store_open(store);
	stored_await(asks, count, 10000);
	for (unsigned i = 0; i < count; i++)
		failed += asks[i].ask.state == STORE_FAILED;
	stored_free(asks, count);
	g_free(asks);
	return failed;
}

/* Of a database that others use a row is locked, not all of it. */
static void test_locked_row(void)
{
	struct store *store = scripted_remote_store();
	gint64 start = g_get_monotonic_time();

	/* In the batch, alone, and once more when the others are done. */
	g_assert_cmpuint(run_locked(store, 1, 20), ==, 1);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 3 * LOCKED_WAIT * 1000);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 6 * LOCKED_WAIT * 1000);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	stored_log_expect(100, "warning: store: it is locked; trying again", "1 ask failed", NULL);
	scripted_end(store);
}

static void test_locked_table(void)
{
	struct store *store = scripted_remote_store();
	gint64 start = g_get_monotonic_time();

	g_assert_cmpuint(run_locked(store, 20, 20), >=, 20);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 7 * LOCKED_WAIT * 1000);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	scripted_end(store);
}

static void test_denied(void)
{
	struct store *store = scripted_open();
	unsigned begins = scripted_calls(SPOT_BEGIN);
	gint64 limit = g_get_monotonic_time() + G_USEC_PER_SEC * 6 / 10;
	unsigned failed = 0;

	scripted_fail(SPOT_COMMIT, -1, DATABASE_DENIED, "the disk is full");
	for (; g_get_monotonic_time() < limit; failed++)
		g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpuint(scripted_calls(SPOT_BEGIN) - begins, <=, 6);
	g_assert_cmpuint(failed, >, 20);
	stored_log_expect(0, "warning: store: the disk is full; trying again", NULL);
	scripted_fail(SPOT_COMMIT, -1, DATABASE_DENIED, "the file may not be written");
	g_usleep(300000);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	stored_log_expect(100, "the disk is full", "store: the file may not be written; trying again", NULL);
	scripted_fail(SPOT_COMMIT, 0, DATABASE_OK, "");
	touch_until_done(store, 1000);
	stored_log_expect(100, "full", "may not be written", "store: works again after ", NULL);
	scripted_end(store);
}

/* The same trouble again and again is not told each time. */
static void test_flapping(void)
{
	struct store *store = scripted_open();

	for (int i = 0; i < 20; i++) {
		scripted_fail(SPOT_BEGIN, 3, DATABASE_BUSY, "locked by another");
		scripted_run(store, "192.0.2.1");
		touch_until_done(store, 1000);
	}
	g_assert_cmpuint(stored_log_lines(), <=, 4);
	scripted_end(store);
}

static void test_replaced(void)
{
	struct store *store = scripted_open();

	while (scripted_calls(SPOT_OPEN) < 3) /* the writer, two readers */
		g_usleep(1000);
	scripted_replace();
	stored_log_expect(2000, "warning: store: another database is in its place, which is used from now on",
	                  NULL);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	g_usleep(20000);
	g_assert_cmpuint(scripted_calls(SPOT_OPEN), ==, 6);
	scripted_end(store);
}

/* -- readers ------------------------------------------------------------- */

static void test_readers(void)
{
	struct store *store = scripted_open();
	struct stored stuck, read;

	scripted_gate(true);
	stored_set(&stuck, &scripted_touch, "stuck", "a", 1);
	g_assert_true(stored_start(store, &stuck));
	scripted_await_stuck();
	for (int i = 0; i < 10; i++) {
		g_assert_cmpint(stored_run(store, &read, &scripted_read, "192.0.2.1", "a", 1), ==,
		                STORE_DONE);
		stored_free(&read, 1);
	}
	g_assert_false(stored_answered(&stuck));
	scripted_gate(false);
	stored_await(&stuck, 1, 1000);
	g_assert_cmpint(stuck.ask.state, ==, STORE_DONE);
	stored_free(&stuck, 1);
	scripted_end(store);
}

static void test_reader_faults(void)
{
	struct store *store = scripted_open();
	struct stored read;

	scripted_fail(SPOT_RUN, 1, DATABASE_LOST, "gone");
	g_assert_cmpint(stored_run(store, &read, &scripted_read, "192.0.2.1", "a", 1), ==, STORE_DONE);
	stored_free(&read, 1);
	scripted_fail(SPOT_RUN, 2, DATABASE_BUSY, "locked");
	g_assert_cmpint(stored_run(store, &read, &scripted_read, "192.0.2.1", "a", 1), ==, STORE_DONE);
	stored_free(&read, 1);
	g_assert_cmpint(stored_run(store, &read, &scripted_read, "poison", "a", 1), ==, STORE_FAILED);
	g_assert_cmpstr(read.ask.error, ==, "poison is refused");
	stored_log_expect(0, NULL);
	scripted_end(store);
}

/* One that cannot open the database leaves the asks to the other one. */
static void test_one_reader(void)
{
	struct store *store = scripted_open();
	struct stored read;

	while (scripted_calls(SPOT_OPEN) < 3)
		g_usleep(1000);
	scripted_fail(SPOT_OPEN, -1, DATABASE_LOST, "too many open files");
	scripted_fail(SPOT_RUN, 1, DATABASE_LOST, "gone");
	g_assert_cmpint(stored_run(store, &read, &scripted_read, "192.0.2.1", "a", 1), ==, STORE_FAILED);
	for (int i = 0; i < 50; i++) {
		g_assert_cmpint(stored_run(store, &read, &scripted_read, "192.0.2.1", "a", 1), ==,
		                STORE_DONE);
		stored_free(&read, 1);
	}
	stored_log_expect(0, NULL);
	scripted_end(store);
}

/* -- tables -------------------------------------------------------------- */

static void test_refused(void)
{
	struct store *store = scripted_store();
	struct store_status status;
	struct stored ask;
	gint64 limit = g_get_monotonic_time() + 4 * G_USEC_PER_SEC;

	scripted_version(3);
	store_add(store, &scripted_tables);
	stored_log_start();
	g_assert_true(store_open(store));
	for (int i = 0; i < 5; i++) {
		g_assert_cmpint(stored_run(store, &ask, &scripted_tabled, "192.0.2.1", "a", 1), ==,
		                STORE_FAILED);
		g_assert_cmpstr(ask.ask.error, !=, "");
		g_assert_cmpint(stored_run(store, &ask, &scripted_tabled_read, "192.0.2.1", "a", 1), ==,
		                STORE_FAILED);
		g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	}
	store_status(store, &status);
	g_assert_true(status.good);
	stored_log_expect(0, "warning: store: tables: ", NULL);
	scripted_version(2);
	while (stored_run(store, &ask, &scripted_tabled, "192.0.2.1", "a", 1) != STORE_DONE) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		g_usleep(10000);
	}
	stored_free(&ask, 1);
	stored_log_expect(0, "warning: store: tables: ", "store: tables works again", NULL);
	scripted_end(store);
}

/* Servers that share tables are upgraded one after the other: those of before go on until they end. */
static void test_newer_meanwhile(void)
{
	struct store *store = scripted_store();
	struct stored ask;

	store_add(store, &scripted_tables);
	stored_log_start();
	g_assert_true(store_open(store));
	g_assert_cmpint(stored_run(store, &ask, &scripted_tabled, "192.0.2.1", "a", 1), ==, STORE_DONE);
	stored_free(&ask, 1);
	scripted_version(3);
	for (int i = 0; i < 3; i++) {
		scripted_fail(SPOT_RUN, 1, DATABASE_LOST, "the line is cut");
		g_assert_cmpint(stored_run(store, &ask, &scripted_tabled, "192.0.2.1", "a", 1), ==,
		                STORE_DONE);
		stored_free(&ask, 1);
		g_assert_cmpint(stored_run(store, &ask, &scripted_tabled_read, "192.0.2.1", "a", 1), ==,
		                STORE_DONE);
		stored_free(&ask, 1);
	}
	stored_log_expect(0, "made the tables of tables, version 2",
	                  "a newer ppolicyd has brought the tables of tables to version 3", NULL);
	/* Of another database nobody knows what became of it. */
	scripted_replace();
	stored_log_expect(3000, "made the tables of tables, version 2",
	                  "a newer ppolicyd has brought the tables of tables to version 3",
	                  "another database is in its place", "knows versions up to 2 only", NULL);
	g_assert_cmpint(stored_run(store, &ask, &scripted_tabled, "192.0.2.1", "a", 1), ==, STORE_FAILED);
	scripted_end(store);
}

/* Until its tables are looked at, what reads a set goes the way of the writer. */
static void test_not_yet(void)
{
	struct store *store = scripted_open();
	struct stored stuck, read;

	scripted_gate(true);
	stored_set(&stuck, &scripted_touch, "stuck", "a", 1);
	g_assert_true(stored_start(store, &stuck));
	scripted_await_stuck();
	store_add(store, &scripted_tables);
	stored_set(&read, &scripted_tabled_read, "192.0.2.1", "a", 1);
	g_assert_true(stored_start(store, &read));
	g_usleep(50000);
	g_assert_false(stored_answered(&read));
	scripted_gate(false);
	stored_await(&read, 1, 1000);
	g_assert_cmpint(read.ask.state, ==, STORE_DONE);
	stored_await(&stuck, 1, 1000);
	stored_log_expect(0, "store: made the tables of tables, version 2", NULL);
	stored_free(&read, 1);
	stored_free(&stuck, 1);
	scripted_end(store);
}

static void test_denied_tables(void)
{
	struct store *store = scripted_store();
	struct stored read;

	/* No lock, no look at the tables: a file that cannot be written. It can be read. */
	scripted_version(2);
	scripted_fail(SPOT_BEGIN, -1, DATABASE_DENIED, "the file may not be written");
	store_add(store, &scripted_tables);
	stored_log_start();
	g_assert_false(store_open(store));
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpint(stored_run(store, &read, &scripted_tabled_read, "192.0.2.1", "a", 1), ==, STORE_DONE);
	stored_free(&read, 1);
	scripted_fail(SPOT_BEGIN, 0, DATABASE_OK, "");
	stored_log_expect(3000, "store: the file may not be written; trying again",
	                  "store: works again after", NULL);
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_DONE);
	scripted_end(store);
}

/* -- the end ------------------------------------------------------------- */

static void test_end_in_trouble(void)
{
	static const struct {
		enum scripted_spot spot;
		enum database_fault fault;
	} troubles[] = { { SPOT_BEGIN, DATABASE_BUSY },
		         { SPOT_BEGIN, DATABASE_LOST },
		         { SPOT_COMMIT, DATABASE_DENIED },
		         { SPOT_RUN, DATABASE_LOST } };

	for (unsigned i = 0; i < G_N_ELEMENTS(troubles); i++) {
		struct store *store = scripted_open();
		struct stored *asks;
		gint64 start;

		scripted_fail(troubles[i].spot, -1, troubles[i].fault, "it does not work");
		asks = scripted_many(store, &scripted_touch, 3000);
		start = g_get_monotonic_time();
		scripted_end(store);
		g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC);
		for (unsigned j = 0; j < 3000; j++) {
			g_assert_true(stored_answered(&asks[j]));
			g_assert_cmpint(asks[j].ask.state, ==, STORE_FAILED);
		}
		g_free(asks);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store faults/a lost connection is opened again, and nothing is said",
	                test_lost_early);
	g_test_add_func("/store faults/what was lost in a commit is not run twice", test_lost_in_commit);
	g_test_add_func("/store faults/a database that is away comes back by itself", test_away);
	g_test_add_func("/store faults/a locked database is tried a few times", test_locked);
	g_test_add_func("/store faults/of a row that is locked others do not wait long", test_locked_row);
	g_test_add_func("/store faults/a table that is locked is given up soon", test_locked_table);
	g_test_add_func("/store faults/a refusal fails asks at once, a line for each reason", test_denied);
	g_test_add_func("/store faults/trouble that comes and goes is not told each time", test_flapping);
	g_test_add_func("/store faults/another database in its place is opened", test_replaced);
	g_test_add_func("/store faults/readers read while the writer is stuck", test_readers);
	g_test_add_func("/store faults/a reader tries again", test_reader_faults);
	g_test_add_func("/store faults/a reader that cannot open leaves asks to the others", test_one_reader);
	g_test_add_func("/store faults/refused tables fail their own asks only", test_refused);
	g_test_add_func("/store faults/tables that a newer program brings on while they are used",
	                test_newer_meanwhile);
	g_test_add_func("/store faults/reading waits until the tables are looked at", test_not_yet);
	g_test_add_func("/store faults/what cannot be written can be read", test_denied_tables);
	g_test_add_func("/store faults/a store in trouble ends soon", test_end_in_trouble);
	return g_test_run();
}
