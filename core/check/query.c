/* check/query.c - queries of the configuration, run for asks, and for who may wait */
#include <string.h>
#include "check/binding.h"
#include "check/record.h"
#include "check/sql.h"
#include "check/step.h"
#include "check/work.h"

struct pp_query {
	struct store *store; /* a reference */
	struct statement_set *set;
	const struct statement *statement;
};

bool pp_is_identifier(const char *text)
{
	return statement_is_identifier(text);
}

pp_query_t *pp_query_new(const char *store_name, const char *sql, pp_error_t *error, const char *param)
{
	g_autofree char *reason = NULL;
	struct store *store = binding_store(store_name, &reason);
	struct statement_set *set;
	pp_query_t *query;

	if (store == NULL) {
		pp_fail(error, NULL, "%s", reason);
		return NULL;
	}
	set = statement_set_of_query(sql, &reason);
	if (set == NULL) {
		pp_fail(error, param, "%s", reason);
		return NULL;
	}
	query = g_new0(pp_query_t, 1);
	query->store = store_ref(store);
	query->set = set;
	query->statement = set->statements[0];
	store_add(store, set);
	return query;
}

void pp_query_free(pp_query_t *query)
{
	if (query == NULL)
		return;
	statement_set_unref(query->set);
	store_unref(query->store);
	g_free(query);
}

size_t pp_query_args(const pp_query_t *query)
{
	return query->statement->arg_count;
}

const char *pp_query_arg(const pp_query_t *query, size_t index)
{
	return index < query->statement->arg_count ? query->statement->args[index] : NULL;
}

static struct database_value *make_values(const pp_query_t *query, const char *const *texts,
                                          struct arena *arena)
{
	unsigned count = query->statement->arg_count;
	struct database_value *values = arena_alloc0(arena, (count + 1) * sizeof(*values));

	for (unsigned i = 0; i < count; i++)
		if (texts[i] != NULL)
			values[i] = (struct database_value){ .kind = PP_STRING,
				                             .string = texts[i],
				                             .length = (uint32_t)strlen(texts[i]) };
	return values;
}

/* -- for asks ------------------------------------------------------------ */

pp_work_t *pp_query(pp_ask_t *ask, const pp_query_t *query, const char *const *values)
{
	return sql_start(ask, query->store, NULL, query->statement, make_values(query, values, &ask->arena),
	                 false);
}

static const char **copy_names(const struct store_rows *rows, struct arena *arena)
{
	const char **names = arena_alloc(arena, (rows->columns + 1) * sizeof(*names));

	for (unsigned i = 0; i < rows->columns; i++)
		names[i] = arena_strdup(arena, rows->names[i]);
	return names;
}

const struct query_rows *query_rows_copy(const struct store_rows *rows, struct arena *arena)
{
	struct query_rows *copy = arena_new0(arena, struct query_rows);
	size_t all = (size_t)rows->count * rows->columns;
	const char **values = arena_alloc(arena, (all + 1) * sizeof(*values));

	for (size_t i = 0; i < all; i++) {
		values[i] = record_text(&rows->values[i], arena);
		if (rows->values[i].kind == PP_STRING)
			values[i] = arena_strdup(arena, values[i]);
	}
	*copy = (struct query_rows){ rows->count, rows->columns, copy_names(rows, arena), values };
	return copy;
}

size_t pp_query_count(const pp_work_t *work)
{
	return work->texts != NULL && work->state == PP_WORK_DONE ? work->texts->count : 0;
}

size_t pp_query_columns(const pp_work_t *work)
{
	return work->texts != NULL && work->state == PP_WORK_DONE ? work->texts->columns : 0;
}

const char *pp_query_column(const pp_work_t *work, size_t column)
{
	return column < pp_query_columns(work) ? work->texts->names[column] : NULL;
}

const char *pp_query_value(const pp_work_t *work, size_t row, size_t column)
{
	if (row >= pp_query_count(work) || column >= work->texts->columns)
		return NULL;
	return work->texts->values[row * work->texts->columns + column];
}

/* -- waiting ------------------------------------------------------------- */

static void visit_rows(const struct store_rows *rows, pp_query_row_fn row, void *data, struct arena *arena)
{
	const char **texts = arena_alloc(arena, (rows->columns + 1) * sizeof(*texts));

	for (size_t i = 0; i < rows->count; i++) {
		struct arena numbers;

		arena_init(&numbers);
		for (unsigned column = 0; column < rows->columns; column++)
			texts[column] = record_text(&rows->values[i * rows->columns + column], &numbers);
		row(rows->columns, rows->names, texts, data);
		arena_free(&numbers);
	}
}

bool pp_query_now(const pp_query_t *query, const char *const *values, pp_query_row_fn row, void *data,
                  const char **error)
{
	struct store_rows *rows = NULL;
	struct arena arena;
	bool done;

	arena_init(&arena);
	done = sql_run(query->store, query->statement, make_values(query, values, &arena), &rows, error);
	if (done && row != NULL)
		visit_rows(rows, row, data, &arena);
	store_rows_free(rows);
	arena_free(&arena);
	return done;
}
