/* unit/test_sqlite_cache.c - the cache of pages below SQLite has the pages that a plain one would have */
#include <glib.h>
#include <glib/gstdio.h>
#include "store/sqlite.h"

enum { PAGE = 2048, EXTRA = 64, PAGES = 200, LOCK_PAGE = 0x40000000 / PAGE + 1 };

static sqlite3_pcache_methods2 plain, ours;

struct pair {
	sqlite3_pcache *plain, *ours;
	sqlite3_pcache_page *page[2][PAGES + 1]; /* by number; NULL: not in use */
};

static void begin(struct pair *pair)
{
	*pair = (struct pair){ .plain = plain.xCreate(PAGE, EXTRA, 1), .ours = ours.xCreate(PAGE, EXTRA, 1) };
	plain.xCachesize(pair->plain, PAGES);
	ours.xCachesize(pair->ours, PAGES);
}

static void finish(struct pair *pair)
{
	plain.xDestroy(pair->plain);
	ours.xDestroy(pair->ours);
}

static void use(struct pair *pair, unsigned number)
{
	pair->page[0][number] = plain.xFetch(pair->plain, number, 2);
	pair->page[1][number] = ours.xFetch(pair->ours, number, 2);
}

static void leave(struct pair *pair, unsigned number, int discard)
{
	if (pair->page[0][number] == NULL)
		return;
	plain.xUnpin(pair->plain, pair->page[0][number], discard);
	ours.xUnpin(pair->ours, pair->page[1][number], discard);
	pair->page[0][number] = pair->page[1][number] = NULL;
}

static void rename_both(struct pair *pair, unsigned page, unsigned from, unsigned to)
{
	plain.xRekey(pair->plain, pair->page[0][page], from, to);
	ours.xRekey(pair->ours, pair->page[1][page], from, to);
}

/* Two pages in use change their numbers, as when a tree is balanced. */
static void change_places(struct pair *pair, unsigned one, unsigned other)
{
	sqlite3_pcache_page *page[2] = { pair->page[0][one], pair->page[1][one] };

	if (one == other || page[0] == NULL || pair->page[0][other] == NULL)
		return;
	rename_both(pair, one, one, LOCK_PAGE);
	rename_both(pair, other, other, one);
	rename_both(pair, one, LOCK_PAGE, other);
	for (int i = 0; i < 2; i++) {
		pair->page[i][one] = pair->page[i][other];
		pair->page[i][other] = page[i];
	}
}

/* A page in use moves to a number that no page has. */
static void move(struct pair *pair, unsigned from, unsigned to)
{
	if (pair->page[0][from] == NULL || plain.xFetch(pair->plain, to, 0) != NULL)
		return;
	rename_both(pair, from, from, to);
	for (int i = 0; i < 2; i++) {
		pair->page[i][to] = pair->page[i][from];
		pair->page[i][from] = NULL;
	}
}

static void truncate_both(struct pair *pair, unsigned first)
{
	for (unsigned number = first; number <= PAGES; number++)
		leave(pair, number, 0);
	plain.xTruncate(pair->plain, first);
	ours.xTruncate(pair->ours, first);
}

static void compare(struct pair *pair)
{
	g_assert_cmpint(ours.xPagecount(pair->ours), ==, plain.xPagecount(pair->plain));
	for (unsigned number = 1; number <= PAGES; number++) {
		bool wanted = plain.xFetch(pair->plain, number, 0) != NULL;

		g_assert_true((ours.xFetch(pair->ours, number, 0) != NULL) == wanted);
	}
}

