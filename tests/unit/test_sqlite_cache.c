/* unit/test_sqlite_cache.c - the cache of pages below SQLite has the pages that a plain one would have */
#include <glib.h>
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

static int is_ok(void *data, int columns, char **values, char **names)
{
	(void)columns, (void)names;
	*(bool *)data = g_str_equal(values[0], "ok");
	return 0;
}

static void test_used(void)
{
	sqlite3 *database;
	bool good = false;

	g_assert_cmpint(sqlite3_open(":memory:", &database), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(database,
	                             "CREATE TABLE t (x INTEGER PRIMARY KEY, y TEXT UNIQUE);"
	                             "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
	                             "INSERT INTO t SELECT i * 7919 % 20011, hex(i * 104729) FROM n;"
	                             "DELETE FROM t WHERE x % 3 = 0; VACUUM;",
	                             NULL, NULL, NULL),
	                ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(database, "PRAGMA integrity_check", is_ok, &good, NULL), ==, SQLITE_OK);
	g_assert_true(good);
	sqlite3_close(database);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &plain), ==, SQLITE_OK);
	g_assert_true(sqlite_cache_install());
	g_assert_cmpint(sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &ours), ==, SQLITE_OK);
	g_assert_true(ours.xTruncate != plain.xTruncate);
	sqlite3_initialize();
	g_test_add_func("/sqlite cache/after any steps it has the same pages", test_model);
	g_test_add_func("/sqlite cache/a page left away is dropped", test_left_away);
	g_test_add_func("/sqlite cache/a page that was moved behind the end is dropped", test_moved);
	g_test_add_func("/sqlite cache/a database lives with it", test_used);
	return g_test_run();
}
