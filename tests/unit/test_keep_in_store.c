/* unit/test_keep_in_store.c - keep_in = "store": answers that outlive memory, and what a table may hold */
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include "asking.h"
#include "base/clock.h"
#include "check/sql.h"
#include "check/stored.h"

/* -- a module that answers what the sender's local part says --------------- */

struct conf {
	const char *mood;
	const pp_texts_t *more;
};
struct fields {
	const char *note, *kind;
	int64_t number;
	double ratio;
	bool flag;
	pp_msec_t length;
};

static const pp_param_t params[] = {
	PP_TEXT(struct conf, mood, .dflt = "good", .help = "Shapes the answer"),
	PP_FIELD_NAMES(struct conf, more, .help = "Further fields"),
	PP_END,
};
static const pp_field_t fields[] = {
	PP_TEXT(struct fields, note, .help = "Text"),
	PP_CHOICE(struct fields, kind, .dflt = "large", .choices = "large small", .help = "Choice"),
	PP_INT(struct fields, number, .dflt = "7", .help = "Whole number"),
	PP_NUMBER(struct fields, ratio, .dflt = "0.5", .help = "Number"),
	PP_BOOL(struct fields, flag, .dflt = "true", .help = "Truth"),
	PP_DURATION(struct fields, length, .dflt = "1m", .when = "right", .help = "Length"),
	PP_END,
};

static bool failing; /* its source */
static unsigned asked;

static pp_step_t ask(pp_ask_t *a)
{
	struct fields *answer = pp_fields(a);
	const char *sender = pp_attr(a, PP_SENDER);

	asked++;
	if (failing)
		return pp_unknown(a, "the source is away");
	*answer = (struct fields){ "n\xc3\xb6te", "small", INT64_MIN, 0.1, false, 90000 };
	if (g_str_has_prefix(sender, "odd"))
		answer->note = "\xff";
	if (g_str_has_prefix(sender, "none"))
		return pp_none(a, "does not apply");
	return g_str_has_prefix(sender, "wrong") ? pp_no(a, "wrong") : pp_yes(a, "right: %s", sender);
}

static const pp_module_t oracle = { .abi = PP_ABI,
	                            .size = sizeof(pp_module_t),
	                            .name = "oracle",
	                            .question = "Is it right?",
	                            .yes = "right",
	                            .no = "wrong",
	                            .reads = PP_READS(PP_SENDER),
	                            .conf_size = sizeof(struct conf),
	                            .params = params,
	                            .fields_size = sizeof(struct fields),
	                            .fields = fields,
	                            .keep = "1h",
	                            .stale = "1h",
	                            .ask = ask };

/* -- a store ---------------------------------------------------------------- */

static struct asking f;
static struct store *store;
static char *folder, *path;

static void open_store(const char *where)
{
	const struct store_settings settings = { .driver = "sqlite",
		                                 .target = { .path = where, .lock_wait = 200 } };

	store = store_new(&settings);
	f.stores = (struct check_stores){ &store, 1 };
}

static void begin(void)
{
	asking_begin(&f);
	f.sql = g_getenv("TEST_SQL");
	open_store(path);
	failing = false;
	asked = 0;
}

static void end(void)
{
	asking_end(&f);
	store_unref(store);
	g_remove(path);
}

static struct check *make_check(const char *mood)
{
	struct check *check = asking_check(&f, &oracle, "keep_in", "store", "mood", mood, "more", "extra",
	                                   NULL);

	for (guint i = 0; i < f.messages->len; i++)
		g_test_message("%s", (const char *)f.messages->pdata[i]);
	g_assert_nonnull(check);
	g_assert_nonnull(check->stored);
	check_open_stores(check);
	return check;
}

