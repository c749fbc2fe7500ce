/* daemon/control_answers.c - kept answers chosen by filters, in memory and in the store */
#include "daemon/control_answers.h"

#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "base/text.h"
#include "check/stored.h"
#include "service/cache.h"

#define LIMIT_USUAL 1000
#define IN_MEMORY "memory"
#define IN_STORE "store"

/* A look at what is kept, and what is seen there. */
struct look {
	const struct answers_filter *filter;
	const struct world *world;
	pp_msec_t now;
	GPtrArray *found; /* of json_t */
	GPtrArray *ids;   /* of rows of the store, to be dropped; or NULL */
	bool whole;       /* rows with text and fields */
	size_t seen;      /* passed the filter, beyond the limit too */
	void (*visit)(const char *check, const char *word, bool stored, void *data); /* or NULL */
	void *data;
};

/* -- filters ------------------------------------------------------------- */

/* The value of a word that is this filter; NULL: it is another. */
static const char *filter_value(const char *word, enum filter_id id)
{
	const char *name = commands_filters()[id].name;
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool read_limit(struct control_call *call, struct answers_filter *filter, const char *value)
{
	char *end;
	guint64 number = g_ascii_strtoull(value, &end, 10);

	if (!g_ascii_isdigit(*value) || *end != '\0' || number < 1 || number > ANSWERS_LIMIT_MAX) {
		control_fail(call, COMMAND_USAGE, "limit: found '%.40s', wanted a number from 1 to %d", value,
		             ANSWERS_LIMIT_MAX);
		return false;
	}
	filter->limit = (size_t)number;
	filter->limited = true;
	return true;
}

static bool read_length(struct control_call *call, const char *name, const char *value, pp_msec_t *length)
{
	const char *why;

	if (duration_parse(value, length, &why))
		return true;
	control_fail(call, COMMAND_USAGE, "%s: found '%.40s': %s", name, value, why);
	return false;
}

static bool read_left(struct control_call *call, struct answers_filter *filter, const char *value)
{
	pp_msec_t left;

	if (!read_length(call, "left", value, &left))
		return false;
	filter->good_max = pp_time() + left;
	return true;
}

static bool read_age(struct control_call *call, struct answers_filter *filter, const char *value)
{
	pp_msec_t age;

	if (!read_length(call, "age", value, &age))
		return false;
	filter->made_max = pp_time() - age;
	return true;
}

static bool read_on(struct control_call *call, struct answers_filter *filter, const char *value)
{
	filter->here = strcmp(value, "this") == 0;
	if (filter->here || strcmp(value, "all") == 0)
		return true;
	control_fail(call, COMMAND_USAGE, "on: found '%.40s', wanted this or all", value);
	return false;
}

static bool read_where(struct control_call *call, struct answers_filter *filter, const char *value)
{
	filter->where = value;
	if (strcmp(value, IN_MEMORY) == 0 || strcmp(value, IN_STORE) == 0)
		return true;
	control_fail(call, COMMAND_USAGE, "where: found '%.40s', wanted memory or store", value);
	return false;
}

static bool read_filter(struct control_call *call, struct answers_filter *filter, const char *word)
{
	enum filter_id id = FILTER_CHECK;
	const char *value = NULL;

	while (id < FILTERS && (value = filter_value(word, id)) == NULL)
		id++;
	filter->chosen = filter->chosen || (id != FILTER_LIMIT && id != FILTER_ON);
	switch (id) {
	case FILTER_CHECK: filter->check = value; return true;
	case FILTER_KEY: filter->pattern = value; return true;
	case FILTER_WORD: filter->word = value; return true;
	case FILTER_WHERE: return read_where(call, filter, value);
	case FILTER_LEFT: return read_left(call, filter, value);
	case FILTER_AGE: return read_age(call, filter, value);
	case FILTER_ON: return read_on(call, filter, value);
	case FILTER_LIMIT: return read_limit(call, filter, value);
	default:
		control_fail(call, COMMAND_USAGE,
		             "found '%.100s', wanted a filter: check=, key=, word=, where=, left=, age=, on= "
		             "or limit=",
		             word);
		return false;
	}
}

struct answers_filter answers_filter_new(void)
{
	return (struct answers_filter){ .limit = LIMIT_USUAL };
}

bool answers_filter_read(struct control_call *call, struct answers_filter *filter)
{
	*filter = answers_filter_new();
	for (char **word = call->words; *word != NULL; word++)
		if (!read_filter(call, filter, *word))
			return false;
	return true;
}

bool answers_is_filter(const char *word)
{
	for (unsigned id = 0; id < FILTERS; id++)
		if (filter_value(word, (enum filter_id)id) != NULL)
			return true;
	return false;
}

struct gateways_notice answers_notice(const struct answers_filter *filter)
{
	return (struct gateways_notice){ .check_name = filter->check,
		                         .pattern = filter->pattern,
		                         .word = filter->word,
		                         .place = filter->where,
		                         .good_max = filter->good_max,
		                         .made_max = filter->made_max,
		                         .made = pp_time() };
}

/* -- in memory ------------------------------------------------------------- */

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

/* NULL: an answer of an earlier configuration, or none; *check is set where it is not. */
static const char *word_of(const struct look *look, const struct cache_entry *entry,
                           const struct check **check, unsigned *index)
{
	struct answer answer;

	*check = check_of(look->world, entry);
	if (*check == NULL || !answer_decode(*check, entry->value, (uint32_t)entry->value_size, &answer))
		return NULL;
	*index = answer.word;
	return (*check)->module->word[answer.word].word;
}

/* Memory does not hold when it was made: that follows from how long it is kept. */
static bool is_made_until(const struct cache_entry *entry, const struct check *check, unsigned word,
                          pp_msec_t moment)
{
	pp_msec_t keep = check->keep[word];

	return keep > 0 && entry->stale_until - check->stale - keep <= moment;
}

static bool has_content(const struct look *look, const struct cache_entry *entry)
{
	const struct answers_filter *filter = look->filter;
	const struct check *check;
	unsigned index = 0;
	const char *word;

	if (filter->word == NULL && filter->made_max == 0)
		return true;
	word = word_of(look, entry, &check, &index);
	if (word == NULL || (filter->word != NULL && strcmp(filter->word, word) != 0))
		return false;
	return filter->made_max == 0 || is_made_until(entry, check, index, filter->made_max);
}

static bool has_key(const struct answers_filter *filter, const char *key)
{
	if (filter->key != NULL)
		return strcmp(filter->key, key) == 0;
	return g_pattern_match_simple(filter->pattern, key);
}

static bool entry_passes(const struct cache_entry *entry, void *data)
{
	const struct look *look = data;
	const struct answers_filter *filter = look->filter;
	g_autofree char *key = NULL;

	if (filter->check != NULL && !ask_key_is_of(entry->key, entry->key_size, filter->check))
		return false;
	if (filter->good_max != 0 && entry->good_until > filter->good_max)
		return false;
	if (!has_content(look, entry))
		return false;
	if (filter->pattern == NULL && filter->key == NULL)
		return true;
	key = ask_key_print(entry->key, entry->key_size);
	return has_key(filter, key);
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

static json_t *describe_entry(const struct look *look, const struct cache_entry *entry)
{
	const struct check *check = check_of(look->world, entry);
	g_autofree char *key = ask_key_print(entry->key, entry->key_size);
	json_t *row = json_object();
	pp_msec_t good = MAX(entry->good_until - look->now, 0);
	bool marked = answer_is_marked_stale(entry->value, (uint32_t)entry->value_size);

	json_object_set_new(row, "check", control_string(ask_key_name(entry->key, entry->key_size)));
	json_object_set_new(row, "key", json_string(key));
	add_answer(row, check, entry, look->whole);
	json_object_set_new(row, "where", json_string(IN_MEMORY));
	json_object_set_new(row, "earlier", json_boolean(check == NULL));
	json_object_set_new(row, "stale", json_boolean(marked || good == 0));
	json_object_set_new(row, "good_ms", json_integer(marked ? 0 : good));
	json_object_set_new(
	        row, "stale_ms",
	        json_integer(entry->stale_until - (marked ? look->now : MAX(entry->good_until, look->now))));
	return row;
}

static bool see_entry(const struct cache_entry *entry, void *data)
{
	struct look *look = data;

	if (!entry_passes(entry, look))
		return true;
	look->seen++;
	if (look->found->len < look->filter->limit)
		g_ptr_array_add(look->found, describe_entry(look, entry));
	return true;
}

/* -- in the store -------------------------------------------------------- */

/* The check whose answer it is; NULL: one of an earlier configuration. */
static const struct check *check_of_row(const struct world *world, const struct stored_row *row)
{
	for (guint i = 0; i < world->plan->checks->len; i++) {
		const struct check *check = ((const struct plan_check *)world->plan->checks->pdata[i])->check;
		char fingerprint[STORED_FINGERPRINT_SIZE];

		stored_fingerprint(check, fingerprint);
		if (strcmp(check->name, row->check_name) == 0 && strcmp(fingerprint, row->fingerprint) == 0)
			return check;
	}
	return NULL;
}

static bool row_passes(const struct stored_row *row, const struct look *look)
{
	const struct answers_filter *filter = look->filter;

	if (filter->check != NULL && strcmp(filter->check, row->check_name) != 0)
		return false;
	if (filter->good_max != 0 && row->good_until > filter->good_max)
		return false;
	if (filter->made_max != 0 && row->made > filter->made_max)
		return false;
	if (filter->word != NULL && strcmp(filter->word, row->word) != 0)
		return false;
	return (filter->pattern == NULL && filter->key == NULL) || has_key(filter, row->key);
}

/* Somebody may have written into the table: what is no answer of the check is told without fields. */
static void add_content(json_t *object, const struct check *check, const struct stored_row *row)
{
	struct answer answer;
	struct arena arena;

	arena_init(&arena);
	json_object_set_new(object, "text", control_string(row->text));
	if (check != NULL && stored_read(check, row, &arena, &answer))
		json_object_set_new(object, "fields", control_fields(check, &answer));
	arena_free(&arena);
}

static json_t *describe_row(const struct look *look, const struct stored_row *row)
{
	const struct check *check = check_of_row(look->world, row);
	json_t *object = json_object();
	pp_msec_t good = MAX(row->good_until - look->now, 0);

	json_object_set_new(object, "check", control_string(row->check_name));
	json_object_set_new(object, "key", control_plain(row->key)); /* escaped when it was written */
	json_object_set_new(object, "word", control_string(row->word));
	if (look->whole)
		add_content(object, check, row);
	json_object_set_new(object, "where", json_string(IN_STORE));
	json_object_set_new(object, "earlier", json_boolean(check == NULL));
	json_object_set_new(object, "stale", json_boolean(good == 0));
	json_object_set_new(object, "good_ms", json_integer(good));
	json_object_set_new(object, "stale_ms",
	                    json_integer(MAX(row->stale_until - MAX(row->good_until, look->now), 0)));
	return object;
}

static bool see_row(const struct stored_row *row, void *data)
{
	struct look *look = data;

	if (!row_passes(row, look))
		return true;
	look->seen++;
	if (look->ids != NULL)
		g_ptr_array_add(look->ids, g_strdup(row->id));
	else if (look->found->len < look->filter->limit)
		g_ptr_array_add(look->found, describe_row(look, row));
	return true;
}

/* -- both ---------------------------------------------------------------- */

static bool wants(const struct answers_filter *filter, const char *place)
{
	if (filter->here && strcmp(place, IN_MEMORY) != 0)
		return false;
	return filter->where == NULL || strcmp(filter->where, place) == 0;
}

static gint compare(gconstpointer a, gconstpointer b)
{
	static const char *const keys[] = { "check", "key", "where" };
	int order = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(keys) && order == 0; i++)
		order = strcmp(json_string_value(json_object_get(*(json_t *const *)a, keys[i])),
		               json_string_value(json_object_get(*(json_t *const *)b, keys[i])));
	return order;
}

static void see_store(struct control_call *call, struct look *look,
                      bool (*see)(const struct stored_row *row, void *data))
{
	const struct stored *stored = world_stored(look->world);
	g_autofree char *error = NULL;

	if (stored != NULL && !stored_each(stored, see, look, &error))
		control_fail(call, COMMAND_NO, "the store: %s", error);
}

json_t *answers_list(struct control_call *call, const struct answers_filter *filter, bool whole, size_t *seen)
{
	struct world *world = server_world_ref(call->server);
	struct look look = { .filter = filter, .world = world, .now = pp_time(), .whole = whole };
	json_t *rows = json_array();

	look.found = g_ptr_array_new();
	if (wants(filter, IN_MEMORY))
		cache_each(server_cache(call->server), see_entry, &look);
	if (wants(filter, IN_STORE))
		see_store(call, &look, see_row);
	world_unref(world);
	g_ptr_array_sort(look.found, compare);
	for (guint i = 0; i < look.found->len; i++)
		json_array_append_new(rows, look.found->pdata[i]);
	g_ptr_array_unref(look.found);
	*seen = look.seen;
	return rows;
}

/* -- counting ------------------------------------------------------------ */

static bool count_entry(const struct cache_entry *entry, void *data)
{
	const struct look *look = data;
	const struct check *check;
	unsigned index;

	if (entry_passes(entry, data))
		look->visit(ask_key_name(entry->key, entry->key_size), word_of(look, entry, &check, &index),
		            false, look->data);
	return true;
}

static bool count_row(const struct stored_row *row, void *data)
{
	const struct look *look = data;

	if (row_passes(row, look))
		look->visit(row->check_name, row->word, true, look->data);
	return true;
}

void answers_count(struct control_call *call, const struct answers_filter *filter,
                   void (*visit)(const char *check, const char *word, bool stored, void *data), void *data)
{
	struct world *world = server_world_ref(call->server);
	struct look look = {
		.filter = filter, .world = world, .now = pp_time(), .visit = visit, .data = data
	};

	if (wants(filter, IN_MEMORY))
		cache_each(server_cache(call->server), count_entry, &look);
	if (wants(filter, IN_STORE))
		see_store(call, &look, count_row);
	world_unref(world);
}

/* -- dropping ------------------------------------------------------------ */

size_t answers_drop_memory(struct cache *cache, const struct world *world,
                           const struct answers_filter *filter)
{
	struct look look = { .filter = filter, .world = world, .now = pp_time() };

	return wants(filter, IN_MEMORY) ? cache_drop(cache, entry_passes, &look) : 0;
}

bool answers_drop_stored(const struct world *world, const struct answers_filter *filter, size_t *dropped,
                         char **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	struct look look = { .filter = filter, .world = world, .now = pp_time(), .ids = ids };
	const struct stored *stored = world_stored(world);

	*dropped = 0;
	if (stored == NULL || !wants(filter, IN_STORE))
		return true;
	store_flush(stored->store);
	if (!stored_each(stored, see_row, &look, error) || !stored_drop(stored, ids, error))
		return false;
	*dropped = ids->len;
	return true;
}
