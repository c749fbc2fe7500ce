/* unit/diary.h - a module with statements for test_sql.c: it does what the sender's local part says */
#ifndef UNIT_DIARY_H
#define UNIT_DIARY_H

#include <glib.h>
#include <string.h>
#include "ppolicyd/module.h"

struct conf {
	const char *table, *store, *query;
	pp_query_t *made;
};
struct entry { /* arguments and columns */
	const char *who, *note;
	int64_t times, size;
	double ratio;
	bool urgent;
	pp_msec_t length;
};
struct state {
	pp_work_t *work;
};

static const pp_row_t params[] = {
	PP_TEXT(struct conf, table, .dflt = "diary", .help = "Table"),
	PP_TEXT(struct conf, store, .help = "Store of the query"),
	PP_TEXT(struct conf, query, .help = "Query"),
	PP_END,
};
static const pp_row_t entry_rows[] = {
	PP_TEXT(struct entry, who),
	PP_TEXT(struct entry, note, .dflt = "nothing noted"),
	PP_INT(struct entry, times, .dflt = "7"),
	PP_NUMBER(struct entry, ratio, .dflt = "0.5"),
	PP_BOOL(struct entry, urgent, .dflt = "true"),
	PP_DURATION(struct entry, length, .dflt = "1m"),
	PP_BYTES(struct entry, size, .dflt = "1K"),
	PP_END,
};
static const pp_row_t times_rows[] = {
	PP_INT(struct entry, times),
	PP_END,
};
static const pp_statement_t statements[] = {
	PP_STATEMENT("add", entry_rows, entry_rows, struct entry),
	PP_STATEMENT("find", entry_rows, entry_rows, struct entry),
	PP_STATEMENT("list", NULL, entry_rows, struct entry),
	PP_STATEMENT("odd", NULL, times_rows, struct entry),
	PP_STATEMENT("hidden", NULL, times_rows, struct entry),
	PP_STATEMENT("clear", NULL, NULL, struct entry),
	PP_STATEMENTS_END,
};

#define SELECTED "who, note, times, ratio, urgent, length, size"
static const char *const diary_sql[][2] = {
	{ "001_diary.sql",
	  "CREATE TABLE {table} (who TEXT NOT NULL PRIMARY KEY, note TEXT, times INTEGER, ratio REAL,\n"
	  "    urgent INTEGER, length INTEGER, size INTEGER);\n" },
	{ "add.sql", "-- key: who\n"
	             "INSERT INTO {table} (" SELECTED ")\n"
	             "VALUES (:who, :note, :times, :ratio, :urgent, :length, :size)\n"
	             "ON CONFLICT (who) DO UPDATE SET times = {table}.times + excluded.times\n"
	             "RETURNING " SELECTED "\n" },
	{ "find.sql", "SELECT " SELECTED " FROM {table} WHERE who = :who\n" },
	{ "list.sql", "SELECT " SELECTED " FROM {table} ORDER BY who\n" },
	{ "odd.sql", "SELECT 'many' AS times\n" },
	{ "hidden.sql", "SELECT * FROM (SELECT 1 AS others)\n" },
	{ "clear.sql", "DELETE FROM {table}\n" },
};

static unsigned entries; /* as upkeep() finds them */
static char *from_open;  /* what pp_sql_now() says there; NULL: it was done */

/* -- asking ---------------------------------------------------------------- */

static const char *said_of(pp_ask_t *a, const struct entry *entry)
{
	if (entry == NULL)
		return "no entry";
	return pp_format(a, "%s: %s, %d times, %.2f, %s, %d ms, %d bytes", entry->who, entry->note,
	                 (int)entry->times, entry->ratio, entry->urgent ? "urgent" : "calm",
	                 (int)entry->length, (int)entry->size);
}

static pp_step_t told(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	pp_work_t *work = state->work;

	if (pp_work_state(work) == PP_WORK_TIMED_OUT)
		return pp_unknown(a, "timed out%s", pp_work_error(work));
	if (pp_work_state(work) != PP_WORK_DONE)
		return pp_unknown(a, "%s", pp_work_error(work));
	g_assert_cmpstr(pp_work_error(work), ==, "");
	g_assert_null(pp_sql_row(work, pp_sql_count(work)));
	g_assert_cmpuint(pp_query_count(work), ==, 0);
	if (pp_sql_count(work) > 1)
		return pp_yes(a, "%zu entries, last %s", pp_sql_count(work),
		              said_of(a, pp_sql_row(work, pp_sql_count(work) - 1)));
	return pp_yes(a, "%s", said_of(a, pp_sql_row(work, 0)));
}

