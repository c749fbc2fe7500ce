/* unit/test_gateways.c - what servers that share a store tell each other: notices, and who has a duty */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include "base/clock.h"
#include "check/gateways.h"

#define MINUTE ((pp_msec_t)60000)
#define BEGIN ((pp_msec_t)1700000000000)

/* Two servers with a store each, of one file; the second one hears. */
struct fixture {
	char *folder, *path;
	struct store *stores[2];
	struct gateways *one, *two;
	struct statement_set *direct;
	GString *heard; /* "check a" for each notice, with "again" or "ours" */
};

static void begin(struct fixture *f, gconstpointer data)
{
	g_autofree char *sql = g_build_filename(g_getenv("top_srcdir"), "sql", NULL);
	const char *const folders[] = { sql, NULL };
	struct store_settings settings = { .driver = "sqlite", .target.lock_wait = 1000 };
	char *error = NULL;

	(void)data;
	f->folder = g_dir_make_tmp("gateways.XXXXXX", NULL);
	f->path = g_build_filename(f->folder, "store.db", NULL);
	settings.target.path = f->path;
	for (unsigned i = 0; i < 2; i++)
		f->stores[i] = store_new(&settings);
	f->one = gateways_new(f->stores[0], folders, "mx1", &error);
	g_assert_cmpstr(error, ==, NULL);
	f->two = gateways_new(f->stores[1], folders, "mx2", &error);
	g_assert_cmpstr(error, ==, NULL);
	for (unsigned i = 0; i < 2; i++)
		g_assert_true(store_open(f->stores[i]));
	f->heard = g_string_new(NULL);
}

static void end(struct fixture *f, gconstpointer data)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	(void)data;
	gateways_unref(f->one);
	gateways_unref(f->two);
	for (unsigned i = 0; i < 2; i++)
		store_unref(f->stores[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = g_strconcat(f->path, suffixes[i], NULL);

		g_unlink(path);
	}
	g_rmdir(f->folder);
	g_free(f->folder);
	g_free(f->path);
	g_string_free(f->heard, TRUE);
}

static void tell(struct gateways *gateways, const char *check)
{
	const struct gateways_notice notice = { .check_name = check, .made = pp_time() };
	char *error = NULL;

	gateways_tell(gateways, &notice, "ann", &error);
	g_assert_cmpstr(error, ==, NULL);
}

static void hear(const struct gateways_notice *notice, void *data)
{
	struct fixture *f = data;

	g_string_append_printf(f->heard, "%s%s%s%s", f->heard->len > 0 ? " " : "", notice->check_name,
	                       notice->again ? " again" : "", notice->ours ? " ours" : "");
}

static void expect(struct fixture *f, struct gateways *gateways, const char *wanted)
{
	g_string_truncate(f->heard, 0);
	g_assert_true(gateways_listen(gateways, hear, f));
	g_assert_cmpstr(f->heard->str, ==, wanted);
}

/* -- notices --------------------------------------------------------------- */

static void a_notice_is_heard_once_and_once_more(struct fixture *f, gconstpointer data)
{
	(void)data;
	expect(f, f->two, "");
	tell(f->one, "a");
	expect(f, f->two, "a");
	expect(f, f->two, "");
	clock_advance(1900);
	expect(f, f->two, "");
	clock_advance(100);
	expect(f, f->two, "a again");
	clock_advance(100 * MINUTE);
	expect(f, f->two, "");
	expect(f, f->two, "");
}

static void ones_own_is_heard_only_the_second_time(struct fixture *f, gconstpointer data)
{
	(void)data;
	tell(f->one, "a");
	expect(f, f->one, "");
	clock_advance(2000);
	expect(f, f->one, "a again ours");
	clock_advance(2000);
	expect(f, f->one, "");
}

static void run_direct(struct fixture *f, const char *name, int64_t number)
{
	const struct statement *statement = statement_find(f->direct, name);
	const struct database_value values[] = { { .kind = PP_INTEGER, .integer = number },
		                                 { .kind = PP_INTEGER, .integer = pp_time() } };
	char *error = NULL;

	store_run(f->stores[0], statement, values, NULL, &error);
	g_assert_cmpstr(error, ==, NULL);
}

