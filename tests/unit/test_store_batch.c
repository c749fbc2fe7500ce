/* unit/test_store_batch.c - the store: what is run together, and how much may wait */
#include <glib.h>
#include <string.h>
#include "scripted.h"

static void free_many(struct stored *asks, unsigned count)
{
	stored_free(asks, count);
	g_free(asks);
}

/* -- batches ------------------------------------------------------------- */

static void test_runs(void)
{
	struct store *store = scripted_store();
	struct stored *keyed = scripted_many(store, &scripted_touch, 700);

	store_open(store);
	stored_await(keyed, 700, 5000);
	for (unsigned i = 0; i < 700; i++)
		g_assert_cmpint(stored_integer(&keyed[i], "times"), ==, 1);
	g_assert_cmpuint(scripted_largest(), ==, 256);
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), ==, 1);
	g_assert_cmpuint(scripted_calls(SPOT_RUN), ==, 7); /* 256 256 128 32 16 8 4 */
	free_many(keyed, 700);
	store_unref(store);
}

/* A server takes so much at a time, however few rows it is. */
static void test_bytes(void)
{
	enum { COUNT = 300, LENGTH = 8000 };
	struct store *store = scripted_store();
	struct stored *asks = g_new0(struct stored, COUNT);
	g_autofree char *long_one = g_strnfill(LENGTH, 'a');

	for (unsigned i = 0; i < COUNT; i++) {
		g_autofree char *client = g_strdup_printf("client %u", i);

		stored_set(&asks[i], &scripted_touch, client, "", i);
		asks[i].values[1].string = long_one;
		asks[i].values[1].length = LENGTH;
		g_assert_true(stored_start(store, &asks[i]));
	}
	store_open(store);
	stored_await(asks, COUNT, 5000);
	for (unsigned i = 0; i < COUNT; i++)
		g_assert_cmpint(stored_integer(&asks[i], "times"), ==, 1);
	g_assert_cmpuint(scripted_largest() * LENGTH, <, 1 << 19);
	g_assert_cmpuint(scripted_largest(), >, 16);
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), ==, 1);
	free_many(asks, COUNT);
	store_unref(store);
}

static void test_keyless(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_add, 100);

	store_open(store);
	stored_await(asks, 100, 5000);
	g_assert_cmpuint(scripted_largest(), ==, 1);
	g_assert_cmpuint(scripted_committed(), ==, 100);
	free_many(asks, 100);
	store_unref(store);
}

static void test_equal_keys(void)
{
	struct store *store = scripted_store();
	struct stored asks[60];

	for (unsigned i = 0; i < 60; i++) {
		stored_set(&asks[i], &scripted_touch, i % 3 == 0 ? "hot" : "cold", i % 2 ? "a" : "b", i);
		stored_start(store, &asks[i]);
	}
	store_open(store);
	stored_await(asks, 60, 5000);
	for (unsigned i = 0; i < 60; i++) {
		unsigned before = 0;

		for (unsigned j = 0; j < i; j++)
			before += strcmp(asks[j].client, asks[i].client) == 0 &&
			          strcmp(asks[j].sender, asks[i].sender) == 0;
		g_assert_cmpint(stored_integer(&asks[i], "times"), ==, before + 1);
	}
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), ==, 1);
	stored_free(asks, 60);
	store_unref(store);
}

static void test_poison(void)
{
	static const unsigned bad[] = { 0, 17, 18, 49 };
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_touch, 50);

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_strlcpy(asks[bad[i]].client, "poison", sizeof(asks[0].client));
		asks[bad[i]].values[0].length = 6;
	}
	stored_log_start();
	store_open(store);
	stored_await(asks, 50, 5000);
	for (unsigned i = 0; i < 50; i++) {
		if (strcmp(asks[i].client, "poison") == 0) {
			g_assert_cmpint(asks[i].ask.state, ==, STORE_FAILED);
			g_assert_cmpstr(asks[i].ask.error, ==, "poison is refused");
		} else {
			g_assert_cmpint(asks[i].ask.state, ==, STORE_DONE);
			g_assert_cmpuint(asks[i].ask.rows->count, ==, 1);
			g_assert_cmpstr(asks[i].ask.rows->values[0].string, ==, asks[i].client);
		}
	}
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), ==, 1);
	stored_log_expect(0, NULL);
	free_many(asks, 50);
	scripted_end(store);
}

