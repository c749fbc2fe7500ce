/* rule/plan.c - what a rule file declares: settings, checks, listeners */
#include "rule/plan.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "service/endpoint.h"

#define SOURCE_MAX (16 * 1024 * 1024)

/* -- making and freeing -------------------------------------------------- */

static void free_source(void *data)
{
	struct plan_source *source = data;

	g_free(source->path);
	g_free(source->folder);
	g_free(source->bytes);
	if (source->lines != NULL)
		g_array_unref(source->lines);
	g_free(source);
}

static void free_check(void *data)
{
	struct plan_check *check = data;

	check_unref(check->check);
	g_free(check->identity);
}

static void free_store(void *data)
{
	store_unref(((struct plan_store *)data)->store);
}

static void free_listener(void *data)
{
	struct plan_listener *listener = data;

	param_clear(plan_listen_rows(), listener);
	param_clear(plan_proxy_rows(), &listener->proxy);
}

struct plan *plan_new(const struct plan *leader)
{
	struct plan *plan = g_new0(struct plan, 1);
	struct pp_error error = { .messages = g_ptr_array_new_with_free_func(g_free) };

	plan->leader = leader;
	arena_init(&plan->arena);
	plan->sources = g_ptr_array_new_with_free_func(free_source);
	plan->stores = g_ptr_array_new_with_free_func(free_store);
	plan->checks = g_ptr_array_new_with_free_func(free_check);
	plan->listeners = g_ptr_array_new_with_free_func(free_listener);
	plan->errors = error.messages;
	plan->folders = g_ptr_array_new();
	plan->declared = g_string_new(NULL);
	for (const struct plan_setting *setting = plan_settings(); setting->name != NULL; setting++)
		if (setting->rows != NULL)
			param_defaults(setting->rows, &plan->arena, (char *)plan + setting->offset, &error);
	plan->server.on_error.verb = ACTION_DUNNO;
	plan->server.on_error.text = "";
	return plan;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	g_ptr_array_unref(plan->checks);
	g_ptr_array_unref(plan->stores);
	g_ptr_array_unref(plan->listeners);
	g_ptr_array_unref(plan->sources);
	g_ptr_array_unref(plan->errors);
	g_ptr_array_unref(plan->folders);
	g_string_free(plan->declared, TRUE);
	for (const struct plan_setting *setting = plan_settings(); setting->name != NULL; setting++)
		if (setting->rows != NULL)
			param_clear(setting->rows, (char *)plan + setting->offset);
	arena_free(&plan->arena);
	g_free(plan);
}

/* -- files --------------------------------------------------------------- */

static char *given_text; /* in place of a file; NULL: none */

void plan_use_text(const char *text)
{
	given_text = g_strdup(text);
}

static bool read_file(const struct plan *plan, const char *path, struct plan_source *source, char **error)
{
	g_autoptr(GError) reason = NULL;
	gsize size;

	if (plan->read != NULL) {
		source->bytes = plan->read(plan->read_data, path, &source->size, error);
		return source->bytes != NULL;
	}
	if (given_text != NULL && strcmp(path, PLAN_TEXT) == 0) {
		source->bytes = g_strdup(given_text);
		source->size = strlen(given_text);
		return true;
	}
	if (!g_file_get_contents(path, &source->bytes, &size, &reason)) {
		*error = g_strdup_printf("cannot be read: %s", reason->message);
		return false;
	}
	source->size = size;
	if (size <= SOURCE_MAX)
		return true;
	*error = g_strdup_printf(
	        "has %zu bytes; a rule file has at most 16 MB, larger tables belong in lists", size);
	g_clear_pointer(&source->bytes, g_free);
	return false;
}

static struct plan_source *find_source(const struct plan *plan, const char *whole)
{
	for (guint i = 0; i < plan->sources->len; i++) {
		struct plan_source *source = plan->sources->pdata[i];
		g_autofree char *other = g_canonicalize_filename(source->path, NULL);

		if (strcmp(other, whole) == 0)
			return source;
	}
	return NULL;
}

struct plan_source *plan_source(const struct plan *plan, const char *path)
{
	const struct plan *first = plan->leader != NULL ? plan->leader : plan;

	for (guint i = 0; i < first->sources->len; i++) {
		struct plan_source *source = first->sources->pdata[i];

		if (strcmp(source->path, path) == 0)
			return source;
	}
	return NULL;
}

struct plan_source *plan_read(struct plan *plan, const char *path, char **error)
{
	g_autofree char *whole = g_canonicalize_filename(path, NULL);
	struct plan_source *source = find_source(plan->leader != NULL ? plan->leader : plan, whole);

	if (source != NULL)
		return source;
	source = g_new0(struct plan_source, 1);
	if (!read_file(plan, path, source, error)) {
		g_free(source);
		return NULL;
	}
	source->path = g_strdup(path);
	source->folder = g_path_get_dirname(whole);
	g_ptr_array_add(plan->sources, source);
	return source;
}