static void test_model(void)
{
	struct pair pair;

	begin(&pair);
	for (int i = 0; i < 20000; i++) {
		unsigned number = (unsigned)g_test_rand_int_range(1, PAGES + 1);

		switch (g_test_rand_int_range(0, 40)) {
		case 0: truncate_both(&pair, number); break;
		case 1: truncate_both(&pair, PAGES + 1); break;
		case 2: compare(&pair); break;
		case 3: leave(&pair, number, 1); break;
		case 4: truncate_both(&pair, 0); break;
		case 5: move(&pair, number, (unsigned)g_test_rand_int_range(1, PAGES + 1)); break;
		default:
			if (g_test_rand_bit())
				use(&pair, number);
			else
				change_places(&pair, number, (unsigned)g_test_rand_int_range(1, PAGES + 1));
		}
	}
	compare(&pair);
	finish(&pair);
}

/* What an error leaves with the number of the lock page goes at the next look. */
static void test_left_away(void)
{
	struct pair pair;

	begin(&pair);
	use(&pair, 1);
	use(&pair, 2);
	rename_both(&pair, 2, 2, LOCK_PAGE);
	plain.xUnpin(pair.plain, pair.page[0][2], 0);
	ours.xUnpin(pair.ours, pair.page[1][2], 0);
	g_assert_cmpint(ours.xPagecount(pair.ours), ==, 2);
	plain.xTruncate(pair.plain, 10);
	ours.xTruncate(pair.ours, 10);
	g_assert_cmpint(ours.xPagecount(pair.ours), ==, 1);
	compare(&pair);
	finish(&pair);
}

static void test_moved(void)
{
	struct pair pair;

	begin(&pair);
	use(&pair, 1);
	use(&pair, 2);
	move(&pair, 2, 20);
	truncate_both(&pair, 10);
	g_assert_cmpint(ours.xPagecount(pair.ours), ==, 1);
	compare(&pair);
	finish(&pair);
}

static void test_twice(void)
{
	struct pair pair;

	begin(&pair);
	for (unsigned number = 1; number <= 20; number++)
		use(&pair, number);
	truncate_both(&pair, 16);
	truncate_both(&pair, 15);
	truncate_both(&pair, 10);
	g_assert_cmpint(ours.xPagecount(pair.ours), ==, 9);
	compare(&pair);
	finish(&pair);
}

static int is_ok(void *data, int columns, char **values, char **names)
{
	(void)columns, (void)names;
	*(bool *)data = g_str_equal(values[0], "ok");
	return 0;
}

static void run(sqlite3 *database, const char *sql)
{
	char *message = NULL;

	sqlite3_exec(database, sql, NULL, NULL, &message);
	g_assert_cmpstr(message, ==, NULL);
}

static void check(sqlite3 *database)
{
	bool good = false;

	g_assert_cmpint(sqlite3_exec(database, "PRAGMA integrity_check", is_ok, &good, NULL), ==, SQLITE_OK);
	g_assert_true(good);
}

static void test_used(void)
{
	sqlite3 *database;

	g_assert_cmpint(sqlite3_open(":memory:", &database), ==, SQLITE_OK);
	run(database, "CREATE TABLE t (x INTEGER PRIMARY KEY, y TEXT UNIQUE);"
	              "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
	              "INSERT INTO t SELECT i * 7919 % 20011, hex(i * 104729) FROM n;"
	              "DELETE FROM t WHERE x % 3 = 0; VACUUM;");
	check(database);
	sqlite3_close(database);
}

/* Between SQLite and our cache: what SQLite has dropped must not be there any more. */
static unsigned highest;

static sqlite3_pcache_page *fetch_watched(sqlite3_pcache *cache, unsigned number, int make)
{
	highest = MAX(highest, number);
	return ours.xFetch(cache, number, make);
}

static void truncate_watched(sqlite3_pcache *cache, unsigned first)
{
	ours.xTruncate(cache, first);
	for (unsigned number = first; number <= highest; number++)
		g_assert_null(ours.xFetch(cache, number, 0));
	highest = MIN(highest, first - 1);
}

static void watch(void)
{
	sqlite3_pcache_methods2 watched = ours;

	watched.xFetch = fetch_watched;
	watched.xTruncate = truncate_watched;
	g_assert_cmpint(sqlite3_config(SQLITE_CONFIG_PCACHE2, &watched), ==, SQLITE_OK);
}

