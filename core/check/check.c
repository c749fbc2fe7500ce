/* check/check.c - a module with parameters, under a name */
#include "check/check.h"

#include <string.h>
#include "base/quantity.h"
#include "base/text.h"
#include "check/binding.h"
#include "check/stored.h"
#include "request/attribute.h"

#define WORKER_RETRY 1000 /* ms */

struct common {
	pp_msec_t timeout, stale;
	const pp_value_t *keep;
	const char *keep_in, *name;
};

static const pp_row_t common_rows[] = {
	PP_DURATION(struct common, timeout, .dflt = "5s", .min = "1ms", .max = "90s", .inert = true,
	            .help = "How long one ask may take; the answer is unknown after it"),
	PP_TABLE(struct common, keep, .dflt = "0s", .inert = true,
	         .help = "How long an answer is good: a duration, or one by word, such as "
	                 "{ found = \"1h\", unknown = \"10s\" }; \"0s\" is not kept; a duration alone does "
	                 "not keep "
	                 "unknown, and words not named keep the module's default"),
	PP_DURATION(struct common, stale, .dflt = "0s", .max = "30d", .inert = true,
	            .help = "How much longer a kept answer serves when its source fails"),
	PP_CHOICE(struct common, keep_in, .dflt = "memory", .choices = "memory store", .inert = true,
	          .help = "Where answers are kept: in memory, or in the store as well"),
	PP_TEXT(struct common, name, .inert = true,
	        .help = "Name of the check in logs and commands, if not that of the global it is assigned "
	                "to"),
	PP_END
};

const pp_row_t *check_common_rows(void)
{
	return common_rows;
}

const char *check_default_keep(const struct module *module)
{
	return module->desc->keep != NULL ? module->desc->keep : "0s";
}

/* The values that are for these rows; keep is read apart. */
static pp_value_t *values_of_rows(const pp_value_t *values, const pp_row_t *rows, struct arena *arena)
{
	pp_value_t *picked = arena_new0(arena, pp_value_t);
	pp_pair_t *pairs;

	picked->kind = PP_LIST;
	if (values == NULL || values->kind != PP_LIST)
		return picked;
	pairs = arena_alloc0(arena, (values->list.count + 1) * sizeof(*pairs));
	picked->list.pairs = pairs;
	for (size_t i = 0; i < values->list.count; i++)
		if (values->list.pairs[i].key != NULL && strcmp(values->list.pairs[i].key, "keep") != 0 &&
		    param_find(rows, values->list.pairs[i].key) != NULL)
			pairs[picked->list.count++] = values->list.pairs[i];
	return picked;
}

static bool read_keep_length(const pp_value_t *value, pp_msec_t *length, const char *word,
                             struct pp_error *error, struct arena *arena)
{
	const char *why = NULL;

	if (value->kind == PP_STRING && duration_parse(value->string, length, &why))
		return true;
	param_fail(error, value->line, "keep%s%s: found %s, wanted a duration such as \"1h\"",
	           word != NULL ? "." : "", word != NULL ? word : "", value_show(arena, value));
	return false;
}

static void set_keep(struct check *check, pp_msec_t length)
{
	for (unsigned i = WORD_NONE; i < check->module->words; i++)
		check->keep[i] = length;
}

static void no_such_word(const struct check *check, const pp_pair_t *pair, struct pp_error *error)
{
	const char *names[WORDS_MAX + 1] = { NULL };
	const char *word = pair->key != NULL ? pair->key : "1", *nearest;
	g_autofree char *all = NULL;

	for (unsigned i = 0; i < check->module->words; i++)
		names[i] = check->module->word[i].word;
	all = g_strjoinv(", ", (char **)names);
	nearest = text_nearest(word, names);
	param_fail(error, pair->value.line, "keep: no word '%s' among %s%s%s%s", word, all,
	           nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
	           nearest != NULL ? "'?)" : "");
}

static void read_keep_by_word(struct check *check, const pp_value_t *keep, struct pp_error *error)
{
	for (size_t i = 0; i < keep->list.count; i++) {
		const pp_pair_t *pair = &keep->list.pairs[i];
		int word = pair->key != NULL ? module_word(check->module, pair->key) : -1;
		pp_msec_t length;

		if (word < 0)
			no_such_word(check, pair, error);
		else if (read_keep_length(&pair->value, &length, pair->key, error, &check->arena))
			check->keep[word] = length;
	}
}

