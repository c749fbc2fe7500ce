/* check/check.h - a module with parameters, under a name
 *
 * A check is constant once made and counted by reference; worlds and asks hold
 * it. What changes (handle, statistics) is atomic.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/param.h"
#include "check/answer.h"

#define CHECK_LOOPS_MAX 64

struct check_statement;
struct check_stores;
struct store;
struct stored;
struct upstream;

struct check_stats { /* of one loop, on cache lines of its own */
	uint64_t asked, memory, store, stale, unknown, timeouts, merged, usec;
	uint64_t lost; /* what was to be written later, and was not */
} __attribute__((aligned(64)));

struct check_field {
	const char *name;
	const pp_row_t *row; /* NULL: named by a parameter, a text */
	uint32_t words;      /* with which it is set, bits 1 << word */
};

struct check_worker {
	void *handle;
	pp_msec_t again; /* when to try to open it once more */
	bool failed;     /* said already */
};

struct check {
	int refs;
	const struct module *module;
	const char *name;
	char *identity;       /* equal identities: the same module with the same parameters */
	uint64_t fingerprint; /* of the parameters that shape the answer */
	char *key_prefix;     /* name, NUL, fingerprint: begins the key of each kept answer */
	size_t key_prefix_size;
	struct arena arena;
	void *conf;
	void *field_defaults;
	pp_msec_t timeout, stale;
	pp_msec_t keep[WORDS_MAX]; /* by word */
	bool keeps;                /* any of keep over 0 */
	bool keeps_in_store;       /* and keep_in = "store" */
	unsigned fields;
	struct check_field *field;   /* the module's, then those that parameters named */
	unsigned own_fields;         /* the module's */
	const char **named_reads;    /* attributes that parameters named, NULL-terminated */
	void *handle;                /* atomic; see check_open() */
	struct check_worker *worker; /* of a blocking module, by worker; used by that worker only */
	unsigned workers;
	GPtrArray *stores;                  /* of struct store, references: all that it uses */
	struct store *store;                /* one of them: of its module's statements; NULL: none */
	struct stored *stored;              /* of keep_in = "store"; NULL: answers are kept in memory only */
	struct check_statement *statements; /* as the module declares them; NULL: none */
	struct upstream *upstream; /* atomic; of pp_upstream_open(): the handle holds it; NULL: none */
	GMutex opening;            /* of open(): the main thread and upkeep both try */
	bool open_failed;          /* said already; upkeep thread and main thread only */
	int warned;                /* atomic: said that the module reads what it must not */
	pp_msec_t lost_said;       /* atomic: when it was said that something is lost, pp_now() */
	struct check_stats stats[CHECK_LOOPS_MAX];
};

/* Reads the parameters. error->where is set to the module's name. NULL: messages
 * were added. name may be decided later than the values were read: it is only
 * copied. */
struct check *check_new(const struct module *module, const char *name, const pp_value_t *values,
                        const char *folder, struct pp_error *error);
/* The same with stores to use: those of the configuration. */
struct check *check_new_with_stores(const struct module *module, const char *name, const pp_value_t *values,
                                    const char *folder, const struct check_stores *stores,
                                    struct pp_error *error);
struct check *check_ref(struct check *check);
void check_unref(struct check *check); /* the last one closes the handles */
/* Before it is asked: for rule tests, where a check is made before it has a name. */
void check_rename(struct check *check, const char *name);

/* Module and values as a text; equal texts: nothing was changed. g_free() it. */
char *check_identity(const struct module *module, const pp_value_t *values, const char *folder);

/* Makes the handle, if the module has open() and there is none yet; a failure is
 * logged once. May block: main thread, upkeep thread, rule tests. */
void check_open(struct check *check);
/* About once a second: tries again to open, then the module's own upkeep(). */
void check_upkeep(struct check *check);
/* Opens the stores it uses, and waits for the first attempt. Before check_open(). */
void check_open_stores(const struct check *check);
/* Whether all stores it uses are among these: else it cannot be carried over. */
bool check_uses_only(const struct check *check, const struct check_stores *stores);
/* From now on pp_sql_now() in this thread is for this check: around open(), upkeep(), close() and
 * commands. Do not nest. */
void check_enter(struct check *check);
void check_leave(void);
struct check *check_current(void); /* NULL: none */

/* Makes room for the handles of worker threads. Before any ask. */
void check_set_workers(struct check *check, unsigned workers);
/* In worker thread number worker: its handle, made on demand. */
void *check_worker_handle(struct check *check, unsigned worker);

/* The common parameters every check has, for the manual. */
const pp_row_t *check_common_rows(void);
const char *check_default_keep(const struct module *module);

/* What the module may read of a request: .reads, and attributes that parameters name. */
bool check_reads(const struct check *check, pp_attribute_t attribute);
bool check_reads_named(const struct check *check, const char *name);
struct check_stats check_stats_sum(const struct check *check);

#endif
