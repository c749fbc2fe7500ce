/* unit/test_store_reads.c - the store: reads that wait are run together, each with its own rows */
#include <glib.h>
#include <string.h>
#include "scripted.h"
#include "store/statement.h"

enum { MANY = 600 };

static void free_many(struct stored *asks, unsigned count)
{
	stored_free(asks, count);
	g_free(asks);
}

/* Two readers take 256 at a time: 600 are 88 and two of 256, or three parts of less. */
static void test_runs(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_read, MANY);

	store_open(store);
	stored_await(asks, MANY, 5000);
	for (unsigned i = 0; i < MANY; i++) {
		g_assert_cmpint(asks[i].ask.state, ==, STORE_DONE);
		g_assert_cmpuint(asks[i].ask.rows->count, ==, 1);
		g_assert_cmpstr(asks[i].ask.rows->values[0].string, ==, asks[i].client);
	}
	g_assert_cmpuint(scripted_largest(), ==, 256);
	g_assert_cmpuint(scripted_calls(SPOT_RUN), <=, 12);
	g_assert_cmpuint(scripted_calls(SPOT_COMMIT), ==, 0);
	free_many(asks, MANY);
	store_unref(store);
}

/* What is asked about one key by many is asked once of the database. */
static void test_equal_keys(void)
{
	struct store *store = scripted_store();
	struct stored asks[60];

	for (unsigned i = 0; i < 60; i++) {
		stored_set(&asks[i], &scripted_read, i % 3 == 0 ? "hot" : "cold", i % 2 ? "a" : "b", i);
		g_assert_true(stored_start(store, &asks[i]));
	}
	store_open(store);
	stored_await(asks, 60, 5000);
	for (unsigned i = 0; i < 60; i++) {
		g_assert_cmpstr(asks[i].ask.rows->values[0].string, ==, asks[i].client);
		g_assert_cmpstr(asks[i].ask.rows->values[1].string, ==, asks[i].sender);
		g_assert_cmpint(stored_integer(&asks[i], "times"), ==, 1);
	}
	g_assert_cmpuint(scripted_calls(SPOT_RUN), ==, 1);
	stored_free(asks, 60);
	store_unref(store);
}

static void test_one(void)
{
	struct store *store = scripted_open();
	struct stored ask;

	g_assert_cmpint(stored_run(store, &ask, &scripted_read, "192.0.2.1", "a", 1), ==, STORE_DONE);
	g_assert_cmpuint(scripted_calls(SPOT_RUN), ==, 1);
	g_assert_cmpuint(scripted_largest(), ==, 1);
	stored_free(&ask, 1);
	scripted_end(store);
}

static void test_poison(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_read, 50);

	g_strlcpy(asks[17].client, "poison", sizeof(asks[0].client));
	asks[17].values[0].length = 6;
	stored_log_start();
	store_open(store);
	stored_await(asks, 50, 5000);
	for (unsigned i = 0; i < 50; i++) {
		g_assert_cmpint(asks[i].ask.state, ==, i == 17 ? STORE_FAILED : STORE_DONE);
		if (i != 17)
			g_assert_cmpstr(asks[i].ask.rows->values[0].string, ==, asks[i].client);
	}
	g_assert_cmpstr(asks[17].ask.error, ==, "poison is refused");
	stored_log_expect(0, NULL);
	free_many(asks, 50);
	scripted_end(store);
}

/* Where each half takes as long as all of them, looking for the one at fault would take a minute. */
static void test_slow(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_read, 50);

	for (unsigned i = 0; i < 50; i++) {
		asks[i].values[0].length = (uint32_t)g_snprintf(asks[i].client, sizeof(asks[i].client),
		                                                "slow %u", i);
	}
	stored_log_start();
	store_open(store);
	stored_await(asks, 50, 10 * SLOW_WAIT);
	for (unsigned i = 0; i < 50; i++) {
		g_assert_cmpint(asks[i].ask.state, ==, STORE_FAILED);
		g_assert_cmpstr(asks[i].ask.error, ==, "it took too long");
	}
	g_assert_cmpuint(scripted_calls(SPOT_RUN), <=, 6);
	stored_log_expect(0, NULL);
	free_many(asks, 50);
	scripted_end(store);
}

