/* daemon/control_cache.c - ppolicyctl cache: kept answers listed, shown, dropped, counted */
#include <string.h>
#include "base/quantity.h"
#include "check/stored.h"
#include "daemon/notices.h"
#include "service/cache.h"

#define MANY 1000     /* entries, from which on the fixed part of the cache's memory does not matter */
#define ANSWER_HEAD 5 /* bytes of a kept answer beside text and fields: see check/answer.h */

static void end_list(struct control_call *call, size_t seen, size_t shown)
{
	if (seen > shown)
		control_remark(call, "%zu more; limit=%zu shows more of them", seen - shown,
		               MIN(seen, (size_t)ANSWERS_LIMIT_MAX));
	if (seen == 0 && call->status == COMMAND_DONE) {
		control_remark(call, "no such answer is kept");
		call->status = COMMAND_NO;
	}
}

/* -- list and get -------------------------------------------------------- */

void control_cache_list(struct control_call *call)
{
	static const struct control_column columns[] = { { "check", "check", CONTROL_TEXT },
		                                         { "key", "key", CONTROL_TEXT },
		                                         { "word", "word", CONTROL_TEXT },
		                                         { "good_ms", "good for", CONTROL_MSEC },
		                                         { "stale_ms", "then stale", CONTROL_MSEC },
		                                         { "where", "where", CONTROL_TEXT },
		                                         { NULL } };
	struct answers_filter filter;
	json_t *rows;
	size_t shown, seen;

	if (!answers_filter_read(call, &filter))
		return;
	rows = answers_list(call, &filter, false, &seen);
	shown = json_array_size(rows);
	control_table(call, rows, columns);
	end_list(call, seen, shown);
}

static void say_answer(struct control_call *call, const json_t *row)
{
	const char *word = json_string_value(json_object_get(row, "word"));
	const char *text = json_string_value(json_object_get(row, "text"));
	pp_msec_t good = json_integer_value(json_object_get(row, "good_ms"));
	pp_msec_t stale = json_integer_value(json_object_get(row, "stale_ms"));
	char buffer[2][32];

	control_say(call, "%s %s", json_string_value(json_object_get(row, "check")),
	            json_string_value(json_object_get(row, "key")));
	if (json_is_true(json_object_get(row, "earlier")))
		control_say(call, "    of an earlier configuration, not used");
	if (word != NULL)
		control_say(call, "    %s%s%s", word, text != NULL && *text != '\0' ? ": " : "",
		            text != NULL ? text : "");
	if (g_strcmp0(json_string_value(json_object_get(row, "where")), "store") == 0)
		control_say(call, "    in the store");
	duration_say(good, buffer[0]);
	duration_say(stale, buffer[1]);
	if (good == 0)
		control_say(call, "    stale, for %s more", buffer[1]);
	else if (stale > 0)
		control_say(call, "    good for %s, then stale for %s", buffer[0], buffer[1]);
	else
		control_say(call, "    good for %s", buffer[0]);
	control_say_fields(call, json_object_get(row, "fields"));
}

/* Filters, or CHECK KEY ... with the parts of the key separated by blanks as in the list. */
static bool read_what_to_get(struct control_call *call, struct answers_filter *filter)
{
	if (call->words[0] != NULL && answers_is_filter(call->words[0]))
		return answers_filter_read(call, filter);
	if (call->words[0] == NULL || call->words[1] == NULL) {
		control_fail(call, COMMAND_USAGE,
		             "cache get: wanted a check and a key, or filters such as check=zen");
		return false;
	}
	*filter = answers_filter_new();
	filter->check = call->words[0];
	filter->key = g_strjoinv(" ", call->words + 1);
	return true;
}

void control_cache_get(struct control_call *call)
{
	struct answers_filter filter;
	size_t index, seen;
	json_t *rows, *row;

	if (!read_what_to_get(call, &filter))
		return;
	rows = answers_list(call, &filter, true, &seen);
	json_array_foreach(rows, index, row)
	{
		say_answer(call, row);
		control_row(call, json_incref(row));
	}
	end_list(call, seen, json_array_size(rows));
	json_decref(rows);
	g_free(filter.key);
}