static pp_step_t queried(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	pp_work_t *work = state->work;
	const char *text = "";

	if (pp_work_state(work) != PP_WORK_DONE)
		return pp_unknown(a, "%s", pp_work_error(work));
	g_assert_null(pp_sql_row(work, 0));
	g_assert_null(pp_query_column(work, pp_query_columns(work)));
	g_assert_null(pp_query_value(work, pp_query_count(work), 0));
	for (size_t row = 0; row < pp_query_count(work); row++)
		for (size_t column = 0; column < pp_query_columns(work); column++) {
			const char *value = pp_query_value(work, row, column);

			text = pp_format(a, "%s%s=%s ", text, pp_query_column(work, column),
			                 value != NULL ? value : "NULL");
		}
	return pp_yes(a, "%s", text);
}

static pp_step_t ask_query(pp_ask_t *a, const char *who)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);
	const char *values[] = { who, NULL };

	state->work = pp_query(a, conf->made, values);
	return pp_wait(a, queried);
}

/* VERB.WHO@ */
static pp_step_t ask_diary(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	g_auto(GStrv) parts = g_strsplit_set(pp_attr(a, PP_SENDER), ".@", 3);
	char who[32];
	struct entry entry = { .who = who, .note = who, .times = 2, .ratio = 1.25, .length = 5, .size = 9 };

	g_strlcpy(who, parts[1], sizeof(who));
	if (strcmp(parts[0], "query") == 0)
		return ask_query(a, pp_format(a, "%s", who));
	if (strcmp(parts[0], "later") == 0 || strcmp(parts[0], "never") == 0) {
		entry.who = *parts[0] == 'l' ? who : NULL;
		pp_sql_later(a, "add", &entry);
		strcpy(who, "gone");
		return pp_no(a, "later");
	}
	if (strcmp(who, "null") == 0)
		entry.who = NULL;
	if (strcmp(who, "bare") == 0)
		entry.note = NULL;
	state->work = pp_sql(a, parts[0], &entry);
	strcpy(who, "gone");
	return pp_wait(a, told);
}

/* -- waiting --------------------------------------------------------------- */

static void count_entry(const void *columns, void *data)
{
	const struct entry *entry = columns;

	g_assert_nonnull(entry->who);
	++*(unsigned *)data;
}

static void diary_upkeep(void *handle)
{
	(void)handle;
	entries = 0;
	g_assert_true(pp_sql_now("list", NULL, count_entry, &entries, NULL));
}

static void *diary_open(const void *conf, pp_error_t *error)
{
	const struct entry entry = { .who = "opened" };
	const char *reason = NULL;

	(void)conf, (void)error;
	g_clear_pointer(&from_open, g_free);
	if (!pp_sql_now("add", &entry, NULL, NULL, &reason))
		from_open = g_strdup(reason);
	return (void *)"handle";
}

static void diary_close(void *handle)
{
	const struct entry entry = { .who = "closed" };

	g_assert_cmpstr(handle, ==, "handle");
	pp_sql_now("add", &entry, NULL, NULL, NULL);
}

static bool diary_validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;

	if (conf->query != NULL)
		conf->made = pp_query_new(conf->store, conf->query, error, "query");
	return conf->query == NULL || conf->made != NULL;
}

static void diary_invalidate(void *data)
{
	pp_query_free(((struct conf *)data)->made);
}

#define DIARY(what, ...)                                                      \
	static const pp_module_t what = { .abi = PP_ABI,                      \
		                          .size = sizeof(pp_module_t),        \
		                          .name = #what,                      \
		                          .question = "Is it in the diary?",  \
		                          .yes = "known",                     \
		                          .no = "new",                        \
		                          .reads = PP_READS(PP_SENDER),       \
		                          .conf_size = sizeof(struct conf),   \
		                          .state_size = sizeof(struct state), \
		                          .params = params,                   \
		                          .ask = ask_diary,                   \
		                          .validate = diary_validate,         \
		                          .invalidate = diary_invalidate,     \
		                          __VA_ARGS__ }
DIARY(diary, .statements = statements, .table = "table");
DIARY(openers, .statements = statements, .table = "table", .open = diary_open, .close = diary_close,
      .upkeep = diary_upkeep);
DIARY(queries);

#endif
