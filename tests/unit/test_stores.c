/* unit/test_stores.c - stores of rule files: made, found by checks, carried over, opened */
#include <glib/gstdio.h>
#include "check/module.h"
#include "diary.h"
#include "rule/program.h"

static char *folder, *sql_folder;

/* -- loading --------------------------------------------------------------- */

struct loaded {
	struct plan *plan;
	struct program *program;
};

static char *give_text(void *text, const char *path, size_t *size, char **error)
{
	(void)path, (void)error;
	*size = strlen(text);
	return g_strdup(text);
}

static struct plan *new_plan(const char *text, const struct plan *leader)
{
	struct plan *plan = plan_new(leader);

	plan->read = give_text;
	plan->read_data = (void *)text;
	return plan;
}

static struct loaded load(const char *text, const struct loaded *earlier)
{
	struct loaded loaded = { .plan = new_plan(text, NULL) };

	loaded.program = program_new(loaded.plan);
	program_load(loaded.program, "p.lua");
	plan_finish(loaded.plan, earlier != NULL ? earlier->plan : NULL);
	for (guint i = 0; i < loaded.plan->errors->len; i++)
		g_test_message("%s", (char *)loaded.plan->errors->pdata[i]);
	g_assert_cmpuint(loaded.plan->errors->len, ==, 0);
	return loaded;
}

static void unload(struct loaded *loaded)
{
	program_free(loaded->program);
	plan_free(loaded->plan);
}

static struct check *check_of(const struct loaded *loaded, const char *name)
{
	for (guint i = 0; i < loaded->plan->checks->len; i++) {
		const struct plan_check *check = loaded->plan->checks->pdata[i];

		if (strcmp(check->name, name) == 0)
			return check->check;
	}
	g_assert_not_reached();
}

static struct store *store_of(const struct loaded *loaded, const char *name)
{
	const struct check_stores stores = plan_stores(loaded->plan);

	for (unsigned i = 0; i < stores.count; i++)
		if (strcmp(store_name(stores.items[i]), name) == 0)
			return stores.items[i];
	return NULL;
}

/* -- tests ----------------------------------------------------------------- */

#define CHECKS                                                                         \
	"days = check.diary {}\n"                                                      \
	"mail = check.queries { store = 'mail', query = 'SELECT 1', name = 'mail' }\n" \
	"none = check.queries { name = 'none' }\n"
#define MAIL "store { name = 'mail', path = '/nowhere/mail.db' }\n"

static void test_carried_over(void)
{
	static const struct {
		const char *text;
		bool store, mail; /* which is the same */
	} cases[] = {
		{ MAIL CHECKS, true, true },
		{ MAIL "store { 'sqlite' }\n" CHECKS, true, true },
		{ MAIL "store { synchronous = 'full' }\n" CHECKS, false, true },
		{ MAIL "store { path = '/nowhere/else.db' }\n" CHECKS, false, true },
		{ "store { name = 'mail', path = '/nowhere/else.db' }\n" CHECKS, true, false },
	};
	struct loaded first = load(MAIL CHECKS, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct loaded next = load(cases[i].text, &first);

		g_assert_cmpint(store_of(&next, "store") == store_of(&first, "store"), ==, cases[i].store);
		g_assert_cmpint(check_of(&next, "days") == check_of(&first, "days"), ==, cases[i].store);
		g_assert_cmpint(store_of(&next, "mail") == store_of(&first, "mail"), ==, cases[i].mail);
		g_assert_cmpint(check_of(&next, "mail") == check_of(&first, "mail"), ==, cases[i].mail);
		g_assert_true(check_of(&next, "none") == check_of(&first, "none"));
		unload(&next);
	}
	unload(&first);
}

static void test_followed(void)
{
	struct loaded leader = load(MAIL CHECKS, NULL), follower;

	follower.plan = new_plan(MAIL CHECKS, leader.plan);
	follower.program = program_new(follower.plan);
	program_load(follower.program, "p.lua");
	g_assert_true(plan_follow(follower.plan));
	g_assert_true(store_of(&follower, "mail") == store_of(&leader, "mail"));
	g_assert_true(check_of(&follower, "days") == check_of(&leader, "days"));
	unload(&follower);
	unload(&leader);
}

static bool is_at(const struct loaded *loaded, const char *path, bool full)
{
	const struct store_settings settings = {
		.driver = "sqlite",
		.target = { .path = path, .full_sync = full, .lock_wait = 1000, .read_limit = 10000 }
	};

	return store_equal(store_of(loaded, "store"), &settings);
}

static void test_places(void)
{
	g_autofree char *usual = g_build_filename(folder, "ppolicyd.db", NULL);
	struct loaded loaded = load("", NULL);

	g_assert_true(is_at(&loaded, usual, false));
	unload(&loaded);
	loaded = load("store { path = '/nowhere/x.db', synchronous = 'full' }\n", NULL);
	g_assert_true(is_at(&loaded, "/nowhere/x.db", true));
	unload(&loaded);
	plan_use_state(NULL);
	loaded = load("", NULL);
	g_assert_true(is_at(&loaded, PP_STATE_FOLDER "/ppolicyd.db", false));
	unload(&loaded);
	plan_use_state(folder);
}

static void test_rehearsal(void)
{
	struct plan *plan = new_plan("", NULL);
	const struct loaded loaded = { .plan = plan };

	plan->rehearsal = true;
	g_assert_true(plan_finish(plan, NULL));
	g_assert_true(is_at(&loaded, NULL, false));
	plan_free(plan);
}

static void test_opened(void)
{
	g_autofree char *path = g_build_filename(folder, "ppolicyd.db", NULL);
	struct loaded loaded = load("none = check.queries {}\n", NULL);

	plan_open_stores(loaded.plan);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	unload(&loaded);
	loaded = load("days = check.diary {}\n", NULL);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	plan_open_stores(loaded.plan);
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	unload(&loaded);
}

/* -- all of it ------------------------------------------------------------- */

static void make_modules(void)
{
	static const pp_module_t *const modules[] = { &diary, &queries };
	g_autofree char *place = g_build_filename(sql_folder, "sqlite", "diary", NULL);
	g_autofree char *error = NULL;

	g_assert_cmpint(g_mkdir_with_parents(place, 0700), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(diary_sql); i++) {
		g_autofree char *path = g_build_filename(place, diary_sql[i][0], NULL);

		g_assert_true(g_file_set_contents(path, diary_sql[i][1], -1, NULL));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(modules); i++) {
		module_adopt_with_sql(modules[i], sql_folder, &error);
		g_assert_cmpstr(error, ==, NULL);
	}
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

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("stores-XXXXXX", NULL);
	sql_folder = g_build_filename(folder, "sql", NULL);
	make_modules();
	plan_use_state(folder);
	g_test_add_func("/stores/equal ones are carried over, with the checks that use them",
	                test_carried_over);
	g_test_add_func("/stores/programs of loops use those of the first", test_followed);
	g_test_add_func("/stores/the usual one is in the state folder", test_places);
	g_test_add_func("/stores/rule tests have theirs in memory", test_rehearsal);
	g_test_add_func("/stores/those that a check uses are opened, others are not", test_opened);
	status = g_test_run();
	remove_all(folder);
	g_free(sql_folder);
	g_free(folder);
	return status;
}
