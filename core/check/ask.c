/* check/ask.c - asking: cache, merging, steps, timeouts */
#include "check/ask.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/clock.h"
#include "base/text.h"
#include "check/dns.h"
#include "check/keep.h"
#include "check/sql.h"
#include "check/step.h"
#include "check/stored.h"
#include "check/work.h"
#include "service/upstream_pool.h"

#define KEY_MAX 16384 /* a longer key is neither kept nor merged */
#define COUNT(stat, by) \
	__atomic_store_n(&(stat), __atomic_load_n(&(stat), __ATOMIC_RELAXED) + (by), __ATOMIC_RELAXED)

/* -- keys ----------------------------------------------------------------
 *
 * What begins each key of the check, then a row of items: '+' and the value, or
 * '-' for what is absent, each with a NUL. Values hold no NUL. */

static void add_bytes(GString *key, const void *bytes, size_t size)
{
	size_t at = key->len;

	g_string_set_size(key, at + size);
	memcpy(key->str + at, bytes, size);
}

/* length counts for a value that is there. */
static void add_item(GString *key, const char *value, size_t length)
{
	size_t at = key->len;

	if (value == NULL) {
		add_bytes(key, "-", sizeof("-"));
		return;
	}
	g_string_set_size(key, at + length + 2);
	key->str[at] = '+';
	memcpy(key->str + at + 1, value, length);
	key->str[at + 1 + length] = '\0';
}

static void build_key(struct ask_host *host, const struct check *check, struct request *request,
                      const char *args_key, size_t args_key_size)
{
	const pp_attribute_t *read = check->module->desc->reads;
	GString *key = host->key;
	size_t length = 0;

	g_string_truncate(key, 0);
	add_bytes(key, check->key_prefix, check->key_prefix_size);
	if (args_key_size > 0)
		add_bytes(key, args_key, args_key_size);
	for (; read != NULL && *read != PP_ATTRIBUTE_NONE; read++) {
		const char *value = request_get(request, *read, &length);

		add_item(key, value, length);
	}
	for (const char **name = check->named_reads; *name != NULL; name++) {
		const char *value = request_get_named(request, *name, &length);

		add_item(key, value, length);
	}
}

bool ask_key_is_of(const void *key, size_t size, const char *check_name)
{
	size_t length = strlen(check_name) + 1;

	return size > length && memcmp(key, check_name, length) == 0;
}

const char *ask_key_name(const void *key, size_t size)
{
	return memchr(key, '\0', size) != NULL ? key : "";
}

char *ask_key_print(const void *key, size_t size)
{
	const char *item = (const char *)key + strlen(ask_key_name(key, size)) + 1 + sizeof(uint64_t);
	const char *end = (const char *)key + size;
	GString *text = g_string_new(NULL);

	while (item < end) {
		size_t length = strnlen(item, (size_t)(end - item));
		char value[1024];

		text_escape(value, sizeof(value), *item == '+' ? item + 1 : item, length - (*item == '+'),
		            false);
		g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", value);
		item += length + 1;
	}
	return g_string_free(text, FALSE);
}

static guint flight_hash(const void *ask)
{
	return (guint)XXH3_64bits(((const struct pp_ask *)ask)->key, ((const struct pp_ask *)ask)->key_size);
}

static gboolean flight_equal(const void *a, const void *b)
{
	const struct pp_ask *one = a, *other = b;

	return one->key_size == other->key_size && memcmp(one->key, other->key, one->key_size) == 0;
}

/* -- the host ------------------------------------------------------------ */

void ask_host_init(struct ask_host *host, struct loop *loop, unsigned index, struct cache *cache,
                   struct worker_pool *workers)
{
	*host = (struct ask_host){ .loop = loop, .index = index, .cache = cache, .workers = workers };
	host->flights = g_hash_table_new(flight_hash, flight_equal);
	host->key = g_string_new(NULL);
	host->buffer = g_malloc(ANSWER_BYTES_MAX);
	g_mutex_init(&host->lock);
	g_cond_init(&host->answered);
}

static struct pp_ask *ask_new(struct ask_host *host, struct check *check, struct request *request)
{
	struct pp_ask *ask = host->spare;
	struct arena arena;

	if (ask != NULL) {
		host->spare = ask->next_open;
		arena = ask->arena;
	} else {
		ask = g_new(struct pp_ask, 1);
		arena_init(&arena);
	}
	*ask = (struct pp_ask){ .host = host,
		                .arena = arena,
		                .check = check,
		                .request = request,
		                .keep_at_most = -1,
		                .dns_room = DNS_BYTES_OF_ASK,
		                .dns_good = -1 };
	return ask;
}

/* When it begins to wait, whoever wanted it may go. */
static void hold(struct pp_ask *ask)
{
	check_ref(ask->check);
	request_ref(ask->request);
	ask->refs = true;
}

static void ask_free(struct pp_ask *ask)
{
	struct ask_host *host = ask->host;

	if (ask->refs) {
		check_unref(ask->check);
		request_unref(ask->request);
	}
	arena_reset(&ask->arena);
	ask->next_open = host->spare;
	host->spare = ask;
}

