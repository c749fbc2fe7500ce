/* unit/test_sql.c - statements and queries of modules, against a real database in memory and in a file */
#include <glib/gstdio.h>
#include "asking.h"
#include "base/clock.h"
#include "check/sql.h"
#include "check/step.h"
#include "diary.h"

/* -- a world for them ------------------------------------------------------ */

struct world {
	struct asking asking; /* first */
	struct store *stores[2];
};

static char *folder, *sql_folder; /* of databases */

static void write_sql(const char *module, const char *file, const char *sql)
{
	g_autofree char *place = g_build_filename(sql_folder, "sqlite", module, NULL);
	g_autofree char *path = g_build_filename(place, file, NULL);

	g_assert_cmpint(g_mkdir_with_parents(place, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, sql, -1, NULL));
}

static void write_diary(const char *module)
{
	for (size_t i = 0; i < G_N_ELEMENTS(diary_sql); i++)
		write_sql(module, diary_sql[i][0], diary_sql[i][1]);
}

static void remove_all(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *inner = g_build_filename(path, name, NULL);

		remove_all(inner);
	}
	g_remove(path);
}

static struct store *open_store(const char *name, const char *file)
{
	g_autofree char *path = file != NULL ? g_build_filename(folder, file, NULL) : NULL;
	const struct store_settings settings = { .name = name,
		                                 .driver = "sqlite",
		                                 .target = { .path = path, .lock_wait = 100 } };
	struct store *store = store_new(&settings);

	g_assert_true(store_open(store));
	return store;
}

static void set_up(struct world *w, const void *file)
{
	g_autofree char *path = file != NULL ? g_build_filename(folder, file, NULL) : NULL;

	asking_begin(&w->asking);
	if (path != NULL)
		g_remove(path);
	w->stores[0] = open_store(NULL, file);
	w->asking.stores = (struct check_stores){ w->stores, 1 };
	w->asking.sql = sql_folder;
}

static void tear_down(struct world *w, const void *data)
{
	(void)data;
	asking_end(&w->asking);
	store_unref(w->stores[0]);
	store_unref(w->stores[1]);
}

static void expect_message(struct world *w, const char *part)
{
	GPtrArray *messages = w->asking.messages;

	for (guint i = 1; i < messages->len; i++)
		g_test_message("also: %s", (char *)messages->pdata[i]);
	g_assert_cmpuint(messages->len, ==, 1);
	if (strstr(messages->pdata[0], part) == NULL)
		g_error("found '%s', wanted '%s'", (char *)messages->pdata[0], part);
	g_ptr_array_set_size(messages, 0);
}

/* -- statements ------------------------------------------------------------ */

static void test_round_trip(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &diary, NULL);

	(void)data;
	asking_expect(&w->asking, check, "find.ann@b", "known store no entry");
	asking_expect(&w->asking, check, "add.ann@b",
	              "known store ann: ann, 2 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, check, "add.ann@b",
	              "known store ann: ann, 4 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, check, "add.bare@b",
	              "known store bare: nothing noted, 2 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, check, "find.ann@b",
	              "known store ann: ann, 4 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, check, "list.x@b",
	              "known store 2 entries, last bare: nothing noted, 2 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, check, "clear.x@b", "known store no entry");
	asking_expect(&w->asking, check, "list.x@b", "known store no entry");
	check_unref(check);
}

static void test_failures(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &diary, NULL);
	struct request *request = asking_request(&w->asking, "add.null@b");
	struct asking_wish wish;

	(void)data;
	asking_start(&w->asking, &wish, check, request);
	asking_settle(&w->asking);
	g_assert_cmpuint(wish.ask.answer.word, ==, WORD_UNKNOWN);
	g_assert_cmpstr(wish.ask.answer.text, !=, "");
	request_unref(request);
	asking_expect(&w->asking, check, "odd.x@b",
	              "unknown asked the result of odd has no number in column 'times'");
	asking_expect(&w->asking, check, "hidden.x@b",
	              "unknown asked the result of hidden has no column 'times'");
	asking_expect(&w->asking, check, "nosuch.x@b",
	              "unknown asked module diary declares no statement 'nosuch'");
	check_unref(check);
}