static void read_keep(struct check *check, const pp_value_t *values, struct pp_error *error)
{
	const pp_module_t *desc = check->module->desc;
	const pp_value_t *keep = value_get(values, "keep");
	const char *only = desc->keep_with, *why;
	bool may_keep = !desc->effects || (only != NULL && value_get(values, only) != NULL);
	pp_msec_t length = 0;

	duration_parse(check_default_keep(check->module), &length, &why);
	set_keep(check, length);
	if (keep != NULL && !may_keep)
		param_fail(error, keep->line, "keep: asking %s changes something, so its answers %s %s",
		           desc->name, only != NULL ? "are kept only with" : "cannot be",
		           only != NULL ? only : "kept");
	else if (keep != NULL && keep->kind == PP_LIST)
		read_keep_by_word(check, keep, error);
	else if (keep != NULL && read_keep_length(keep, &length, NULL, error, &check->arena))
		set_keep(check, length);
	for (unsigned i = 0; i < check->module->words; i++)
		check->keeps |= check->keep[i] > 0 && may_keep;
}

static void read_common(struct check *check, const pp_value_t *values, struct pp_error *error)
{
	const pp_module_t *desc = check->module->desc;
	struct common common = { 0 };
	const char *why;

	param_read(common_rows, values_of_rows(values, common_rows, &check->arena), NULL, &check->arena,
	           &common, error);
	check->timeout = common.timeout;
	check->stale = common.stale;
	if (desc->timeout != NULL && value_get(values, "timeout") == NULL)
		duration_parse(desc->timeout, &check->timeout, &why);
	if (desc->stale != NULL && value_get(values, "stale") == NULL)
		duration_parse(desc->stale, &check->stale, &why);
	read_keep(check, values, error);
	check->keeps_in_store = g_strcmp0(common.keep_in, "store") == 0;
	if (check->keeps_in_store && desc->effects)
		param_fail(error, value_get(values, "keep_in")->line,
		           "keep_in: asking %s changes something, so its answers cannot be kept", desc->name);
	else if (check->keeps_in_store && !check->keeps)
		param_fail(error, value_get(values, "keep_in")->line,
		           "keep_in: found 'store', but no answer is kept; keep says how long");
}

static void add_named(GPtrArray *fields, GPtrArray *reads, const pp_row_t *row, const void *conf)
{
	const void *member = (const char *)conf + row->offset;
	const pp_texts_t *texts = NULL;

	if (row->type == PP_TYPE_ATTRIBUTE && *(const char *const *)member != NULL)
		g_ptr_array_add(reads, *(char *const *)member);
	if (row->type == PP_TYPE_ATTRIBUTES || row->type == PP_TYPE_FIELDS)
		texts = *(const pp_texts_t *const *)member;
	for (size_t i = 0; texts != NULL && i < texts->count; i++)
		g_ptr_array_add(row->type == PP_TYPE_FIELDS ? fields : reads, (char *)texts->items[i]);
}

static uint32_t words_of(const struct module *module, const pp_row_t *row)
{
	uint32_t words = 0;

	for (unsigned word = 0; word < module->words; word++)
		if (module_sets(module, word, row))
			words |= UINT32_C(1) << word;
	return words;
}

/* Fields and reads: the module's, then those that parameters name. */
static void collect_names(struct check *check)
{
	const pp_module_t *desc = check->module->desc;
	g_autoptr(GPtrArray) fields = g_ptr_array_new();
	g_autoptr(GPtrArray) reads = g_ptr_array_new();

	for (const pp_row_t *row = desc->params; row != NULL && row->name != NULL; row++)
		add_named(fields, reads, row, check->conf);
	for (const pp_row_t *row = desc->fields; row != NULL && row->name != NULL; row++)
		check->own_fields++;
	check->fields = check->own_fields + fields->len;
	check->field = arena_alloc0(&check->arena, (check->fields + 1) * sizeof(*check->field));
	for (unsigned i = 0; i < check->own_fields; i++)
		check->field[i] = (struct check_field){ desc->fields[i].name, &desc->fields[i],
			                                words_of(check->module, &desc->fields[i]) };
	for (unsigned i = 0; i < fields->len; i++)
		check->field[check->own_fields + i] = (struct check_field){ fields->pdata[i], NULL,
			                                                    words_of(check->module, NULL) };
	check->named_reads = arena_alloc0(&check->arena, (reads->len + 1) * sizeof(*check->named_reads));
	for (unsigned i = 0; i < reads->len; i++)
		check->named_reads[i] = reads->pdata[i];
}

static bool is_reserved_name(const struct module *module, const char *name)
{
	return module_word(module, name) >= 0 || strcmp(name, "word") == 0 || strcmp(name, "text") == 0 ||
	       strcmp(name, "from") == 0;
}

