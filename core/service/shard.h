/* service/shard.h - a part of the cache: entries in a ring, and their index
 *
 * The ring is a range of places, 32-bit numbers that count on and wrap: entries are
 * added at its tail and go at its head, the oldest first. Its memory is pages, taken
 * as the tail comes upon them and freed as the head leaves them, so it follows what
 * is kept; what the index needs as it grows, the ring gives. An entry may lie across
 * pages. One that is replaced or dropped stays in the ring, dead, until its turn.
 *
 * Nothing here locks: cache.c does.
 */
#ifndef SERVICE_SHARD_H
#define SERVICE_SHARD_H

#include "ppolicyd/module.h"

enum { SHARD_ENTRY_MAX = 64 * 1024 }; /* key and value */

struct shard_slot;

struct shard {
	struct shard_slot *slots;
	uint32_t slot_count, entries;
	uint32_t head, tail; /* equal = empty */
	char **pages;        /* by place / page size, and page_mask */
	uint32_t page_mask, page_count;
	int64_t bytes_max;
	size_t entry_max;
	uint64_t evicted; /* before their time */
};

/* entry_max: bytes of a key and its value, at most SHARD_ENTRY_MAX. */
void shard_init(struct shard *shard, int64_t bytes_max, size_t entry_max);
void shard_clear(struct shard *shard);          /* frees all its memory */
int64_t shard_bytes(const struct shard *shard); /* of index, ring and table of pages */

/* Hashed with a secret of this process: senders choose keys. */
struct shard_key {
	uint64_t hash; /* the lower half is for choosing a shard */
	const void *bytes;
	size_t size;
};
struct shard_key shard_key(const void *bytes, size_t size);
void shard_weaken_hash(uint64_t bits); /* for tests: only these bits count */

/* What stands before key and value of an entry in the ring. */
struct shard_entry {
	uint32_t place, next; /* in the ring: of it, of the one after it */
	size_t key_size, value_size;
	pp_msec_t good_until, stale_until;
	bool dead;
};
bool shard_find(const struct shard *shard, const struct shard_key *key, struct shard_entry *entry);
/* The entry at shard->head or at the next of another, dead or not; false at the tail. */
bool shard_at(const struct shard *shard, uint32_t place, struct shard_entry *entry);
/* The key with the value behind it: in the ring, or copied to *copy (made when
 * needed, the caller's to free) if it does not lie in one piece. */
const char *shard_bytes_of(const struct shard *shard, const struct shard_entry *entry, char **copy);
void shard_value(const struct shard *shard, const struct shard_entry *entry, void *buffer);

/* Adds an entry whose key is not there; those in its way go. One past stale_until is
 * not kept. False: too large. */
bool shard_add(struct shard *shard, const struct shard_key *key, const void *value, size_t value_size,
               pp_msec_t good_until, pp_msec_t stale_until);
/* Makes an entry that is not dead so. */
void shard_drop(struct shard *shard, const struct shard_key *key, const struct shard_entry *entry);
/* Frees the oldest entry, for one who takes all out: nothing is found any more. */
void shard_shift(struct shard *shard, const struct shard_entry *oldest);

#endif
