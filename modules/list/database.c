/* database.c - lists in SQL: a look-up for each ask, or all of a table read as a snapshot
 *
 * In an entry of a snapshot value and fields stand behind each other, each behind a
 * byte that tells whether it is there: databases have NULL.
 */
#include <string.h>
#include "list.h"

#define THERE '\x1f'
#define ABSENT '\x1e'
#define REFRESH_USUAL 300000  /* ms, of a list that has to be read whole */
#define REFRESH_MANAGED 10000 /* ms, where other servers may have changed the table */

/* -- parameters ----------------------------------------------------------- */

char *list_source(const struct conf *conf)
{
	if (conf->file != NULL) {
		g_autofree char *name = g_path_get_basename(conf->file);

		return g_steal_pointer(&name);
	}
	if (conf->table != NULL)
		return g_strdup_printf("table %s", conf->table);
	if (conf->managed != NULL)
		return g_strdup_printf("table %s", conf->managed);
	return g_strdup(conf->query != NULL ? "query" : "inline");
}

static bool is_attribute(const struct conf *conf, const char *name)
{
	for (size_t i = 0; conf->attribute != NULL && i < conf->attribute->count; i++)
		if (strcmp(conf->attribute->items[i], name) == 0)
			return true;
	return false;
}

/* "mail.partners" is a table of a database that the connection sees as well. */
static bool is_table(const char *name)
{
	g_auto(GStrv) parts = g_strsplit(name, ".", 2);

	return pp_is_identifier(parts[0]) && (parts[1] == NULL || pp_is_identifier(parts[1]));
}

static bool check_names(const struct conf *conf, pp_error_t *error)
{
	if (!is_table(conf->table))
		return pp_fail(error, "table",
		               "found '%s', wanted the name of a table: letters, digits and '_'",
		               conf->table);
	if (conf->column == NULL || conf->column->count == 0)
		return pp_fail(error, "table", "goes with column, which names what is searched");
	for (size_t i = 0; i < conf->column->count; i++)
		if (!pp_is_identifier(conf->column->items[i]))
			return pp_fail(error, "column", "found '%s', wanted letters, digits and '_'",
			               conf->column->items[i]);
	if (conf->column->count > 1 &&
	    (conf->attribute == NULL || conf->attribute->count != conf->column->count))
		return pp_fail(error, "column", "found %zu columns, wanted one attribute for each of them",
		               conf->column->count);
	return true;
}

/* Quotes of this kind are known to all databases we speak to. */
static char *select_of_table(const struct conf *conf)
{
	g_auto(GStrv) parts = g_strsplit(conf->table, ".", 2);
	g_autofree char *table = g_strjoinv("`.`", parts);
	GString *sql = g_string_new(NULL);

	g_string_append_printf(sql, "SELECT * FROM `%s`", table);
	for (size_t i = 0; !conf->whole && i < conf->column->count; i++)
		g_string_append_printf(sql, " %s `%s` = :%s", i == 0 ? "WHERE" : "AND",
		                       conf->column->items[i],
		                       conf->together ? conf->attribute->items[i] : "value");
	if (!conf->whole)
		g_string_append(sql, " LIMIT 1");
	return g_string_free(sql, FALSE);
}

/* Without the parameter attribute the query itself says what it reads. */
static void take_attributes(struct conf *conf)
{
	size_t count = pp_query_args(conf->sql), taken = 0;
	const char **names;

	if (conf->attribute != NULL || count == 0)
		return;
	conf->asked = g_malloc(sizeof(*conf->asked) + count * sizeof(*names));
	names = (const char **)(conf->asked + 1);
	for (size_t i = 0; i < count; i++)
		if (strcmp(pp_query_arg(conf->sql, i), "value") != 0)
			names[taken++] = pp_query_arg(conf->sql, i);
	*conf->asked = (pp_texts_t){ taken, names };
	if (taken > 0)
		conf->attribute = conf->asked;
}

