/* daemon/control_cache.c - ppolicyctl cache: kept answers listed, shown, dropped, counted */
#include "daemon/control_call.h"

#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "base/text.h"
#include "service/cache.h"

#define LIMIT_USUAL 1000
#define LIMIT_MAX 100000
#define MANY 1000     /* entries, from which on the fixed part of the cache's memory does not matter */
#define ANSWER_HEAD 5 /* bytes of a kept answer beside text and fields: see check/answer.h */

/* Which answers are meant. */
struct filter {
	const char *check, *pattern, *word; /* NULL: any */
	char *key;                          /* the whole key as it is printed, in place of a pattern */
	pp_msec_t left;                     /* negative: any */
	size_t limit;
	bool limited; /* limit was given */
	bool chosen;  /* by any filter, limit aside */
};

/* A look at the cache, and what is seen there. */
struct look {
	struct filter filter;
	const struct world *world;
	pp_msec_t now;
	GPtrArray *found; /* of json_t */
	bool whole;       /* rows with text and fields */
	size_t seen;      /* passed the filter, beyond the limit too */
};

/* -- filters ------------------------------------------------------------- */

/* The value of a word that is this filter; NULL: it is another. */
static const char *filter_value(const char *word, enum filter_id id)
{
	const char *name = commands_filters()[id].name;
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool read_limit(struct control_call *call, struct filter *filter, const char *value)
{
	char *end;
	guint64 number = g_ascii_strtoull(value, &end, 10);

	if (!g_ascii_isdigit(*value) || *end != '\0' || number < 1 || number > LIMIT_MAX) {
		control_fail(call, COMMAND_USAGE, "limit: found '%.40s', wanted a number from 1 to %d", value,
		             LIMIT_MAX);
		return false;
	}
	filter->limit = (size_t)number;
	filter->limited = true;
	return true;
}

static bool read_left(struct control_call *call, struct filter *filter, const char *value)
{
	const char *why;

	if (duration_parse(value, &filter->left, &why))
		return true;
	control_fail(call, COMMAND_USAGE, "left: found '%.40s': %s", value, why);
	return false;
}

static bool read_filter(struct control_call *call, struct filter *filter, const char *word)
{
	enum filter_id id = FILTER_CHECK;
	const char *value = NULL;

	while (id < FILTERS && (value = filter_value(word, id)) == NULL)
		id++;
	filter->chosen = filter->chosen || id != FILTER_LIMIT;
	switch (id) {
	case FILTER_CHECK: filter->check = value; return true;
	case FILTER_KEY: filter->pattern = value; return true;
	case FILTER_WORD: filter->word = value; return true;
	case FILTER_LEFT: return read_left(call, filter, value);
	case FILTER_LIMIT: return read_limit(call, filter, value);
	default:
		control_fail(call, COMMAND_USAGE,
		             "found '%.100s', wanted a filter: check=, key=, word=, left= or limit=", word);
		return false;
	}
}

static bool read_filters(struct control_call *call, struct filter *filter)
{
	*filter = (struct filter){ .left = -1, .limit = LIMIT_USUAL };
	for (char **word = call->words; *word != NULL; word++)
		if (!read_filter(call, filter, *word))
			return false;
	return true;
}

static bool is_filter(const char *word)
{
	for (unsigned id = 0; id < FILTERS; id++)
		if (filter_value(word, (enum filter_id)id) != NULL)
			return true;
	return false;
}

/* -- entries ------------------------------------------------------------- */

/* The check whose answer it is; NULL: one of an earlier configuration. */
static const struct check *check_of(const struct world *world, const struct cache_entry *entry)
{
	for (guint i = 0; i < world->plan->checks->len; i++) {
		const struct check *check = ((const struct plan_check *)world->plan->checks->pdata[i])->check;

		if (entry->key_size >= check->key_prefix_size &&
		    memcmp(entry->key, check->key_prefix, check->key_prefix_size) == 0)
			return check;
	}
	return NULL;
}

static bool has_word(const struct look *look, const struct cache_entry *entry, const char *word)
{
	const struct check *check = check_of(look->world, entry);
	struct answer answer;

	return check != NULL && answer_decode(check, entry->value, (uint32_t)entry->value_size, &answer) &&
	       strcmp(check->module->word[answer.word].word, word) == 0;
}

static bool has_key(const struct filter *filter, const struct cache_entry *entry)
{
	g_autofree char *key = ask_key_print(entry->key, entry->key_size);

	if (filter->key != NULL)
		return strcmp(filter->key, key) == 0;
	return g_pattern_match_simple(filter->pattern, key);
}

static bool passes(const struct cache_entry *entry, void *data)
{
	const struct look *look = data;
	const struct filter *filter = &look->filter;

	if (filter->check != NULL && !ask_key_is_of(entry->key, entry->key_size, filter->check))
		return false;
	if (filter->left >= 0 && entry->good_until - look->now > filter->left)
		return false;
	if (filter->word != NULL && !has_word(look, entry, filter->word))
		return false;
	return (filter->pattern == NULL && filter->key == NULL) || has_key(filter, entry);
}

static void add_answer(json_t *row, const struct check *check, const struct cache_entry *entry, bool whole)
{
	struct answer answer;

	if (check == NULL || !answer_decode(check, entry->value, (uint32_t)entry->value_size, &answer)) {
		json_object_set_new(row, "word", json_null());
		return;
	}
	json_object_set_new(row, "word", json_string(check->module->word[answer.word].word));
	if (!whole)
		return;
	json_object_set_new(row, "text", control_text(answer.text, answer.text_length));
	json_object_set_new(row, "fields", control_fields(check, &answer));
}

static json_t *describe(const struct look *look, const struct cache_entry *entry)
{
	const struct check *check = check_of(look->world, entry);
	g_autofree char *key = ask_key_print(entry->key, entry->key_size);
	json_t *row = json_object();
	pp_msec_t good = MAX(entry->good_until - look->now, 0);
	bool marked = answer_is_marked_stale(entry->value, (uint32_t)entry->value_size);

	json_object_set_new(row, "check", control_string(ask_key_name(entry->key, entry->key_size)));
	json_object_set_new(row, "key", json_string(key));
	add_answer(row, check, entry, look->whole);
	json_object_set_new(row, "earlier", json_boolean(check == NULL));
	json_object_set_new(row, "stale", json_boolean(marked || good == 0));
	json_object_set_new(row, "good_ms", json_integer(marked ? 0 : good));
	json_object_set_new(
	        row, "stale_ms",
	        json_integer(entry->stale_until - (marked ? look->now : MAX(entry->good_until, look->now))));
	return row;
}

static bool see(const struct cache_entry *entry, void *data)
{
	struct look *look = data;

	if (!passes(entry, look))
		return true;
	look->seen++;
	if (look->found->len < look->filter.limit)
		g_ptr_array_add(look->found, describe(look, entry));
	return true;
}

static gint compare(gconstpointer a, gconstpointer b)
{
	static const char *const keys[] = { "check", "key" };
	int order = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(keys) && order == 0; i++)
		order = strcmp(json_string_value(json_object_get(*(json_t *const *)a, keys[i])),
		               json_string_value(json_object_get(*(json_t *const *)b, keys[i])));
	return order;
}

