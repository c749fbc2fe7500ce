/* service/cache.h - kept answers in memory, exact keys, bounded by bytes
 *
 * Safe and fast under several threads: shards, each with a lock, an index of
 * 8-byte slots and a ring of entries; the oldest make room (FIFO). The key is
 * hashed with a random seed, since senders choose keys. Values are opaque bytes.
 */
#ifndef SERVICE_CACHE_H
#define SERVICE_CACHE_H

#include "ppolicyd/module.h"

struct cache;

struct cache_hit {
	size_t size; /* of the value, whole even when the buffer was too small (then nothing is copied) */
	pp_msec_t good_until; /* pp_time() */
	pp_msec_t stale_until;
	bool good; /* pp_time() < good_until */
};

struct cache *cache_new(int64_t bytes); /* takes memory as entries come */
void cache_free(struct cache *cache);
void cache_resize(struct cache *cache, int64_t bytes); /* entries beyond it go, oldest first */

/* Copies the value of the key into buffer. True while pp_time() < stale_until, so
 * also when it is no longer < good_until: the caller compares. */
bool cache_get(struct cache *cache, const void *key, size_t key_size, void *buffer, size_t buffer_size,
               struct cache_hit *hit);
/* Replaces an entry of the same key. False: too large (key and value over an eighth
 * of a shard, or 64 KiB); then there is no entry of that key any more. */
bool cache_put(struct cache *cache, const void *key, size_t key_size, const void *value, size_t value_size,
               pp_msec_t good_until, pp_msec_t stale_until);

struct cache_entry {
	const void *key, *value;
	size_t key_size, value_size;
	pp_msec_t good_until, stale_until;
};
/* Calls for each live entry, a shard locked at a time: be quick, do not call the
 * cache. Returning false from visit ends the walk. */
void cache_each(struct cache *cache, bool (*visit)(const struct cache_entry *entry, void *data), void *data);
/* Drops the entries for which match returns true; how many. */
size_t cache_drop(struct cache *cache, bool (*match)(const struct cache_entry *entry, void *data),
                  void *data);

/* How often cache_drop() was called. What was found out before the last one is not to be put any more: it
 * may be what was dropped. */
uint64_t cache_drops(struct cache *cache);

struct cache_stats {
	uint64_t hits, misses, stale, puts; /* since cache_new(); a stale answer is no hit */
	uint64_t evicted;                   /* entries not past stale_until that made room for others */
	uint64_t entries;                   /* now, with those past stale_until that still lie there */
	int64_t bytes, bytes_max;           /* of all memory: index, entries, overhead */
};
void cache_stats(struct cache *cache, struct cache_stats *stats);

#endif
