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
struct list;

struct conf {
	const char *file;
	const pp_value_t *entries; /* the parameter inline */
	const char *query, *table, *store, *managed;
	const pp_texts_t *column;
	pp_msec_t refresh, max_age;
	const char *search;
	const pp_texts_t *attribute;
	bool ignore_case;
	bool subdomains;
	const char *extension;
	const pp_texts_t *fields;

	/* Made by validate() */
	const struct search *method;
	struct seed *seed;
	pp_query_t *sql;   /* of query or table */
	pp_texts_t *asked; /* attribute, where the query names them itself */
	bool whole;        /* a snapshot, not a look-up for each ask */
	bool together;     /* a row has to fit all attributes, not one of them */
};

/* What the list is called in texts: "partners.txt", "inline", "table partners". */
char *list_source(const struct conf *conf); /* g_free() it */

/* -- snapshot.c ----------------------------------------------------------- */

struct entry {
	uint32_t key;  /* where its key stands in texts; the value follows the key's NUL */
	uint32_t line; /* 0: of an inline table */
};

struct snapshot {
	atomic_uint users;
	const struct search *search;
	uint64_t digest; /* of the file's bytes */
	pp_msec_t ends;  /* pp_time() when the first of its entries does; 0: none does */
	char *skipped;   /* which rows cannot be searched, a sentence; NULL: none */

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

/* -- answer.c ------------------------------------------------------------- */

struct args {
	const char *value;
};

struct fields {
	const char *value;
	const char *key;
	int64_t line;
};

pp_step_t list_ask(pp_ask_t *a);
const char *list_key(pp_ask_t *a);

/* Answers that the value was found. What is said of it is as database_pack() made it, or as it
 * stands in a file. */
pp_step_t list_found(pp_ask_t *a, const char *key, const char *said, uint32_t line);

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

/* -- database.c ------------------------------------------------------------ */

/* Checks the parameters about databases and makes conf->sql. */
bool database_validate(struct conf *conf, pp_error_t *error);
/* A step: looks up the values of the ask, one for each attribute or the one of an argument. */
pp_step_t database_look_up(pp_ask_t *a, char *const *values, size_t count);
/* The state of an ask that looks up. */
struct look_up {
	size_t count;
	char *const *values;
	pp_work_t **works;
};

/* What a row of a database says of its key: its value, and a text for each of conf->fields, in
 * one text, as entries of snapshots have it. */
char *database_pack(const struct conf *conf, size_t columns, const char *const *names,
                    const char *const *values, size_t key); /* g_free() it */
void database_unpack(pp_ask_t *a, const char *packed, const char **value);

/* The rows of table or query, or of the managed table. NULL: *error is a sentence that lives until
 * the next call of pp_sql_now() or pp_query_now(). */
struct snapshot *database_read_all(const struct conf *conf, const char **error);

/* -- managed.c ------------------------------------------------------------- */

struct managed_row { /* of the statements */
	const char *value, *reason, *author;
	pp_msec_t added, until; /* until: 0 = for ever */
};
struct managed_wish {
	const char *value, *reason, *author;
	pp_msec_t now, until;
};
extern const pp_statement_t managed_statements[];
extern const pp_command_t list_commands[];
void managed_expire(struct list *list); /* deletes what has ended, now and then */

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
	unsigned held;             /* turns the file has been left alone because it is being written */
	pp_msec_t expired_at;      /* when ended entries were deleted last */
	_Atomic pp_msec_t good_at; /* pp_now() when a database last gave what is current; atomic */
	pp_msec_t read_at;         /* when it was asked last */
	atomic_bool changed;       /* by a command: to be read at the next turn */
	char *trouble;             /* why the file is not used now; NULL when it is */
	char *skipped;             /* the snapshot's, as it was logged last */
};

struct list *list_new(const struct conf *conf, struct snapshot *snapshot, const struct stamp *stamp);
void list_free(struct list *list); /* accepts NULL */
/* The snapshot of now, with one user more. */
struct snapshot *list_snapshot(struct list *list);
/* Whether the snapshot is too old to say anything: a database has not given another in time. */
bool list_is_too_old(struct list *list);
/* Reads the file anew if it has changed, a database when it is time. Logs a line for each change of state. */
void list_upkeep(struct list *list);

#endif