/* What is refused at the commit, or undoes it all, cannot be told from the others but alone. */
static void test_spoiled(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_touch, 50);
	unsigned failed = 0;

	/* Together, together with savepoints, and then one of them, without and with. */
	scripted_fail(SPOT_COMMIT, 4, DATABASE_DATA, "it is refused");
	stored_log_start();
	store_open(store);
	stored_await(asks, 50, 5000);
	for (unsigned i = 0; i < 50; i++) {
		if (asks[i].ask.state == STORE_DONE) {
			g_assert_cmpstr(asks[i].ask.rows->values[0].string, ==, asks[i].client);
			continue;
		}
		g_assert_cmpstr(asks[i].ask.error, ==, "it is refused");
		failed++;
	}
	g_assert_cmpuint(failed, ==, 1);
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), ==, 53);
	g_assert_cmpuint(scripted_committed(), ==, 49);
	stored_log_expect(0, NULL);
	free_many(asks, 50);
	scripted_end(store);
}

/* Whatever a result looks like, nobody gets the row of another one. */
static void test_rows(void)
{
	for (enum scripted_rows rows = ROWS_IN_ORDER; rows <= ROWS_OF_STRANGERS; rows++) {
		struct store *store = scripted_store();
		struct stored *asks = scripted_many(store, &scripted_touch, 50);

		scripted_return(rows);
		store_open(store);
		stored_await(asks, 50, 5000);
		for (unsigned i = 0; i < 50; i++) {
			g_assert_cmpint(asks[i].ask.state, ==, STORE_DONE);
			g_assert_cmpuint(asks[i].ask.rows->count, ==, rows == ROWS_LAST_TWICE ? 2 : 1);
			g_assert_cmpstr(asks[i].ask.rows->values[0].string, ==,
			                rows == ROWS_OF_STRANGERS ? "x" : asks[i].client);
		}
		free_many(asks, 50);
		store_unref(store);
	}
}

/* -- the queue ----------------------------------------------------------- */

static void test_later(void)
{
	struct store *store = scripted_open();
	struct stored alone, with, company;
	gint64 start = g_get_monotonic_time();

	stored_set(&alone, &scripted_touch, "later", "a", 1);
	alone.ask.later = true;
	g_assert_true(stored_start(store, &alone));
	stored_await(&alone, 1, 1000);
	g_assert_cmpint(alone.at - start, >=, 190000);
	g_assert_cmpint(alone.at - start, <, 450000);

	start = g_get_monotonic_time();
	stored_set(&with, &scripted_touch, "later", "b", 1);
	with.ask.later = true;
	g_assert_true(stored_start(store, &with));
	stored_run(store, &company, &scripted_touch, "now", "c", 1);
	stored_await(&with, 1, 1000);
	g_assert_cmpint(with.at - start, <, 150000);
	g_assert_cmpint(stored_integer(&with, "times"), ==, 1);
	stored_free(&alone, 1);
	stored_free(&with, 1);

	start = g_get_monotonic_time();
	stored_set(&with, &scripted_touch, "later", "d", 1);
	with.ask.later = true;
	g_assert_true(stored_start(store, &with));
	store_flush(store);
	g_assert_true(stored_answered(&with));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 150000);
	stored_free(&with, 1);
	stored_free(&company, 1);
	scripted_end(store);
}

