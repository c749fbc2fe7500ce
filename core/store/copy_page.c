/* store/copy_page.c - a page of rows: read here, looked for there, written if newer */
#include "store/copy_page.h"

#include <inttypes.h>
#include <string.h>

enum { NO_COLUMN = -1 };

static bool fail(struct database_error *error, const struct statement *statement, const char *column)
{
	error->fault = DATABASE_DATA;
	g_snprintf(error->text, sizeof(error->text), "%s/%s.sql gives no column '%s'", statement->set->name,
	           statement->name, column);
	return false;
}

static int find_column(const char *const *names, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return NO_COLUMN;
}

/* Which column of a result each argument of a statement is. */
static bool map_columns(const struct statement *result, const char *const *names, unsigned count,
                        const struct statement *wanted, unsigned *columns, struct database_error *error)
{
	for (unsigned i = 0; i < wanted->arg_count; i++) {
		int column = find_column(names, count, wanted->args[i]);

		if (column == NO_COLUMN)
			return fail(error, result, wanted->args[i]);
		columns[i] = (unsigned)column;
	}
	return true;
}

/* -- beginning and end --------------------------------------------------- */

bool copy_page_begin(struct copy *copy, char **error)
{
	copy->out = statement_find(copy->out_set, "copy_out");
	copy->look = statement_find(copy->in_set, "copy_look");
	copy->in = statement_find(copy->in_set, "copy_in");
	if (copy->out == NULL || copy->look == NULL || copy->in == NULL) {
		*error = g_strdup_printf("the statements that copy %s are missing", copy->out_set->name);
		return false;
	}
	copy_page_clear(copy);
	copy->last_key = g_new0(struct database_value, copy->look->arg_count + 1);
	copy->after = g_ptr_array_new_with_free_func(g_free);
	copy->in_columns = g_new0(unsigned, copy->in->arg_count + 1);
	copy->key_columns = g_new0(unsigned, copy->look->arg_count + 1);
	copy->values = g_array_new(FALSE, FALSE, sizeof(struct database_value));
	return true;
}

static void free_text(GString *text)
{
	g_string_free(text, TRUE);
}

void copy_page_clear(struct copy *copy)
{
	g_clear_pointer(&copy->last_key, g_free);
	g_clear_pointer(&copy->in_columns, g_free);
	g_clear_pointer(&copy->key_columns, g_free);
	g_clear_pointer(&copy->after, g_ptr_array_unref);
	g_clear_pointer(&copy->values, g_array_unref);
	g_clear_pointer(&copy->mark, free_text);
	copy->pages = copy->mark_at = 0;
	rows_gather_free(&copy->page);
	rows_gather_free(&copy->found);
	memset(&copy->page, 0, sizeof(copy->page));
	memset(&copy->found, 0, sizeof(copy->found));
}

/* -- reading ------------------------------------------------------------- */

/* The arguments of copy_out: the key of the row before, and two of ours. */
static void bind_out(struct copy *copy)
{
	for (unsigned i = 0; i < copy->out->arg_count; i++) {
		const char *name = copy->out->args[i];
		int key = find_column(copy->look->args, copy->look->arg_count, name);
		struct database_value value = { .kind = PP_INTEGER, .integer = pp_time() };

		if (strcmp(name, "most") == 0)
			value.integer = STATEMENT_ROWS_MAX;
		else if (key != NO_COLUMN)
			value = copy->last_key[key];
		g_array_append_val(copy->values, value);
	}
}

static bool read_columns(struct copy *copy, const char *const *names, struct database_error *error)
{
	int stamp = find_column(names, copy->page.columns, "stamp");

	if (stamp == NO_COLUMN)
		return fail(error, copy->out, "stamp");
	copy->stamp_column = (unsigned)stamp;
	return map_columns(copy->out, names, copy->page.columns, copy->in, copy->in_columns, error) &&
	       map_columns(copy->out, names, copy->page.columns, copy->look, copy->key_columns, error);
}