/* Rows under numbers of our own. */
static void with_numbers(struct fixture *f)
{
	g_autofree char *folder = g_build_filename(f->folder, "sqlite", "direct", NULL);
	g_autofree char *file = g_build_filename(folder, "add.sql", NULL);
	g_autofree char *clear = g_build_filename(folder, "clear.sql", NULL);
	const char *const folders[] = { f->folder, NULL };
	char *error = NULL;

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(file,
	                                  "INSERT INTO ppolicyd_notices (number, made, gateway, check_name) "
	                                  "VALUES (:number, :made, 'mx9/1', 'late')",
	                                  -1, NULL));
	g_assert_true(g_file_set_contents(
	        clear, "DELETE FROM ppolicyd_notices WHERE number > :number AND made <= :made", -1, NULL));
	f->direct = statement_set_load(folders, "sqlite", "direct", "direct", &error);
	g_assert_cmpstr(error, ==, NULL);
	store_add(f->stores[0], f->direct);
	g_unlink(file);
	g_unlink(clear);
	g_rmdir(folder);
	*strrchr(folder, '/') = '\0';
	g_rmdir(folder);
}

static void a_number_that_turns_up_late_is_heard(struct fixture *f, gconstpointer data)
{
	(void)data;
	with_numbers(f);
	for (int64_t number = 10; number <= 12; number++)
		run_direct(f, "add", number);
	expect(f, f->two, "late late late");
	clock_advance(MINUTE / 2);
	run_direct(f, "add", 7);
	expect(f, f->two, "late late again late again late again");
	clock_advance(MINUTE / 2);
	expect(f, f->two, "late again");
	/* When all is settled nobody asks for them again. */
	clock_advance(2 * MINUTE);
	expect(f, f->two, "");
	expect(f, f->two, "");
	run_direct(f, "add", 8);
	expect(f, f->two, "");
	run_direct(f, "add", 13);
	expect(f, f->two, "late");
	statement_set_unref(f->direct);
}

static void many_are_heard_at_once(struct fixture *f, gconstpointer data)
{
	(void)data;
	with_numbers(f);
	for (int64_t number = 1; number <= 1200; number++)
		run_direct(f, "add", number);
	g_assert_true(gateways_listen(f->two, hear, f));
	g_assert_cmpuint(f->heard->len, ==, 1200 * strlen("late ") - 1);
	statement_set_unref(f->direct);
}

static void who_was_deaf_for_more_than_a_day_forgets_all(struct fixture *f, gconstpointer data)
{
	(void)data;
	expect(f, f->two, "");
	clock_advance(23 * 60 * MINUTE);
	g_assert_true(gateways_listen(f->two, hear, f));
	clock_advance(25 * 60 * MINUTE);
	g_assert_false(gateways_listen(f->two, hear, f));
	g_assert_true(gateways_listen(f->two, hear, f));
}

/* As after a backup was restored, or TRUNCATE. */
static void numbers_that_begin_anew_are_heard(struct fixture *f, gconstpointer data)
{
	(void)data;
	with_numbers(f);
	run_direct(f, "add", 40);
	expect(f, f->two, "late");
	clock_advance(2 * MINUTE);
	expect(f, f->two, "late again");
	expect(f, f->two, "");
	run_direct(f, "clear", 0);
	expect(f, f->two, "");
	run_direct(f, "add", 3);
	expect(f, f->two, "late");
	/* Also where the number was used before. */
	run_direct(f, "clear", 0);
	clock_advance(1);
	run_direct(f, "add", 3);
	expect(f, f->two, "late");
	statement_set_unref(f->direct);
}

static void old_notices_go(struct fixture *f, gconstpointer data)
{
	(void)data;
	tell(f->one, "old");
	clock_advance(25 * 60 * MINUTE);
	tell(f->one, "new");
	expect(f, f->one, "");
	/* Who hears for the first time hears what is left. */
	expect(f, f->two, "new");
}

/* -- duties ------------------------------------------------------------------ */

static void one_has_a_duty_at_a_time(struct fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_true(gateways_have_duty(f->one, "answers"));
	g_assert_false(gateways_have_duty(f->two, "answers"));
	g_assert_true(gateways_have_duty(f->two, "greylist"));
	g_assert_false(gateways_have_duty(f->one, "greylist"));
	for (unsigned i = 0; i < 200; i++) {
		clock_advance(1000);
		g_assert_true(gateways_have_duty(f->one, "answers"));
		g_assert_false(gateways_have_duty(f->two, "answers"));
	}
}