static bool check_arguments(struct conf *conf, pp_error_t *error)
{
	bool value = false;

	for (size_t i = 0; i < pp_query_args(conf->sql); i++) {
		const char *name = pp_query_arg(conf->sql, i);

		value |= strcmp(name, "value") == 0;
		if (strcmp(name, "value") != 0 && !is_attribute(conf, name))
			return pp_fail(error, "query",
			               "has :%s, wanted :value or an attribute that the parameter attribute "
			               "names",
			               name);
		conf->together |= strcmp(name, "value") != 0;
	}
	if (value && conf->together)
		return pp_fail(error, "query", "has :value beside attributes; name all of them");
	if (pp_query_args(conf->sql) > 0 && conf->whole)
		return pp_fail(error, conf->refresh > 0 ? "refresh" : "search",
		               "needs all entries, but the query asks for one; leave out its WHERE");
	conf->whole |= pp_query_args(conf->sql) == 0;
	return true;
}

static bool make_query(struct conf *conf, pp_error_t *error)
{
	g_autofree char *sql = conf->table != NULL ? select_of_table(conf) : g_strdup(conf->query);

	conf->sql = pp_query_new(conf->store, sql, error, conf->table != NULL ? "table" : "query");
	if (conf->sql == NULL)
		return false;
	take_attributes(conf);
	return check_arguments(conf, error);
}

bool database_validate(struct conf *conf, pp_error_t *error)
{
	bool sql = conf->query != NULL || conf->table != NULL;

	if (!sql && conf->store != NULL)
		return pp_fail(error, "store", "goes with query or table only");
	if (conf->table == NULL && conf->column != NULL)
		return pp_fail(error, "column", "goes with table only");
	if (!sql && conf->managed == NULL)
		return conf->refresh == 0 ||
		       pp_fail(error, "refresh", "goes with query, table or managed only");
	conf->whole = conf->refresh > 0 || conf->method != &search_exact;
	if (conf->table != NULL && !check_names(conf, error))
		return false;
	conf->together = conf->column != NULL && conf->column->count > 1;
	if (conf->together && conf->whole)
		return pp_fail(error, "column",
		               "found %zu columns, but %s reads the whole table, by one column",
		               conf->column->count, conf->refresh > 0 ? "refresh" : conf->search);
	if (sql && !make_query(conf, error))
		return false;
	if (conf->whole && conf->refresh == 0)
		conf->refresh = MIN(conf->managed != NULL ? REFRESH_MANAGED : REFRESH_USUAL, conf->max_age);
	if (conf->refresh > conf->max_age)
		return pp_fail(error, "refresh", "is longer than max_age, so no snapshot would ever be good");
	return true;
}

/* -- rows ------------------------------------------------------------------ */

static size_t find_column(const char *name, size_t columns, const char *const *names)
{
	size_t i = 0;

	while (i < columns && g_ascii_strcasecmp(names[i], name) != 0)
		i++;
	return i;
}

static void append_text(GString *packed, const char *text)
{
	g_string_append_c(packed, text != NULL ? THERE : ABSENT);
	for (; text != NULL && *text != '\0'; text++)
		if (*text != THERE && *text != ABSENT)
			g_string_append_c(packed, *text);
}

/* The value is the first column that is not the key. */
char *database_pack(const struct conf *conf, size_t columns, const char *const *names,
                    const char *const *values, size_t key)
{
	GString *packed = g_string_new(NULL);
	size_t first = key == 0 ? 1 : 0;

	append_text(packed, first < columns ? values[first] : NULL);
	for (size_t i = 0; conf->fields != NULL && i < conf->fields->count; i++) {
		size_t column = find_column(conf->fields->items[i], columns, names);

		append_text(packed, column < columns ? values[column] : NULL);
	}
	return g_string_free(packed, FALSE);
}

static const char *next_text(pp_ask_t *a, const char **packed)
{
	const char *begin = *packed + (**packed != '\0');
	size_t length = strcspn(begin, "\x1e\x1f");
	bool there = **packed == THERE;

	*packed = begin + length;
	return there ? pp_format(a, "%.*s", (int)length, begin) : NULL;
}

void database_unpack(pp_ask_t *a, const char *packed, const char **value)
{
	const struct conf *conf = pp_conf(a);

	*value = next_text(a, &packed);
	for (size_t i = 0; conf->fields != NULL && i < conf->fields->count; i++)
		pp_field(a, conf->fields->items[i], next_text(a, &packed));
}