/* The key of the last row; two are equal if and only if their texts are. */
static GString *print_last(const struct copy *copy)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < copy->look->arg_count; i++) {
		struct database_value value = rows_value(&copy->page, copy->page.count - 1,
		                                         copy->key_columns[i]);

		g_string_append_printf(text, "%d %u ", (int)value.kind,
		                       value.kind == PP_STRING ? value.length : 0);
		if (value.kind == PP_STRING)
			g_string_append_len(text, value.string, value.length);
		else
			g_string_append_printf(text, "%" PRId64 " %a ",
			                       value.kind == PP_INTEGER ? value.integer : 0,
			                       value.kind == PP_REAL ? value.real : 0);
	}
	return text;
}

/* Whether pages do not come round again: the last key is held against one of before, which is replaced
 * after 1, 2, 4, ... pages. A column of SQLite's may hold what is not of its type, and a BLOB is greater
 * than any text, so what follows it as a text would be what came before. */
static bool goes_on(struct copy *copy, struct database_error *error)
{
	GString *last = print_last(copy);
	bool again = copy->mark != NULL && g_string_equal(copy->mark, last);

	if (++copy->pages >= copy->mark_at) {
		copy->mark_at = copy->pages * 2;
		g_clear_pointer(&copy->mark, free_text);
		copy->mark = g_string_new_len(last->str, (gssize)last->len);
	}
	g_string_free(last, TRUE);
	if (!again)
		return true;
	error->fault = DATABASE_DATA;
	g_snprintf(error->text, sizeof(error->text),
	           "gives rows of %s over again: is a key there of another type than its column, such as a "
	           "BLOB?",
	           copy->out_set->table);
	return false;
}

/* Where the next page begins. */
static void remember_key(struct copy *copy)
{
	g_ptr_array_set_size(copy->after, 0);
	for (unsigned i = 0; i < copy->look->arg_count; i++) {
		struct database_value value = rows_value(&copy->page, copy->page.count - 1,
		                                         copy->key_columns[i]);

		if (value.kind == PP_STRING) {
			value.string = g_strndup(value.string, value.length);
			g_ptr_array_add(copy->after, (char *)value.string);
		}
		copy->last_key[i] = value;
	}
}

bool copy_page_read(struct copy *copy, struct database_error *error)
{
	const char *const *names = NULL;

	copy->at = &copy->from;
	copy->done = 0;
	g_array_set_size(copy->values, 0);
	bind_out(copy);
	rows_gather_start(&copy->page);
	if (!copy->from.driver->run(copy->source, copy->out, 1,
	                            (const struct database_value *)(void *)copy->values->data, &names,
	                            &copy->page.columns, rows_gather_row, &copy->page, error))
		return false;
	copy->more = copy->page.count == STATEMENT_ROWS_MAX;
	if (copy->page.count == 0)
		return true;
	if (!read_columns(copy, names, error) || !goes_on(copy, error))
		return false;
	remember_key(copy);
	copy->count->read += copy->page.count;
	return true;
}

/* -- looking ------------------------------------------------------------- */

static void add_row(struct copy *copy, const struct statement *statement, const unsigned *columns,
                    unsigned row)
{
	for (unsigned i = 0; i < statement->arg_count; i++) {
		struct database_value value = rows_value(&copy->page, row, columns[i]);

		g_array_append_val(copy->values, value);
	}
}

static bool run_sink(struct copy *copy, const struct statement *statement, unsigned rows,
                     const char *const **names, struct database_error *error)
{
	rows_gather_start(&copy->found);
	return copy->to.driver->run(copy->sink, statement, rows,
	                            (const struct database_value *)(void *)copy->values->data, names,
	                            &copy->found.columns, rows_gather_row, &copy->found, error);
}

static bool is_key(const struct copy *copy, unsigned row, unsigned found, const unsigned *columns)
{
	for (unsigned i = 0; i < copy->look->arg_count; i++) {
		struct database_value here = rows_value(&copy->page, row, copy->key_columns[i]);
		struct database_value there = rows_value(&copy->found, found, columns[i]);

		if (rows_compare(&here, &there) != 0)
			return false;
	}
	return true;
}

enum fate { FRESH, NEWER, LEFT };

static enum fate fate_of(const struct copy *copy, unsigned row, const unsigned *columns, unsigned stamp)
{
	struct database_value here = rows_value(&copy->page, row, copy->stamp_column), there;

