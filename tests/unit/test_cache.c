/* unit/test_cache.c - the memory cache: exact, bounded, safe under threads */
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "base/clock.h"
#include "service/cache.h"
#include "service/shard.h"

enum { HOUR = 3600 * 1000 };

static const int64_t million = 1000 * 1000;

static bool put(struct cache *cache, const char *key, const char *value, pp_msec_t good, pp_msec_t stale)
{
	pp_msec_t now = pp_time();

	return cache_put(cache, key, strlen(key), value, strlen(value), now + good, now + stale);
}

/* The value, NULL if there is none; a static buffer. */
static const char *get(struct cache *cache, const char *key)
{
	static char value[256];
	struct cache_hit hit;

	if (!cache_get(cache, key, strlen(key), value, sizeof(value) - 1, &hit))
		return NULL;
	g_assert_cmpuint(hit.size, <, sizeof(value));
	value[hit.size] = '\0';
	return value;
}

static void test_exact(void)
{
	struct cache *cache = cache_new(million);

	g_assert_null(get(cache, "zen"));
	g_assert_true(put(cache, "zen", "listed", HOUR, HOUR));
	g_assert_true(put(cache, "zen ", "other", HOUR, HOUR));
	g_assert_true(put(cache, "", "", HOUR, HOUR));
	g_assert_cmpstr(get(cache, "zen"), ==, "listed");
	g_assert_cmpstr(get(cache, "zen "), ==, "other");
	g_assert_cmpstr(get(cache, ""), ==, "");
	g_assert_null(get(cache, "ze"));
	g_assert_true(put(cache, "zen", "clean again", HOUR, HOUR));
	g_assert_cmpstr(get(cache, "zen"), ==, "clean again");
	cache_free(cache);
	cache_free(NULL);
}

static void test_times(void)
{
	struct cache *cache = cache_new(million);
	pp_msec_t now = pp_time();
	struct cache_stats stats;
	struct cache_hit hit;

	g_assert_true(cache_put(cache, "a", 1, "x", 1, now + 1000, now + 3000));
	g_assert_true(cache_get(cache, "a", 1, NULL, 0, &hit));
	g_assert_cmpint(hit.good_until, ==, now + 1000);
	g_assert_cmpint(hit.stale_until, ==, now + 3000);
	clock_advance(1000);
	g_assert_true(cache_get(cache, "a", 1, NULL, 0, &hit));
	clock_advance(1999);
	g_assert_true(cache_get(cache, "a", 1, NULL, 0, &hit));
	clock_advance(1);
	g_assert_false(cache_get(cache, "a", 1, NULL, 0, &hit));
	g_assert_true(cache_put(cache, "b", 1, "x", 1, now, now));
	g_assert_false(cache_get(cache, "b", 1, NULL, 0, &hit));
	g_assert_true(cache_put(cache, "c", 1, "x", 1, INT64_MAX, INT64_MAX));
	g_assert_true(cache_get(cache, "c", 1, NULL, 0, &hit));
	g_assert_cmpint(hit.good_until, >, now + INT64_C(200) * 365 * 24 * HOUR);
	cache_stats(cache, &stats);
	g_assert_cmpuint(stats.hits, ==, 2);
	g_assert_cmpuint(stats.stale, ==, 2);
	g_assert_cmpuint(stats.misses, ==, 2);
	g_assert_cmpuint(stats.evicted, ==, 0);
	cache_free(cache);
}

static void test_small_buffer(void)
{
	struct cache *cache = cache_new(million);
	char buffer[4] = "...";
	struct cache_hit hit;

	put(cache, "key", "value", HOUR, HOUR);
	g_assert_true(cache_get(cache, "key", 3, buffer, sizeof(buffer), &hit));
	g_assert_cmpuint(hit.size, ==, 5);
	g_assert_cmpstr(buffer, ==, "...");
	cache_free(cache);
}

static void test_large(void)
{
	static const struct {
		int64_t bytes;
		size_t key, value;
		bool fits;
	} cases[] = {
		{ 4 << 20, 10, 64 * 1024 - 10, true },
		{ 4 << 20, 11, 64 * 1024 - 10, false },
		{ 64 << 20, 60000, 5536, true },
		{ 64 << 20, 0, 70000, false },
		{ 64 * 1024, 100, 8000, true },
		{ 64 * 1024, 192, 8001, false },
		{ 1000, 1, 1, false },
		{ 0, 1, 1, false },
		{ -1, 1, 1, false },
	};
	g_autofree char *text = g_malloc(70000), *back = g_malloc(70000);

	for (size_t i = 0; i < 70000; i++)
		text[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct cache *cache = cache_new(cases[i].bytes);
		pp_msec_t later = pp_time() + HOUR;
		struct cache_hit hit;

		/* Several, so that those before are evicted and pages used again. */
		for (char j = 0; j < 20; j++) {
			text[0] = j;
			g_assert_true(cache_put(cache, text, cases[i].key, text, cases[i].value, later,
			                        later) == cases[i].fits);
		}
		g_assert_true(cache_get(cache, text, cases[i].key, back, 70000, &hit) == cases[i].fits);
		if (cases[i].fits)
			g_assert_cmpmem(back, hit.size, text, cases[i].value);
		cache_free(cache);
	}
}