/* A field that no column has the name of: the administrator wants to know. */
static const char *missing_field(const struct conf *conf, size_t columns, const char *const *names)
{
	for (size_t i = 0; conf->fields != NULL && i < conf->fields->count; i++)
		if (find_column(conf->fields->items[i], columns, names) == columns)
			return conf->fields->items[i];
	return NULL;
}

/* -- all of it -------------------------------------------------------------- */

struct reading {
	const struct conf *conf;
	struct snapshot *snapshot;
	char wrong[LIST_WRONG_SIZE]; /* what is wrong with the result as a whole; "" = nothing */
	unsigned skipped;            /* entries that cannot be searched */
	char skipped_first[LIST_WRONG_SIZE];
};

static void digest(struct snapshot *snapshot, const char *text)
{
	do
		snapshot->digest = (snapshot->digest ^ (unsigned char)*text) * 0x100000001b3u;
	while (*text++ != '\0');
}

static void add_entry(struct reading *reading, const char *key, const char *packed)
{
	struct snapshot *snapshot = reading->snapshot;
	char wrong[LIST_WRONG_SIZE];
	g_autofree char *copy = NULL;

	if (key == NULL || reading->wrong[0] != '\0')
		return;
	copy = g_strdup(key);
	digest(snapshot, key);
	digest(snapshot, packed);
	if (snapshot->count == LIST_LINES_MAX || snapshot->texts_used > LIST_FILE_MAX) {
		g_snprintf(reading->wrong, sizeof(reading->wrong), "it has more than %d rows or %d MiB",
		           LIST_LINES_MAX, (int)(LIST_FILE_MAX >> 20));
	} else if (!snapshot_add(snapshot, reading->conf, copy, packed, 0, wrong)) {
		if (reading->skipped++ == 0)
			g_snprintf(reading->skipped_first, sizeof(reading->skipped_first), "'%.100s': %.300s",
			           key, wrong);
	}
}

static void add_row(size_t columns, const char *const *names, const char *const *values, void *data)
{
	struct reading *reading = data;
	const struct conf *conf = reading->conf;
	size_t key = conf->table != NULL ? find_column(conf->column->items[0], columns, names) : 0;
	const char *missing = missing_field(conf, columns, names);
	g_autofree char *packed = NULL;

	if (key == columns || missing != NULL) {
		g_snprintf(reading->wrong, sizeof(reading->wrong), "it has no column '%.64s'",
		           key == columns ? conf->column->items[0] : missing);
		return;
	}
	packed = database_pack(conf, columns, names, values, key);
	add_entry(reading, values[key], packed);
}

static void add_managed(const void *columns, void *data)
{
	static const char *const names[] = { "value", "reason", "author" };
	const struct managed_row *row = columns;
	const char *const values[] = { row->value, row->reason, row->author };
	struct reading *reading = data;
	struct snapshot *snapshot = reading->snapshot;
	g_autofree char *packed = database_pack(reading->conf, G_N_ELEMENTS(names), names, values, 0);

	add_entry(reading, row->value, packed);
	if (row->until == 0)
		return;
	snapshot->digest ^= (uint64_t)row->until * 0x9e3779b97f4a7c15u;
	if (snapshot->ends == 0 || row->until < snapshot->ends)
		snapshot->ends = row->until;
}

static bool read_rows(const struct conf *conf, struct reading *reading, const char **error)
{
	const struct managed_wish wish = { .now = pp_time() };

	if (conf->managed != NULL)
		return pp_sql_now("all", &wish, add_managed, reading, error);
	return pp_query_now(conf->sql, NULL, add_row, reading, error);
}

struct snapshot *database_read_all(const struct conf *conf, const char **error)
{
	static _Thread_local char wrong[LIST_WRONG_SIZE];
	struct reading reading = { .conf = conf, .snapshot = snapshot_new(conf->method) };
	bool done = read_rows(conf, &reading, error);
	g_autofree char *source = list_source(conf);