/* -- drop ---------------------------------------------------------------- */

static bool read_what_to_drop(struct control_call *call, struct answers_filter *filter)
{
	bool all = call->words[0] != NULL && strcmp(call->words[0], "all") == 0 && call->words[1] == NULL;

	if (all) {
		*filter = answers_filter_new();
		return true;
	}
	if (!answers_filter_read(call, filter))
		return false;
	if (filter->chosen && !filter->limited && !(filter->here && filter->where != NULL))
		return true;
	control_fail(call, COMMAND_USAGE,
	             filter->limited ? "cache drop: limit is for list and get"
	             : filter->chosen
	                     ? "cache drop: on=this is the memory of this server; where= is for on=all"
	                     : "cache drop: wanted a filter, such as check=zen, or all");
	return false;
}

void control_cache_drop(struct control_call *call)
{
	struct answers_filter filter;
	struct notices_done done;

	if (!read_what_to_drop(call, &filter))
		return;
	done = notices_drop(call, &filter);
	control_row(call, json_pack("{s:I, s:I, s:I, s:b}", "dropped", (json_int_t)(done.memory + done.store),
	                            "memory", (json_int_t)done.memory, "store", (json_int_t)done.store,
	                            "told", (int)done.told));
	if (done.store > 0)
		control_say(call, "dropped %zu in memory, %zu in the store", done.memory, done.store);
	else
		control_say(call, "dropped %zu", done.memory);
	if (done.memory + done.store == 0)
		call->status = COMMAND_NO;
}

/* -- stats --------------------------------------------------------------- */

struct share {
	json_int_t entries, bytes; /* in memory; of key, text and fields */
	json_int_t stored;         /* in the store */
};

static struct share *share_of(GHashTable *shares, const char *name)
{
	struct share *share = g_hash_table_lookup(shares, name);

	if (share == NULL) {
		share = g_new0(struct share, 1);
		g_hash_table_insert(shares, g_strdup(name), share);
	}
	return share;
}

static void add_stored(const char *check_name, int64_t rows, int64_t bytes, void *data)
{
	(void)bytes;
	share_of(data, check_name)->stored += rows;
}

static void count_stored(struct control_call *call, GHashTable *shares)
{
	struct world *world = server_world_ref(call->server);
	const struct stored *stored = world_stored(world);
	g_autofree char *error = NULL;

	if (stored != NULL && !stored_count(stored, add_stored, shares, &error))
		control_fail(call, COMMAND_NO, "the store: %s", error);
	world_unref(world);
}

static bool add_share(const struct cache_entry *entry, void *data)
{
	struct share *share = share_of(data, ask_key_name(entry->key, entry->key_size));

	share->entries++;
	share->bytes += (json_int_t)(entry->key_size + entry->value_size) - ANSWER_HEAD;
	return true;
}

static json_t *list_shares(GHashTable *shares, struct share *sum)
{
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(shares), (GCompareFunc)strcmp);
	json_t *rows = json_array();

	for (GList *name = names; name != NULL; name = name->next) {
		const struct share *share = g_hash_table_lookup(shares, name->data);
		json_t *row = json_object();

		json_object_set_new(row, "check", control_string(name->data));
		json_object_set_new(row, "entries", json_integer(share->entries));
		json_object_set_new(row, "bytes", json_integer(share->bytes));
		json_object_set_new(row, "stored", json_integer(share->stored));
		json_array_append_new(rows, row);
		sum->entries += share->entries;
		sum->bytes += share->bytes;
		sum->stored += share->stored;
	}
	return rows;
}

