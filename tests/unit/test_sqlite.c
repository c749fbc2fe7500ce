/* unit/test_sqlite.c - the database driver for SQLite: statements, transactions, connections */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "scratch.h"

static const struct database_driver *const sqlite = &database_sqlite;

static const struct statement *named(const struct scratch *scratch, const char *name)
{
	const struct statement *statement = statement_find(scratch->set, name);

	g_assert_nonnull(statement);
	return statement;
}

/* -- statements ---------------------------------------------------------- */

static void test_find(void)
{
	g_assert_true(database_driver_find("sqlite") == sqlite);
	g_assert_true(database_driver_find("mysql") == &database_mysql);
	g_assert_null(database_driver_find("postgres"));
	g_assert_null(database_driver_find(""));
	sqlite->close(NULL);
}

static void test_upsert(void)
{
	static const char *const keys[] = { "d", "a", "c", "b" };
	static const int64_t counts[] = { 4, 1, 3, 2 };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_begin(&scratch);
	scratch_assert(&scratch, scratch_upsert(&scratch, 4, keys, counts));
	g_assert_cmpstr(scratch.result->str, ==, "d=4 a=1 c=3 b=2");
	scratch_assert(&scratch, scratch_upsert(&scratch, 2, keys, counts));
	g_assert_cmpstr(scratch.result->str, ==, "d=8 a=2");
	scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys, counts));
	g_assert_cmpstr(scratch.result->str, ==, "d=12");
	scratch_commit(&scratch);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=2 b=2 c=3 d=12");
	scratch_clear(&scratch);
}

struct copy {
	struct database_value values[3];
	char text[3][64];
	unsigned rows;
};

static void copy_row(const struct database_value *values, void *data)
{
	struct copy *copy = data;

	copy->rows++;
	for (int i = 0; i < 3; i++) {
		copy->values[i] = values[i];
		if (values[i].kind == PP_STRING)
			g_strlcpy(copy->text[i], values[i].string, sizeof(copy->text[i]));
		if (i == 1 && copy->values[0].kind != PP_STRING)
			break;
	}
}

static void echo_row(const struct database_value *values, void *data)
{
	struct copy *copy = data;

	copy->rows++;
	copy->values[0] = values[0];
	if (values[0].kind == PP_STRING)
		g_strlcpy(copy->text[0], values[0].string, sizeof(copy->text[0]));
}

static void test_values(void)
{
	const struct database_value values[] = {
		{ .kind = PP_NIL },     scratch_integer(INT64_MIN),       { .kind = PP_REAL, .real = 2.5 },
		scratch_text(""),       scratch_text("žluťoučký ' -- ?"), scratch_text("\xff\n"),
		{ .kind = PP_BOOLEAN },
	};
	const char *const *columns = NULL;
	struct scratch scratch;
	unsigned count = 0;

	scratch_init(&scratch);
	scratch_make(&scratch);
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		struct copy copy = { .rows = 0 };

		scratch_assert(&scratch, sqlite->run(scratch.database, named(&scratch, "echo"), 1, &values[i],
		                                     &columns, &count, echo_row, &copy, &scratch.error));
		g_assert_cmpuint(copy.rows, ==, 1);
		g_assert_cmpint(copy.values[0].kind, ==,
		                values[i].kind == PP_BOOLEAN ? PP_NIL : values[i].kind);
		if (values[i].kind == PP_INTEGER)
			g_assert_cmpint(copy.values[0].integer, ==, values[i].integer);
		if (values[i].kind == PP_REAL)
			g_assert_cmpfloat(copy.values[0].real, ==, values[i].real);
		if (values[i].kind == PP_STRING) {
			g_assert_cmpstr(copy.text[0], ==, values[i].string);
			g_assert_cmpuint(copy.values[0].length, ==, values[i].length);
		}
	}
	g_assert_cmpuint(count, ==, 2);
	g_assert_cmpstr(columns[0], ==, "value");
	g_assert_cmpstr(columns[1], ==, "other one");
	scratch_clear(&scratch);
}

