/* service/cache.c - kept answers in memory, exact keys, bounded by bytes
 *
 * The cache has a set of shards (service/shard.h), each under a lock. cache_resize()
 * makes a new set and moves the entries into it. A thread may just then be about to
 * lock a shard of the old set: it finds it retired and turns to the new one. That is
 * why the emptied shards of old sets live as long as the cache.
 */
#include "service/cache.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "service/shard.h"

enum {
	SHARDS_MAX = 64,
	SHARD_WANTED = 8 * SHARD_ENTRY_MAX, /* bytes, so that the largest entry fits */
	MOVE_TURNS = 256,
	LINE = 64 /* of the processor's cache: locks do not share one */
};

struct part {
	_Alignas(LINE) pthread_mutex_t lock;
	bool retired;
	uint64_t hits, misses, stale, puts;
	struct shard shard;
};

struct set {
	struct set *older; /* retired */
	unsigned count;    /* a power of two */
	struct part parts[];
};

struct cache {
	_Atomic(struct set *) set;
	pthread_mutex_t lock; /* taken before a part's: changes of the set, walks, and what follows */
	_Atomic uint64_t drops;
	int64_t bytes;
	struct cache_stats past; /* counters of retired sets */
};

/* -- sets ---------------------------------------------------------------- */

static struct set *set_new(int64_t bytes)
{
	unsigned count = SHARDS_MAX;
	int64_t share, own;
	struct set *set;
	size_t size;

	while (count > 1 && bytes / count < SHARD_WANTED)
		count /= 2;
	size = sizeof(*set) + count * sizeof(set->parts[0]);
	set = aligned_alloc(LINE, size);
	if (set == NULL)
		g_error("no memory for the cache");
	memset(set, 0, size);
	set->count = count;
	share = MAX(bytes, 0) / count;
	/* What a part takes itself counts as well. */
	own = (int64_t)(size / count - sizeof(struct shard));
	for (unsigned i = 0; i < count; i++) {
		pthread_mutex_init(&set->parts[i].lock, NULL);
		shard_init(&set->parts[i].shard, share - own,
		           (size_t)MIN(share / 8, (int64_t)SHARD_ENTRY_MAX));
	}
	return set;
}

/* The part of the key, locked. */
static struct part *lock_part(struct cache *cache, const struct shard_key *key)
{
	for (;;) {
		struct set *set = atomic_load_explicit(&cache->set, memory_order_acquire);
		struct part *part = &set->parts[key->hash & (set->count - 1)];

		pthread_mutex_lock(&part->lock);
		if (!part->retired)
			return part;
		pthread_mutex_unlock(&part->lock);
	}
}

static void retire(struct cache *cache, struct set *set)
{
	for (unsigned i = 0; i < set->count; i++) {
		struct part *part = &set->parts[i];

		pthread_mutex_lock(&part->lock);
		part->retired = true;
		pthread_mutex_unlock(&part->lock);
		cache->past.hits += part->hits;
		cache->past.misses += part->misses;
		cache->past.stale += part->stale;
		cache->past.puts += part->puts;
		cache->past.evicted += part->shard.evicted;
	}
}

/* Copies an entry of a retired shard, unless the key has come anew since. */
static void move(struct cache *cache, const struct shard *from, const struct shard_entry *entry, char **copy)
{
	const char *bytes = shard_bytes_of(from, entry, copy);
	struct shard_key key = shard_key(bytes, entry->key_size);
	struct part *part = lock_part(cache, &key);
	struct shard_entry newer;

	if (!shard_find(&part->shard, &key, &newer))
		shard_add(&part->shard, &key, bytes + entry->key_size, entry->value_size, entry->good_until,
		          entry->stale_until);
	pthread_mutex_unlock(&part->lock);
}

/* Moves the oldest entries, about so many bytes of them. */
static void move_oldest(struct cache *cache, struct shard *from, uint32_t bytes, char **copy)
{
	struct shard_entry entry;

	for (uint32_t moved = 0; moved < bytes && shard_at(from, from->head, &entry);
	     moved += entry.next - entry.place) {
		if (!entry.dead)
			move(cache, from, &entry, copy);
		shard_shift(from, &entry);
	}
}

/* A little of each shard in turn, so that among all the oldest come first. */
static void move_all(struct cache *cache, struct set *from)
{
	g_autofree char *copy = NULL;

	for (uint32_t turns = MOVE_TURNS; turns > 0; turns--)
		for (unsigned i = 0; i < from->count; i++) {
			struct shard *shard = &from->parts[i].shard;

			move_oldest(cache, shard, (shard->tail - shard->head) / turns, &copy);
		}
	for (unsigned i = 0; i < from->count; i++)
		shard_clear(&from->parts[i].shard);
}

/* -- cache --------------------------------------------------------------- */

struct cache *cache_new(int64_t bytes)
{
	struct cache *cache = g_new0(struct cache, 1);

	pthread_mutex_init(&cache->lock, NULL);
	cache->bytes = bytes;
	atomic_init(&cache->set, set_new(bytes));
	return cache;
}

void cache_free(struct cache *cache)
{
	struct set *older;

	if (cache == NULL)
		return;
	for (struct set *set = atomic_load(&cache->set); set != NULL; set = older) {
		older = set->older;
		for (unsigned i = 0; i < set->count; i++) {
			shard_clear(&set->parts[i].shard);
			pthread_mutex_destroy(&set->parts[i].lock);
		}
		free(set);
	}
	pthread_mutex_destroy(&cache->lock);
	g_free(cache);
}

