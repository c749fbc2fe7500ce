/* service/shard.c - a part of the cache: entries in a ring, and their index */
#include "service/shard.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <xxhash.h>

enum {
	PAGE_SHIFT = 13,
	PAGE = 1 << PAGE_SHIFT,
	PAGE_COST = PAGE + 16, /* with what malloc() adds */
	SLOTS_STEP = 512,      /* 4 KiB, which the system gives as a whole */
	SECRET = 192           /* bytes; XXH3 wants 136 at least */
};

/* So that places, which wrap, do not meet. */
#define BYTES_MAX (INT64_C(1) << 31)
#define TIME_MAX ((INT64_C(1) << 44) - 1)

/* Before each entry's key and value. */
struct head {
	uint64_t good_until : 44, value_size : 20;
	uint64_t stale_until : 44, key_size : 19, dead : 1;
};
_Static_assert(sizeof(struct head) == 16, "every entry pays for its head");

/* Open addressing. A slot's home is its hash scaled to their number, so that this
 * can grow by little and no key is read for it. */
struct shard_slot {
	uint32_t hash; /* 0 = empty */
	uint32_t place;
};

/* -- hash ---------------------------------------------------------------- */

static unsigned char secret[SECRET];
static uint64_t hash_bits = UINT64_MAX;

static void make_secret(void)
{
	ssize_t got;

	do
		got = getrandom(secret, sizeof(secret), 0);
	while (got < 0 && errno == EINTR);
	/* So few bytes are never given in part. */
	if (got != sizeof(secret))
		g_error("getrandom: %s", g_strerror(errno));
}

void shard_weaken_hash(uint64_t bits)
{
	hash_bits = bits;
}

struct shard_key shard_key(const void *bytes, size_t size)
{
	uint64_t hash = XXH3_64bits_withSecret(bytes, size, secret, sizeof(secret));

	return (struct shard_key){ hash & hash_bits, bytes, size };
}

static uint32_t slot_hash(const struct shard_key *key)
{
	uint32_t upper = (uint32_t)(key->hash >> 32);

	return upper != 0 ? upper : 1;
}

/* -- ring ---------------------------------------------------------------- */

static char **ring_page(const struct shard *shard, uint32_t place)
{
	return &shard->pages[(place >> PAGE_SHIFT) & shard->page_mask];
}

/* How many of size bytes lie in the page of the place. */
static size_t ring_run(uint32_t place, size_t size)
{
	return MIN(size, PAGE - place % PAGE);
}

static const char *ring_at(const struct shard *shard, uint32_t place)
{
	return *ring_page(shard, place) + place % PAGE;
}

static void ring_read(const struct shard *shard, uint32_t place, void *to, size_t size)
{
	char *out = to;

	for (size_t run; size > 0; size -= run, place += run, out += run) {
		run = ring_run(place, size);
		memcpy(out, ring_at(shard, place), run);
	}
}

static void ring_write(struct shard *shard, uint32_t place, const void *from, size_t size)
{
	const char *in = from;

	for (size_t run; size > 0; size -= run, place += run, in += run) {
		char **page = ring_page(shard, place);

		if (*page == NULL) {
			*page = g_malloc(PAGE);
			shard->page_count++;
		}
		run = ring_run(place, size);
		memcpy(*page + place % PAGE, in, run);
	}
}

static bool ring_equal(const struct shard *shard, uint32_t place, const void *with, size_t size)
{
	const char *in = with;

	for (size_t run; size > 0; size -= run, place += run, in += run) {
		run = ring_run(place, size);
		if (memcmp(ring_at(shard, place), in, run) != 0)
			return false;
	}
	return true;
}

static void ring_free_page(struct shard *shard, uint32_t place)
{
	char **page = ring_page(shard, place);

	if (*page == NULL)
		return;
	g_free(*page);
	*page = NULL;
	shard->page_count--;
}

/* Moves the head on and frees the pages it leaves. */
static void ring_release(struct shard *shard, uint32_t to)
{
	for (; shard->head / PAGE != to / PAGE; shard->head += PAGE)
		ring_free_page(shard, shard->head);
	shard->head = to;
	if (shard->head == shard->tail) {
		ring_free_page(shard, shard->head);
		shard->head = shard->tail = 0;
	}
}

/* -- index --------------------------------------------------------------- */

static uint32_t index_home(const struct shard *shard, uint32_t hash)
{
	return (uint32_t)(((uint64_t)hash * shard->slot_count) >> 32);
}