static void test_blobs(void)
{
	struct copy copy = { .rows = 0 };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_assert(&scratch, sqlite->run(scratch.database, named(&scratch, "blob"), 1, NULL, NULL, NULL,
	                                     copy_row, &copy, &scratch.error));
	g_assert_cmpstr(copy.text[0], ==, "A");
	g_assert_cmpuint(copy.values[0].length, ==, 1);
	g_assert_cmpstr(copy.text[1], ==, "");
	g_assert_cmpstr(copy.text[2], ==, "AB");
	scratch_clear(&scratch);
}

static void test_columns_of_nothing(void)
{
	const struct database_value values[] = { scratch_text("a"), scratch_integer(10) };
	const char *const *columns = NULL;
	struct scratch scratch;
	unsigned count = 9;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_assert(&scratch, sqlite->run(scratch.database, named(&scratch, "all"), 1, NULL, &columns,
	                                     &count, NULL, NULL, &scratch.error));
	g_assert_cmpuint(count, ==, 2);
	g_assert_cmpstr(columns[0], ==, "key");
	scratch_assert(&scratch, sqlite->run(scratch.database, named(&scratch, "fill"), 1, values, &columns,
	                                     &count, NULL, NULL, &scratch.error));
	g_assert_cmpuint(count, ==, 0);
	scratch_clear(&scratch);
}

/* The sum of where they lie: what is prepared again lies elsewhere. */
static uintptr_t places_of(GHashTable *prepared)
{
	GHashTableIter iter;
	uintptr_t sum = 0;
	void *key;

	g_hash_table_iter_init(&iter, prepared);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		sum += (uintptr_t)key;
	return sum;
}

static void test_prepared(void)
{
	static const char *const keys[] = { "a", "b" };
	static const int64_t counts[] = { 1, 1 };
	uintptr_t places = 0;
	struct scratch scratch;
	GHashTable *prepared;

	scratch_init(&scratch);
	scratch_make(&scratch);
	prepared = scratch.database->prepared;
	for (int i = 0; i < 3; i++) {
		scratch_all(&scratch, scratch.database);
		scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys, counts));
		scratch_assert(&scratch, scratch_upsert(&scratch, 2, keys, counts));
		g_assert_cmpuint(g_hash_table_size(prepared), ==, 3);
		g_assert_true(i == 0 || places == places_of(prepared));
		places = places_of(prepared);
	}
	/* Changed tables do not disturb what was prepared. */
	scratch_assert(&scratch, sqlite->script(scratch.database,
	                                        "ALTER TABLE probe ADD COLUMN more; "
	                                        "CREATE INDEX counts ON probe (count)",
	                                        &scratch.error));
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=6 b=3");
	sqlite->forget(scratch.database, (const struct statement_set *)&scratch);
	g_assert_cmpuint(g_hash_table_size(prepared), ==, 3);
	sqlite->forget(scratch.database, scratch.set);
	g_assert_cmpuint(g_hash_table_size(prepared), ==, 0);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=6 b=3");
	scratch_clear(&scratch);
}

/* -- transactions -------------------------------------------------------- */

static void test_undo(void)
{
	static const char *const keys[] = { "a", "b", "c", "poison" };
	static const int64_t counts[] = { 1, 2, 3, 1000 };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_begin(&scratch);
	g_assert_true(sqlite->savepoint(scratch.database, &scratch.error));
	scratch_assert(&scratch, scratch_upsert(&scratch, 2, keys, counts));
	g_assert_true(sqlite->release(scratch.database, &scratch.error));
	g_assert_true(sqlite->savepoint(scratch.database, &scratch.error));
	scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys, counts));
	g_assert_false(scratch_upsert(&scratch, 4, keys, counts));
	scratch_assert_fault(&scratch, DATABASE_DATA,
	                     "statement upsert: CHECK constraint failed: count < 100");
	scratch_assert(&scratch, sqlite->undo(scratch.database, &scratch.error));
	/* The savepoint is over: the next one is not inside of it. */
	g_assert_false(sqlite->release(scratch.database, &scratch.error));
	g_assert_true(sqlite->savepoint(scratch.database, &scratch.error));
	scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys + 2, counts + 2));
	g_assert_true(sqlite->release(scratch.database, &scratch.error));
	scratch_commit(&scratch);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1 b=2 c=3");
	scratch_clear(&scratch);
}