/* -- answering ----------------------------------------------------------- */

static void count(struct ask_host *host, const struct ask_wish *wish)
{
	struct check_stats *stats = &wish->check->stats[host->index];

	COUNT(stats->asked, 1);
	COUNT(stats->memory, wish->answer.from == ANSWER_MEMORY);
	COUNT(stats->store, wish->answer.from == ANSWER_STORE);
	COUNT(stats->stale, wish->answer.from == ANSWER_STALE);
	COUNT(stats->unknown, wish->answer.word == WORD_UNKNOWN);
	COUNT(stats->timeouts, wish->answer.timed_out);
	COUNT(stats->usec, (uint64_t)wish->usec);
}

static bool wish_done(struct ask_host *host, struct ask_wish *wish)
{
	wish->done = true;
	wish->usec = wish->started != 0 ? clock_usec() - wish->started : 0;
	count(host, wish);
	return true;
}

static bool wish_unknown(struct ask_host *host, struct ask_wish *wish, const char *text)
{
	wish->answer = (struct answer){ .word = WORD_UNKNOWN,
		                        .text = text,
		                        .text_length = (uint32_t)strlen(text) };
	return wish_done(host, wish);
}

static void deliver(struct ask_host *host, struct ask_wish *wish, const struct answer *answer)
{
	uint8_t *bytes = arena_alloc(&wish->request->arena, answer->size);

	memcpy(bytes, answer->bytes, answer->size);
	answer_decode(wish->check, bytes, answer->size, &wish->answer);
	wish->answer.from = answer->from;
	wish->answer.timed_out = answer->timed_out;
	wish->ask = NULL;
	wish_done(host, wish);
}

/* Whether what the module knows is from a database. */
static bool has_asked_store(const struct pp_ask *ask)
{
	const struct pp_work *work = ask->works;

	while (work != NULL && work->rows == NULL && work->texts == NULL)
		work = work->next;
	return work != NULL && ask->word != WORD_UNKNOWN;
}

static struct answer conclude(struct pp_ask *ask)
{
	struct answer answer;

	if (stored_conclude(ask, &answer))
		return answer;
	answer_encode(ask->check, &ask->arena, ask->word, ask->text, pp_fields(ask), ask->extra, &answer);
	answer.from = has_asked_store(ask) ? ANSWER_STORE : ANSWER_ASKED;
	answer.timed_out = ask->timed_out && ask->word == WORD_UNKNOWN;
	keep_conclude(ask, &answer);
	return answer;
}

static void leave_open_list(struct pp_ask *ask)
{
	if (ask->joinable)
		g_hash_table_remove(ask->host->flights, ask);
	if (ask->previous_open != NULL)
		ask->previous_open->next_open = ask->next_open;
	else
		ask->host->open = ask->next_open;
	if (ask->next_open != NULL)
		ask->next_open->previous_open = ask->previous_open;
}

void step_done(struct pp_ask *ask)
{
	struct ask_host *host = ask->host;
	struct answer answer = conclude(ask);
	struct ask_wish *wish;

	leave_open_list(ask);
	/* All are served before any is told, since telling one may forget others. */
	for (wish = ask->wishes; wish != NULL; wish = wish->next)
		deliver(host, wish, &answer);
	host->telling = ask->wishes;
	ask->wishes = NULL;
	ask_free(ask);
	while ((wish = host->telling) != NULL) {
		host->telling = wish->next;
		wish->next = NULL;
		if (wish->ready != NULL)
			wish->ready(wish);
	}
}

/* -- asking -------------------------------------------------------------- */

static const void *copy_args(struct pp_ask *ask, const void *args)
{
	const pp_module_t *desc = ask->check->module->desc;
	char *copy = arena_alloc0(&ask->arena, desc->args_size + 1);

	if (args == NULL)
		return copy;
	memcpy(copy, args, desc->args_size);
	for (const pp_row_t *row = desc->args; row->name != NULL; row++)
		if (row->type == PP_TYPE_TEXT || row->type == PP_TYPE_CHOICE) {
			const char **text = (const char **)(copy + row->offset);

			*text = arena_strdup(&ask->arena, *text);
		}
	return copy;
}

static void set_key(struct pp_ask *ask, const char *key, size_t size)
{
	if (size > KEY_MAX)
		return;
	ask->key = memcpy(arena_alloc(&ask->arena, size), key, size);
	ask->key_size = size;
}

/* As build_key(), with what the module says. False: the answer has no key. */
static bool build_narrow_key(struct pp_ask *ask)
{
	GString *key = ask->host->key;
	const char *text = ask->check->module->desc->key(ask);

	if (text == NULL)
		return false;
	g_string_truncate(key, 0);
	add_bytes(key, ask->check->key_prefix, ask->check->key_prefix_size);
	add_item(key, text, strlen(text));
	return true;
}