static void say_stats(struct control_call *call, const struct cache_stats *stats, const struct share *sum)
{
	double overhead = sum->entries > 0 ? (double)(stats->bytes - sum->bytes) / (double)sum->entries : 0;
	char bytes[32], most[32], payload[32];

	control_row(call, json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "entries",
	                            sum->entries, "bytes", (json_int_t)stats->bytes, "bytes_max",
	                            (json_int_t)stats->bytes_max, "bytes_of_answers", sum->bytes, "overhead",
	                            sum->entries > 0 ? json_real(overhead) : json_null(), "hits",
	                            (json_int_t)stats->hits, "stale", (json_int_t)stats->stale, "misses",
	                            (json_int_t)stats->misses, "puts", (json_int_t)stats->puts, "evicted",
	                            (json_int_t)stats->evicted, "stored", sum->stored));
	control_say(call, "entries   %" JSON_INTEGER_FORMAT, sum->entries);
	control_say(call, "bytes     %s of %s", control_bytes(stats->bytes, bytes),
	            control_bytes(stats->bytes_max, most));
	if (sum->entries >= MANY)
		control_say(call,
		            "          %s of them keys, texts and fields; beside those %.1f bytes an entry",
		            control_bytes(sum->bytes, payload), overhead);
	control_say(call, "hits      %" G_GUINT64_FORMAT, stats->hits);
	control_say(call, "stale     %" G_GUINT64_FORMAT, stats->stale);
	control_say(call, "misses    %" G_GUINT64_FORMAT, stats->misses);
	control_say(call, "puts      %" G_GUINT64_FORMAT, stats->puts);
	control_say(call, "evicted   %" G_GUINT64_FORMAT " before their time", stats->evicted);
	control_say(call, "stored    %" JSON_INTEGER_FORMAT " in the store", sum->stored);
}

/* How many answers there are of a word, "check\nword". */
static void count_answer(const char *check, const char *word, bool stored, void *data)
{
	g_autofree char *name = g_strconcat(check, "\n", word, NULL);
	struct share *share = share_of(data, name);

	if (stored)
		share->stored++;
	else
		share->entries++;
}

static void say_filtered(struct control_call *call, const struct answers_filter *filter)
{
	static const struct control_column columns[] = { { "check", "check", CONTROL_TEXT },
		                                         { "word", "word", CONTROL_TEXT },
		                                         { "entries", "entries", CONTROL_COUNT },
		                                         { "stored", "stored", CONTROL_COUNT },
		                                         { NULL } };
	g_autoptr(GHashTable) shares = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GList) names = NULL;
	json_t *rows = json_array();

	answers_count(call, filter, count_answer, shares);
	names = g_list_sort(g_hash_table_get_keys(shares), (GCompareFunc)strcmp);
	for (GList *name = names; name != NULL; name = name->next) {
		const struct share *share = g_hash_table_lookup(shares, name->data);
		g_auto(GStrv) parts = g_strsplit(name->data, "\n", 2);
		json_t *row = json_object();

		json_object_set_new(row, "check", control_string(parts[0]));
		json_object_set_new(row, "word", control_string(*parts[1] != '\0' ? parts[1] : NULL));
		json_object_set_new(row, "entries", json_integer(share->entries));
		json_object_set_new(row, "stored", json_integer(share->stored));
		json_array_append_new(rows, row);
	}
	end_list(call, json_array_size(rows), json_array_size(rows));
	control_table(call, rows, columns);
}

static void say_whole(struct control_call *call)
{
	static const struct control_column columns[] = { { "check", "check", CONTROL_TEXT },
		                                         { "entries", "entries", CONTROL_COUNT },
		                                         { "bytes", "bytes", CONTROL_BYTES },
		                                         { "stored", "stored", CONTROL_COUNT },
		                                         { NULL } };
	g_autoptr(GHashTable) shares = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	struct share sum = { 0 };
	struct cache_stats stats;
	json_t *rows;

	cache_each(server_cache(call->server), add_share, shares);
	count_stored(call, shares);
	cache_stats(server_cache(call->server), &stats);
	rows = list_shares(shares, &sum);
	say_stats(call, &stats, &sum);
	if (json_array_size(rows) > 0)
		control_say(call, "%s", "");
	control_table(call, rows, columns);
}

void control_cache_stats(struct control_call *call)
{
	struct answers_filter filter;

	if (!answers_filter_read(call, &filter))
		return;
	if (call->words[0] != NULL)
		say_filtered(call, &filter);
	else
		say_whole(call);
}
