/* unit/test_store.c - the store on SQLite, or on MySQL (triplets.h): asks, batches, sets, the end */
#include <glib.h>
#include <string.h>
#include "store/inside.h"
#include "triplets.h"

/* -- asks ---------------------------------------------------------------- */

static void ask_each_kind(bool on_disk)
{
	struct triplets f;
	struct stored ask;

	triplets_begin_open(&f, on_disk);
	/* A write, twice; both are read back. */
	g_assert_cmpint(stored_run(f.store, &ask, f.touch, "192.0.2.1", "a@example.org", 17), ==, STORE_DONE);
	g_assert_cmpint(stored_integer(&ask, "passes"), ==, 0);
	stored_free(&ask, 1);
	g_assert_cmpint(stored_run(f.store, &ask, f.touch, "192.0.2.1", "a@example.org", 18), ==, STORE_DONE);
	g_assert_cmpint(stored_integer(&ask, "passes"), ==, 1);
	g_assert_cmpint(stored_integer(&ask, "first"), ==, 17);
	stored_free(&ask, 1);
	g_assert_cmpint(stored_run(f.store, &ask, f.look_up, "192.0.2.1", "a@example.org", 0), ==,
	                STORE_DONE);
	g_assert_cmpuint(ask.ask.rows->columns, ==, 3);
	g_assert_cmpstr(ask.ask.rows->names[2], ==, "sender");
	g_assert_cmpstr(ask.ask.rows->values[2].string, ==, "a@example.org");
	g_assert_cmpint(stored_integer(&ask, "passes"), ==, 1);
	stored_free(&ask, 1);
	g_assert_cmpint(stored_run(f.store, &ask, f.look_up, "192.0.2.2", "a@example.org", 0), ==,
	                STORE_DONE);
	g_assert_cmpuint(ask.ask.rows->count, ==, 0);
	stored_free(&ask, 1);

	/* NULL in a key: no two are equal in SQL, and each gets its row. */
	for (int i = 0; i < 2; i++) {
		stored_set(&ask, f.touch, "192.0.2.1", "", 19);
		ask.values[1] = (struct database_value){ .kind = PP_NIL };
		g_assert_true(stored_start(f.store, &ask));
		stored_await(&ask, 1, 5000);
		g_assert_cmpint(stored_integer(&ask, "passes"), ==, 0);
		g_assert_cmpint(ask.ask.rows->values[1].kind, ==, PP_NIL);
		stored_free(&ask, 1);
	}

	/* A write without a key, with several rows. */
	stored_run(f.store, &ask, f.touch, "192.0.2.1", "b@example.org", 17);
	stored_free(&ask, 1);
	g_assert_cmpint(stored_run(f.store, &ask, f.forget, "192.0.2.1", "c@example.org", 100), ==,
	                STORE_DONE);
	g_assert_cmpuint(ask.ask.rows->count, ==, 2);
	stored_free(&ask, 1);
	g_assert_cmpint(triplets_count(&f), ==, 2);

	/* What fails by itself. */
	g_assert_cmpint(stored_run(f.store, &ask, f.fail, "", "", 0), ==, STORE_FAILED);
	g_assert_nonnull(strstr(ask.ask.error, f.overflow));
	g_assert_cmpint(stored_run(f.store, &ask, f.touch, "192.0.2.1", "a@example.org", -1), ==,
	                STORE_FAILED);
	g_assert_nonnull(strstr(ask.ask.error, f.refused));
	triplets_end(&f);
}

static void test_disk(void)
{
	ask_each_kind(true);
}

static void test_memory(void)
{
	ask_each_kind(false);
}

static void test_wait(void)
{
	struct triplets f;
	struct database_value values[3] = { { .kind = PP_STRING, .string = "192.0.2.1", .length = 9 },
		                            { .kind = PP_STRING, .string = "a", .length = 1 },
		                            { .kind = PP_INTEGER, .integer = 5 } };
	g_autofree char *error = NULL;
	struct store_rows *rows;

	triplets_begin_open(&f, true);
	g_assert_true(store_run(f.store, f.touch, values, &rows, &error));
	g_assert_null(error);
	g_assert_cmpuint(rows->count, ==, 1);
	store_rows_free(rows);
	g_assert_true(store_run(f.store, f.touch, values, NULL, NULL));
	g_assert_false(store_run(f.store, f.fail, NULL, &rows, &error));
	g_assert_null(rows);
	g_assert_nonnull(strstr(error, f.overflow));
	triplets_end(&f);
}