static const char *skip_quoted(const char *at, int *line)
{
	char quote = *at++;

	while (*at != '\0' && *at != quote && *at != '\n') {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\n')
			++*line;
		at++;
	}
	return *at == quote ? at + 1 : at;
}

static bool is_assigned(const char *at, size_t length)
{
	at += length;
	while (*at == ' ' || *at == '\t')
		at++;
	return at[0] == '=' && at[1] != '=';
}

static const char *start_of_line(struct plan_source *source, int line)
{
	if (source->lines == NULL) {
		size_t begin = 0;

		source->lines = g_array_new(FALSE, FALSE, sizeof(size_t));
		g_array_append_val(source->lines, begin);
		for (size_t i = 0; i < source->size; i++)
			if (source->bytes[i] == '\n') {
				begin = i + 1;
				g_array_append_val(source->lines, begin);
			}
	}
	if (line < 1 || (guint)line > source->lines->len)
		return source->bytes + source->size;
	return source->bytes + g_array_index(source->lines, size_t, line - 1);
}

/* Not a parser: words followed by '=' up to the brace that closes the call's own. */
int plan_line_of(struct plan_source *source, int line, const char *name)
{
	const char *at = start_of_line(source, line);
	size_t length = strlen(name);
	int here = line, depth = 0;

	while (*at != '\0' && here < line + 500) {
		if (*at == '"' || *at == '\'') {
			at = skip_quoted(at, &here);
			continue;
		}
		if (at[0] == '-' && at[1] == '-')
			at += strcspn(at, "\n");
		if (isalpha((unsigned char)*at) || *at == '_') {
			size_t word = strspn(
			        at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

			if (word == length && depth == 1 && memcmp(at, name, length) == 0 &&
			    is_assigned(at, word))
				return here;
			at += word;
			continue;
		}
		depth += *at == '{';
		if (*at == '}' && --depth <= 0)
			return 0;
		here += *at == '\n';
		at += *at != '\0';
	}
	return 0;
}

/* -- messages ------------------------------------------------------------ */

void plan_fail(struct plan *plan, const struct plan_place *place, const char *where, const char *format, ...)
{
	GString *text = g_string_new(NULL);
	va_list args;

	if (place != NULL && place->source != NULL)
		g_string_append_printf(text, "%s:%d: ", place->source->path, place->line);
	if (where != NULL)
		g_string_append_printf(text, "%s: ", where);
	va_start(args, format);
	g_string_append_vprintf(text, format, args);
	va_end(args);
	g_ptr_array_add(plan->errors, g_string_free(text, FALSE));
}

struct pp_error plan_error_at(struct plan *plan, const struct plan_place *place, const char *where,
                              const char *noun, const pp_value_t *values)
{
	return (struct pp_error){ .file = place->source->path,
		                  .line = place->line,
		                  .where = where,
		                  .values = values,
		                  .messages = plan->errors,
		                  .noun = noun };
}

/* -- checks -------------------------------------------------------------- */

void plan_declare(struct plan *plan, const char *what, const char *name, const pp_value_t *values)
{
	g_string_append_printf(plan->declared, "%s %s\n", what, name);
	if (values != NULL)
		value_canonical(plan->declared, values);
	g_string_append_c(plan->declared, '\n');
}

bool plan_is_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return length > 0 && length <= 64 && text[length] == '\0' && !isdigit((unsigned char)*text);
}

const char *const *plan_module_folders(struct plan *plan)
{
	const pp_texts_t *texts = plan->server.modules;
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *beside = NULL;

	if (plan->folders->len > 0)
		return (const char *const *)plan->folders->pdata;
	for (size_t i = 0; texts != NULL && i < texts->count; i++) {
		g_autofree char *folder = g_canonicalize_filename(texts->items[i], plan->server_folder);

		g_ptr_array_add(plan->folders, arena_strdup(&plan->arena, folder));
	}
	if (program != NULL) {
		g_autofree char *folder = g_path_get_dirname(program);

		beside = g_build_filename(folder, "modules", NULL);
		if (g_file_test(beside, G_FILE_TEST_IS_DIR))
			g_ptr_array_add(plan->folders, arena_strdup(&plan->arena, beside));
	}
	g_ptr_array_add(plan->folders, (char *)PP_MODULE_FOLDER);
	g_ptr_array_add(plan->folders, NULL);
	return (const char *const *)plan->folders->pdata;
}

struct plan_check *plan_check(struct plan *plan, const char *name, const pp_value_t *values,
                              const struct plan_place *place)
{
	struct plan_check *check = arena_new0(&plan->arena, struct plan_check);
	g_autofree char *reason = NULL;
	const pp_value_t *given = value_get(values, "name");

	plan_declare(plan, "check", name, values);
	check->source = place->source;
	check->line = place->line;
	check->values = values;
	check->module = module_load(name, plan_module_folders(plan), &reason);
	if (check->module == NULL) {
		plan_fail(plan, place, "check", "%s", reason);
		return NULL;
	}
	if (given != NULL && given->kind == PP_STRING && plan_is_name(given->string)) {
		check->name = given->string;
		check->named_by_parameter = true;
	} else if (given != NULL) {
		plan_fail(plan, place, check->module->desc->name,
		          "name: wanted a text of letters, digits and '_' that begins with a letter");
	}
	check->identity = check_identity(check->module, values, place->source->folder);
	g_ptr_array_add(plan->checks, check);
	return check;
}