static void add_wish(struct pp_ask *ask, struct ask_wish *wish)
{
	wish->ask = ask;
	wish->next = ask->wishes;
	ask->wishes = wish;
}

static bool join(struct ask_host *host, struct ask_wish *wish, const GString *key)
{
	const struct pp_ask probe = { .key = key->str, .key_size = key->len };
	struct pp_ask *ask = g_hash_table_lookup(host->flights, &probe);

	if (ask == NULL || ask->check != wish->check)
		return false;
	add_wish(ask, wish);
	COUNT(wish->check->stats[host->index].merged, 1);
	return true;
}

static void enter_open_list(struct pp_ask *ask)
{
	struct ask_host *host = ask->host;

	hold(ask);
	ask->previous_open = NULL;
	ask->next_open = host->open;
	if (host->open != NULL)
		host->open->previous_open = ask;
	host->open = ask;
	ask->joinable = ask->key != NULL && !ask->check->module->desc->effects;
	if (ask->joinable)
		g_hash_table_add(host->flights, ask);
}

static bool looks_up(const struct pp_ask *ask)
{
	return ask->check->stored != NULL && ask->key != NULL;
}

/* Runs the module, or looks into the store before. True: answered at once. */
static bool launch(struct ask_host *host, struct ask_wish *wish, struct pp_ask *ask)
{
	struct answer answer;

	ask->args = copy_args(ask, ask->args);
	ask->due = wish->started / 1000 + wish->check->timeout;
	if (!step_run(ask, looks_up(ask) ? stored_look_up : wish->check->module->desc->ask)) {
		add_wish(ask, wish);
		enter_open_list(ask);
		return false;
	}
	answer = conclude(ask);
	deliver(host, wish, &answer);
	ask_free(ask);
	return true;
}

static bool is_closed(struct check *check)
{
	const pp_module_t *desc = check->module->desc;

	return desc->open != NULL && !desc->blocking && g_atomic_pointer_get(&check->handle) == NULL;
}

/* Answers from memory, joins an ask under way or launches this one. keyed: its key is
 * in host->key. */
static bool start(struct ask_host *host, struct ask_wish *wish, struct pp_ask *ask, bool keyed)
{
	const GString *key = host->key;

	if (keyed && keep_recall(host, wish, ask, key)) {
		ask_free(ask);
		return wish_done(host, wish);
	}
	wish->started = clock_usec();
	if (keyed && !wish->check->module->desc->effects && join(host, wish, key)) {
		ask_free(ask);
		return false;
	}
	if (keyed)
		set_key(ask, key->str, key->len);
	if (is_closed(wish->check) && !looks_up(ask)) {
		ask_free(ask);
		return wish_unknown(host, wish, "could not be opened");
	}
	return launch(host, wish, ask);
}

bool ask_start(struct ask_host *host, struct ask_wish *wish, struct check *check, struct request *request,
               const void *args, const char *args_key, size_t args_key_size)
{
	const pp_module_t *desc = check->module->desc;
	bool keyed = !desc->effects || desc->key != NULL;
	struct pp_ask *ask;

	wish->check = check;
	wish->request = request;
	if (host->no_effects && desc->effects)
		return wish_unknown(host, wish, "not asked, since asking changes something");
	/* key() may want the handle. */
	if (desc->key != NULL && is_closed(check))
		return wish_unknown(host, wish, "could not be opened");
	ask = ask_new(host, check, request);
	ask->args = args;
	if (keyed && desc->key != NULL)
		keyed = build_narrow_key(ask);
	else if (keyed)
		build_key(host, check, request, args_key, args_key_size);
	return start(host, wish, ask, keyed);
}

static void unlink_wish(struct ask_wish **link, struct ask_wish *wish)
{
	while (*link != NULL && *link != wish)
		link = &(*link)->next;
	if (*link != NULL)
		*link = wish->next;
	wish->next = NULL;
}

void ask_forget(struct ask_host *host, struct ask_wish *wish)
{
	struct pp_ask *ask = wish->ask;

	unlink_wish(ask != NULL ? &ask->wishes : &host->telling, wish);
	wish->ask = NULL;
	if (ask == NULL)
		return;
	if (ask->wishes != NULL || ask->running || ask->check->module->desc->effects ||
	    (ask->check->keeps && ask->key != NULL))
		return;
	step_cancel(ask);
	leave_open_list(ask);
	ask_free(ask);
}

void ask_host_clear(struct ask_host *host)
{
	struct pp_ask *ask;

	while ((ask = host->open) != NULL) {
		step_cancel(ask);
		leave_open_list(ask);
		ask_free(ask);
	}
	sql_settle(host);
	upstream_pool_clear_all(&host->pools);
	while ((ask = host->spare) != NULL) {
		host->spare = ask->next_open;
		arena_free(&ask->arena);
		g_free(ask);
	}
	g_hash_table_destroy(host->flights);
	g_string_free(host->key, TRUE);
	g_free(host->buffer);
	g_cond_clear(&host->answered);
	g_mutex_clear(&host->lock);
}
