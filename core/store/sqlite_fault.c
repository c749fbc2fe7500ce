/* store/sqlite_fault.c - what SQLite's errors mean to those who run a mail server */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"

enum { PATH_SHOWN = 90, USER_SIZE = 40 };

bool sqlite_refuse(struct database_error *error, enum database_fault fault, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	g_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*error = (struct database_error){ .fault = fault };
	text_clean(error->text, sizeof(error->text), text, strlen(text));
	return false;
}

/* -- names --------------------------------------------------------------- */

struct shown {
	char text[PATH_SHOWN + 4];
};

/* Of a long path the end, so that what to do still fits behind it. */
static struct shown shown(const char *path)
{
	size_t length = strlen(path);
	struct shown result;

	if (length <= PATH_SHOWN)
		g_strlcpy(result.text, path, sizeof(result.text));
	else
		g_snprintf(result.text, sizeof(result.text), "...%s", path + length - PATH_SHOWN);
	return result;
}

static struct shown user(void)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];
	struct shown result;

	if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) == 0 && found != NULL)
		g_snprintf(result.text, USER_SIZE, "%s", found->pw_name);
	else
		g_snprintf(result.text, USER_SIZE, "%u", (unsigned)geteuid());
	return result;
}

static char *folder_of(const struct database *database)
{
	return g_path_get_dirname(database->path);
}

/* -- rights -------------------------------------------------------------- */

static bool may(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

/* Which of the files or the folder may not be written (g_free() it); NULL: none. errno says why. */
static char *find_unwritable(const struct database *database)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	g_autofree char *folder = folder_of(database);

	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *file = g_strconcat(database->path, suffixes[i], NULL);

		if (!may(file, W_OK) && errno != ENOENT)
			return g_steal_pointer(&file);
	}
	return may(folder, W_OK | X_OK) ? NULL : g_steal_pointer(&folder);
}

/* -- sentences ----------------------------------------------------------- */

struct trouble {
	const struct database *database;
	int why; /* errno, 0 = not known */
	const char *message;
	struct shown path;
	struct database_error *error; /* its fault is set */
};

#define SAY(trouble, ...) sqlite_refuse((trouble)->error, (trouble)->error->fault, __VA_ARGS__)

static void say_message(const struct trouble *trouble)
{
	SAY(trouble, "%s", trouble->message);
}

static void say_endless(const struct trouble *trouble)
{
	SAY(trouble, "it was ended, since it took too long: does it lack an index, or an end?");
}

static void say_path_and_message(const struct trouble *trouble)
{
	SAY(trouble, "%s: %s", trouble->path.text, trouble->message);
}

static void say_locked(const struct trouble *trouble)
{
	SAY(trouble,
	    "%s is locked by another program, such as sqlite3 in a transaction or a backup (fuser -v names "
	    "it)",
	    trouble->path.text);
}

static void say_full(const struct trouble *trouble)
{
	SAY(trouble, "no room to write %s: the disk is full, or a quota or limit is reached; free some",
	    trouble->path.text);
}

static void say_moved(const struct trouble *trouble)
{
	SAY(trouble, "%s is not the file any more that was opened", trouble->path.text);
}

static void say_memory(const struct trouble *trouble)
{
	SAY(trouble, "no memory left to use %s", trouble->path.text);
}

static void say_disk(const struct trouble *trouble)
{
	SAY(trouble, "%s: %s (%s): look at the disk and the log of the system", trouble->path.text,
	    trouble->message, trouble->why != 0 ? g_strerror(trouble->why) : "no reason given");
}

/* The longest one: PATH_SHOWN is such that it fits. */
static void say_unusable(const struct trouble *trouble, const char *how)
{
	SAY(trouble, "%s is %s: stop the server, keep a copy, try `sqlite3 FILE .recover`, or move it %s",
	    trouble->path.text, how,
	    trouble->database->read_only ? "away for a good one"
	                                 : "away with its -wal and -shm: a new one is made");
}

static void say_damaged(const struct trouble *trouble)
{
	say_unusable(trouble, "damaged");
}

static void say_foreign(const struct trouble *trouble)
{
	say_unusable(trouble, "no SQLite database");
}

/* False: everything may be written. */
static bool say_unwritable(const struct trouble *trouble)
{
	g_autofree char *what = find_unwritable(trouble->database);
	int why = errno;

	if (what == NULL)
		return false;
	if (why == EROFS)
		SAY(trouble, "%s is on a file system that is mounted read-only", shown(what).text);
	else
		SAY(trouble,
		    "user %s may not write %s (%s): the database file, its -wal and -shm, and their folder "
		    "must be this user's",
		    user().text, shown(what).text, g_strerror(why));
	return true;
}

static void say_read_only(const struct trouble *trouble)
{
	if (trouble->database->path == NULL || !say_unwritable(trouble))
		say_path_and_message(trouble);
}

/* False: the folder is there, and may be used. */
static bool say_folder(const struct trouble *trouble)
{
	g_autofree char *folder = folder_of(trouble->database);
	struct stat status;
	int why = 0;

	if (stat(folder, &status) != 0)
		why = errno;
	else if (!S_ISDIR(status.st_mode))
		why = ENOTDIR;
	else if (!may(folder, X_OK))
		why = errno;
	if (why == ENOENT)
		SAY(trouble, "there is no folder %s for the database: make it, for user %s to write",
		    shown(folder).text, user().text);
	else if (why != 0)
		SAY(trouble, "user %s cannot use folder %s: %s", user().text, shown(folder).text,
		    g_strerror(why));
	return why != 0;
}