/* -- finishing ----------------------------------------------------------- */

static struct check *carried_over(const struct plan *earlier, const struct plan_check *check,
                                  const struct check_stores *stores)
{
	for (guint i = 0; earlier != NULL && i < earlier->checks->len; i++) {
		const struct plan_check *other = earlier->checks->pdata[i];

		if (other->check != NULL && strcmp(other->name, check->name) == 0 &&
		    strcmp(other->identity, check->identity) == 0 && check_uses_only(other->check, stores))
			return check_ref(other->check);
	}
	return NULL;
}

static void make_check(struct plan *plan, struct plan_check *check, GHashTable *names,
                       const struct check_stores *stores, const struct plan *earlier)
{
	const struct plan_place place = { check->source, check->line };
	struct pp_error error = plan_error_at(plan, &place, check->module->desc->name, NULL, check->values);
	const struct plan_check *other = g_hash_table_lookup(names, check->name);

	if (other != NULL) {
		plan_fail(plan, &place, check->module->desc->name,
		          "the name '%s' is taken by the check of %s:%d; give it one of its own with "
		          "name = \"...\"",
		          check->name, other->source->path, other->line);
		return;
	}
	g_hash_table_insert(names, (char *)check->name, check);
	check->check = carried_over(earlier, check, stores);
	if (check->check == NULL)
		check->check = check_new_with_stores(check->module, check->name, check->values,
		                                     check->source->folder, stores, &error);
}

static const char *host_name(struct arena *arena)
{
	char name[HOST_NAME_MAX + 1] = "";
	size_t length;

	gethostname(name, sizeof(name) - 1);
	length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	return length == 0 ? "mx" : arena_strndup(arena, name, MIN(length, 16));
}

static void name_configuration(struct plan *plan)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	for (guint i = 0; i < plan->sources->len; i++) {
		const struct plan_source *source = plan->sources->pdata[i];

		g_checksum_update(sum, (const guchar *)source->bytes, (gssize)source->size);
	}
	g_strlcpy(plan->conf, g_checksum_get_string(sum), 5);
}

/* Messages of one file in the order of its lines. */
static int by_place(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;
	const char *colon_one = strchr(one, ':'), *colon_other = strchr(other, ':');

	if (colon_one == NULL || colon_other == NULL || colon_one - one != colon_other - other ||
	    strncmp(one, other, (size_t)(colon_one - one)) != 0)
		return 0;
	return atoi(colon_one + 1) - atoi(colon_other + 1);
}

bool plan_follow(struct plan *plan)
{
	const struct plan *leader = plan->leader;

	if (plan->errors->len > 0)
		return false;
	if (strcmp(plan->declared->str, leader->declared->str) != 0 ||
	    plan->checks->len != leader->checks->len) {
		plan_fail(plan, NULL, ((struct plan_source *)leader->sources->pdata[0])->path,
		          "declares other things when it is loaded again; each event loop loads it, and what "
		          "it "
		          "declares must not depend on the order of pairs() or on the time");
		return false;
	}
	for (guint i = 0; i < plan->stores->len; i++) {
		struct plan_store *store = plan->stores->pdata[i], *first = leader->stores->pdata[i];

		store->store = store_ref(first->store);
	}
	for (guint i = 0; i < plan->checks->len; i++) {
		struct plan_check *check = plan->checks->pdata[i], *first = leader->checks->pdata[i];

		check->check = check_ref(first->check);
	}
	memcpy(plan->conf, leader->conf, sizeof(plan->conf));
	return true;
}

bool plan_finish(struct plan *plan, const struct plan *earlier)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	struct check_stores stores;

	plan_make_stores(plan, earlier);
	stores = plan_stores(plan);
	for (guint i = 0; i < plan->checks->len; i++) {
		struct plan_check *check = plan->checks->pdata[i];

		if (check->name == NULL)
			check->name = check->module->desc->name;
		make_check(plan, check, names, &stores, earlier);
	}
	if (plan->server.name == NULL)
		plan->server.name = host_name(&plan->arena);
	for (guint i = 0; i < plan->listeners->len; i++) {
		struct plan_listener *listener = plan->listeners->pdata[i];

		if (listener->on_error.verb > ACTION_VERBS)
			listener->on_error = plan->server.on_error;
		if (listener->deadline == 0)
			listener->deadline = plan->server.deadline;
	}
	name_configuration(plan);
	g_ptr_array_sort(plan->errors, by_place);
	return plan->errors->len == 0;
}