static void test_without_store(struct world *w, const void *data)
{
	struct check *check;

	(void)data;
	w->asking.stores.count = 0;
	check = asking_check(&w->asking, &diary, NULL);
	asking_expect(&w->asking, check, "add.ann@b", "unknown asked check diary has no store");
	check_unref(check);
}

static void test_later(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &diary, NULL);

	(void)data;
	asking_expect(&w->asking, check, "later.ann@b", "new asked later");
	asking_settle(&w->asking);
	asking_expect(&w->asking, check, "find.ann@b",
	              "known store ann: ann, 2 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, check, "never.ann@b", "new asked later");
	asking_settle(&w->asking);
	g_assert_cmpuint(check_stats_sum(check).lost, ==, 1);
	check_unref(check);
}

/* What was started is written, though nobody waits any longer. */
static void test_forgotten(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &diary, NULL);
	struct request *request = asking_request(&w->asking, "add.ann@b");
	struct asking_wish wish;

	(void)data;
	g_assert_false(asking_start(&w->asking, &wish, check, request));
	g_assert_true(step_is_blocked(wish.ask.ask));
	ask_forget(&w->asking.host, &wish.ask);
	request_unref(request);
	asking_expect(&w->asking, check, "find.ann@b",
	              "known store ann: ann, 2 times, 1.25, calm, 5 ms, 9 bytes");
	g_assert_cmpuint(wish.told, ==, 0);
	check_unref(check);
}

static void test_timed_out(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &diary, "timeout", "2s", NULL);
	struct request *request = asking_request(&w->asking, "add.ann@b");
	struct asking_wish wish;

	(void)data;
	g_assert_false(asking_start(&w->asking, &wish, check, request));
	/* Whatever came meanwhile, the timer is looked at first. */
	clock_advance(2000);
	loop_wake(w->asking.loop);
	asking_turn(&w->asking);
	g_assert_true(wish.ask.done);
	g_assert_cmpstr(wish.ask.answer.text, ==, "timed out");
	g_assert_true(wish.ask.answer.timed_out);
	request_unref(request);
	asking_settle(&w->asking);
	check_unref(check);
}

/* tear_down() ends the host with work under way; the check goes with its last answer. */
static void test_ended(struct world *w, const void *data)
{
	static const char *const senders[] = { "add.ann@b", "later.ben@b", "find.cid@b" };
	struct check *check = asking_check(&w->asking, &diary, NULL);
	struct asking_wish wishes[G_N_ELEMENTS(senders)];

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(senders); i++) {
		struct request *request = asking_request(&w->asking, senders[i]);

		if (!asking_start(&w->asking, &wishes[i], check, request))
			ask_forget(&w->asking.host, &wishes[i].ask);
		request_unref(request);
	}
	check_unref(check);
}

static void test_tables(struct world *w, const void *data)
{
	struct check *one = asking_check(&w->asking, &diary, "table", "t_1", NULL);
	struct check *other = asking_check(&w->asking, &diary, NULL);

	(void)data;
	asking_expect(&w->asking, one, "add.ann@b",
	              "known store ann: ann, 2 times, 1.25, calm, 5 ms, 9 bytes");
	asking_expect(&w->asking, other, "find.ann@b", "known store no entry");
	check_unref(one);
	check_unref(other);
	g_assert_null(asking_check(&w->asking, &diary, "table", "t; DROP", NULL));
	expect_message(w, "test.lua:1: diary: table: found 't; DROP', wanted letters");
}