/* Many that nobody waits for go in small parts, so that nobody waits for them either. */
static void test_later_many(void)
{
	struct store *store = scripted_store();
	struct stored *asks = g_new0(struct stored, 1000);

	for (unsigned i = 0; i < 1000; i++) {
		g_autofree char *client = g_strdup_printf("client %u", i);

		stored_set(&asks[i], &scripted_touch, client, "a", i);
		asks[i].ask.later = true;
		g_assert_true(stored_start(store, &asks[i]));
	}
	store_open(store);
	g_assert_cmpint(scripted_run(store, "now"), ==, STORE_DONE);
	store_flush(store);
	for (unsigned i = 0; i < 1000; i++)
		g_assert_true(stored_answered(&asks[i]));
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), >=, 4);
	free_many(asks, 1000);
	store_unref(store);
}

static void test_bounds(void)
{
	enum { MANY = 40000 };
	struct store *store = scripted_store();
	struct stored *asks = g_new0(struct stored, MANY), big;
	struct store_status status;
	unsigned taken = 0;

	for (; taken < MANY; taken++) {
		stored_set(&asks[taken], &scripted_touch, "192.0.2.1", "a", 1);
		if (!stored_start(store, &asks[taken]))
			break;
	}
	g_assert_cmpuint(taken, >=, 10000);
	g_assert_cmpuint(taken, <, MANY);
	g_assert_cmpint(asks[taken].ask.state, ==, STORE_FAILED);
	g_assert_cmpstr(asks[taken].ask.error, ==, "too much waits for the database already");
	g_assert_false(stored_answered(&asks[taken]));

	/* Reading has room of its own, but no ask may be as large as all of it. */
	stored_set(&big, &scripted_read, "192.0.2.1", "a", 1);
	big.values[0].length = 100 << 20;
	g_assert_false(stored_start(store, &big));
	stored_set(&big, &scripted_read, "192.0.2.1", "a", 1);
	g_assert_true(stored_start(store, &big));

	store_status(store, &status);
	g_assert_cmpuint(status.waiting, ==, taken + 1);
	g_assert_cmpuint(status.refused, ==, 2);
	store_unref(store);
	for (unsigned i = 0; i < taken; i++) {
		g_assert_true(stored_answered(&asks[i]));
		g_assert_cmpint(asks[i].ask.state, ==, STORE_FAILED);
	}
	g_assert_true(stored_answered(&big));
	g_free(asks);
}

static void test_too_long(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_touch, 2), read;

	stored_set(&read, &scripted_read, "192.0.2.1", "a", 1);
	g_assert_true(stored_start(store, &read));
	asks[0].ask.arrived -= 11 * G_USEC_PER_SEC;
	read.ask.arrived -= 11 * G_USEC_PER_SEC;
	store_open(store);
	stored_await(asks, 2, 1000);
	stored_await(&read, 1, 1000);
	g_assert_cmpint(asks[0].ask.state, ==, STORE_FAILED);
	g_assert_nonnull(strstr(asks[0].ask.error, "too long"));
	g_assert_cmpint(asks[1].ask.state, ==, STORE_DONE);
	g_assert_cmpint(read.ask.state, ==, STORE_FAILED);
	free_many(asks, 2);
	store_unref(store);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store batch/asks run in powers of two, in one transaction", test_runs);
	g_test_add_func("/store batch/what is long runs with fewer others", test_bytes);
	g_test_add_func("/store batch/without a key each row runs alone", test_keyless);
	g_test_add_func("/store batch/equal keys run in order of arrival", test_equal_keys);
	g_test_add_func("/store batch/poison rows harm nobody else", test_poison);
	g_test_add_func("/store batch/what spoils a transaction harms nobody else", test_spoiled);
	g_test_add_func("/store batch/each ask gets its own row, however they come back", test_rows);
	g_test_add_func("/store batch/later is soon, with others, or at a flush", test_later);
	g_test_add_func("/store batch/many later ones go in small parts", test_later_many);
	g_test_add_func("/store batch/the queue is bounded in asks and bytes", test_bounds);
	g_test_add_func("/store batch/what waited too long fails", test_too_long);
	return g_test_run();
}