/* What is there, by check and key: an array, the caller's. */
static json_t *look_around(struct control_call *call, struct look *look)
{
	struct world *world = server_world_ref(call->server);
	json_t *rows = json_array();

	look->world = world;
	look->now = pp_time();
	look->found = g_ptr_array_new();
	cache_each(server_cache(call->server), see, look);
	world_unref(world);
	g_ptr_array_sort(look->found, compare);
	for (guint i = 0; i < look->found->len; i++)
		json_array_append_new(rows, look->found->pdata[i]);
	g_ptr_array_unref(look->found);
	return rows;
}

static void end_list(struct control_call *call, const struct look *look, size_t shown)
{
	if (look->seen > shown)
		control_remark(call, "%zu more; limit=%zu shows more of them", look->seen - shown,
		               MIN(look->seen, (size_t)LIMIT_MAX));
	if (look->seen == 0) {
		control_remark(call, "no such answer is kept");
		call->status = COMMAND_NO;
	}
}

/* -- list and get -------------------------------------------------------- */

void control_cache_list(struct control_call *call)
{
	static const struct control_column columns[] = {
		{ "check", "check", CONTROL_TEXT },         { "key", "key", CONTROL_TEXT },
		{ "word", "word", CONTROL_TEXT },           { "good_ms", "good for", CONTROL_MSEC },
		{ "stale_ms", "then stale", CONTROL_MSEC }, { NULL }
	};
	struct look look = { 0 };
	json_t *rows;
	size_t shown;

	if (!read_filters(call, &look.filter))
		return;
	rows = look_around(call, &look);
	shown = json_array_size(rows);
	control_table(call, rows, columns);
	end_list(call, &look, shown);
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
	if (word == NULL)
		control_say(call, "    of an earlier configuration, not used");
	else
		control_say(call, "    %s%s%s", word, *text != '\0' ? ": " : "", text);
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
static bool read_what_to_get(struct control_call *call, struct filter *filter)
{
	if (call->words[0] != NULL && is_filter(call->words[0]))
		return read_filters(call, filter);
	if (call->words[0] == NULL || call->words[1] == NULL) {
		control_fail(call, COMMAND_USAGE,
		             "cache get: wanted a check and a key, or filters such as check=zen");
		return false;
	}
	*filter = (struct filter){ .left = -1, .limit = LIMIT_USUAL, .check = call->words[0] };
	filter->key = g_strjoinv(" ", call->words + 1);
	return true;
}

void control_cache_get(struct control_call *call)
{
	struct look look = { .whole = true };
	size_t index;
	json_t *rows, *row;

	if (!read_what_to_get(call, &look.filter))
		return;
	rows = look_around(call, &look);
	json_array_foreach(rows, index, row)
	{
		say_answer(call, row);
		control_row(call, json_incref(row));
	}
	end_list(call, &look, json_array_size(rows));
	json_decref(rows);
	g_free(look.filter.key);
}

/* -- drop ---------------------------------------------------------------- */

static bool read_what_to_drop(struct control_call *call, struct filter *filter)
{
	bool all = call->words[0] != NULL && strcmp(call->words[0], "all") == 0 && call->words[1] == NULL;

	if (all) {
		*filter = (struct filter){ .left = -1 };
		return true;
	}
	if (!read_filters(call, filter))
		return false;
	if (filter->chosen && !filter->limited)
		return true;
	control_fail(call, COMMAND_USAGE,
	             filter->limited ? "cache drop: limit is for list and get"
	                             : "cache drop: wanted a filter, such as check=zen, or all");
	return false;
}

void control_cache_drop(struct control_call *call)
{
	struct look look = { 0 };
	struct world *world;
	size_t dropped;

	if (!read_what_to_drop(call, &look.filter))
		return;
	world = server_world_ref(call->server);
	look.world = world;
	look.now = pp_time();
	dropped = cache_drop(server_cache(call->server), passes, &look);
	world_unref(world);
	control_row(call, json_pack("{s:I}", "dropped", (json_int_t)dropped));
	control_say(call, "dropped %zu", dropped);
	call->status = dropped > 0 ? COMMAND_DONE : COMMAND_NO;
}

/* -- stats --------------------------------------------------------------- */

struct share {
	json_int_t entries, bytes; /* of key, text and fields */
};

static bool add_share(const struct cache_entry *entry, void *data)
{
	const char *name = ask_key_name(entry->key, entry->key_size);
	struct share *share = g_hash_table_lookup(data, name);

	if (share == NULL) {
		share = g_new0(struct share, 1);
		g_hash_table_insert(data, g_strdup(name), share);
	}
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
		json_array_append_new(rows, row);
		sum->entries += share->entries;
		sum->bytes += share->bytes;
	}
	return rows;
}

