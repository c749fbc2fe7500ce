/* unit/scratch.c - an SQLite database in a folder of its own, for tests of the driver */
#include "scratch.h"

#include <glib/gstdio.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static const char *const files[][2] = {
	{ "001_make.sql", "CREATE TABLE {table} (key TEXT PRIMARY KEY NOT NULL,"
	                  " count INTEGER NOT NULL CHECK (count < 100), note) WITHOUT ROWID" },
	{ "upsert.sql", "-- key: key\n"
	                "INSERT INTO {table} (key, count, note) VALUES (:key, :count, :note)"
	                " ON CONFLICT (key) DO UPDATE SET count = {table}.count + excluded.count"
	                " RETURNING key, count" },
	{ "all.sql", "SELECT key, count FROM {table} ORDER BY key" },
	{ "find.sql", "SELECT key, count FROM {table} WHERE key = :key" },
	{ "echo.sql", "SELECT :value AS value, 'x' AS \"other one\"" },
	{ "blob.sql", "SELECT x'410042' AS inside, x'' AS empty, x'4142' AS blob" },
	{ "fill.sql", "INSERT INTO {table} (key, count, note) VALUES (:key, 1, zeroblob(:bytes))" },
	{ "huge.sql", "SELECT zeroblob(2147483647)" },
	{ "slip.sql", "INSERT OR ROLLBACK INTO {table} (key, count) VALUES (:key, 1000)" },
	{ "absent.sql", "SELECT 1 FROM no_such_table" },
};

static void write_files(const char *folder)
{
	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i][0], NULL);

		g_assert_true(g_file_set_contents(path, files[i][1], -1, NULL));
	}
}

void scratch_init(struct scratch *scratch)
{
	g_autofree char *sql = NULL, *probe = NULL, *state = NULL, *error = NULL;

	*scratch = (struct scratch){ .folder = g_dir_make_tmp("ppolicyd-sqlite.XXXXXX", NULL) };
	g_assert_nonnull(scratch->folder);
	sql = g_build_filename(scratch->folder, "sql", NULL);
	probe = g_build_filename(sql, "sqlite", "probe", NULL);
	state = g_build_filename(scratch->folder, "state", NULL);
	write_files(probe);
	g_assert_cmpint(g_mkdir(state, 0700), ==, 0);
	scratch->path = g_build_filename(state, "ppolicyd.db", NULL);
	scratch->target = (struct database_target){ .path = scratch->path, .lock_wait = 20 };
	scratch->set = statement_set_load((const char *const[]){ sql, NULL }, "sqlite", "probe", NULL,
	                                  &error);
	g_assert_cmpstr(error, ==, NULL);
	scratch->result = g_string_new(NULL);
}

static void remove_all(const char *path)
{
	GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *inside = g_build_filename(path, name, NULL);

		remove_all(inside);
	}
	if (dir != NULL)
		g_dir_close(dir);
	g_remove(path);
}

void scratch_clear(struct scratch *scratch)
{
	scratch_close(scratch);
	remove_all(scratch->folder);
	statement_set_unref(scratch->set);
	g_string_free(scratch->result, true);
	g_free(scratch->path);
	g_free(scratch->folder);
}

bool scratch_open(struct scratch *scratch)
{
	scratch_close(scratch);
	scratch->database = database_sqlite.open(&scratch->target, &scratch->error);
	return scratch->database != NULL;
}

void scratch_close(struct scratch *scratch)
{
	database_sqlite.close(scratch->database);
	scratch->database = NULL;
}

void scratch_make(struct scratch *scratch)
{
	scratch_assert(scratch, scratch_open(scratch));
	scratch_begin(scratch);
	scratch_assert(scratch, database_sqlite.script(scratch->database, scratch->set->migrations[0].sql,
	                                               &scratch->error));
	scratch_commit(scratch);
}

struct database *scratch_open_another(struct scratch *scratch, bool read_only)
{
	struct database_target target = scratch->target;
	struct database *database;

	target.read_only = read_only;
	database = database_sqlite.open(&target, &scratch->error);
	scratch_assert(scratch, database != NULL);
	return database;
}

struct database_value scratch_text(const char *text)
{
	struct database_value value = { .kind = PP_STRING, .string = text };

	value.length = (uint32_t)strlen(text);
	return value;
}

struct database_value scratch_integer(int64_t integer)
{
	return (struct database_value){ .kind = PP_INTEGER, .integer = integer };
}

static void add_row(const struct database_value *values, void *data)
{
	GString *result = data;

	g_string_append_printf(result, "%s%s=%" PRIi64, result->len > 0 ? " " : "", values[0].string,
	                       values[1].integer);
}

bool scratch_run(struct scratch *scratch, struct database *database, const char *statement,
                 const struct database_value *values)
{
	g_string_truncate(scratch->result, 0);
	return database_sqlite.run(database, statement_find(scratch->set, statement), 1, values, NULL, NULL,
	                           add_row, scratch->result, &scratch->error);
}

bool scratch_upsert(struct scratch *scratch, unsigned rows, const char *const *keys, const int64_t *counts)
{
	g_autofree struct database_value *values = g_new0(struct database_value, rows * 3);

	for (unsigned i = 0; i < rows; i++) {
		values[3 * i] = scratch_text(keys[i]);
		values[3 * i + 1] = scratch_integer(counts[i]);
	}
	g_string_truncate(scratch->result, 0);
	return database_sqlite.run(scratch->database, statement_find(scratch->set, "upsert"), rows, values,
	                           NULL, NULL, add_row, scratch->result, &scratch->error);
}

const char *scratch_all(struct scratch *scratch, struct database *database)
{
	scratch_assert(scratch, scratch_run(scratch, database, "all", NULL));
	return scratch->result->str;
}

void scratch_begin(struct scratch *scratch)
{
	scratch_assert(scratch, database_sqlite.begin(scratch->database, &scratch->error));
}

void scratch_commit(struct scratch *scratch)
{
	scratch_assert(scratch, database_sqlite.commit(scratch->database, &scratch->error));
}

bool scratch_write(struct scratch *scratch, struct database *database, const char *key, int64_t count)
{
	const struct database_value values[3] = { scratch_text(key), scratch_integer(count) };

	if (!database_sqlite.begin(database, &scratch->error))
		return false;
	if (scratch_run(scratch, database, "upsert", values) &&
	    database_sqlite.commit(database, &scratch->error))
		return true;
	database_sqlite.rollback(database);
	return false;
}

/* All that lies there becomes that user's. */
static bool give_away(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *inside = g_build_filename(path, name, NULL);

		if (!give_away(inside))
			return false;
	}
	return chown(path, NOBODY, NOBODY) == 0;
}

bool scratch_in_child(struct scratch *scratch, bool as_nobody, void (*run)(struct scratch *scratch))
{
	enum { NOT_HERE = 77 };
	bool drop = as_nobody && geteuid() == 0;
	int status;
	pid_t child;

	if (drop && !give_away(scratch->folder))
		return false;
	child = fork();
	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		if (drop &&
		    (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || access(scratch->folder, W_OK) != 0))
			_exit(NOT_HERE);
		run(scratch);
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status));
	g_assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NOT_HERE);
	return WEXITSTATUS(status) == 0;
}