	for (unsigned i = 0; i < copy->found.count; i++) {
		if (!is_key(copy, row, i, columns))
			continue;
		there = rows_value(&copy->found, i, stamp);
		return rows_compare(&here, &there) > 0 ? NEWER : LEFT;
	}
	return FRESH;
}

/* What is to become of each of the rows. */
static bool look(struct copy *copy, unsigned first, unsigned count, enum fate *fates,
                 struct database_error *error)
{
	g_autofree unsigned *columns = g_new0(unsigned, copy->look->arg_count + 1);
	const char *const *names = NULL;
	int stamp;

	g_array_set_size(copy->values, 0);
	for (unsigned i = 0; i < count; i++)
		add_row(copy, copy->look, copy->key_columns, first + i);
	if (!run_sink(copy, copy->look, count, &names, error))
		return false;
	stamp = find_column(names, copy->found.columns, "stamp");
	if (stamp == NO_COLUMN)
		return fail(error, copy->look, "stamp");
	if (!map_columns(copy->look, names, copy->found.columns, copy->look, columns, error))
		return false;
	for (unsigned i = 0; i < count; i++)
		fates[i] = fate_of(copy, first + i, columns, (unsigned)stamp);
	return true;
}

/* -- writing ------------------------------------------------------------- */

/* A few lengths only, so that few statements are prepared. */
static unsigned largest_part(unsigned count)
{
	unsigned part = 1;

	while (part * 2 <= count)
		part *= 2;
	return part;
}

static bool write_wanted(struct copy *copy, const GArray *wanted, struct database_error *error)
{
	for (unsigned done = 0, part; done < wanted->len; done += part) {
		part = largest_part(wanted->len - done);
		g_array_set_size(copy->values, 0);
		for (unsigned i = 0; i < part; i++)
			add_row(copy, copy->in, copy->in_columns, g_array_index(wanted, unsigned, done + i));
		if (!run_sink(copy, copy->in, part, NULL, error))
			return false;
	}
	return true;
}

static void count_fates(struct copy_count *count, const enum fate *fates, unsigned rows)
{
	for (unsigned i = 0; i < rows; i++) {
		count->fresh += fates[i] == FRESH;
		count->newer += fates[i] == NEWER;
		count->left += fates[i] == LEFT;
	}
}

/* In one transaction. */
static bool write_rows(struct copy *copy, unsigned first, unsigned count, struct database_error *error)
{
	const struct database_driver *driver = copy->to.driver;
	g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE, sizeof(unsigned));
	enum fate fates[STATEMENT_ROWS_MAX];

	if (!driver->begin(copy->sink, error))
		return false;
	if (!look(copy, first, count, fates, error)) {
		driver->rollback(copy->sink);
		return false;
	}
	for (unsigned i = first; i < first + count; i++)
		if (fates[i - first] != LEFT)
			g_array_append_val(wanted, i);
	if (!write_wanted(copy, wanted, error) || !driver->commit(copy->sink, error)) {
		driver->rollback(copy->sink);
		return false;
	}
	count_fates(copy->count, fates, count);
	copy->done += count;
	return true;
}

static void count_refused(struct copy *copy, const struct database_error *error)
{
	if (copy->count->refused++ == 0)
		g_strlcpy(copy->count->refusal, error->text, sizeof(copy->count->refusal));
	copy->done++;
}

/* What a database refuses for its data is halved until the row stands alone. */
static bool write_part(struct copy *copy, unsigned count, struct database_error *error)
{
	unsigned half = count / 2;

	if (write_rows(copy, copy->done, count, error))
		return true;
	if (error->fault != DATABASE_DATA)
		return false;
	if (count == 1) {
		count_refused(copy, error);
		return true;
	}
	return write_part(copy, half, error) && write_part(copy, count - half, error);
}

bool copy_page_write(struct copy *copy, struct database_error *error)
{
	copy->at = &copy->to;
	while (copy->done < copy->page.count)
		if (!write_part(copy, largest_part(copy->page.count - copy->done), error))
			return false;
	return true;
}
