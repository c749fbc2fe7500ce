/* list.h - what the files of the list module share
 *
 * A snapshot is a list as it was read at one time: it never changes. An ask holds
 * one while it searches; upkeep() builds the next one beside it and swaps them.
 */
#ifndef LIST_LIST_H
#define LIST_LIST_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <glib.h>
#include <ppolicyd/module.h>

#define LIST_LINE_SIZE 8192 /* longest line of a file and its NUL */
#define LIST_LINES_MAX 10000000
#define LIST_FILE_MAX ((int64_t)1 << 30)
#define LIST_WRONG_SIZE 512

struct search;

struct conf {
	const char *file;
	const pp_value_t *entries; /* the parameter inline */
	const char *search;
	const char *attribute;
	bool ignore_case;
	bool subdomains;
	const char *extension;
	const pp_texts_t *fields;

	/* Made by validate() */
	const struct search *method;
	struct seed *seed;
};

/* -- snapshot.c ----------------------------------------------------------- */

struct entry {
	uint32_t key;  /* where its key stands in texts; the value follows the key's NUL */
	uint32_t line; /* 0: of an inline table */
};

struct snapshot {
	atomic_uint users;
	const struct search *search;
	uint64_t digest; /* of the file's bytes */

	char *texts;
	size_t texts_used, texts_size;
	struct entry *entries;
	uint32_t count, entries_size;

	void *found_by; /* the search's own: what find() looks into */
};

struct snapshot *snapshot_new(const struct search *search); /* one user */
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* accepts NULL */

/* Adds an entry; the search may change key in place. False and a sentence in wrong
 * (LIST_WRONG_SIZE bytes) if the key is none. */
bool snapshot_add(struct snapshot *snapshot, const struct conf *conf, char *key, const char *value,
                  uint32_t line, char *wrong);
/* To be called once, after the last entry. */
void snapshot_finish(struct snapshot *snapshot);

const char *snapshot_key(const struct snapshot *snapshot, uint32_t entry);
const char *snapshot_value(const struct snapshot *snapshot, uint32_t entry); /* "" without */

/* -- search_*.c ----------------------------------------------------------- */

enum outcome { OUTCOME_ABSENT, OUTCOME_FOUND, OUTCOME_NONE, OUTCOME_UNKNOWN };

struct result {
	enum outcome outcome;
	uint32_t entry;  /* found; unknown: the one that could not be tried */
	const char *why; /* none and unknown: what is said of the value or the entry, constant */
};

/* One way of searching. */
struct search {
	const char *name;
	bool pattern; /* keys are patterns: quotes and the like mean nothing */
	/* Takes the key of the next entry (number snapshot->count), bringing it into
	 * the form in which it is found. */
	bool (*add)(struct snapshot *snapshot, const struct conf *conf, char *key, char *wrong);
	void (*finish)(struct snapshot *snapshot); /* may be NULL */
	/* Value is never empty: the null sender is "<>". It may be changed. */
	struct result (*find)(const struct snapshot *snapshot, const struct conf *conf, char *value);
	void (*free)(struct snapshot *snapshot); /* frees found_by */
};

extern const struct search search_exact, search_mail, search_domain, search_cidr, search_regex;

/* The exact index, which mail and domain use too. Of equal keys the first counts. */
void exact_finish(struct snapshot *snapshot);
void exact_free(struct snapshot *snapshot);
/* Finds the key whose text is head and tail in a row. */
bool exact_find(const struct snapshot *snapshot, const char *head, size_t head_length, const char *tail,
                size_t tail_length, struct result *result);

/* -- source.c ------------------------------------------------------------- */

/* What tells that a file is another one than before. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
	bool fresh; /* written so shortly before it was read that it can change and look the same */
};

/* Where problems go: with an error all (the first twenty) as messages of the load,
 * without one only the first is held and the others are counted. */
struct problems {
	pp_error_t *error;
	const char *param;
	char *first; /* owned */
	unsigned count;
	bool passing; /* not in the file's content: worth another try though it is unchanged */
};

void problems_add(struct problems *problems, const char *format, ...) PP_PRINTF(2, 3);
void problems_clear(struct problems *problems);

bool stamp_of(const char *path, struct stamp *stamp); /* false: errno says why */
bool stamp_equal(const struct stamp *one, const struct stamp *other);

/* NULL and at least one problem, or a finished snapshot. The stamp is taken
 * before the first byte is read. */
struct snapshot *source_read_file(const struct conf *conf, struct stamp *stamp, struct problems *problems);
struct snapshot *source_read_inline(const struct conf *conf, struct problems *problems);

/* -- watch.c -------------------------------------------------------------- */

/* A snapshot on its way from validate() to open(), which takes it. */
struct seed {
	_Atomic(struct snapshot *) snapshot;
	struct stamp stamp;
};

/* The handle of a check. */
struct list {
	const struct conf *conf;
	pthread_mutex_t lock; /* guards current while its users are counted up */
	struct snapshot *current;

	/* Of upkeep() alone */
	struct snapshot *retired; /* kept a turn, so that no ask has to free it */
	struct stamp tried;       /* of the file that was read last */
	bool tried_any;
	unsigned held; /* turns the file has been left alone because it is being written */
	char *trouble; /* why the file is not used now; NULL when it is */
};

struct list *list_new(const struct conf *conf, struct snapshot *snapshot, const struct stamp *stamp);
void list_free(struct list *list); /* accepts NULL */
/* The snapshot of now, with one user more. */
struct snapshot *list_snapshot(struct list *list);
/* Reads the file anew if it has changed. Logs a line for each change of state. */
void list_upkeep(struct list *list);

#endif