static void another_takes_it_half_a_minute_after_its_owner_is_gone(struct fixture *f, gconstpointer data)
{
	unsigned seconds = 0;

	(void)data;
	g_assert_true(gateways_have_duty(f->one, "answers"));
	for (; !gateways_have_duty(f->two, "answers"); seconds++)
		clock_advance(1000);
	g_assert_cmpuint(seconds, >=, 30);
	g_assert_cmpuint(seconds, <=, 36);
	/* Back again it has it no longer. */
	g_assert_false(gateways_have_duty(f->one, "answers"));
	g_assert_true(gateways_have_duty(f->two, "answers"));
}

/* A machine that starts with a wrong clock, and restarts with the right one, is another server by then. */
static void a_clock_that_was_ahead_does_not_keep_a_duty(struct fixture *f, gconstpointer data)
{
	(void)data;
	clock_advance(24 * 60 * MINUTE);
	g_assert_true(gateways_have_duty(f->one, "answers"));
	clock_advance(-24 * 60 * MINUTE);
	g_assert_true(gateways_have_duty(f->two, "answers"));
	/* Some minutes are no reason. */
	clock_advance(9 * MINUTE);
	g_assert_true(gateways_have_duty(f->one, "greylist"));
	clock_advance(-9 * MINUTE);
	g_assert_false(gateways_have_duty(f->two, "greylist"));
}

static void who_is_alone_has_all_duties(struct fixture *f, gconstpointer data)
{
	(void)f;
	(void)data;
	g_assert_true(gateways_have_duty(NULL, "answers"));
}

/* Else tables would grow as long as nobody can be asked whose they are. */
static void who_cannot_find_out_has_a_duty(struct fixture *f, gconstpointer data)
{
	g_autofree char *sql = g_build_filename(g_getenv("top_srcdir"), "sql", NULL);
	g_autofree char *path = g_build_filename(f->folder, "no-database", NULL);
	g_autofree char *bytes = g_strnfill(4096, 'x');
	const struct store_settings settings = { .driver = "sqlite",
		                                 .target = { .path = path, .lock_wait = 1000 } };
	const char *const folders[] = { sql, NULL };
	struct store *broken = store_new(&settings);
	char *error = NULL;
	struct gateways *lost = gateways_new(broken, folders, "mx3", &error);

	(void)data;
	g_assert_cmpstr(error, ==, NULL);
	g_assert_nonnull(lost);
	g_assert_true(g_file_set_contents(path, bytes, -1, NULL));
	g_assert_true(gateways_have_duty(f->one, "answers"));
	g_assert_false(store_open(broken));
	g_assert_true(gateways_have_duty(lost, "answers"));
	clock_advance(MINUTE);
	g_assert_true(gateways_have_duty(lost, "answers"));
	gateways_unref(lost);
	store_unref(broken);
	g_unlink(path);
}

int main(int argc, char **argv)
{
#define TEST(name, function) g_test_add("/gateways/" name, struct fixture, NULL, begin, function, end)
	g_test_init(&argc, &argv, NULL);
	clock_fake(BEGIN);
	TEST("a notice is heard once, and once more", a_notice_is_heard_once_and_once_more);
	TEST("one's own is heard only the second time", ones_own_is_heard_only_the_second_time);
	TEST("a number that turns up late is heard", a_number_that_turns_up_late_is_heard);
	TEST("many are heard at once", many_are_heard_at_once);
	TEST("who was deaf for more than a day forgets all", who_was_deaf_for_more_than_a_day_forgets_all);
	TEST("numbers that begin anew are heard", numbers_that_begin_anew_are_heard);
	TEST("old notices go", old_notices_go);
	TEST("one has a duty at a time", one_has_a_duty_at_a_time);
	TEST("another takes it half a minute after its owner is gone",
	     another_takes_it_half_a_minute_after_its_owner_is_gone);
	TEST("a clock that was ahead does not keep a duty", a_clock_that_was_ahead_does_not_keep_a_duty);
	TEST("who is alone has all duties", who_is_alone_has_all_duties);
	TEST("who cannot find out has a duty", who_cannot_find_out_has_a_duty);
	return g_test_run();
}