static uint32_t index_next(const struct shard *shard, uint32_t i)
{
	return i + 1 < shard->slot_count ? i + 1 : 0;
}

/* Steps from one slot on to another. */
static uint32_t index_steps(const struct shard *shard, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + shard->slot_count - from;
}

static void index_add(struct shard *shard, struct shard_slot slot)
{
	uint32_t i = index_home(shard, slot.hash);

	while (shard->slots[i].hash != 0)
		i = index_next(shard, i);
	shard->slots[i] = slot;
}

/* The slot is there. Those behind it move up where that brings them nearer home. */
static void index_remove(struct shard *shard, struct shard_slot slot)
{
	uint32_t hole = index_home(shard, slot.hash);

	while (shard->slots[hole].hash != slot.hash || shard->slots[hole].place != slot.place)
		hole = index_next(shard, hole);
	for (uint32_t i = index_next(shard, hole); shard->slots[i].hash != 0; i = index_next(shard, i)) {
		uint32_t home = index_home(shard, shard->slots[i].hash);

		if (index_steps(shard, home, i) < index_steps(shard, hole, i))
			continue;
		shard->slots[hole] = shard->slots[i];
		hole = i;
	}
	shard->slots[hole].hash = 0;
}

/* Not from malloc(): each index is a little larger than the one before, whose place
 * would be left as a hole too small for the next or for a page. */
static void index_free(struct shard_slot *slots, uint32_t count)
{
	if (slots != NULL)
		munmap(slots, count * sizeof(*slots));
}

static void index_grow(struct shard *shard, uint32_t count)
{
	struct shard_slot *old = shard->slots;
	uint32_t old_count = shard->slot_count;

	shard->slots = mmap(NULL, count * sizeof(*old), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                    -1, 0);
	if (shard->slots == MAP_FAILED)
		g_error("no memory for the cache");
	shard->slot_count = count;
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i].hash != 0)
			index_add(shard, old[i]);
	index_free(old, old_count);
}

/* -- entries ------------------------------------------------------------- */

static void read_entry(const struct shard *shard, uint32_t place, struct shard_entry *entry)
{
	struct head head;

	ring_read(shard, place, &head, sizeof(head));
	entry->place = place;
	entry->next = place + (uint32_t)(sizeof(head) + head.key_size + head.value_size);
	entry->key_size = head.key_size;
	entry->value_size = head.value_size;
	entry->good_until = head.good_until;
	entry->stale_until = head.stale_until;
	entry->dead = head.dead;
}

bool shard_at(const struct shard *shard, uint32_t place, struct shard_entry *entry)
{
	if (place == shard->tail)
		return false;
	read_entry(shard, place, entry);
	return true;
}

bool shard_find(const struct shard *shard, const struct shard_key *key, struct shard_entry *entry)
{
	uint32_t hash = slot_hash(key);

	if (shard->entries == 0)
		return false;
	for (uint32_t i = index_home(shard, hash); shard->slots[i].hash != 0; i = index_next(shard, i)) {
		if (shard->slots[i].hash != hash)
			continue;
		read_entry(shard, shard->slots[i].place, entry);
		if (entry->key_size == key->size &&
		    ring_equal(shard, entry->place + sizeof(struct head), key->bytes, key->size))
			return true;
	}
	return false;
}

const char *shard_bytes_of(const struct shard *shard, const struct shard_entry *entry, char **copy)
{
	uint32_t place = entry->place + sizeof(struct head);
	size_t size = entry->key_size + entry->value_size;

	if (size > 0 && ring_run(place, size) == size)
		return ring_at(shard, place);
	if (*copy == NULL)
		*copy = g_malloc(SHARD_ENTRY_MAX);
	ring_read(shard, place, *copy, size);
	return *copy;
}

void shard_value(const struct shard *shard, const struct shard_entry *entry, void *buffer)
{
	ring_read(shard, entry->next - (uint32_t)entry->value_size, buffer, entry->value_size);
}

void shard_drop(struct shard *shard, const struct shard_key *key, const struct shard_entry *entry)
{
	struct head head;

	index_remove(shard, (struct shard_slot){ slot_hash(key), entry->place });
	shard->entries--;
	ring_read(shard, entry->place, &head, sizeof(head));
	head.dead = 1;
	ring_write(shard, entry->place, &head, sizeof(head));
}

