/* store/sqlite_log.c - the write-ahead log, written in few calls
 *
 * SQLite writes each page of a transaction with two calls of pwrite(). A layer below
 * it (a VFS of SQLite's) puts what is appended to the log together, and writes it
 * when the page that ends the transaction has come, before SQLite says that it is
 * committed. Anything else, such as reading or writing over what is there, finds it
 * written. All other files are the system's own.
 */
#include <pthread.h>
#include <string.h>
#include "store/sqlite.h"

/* Less than 128 KiB: SQLite's own layer cuts the length of a write there. */
enum { BUFFER_BYTES = 120 * 1024, FRAME_HEAD = 24 };

struct log_file {
	sqlite3_file base; /* first: SQLite's view of it */
	sqlite3_file *real;
	char *buffer;
	int used;
	sqlite3_int64 begin, end; /* where the buffer belongs, where the log ends */
	bool ends_here;           /* the page that comes next ends a transaction */
};

static sqlite3_vfs *system_vfs;

static int flush(struct log_file *log)
{
	int used = log->used;

	log->used = 0;
	return used > 0 ? log->real->pMethods->xWrite(log->real, log->buffer, used, log->begin) : SQLITE_OK;
}

static int write_through(struct log_file *log, const void *bytes, int size, sqlite3_int64 at)
{
	int code = flush(log);

	if (code == SQLITE_OK)
		code = log->real->pMethods->xWrite(log->real, bytes, size, at);
	/* A log that begins anew begins with its head. */
	log->end = at == 0 ? size : MAX(log->end, at + size);
	return code;
}

static int append(struct log_file *log, const void *bytes, int size, sqlite3_int64 at)
{
	int code = log->used + size > BUFFER_BYTES ? flush(log) : SQLITE_OK;

	if (code != SQLITE_OK)
		return code;
	if (log->used == 0)
		log->begin = at;
	memcpy(log->buffer + log->used, bytes, (size_t)size);
	log->used += size;
	log->end += size;
	return SQLITE_OK;
}

/* The head of a page has the size of the database in its second word where the page is the
 * last one of a transaction, else 0: see sqlite.org/fileformat2.html. */
static bool is_last(const char *head)
{
	return (head[4] | head[5] | head[6] | head[7]) != 0;
}

static int log_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
	struct log_file *log = (struct log_file *)file;
	bool whole = size != FRAME_HEAD && log->ends_here;
	int code = at == log->end && size <= BUFFER_BYTES ? append(log, bytes, size, at)
	                                                  : write_through(log, bytes, size, at);

	log->ends_here = size == FRAME_HEAD && is_last(bytes);
	return code == SQLITE_OK && whole ? flush(log) : code;
}

static int log_close(sqlite3_file *file)
{
	struct log_file *log = (struct log_file *)file;
	int written = flush(log), closed = log->real->pMethods->xClose(log->real);

	sqlite3_free(log->buffer);
	return written != SQLITE_OK ? written : closed;
}

static int log_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
	struct log_file *log = (struct log_file *)file;
	int code = flush(log);

	return code != SQLITE_OK ? code : log->real->pMethods->xRead(log->real, bytes, size, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct log_file *log = (struct log_file *)file;
	int code = flush(log);

	log->end = size;
	return code != SQLITE_OK ? code : log->real->pMethods->xTruncate(log->real, size);
}

static int log_sync(sqlite3_file *file, int flags)
{
	struct log_file *log = (struct log_file *)file;
	int code = flush(log);

	return code != SQLITE_OK ? code : log->real->pMethods->xSync(log->real, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct log_file *log = (struct log_file *)file;
	int code = flush(log);

	return code != SQLITE_OK ? code : log->real->pMethods->xFileSize(log->real, size);
}

static int log_control(sqlite3_file *file, int command, void *data)
{
	struct log_file *log = (struct log_file *)file;

	return log->real->pMethods->xFileControl(log->real, command, data);
}

static int log_sector(sqlite3_file *file)
{
	struct log_file *log = (struct log_file *)file;

	return log->real->pMethods->xSectorSize(log->real);
}

static int log_device(sqlite3_file *file)
{
	struct log_file *log = (struct log_file *)file;

	return log->real->pMethods->xDeviceCharacteristics(log->real);
}

/* Nobody locks a log. */
static int log_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int log_reserved(sqlite3_file *file, int *reserved)
{
	(void)file;
	*reserved = 0;
	return SQLITE_OK;
}

static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = log_lock,
	.xUnlock = log_lock,
	.xCheckReservedLock = log_reserved,
	.xFileControl = log_control,
	.xSectorSize = log_sector,
	.xDeviceCharacteristics = log_device,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_got)
{
	struct log_file *log = (struct log_file *)file;
	int code;

	(void)vfs;
	if ((flags & SQLITE_OPEN_WAL) == 0)
		return system_vfs->xOpen(system_vfs, name, file, flags, flags_got);
	*log = (struct log_file){ .real = (sqlite3_file *)(log + 1), .end = -1 };
	code = system_vfs->xOpen(system_vfs, name, log->real, flags, flags_got);
	if (code != SQLITE_OK)
		return code;
	log->buffer = sqlite3_malloc(BUFFER_BYTES);
	if (log->buffer == NULL) {
		log->real->pMethods->xClose(log->real);
		return SQLITE_NOMEM;
	}
	log->base.pMethods = &log_methods;
	return SQLITE_OK;
}

static sqlite3_vfs log_vfs;
static bool registered;

static void register_vfs(void)
{
	sqlite_cache_install();
	sqlite3_initialize();
	system_vfs = sqlite3_vfs_find(NULL);
	log_vfs = *system_vfs;
	log_vfs.pNext = NULL;
	log_vfs.zName = "ppolicyd";
	log_vfs.szOsFile += (int)sizeof(struct log_file);
	log_vfs.xOpen = open_file;
	registered = sqlite3_vfs_register(&log_vfs, 0) == SQLITE_OK;
}

const char *sqlite_log_vfs(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_vfs);
	return registered ? log_vfs.zName : NULL;
}