/* Rows of random keys and lengths, so that trees are balanced and the database grows. */
static void write_rows(sqlite3 *database)
{
	g_autofree char *sql = g_strdup_printf(
	        "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	        "INSERT OR REPLACE INTO t SELECT (%d + i * 7919) %% 9973, hex(i * %d), zeroblob(i * 37 %% "
	        "%d) FROM n",
	        g_test_rand_int_range(1, 200), g_test_rand_int_range(0, 9973),
	        g_test_rand_int_range(1, 100000), g_test_rand_int_range(1, 4000));

	run(database, sql);
}

static void delete_rows(sqlite3 *database)
{
	int first = g_test_rand_int_range(0, 9973);
	g_autofree char *sql = g_strdup_printf("DELETE FROM t WHERE x BETWEEN %d AND %d", first,
	                                       first + g_test_rand_int_range(0, 4000));

	run(database, sql);
}

static void transact(sqlite3 *database)
{
	run(database, "BEGIN");
	for (int i = g_test_rand_int_range(1, 6); i > 0; i--) {
		run(database, "SAVEPOINT part");
		if (g_test_rand_int_range(0, 3) == 0)
			delete_rows(database);
		else
			write_rows(database);
		run(database,
		    g_test_rand_int_range(0, 3) == 0 ? "ROLLBACK TO part; RELEASE part" : "RELEASE part");
	}
	run(database, g_test_rand_bit() ? "COMMIT" : "ROLLBACK");
}

/* What is read past the cache, by a connection of its own, is what is read through it. */
static int64_t sum(sqlite3 *database)
{
	sqlite3_stmt *statement = NULL;
	int64_t result;

	sqlite3_prepare_v2(database, "SELECT total(x * length(y) + length(z)) FROM t", -1, &statement, NULL);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	result = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result;
}

static void check_file(sqlite3 *database, const char *path)
{
	sqlite3 *fresh;

	check(database);
	g_assert_cmpint(sqlite3_open(path, &fresh), ==, SQLITE_OK);
	check(fresh);
	g_assert_cmpint(sum(database), ==, sum(fresh));
	sqlite3_close(fresh);
}

static void test_transactions(void)
{
	g_autofree char *folder = g_dir_make_tmp("cache-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "t.db", NULL);
	sqlite3 *database;

	g_assert_cmpint(sqlite3_open(path, &database), ==, SQLITE_OK);
	run(database, "PRAGMA page_size = 512; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA cache_size = 300;"
	              "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
	              "CREATE TABLE t (x INTEGER PRIMARY KEY, y TEXT, z BLOB); CREATE INDEX i ON t (y, x);");
	for (int i = 1; i <= 60; i++) {
		transact(database);
		if (i % 10 == 0)
			run(database, "PRAGMA incremental_vacuum(50); PRAGMA wal_checkpoint(TRUNCATE)");
		if (i % 20 == 0)
			check_file(database, path);
	}
	run(database, "VACUUM");
	check_file(database, path);
	sqlite3_close(database);
	g_assert_cmpint(g_remove(path), ==, 0);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &plain), ==, SQLITE_OK);
	g_assert_true(sqlite_cache_install());
	g_assert_cmpint(sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &ours), ==, SQLITE_OK);
	g_assert_true(ours.xTruncate != plain.xTruncate);
	watch();
	sqlite3_initialize();
	g_test_add_func("/sqlite cache/after any steps it has the same pages", test_model);
	g_test_add_func("/sqlite cache/a page left away is dropped", test_left_away);
	g_test_add_func("/sqlite cache/a page that was moved behind the end is dropped", test_moved);
	g_test_add_func("/sqlite cache/pages are dropped time after time", test_twice);
	g_test_add_func("/sqlite cache/a database lives with it", test_used);
	g_test_add_func("/sqlite cache/random transactions, undone and not, leave a sound database",
	                test_transactions);
	return g_test_run();
}