static bool any(const struct cache_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

/* As if the server had started anew. */
static void forget(void)
{
	asking_settle(&f);
	cache_drop(f.cache, any, NULL);
}

/* Runs SQL in the file, as its owner may. */
static void by_hand(const char *sql)
{
	sqlite3 *database;
	char *error = NULL;

	asking_settle(&f);
	store_flush(store);
	g_assert_cmpint(sqlite3_open(path, &database), ==, SQLITE_OK);
	sqlite3_busy_timeout(database, 5000);
	sqlite3_exec(database, sql, NULL, NULL, &error);
	g_assert_cmpstr(error, ==, NULL);
	sqlite3_close(database);
	forget();
}

static void add_rows(const char *name, int64_t rows, int64_t bytes, void *data)
{
	(void)name;
	(void)bytes;
	*(int64_t *)data += rows;
}

static int64_t count_rows(const struct check *check)
{
	int64_t rows = 0;

	asking_settle(&f);
	g_assert_true(stored_count(check->stored, add_rows, &rows, NULL));
	return rows;
}

/* -- tests ------------------------------------------------------------------ */

static void an_answer_is_found_again(void)
{
	struct check *check;

	begin();
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	asking_expect(&f, check, "a@b.example", "right memory right: a@b.example");
	asking_expect(&f, check, "none@b.example", "none asked does not apply");
	forget();
	asking_expect(&f, check, "a@b.example", "right store right: a@b.example");
	asking_expect(&f, check, "a@b.example", "right memory right: a@b.example");
	asking_expect(&f, check, "none@b.example", "none store does not apply");
	g_assert_cmpuint(asked, ==, 2);
	g_assert_cmpuint(check->stats[0].store, ==, 2);
	check_unref(check);
	end();
}

static void another_process_finds_it_too(void)
{
	struct check *check;

	begin();
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	forget();
	check_unref(check);
	store_unref(store);
	open_store(path);
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right store right: a@b.example");
	check_unref(check);
	check = make_check("bad");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	check_unref(check);
	end();
}

static void fields_come_back_as_they_were(void)
{
	struct asking_wish wish;
	struct request *request;
	struct check *check;
	struct answer_value value[7];

	begin();
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	forget();
	request = asking_request(&f, "a@b.example");
	g_assert_false(asking_start(&f, &wish, check, request));
	asking_settle(&f);
	g_assert_cmpint(wish.ask.answer.from, ==, ANSWER_STORE);
	for (unsigned i = 0; i < G_N_ELEMENTS(value); i++)
		value[i] = answer_field(check, &wish.ask.answer, i);
	g_assert_cmpstr(value[0].string, ==, "n\xc3\xb6te");
	g_assert_cmpstr(value[1].string, ==, "small");
	g_assert_cmpint(value[2].integer, ==, INT64_MIN);
	g_assert_cmpfloat(value[3].real, ==, 0.1);
	g_assert_false(value[4].boolean);
	g_assert_cmpint(value[5].integer, ==, 90000);
	g_assert_cmpint(value[6].kind, ==, PP_NIL);
	request_unref(request);
	check_unref(check);
	end();
}

static void it_is_good_no_longer_than_it_was(void)
{
	struct check *check;

	begin();
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	asking_pass(&f, 59 * 60 * 1000);
	forget();
	asking_expect(&f, check, "a@b.example", "right store right: a@b.example");
	asking_pass(&f, 2 * 60 * 1000);
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	check_unref(check);
	end();
}

static void past_its_time_it_serves_while_the_source_fails(void)
{
	struct check *check;

	begin();
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	asking_pass(&f, 61 * 60 * 1000);
	forget();
	failing = true;
	asking_expect(&f, check, "a@b.example", "right stale right: a@b.example");
	asking_expect(&f, check, "b@b.example", "unknown asked the source is away");
	asking_pass(&f, 60 * 60 * 1000);
	forget();
	asking_expect(&f, check, "a@b.example", "unknown asked the source is away");
	g_assert_cmpint(count_rows(check), ==, 0);
	check_unref(check);
	end();
}

static void what_cannot_be_written_is_asked_again(void)
{
	struct check *check;

	begin();
	check = make_check("good");
	asking_expect(&f, check, "odd@b.example", "right asked right: odd@b.example");
	asking_expect(&f, check, "odd@b.example", "right memory right: odd@b.example");
	forget();
	asking_expect(&f, check, "odd@b.example", "right asked right: odd@b.example");
	failing = true;
	asking_expect(&f, check, "b@b.example", "unknown asked the source is away");
	g_assert_cmpint(count_rows(check), ==, 0);
	check_unref(check);
	end();
}

static void what_is_no_answer_is_not_taken(void)
{
#define FIELDS "\"note\":\"n\",\"kind\":\"small\",\"number\":1,\"ratio\":1,\"flag\":true,\"extra\":null"
	static const char *const sets[] = {
		"word = 'unknown'",
		"word = 'nonsense'",
		"word = 'wrong'", /* length is not set with it */
		"word = ''",
		"check_name = 'other'",
		"fingerprint = '0000000000000000'",
		"good_until = 0, stale_until = 0",
		"good_until = 'soon', stale_until = 'later'",
		"fields = ''",
		"fields = 'x'",
		"fields = '[]'",
		"fields = '{}'",
		"fields = '{" FIELDS "}'",
		"fields = '{" FIELDS ",\"length\":1,\"other\":1}'",
		"fields = '{" FIELDS ",\"length\":\"1\"}'",
		"fields = '{" FIELDS ",\"length\":1.5}'",
		"fields = '{" FIELDS ",\"length\":99999999999999999999}'",
		"fields = replace('{" FIELDS ",\"length\":1}', 'small', 'tiny')",
		"fields = replace('{" FIELDS ",\"length\":1}', 'true', '1')",
		"fields = replace('{" FIELDS ",\"length\":1}', '\"n\"', '5')",
		"fields = replace('{" FIELDS ",\"length\":1}', 'null', '{}')",
		"fields = x'ff'",
	};
	struct check *check;

	begin();
	check = make_check("good");
	for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
		g_autofree char *sql = g_strdup_printf("UPDATE answers SET %s", sets[i]);

		by_hand("DELETE FROM answers");
		asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
		by_hand(sql);
		g_test_message("%s", sets[i]);
		asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	}
	by_hand("UPDATE answers SET fields = '{" FIELDS ",\"length\":1}', text = 'by' || char(10) || 'hand'");
	asking_expect(&f, check, "a@b.example", "right store by hand");
	check_unref(check);
	end();
}

