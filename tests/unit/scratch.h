/* unit/scratch.h - an SQLite database in a folder of its own, for tests of the driver */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <glib.h>
#include "store/sqlite.h"

/* Made anew for each test. The statements stand in scratch.c. */
struct scratch {
	char *folder; /* state/ in it is where the database goes, sql/ the statements */
	char *path;   /* of the database */
	struct database_target target;
	struct statement_set *set;
	struct database *database; /* as last opened */
	struct database_error error;
	GString *result; /* of the last run: "key=1 key=2", columns with ',' */
};

void scratch_init(struct scratch *scratch);
void scratch_clear(struct scratch *scratch); /* closes and removes all */

/* Opens scratch->target. False: scratch->error. */
bool scratch_open(struct scratch *scratch);
/* Opens it for writing, with the tables. */
void scratch_make(struct scratch *scratch);
void scratch_close(struct scratch *scratch);
/* Another connection to the same file. */
struct database *scratch_open_another(struct scratch *scratch, bool read_only);

/* Runs a statement with (key, count) for each row; columns are put into scratch->result. */
bool scratch_upsert(struct scratch *scratch, unsigned rows, const char *const *keys, const int64_t *counts);
bool scratch_run(struct scratch *scratch, struct database *database, const char *statement,
                 const struct database_value *values);
/* What the table holds: "a=1 b=2". Lives until the next run. */
const char *scratch_all(struct scratch *scratch, struct database *database);
void scratch_begin(struct scratch *scratch);
void scratch_commit(struct scratch *scratch);
/* One row in a transaction. False: scratch->error. */
bool scratch_write(struct scratch *scratch, struct database *database, const char *key, int64_t count);

/* Runs a function in a child, as a user without rights if so wanted. False: that cannot be done here. */
bool scratch_in_child(struct scratch *scratch, bool as_nobody, void (*run)(struct scratch *scratch));

#define scratch_assert(scratch, good)                                                    \
	do {                                                                             \
		if (!(good))                                                             \
			g_error("%s:%d: %s", __FILE__, __LINE__, (scratch)->error.text); \
	} while (0)
/* The last thing failed with this fault, in a sentence that has this in it. */
#define scratch_assert_fault(scratch, wanted, part)                                                          \
	do {                                                                                                 \
		if (strstr((scratch)->error.text, part) == NULL)                                             \
			g_error("%s:%d: '%s' has no '%s'", __FILE__, __LINE__, (scratch)->error.text, part); \
		g_assert_cmpint((scratch)->error.fault, ==, wanted);                                         \
	} while (0)

struct database_value scratch_text(const char *text);
struct database_value scratch_integer(int64_t integer);

#endif