static void test_files(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &diary, NULL);

	asking_expect(&w->asking, check, "add.ann@b",
	              "known store ann: ann, 2 times, 1.25, calm, 5 ms, 9 bytes");
	check_unref(check);
	store_unref(w->stores[0]);
	w->stores[0] = open_store(NULL, data);
	check = asking_check(&w->asking, &diary, NULL);
	asking_expect(&w->asking, check, "find.ann@b",
	              "known store ann: ann, 2 times, 1.25, calm, 5 ms, 9 bytes");
	check_unref(check);
}

/* -- binding --------------------------------------------------------------- */

static const pp_statement_t one_statement[] = {
	PP_STATEMENT("odd", times_rows, times_rows, struct entry),
	PP_STATEMENTS_END,
};
DIARY(no_folder, .statements = one_statement);
DIARY(no_file, .statements = one_statement);
DIARY(no_argument, .statements = one_statement);
DIARY(no_column, .statements = one_statement);
DIARY(no_sql, .statements = one_statement);

static void test_binding(struct world *w, const void *data)
{
	static const struct {
		const pp_module_t *desc;
		const char *file, *sql, *message;
	} cases[] = {
		{ &no_folder, NULL, NULL, "no_folder" },
		{ &no_file, "even.sql", "SELECT 1 AS times\n", "there is no file odd.sql" },
		{ &no_argument, "odd.sql", "SELECT :time AS times\n",
		  "statement odd: its SQL has :time, but the module has no such argument" },
		{ &no_column, "odd.sql", "SELECT 1 AS time -- not times\n",
		  "statement odd: the module wants column 'times', which its SQL does not give" },
		{ &no_sql, "odd.sql", "SELECT 'times\n", "odd.sql:1: " },
	};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (cases[i].file != NULL)
			write_sql(cases[i].desc->name, cases[i].file, cases[i].sql);
		g_assert_null(asking_check(&w->asking, cases[i].desc, NULL));
		expect_message(w, cases[i].message);
	}
}

/* A module of before there were statements: what stands behind its descriptor is none of it. */
static void test_older_module(struct world *w, const void *data)
{
	pp_module_t old = diary;
	struct check *check;

	old.name = "older";
	old.size = offsetof(pp_module_t, statements);
	old.statements = (const pp_statement_t *)1;
	old.commands = (const pp_command_t *)1;
	(void)data;
	check = asking_check(&w->asking, &old, NULL);
	g_assert_nonnull(check);
	g_assert_null(check->store);
	check_unref(check);
}

/* -- waiting --------------------------------------------------------------- */

static void test_waiting(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &openers, NULL), *reader;
	const char *error = NULL;

	(void)data;
	check_open(check);
	g_assert_cmpstr(from_open, ==, NULL);
	check_upkeep(check);
	g_assert_cmpuint(entries, ==, 1);
	check_unref(check);
	reader = asking_check(&w->asking, &openers, NULL);
	asking_expect(&w->asking, reader, "list.x@b", "unknown asked could not be opened");
	check_open(reader);
	asking_expect(&w->asking, reader, "find.closed@b",
	              "known store closed: nothing noted, 0 times, 0.00, calm, 0 ms, 0 bytes");
	check_enter(reader);
	g_assert_false(pp_sql_now("nosuch", NULL, NULL, NULL, &error));
	g_assert_cmpstr(error, ==, "module openers declares no statement 'nosuch'");
	g_assert_false(pp_sql_now("odd", NULL, count_entry, NULL, &error));
	g_assert_cmpstr(error, ==, "the result of odd has no number in column 'times'");
	check_leave();
	g_assert_false(pp_sql_now("list", NULL, NULL, NULL, &error));
	g_assert_cmpstr(error, ==, "pp_sql_now() is for open(), upkeep(), close() and commands");
	check_unref(reader);
}

/* -- queries --------------------------------------------------------------- */

#define QUERY "SELECT :who AS who, 1 + 1 AS two, 0.5 AS half, NULL AS none"

static void take_row(size_t columns, const char *const *names, const char *const *values, void *data)
{
	g_assert_cmpuint(columns, ==, 4);
	g_assert_cmpstr(names[0], ==, "who");
	g_assert_cmpstr(values[0], ==, NULL);
	g_assert_cmpstr(values[1], ==, "2");
	++*(int *)data;
}