static void answered_in_loop(struct loop_message *message)
{
	struct store_ask *ask = (struct store_ask *)message;

	g_assert_true(pthread_equal(pthread_self(), loop_thread(ask->loop)));
	loop_stop(ask->loop);
}

static void test_loop(void)
{
	struct triplets f;
	struct loop *loop = loop_new("test");
	struct stored ask;

	triplets_begin_open(&f, true);
	stored_set(&ask, f.touch, "192.0.2.1", "a", 1);
	ask.ask.loop = loop;
	ask.ask.message.run = answered_in_loop;
	g_assert_true(stored_start(f.store, &ask));
	loop_run(loop);
	g_assert_cmpint(stored_integer(&ask, "passes"), ==, 0);
	stored_free(&ask, 1);
	loop_free(loop);
	triplets_end(&f);
}

/* -- batches ------------------------------------------------------------- */

/* Asks that are in one batch: they wait before the store is opened. */
static void test_batch(void)
{
	enum { MANY = 600 };
	struct triplets f;
	struct stored *asks = g_new0(struct stored, MANY);

	triplets_begin(&f);
	triplets_make_store(&f, true);
	for (unsigned i = 0; i < MANY; i++) {
		g_autofree char *client = g_strdup_printf("%u", i * 7919 % MANY / 2);

		stored_set(&asks[i], f.touch, client, "a", i % 100 == 50 ? -1 : (int64_t)i);
		g_assert_true(stored_start(f.store, &asks[i]));
	}
	g_assert_true(store_open(f.store));
	stored_await(asks, MANY, 5000);
	for (unsigned i = 0; i < MANY; i++) {
		unsigned before = 0;

		g_assert_cmpint(asks[i].ask.state, ==, i % 100 == 50 ? STORE_FAILED : STORE_DONE);
		if (i % 100 == 50)
			continue;
		for (unsigned j = 0; j < i; j++)
			before += asks[j].ask.state == STORE_DONE &&
			          strcmp(asks[j].client, asks[i].client) == 0;
		g_assert_cmpint(stored_integer(&asks[i], "passes"), ==, before);
	}
	stored_free(asks, MANY);
	g_free(asks);
	triplets_end(&f);
}

enum { RACERS = 8, ROUNDS = 2000 };

struct racer {
	struct triplets *f;
	GThread *thread;
	unsigned char first[ROUNDS];
};

static void *race(void *data)
{
	struct racer *racer = data;
	struct stored ask;

	for (unsigned i = 0; i < ROUNDS; i++) {
		char client[16];

		g_snprintf(client, sizeof(client), "%u", i);
		stored_run(racer->f->store, &ask, racer->f->touch, client, "a@example.org", i);
		racer->first[i] = stored_integer(&ask, "passes") == 0;
		stored_free(&ask, 1);
	}
	return NULL;
}

static void test_race(void)
{
	struct triplets f;
	struct racer *racers = g_new0(struct racer, RACERS);

	triplets_begin_open(&f, true);
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i].f = &f;
		racers[i].thread = g_thread_new("racer", race, &racers[i]);
	}
	for (unsigned i = 0; i < RACERS; i++)
		g_thread_join(racers[i].thread);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned first = 0;

		for (unsigned i = 0; i < RACERS; i++)
			first += racers[i].first[round];
		g_assert_cmpuint(first, ==, 1);
	}
	g_free(racers);
	triplets_end(&f);
}

/* -- stores of all sorts ------------------------------------------------- */

static void test_clear(void)
{
	struct triplets f;
	struct stored ask;
	gint64 start;

	triplets_begin_open(&f, false);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	g_assert_cmpint(triplets_count(&f), ==, 1);
	store_clear(f.store);
	g_assert_cmpint(triplets_count(&f), ==, 0);
	start = g_get_monotonic_time();
	stored_set(&ask, f.touch, "192.0.2.1", "a", 1);
	ask.ask.later = true;
	g_assert_true(stored_start(f.store, &ask));
	stored_await(&ask, 1, 1000);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 150000);
	stored_free(&ask, 1);
	g_assert_cmpint(triplets_count(&f), ==, 1);
	triplets_end(&f);
}