static void test_rollback(void)
{
	static const char *const keys[] = { "a" };
	static const int64_t counts[] = { 1 };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_begin(&scratch);
	scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys, counts));
	sqlite->rollback(scratch.database);
	sqlite->rollback(scratch.database);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "");
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_clear(&scratch);
}

/* What comes behind a statement that ends the transaction must not be committed alone. */
static void test_ended(void)
{
	const struct database_value poison = scratch_text("poison");
	static const char *const keys[] = { "a" };
	static const int64_t counts[] = { 1 };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_begin(&scratch);
	scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys, counts));
	g_assert_false(scratch_run(&scratch, scratch.database, "slip", &poison));
	scratch_assert_fault(&scratch, DATABASE_DATA, "CHECK constraint failed");
	g_assert_false(scratch_upsert(&scratch, 1, keys, counts));
	scratch_assert_fault(&scratch, DATABASE_DATA, "ended the transaction");
	g_assert_false(sqlite->commit(scratch.database, &scratch.error));
	sqlite->rollback(scratch.database);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "");
	scratch_begin(&scratch);
	g_assert_false(sqlite->script(scratch.database, "COMMIT", &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_DATA, "may not end the transaction");
	sqlite->rollback(scratch.database);
	scratch_clear(&scratch);
}

static void test_versions(void)
{
	struct database *another;
	struct scratch scratch;
	int version = 7;

	scratch_init(&scratch);
	scratch_assert(&scratch, scratch_open(&scratch));
	another = scratch_open_another(&scratch, false);
	scratch_begin(&scratch);
	scratch_assert(&scratch, sqlite->version(scratch.database, "probe", &version, &scratch.error));
	g_assert_cmpint(version, ==, 0);
	/* It is locked until it is committed. */
	g_assert_false(sqlite->begin(another, &scratch.error));
	g_assert_cmpint(scratch.error.fault, ==, DATABASE_BUSY);
	scratch_assert(&scratch,
	               sqlite->script(scratch.database, "CREATE TABLE x (a); INSERT INTO x VALUES (1);",
	                              &scratch.error));
	scratch_assert(&scratch, sqlite->set_version(scratch.database, "probe", 2, &scratch.error));
	scratch_assert(&scratch, sqlite->set_version(scratch.database, "probe", 3, &scratch.error));
	scratch_assert(&scratch, sqlite->set_version(scratch.database, "other", 1, &scratch.error));
	scratch_commit(&scratch);
	scratch_assert(&scratch, sqlite->begin(another, &scratch.error));
	scratch_assert(&scratch, sqlite->version(another, "probe", &version, &scratch.error));
	g_assert_cmpint(version, ==, 3);
	scratch_assert(&scratch, sqlite->set_version(another, "probe", 4, &scratch.error));
	sqlite->rollback(another);
	scratch_begin(&scratch);
	scratch_assert(&scratch, sqlite->version(scratch.database, "probe", &version, &scratch.error));
	g_assert_cmpint(version, ==, 3);
	scratch_commit(&scratch);
	sqlite->close(another);
	scratch_clear(&scratch);
}

/* -- several connections ------------------------------------------------- */

struct reading {
	struct scratch *scratch;
	struct database *database;
	atomic_bool ending;
	unsigned runs, differing;
};

struct pair {
	int64_t counts[2];
	unsigned rows;
};

static void add_to_pair(const struct database_value *values, void *data)
{
	struct pair *pair = data;

	if (pair->rows < 2)
		pair->counts[pair->rows++] = values[1].integer;
}

static void *keep_reading(void *data)
{
	struct reading *reading = data;
	struct database_error error;

	while (!atomic_load(&reading->ending)) {
		struct pair pair = { .rows = 0 };

		g_assert_true(sqlite->run(reading->database, named(reading->scratch, "all"), 1, NULL, NULL,
		                          NULL, add_to_pair, &pair, &error));
		reading->runs++;
		reading->differing += pair.counts[0] != pair.counts[1];
	}
	sqlite->close(reading->database);
	return NULL;
}