static void evict_oldest(struct shard *shard, pp_msec_t now)
{
	g_autofree char *copy = NULL;
	struct shard_entry oldest;

	read_entry(shard, shard->head, &oldest);
	if (!oldest.dead) {
		struct shard_key key = shard_key(shard_bytes_of(shard, &oldest, &copy), oldest.key_size);

		index_remove(shard, (struct shard_slot){ slot_hash(&key), oldest.place });
		shard->entries--;
		if (oldest.stale_until > now)
			shard->evicted++;
	}
	ring_release(shard, oldest.next);
}

void shard_shift(struct shard *shard, const struct shard_entry *oldest)
{
	ring_release(shard, oldest->next);
}

static int64_t bytes_of(const struct shard *shard, uint32_t pages, uint32_t slots)
{
	return (int64_t)sizeof(*shard) + (shard->page_mask + 1) * (int64_t)sizeof(*shard->pages) +
	       (int64_t)pages * PAGE_COST + (int64_t)slots * (int64_t)sizeof(*shard->slots);
}

int64_t shard_bytes(const struct shard *shard)
{
	return bytes_of(shard, shard->page_count, shard->slot_count);
}

/* Evicts until size more bytes in the ring and so many slots are within bytes_max;
 * false if they never are. */
static bool evict_for(struct shard *shard, uint32_t size, uint32_t slots, pp_msec_t now)
{
	for (;;) {
		uint32_t spanned = shard->head % PAGE + (shard->tail - shard->head) + size;

		if (bytes_of(shard, (spanned + PAGE - 1) / PAGE, slots) <= shard->bytes_max)
			return true;
		if (shard->head == shard->tail)
			return false;
		evict_oldest(shard, now);
	}
}

/* Load is at most 0.85 and, in a large index, falls to 0.75 as it grows: misses stay
 * short, and slots cost about ten bytes an entry. */
static bool make_room(struct shard *shard, uint32_t size, pp_msec_t now)
{
	uint32_t grown;

	if (!evict_for(shard, size, shard->slot_count, now))
		return false;
	if ((shard->entries + 1) * UINT64_C(20) <= shard->slot_count * UINT64_C(17))
		return true;
	grown = (shard->slot_count + shard->slot_count / 8) / SLOTS_STEP * SLOTS_STEP + SLOTS_STEP;
	if (!evict_for(shard, size, grown, now))
		return false;
	index_grow(shard, grown);
	return true;
}

bool shard_add(struct shard *shard, const struct shard_key *key, const void *value, size_t value_size,
               pp_msec_t good_until, pp_msec_t stale_until)
{
	struct head head = { .key_size = key->size, .value_size = value_size };
	pp_msec_t now = pp_time();
	uint32_t place;

	if (key->size > shard->entry_max || value_size > shard->entry_max - key->size)
		return false;
	if (stale_until <= now)
		return true;
	if (!make_room(shard, (uint32_t)(sizeof(head) + key->size + value_size), now))
		return false;
	head.good_until = (uint64_t)CLAMP(good_until, 0, TIME_MAX);
	head.stale_until = (uint64_t)CLAMP(stale_until, 0, TIME_MAX);
	place = shard->tail;
	ring_write(shard, place, &head, sizeof(head));
	ring_write(shard, place + sizeof(head), key->bytes, key->size);
	ring_write(shard, place + (uint32_t)(sizeof(head) + key->size), value, value_size);
	shard->tail = place + (uint32_t)(sizeof(head) + key->size + value_size);
	index_add(shard, (struct shard_slot){ slot_hash(key), place });
	shard->entries++;
	return true;
}

/* -- shard --------------------------------------------------------------- */

void shard_init(struct shard *shard, int64_t bytes_max, size_t entry_max)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t pages = 1;

	pthread_once(&once, make_secret);
	memset(shard, 0, sizeof(*shard));
	shard->bytes_max = CLAMP(bytes_max, 0, BYTES_MAX);
	shard->entry_max = entry_max;
	while (pages < shard->bytes_max / PAGE + 1)
		pages *= 2;
	shard->page_mask = pages - 1;
	shard->pages = g_new0(char *, pages);
}

void shard_clear(struct shard *shard)
{
	for (uint32_t i = 0; shard->pages != NULL && i <= shard->page_mask; i++)
		g_free(shard->pages[i]);
	g_free(shard->pages);
	index_free(shard->slots, shard->slot_count);
	memset(shard, 0, sizeof(*shard));
}
