/* check/stored.c - answers that outlive a restart: looked up, and written behind */
#include "check/stored.h"

#include <string.h>
#include "base/text.h"
#include "check/keep.h"
#include "check/sql.h"
#include "check/work.h"

#define PART_OF_TIMEOUT 5 /* a look-up takes no more than this part of it ... */
#define WAIT_MAX 500      /* ... nor than this, in ms */

/* -- the statements ------------------------------------------------------ */

/* The folders where SQL of the core may be: beside the module, beside the program's own modules,
 * and where it is installed. */
static struct statement_set *load_core(const struct module *module, const char *driver, char **reason)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = program != NULL ? g_path_get_dirname(program) : NULL;
	g_autofree char *beside = folder != NULL ? g_build_filename(folder, "modules", "sql", NULL) : NULL;
	const char *folders[] = { PP_SQL_FOLDER, NULL, NULL, NULL };
	unsigned count = 0;

	if (module->sql != NULL)
		folders[count++] = module->sql;
	if (beside != NULL)
		folders[count++] = beside;
	folders[count] = PP_SQL_FOLDER;
	return statement_set_load(folders, driver, "core", "core", reason);
}

/* Read once in the life of the process, as all SQL is. Main thread. */
static struct statement_set *core_of(const struct module *module, const char *driver, char **reason)
{
	static GHashTable *loaded;
	struct statement_set *set;

	if (loaded == NULL)
		loaded = g_hash_table_new(g_str_hash, g_str_equal);
	set = g_hash_table_lookup(loaded, driver);
	if (set == NULL && (set = load_core(module, driver, reason)) != NULL)
		g_hash_table_insert(loaded, g_strdup(driver), set);
	return set;
}

static bool find_all(struct stored *stored, const struct statement_set *set, struct pp_error *error)
{
	const struct {
		const char *name;
		const struct statement **statement;
	} wanted[] = { { "answer_get", &stored->get },       { "answer_put", &stored->put },
		       { "answer_list", &stored->list },     { "answer_drop", &stored->drop },
		       { "answer_expire", &stored->expire }, { "answer_beyond", &stored->beyond },
		       { "answer_stats", &stored->stats } };

	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		*wanted[i].statement = statement_find(set, wanted[i].name);
		if (*wanted[i].statement == NULL) {
			param_fail(error, 0, "keep_in: there is no file %s.sql of the core", wanted[i].name);
			return false;
		}
	}
	return true;
}

void stored_make(struct check *check, const struct check_stores *stores, struct pp_error *error)
{
	struct store *store = binding_use_store(check, stores);
	struct stored *stored = arena_new0(&check->arena, struct stored);
	g_autofree char *reason = NULL;
	struct statement_set *set;

	if (store == NULL)
		return;
	set = core_of(check->module, store_driver(store), &reason);
	if (set == NULL) {
		param_fail(error, 0, "keep_in: %s", reason);
		return;
	}
	if (!find_all(stored, set, error))
		return;
	stored->store = store;
	check->stored = stored;
	store_add(store, set);
}

/* -- values -------------------------------------------------------------- */

static struct database_value text_value(const char *text)
{
	return (struct database_value){ .kind = PP_STRING, .string = text, .length = (uint32_t)strlen(text) };
}

static struct database_value integer_value(int64_t integer)
{
	return (struct database_value){ .kind = PP_INTEGER, .integer = integer };
}

/* An argument of answer_put. */
static struct database_value value_of(const struct stored_row *row, const char *name)
{
	const struct {
		const char *name;
		struct database_value value;
	} values[] = {
		{ "id", text_value(row->id) },
		{ "check_name", text_value(row->check_name) },
		{ "fingerprint", text_value(row->fingerprint) },
		{ "key", text_value(row->key) },
		{ "word", text_value(row->word) },
		{ "text", text_value(row->text) },
		{ "fields", text_value(row->fields) },
		{ "made", integer_value(row->made) },
		{ "good_until", integer_value(row->good_until) },
		{ "stale_until", integer_value(row->stale_until) },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i].value;
	return (struct database_value){ .kind = PP_NIL };
}

/* -- writing ------------------------------------------------------------- */

