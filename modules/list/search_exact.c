/* search_exact.c - the index of keys, and the search for a whole value
 *
 * A table of entry numbers by hash, open addressing, at most two thirds full: 1.5
 * to 3 slots of four bytes an entry.
 */
#include <string.h>
#include "list.h"

#define NO_ENTRY UINT32_MAX

struct index {
	uint32_t mask;
	uint32_t slots[];
};

/* FNV-1a, with the high bits mixed into the low ones, which choose the slot. */
static uint32_t hash_of(const char *head, size_t head_length, const char *tail, size_t tail_length)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < head_length; i++)
		hash = (hash ^ (unsigned char)head[i]) * 0x100000001b3u;
	for (size_t i = 0; i < tail_length; i++)
		hash = (hash ^ (unsigned char)tail[i]) * 0x100000001b3u;
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32);
}

static bool key_is(const char *key, const char *head, size_t head_length, const char *tail,
                   size_t tail_length)
{
	return strncmp(key, head, head_length) == 0 && strncmp(key + head_length, tail, tail_length) == 0 &&
	       key[head_length + tail_length] == '\0';
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t slot_of(const struct snapshot *snapshot, const char *head, size_t head_length,
                        const char *tail, size_t tail_length)
{
	const struct index *index = snapshot->found_by;
	uint32_t slot = hash_of(head, head_length, tail, tail_length) & index->mask;

	while (index->slots[slot] != NO_ENTRY &&
	       !key_is(snapshot_key(snapshot, index->slots[slot]), head, head_length, tail, tail_length))
		slot = (slot + 1) & index->mask;
	return slot;
}

void exact_finish(struct snapshot *snapshot)
{
	size_t slots = 4;
	struct index *index;

	while (slots < snapshot->count + (size_t)snapshot->count / 2)
		slots *= 2;
	index = g_malloc(sizeof(*index) + slots * sizeof(index->slots[0]));
	index->mask = (uint32_t)(slots - 1);
	memset(index->slots, 0xff, slots * sizeof(index->slots[0]));
	snapshot->found_by = index;
	for (uint32_t entry = 0; entry < snapshot->count; entry++) {
		const char *key = snapshot_key(snapshot, entry);
		uint32_t slot = slot_of(snapshot, key, strlen(key), "", 0);

		if (index->slots[slot] == NO_ENTRY)
			index->slots[slot] = entry;
	}
}

void exact_free(struct snapshot *snapshot)
{
	g_free(snapshot->found_by);
}

bool exact_find(const struct snapshot *snapshot, const char *head, size_t head_length, const char *tail,
                size_t tail_length, struct result *result)
{
	const struct index *index = snapshot->found_by;
	uint32_t entry = index->slots[slot_of(snapshot, head, head_length, tail, tail_length)];

	if (entry == NO_ENTRY)
		return false;
	*result = (struct result){ .outcome = OUTCOME_FOUND, .entry = entry };
	return true;
}

static void fold_case(const struct conf *conf, char *text)
{
	if (!conf->ignore_case)
		return;
	for (; *text != '\0'; text++)
		*text = g_ascii_tolower(*text);
}

static bool add(struct snapshot *snapshot, const struct conf *conf, char *key, char *wrong)
{
	(void)snapshot;
	(void)wrong;
	fold_case(conf, key);
	return true;
}

static struct result find(const struct snapshot *snapshot, const struct conf *conf, char *value)
{
	struct result result = { .outcome = OUTCOME_ABSENT };

	fold_case(conf, value);
	exact_find(snapshot, value, strlen(value), "", 0, &result);
	return result;
}

const struct search search_exact = {
	.name = "exact",
	.add = add,
	.finish = exact_finish,
	.find = find,
	.free = exact_free,
};