static void test_queries(struct world *w, const void *data)
{
	struct check *check = asking_check(&w->asking, &queries, "query", QUERY, NULL);
	const struct conf *conf = check->conf;
	const char *const no_value[] = { NULL };
	int rows = 0;

	(void)data;
	g_assert_cmpuint(pp_query_args(conf->made), ==, 1);
	g_assert_cmpstr(pp_query_arg(conf->made, 0), ==, "who");
	g_assert_null(pp_query_arg(conf->made, 1));
	asking_expect(&w->asking, check, "query.ann@b", "known store who=ann two=2 half=0.5 none=NULL ");
	g_assert_true(pp_query_now(conf->made, no_value, take_row, &rows, NULL));
	g_assert_cmpint(rows, ==, 1);
	check_unref(check);
	check = asking_check(&w->asking, &queries, "query", "SELECT x FROM no_such_table", NULL);
	conf = check->conf;
	g_assert_false(pp_query_now(conf->made, no_value, take_row, &rows, NULL));
	check_unref(check);
	g_assert_null(asking_check(&w->asking, &queries, "query", "DELETE FROM x", NULL));
	expect_message(w, "test.lua:1: queries: query: ");
}

static void test_other_stores(struct world *w, const void *file)
{
	struct check *check;

	w->stores[1] = open_store("mail", file);
	w->asking.stores.count = 2;
	check = asking_check(&w->asking, &queries, "query", QUERY, "store", "mail", NULL);
	g_assert_cmpuint(check->stores->len, ==, 1);
	g_assert_true(check->stores->pdata[0] == w->stores[1]);
	asking_expect(&w->asking, check, "query.ann@b", "known store who=ann two=2 half=0.5 none=NULL ");
	g_assert_true(check_uses_only(check, &w->asking.stores));
	w->asking.stores.count = 1;
	g_assert_false(check_uses_only(check, &w->asking.stores));
	check_unref(check);
	w->asking.stores.count = 2;
	g_assert_null(asking_check(&w->asking, &queries, "query", QUERY, "store", "mial", NULL));
	expect_message(w, "test.lua:1: queries: no store { name = 'mial' } (did you mean 'mail'?)");
}

static void add(const char *path, const char *file, void (*test)(struct world *w, const void *data))
{
	g_test_add(path, struct world, file, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	clock_fake(1800000000000);
	folder = g_dir_make_tmp("sql-XXXXXX", NULL);
	sql_folder = g_build_filename(folder, "sql", NULL);
	write_diary("diary");
	write_diary("openers");
	add("/sql/rows go in and come back, NULL as the default", NULL, test_round_trip);
	add("/sql/the same with a file, read by others than write", "a.db", test_round_trip);
	add("/sql/what fails says why", NULL, test_failures);
	add("/sql/without a store all work fails", NULL, test_without_store);
	add("/sql/what nobody waits for is written, and counted if not", "b.db", test_later);
	add("/sql/an ask that is forgotten leaves its work to end alone", NULL, test_forgotten);
	add("/sql/at the timeout of its ask work is over for it", NULL, test_timed_out);
	add("/sql/a host ends when stores have answered", "c.db", test_ended);
	add("/sql/a parameter names the table, if it can be a name", NULL, test_tables);
	add("/sql/a file is found again", "d.db", test_files);
	add("/sql/statements and the module's rows must agree", NULL, test_binding);
	add("/sql/an older, shorter descriptor is taken", NULL, test_older_module);
	add("/sql/open(), upkeep() and close() wait", NULL, test_waiting);
	add("/sql/queries have names, texts and NULL", NULL, test_queries);
	add("/sql/a query goes to the store it names", "e.db", test_other_stores);
	status = g_test_run();
	remove_all(folder);
	g_free(sql_folder);
	g_free(folder);
	return status;
}