static void nobody_makes_an_answer_good_for_ever(void)
{
	struct check *check;

	begin();
	check = make_check("good");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	by_hand("UPDATE answers SET good_until = 9000000000000000000, stale_until = 9000000000000000000");
	asking_expect(&f, check, "a@b.example", "right store right: a@b.example");
	asking_pass(&f, 59 * 60 * 1000);
	forget();
	asking_expect(&f, check, "a@b.example", "right store right: a@b.example");
	asking_pass(&f, 2 * 60 * 1000);
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	forget();
	by_hand("UPDATE answers SET made = 9000000000000000000");
	asking_expect(&f, check, "a@b.example", "right store right: a@b.example");
	forget();
	by_hand("UPDATE answers SET good_until = 1");
	asking_expect(&f, check, "a@b.example", "right asked right: a@b.example");
	check_unref(check);
	end();
}

static void without_its_database_it_is_asked(void)
{
	struct check *check;
	struct asking_wish wish;
	struct request *request;

	begin();
	store_unref(store);
	open_store("/nowhere/at/all.db");
	check = make_check("good");
	request = asking_request(&f, "a@b.example");
	if (!asking_start(&f, &wish, check, request))
		asking_settle(&f);
	g_assert_cmpint(wish.ask.answer.word, ==, WORD_FIRST);
	g_assert_cmpint(wish.ask.answer.from, ==, ANSWER_ASKED);
	asking_expect(&f, check, "a@b.example", "right memory right: a@b.example");
	asking_settle(&f);
	g_assert_cmpuint(check->stats[0].lost, ==, 1);
	request_unref(request);
	check_unref(check);
	end();
}

