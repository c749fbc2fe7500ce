/* snapshot.c - a list as it was read at one time */
#include <string.h>
#include "list.h"

struct snapshot *snapshot_new(const struct search *search)
{
	struct snapshot *snapshot = g_new0(struct snapshot, 1);

	atomic_init(&snapshot->users, 1);
	snapshot->search = search;
	return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->users, 1, memory_order_relaxed);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->users, 1, memory_order_acq_rel) > 1)
		return;
	snapshot->search->free(snapshot);
	g_free(snapshot->texts);
	g_free(snapshot->entries);
	g_free(snapshot->skipped);
	g_free(snapshot);
}

/* Grows by half, and within 4 GiB because a file has an end: LIST_FILE_MAX. */
static void texts_add(struct snapshot *snapshot, const char *text)
{
	size_t size = strlen(text) + 1;

	if (snapshot->texts_used + size > snapshot->texts_size) {
		snapshot->texts_size = (snapshot->texts_used + size) * 3 / 2 + 64;
		snapshot->texts = g_realloc(snapshot->texts, snapshot->texts_size);
	}
	memcpy(snapshot->texts + snapshot->texts_used, text, size);
	snapshot->texts_used += size;
}

bool snapshot_add(struct snapshot *snapshot, const struct conf *conf, char *key, const char *value,
                  uint32_t line, char *wrong)
{
	if (*key == '\0') {
		g_strlcpy(wrong, "an entry is empty; the null sender is written '<>'", LIST_WRONG_SIZE);
		return false;
	}
	if (!snapshot->search->add(snapshot, conf, key, wrong))
		return false;
	if (snapshot->count == snapshot->entries_size) {
		snapshot->entries_size += snapshot->entries_size / 2 + 16;
		snapshot->entries = g_renew(struct entry, snapshot->entries, snapshot->entries_size);
	}
	snapshot->entries[snapshot->count++] = (struct entry){ (uint32_t)snapshot->texts_used, line };
	texts_add(snapshot, key);
	texts_add(snapshot, value);
	return true;
}

void snapshot_finish(struct snapshot *snapshot)
{
	snapshot->texts_size = snapshot->texts_used;
	snapshot->texts = g_realloc(snapshot->texts, snapshot->texts_size);
	snapshot->entries_size = snapshot->count;
	snapshot->entries = g_renew(struct entry, snapshot->entries, snapshot->count);
	if (snapshot->search->finish != NULL)
		snapshot->search->finish(snapshot);
}

const char *snapshot_key(const struct snapshot *snapshot, uint32_t entry)
{
	return snapshot->texts + snapshot->entries[entry].key;
}

const char *snapshot_value(const struct snapshot *snapshot, uint32_t entry)
{
	const char *key = snapshot_key(snapshot, entry);

	return key + strlen(key) + 1;
}
