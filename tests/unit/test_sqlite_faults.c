/* unit/test_sqlite_faults.c - what goes wrong with SQLite: how it is told, and what is kept */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "scratch.h"

enum { PAGE = 4096 };

static const struct database_driver *const sqlite = &database_sqlite;

static void assert_cannot_open(struct scratch *scratch, enum database_fault fault, const char *part)
{
	g_assert_false(scratch_open(scratch));
	g_test_message("%s", scratch->error.text);
	scratch_assert_fault(scratch, fault, part);
}

/* -- codes --------------------------------------------------------------- */

static const struct code {
	int code;
	enum database_fault fault;
	const char *part;
} codes[] = {
	{ SQLITE_ERROR, DATABASE_DATA, "" },
	{ SQLITE_CONSTRAINT_UNIQUE, DATABASE_DATA, "" },
	{ SQLITE_MISMATCH, DATABASE_DATA, "" },
	{ SQLITE_TOOBIG, DATABASE_DATA, "" },
	{ SQLITE_RANGE, DATABASE_DATA, "" },
	{ SQLITE_BUSY, DATABASE_BUSY, "is locked by another program" },
	{ SQLITE_BUSY_SNAPSHOT, DATABASE_BUSY, "is locked by another program" },
	{ SQLITE_BUSY_RECOVERY, DATABASE_BUSY, "is locked by another program" },
	{ SQLITE_LOCKED, DATABASE_BUSY, "is locked by another program" },
	{ SQLITE_PROTOCOL, DATABASE_BUSY, "is locked by another program" },
	{ SQLITE_SCHEMA, DATABASE_BUSY, "ppolicyd.db: " },
	{ SQLITE_FULL, DATABASE_DENIED, "no room to write " },
	{ SQLITE_READONLY, DATABASE_DENIED, "ppolicyd.db: " },
	{ SQLITE_READONLY_DIRECTORY, DATABASE_DENIED, "ppolicyd.db: " },
	{ SQLITE_PERM, DATABASE_DENIED, "ppolicyd.db: " },
	{ SQLITE_AUTH, DATABASE_DENIED, "" },
	{ SQLITE_NOLFS, DATABASE_DENIED, "ppolicyd.db: " },
	{ SQLITE_READONLY_DBMOVED, DATABASE_LOST, "is not the file any more that was opened" },
	{ SQLITE_CANTOPEN, DATABASE_LOST, "cannot open " },
	{ SQLITE_CORRUPT, DATABASE_LOST, "is damaged: stop the server" },
	{ SQLITE_CORRUPT_INDEX, DATABASE_LOST, "is damaged: stop the server" },
	{ SQLITE_NOTADB, DATABASE_LOST, "is no SQLite database: stop the server" },
	{ SQLITE_IOERR_READ, DATABASE_LOST, "look at the disk" },
	{ SQLITE_NOMEM, DATABASE_LOST, "no memory left" },
	{ SQLITE_IOERR_NOMEM, DATABASE_LOST, "no memory left" },
	{ SQLITE_INTERNAL, DATABASE_LOST, "ppolicyd.db: " },
	{ SQLITE_MISUSE, DATABASE_LOST, "ppolicyd.db: " },
};

static void test_codes(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		scratch.error = (struct database_error){ DATABASE_OK };
		g_assert_false(sqlite_fail(scratch.database, codes[i].code, &scratch.error));
		g_test_message("%d: %s", codes[i].code, scratch.error.text);
		scratch_assert_fault(&scratch, codes[i].fault, codes[i].part);
		g_assert_null(strstr(scratch.error.text, "not an error"));
	}
	scratch_clear(&scratch);
}

