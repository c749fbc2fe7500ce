/* unit/test_cache_model.c - the memory cache against a hash table, with random calls */
#include <glib.h>
#include <string.h>
#include "base/clock.h"
#include "service/cache.h"
#include "service/shard.h"

struct kept {
	char *value;
	size_t size;
	pp_msec_t good_until, stale_until;
};

static void kept_free(gpointer data)
{
	struct kept *kept = data;

	g_free(kept->value);
	g_free(kept);
}

/* Whatever is found was put last under that key and is not past its time. With
 * room for all, all are found. */
static void check_get(struct cache *cache, GHashTable *model, const char *key, bool room)
{
	const struct kept *kept = g_hash_table_lookup(model, key);
	bool wanted = kept != NULL && pp_time() < kept->stale_until, found;
	struct cache_hit hit;
	char value[3000];

	found = cache_get(cache, key, strlen(key), value, sizeof(value), &hit);
	if (room || !wanted)
		g_assert_true(found == wanted);
	if (!found)
		return;
	g_assert_cmpmem(value, hit.size, kept->value, kept->size);
	g_assert_cmpint(hit.good_until, ==, kept->good_until);
	g_assert_cmpint(hit.stale_until, ==, kept->stale_until);
}

static void check_put(struct cache *cache, GHashTable *model, const char *key, size_t size_max)
{
	struct kept *kept = g_new0(struct kept, 1);

	kept->size = (size_t)g_test_rand_int_range(0, (int)size_max);
	kept->value = g_malloc(kept->size + 1);
	memset(kept->value, g_test_rand_int(), kept->size);
	kept->good_until = pp_time() + g_test_rand_int_range(0, 5000);
	kept->stale_until = kept->good_until + g_test_rand_int_range(0, 3) * 1000;
	g_assert_true(cache_put(cache, key, strlen(key), kept->value, kept->size, kept->good_until,
	                        kept->stale_until));
	g_hash_table_replace(model, g_strdup(key), kept);
}

static bool entry_is_kept(const struct cache_entry *entry, void *data)
{
	GHashTable *model = data;
	g_autofree char *key = g_strndup(entry->key, entry->key_size);
	const struct kept *kept = g_hash_table_lookup(model, key);

	g_assert_nonnull(kept);
	g_assert_cmpmem(entry->value, entry->value_size, kept->value, kept->size);
	g_assert_cmpint(entry->stale_until, ==, kept->stale_until);
	g_assert_cmpint(pp_time(), <, entry->stale_until);
	return true;
}

static bool key_ends_in_7(const struct cache_entry *entry, void *data)
{
	(void)data;
	return ((const char *)entry->key)[entry->key_size - 1] == '7';
}

static gboolean model_key_ends_in_7(gpointer key, gpointer value, gpointer data)
{
	(void)value;
	(void)data;
	return g_str_has_suffix(key, "7");
}

struct model_case {
	int64_t bytes;
	int keys;
	size_t size_max;
	bool room; /* for all of them */
	uint64_t hash_bits;
};

static void test_model(gconstpointer data)
{
	const struct model_case *with = data;
	g_autoptr(GHashTable) model = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
	struct cache *cache;

	shard_weaken_hash(with->hash_bits);
	cache = cache_new(with->bytes);
	for (int i = 0; i < 20000; i++) {
		int what = g_test_rand_int_range(0, 10000);
		char key[64];

		g_snprintf(key, sizeof(key), "%0*d", g_test_rand_int_range(1, 3) * 12,
		           g_test_rand_int_range(0, with->keys));
		if (what < 5000) {
			check_get(cache, model, key, with->room);
		} else if (what < 9900) {
			check_put(cache, model, key, with->size_max);
		} else if (what < 9990) {
			clock_advance(g_test_rand_int_range(0, 500));
		} else if (what < 9995) {
			cache_drop(cache, key_ends_in_7, NULL);
			g_hash_table_foreach_remove(model, model_key_ends_in_7, NULL);
		} else {
			cache_each(cache, entry_is_kept, model);
		}
	}
	cache_free(cache);
	shard_weaken_hash(UINT64_MAX);
}

int main(int argc, char **argv)
{
	static const struct model_case all_there = { 8 << 20, 300, 50, true, UINT64_MAX };
	static const struct model_case too_many = { 64 * 1024, 3000, 50, false, UINT64_MAX };
	static const struct model_case across_pages = { 512 * 1024, 500, 3000, false, UINT64_MAX };
	static const struct model_case collisions = { 8 << 20, 300, 50, true, UINT64_C(0xc000000300000001) };
	static const struct model_case one_hash = { 32 * 1024, 60, 50, false, 0 };

	g_test_init(&argc, &argv, NULL);
	clock_fake(INT64_C(1790000000000));
	g_test_add_data_func("/cache model/it finds what a hash table finds: with room", &all_there,
	                     test_model);
	g_test_add_data_func("/cache model/it finds what a hash table finds: short of room", &too_many,
	                     test_model);
	g_test_add_data_func("/cache model/it finds what a hash table finds: large values", &across_pages,
	                     test_model);
	g_test_add_data_func("/cache model/it finds what a hash table finds: hashes collide", &collisions,
	                     test_model);
	g_test_add_data_func("/cache model/it finds what a hash table finds: all hashes equal", &one_hash,
	                     test_model);
	return g_test_run();
}