static void test_readers(void)
{
	static const char *const keys[] = { "a", "b" };
	static const int64_t counts[] = { 1, 1 };
	struct reading readings[2];
	struct scratch scratch;
	pthread_t threads[2];

	scratch_init(&scratch);
	scratch_make(&scratch);
	for (int i = 0; i < 2; i++) {
		readings[i] = (struct reading){ &scratch, scratch_open_another(&scratch, true) };
		pthread_create(&threads[i], NULL, keep_reading, &readings[i]);
	}
	for (int i = 0; i < 90; i++) {
		scratch_begin(&scratch);
		scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys, counts));
		g_usleep(500);
		scratch_assert(&scratch, scratch_upsert(&scratch, 1, keys + 1, counts));
		scratch_commit(&scratch);
		if (i % 10 == 0)
			sqlite->checkpoint(scratch.database);
	}
	for (int i = 0; i < 2; i++) {
		atomic_store(&readings[i].ending, true);
		pthread_join(threads[i], NULL);
		g_assert_cmpuint(readings[i].runs, >, 10);
		g_assert_cmpuint(readings[i].differing, ==, 0);
	}
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=90 b=90");
	scratch_clear(&scratch);
}

static void test_locked(void)
{
	struct database *another;
	struct scratch scratch;
	int64_t start;

	scratch_init(&scratch);
	scratch.target.lock_wait = 60;
	scratch_make(&scratch);
	another = scratch_open_another(&scratch, false);
	scratch_assert(&scratch, sqlite->begin(another, &scratch.error));
	start = g_get_monotonic_time();
	g_assert_false(scratch_write(&scratch, scratch.database, "a", 1));
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 60 * 1000);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 1000 * 1000);
	scratch_assert_fault(&scratch, DATABASE_BUSY, "ppolicyd.db is locked by another program");
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "");
	sqlite->rollback(another);
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	sqlite->close(another);
	scratch_clear(&scratch);
}

static void test_endless(void)
{
	g_autofree char *error = NULL;
	struct statement_set *set = statement_set_of_query("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
	                                                   "SELECT i + 1 FROM n) SELECT max(i) FROM n",
	                                                   &error);
	struct scratch scratch;
	int64_t start;

	scratch_init(&scratch);
	scratch.target.read_limit = 50;
	scratch_make(&scratch);
	start = g_get_monotonic_time();
	g_assert_false(sqlite->run(scratch.database, set->statements[0], 1, NULL, NULL, NULL, NULL, NULL,
	                           &scratch.error));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
	scratch_assert_fault(&scratch, DATABASE_DATA, "it was ended, since it took too long");
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	sqlite->forget(scratch.database, set);
	statement_set_unref(set);
	scratch_clear(&scratch);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sqlite/a driver is found by its name", test_find);
	g_test_add_func("/sqlite/a query that does not end is ended", test_endless);
	g_test_add_func("/sqlite/rows of one run come back, each with its count", test_upsert);
	g_test_add_func("/sqlite/values of each kind go in and come out", test_values);
	g_test_add_func("/sqlite/a text ends where a NUL stands in it", test_blobs);
	g_test_add_func("/sqlite/columns have names without a row, and may be none", test_columns_of_nothing);
	g_test_add_func("/sqlite/a statement is prepared once until it is forgotten", test_prepared);
	g_test_add_func("/sqlite/a poisoned row is undone, and nothing else", test_undo);
	g_test_add_func("/sqlite/what is rolled back was never there", test_rollback);
	g_test_add_func("/sqlite/after a transaction has ended by itself nothing is written", test_ended);
	g_test_add_func("/sqlite/versions are kept, under a lock", test_versions);
	g_test_add_func("/sqlite/readers see whole transactions, and wait for nobody", test_readers);
	g_test_add_func("/sqlite/a lock of somebody else is waited for as long as was said", test_locked);
	return g_test_run();
}