static void test_errno(void)
{
	static const int full[] = { ENOSPC, EDQUOT, EFBIG };
	struct scratch scratch;
	struct database closed = { .handle = NULL };

	scratch_init(&scratch);
	closed.path = scratch.path;
	for (size_t i = 0; i < G_N_ELEMENTS(full); i++) {
		errno = full[i];
		g_assert_false(sqlite_fail(&closed, SQLITE_IOERR_WRITE, &scratch.error));
		scratch_assert_fault(&scratch, DATABASE_DENIED, "the disk is full");
	}
	errno = EIO;
	g_assert_false(sqlite_fail(&closed, SQLITE_IOERR_WRITE, &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_LOST, "Input/output error");
	errno = EMFILE;
	g_assert_false(sqlite_fail(&closed, SQLITE_CANTOPEN, &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_DENIED, "Too many open files; allow more (LimitNOFILE=)");
	closed.path = NULL;
	g_assert_false(sqlite_fail(&closed, SQLITE_READONLY, &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_DENIED, "the database in memory: attempt to write");
	g_assert_false(sqlite_fail(&closed, SQLITE_CANTOPEN, &scratch.error));
	scratch.target.path = NULL;
	scratch_make(&scratch);
	g_assert_false(sqlite_fail(scratch.database, SQLITE_IOERR_READ, &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_LOST, "(no reason given)");
	scratch_clear(&scratch);
}

/* What to do stands at the end: it must not be cut off by a long path. */
static void test_long_path(void)
{
	g_autofree char *name = g_strnfill(300, 'x'), *path = g_strconcat("/var/lib/\n", name, NULL);
	struct database database = { .path = path };
	struct database_error error;

	sqlite_fail(&database, SQLITE_NOTADB, &error);
	g_assert_true(g_str_has_prefix(error.text, "...xxx"));
	g_assert_true(g_str_has_suffix(error.text, "move it away with its -wal and -shm: a new one is made"));
	sqlite_fail(&database, SQLITE_BUSY, &error);
	g_assert_true(g_str_has_suffix(error.text, "(fuser -v names it)"));
	strcpy(path, "/var/lib/\nx");
	sqlite_fail(&database, SQLITE_FULL, &error);
	g_assert_true(g_str_has_prefix(error.text, "no room to write /var/lib/ x: "));
}

/* -- statements ---------------------------------------------------------- */

static void test_refused(void)
{
	const struct database_value without_key[3] = { { .kind = PP_NIL }, scratch_integer(1) };
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	g_assert_false(scratch_run(&scratch, scratch.database, "absent", NULL));
	scratch_assert_fault(&scratch, DATABASE_DATA, "statement absent: no such table: no_such_table");
	g_assert_false(scratch_run(&scratch, scratch.database, "huge", NULL));
	scratch_assert_fault(&scratch, DATABASE_DATA, "statement huge: string or blob too big");
	g_assert_false(scratch_run(&scratch, scratch.database, "upsert", without_key));
	scratch_assert_fault(&scratch, DATABASE_DATA, "NOT NULL constraint failed: probe.key");
	g_assert_false(
	        sqlite->script(scratch.database,
	                       "CREATE TABLE number (a INTEGER PRIMARY KEY); INSERT INTO number VALUES ('x')",
	                       &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_DATA, "datatype mismatch");
	g_assert_false(sqlite->script(scratch.database, "SELEC 1", &scratch.error));
	scratch_assert_fault(&scratch, DATABASE_DATA, "near \"SELEC\": syntax error");
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_clear(&scratch);
}

static int deny_inserts(void *data, int action, const char *a, const char *b, const char *c, const char *d)
{
	(void)data, (void)a, (void)b, (void)c, (void)d;
	return action == SQLITE_INSERT ? SQLITE_DENY : SQLITE_OK;
}

static void test_not_authorized(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	sqlite3_set_authorizer(scratch.database->handle, deny_inserts, NULL);
	g_assert_false(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_assert_fault(&scratch, DATABASE_DENIED, "not authorized");
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "");
	scratch_clear(&scratch);
}

/* -- opening ------------------------------------------------------------- */

static void test_folders(void)
{
	struct scratch scratch;
	g_autofree char *below = NULL;

	scratch_init(&scratch);
	scratch.target.path = "/no/such/folder/ppolicyd.db";
	assert_cannot_open(&scratch, DATABASE_DENIED,
	                   "there is no folder /no/such/folder for the database: make it");
	scratch.target.read_only = true;
	assert_cannot_open(&scratch, DATABASE_DENIED, "there is no folder /no/such/folder");
	scratch.target.path = scratch.path;
	assert_cannot_open(&scratch, DATABASE_DENIED, "ppolicyd.db; this one is only read, so none is made");
	g_assert_false(g_file_test(scratch.path, G_FILE_TEST_EXISTS));
	scratch.target.read_only = false;
	g_assert_true(g_file_set_contents(scratch.path, "", 0, NULL));
	below = g_build_filename(scratch.path, "ppolicyd.db", NULL);
	scratch.target.path = below;
	assert_cannot_open(&scratch, DATABASE_DENIED, "Not a directory");
	scratch.target.path = scratch.folder;
	assert_cannot_open(&scratch, DATABASE_DENIED, "is no file: the path of a database is that of a file");
	/* These would mean something else to SQLite. */
	scratch.target.path = "";
	assert_cannot_open(&scratch, DATABASE_DENIED, "./ is no file");
	scratch.target.path = "file:/no/such/x?mode=memory";
	assert_cannot_open(&scratch, DATABASE_DENIED, "there is no folder ./file:/no/such");
	scratch_clear(&scratch);
}

static void as_nobody(struct scratch *scratch)
{
	g_autofree char *state = g_path_get_dirname(scratch->path);
	g_autofree char *log = g_strconcat(scratch->path, "-wal", NULL);
	g_autofree char *shared = g_strconcat(scratch->path, "-shm", NULL);

	/* The folder. */
	g_assert_cmpint(g_chmod(state, 0555), ==, 0);
	assert_cannot_open(scratch, DATABASE_DENIED, "/state (Permission denied)");
	g_assert_cmpint(g_chmod(state, 0), ==, 0);
	assert_cannot_open(scratch, DATABASE_DENIED, "cannot use folder ");
	/* The file. */
	g_assert_cmpint(g_chmod(state, 0755), ==, 0);
	scratch_make(scratch);
	g_assert_true(scratch_write(scratch, scratch->database, "a", 1));
	scratch_close(scratch);
	g_assert_cmpint(g_chmod(scratch->path, 0444), ==, 0);
	assert_cannot_open(scratch, DATABASE_DENIED,
	                   "ppolicyd.db (Permission denied): the database file, its -wal");
	scratch->target.read_only = true;
	scratch_assert(scratch, scratch_open(scratch));
	g_assert_cmpstr(scratch_all(scratch, scratch->database), ==, "a=1");
	scratch_close(scratch);
	g_assert_cmpint(g_chmod(scratch->path, 0), ==, 0);
	assert_cannot_open(scratch, DATABASE_DENIED, "may not read ");
	/* Nothing at all may be written: it is read as it lies there. */
	g_remove(log);
	g_remove(shared);
	g_assert_cmpint(g_chmod(scratch->path, 0444), ==, 0);
	g_assert_cmpint(g_chmod(state, 0555), ==, 0);
	scratch_assert(scratch, scratch_open(scratch));
	g_assert_true(scratch->database->immutable);
	g_assert_cmpstr(scratch_all(scratch, scratch->database), ==, "a=1");
	scratch_close(scratch);
	/* ... but not without a log that has more. */
	g_assert_cmpint(g_chmod(state, 0755), ==, 0);
	g_assert_true(g_file_set_contents(log, "more", -1, NULL));
	g_assert_cmpint(g_chmod(state, 0555), ==, 0);
	assert_cannot_open(scratch, DATABASE_DENIED, "(Permission denied): the database file, its -wal");
	/* A log that somebody else has made. */
	g_assert_cmpint(g_chmod(state, 0755), ==, 0);
	g_assert_cmpint(g_chmod(scratch->path, 0600), ==, 0);
	g_assert_cmpint(g_chmod(log, 0444), ==, 0);
	scratch->target.read_only = false;
	scratch_assert(scratch, scratch_open(scratch));
	g_assert_false(sqlite->begin(scratch->database, &scratch->error));
	scratch_assert_fault(scratch, DATABASE_DENIED, "ppolicyd.db-wal (Permission denied)");
	scratch_close(scratch);
}

static void test_rights(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	if (!scratch_in_child(&scratch, true, as_nobody))
		g_test_skip("it takes a user without rights");
	scratch_clear(&scratch);
}

/* -- damage -------------------------------------------------------------- */

static void test_foreign(void)
{
	g_autofree char *letter = g_strnfill(2 * PAGE, 'x');
	struct scratch scratch;

	scratch_init(&scratch);
	g_assert_true(g_file_set_contents(scratch.path, letter, 2 * PAGE, NULL));
	assert_cannot_open(&scratch, DATABASE_LOST, "is no SQLite database: stop the server, keep a copy");
	g_assert_true(g_str_has_suffix(scratch.error.text, "a new one is made"));
	scratch.target.read_only = true;
	assert_cannot_open(&scratch, DATABASE_LOST, "move it away for a good one");
	/* What was promised. */
	scratch.target.read_only = false;
	g_assert_cmpint(g_remove(scratch.path), ==, 0);
	scratch_make(&scratch);
	scratch_clear(&scratch);
}

static void scribble(const char *path, off_t from, size_t bytes)
{
	g_autofree char *noise = g_strnfill(bytes, '\x5a');
	int file = open(path, O_WRONLY | O_CLOEXEC);

	g_assert_cmpint(file, >=, 0);
	g_assert_cmpint(pwrite(file, noise, bytes, from), ==, (ssize_t)bytes);
	g_assert_cmpint(close(file), ==, 0);
}

static void fill_some(struct scratch *scratch, unsigned rows)
{
	scratch_begin(scratch);
	for (unsigned i = 0; i < rows; i++) {
		g_autofree char *key = g_strdup_printf("%u", i);
		const struct database_value values[] = { scratch_text(key), scratch_integer(500) };

		scratch_assert(scratch, scratch_run(scratch, scratch->database, "fill", values));
	}
	scratch_commit(scratch);
}

static void test_damaged(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	fill_some(&scratch, 200);
	scratch_close(&scratch);
	scribble(scratch.path, 2 * PAGE, 20 * PAGE);
	scratch_assert(&scratch, scratch_open(&scratch));
	g_assert_false(scratch_run(&scratch, scratch.database, "all", NULL));
	scratch_assert_fault(&scratch, DATABASE_LOST, "ppolicyd.db is damaged: stop the server, keep a copy");
	g_assert_false(scratch_write(&scratch, scratch.database, "11", 1));
	scratch_assert_fault(&scratch, DATABASE_LOST, "is damaged");
	scratch_close(&scratch);
	/* The page with the tables' names. */
	scribble(scratch.path, 100, PAGE - 100);
	assert_cannot_open(&scratch, DATABASE_LOST, "is damaged");
	scratch_clear(&scratch);
}

static void test_cut_off(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	fill_some(&scratch, 200);
	scratch_close(&scratch);
	g_assert_cmpint(truncate(scratch.path, 5 * PAGE), ==, 0);
	/* Some see it at once, some when the page that is not there is read. */
	if (scratch_open(&scratch))
		g_assert_false(scratch_run(&scratch, scratch.database, "all", NULL));
	scratch_assert_fault(&scratch, DATABASE_LOST, "is damaged");
	scratch_clear(&scratch);
}

/* -- no room, no right, in the middle of it ------------------------------ */

static void fill_up(struct scratch *scratch)
{
	const struct database_value values[] = { scratch_text("large"), scratch_integer(1024 * 1024) };

	scratch_begin(scratch);
	if (scratch_run(scratch, scratch->database, "fill", values))
		g_assert_false(sqlite->commit(scratch->database, &scratch->error));
	sqlite->rollback(scratch->database);
	scratch_assert_fault(scratch, DATABASE_DENIED, "no room to write ");
}

static void test_full(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_assert(&scratch,
	               sqlite->script(scratch.database, "PRAGMA max_page_count = 20", &scratch.error));
	fill_up(&scratch);
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=1");
	/* By itself it works again. */
	scratch_assert(&scratch,
	               sqlite->script(scratch.database, "PRAGMA max_page_count = 2000", &scratch.error));
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	g_assert_cmpstr(scratch_all(&scratch, scratch.database), ==, "a=2");
	scratch_clear(&scratch);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	limit.rlim_cur = bytes;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void with_small_files(struct scratch *scratch)
{
	signal(SIGXFSZ, SIG_IGN);
	limit_files(256 * 1024);
	scratch_make(scratch);
	g_assert_true(scratch_write(scratch, scratch->database, "a", 1));
	fill_up(scratch);
	g_assert_cmpstr(scratch_all(scratch, scratch->database), ==, "a=1");
	g_assert_true(scratch_write(scratch, scratch->database, "b", 1));
	limit_files(RLIM_INFINITY);
	fill_some(scratch, 10);
	scratch_close(scratch);
}

static void test_quota(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	g_assert_true(scratch_in_child(&scratch, false, with_small_files));
	scratch_assert(&scratch, scratch_open(&scratch));
	scratch_assert(&scratch, scratch_run(&scratch, scratch.database, "find",
	                                     (struct database_value[]){ scratch_text("b") }));
	g_assert_cmpstr(scratch.result->str, ==, "b=1");
	scratch_clear(&scratch);
}

static void test_query_only(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	scratch_assert(&scratch, sqlite->script(scratch.database, "PRAGMA query_only = 1", &scratch.error));
	g_assert_false(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_assert_fault(&scratch, DATABASE_DENIED, "attempt to write a readonly database");
	scratch_assert(&scratch, sqlite->script(scratch.database, "PRAGMA query_only = 0", &scratch.error));
	g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	scratch_clear(&scratch);
}

static void test_memory(void)
{
	struct scratch scratch;

	scratch_init(&scratch);
	scratch_make(&scratch);
	if (sqlite3_hard_heap_limit64(sqlite3_memory_used() + 64 * 1024) < 0) {
		g_test_skip("this SQLite does not count its memory");
	} else {
		const struct database_value values[] = { scratch_text("a"), scratch_integer(1024 * 1024) };

		scratch_begin(&scratch);
		g_assert_false(scratch_run(&scratch, scratch.database, "fill", values));
		scratch_assert_fault(&scratch, DATABASE_LOST, "no memory left");
		sqlite3_hard_heap_limit64(0);
		sqlite->rollback(scratch.database);
		g_assert_true(scratch_write(&scratch, scratch.database, "a", 1));
	}
	scratch_clear(&scratch);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sqlite faults/each code has a class and a sentence", test_codes);
	g_test_add_func("/sqlite faults/a full disk has many names", test_errno);
	g_test_add_func("/sqlite faults/a long path leaves room for what to do", test_long_path);
	g_test_add_func("/sqlite faults/what is wrong with a statement is its own", test_refused);
	g_test_add_func("/sqlite faults/what is not allowed is denied", test_not_authorized);
	g_test_add_func("/sqlite faults/a path that leads nowhere is told as such", test_folders);
	g_test_add_func("/sqlite faults/rights that are missing are named", test_rights);
	g_test_add_func("/sqlite faults/a file of another kind is left alone", test_foreign);
	g_test_add_func("/sqlite faults/damage is told with what to do", test_damaged);
	g_test_add_func("/sqlite faults/a file that was cut off is damaged", test_cut_off);
	g_test_add_func("/sqlite faults/a full database loses nothing and works again", test_full);
	g_test_add_func("/sqlite faults/a full disk loses nothing and works again", test_quota);
	g_test_add_func("/sqlite faults/what turns read-only is denied until it is over", test_query_only);
	g_test_add_func("/sqlite faults/no memory is not the row's fault", test_memory);
	return g_test_run();
}