static void test_settings(void)
{
	struct store_settings settings = { .driver = "sqlite", .target.path = g_strdup("/tmp/a.db") };
	struct store *store = store_new(&settings);

	g_assert_true(store_equal(store, &settings));
	g_free((char *)settings.target.path);
	settings.target.path = "/tmp/a.db";
	g_assert_true(store_equal(store, &settings));
	settings.target.full_sync = true;
	g_assert_false(store_equal(store, &settings));
	settings.target.full_sync = false;
	settings.target.path = NULL;
	g_assert_false(store_equal(store, &settings));
	settings.target.path = "/tmp/a.db";
	settings.name = "mail";
	g_assert_false(store_equal(store, &settings));
	g_assert_cmpstr(store_name(store), ==, "store");
	g_assert_cmpstr(store_driver(store), ==, "sqlite");
	store_unref(store);
}

static void count_sets(const struct statement_set *set, int version, void *data)
{
	unsigned *count = data;

	g_assert_cmpstr(set->name, ==, "triplets");
	g_assert_cmpint(version, ==, 1);
	++*count;
}

static unsigned known_sets(struct store *store)
{
	unsigned count;

	pthread_mutex_lock(&store->sets.lock);
	count = store->sets.known->len;
	pthread_mutex_unlock(&store->sets.lock);
	return count;
}

/* As after a reload: the old set is forgotten, the new one is used. */
static void test_sets(void)
{
	struct triplets f;
	struct statement_set *old;
	struct store_status status;
	unsigned count = 0;
	gint64 limit = g_get_monotonic_time() + 4 * G_USEC_PER_SEC;

	triplets_begin_open(&f, true);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	g_assert_cmpint(triplets_count(&f), ==, 1);
	old = statement_set_ref(f.set);
	statement_set_unref(f.set);
	triplets_load(&f);
	store_add(f.store, f.set);
	store_add(f.store, f.set);
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	store_each_set(f.store, count_sets, &count);
	g_assert_cmpuint(count, ==, 1);
	store_status(f.store, &status);
	g_assert_true(status.open && status.good);
	g_assert_cmpuint(status.asks, ==, 3);
	g_assert_cmpuint(status.rows_written, ==, 2);
	g_assert_cmpuint(status.reads, ==, 1);
	g_assert_cmpuint(status.transactions, ==, 2);
	g_assert_cmpuint(status.waiting + status.failed + status.refused, ==, 0);

	statement_set_unref(old);
	while (known_sets(f.store) > 1) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		g_usleep(10000);
	}
	g_assert_cmpint(triplets_touch(&f, "192.0.2.1"), ==, STORE_DONE);
	g_assert_cmpint(triplets_count(&f), ==, 1);
	triplets_end(&f);
}

/* -- the end ------------------------------------------------------------- */

static void test_drain(void)
{
	enum { MANY = 5000 };
	struct triplets f;
	struct stored *asks = g_new0(struct stored, MANY);
	unsigned done = 0;

	triplets_begin_open(&f, true);
	for (unsigned i = 0; i < MANY; i++) {
		g_autofree char *client = g_strdup_printf("%u", i);

		stored_set(&asks[i], i % 10 == 0 ? f.count : f.touch, client, "a", i);
		asks[i].ask.later = i % 2 == 0;
		g_assert_true(stored_start(f.store, &asks[i]));
	}
	triplets_close_store(&f);
	for (unsigned i = 0; i < MANY; i++) {
		g_assert_true(stored_answered(&asks[i]));
		g_assert_cmpint(asks[i].ask.state, ==, STORE_DONE);
		done += asks[i].ask.statement == f.touch;
	}
	stored_free(asks, MANY);
	g_free(asks);
	triplets_make_store(&f, true);
	g_assert_true(store_open(f.store));
	g_assert_cmpint(triplets_count(&f), ==, done);
	triplets_end(&f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/asks of each kind", test_disk);
	if (!triplets_are_remote()) {
		g_test_add_func("/store/asks of each kind in memory", test_memory);
		g_test_add_func("/store/a store in memory is cleared", test_clear);
	}
	g_test_add_func("/store/a thread waits for its answer", test_wait);
	g_test_add_func("/store/an answer comes in the loop that asked", test_loop);
	g_test_add_func("/store/a batch with equal keys and refused rows", test_batch);
	g_test_add_func("/store/of eight that race one is first", test_race);
	g_test_add_func("/store/settings are copied and compared", test_settings);
	g_test_add_func("/store/equal sets are one, old ones go", test_sets);
	g_test_add_func("/store/closing writes what waits", test_drain);
	return g_test_run();
}
