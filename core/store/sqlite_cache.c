/* store/sqlite_cache.c - SQLite's cache of pages, without a look at all of it at each commit
 *
 * At the end of each transaction SQLite has its cache drop the pages behind the end of
 * the database. While a tree is balanced a page has for a moment the number of the one
 * that is never used (where locks are), so the cache believes that it may have pages far
 * behind the end, and looks at each page it has. A layer above the cache remembers the
 * highest number that was really in it, and leaves out the search when there is nothing
 * to find. All else is done by SQLite's own cache.
 */
#include "store/sqlite.h"

#define LOCK_BYTE 0x40000000 /* https://www.sqlite.org/fileformat.html, 1.5: the lock-byte page */

struct cache {
	sqlite3_pcache *real;
	unsigned lock_page;
	unsigned highest; /* no page has a higher number, but for those that are away */
	unsigned away;    /* pages that have the number of the lock page */
};

static sqlite3_pcache_methods2 real;

static struct cache *of(sqlite3_pcache *cache)
{
	return (struct cache *)cache;
}

static sqlite3_pcache *create(int page_size, int extra_size, int purgeable)
{
	struct cache *cache = sqlite3_malloc(sizeof(*cache));

	if (cache == NULL)
		return NULL;
	*cache = (struct cache){ .real = real.xCreate(page_size, extra_size, purgeable),
		                 .lock_page = LOCK_BYTE / (unsigned)page_size + 1 };
	if (cache->real != NULL)
		return (sqlite3_pcache *)cache;
	sqlite3_free(cache);
	return NULL;
}

static void destroy(sqlite3_pcache *cache)
{
	real.xDestroy(of(cache)->real);
	sqlite3_free(cache);
}

static sqlite3_pcache_page *fetch(sqlite3_pcache *cache, unsigned number, int make)
{
	if (make != 0 && number > of(cache)->highest)
		of(cache)->highest = number;
	return real.xFetch(of(cache)->real, number, make);
}

static void rename_page(sqlite3_pcache *cache, sqlite3_pcache_page *page, unsigned from, unsigned to)
{
	struct cache *mine = of(cache);

	if (from == mine->lock_page && mine->away > 0)
		mine->away--;
	if (to == mine->lock_page)
		mine->away++;
	else if (to > mine->highest)
		mine->highest = to;
	real.xRekey(mine->real, page, from, to);
}

static void truncate_from(sqlite3_pcache *cache, unsigned first)
{
	struct cache *mine = of(cache);

	if (first > mine->highest && mine->away == 0)
		return;
	real.xTruncate(mine->real, first);
	if (first <= mine->highest)
		mine->highest = first - (first > 0);
	if (first <= mine->lock_page)
		mine->away = 0;
}

static void set_size(sqlite3_pcache *cache, int pages)
{
	real.xCachesize(of(cache)->real, pages);
}

static int page_count(sqlite3_pcache *cache)
{
	return real.xPagecount(of(cache)->real);
}

static void unpin(sqlite3_pcache *cache, sqlite3_pcache_page *page, int discard)
{
	real.xUnpin(of(cache)->real, page, discard);
}

static void shrink(sqlite3_pcache *cache)
{
	real.xShrink(of(cache)->real);
}

bool sqlite_cache_install(void)
{
	sqlite3_pcache_methods2 methods;

	if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &real) != SQLITE_OK)
		return false;
	methods = real;
	methods.xCreate = create;
	methods.xDestroy = destroy;
	methods.xFetch = fetch;
	methods.xRekey = rename_page;
	methods.xTruncate = truncate_from;
	methods.xCachesize = set_size;
	methods.xPagecount = page_count;
	methods.xUnpin = unpin;
	methods.xShrink = shrink;
	return sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods) == SQLITE_OK;
}
