/* base/param.h - rows of parameters, arguments, fields and settings: reading, printing
 *
 * One table of rows (ppolicyd/module.h) says what a struct's members are called,
 * which values they take and what they mean. Everything else comes from it.
 */
#ifndef BASE_PARAM_H
#define BASE_PARAM_H

#include "base/arena.h"
#include "base/value.h"

/* Problems found, in order; one run reports all of a file. */
struct pp_error {
	const char *file;         /* of the call that is being checked */
	int line;                 /* of the call */
	const char *where;        /* "greylist", "server", ...: stands after file:line */
	const pp_value_t *values; /* of the call, to find the line of a parameter; may be NULL */
	const char *noun;         /* what a row is called: "setting", "option", ...; NULL = "parameter" */
	GPtrArray *messages;      /* of char *, owned: "policy.lua:7: greylist: ..." */
};

/* Adds "FILE:LINE: WHERE: text", cleaned; line 0 = the call's. */
void param_fail(struct pp_error *error, int line, const char *format, ...) G_GNUC_PRINTF(3, 4);

struct param_options {
	const char *folder;        /* relative paths are relative to it; NULL = the current one */
	const char *const *others; /* names that somebody else reads, NULL-terminated; may be NULL */
	bool lists_first;          /* values without a key are somebody else's */
};

/* What the rows of each type take, beside what ppolicyd/module.h says:
 * whole numbers also as 5.0; durations and sizes only as text; lists of texts,
 * networks and names also one text; a table nothing else, but with a default also
 * a text, and an action has no default. A default of a list is words with spaces between. Limits of a text
 * are of its length. A choice is an interned text.
 *
 * Fills in the struct: each row's default, then the value of its name. Unknown
 * names (with the nearest known), wrong kinds, values out of range, missing
 * required ones are each added to error. False if anything was added. Texts and
 * tables are copied into the arena; networks are freed by param_clear(), after false
 * too. Values may be NULL: none. */
bool param_read(const pp_row_t *rows, const pp_value_t *values, const struct param_options *options,
                struct arena *arena, void *structure, struct pp_error *error);
void param_clear(const pp_row_t *rows, void *structure);

/* Defaults only. Rows of a module are checked by this once, at load: false and a
 * message if a row's own default, minimum or maximum is invalid. */
bool param_defaults(const pp_row_t *rows, struct arena *arena, void *structure, struct pp_error *error);

/* Appends what shapes the answer (rows without .inert) in a canonical form: equal
 * structs give equal texts, whatever the order they were written in. With all,
 * inert rows too. */
void param_canonical(GString *out, const pp_row_t *rows, const void *structure, bool all);

/* One member as the user would write it: "5m", "text", { 1, 2 }. Free with g_free(). */
char *param_print(const pp_row_t *row, const void *structure);

const pp_row_t *param_find(const pp_row_t *rows, const char *name);
const char *param_type_name(const pp_row_t *row); /* "duration", "text", ...: for the manual */
/* "a duration such as "5m"": for messages. */
const char *param_wanted(struct arena *arena, const pp_row_t *row);
const char *param_editor_type(const pp_row_t *row); /* "string", "integer", ...: LuaLS */
/* NULL-terminated names of the rows and, behind them, of others. Free with g_free(). */
const char **param_names(const pp_row_t *rows, const char *const *others);

#endif
