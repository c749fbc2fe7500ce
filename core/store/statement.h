/* store/statement.h - named SQL statements and migrations, as files in sql/
 *
 * sql/DRIVER/NAME/ belongs to a module, or to "core". Its files are
 *
 *     001_what_it_does.sql   migrations, applied once each, in order, never edited
 *     look_up.sql            a statement, named by its file
 *
 * A statement has named arguments (:sender) and, behind comments, one SQL
 * statement. {table} stands for the table that the configuration names. A comment
 *
 *     -- key: client sender recipient
 *
 * makes it one that can be run for many rows at once: the one row behind VALUES is
 * repeated, each row has arguments of its own (none stand elsewhere), the key's
 * arguments name a row, and the result, if any, has a row for each, with columns of
 * the key's names. For a database without RETURNING the file has a second statement,
 * a SELECT of what is written. sql/README says all of it.
 */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include <stdbool.h>
#include "base/arena.h"

#define STATEMENT_ROWS_MAX 256 /* of one run: powers of two up to it */

struct statement_set;

struct statement {
	const struct statement_set *set;
	const char *name;
	unsigned index; /* in its set */
	bool writes;    /* anything but SELECT (also behind WITH) */
	unsigned arg_count;
	const char *const *args; /* their names, each once, in order of appearance */
	unsigned key_count;
	const unsigned *keys; /* the arguments that name a row; none: run for one row only */
	struct statement_text *text;
	struct statement_text *result; /* a SELECT that reads what text writes; NULL: text gives the result */
	bool result_first;             /* it is run before, as for what text deletes */
	const char *returning; /* the list of that SELECT if it can stand behind RETURNING; else NULL */
};

struct migration {
	int version;      /* 1, 2, ... without gaps */
	const char *file; /* for messages */
	const char *sql;  /* {table} replaced */
};

/* What stands in sql/DRIVER/NAME/. Constant once made; counted by reference. */
struct statement_set {
	int refs;
	const char *name;  /* "greylist" */
	const char *table; /* what {table} stands for; the name if nothing else was said */
	const char *home;  /* the folder that holds DRIVER/NAME/; NULL: it was not read from files */
	unsigned migration_count, statement_count;
	const struct migration *migrations;
	const struct statement *const *statements; /* by index */
	struct arena arena;                        /* what all of it lies in */
};

/* Reads the first of the folders (each one holds DRIVER/NAME/) that has it. NULL: *error is
 * a sentence with file and line (g_free() it). */
struct statement_set *statement_set_load(const char *const *folders, const char *driver, const char *name,
                                         const char *table, char **error);
/* One statement of a user's configuration, which may only read. */
struct statement_set *statement_set_of_query(const char *sql, char **error);
struct statement_set *statement_set_ref(struct statement_set *set);
void statement_set_unref(struct statement_set *set);                                       /* accepts NULL */
const struct statement *statement_find(const struct statement_set *set, const char *name); /* NULL: none */

/* Letters, digits and '_', not first a digit, at most 64: what {table} may stand for. */
bool statement_is_identifier(const char *text);

enum statement_part {
	STATEMENT_TEXT,
	STATEMENT_RESULT,   /* statement->result, which is there */
	STATEMENT_RETURNING /* both in one: text with statement->returning behind RETURNING */
};

/* The largest number of rows, of so many that are left, that a run may have: powers of two, and finely
 * one more between each two, so that there are fewer runs of more kinds. */
unsigned statement_rows(unsigned left, bool finely);

/* The SQL for a number of rows, with ? for each argument, and in *places which argument each
 * of them is: row * arg_count + argument. g_free() both. */
char *statement_render(const struct statement *statement, enum statement_part part, unsigned rows,
                       unsigned **places, unsigned *place_count);

#endif