static void test_too_large_replaces(void)
{
	struct cache *cache = cache_new(million);
	g_autofree char *large = g_strnfill(SHARD_ENTRY_MAX, 'x');

	g_assert_true(put(cache, "key", "old", HOUR, HOUR));
	g_assert_false(put(cache, "key", large, HOUR, HOUR));
	g_assert_null(get(cache, "key"));
	cache_free(cache);
}

/* -- bounds -------------------------------------------------------------- */

static void put_number(struct cache *cache, uint32_t number, size_t value_size)
{
	static const char value[1024];
	pp_msec_t later = pp_time() + HOUR;

	g_assert_true(cache_put(cache, &number, sizeof(number), value, value_size, later, later));
}

static bool has_number(struct cache *cache, uint32_t number)
{
	struct cache_hit hit;

	return cache_get(cache, &number, sizeof(number), NULL, 0, &hit);
}

static void test_bounded(void)
{
	static const struct {
		int64_t bytes;
		size_t value_size;
	} cases[] = { { 64 * 1024, 10 }, { 300 * 1024, 0 }, { 1 << 20, 40 }, { 4 << 20, 300 } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct cache *cache = cache_new(cases[i].bytes);
		uint32_t count = (uint32_t)(2 * cases[i].bytes / (int64_t)(30 + cases[i].value_size));
		struct cache_stats stats;

		for (uint32_t j = 0; j < count; j++) {
			put_number(cache, j, cases[i].value_size);
			if (j % 64 != 0)
				continue;
			cache_stats(cache, &stats);
			g_assert_cmpint(stats.bytes, <=, cases[i].bytes);
		}
		cache_stats(cache, &stats);
		g_assert_cmpint(stats.bytes_max, ==, cases[i].bytes);
		g_assert_cmpint(stats.bytes, >, cases[i].bytes * 7 / 10);
		g_assert_cmpuint(stats.puts, ==, count);
		g_assert_cmpuint(stats.entries + stats.evicted, ==, count);
		cache_free(cache);
	}
}

/* In one shard the newest are there and nothing else is. */
static void test_oldest_go_first(void)
{
	struct cache *cache = cache_new(256 * 1024);
	struct cache_stats stats;
	uint32_t count = 20000;

	for (uint32_t i = 0; i < count; i++)
		put_number(cache, i, 20);
	cache_stats(cache, &stats);
	g_assert_cmpuint(stats.entries, >, 3000);
	for (uint32_t i = 0; i < count; i++)
		g_assert_true(has_number(cache, i) == (i >= count - stats.entries));
	cache_free(cache);
}

static void test_empty_is_small(void)
{
	struct cache *cache = cache_new(64 << 20);
	struct cache_stats stats;

	cache_stats(cache, &stats);
	g_assert_cmpint(stats.bytes, <, 200 * 1024);
	g_assert_cmpuint(stats.entries, ==, 0);
	cache_free(cache);
}

static void test_overhead(void)
{
	struct cache *cache = cache_new(64 << 20);
	struct cache_stats stats;

	for (uint32_t i = 0; i < 100000; i++)
		put_number(cache, i, 75);
	cache_stats(cache, &stats);
	g_assert_cmpuint(stats.entries, ==, 100000);
	g_assert_cmpint(stats.bytes / 100000 - 79, <=, 32);
	cache_free(cache);
}

/* -- walks, resizing ----------------------------------------------------- */

static bool count_to_10(const struct cache_entry *entry, void *data)
{
	int *count = data;

	(void)entry;
	return ++*count < 10;
}

static bool count_all(const struct cache_entry *entry, void *data)
{
	int *count = data;

	(void)entry;
	++*count;
	return true;
}

static bool number_is_odd(const struct cache_entry *entry, void *data)
{
	uint32_t number;

	(void)data;
	g_assert_cmpuint(entry->key_size, ==, sizeof(number));
	memcpy(&number, entry->key, sizeof(number));
	return number % 2 == 1;
}

static void test_walks(void)
{
	struct cache *cache = cache_new(4 << 20);
	struct cache_stats stats;
	int seen = 0;

	for (uint32_t i = 0; i < 5000; i++)
		put_number(cache, i, 100);
	cache_each(cache, count_to_10, &seen);
	g_assert_cmpint(seen, ==, 10);
	g_assert_cmpuint(cache_drop(cache, number_is_odd, NULL), ==, 2500);
	for (uint32_t i = 0; i < 5000; i++)
		g_assert_true(has_number(cache, i) == (i % 2 == 0));
	seen = 0;
	cache_each(cache, count_all, &seen);
	g_assert_cmpint(seen, ==, 2500);
	cache_stats(cache, &stats);
	g_assert_cmpuint(stats.entries, ==, 2500);
	clock_advance(HOUR);
	seen = 0;
	cache_each(cache, count_all, &seen);
	g_assert_cmpint(seen, ==, 0);
	g_assert_cmpuint(cache_drop(cache, count_all, &seen), ==, 0);
	cache_free(cache);
}

