/* check/sql.c - statements and queries run for asks, and for who may wait */
#include "check/sql.h"

#include <stdlib.h>
#include <string.h>
#include "check/binding.h"
#include "check/record.h"
#include "check/step.h"
#include "check/work.h"

#define FLUSH_AGAIN_USEC 10000
#define ERROR_MAX 400
#define SAY_AGAIN 60000 /* ms: that something was not written */
#define COUNT(stat) \
	__atomic_store_n(&(stat), __atomic_load_n(&(stat), __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED)

/* -- results ------------------------------------------------------------- */

/* How a result becomes structs. */
struct reading {
	const struct check_statement *bound;
	const struct store_rows *rows;
	unsigned *columns;
	struct arena *arena;
};

/* NULL: the result has all columns; else a sentence. */
static const char *begin_reading(struct reading *reading, const struct check_statement *bound,
                                 const struct store_rows *rows, struct arena *arena)
{
	const char *missing;

	*reading = (struct reading){ bound, rows, NULL, arena };
	reading->columns = arena_alloc(arena, (bound->column_count + 1) * sizeof(*reading->columns));
	missing = record_columns(bound->declared->columns, rows->names, rows->columns, reading->columns);
	return missing == NULL ? NULL
	                       : arena_printf(arena, "the result of %s has no column '%s'",
	                                      bound->declared->name, missing);
}

/* NULL: the row was read; else a sentence. */
static const char *read_row(const struct reading *reading, unsigned index, bool copy, void *structure)
{
	const pp_statement_t *declared = reading->bound->declared;
	const struct database_value *values = reading->rows->values + (size_t)index * reading->rows->columns;
	const pp_row_t *wrong;

	memcpy(structure, reading->bound->defaults, declared->columns_size);
	wrong = record_read(declared->columns, reading->columns, values, copy, reading->arena, structure);
	return wrong == NULL ? NULL
	                     : arena_printf(reading->arena, "the result of %s has no number in column '%s'",
	                                    declared->name, wrong->name);
}

/* NULL: *result is made in the arena; else a sentence. */
static const char *read_all(const struct check_statement *bound, const struct store_rows *rows,
                            struct arena *arena, const struct sql_rows **result)
{
	struct sql_rows *all = arena_new0(arena, struct sql_rows);
	struct reading reading;
	const char *error;
	char *structures;

	*result = all;
	if (bound->declared->columns == NULL)
		return NULL;
	error = begin_reading(&reading, bound, rows, arena);
	all->size = bound->declared->columns_size;
	all->rows = structures = arena_alloc(arena, rows->count * all->size + 1);
	for (; error == NULL && all->count < rows->count; all->count++)
		error = read_row(&reading, (unsigned)all->count, true, structures + all->count * all->size);
	return error;
}

/* -- asking -------------------------------------------------------------- */

static void enlist(struct sql_ask *sql)
{
	struct ask_host *host = sql->host;

	g_mutex_lock(&host->lock);
	sql->next = host->in_store;
	if (sql->next != NULL)
		sql->next->previous = sql;
	host->in_store = sql;
	g_mutex_unlock(&host->lock);
}

static void delist(struct sql_ask *sql)
{
	struct ask_host *host = sql->host;

	if (sql->next != NULL)
		sql->next->previous = sql->previous;
	if (sql->previous != NULL)
		sql->previous->next = sql->next;
	else
		host->in_store = sql->next;
	if (host->in_store == NULL)
		g_cond_signal(&host->answered);
}

/* In a thread of the store. Host and loop may be gone as soon as the host's lock is free. */
static void answered(struct loop_message *message)
{
	struct sql_ask *sql = (struct sql_ask *)message;
	struct ask_host *host = sql->host;

	g_mutex_lock(&host->lock);
	delist(sql);
	loop_post(host->loop, &sql->back);
	g_mutex_unlock(&host->lock);
}

/* What was to be written later, and was not. While a database is in trouble its store says so. */
static void note_lost(struct check *check, unsigned index, struct store *store, const char *error)
{
	pp_msec_t now = pp_now(), said = __atomic_load_n(&check->lost_said, __ATOMIC_RELAXED);
	struct store_status status = { .good = true };

	COUNT(check->stats[index].lost);
	if (said != 0 && now - said < SAY_AGAIN)
		return;
	if (store != NULL)
		store_status(store, &status);
	if (status.good && __atomic_compare_exchange_n(&check->lost_said, &said, now, false, __ATOMIC_RELAXED,
	                                               __ATOMIC_RELAXED))
		pp_log(PP_LOG_WARNING, "check %s: what was to be written is lost: %s", check->name, error);
}

static void sql_free(struct sql_ask *sql)
{
	store_rows_free(sql->ask.rows);
	check_unref(sql->check);
	free(sql);
}

/* Makes the result the work's. */
static pp_work_state_t take_result(const struct sql_ask *sql, struct pp_work *work)
{
	struct arena *arena = &work->ask->arena;

	if (sql->ask.state != STORE_DONE) {
		work->error = arena_strdup(arena, sql->ask.error);
		return PP_WORK_FAILED;
	}
	if (sql->bound != NULL)
		work->error = read_all(sql->bound, sql->ask.rows, arena, &work->rows);
	else
		work->texts = query_rows_copy(sql->ask.rows, arena);
	return work->error == NULL ? PP_WORK_DONE : PP_WORK_FAILED;
}

/* In the loop. */
static void came_back(struct loop_message *message)
{
	struct sql_ask *sql = (struct sql_ask *)((char *)message - offsetof(struct sql_ask, back));
	struct pp_work *work = sql->work;
	pp_work_state_t state = PP_WORK_DONE;

	if (work != NULL)
		state = take_result(sql, work);
	else if (sql->ask.later && sql->ask.state != STORE_DONE)
		note_lost(sql->check, sql->index, sql->store, sql->ask.error);
	sql_free(sql);
	if (work != NULL)
		work_finish(work, state);
}

/* With the values, and their texts behind them. */
static struct sql_ask *sql_new(struct pp_ask *ask, struct store *store, const struct statement *statement,
                               const struct database_value *values)
{
	size_t size = sizeof(struct sql_ask) + statement->arg_count * sizeof(*values);
	struct sql_ask *sql;
	char *text;

	for (unsigned i = 0; i < statement->arg_count; i++)
		size += values[i].kind == PP_STRING ? values[i].length + (size_t)1 : 0;
	sql = g_malloc(size);
	*sql = (struct sql_ask){
		.ask = { .message.run = answered, .statement = statement, .values = sql->values },
		.back.run = came_back,
		.host = ask->host,
		.store = store,
		.check = check_ref(ask->check),
		.index = ask->host->index,
	};
	text = (char *)(sql->values + statement->arg_count);
	for (unsigned i = 0; i < statement->arg_count; i++) {
		sql->values[i] = values[i];
		if (values[i].kind != PP_STRING)
			continue;
		sql->values[i].string = memcpy(text, values[i].string, values[i].length);
		text[values[i].length] = '\0';
		text += values[i].length + 1;
	}
	return sql;
}

struct pp_work *sql_start(struct pp_ask *ask, struct store *store, const struct check_statement *bound,
                          const struct statement *statement, const struct database_value *values, bool later)
{
	struct pp_work *work = later ? NULL : work_new(ask);
	struct sql_ask *sql = sql_new(ask, store, statement, values);

	sql->ask.later = later;
	sql->bound = bound;
	enlist(sql);
	if (store_start(store, &sql->ask)) {
		if (work != NULL)
			work_begin(work, &sql->work);
		return work;
	}
	g_mutex_lock(&ask->host->lock);
	delist(sql);
	g_mutex_unlock(&ask->host->lock);
	if (work != NULL)
		work->error = arena_strdup(&ask->arena, sql->ask.error);
	else
		note_lost(sql->check, sql->index, store, sql->ask.error);
	sql_free(sql);
	return work;
}

bool sql_is_open(struct ask_host *host)
{
	bool open;

	g_mutex_lock(&host->lock);
	open = host->in_store != NULL;
	g_mutex_unlock(&host->lock);
	return open;
}

void sql_settle(struct ask_host *host)
{
	g_mutex_lock(&host->lock);
	while (host->in_store != NULL) {
		/* It is freed in this thread only, so its store is there. */
		struct store *store = host->in_store->store;

		g_mutex_unlock(&host->lock);
		store_open(store); /* else nobody answers */
		store_flush(store);
		g_mutex_lock(&host->lock);
		/* What only reads is not waited for by a flush. */
		if (host->in_store != NULL)
			g_cond_wait_until(&host->answered, &host->lock,
			                  g_get_monotonic_time() + FLUSH_AGAIN_USEC);
	}
	g_mutex_unlock(&host->lock);
}

/* -- what modules call --------------------------------------------------- */

static const char *no_such_statement(const struct check *check, const char *name, struct arena *arena)
{
	if (check->store == NULL)
		return arena_printf(arena, "check %s has no store", check->name);
	return arena_printf(arena, "module %s declares no statement '%s'", check->module->desc->name, name);
}

static struct database_value *make_values(const struct check_statement *bound, const void *args,
                                          struct arena *arena)
{
	unsigned count = bound->statement->arg_count;
	struct database_value *values = arena_alloc(arena, (count + 1) * sizeof(*values));

	for (unsigned i = 0; i < count; i++)
		values[i] = record_value(bound->args[i], args);
	return values;
}

pp_work_t *pp_sql(pp_ask_t *ask, const char *statement, const void *args)
{
	const struct check_statement *bound = binding_find(ask->check, statement);
	pp_work_t *work;

	if (bound != NULL)
		return sql_start(ask, ask->check->store, bound, bound->statement,
		                 make_values(bound, args, &ask->arena), false);
	work = work_new(ask);
	work->error = no_such_statement(ask->check, statement, &ask->arena);
	return work;
}

void pp_sql_later(pp_ask_t *ask, const char *statement, const void *args)
{
	const struct check_statement *bound = binding_find(ask->check, statement);

	if (bound != NULL)
		sql_start(ask, ask->check->store, bound, bound->statement,
		          make_values(bound, args, &ask->arena), true);
	else
		note_lost(ask->check, ask->host->index, NULL,
		          no_such_statement(ask->check, statement, &ask->arena));
}

size_t pp_sql_count(const pp_work_t *work)
{
	return work->rows != NULL && work->state == PP_WORK_DONE ? work->rows->count : 0;
}

const void *pp_sql_row(const pp_work_t *work, size_t index)
{
	return index < pp_sql_count(work) ? work->rows->rows + index * work->rows->size : NULL;
}

/* -- waiting ------------------------------------------------------------- */

/* Says why, to who calls pp_sql_now() or pp_query_now(). */
static bool refuse(const char **error, const char *text)
{
	static _Thread_local char kept[ERROR_MAX];

	if (error == NULL)
		return false;
	g_strlcpy(kept, text, sizeof(kept));
	*error = kept;
	return false;
}

bool sql_run(struct store *store, const struct statement *statement, const struct database_value *values,
             struct store_rows **rows, const char **error)
{
	g_autofree char *reason = NULL;

	store_open(store);
	return store_run(store, statement, values, rows, &reason) || refuse(error, reason);
}

static const char *visit_rows(const struct check_statement *bound, const struct store_rows *rows,
                              pp_sql_row_fn row, void *data, struct arena *arena)
{
	void *structure = arena_alloc(arena, bound->declared->columns_size);
	struct reading reading;
	const char *error = begin_reading(&reading, bound, rows, arena);

	for (unsigned i = 0; i < rows->count && error == NULL; i++) {
		error = read_row(&reading, i, false, structure);
		if (error == NULL)
			row(structure, data);
	}
	return error;
}

static bool run_now(const struct check_statement *bound, const void *args, pp_sql_row_fn row, void *data,
                    const char **error, struct arena *arena)
{
	struct store_rows *rows = NULL;
	const char *wrong = NULL;

	if (!sql_run(check_current()->store, bound->statement, make_values(bound, args, arena), &rows, error))
		return false;
	if (row != NULL && bound->declared->columns != NULL)
		wrong = visit_rows(bound, rows, row, data, arena);
	store_rows_free(rows);
	return wrong == NULL || refuse(error, wrong);
}

bool pp_sql_now(const char *statement, const void *args, pp_sql_row_fn row, void *data, const char **error)
{
	const struct check *check = check_current();
	const struct check_statement *bound;
	struct arena arena;
	bool done;

	if (check == NULL)
		return refuse(error, "pp_sql_now() is for open(), upkeep(), close() and commands");
	arena_init(&arena);
	bound = binding_find(check, statement);
	done = bound != NULL ? run_now(bound, args, row, data, error, &arena)
	                     : refuse(error, no_such_statement(check, statement, &arena));
	arena_free(&arena);
	return done;
}