	snapshot_finish(reading.snapshot);
	if (reading.skipped > 0)
		reading.snapshot->skipped = g_strdup_printf(
		        "%s: rows that cannot be searched: %u, the first is %s", source, reading.skipped,
		        reading.skipped_first);
	if (done && reading.wrong[0] == '\0')
		return reading.snapshot;
	if (done) {
		g_strlcpy(wrong, reading.wrong, sizeof(wrong));
		*error = wrong;
	}
	snapshot_unref(reading.snapshot);
	return NULL;
}

/* -- one by one ------------------------------------------------------------- */

static const char *argument_value(const struct conf *conf, const char *name, char *const *values,
                                  size_t which)
{
	for (size_t i = 0; conf->together && i < conf->attribute->count; i++)
		if (strcmp(conf->attribute->items[i], name) == 0)
			return values[i];
	return values[which];
}

static pp_work_t *start(pp_ask_t *a, char *const *values, size_t which)
{
	const struct conf *conf = pp_conf(a);
	const struct managed_wish wish = { .value = values[which], .now = pp_time() };
	size_t count;
	const char **bound;

	if (conf->managed != NULL)
		return pp_sql(a, "find", &wish);
	count = pp_query_args(conf->sql);
	bound = pp_alloc(a, (count + 1) * sizeof(*bound));
	for (size_t i = 0; i < count; i++)
		bound[i] = argument_value(conf, pp_query_arg(conf->sql, i), values, which);
	return pp_query(a, conf->sql, bound);
}

static pp_step_t found_managed(pp_ask_t *a, const struct managed_row *row)
{
	static const char *const names[] = { "value", "reason", "author" };
	const char *const values[] = { row->value, row->reason, row->author };
	g_autofree char *packed = database_pack(pp_conf(a), G_N_ELEMENTS(names), names, values, 0);

	return list_found(a, row->value, packed, 0);
}

static pp_step_t found_row(pp_ask_t *a, const pp_work_t *work, const char *searched)
{
	const struct conf *conf = pp_conf(a);
	size_t columns = pp_query_columns(work), key = columns;
	const char **names = pp_alloc(a, (columns + 1) * sizeof(*names));
	const char **values = pp_alloc(a, (columns + 1) * sizeof(*values));
	g_autofree char *packed = NULL;
	const char *missing;

	for (size_t i = 0; i < columns; i++) {
		names[i] = pp_query_column(work, i);
		values[i] = pp_query_value(work, 0, i);
	}
	missing = missing_field(conf, columns, names);
	if (missing != NULL)
		return pp_unknown(a, "the result has no column '%s'", missing);
	if (conf->table != NULL)
		key = find_column(conf->column->items[0], columns, names);
	packed = database_pack(conf, columns, names, values, key);
	return list_found(a, key < columns && values[key] != NULL ? values[key] : searched, packed, 0);
}

/* The first that is found wins; one that failed might have been it. */
static pp_step_t looked_up(pp_ask_t *a)
{
	const struct look_up *look_up = pp_state(a);
	const struct conf *conf = pp_conf(a);
	g_autofree char *source = NULL;

	for (size_t i = 0; i < look_up->count; i++) {
		const pp_work_t *work = look_up->works[i];

		if (pp_work_state(work) == PP_WORK_TIMED_OUT)
			return pp_unknown(a, "the database did not answer in time");
		if (pp_work_state(work) != PP_WORK_DONE)
			return pp_unknown(a, "%s", pp_work_error(work));
		if (conf->managed != NULL && pp_sql_count(work) > 0)
			return found_managed(a, pp_sql_row(work, 0));
		if (conf->managed == NULL && pp_query_count(work) > 0)
			return found_row(a, work, look_up->values[i]);
	}
	source = list_source(conf);
	return pp_no(a, "not on the list %s", source);
}

pp_step_t database_look_up(pp_ask_t *a, char *const *values, size_t count)
{
	const struct conf *conf = pp_conf(a);
	struct look_up *look_up = pp_state(a);

	look_up->values = values;
	look_up->count = conf->together ? 1 : count;
	look_up->works = pp_alloc(a, look_up->count * sizeof(pp_work_t *));
	for (size_t i = 0; i < look_up->count; i++)
		look_up->works[i] = start(a, values, i);
	return pp_wait(a, looked_up);
}