void stored_put(struct pp_ask *ask, const struct answer *answer, pp_msec_t good_until, pp_msec_t stale_until)
{
	const struct check *check = ask->check;
	const struct statement *put = check->stored->put;
	g_autofree char *key = ask_key_print(ask->key, ask->key_size);
	char id[STORED_ID_SIZE], fingerprint[STORED_FINGERPRINT_SIZE];
	struct stored_row row = {
		.id = id,
		.check_name = check->name,
		.fingerprint = fingerprint,
		.key = key,
		.word = check->module->word[answer->word].word,
		.text = answer->text,
		.fields = stored_fields(check, answer, &ask->arena),
		.made = pp_time(),
		.good_until = good_until,
		.stale_until = stale_until,
	};
	struct database_value *values = arena_alloc(&ask->arena, put->arg_count * sizeof(*values));

	if (row.fields == NULL)
		return;
	stored_id(ask->key, ask->key_size, id);
	stored_fingerprint(check, fingerprint);
	for (unsigned i = 0; i < put->arg_count; i++)
		values[i] = value_of(&row, put->args[i]);
	sql_start(ask, check->stored->store, NULL, put, values, true);
}

/* -- looking up ---------------------------------------------------------- */

static const char *column_of(const struct query_rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->columns; i++)
		if (strcmp(rows->names[i], name) == 0)
			return rows->values[i];
	return NULL;
}

static int64_t moment_of(const struct query_rows *rows, const char *name)
{
	const char *text = column_of(rows, name);

	return text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
}

/* As if it had been made with today's parameters, which may be others, and by a clock that is right. */
static void limit(const struct check *check, const struct answer *answer, struct stored_row *row)
{
	pp_msec_t made = MIN(row->made, pp_time()), keep = check->keep[answer->word];

	row->good_until = keep > 0 ? MIN(row->good_until, made + keep) : 0;
	row->stale_until = keep > 0 ? MIN(row->stale_until, made + keep + check->stale) : 0;
}

/* True: it is the answer. One past its time is noted, for the case that the source fails. */
static bool take_row(struct pp_ask *ask, const struct query_rows *rows)
{
	struct stored_row row = { .check_name = column_of(rows, "check_name"),
		                  .fingerprint = column_of(rows, "fingerprint"),
		                  .word = column_of(rows, "word"),
		                  .text = column_of(rows, "text"),
		                  .fields = column_of(rows, "fields"),
		                  .made = moment_of(rows, "made"),
		                  .good_until = moment_of(rows, "good_until"),
		                  .stale_until = moment_of(rows, "stale_until") };
	struct answer answer;

	if (!stored_read(ask->check, &row, &ask->arena, &answer))
		return false;
	limit(ask->check, &answer, &row);
	if (row.good_until > pp_time()) {
		ask->stored = answer.bytes;
		ask->stored_size = answer.size;
		ask->stored_good = row.good_until;
		ask->stored_stale = MAX(row.stale_until, row.good_until);
		return true;
	}
	if (row.stale_until > pp_time() && (ask->stale == NULL || ask->stale_until < row.stale_until)) {
		ask->stale = answer.bytes;
		ask->stale_size = answer.size;
		ask->stale_until = row.stale_until;
	}
	return false;
}

static pp_step_t ask_module(pp_ask_t *ask)
{
	const pp_module_t *desc = ask->check->module->desc;

	if (desc->open != NULL && !desc->blocking && pp_handle(ask) == NULL)
		return pp_unknown(ask, "could not be opened");
	return desc->ask(ask);
}

static pp_step_t looked_up(pp_ask_t *ask)
{
	const struct query_rows *rows = ask->look_up->texts;

	if (ask->timed_out)
		return pp_unknown(ask, "no answer in time");
	if (ask->look_up->state == PP_WORK_DONE && rows != NULL && rows->count == 1 && take_row(ask, rows))
		return (pp_step_t){ STEP_ANSWERED };
	/* The module must not wait for what is ours. */
	work_end_all(ask, PP_WORK_TIMED_OUT);
	ask->works = NULL;
	return ask_module(ask);
}

pp_step_t stored_look_up(pp_ask_t *ask)
{
	const struct stored *stored = ask->check->stored;
	char id[STORED_ID_SIZE];
	struct database_value value;

	stored_id(ask->key, ask->key_size, id);
	value = text_value(id);
	ask->look_up = sql_start(ask, stored->store, NULL, stored->get, &value, false);
	if (ask->look_up->state != PP_WORK_OPEN)
		return looked_up(ask);
	pp_sleep(ask, MIN(ask->check->timeout / PART_OF_TIMEOUT, WAIT_MAX));
	return pp_wait_any(ask, looked_up);
}

bool stored_conclude(struct pp_ask *ask, struct answer *answer)
{
	if (ask->stored == NULL || !answer_decode(ask->check, ask->stored, ask->stored_size, answer))
		return false;
	answer->from = ANSWER_STORE;
	if (ask->host->cache != NULL && keep_is_current(ask))
		cache_put(ask->host->cache, ask->key, ask->key_size, ask->stored, ask->stored_size,
		          ask->stored_good, ask->stored_stale);
	return true;
}