/* Whatever a result looks like, nobody gets the row of another one; what has none has none. */
static void test_rows(void)
{
	for (enum scripted_rows rows = ROWS_IN_ORDER; rows <= ROWS_OF_STRANGERS; rows++) {
		struct store *store = scripted_store();
		struct stored *asks = scripted_many(store, &scripted_read, 50);
		unsigned without = 0;

		scripted_return(rows);
		store_open(store);
		stored_await(asks, 50, 5000);
		for (unsigned i = 0; i < 50; i++) {
			const struct store_rows *got = asks[i].ask.rows;

			g_assert_cmpint(asks[i].ask.state, ==, STORE_DONE);
			if (got->count == 0) {
				without++;
				continue;
			}
			g_assert_cmpuint(got->count, ==, rows == ROWS_LAST_TWICE ? 2 : 1);
			g_assert_cmpstr(got->values[0].string, ==,
			                rows == ROWS_OF_STRANGERS ? "x" : asks[i].client);
		}
		if (rows == ROWS_LAST_MISSING)
			g_assert_cmpuint(without, >, 0);
		else
			g_assert_cmpuint(without, ==, 0);
		free_many(asks, 50);
		store_unref(store);
	}
}

static void test_lost(void)
{
	struct store *store = scripted_store();
	struct stored *asks = scripted_many(store, &scripted_read, 50);

	scripted_fail(SPOT_RUN, 1, DATABASE_LOST, "it is gone");
	stored_log_start();
	store_open(store);
	stored_await(asks, 50, 5000);
	for (unsigned i = 0; i < 50; i++)
		g_assert_cmpint(asks[i].ask.state, ==, STORE_DONE);
	stored_log_stop();
	free_many(asks, 50);
	store_unref(store);
}

static unsigned take(struct queue *queue, unsigned reader)
{
	unsigned pokes = queue->reader_pokes, count = 0;

	for (struct store_ask *ask = queue_take_read(queue, reader, 0, &pokes); ask != NULL; ask = ask->next)
		count++;
	return count;
}

static void put(struct queue *queue, struct stored *asks, const struct statement *statement, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		stored_set(&asks[i], statement, "192.0.2.1", "a", i);
		g_assert_cmpint(queue_put(queue, QUEUE_READ, &asks[i].ask), ==, QUEUE_TAKEN);
	}
}

/* While one reader is at a statement, a few more asks of it are left to become many, for a moment. */
static void test_company(void)
{
	static const struct statement plain = { .set = &scripted_set, .name = "plain" };
	struct stored first[3], few[2], other[2], many[64];
	struct queue queue;

	queue_init(&queue, 0);
	put(&queue, first, &scripted_read, 3);
	g_assert_cmpuint(take(&queue, 0), ==, 3);
	put(&queue, few, &scripted_read, 2);
	put(&queue, other, &plain, 2);
	few[0].ask.arrived = few[1].ask.arrived = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	g_assert_cmpuint(take(&queue, 1), ==, 1); /* without a key, behind the others */
	g_assert_cmpuint(take(&queue, 1), ==, 1);
	g_assert_cmpuint(take(&queue, 1), ==, 0);
	few[0].ask.arrived -= 11 * G_USEC_PER_SEC;
	g_assert_cmpuint(take(&queue, 1), ==, 2);
	queue_read_done(&queue, 1);

	put(&queue, many, &scripted_read, 63);
	for (unsigned i = 0; i < 63; i++)
		many[i].ask.arrived = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	g_assert_cmpuint(take(&queue, 1), ==, 0);
	put(&queue, many + 63, &scripted_read, 1);
	g_assert_cmpuint(take(&queue, 1), ==, 64);
	queue_read_done(&queue, 1);

	put(&queue, few, &scripted_read, 2);
	queue_read_done(&queue, 0);
	g_assert_cmpuint(take(&queue, 1), ==, 2);
	queue_clear(&queue);
}

static void test_sizes(void)
{
	static const struct {
		unsigned left, coarse, fine;
	} sizes[] = { { 1, 1, 1 },       { 2, 2, 2 },       { 3, 2, 3 },       { 5, 4, 4 },
		      { 6, 4, 6 },       { 99, 64, 96 },    { 191, 128, 128 }, { 192, 128, 192 },
		      { 255, 128, 192 }, { 256, 256, 256 }, { 800, 256, 256 } };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_assert_cmpuint(statement_rows(sizes[i].left, false), ==, sizes[i].coarse);
		g_assert_cmpuint(statement_rows(sizes[i].left, true), ==, sizes[i].fine);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store reads/what waits is run together", test_runs);
	g_test_add_func("/store reads/equal keys are asked about once", test_equal_keys);
	g_test_add_func("/store reads/one alone is one statement", test_one);
	g_test_add_func("/store reads/what is refused harms nobody else", test_poison);
	g_test_add_func("/store reads/what takes too long is not taken apart", test_slow);
	g_test_add_func("/store reads/each ask gets its own rows, however they come back", test_rows);
	g_test_add_func("/store reads/a connection that broke is opened again", test_lost);
	g_test_add_func("/store reads/few wait for one that is under way", test_company);
	g_test_add_func("/store reads/a run has so many rows", test_sizes);
	return g_test_run();
}
