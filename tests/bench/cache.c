/* bench/cache.c - how many bytes a kept answer takes beside its key and its value
 *
 *   cache
 *
 * Fills a cache step by step, past its limit, and prints one line of JSON: the
 * most bytes an entry took beside key and value, once 50,000 were in, by the cache's
 * own account and by the size of the process.
 */
#include "service/cache.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 10000, STEPS = 60, FIRST = 5, LIMIT = 48 * 1024 * 1024 };

static int64_t resident(void)
{
	long pages = 0, all = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%ld %ld", &all, &pages) != 2)
		err(1, "/proc/self/statm");
	fclose(file);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Keys and values of usual lengths, each key different. */
static void put(struct cache *cache, unsigned number)
{
	char key[128], value[128];
	int key_size = snprintf(key, sizeof(key), "zen 1f3a9c21 %08x user%u@%.*s.example.net", number, number,
	                        (int)(number % 23), "sender-domain-sender-domain");
	int value_size = snprintf(value, sizeof(value), "%u is on %.*s, rules.txt:%u", number,
	                          (int)(number % 17), "the list of partners", number);

	cache_put(cache, key, (size_t)key_size, value, (size_t)value_size, pp_time() + 3600000,
	          pp_time() + 7200000);
}

static bool add(const struct cache_entry *entry, void *data)
{
	*(int64_t *)data += (int64_t)(entry->key_size + entry->value_size);
	return true;
}

int main(void)
{
	int64_t before = resident();
	struct cache *cache = cache_new(LIMIT);
	struct cache_stats stats = { 0 };
	double most = 0, most_resident = 0, last = 0, by_size = 0;
	unsigned number = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		int64_t payload = 0;

		while (number < (step + 1) * STEP)
			put(cache, number++);
		cache_each(cache, add, &payload);
		cache_stats(cache, &stats);
		last = (double)(stats.bytes - payload) / (double)stats.entries;
		by_size = (double)(resident() - before - payload) / (double)stats.entries;

		if (step >= FIRST - 1) {
			most = last > most ? last : most;
			most_resident = by_size > most_resident ? by_size : most_resident;
		}
	}
	printf("{\"entries\": %llu, \"evicted\": %llu, \"most\": %.1f, \"full\": %.1f, ",
	       (unsigned long long)stats.entries, (unsigned long long)stats.evicted, most, last);
	printf("\"most_resident\": %.1f, \"full_resident\": %.1f}\n", most_resident, by_size);
	cache_free(cache);
	return 0;
}