/* Postfix may send what we do not know yet; but a name beside a known one is a slip. */
static void check_attribute_names(const struct check *check, struct pp_error *error)
{
	const char *names[PP_ATTRIBUTES] = { NULL };

	for (int i = 1; i < PP_ATTRIBUTES; i++)
		names[i - 1] = attribute_info((pp_attribute_t)i)->name;
	for (const char **read = check->named_reads; *read != NULL; read++) {
		const char *nearest = text_nearest(*read, names);

		if (nearest != NULL && strcmp(nearest, *read) != 0)
			param_fail(error, 0, "no attribute '%s' (did you mean '%s'?)", *read, nearest);
	}
}

static void check_field_names(const struct check *check, struct pp_error *error)
{
	for (unsigned i = 0; i < check->fields; i++) {
		const char *name = check->field[i].name;
		unsigned first = 0;

		while (strcmp(check->field[first].name, name) != 0)
			first++;
		if (is_reserved_name(check->module, name) || first < i)
			param_fail(error, 0, "the name '%s' of a field is taken already", name);
	}
}

static void set_fingerprint(struct check *check)
{
	g_autoptr(GString) text = g_string_new(check->module->desc->name);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	size_t name = strlen(check->name) + 1, length = 32;
	guint8 digest[32];

	g_string_append_c(text, '\0');
	if (check->module->desc->params != NULL)
		param_canonical(text, check->module->desc->params, check->conf, false);
	g_checksum_update(sum, (const guchar *)text->str, (gssize)text->len);
	g_checksum_get_digest(sum, digest, &length);
	memcpy(&check->fingerprint, digest, sizeof(check->fingerprint));
	check->key_prefix_size = name + sizeof(check->fingerprint);
	check->key_prefix = arena_alloc(&check->arena, check->key_prefix_size);
	memcpy(check->key_prefix, check->name, name);
	memcpy(check->key_prefix + name, &check->fingerprint, sizeof(check->fingerprint));
}

static bool validate(struct check *check, const struct check_stores *stores, struct pp_error *error)
{
	const pp_module_t *desc = check->module->desc;
	guint before = error->messages->len;
	bool valid;

	if (desc->validate == NULL)
		return true;
	binding_begin(check, stores);
	valid = desc->validate(check->conf, error);
	binding_end();
	if (!valid && error->messages->len == before)
		param_fail(error, 0, "its parameters are refused");
	return valid;
}

static bool read_params(struct check *check, const pp_value_t *values, const char *folder,
                        struct pp_error *error)
{
	const pp_module_t *desc = check->module->desc;
	static const pp_row_t no_rows[] = { PP_END };
	g_autofree const char **common = param_names(common_rows, NULL);
	const struct param_options options = { .folder = folder, .others = common };
	guint before = error->messages->len;

	param_read(desc->params != NULL ? desc->params : no_rows, values, &options, &check->arena,
	           check->conf, error);
	read_common(check, values, error);
	return error->messages->len == before;
}

static struct check *make(const struct module *module, const char *name)
{
	struct check *check;

	if (posix_memalign((void **)&check, 64, sizeof(*check)) != 0)
		g_error("out of memory");
	memset(check, 0, sizeof(*check));
	check->refs = 1;
	g_mutex_init(&check->opening);
	check->module = module;
	arena_init(&check->arena);
	check->name = arena_strdup(&check->arena, name);
	check->conf = arena_alloc0(&check->arena, module->desc->conf_size + 1);
	check->field_defaults = arena_alloc0(&check->arena, module->desc->fields_size + 1);
	check->stores = g_ptr_array_new();
	return check;
}

struct check *check_new_with_stores(const struct module *module, const char *name, const pp_value_t *values,
                                    const char *folder, const struct check_stores *stores,
                                    struct pp_error *error)
{
	struct check *check = make(module, name);
	guint before = error->messages->len;

	check->identity = check_identity(module, values, folder);
	error->where = module->desc->name;
	error->values = values;
	if (module->desc->fields != NULL)
		param_defaults(module->desc->fields, &check->arena, check->field_defaults, error);
	if (read_params(check, values, folder, error) && validate(check, stores, error)) {
		binding_make(check, stores, error);
		if (check->keeps_in_store)
			stored_make(check, stores, error);
		collect_names(check);
		check_field_names(check, error);
		check_attribute_names(check, error);
		set_fingerprint(check);
	}
	if (error->messages->len == before)
		return check;
	check_unref(check);
	return NULL;
}

struct check *check_new(const struct module *module, const char *name, const pp_value_t *values,
                        const char *folder, struct pp_error *error)
{
	return check_new_with_stores(module, name, values, folder, NULL, error);
}

void check_rename(struct check *check, const char *name)
{
	check->name = arena_strdup(&check->arena, name);
	set_fingerprint(check);
}

struct check *check_ref(struct check *check)
{
	g_atomic_int_inc(&check->refs);
	return check;
}