/* False: the file can be read, or made. */
static bool say_file(const struct trouble *trouble)
{
	const char *path = trouble->database->path;
	struct stat status;
	bool there = stat(path, &status) == 0;

	if (!there && trouble->database->read_only)
		SAY(trouble, "there is no database %s; this one is only read, so none is made",
		    trouble->path.text);
	else if (there && !S_ISREG(status.st_mode))
		SAY(trouble, "%s is no file: the path of a database is that of a file", trouble->path.text);
	else if (there && !may(path, R_OK))
		SAY(trouble, "user %s may not read %s: %s", user().text, trouble->path.text,
		    g_strerror(errno));
	else
		return false;
	return true;
}

static void say_cannot_open(const struct trouble *trouble)
{
	if (trouble->why == EMFILE || trouble->why == ENFILE)
		SAY(trouble, "cannot open %s: %s; allow more (LimitNOFILE=)", trouble->path.text,
		    g_strerror(trouble->why));
	else if (trouble->database->path == NULL ||
	         (!say_folder(trouble) && !say_file(trouble) && !say_unwritable(trouble)))
		SAY(trouble, "cannot open %s, or its -wal or -shm: %s", trouble->path.text,
		    trouble->why != 0 ? g_strerror(trouble->why) : trouble->message);
}

/* -- codes --------------------------------------------------------------- */

static const struct row {
	int code;
	enum database_fault fault;
	void (*say)(const struct trouble *trouble);
} rows[] = {
	{ SQLITE_ERROR, DATABASE_DATA, say_message },
	{ SQLITE_CONSTRAINT, DATABASE_DATA, say_message },
	{ SQLITE_MISMATCH, DATABASE_DATA, say_message },
	{ SQLITE_TOOBIG, DATABASE_DATA, say_message },
	{ SQLITE_RANGE, DATABASE_DATA, say_message },
	{ SQLITE_INTERRUPT, DATABASE_DATA, say_endless },
	{ SQLITE_AUTH, DATABASE_DENIED, say_message },
	{ SQLITE_BUSY, DATABASE_BUSY, say_locked },
	{ SQLITE_LOCKED, DATABASE_BUSY, say_locked },
	{ SQLITE_PROTOCOL, DATABASE_BUSY, say_locked },
	{ SQLITE_SCHEMA, DATABASE_BUSY, say_path_and_message },
	{ SQLITE_FULL, DATABASE_DENIED, say_full },
	{ SQLITE_READONLY, DATABASE_DENIED, say_read_only },
	{ SQLITE_PERM, DATABASE_DENIED, say_read_only },
	{ SQLITE_NOLFS, DATABASE_DENIED, say_path_and_message },
	{ SQLITE_CANTOPEN, DATABASE_LOST, say_cannot_open },
	{ SQLITE_CORRUPT, DATABASE_LOST, say_damaged },
	{ SQLITE_NOTADB, DATABASE_LOST, say_foreign },
	{ SQLITE_FORMAT, DATABASE_LOST, say_damaged },
	{ SQLITE_IOERR, DATABASE_LOST, say_disk },
	{ SQLITE_NOMEM, DATABASE_LOST, say_memory },
};

/* SQLite knows one errno for a full disk; there are more, and others that hide in I/O errors. */
static int real_code(int code, int why)
{
	if (code == SQLITE_IOERR_NOMEM)
		return SQLITE_NOMEM;
	if (sqlite_primary(code) != SQLITE_IOERR && sqlite_primary(code) != SQLITE_CANTOPEN)
		return code;
	if (why == ENOSPC || why == EDQUOT || why == EFBIG)
		return SQLITE_FULL;
	return code;
}

/* At a commit SQLite notes it with the log that it could not write, and nowhere else. */
static int errno_of_log(const struct database *database)
{
	sqlite3_file *file = NULL;
	int why = 0;

	sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (file != NULL && file->pMethods != NULL)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &why);
	return why;
}

static int errno_of(const struct database *database, int code)
{
	int why;

	if (database->handle == NULL || database->path == NULL)
		return database->handle == NULL ? errno : 0;
	why = sqlite3_system_errno(database->handle);
	return why == 0 && sqlite_primary(code) == SQLITE_IOERR ? errno_of_log(database) : why;
}

/* SQLite's own, if it is about this code. */
static const char *message(const struct database *database, int code)
{
	if (database->handle == NULL ||
	    sqlite_primary(sqlite3_errcode(database->handle)) != sqlite_primary(code))
		return sqlite3_errstr(code);
	return sqlite3_errmsg(database->handle);
}

bool sqlite_fail(const struct database *database, int code, struct database_error *error)
{
	int why = errno_of(database, code);
	struct row row = { .fault = DATABASE_LOST, .say = say_path_and_message };
	const struct trouble trouble = {
		.database = database,
		.why = why,
		.message = message(database, code),
		.path = shown(database->path != NULL ? database->path : "the database in memory"),
		.error = error,
	};

	code = real_code(code, why);
	*error = (struct database_error){ .fault = DATABASE_OK };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].code == sqlite_primary(code))
			row = rows[i];
	if (code == SQLITE_READONLY_DBMOVED)
		row = (struct row){ .fault = DATABASE_LOST, .say = say_moved };
	/* While it is opened this is nearly always a right that is missing. */
	if (sqlite_primary(code) == SQLITE_CANTOPEN && !database->ready)
		row.fault = DATABASE_DENIED;
	error->fault = row.fault;
	row.say(&trouble);
	return false;
}