static bool collect(const struct stored_row *row, void *data)
{
	g_ptr_array_add(data, g_strdup(row->id));
	return true;
}

static void rows_are_listed_dropped_and_expired(void)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *error = NULL;
	struct check *check;

	begin();
	check = make_check("good");
	by_hand("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1700)\n"
	        "INSERT INTO answers SELECT printf('%05d', i), 'x', 'y', 'k' || i, 'w', '', '{}', 0,\n"
	        "9000000000000 + i, 9000000000000 + i FROM n;\n"
	        "UPDATE answers SET good_until = 1, stale_until = 1 WHERE id <= '00600'");
	g_assert_cmpint(count_rows(check), ==, 1100);
	g_assert_true(stored_each(check->stored, collect, ids, &error));
	g_assert_cmpuint(ids->len, ==, 1100);
	g_assert_cmpstr(ids->pdata[0], ==, "00601");
	g_assert_cmpstr(ids->pdata[1099], ==, "01700");
	stored_upkeep(check->stored, 1000);
	by_hand("UPDATE answers SET stale_until = 9000000000000");
	g_assert_cmpint(count_rows(check), ==, 1000);
	g_ptr_array_set_size(ids, 0);
	g_assert_true(stored_each(check->stored, collect, ids, &error));
	g_assert_cmpstr(ids->pdata[0], ==, "00701");
	g_ptr_array_remove_index(ids, 0);
	g_assert_true(stored_drop(check->stored, ids, &error));
	g_assert_cmpint(count_rows(check), ==, 1);
	check_unref(check);
	end();
}

static void keep_in_needs_something_to_keep(void)
{
	begin();
	g_assert_null(asking_check(&f, &oracle, "keep_in", "store", "keep", "0s", NULL));
	g_assert_cmpstr(
	        f.messages->pdata[0], ==,
	        "test.lua:1: oracle: keep_in: found 'store', but no answer is kept; keep says how long");
	end();
}

int main(int argc, char **argv)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL), *beside = NULL, *sql = NULL;
	int status;

	g_test_init(&argc, &argv, NULL);
	clock_fake(1700000000000);
	folder = g_dir_make_tmp("ppolicyd-stored.XXXXXX", NULL);
	path = g_build_filename(folder, "test.db", NULL);
	beside = g_path_get_dirname(program);
	sql = g_build_filename(beside, "..", "..", "modules", "sql", NULL);
	g_setenv("TEST_SQL", sql, FALSE);
	g_test_add_func("/keep in store/an answer is found again", an_answer_is_found_again);
	g_test_add_func("/keep in store/another process finds it too, with the same parameters",
	                another_process_finds_it_too);
	g_test_add_func("/keep in store/fields come back as they were", fields_come_back_as_they_were);
	g_test_add_func("/keep in store/it is good no longer than it was", it_is_good_no_longer_than_it_was);
	g_test_add_func("/keep in store/past its time it serves while the source fails",
	                past_its_time_it_serves_while_the_source_fails);
	g_test_add_func("/keep in store/what cannot be written is asked again",
	                what_cannot_be_written_is_asked_again);
	g_test_add_func("/keep in store/what is no answer is not taken", what_is_no_answer_is_not_taken);
	g_test_add_func("/keep in store/nobody makes an answer good for ever",
	                nobody_makes_an_answer_good_for_ever);
	g_test_add_func("/keep in store/without its database it is asked", without_its_database_it_is_asked);
	g_test_add_func("/keep in store/rows are listed, dropped and expired",
	                rows_are_listed_dropped_and_expired);
	g_test_add_func("/keep in store/keep_in needs something to keep", keep_in_needs_something_to_keep);
	status = g_test_run();
	g_rmdir(folder);
	g_free(path);
	g_free(folder);
	return status;
}