static void close_handles(struct check *check)
{
	const pp_module_t *desc = check->module->desc;

	if (desc->close == NULL)
		return;
	check_enter(check);
	if (check->handle != NULL)
		desc->close(check->handle);
	for (unsigned i = 0; i < check->workers; i++)
		if (check->worker[i].handle != NULL)
			desc->close(check->worker[i].handle);
	check_leave();
}

void check_unref(struct check *check)
{
	const pp_module_t *desc;

	if (check == NULL || !g_atomic_int_dec_and_test(&check->refs))
		return;
	desc = check->module->desc;
	close_handles(check);
	if (desc->invalidate != NULL)
		desc->invalidate(check->conf);
	if (desc->params != NULL)
		param_clear(desc->params, check->conf);
	binding_free(check);
	g_free(check->worker);
	g_free(check->identity);
	g_mutex_clear(&check->opening);
	arena_free(&check->arena);
	free(check);
}

char *check_identity(const struct module *module, const pp_value_t *values, const char *folder)
{
	GString *text = g_string_new(module->desc->name);

	g_string_append_printf(text, "\n%s\n", folder != NULL ? folder : "");
	if (values != NULL)
		value_canonical(text, values);
	return g_string_free(text, FALSE);
}

/* open(), with its reason logged once for each failure in a row. */
static void *open_handle(struct check *check, bool log)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	struct pp_error error = { .messages = messages };
	void *handle;

	check_enter(check);
	handle = check->module->desc->open(check->conf, &error);
	check_leave();
	if (handle == NULL && log)
		pp_log(PP_LOG_WARNING, "check %s: %s; its answers are unknown, retrying every second",
		       check->name,
		       messages->len > 0 ? (const char *)messages->pdata[0] : "cannot be opened");
	return handle;
}

void check_open(struct check *check)
{
	void *handle;

	if (check->module->desc->open == NULL || check->module->desc->blocking ||
	    !g_mutex_trylock(&check->opening))
		return;
	if (check->handle != NULL) {
		g_mutex_unlock(&check->opening);
		return;
	}
	handle = open_handle(check, !check->open_failed);
	if (handle != NULL && check->open_failed)
		pp_log(PP_LOG_NOTICE, "check %s: works again", check->name);
	check->open_failed = handle == NULL;
	g_atomic_pointer_set(&check->handle, handle);
	g_mutex_unlock(&check->opening);
}

void check_upkeep(struct check *check)
{
	check_open(check);
	if (check->module->desc->upkeep == NULL || check->handle == NULL)
		return;
	check_enter(check);
	check->module->desc->upkeep(check->handle);
	check_leave();
}

void check_set_workers(struct check *check, unsigned workers)
{
	if (!check->module->desc->blocking || check->workers != 0)
		return;
	check->worker = g_new0(struct check_worker, workers);
	check->workers = workers;
}

void *check_worker_handle(struct check *check, unsigned worker)
{
	struct check_worker *mine = &check->worker[worker];

	if (worker >= check->workers || check->module->desc->open == NULL)
		return NULL;
	if (mine->handle == NULL && pp_now() >= mine->again) {
		mine->handle = open_handle(check, !mine->failed);
		mine->failed = mine->handle == NULL;
		mine->again = pp_now() + WORKER_RETRY;
	}
	return mine->handle;
}

bool check_reads(const struct check *check, pp_attribute_t attribute)
{
	for (const pp_attribute_t *read = check->module->desc->reads;
	     read != NULL && *read != PP_ATTRIBUTE_NONE; read++)
		if (*read == attribute)
			return true;
	return false;
}

bool check_reads_named(const struct check *check, const char *name)
{
	for (const char **read = check->named_reads; *read != NULL; read++)
		if (strcmp(*read, name) == 0)
			return true;
	return false;
}

struct check_stats check_stats_sum(const struct check *check)
{
	struct check_stats sum = { 0 };

	for (unsigned i = 0; i < CHECK_LOOPS_MAX; i++) {
		const struct check_stats *stats = &check->stats[i];

		sum.asked += __atomic_load_n(&stats->asked, __ATOMIC_RELAXED);
		sum.memory += __atomic_load_n(&stats->memory, __ATOMIC_RELAXED);
		sum.store += __atomic_load_n(&stats->store, __ATOMIC_RELAXED);
		sum.stale += __atomic_load_n(&stats->stale, __ATOMIC_RELAXED);
		sum.unknown += __atomic_load_n(&stats->unknown, __ATOMIC_RELAXED);
		sum.timeouts += __atomic_load_n(&stats->timeouts, __ATOMIC_RELAXED);
		sum.merged += __atomic_load_n(&stats->merged, __ATOMIC_RELAXED);
		sum.usec += __atomic_load_n(&stats->usec, __ATOMIC_RELAXED);
		sum.lost += __atomic_load_n(&stats->lost, __ATOMIC_RELAXED);
	}
	return sum;
}