void cache_resize(struct cache *cache, int64_t bytes)
{
	struct set *old, *set;

	pthread_mutex_lock(&cache->lock);
	if (bytes != cache->bytes) {
		old = atomic_load(&cache->set);
		set = set_new(bytes);
		set->older = old;
		cache->bytes = bytes;
		atomic_store(&cache->set, set);
		retire(cache, old);
		move_all(cache, old);
	}
	pthread_mutex_unlock(&cache->lock);
}

bool cache_get(struct cache *cache, const void *key, size_t key_size, void *buffer, size_t buffer_size,
               struct cache_hit *hit)
{
	struct shard_key wanted = shard_key(key, key_size);
	struct part *part = lock_part(cache, &wanted);
	struct shard_entry entry;
	bool found = shard_find(&part->shard, &wanted, &entry), good = false;

	if (found) {
		pp_msec_t now = pp_time();

		good = now < entry.good_until;
		if (now >= entry.stale_until) {
			shard_drop(&part->shard, &wanted, &entry);
			found = false;
		} else if (good) {
			part->hits++;
		} else {
			part->stale++;
		}
	}
	if (found) {
		*hit = (struct cache_hit){ entry.value_size, entry.good_until, entry.stale_until, good };
		if (entry.value_size <= buffer_size)
			shard_value(&part->shard, &entry, buffer);
	} else {
		part->misses++;
	}
	pthread_mutex_unlock(&part->lock);
	return found;
}

bool cache_put(struct cache *cache, const void *key, size_t key_size, const void *value, size_t value_size,
               pp_msec_t good_until, pp_msec_t stale_until)
{
	struct shard_key wanted = shard_key(key, key_size);
	struct part *part = lock_part(cache, &wanted);
	struct shard_entry entry;
	bool added;

	if (shard_find(&part->shard, &wanted, &entry))
		shard_drop(&part->shard, &wanted, &entry);
	added = shard_add(&part->shard, &wanted, value, value_size, good_until, stale_until);
	part->puts += added;
	pthread_mutex_unlock(&part->lock);
	return added;
}

/* -- walks and statistics ------------------------------------------------ */

struct walk {
	bool (*visit)(const struct cache_entry *entry, void *data); /* or NULL */
	bool (*match)(const struct cache_entry *entry, void *data); /* or NULL */
	void *data;
	size_t dropped;
	char *copy; /* of an entry that does not lie in one piece */
};

/* False: visit has had enough. */
static bool walk_shard(struct walk *walk, struct shard *shard)
{
	struct shard_entry at;
	pp_msec_t now = pp_time();

	for (uint32_t place = shard->head; shard_at(shard, place, &at); place = at.next) {
		struct cache_entry entry = { .key_size = at.key_size,
			                     .value_size = at.value_size,
			                     .good_until = at.good_until,
			                     .stale_until = at.stale_until };

		if (at.dead || now >= at.stale_until)
			continue;
		entry.key = shard_bytes_of(shard, &at, &walk->copy);
		entry.value = (const char *)entry.key + at.key_size;
		if (walk->visit != NULL && !walk->visit(&entry, walk->data))
			return false;
		if (walk->match != NULL && walk->match(&entry, walk->data)) {
			struct shard_key key = shard_key(entry.key, entry.key_size);

			shard_drop(shard, &key, &at);
			walk->dropped++;
		}
	}
	return true;
}

static void walk_all(struct cache *cache, struct walk *walk)
{
	struct set *set;
	bool more = true;

	pthread_mutex_lock(&cache->lock);
	set = atomic_load(&cache->set);
	for (unsigned i = 0; i < set->count && more; i++) {
		pthread_mutex_lock(&set->parts[i].lock);
		more = walk_shard(walk, &set->parts[i].shard);
		pthread_mutex_unlock(&set->parts[i].lock);
	}
	pthread_mutex_unlock(&cache->lock);
	g_free(walk->copy);
}

void cache_each(struct cache *cache, bool (*visit)(const struct cache_entry *entry, void *data), void *data)
{
	struct walk walk = { .visit = visit, .data = data };

	walk_all(cache, &walk);
}

size_t cache_drop(struct cache *cache, bool (*match)(const struct cache_entry *entry, void *data), void *data)
{
	struct walk walk = { .match = match, .data = data };

	atomic_fetch_add(&cache->drops, 1);
	walk_all(cache, &walk);
	return walk.dropped;
}

uint64_t cache_drops(struct cache *cache)
{
	return atomic_load(&cache->drops);
}

void cache_stats(struct cache *cache, struct cache_stats *stats)
{
	struct set *set;

	pthread_mutex_lock(&cache->lock);
	*stats = cache->past;
	stats->bytes_max = cache->bytes;
	set = atomic_load(&cache->set);
	stats->bytes = (int64_t)sizeof(*set);
	for (unsigned i = 0; i < set->count; i++) {
		struct part *part = &set->parts[i];

		pthread_mutex_lock(&part->lock);
		stats->hits += part->hits;
		stats->misses += part->misses;
		stats->stale += part->stale;
		stats->puts += part->puts;
		stats->evicted += part->shard.evicted;
		stats->entries += part->shard.entries;
		stats->bytes += (int64_t)(sizeof(*part) - sizeof(part->shard)) + shard_bytes(&part->shard);
		pthread_mutex_unlock(&part->lock);
	}
	pthread_mutex_unlock(&cache->lock);
}