static void test_resize(void)
{
	static const int64_t sizes[] = { 8 << 20, 2 << 20, 3 << 20, 3 << 20, 64 << 20, 1 << 20 };
	struct cache *cache = cache_new(4 << 20);
	struct cache_stats stats;
	uint32_t count = 9000, before = count;

	for (uint32_t i = 0; i < count; i++)
		put_number(cache, i, 300);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		uint32_t old_there = 0, new_there = 0;

		cache_resize(cache, sizes[i]);
		cache_stats(cache, &stats);
		g_assert_cmpint(stats.bytes_max, ==, sizes[i]);
		g_assert_cmpint(stats.bytes, <=, sizes[i]);
		g_assert_cmpuint(stats.puts, ==, count);
		g_assert_cmpuint(stats.entries, ==, MIN(before, stats.entries));
		before = (uint32_t)stats.entries;
		/* The oldest go, about in order: shards are not filled alike. */
		for (uint32_t j = 0; j + before * 3 / 2 < count; j++)
			old_there += has_number(cache, j);
		for (uint32_t j = count - before * 2 / 3; j < count; j++)
			new_there += has_number(cache, j);
		g_assert_cmpuint(old_there, <=, before / 50);
		g_assert_cmpuint(new_there, >=, before * 2 / 3 - before / 50);
	}
	g_assert_cmpuint(before, >, 2000);
	cache_free(cache);
}

/* -- threads ------------------------------------------------------------- */

struct crowd {
	struct cache *cache;
	atomic_bool end;
	atomic_uint puts, gets;
};

/* A value is its key, repeated: a get that found anything else was torn or wrong. */
static void *crowd_member(void *data)
{
	struct crowd *crowd = data;
	uint32_t random = (uint32_t)g_random_int();
	pp_msec_t later = pp_time() + HOUR;

	while (!atomic_load(&crowd->end)) {
		uint32_t value[64], number, size;
		struct cache_hit hit;

		random = random * 1664525 + 1013904223;
		number = (random >> 8) % 3000;
		size = 1 + (random >> 20) % 64;
		if (random >> 31) {
			for (uint32_t i = 0; i < size; i++)
				value[i] = number;
			cache_put(crowd->cache, &number, sizeof(number), value, size * sizeof(number), later,
			          later);
			atomic_fetch_add(&crowd->puts, 1);
		} else if (cache_get(crowd->cache, &number, sizeof(number), value, sizeof(value), &hit)) {
			for (uint32_t i = 0; i < hit.size / sizeof(number); i++)
				g_assert_cmpuint(value[i], ==, number);
			atomic_fetch_add(&crowd->gets, 1);
		}
	}
	return NULL;
}

static bool value_is_key(const struct cache_entry *entry, void *data)
{
	(void)data;
	g_assert_cmpmem(entry->key, entry->key_size, entry->value, entry->key_size);
	return true;
}

static void test_threads(void)
{
	struct crowd crowd = { .cache = cache_new(million / 4) };
	pthread_t threads[4];
	struct cache_stats stats;

	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		pthread_create(&threads[i], NULL, crowd_member, &crowd);
	for (int i = 0; i < 10; i++) {
		g_usleep(2000);
		cache_each(crowd.cache, value_is_key, NULL);
		cache_drop(crowd.cache, number_is_odd, NULL);
		cache_resize(crowd.cache, i % 2 == 0 ? 8 * million : million / 4);
	}
	atomic_store(&crowd.end, true);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
	cache_stats(crowd.cache, &stats);
	g_assert_cmpuint(stats.puts, ==, atomic_load(&crowd.puts));
	g_assert_cmpuint(stats.hits, ==, atomic_load(&crowd.gets));
	g_assert_cmpuint(stats.hits, >, 100);
	cache_free(crowd.cache);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(INT64_C(1790000000000));
	g_test_add_func("/cache/a key is found exactly, with what was put last", test_exact);
	g_test_add_func("/cache/an entry is stale, then gone, at its times", test_times);
	g_test_add_func("/cache/a buffer too small is left alone", test_small_buffer);
	g_test_add_func("/cache/entries up to the limit fit whole", test_large);
	g_test_add_func("/cache/a value too large leaves no older one", test_too_large_replaces);
	g_test_add_func("/cache/memory stays within the bound and is used", test_bounded);
	g_test_add_func("/cache/the oldest make room", test_oldest_go_first);
	g_test_add_func("/cache/an empty one costs almost nothing", test_empty_is_small);
	g_test_add_func("/cache/an entry costs at most 32 bytes beside key and value", test_overhead);
	g_test_add_func("/cache/each and drop see what is there", test_walks);
	g_test_add_func("/cache/a new size keeps what fits, the newest", test_resize);
	g_test_add_func("/cache/threads find nothing but what was put", test_threads);
	return g_test_run();
}