static void say_stats(struct control_call *call, const struct cache_stats *stats, const struct share *sum)
{
	double overhead = sum->entries > 0 ? (double)(stats->bytes - sum->bytes) / (double)sum->entries : 0;
	char bytes[32], most[32], payload[32];

	control_row(call, json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I}", "entries",
	                            sum->entries, "bytes", (json_int_t)stats->bytes, "bytes_max",
	                            (json_int_t)stats->bytes_max, "bytes_of_answers", sum->bytes, "overhead",
	                            sum->entries > 0 ? json_real(overhead) : json_null(), "hits",
	                            (json_int_t)stats->hits, "stale", (json_int_t)stats->stale, "misses",
	                            (json_int_t)stats->misses, "puts", (json_int_t)stats->puts, "evicted",
	                            (json_int_t)stats->evicted));
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
}

void control_cache_stats(struct control_call *call)
{
	static const struct control_column columns[] = { { "check", "check", CONTROL_TEXT },
		                                         { "entries", "entries", CONTROL_COUNT },
		                                         { "bytes", "bytes", CONTROL_BYTES },
		                                         { NULL } };
	g_autoptr(GHashTable) shares = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	struct share sum = { 0 };
	struct cache_stats stats;
	json_t *rows;

	cache_each(server_cache(call->server), add_share, shares);
	cache_stats(server_cache(call->server), &stats);
	rows = list_shares(shares, &sum);
	say_stats(call, &stats, &sum);
	if (json_array_size(rows) > 0)
		control_say(call, "%s", "");
	control_table(call, rows, columns);
}
