/* check/module.h - modules: found, refused or loaded, described
 *
 * A module is loaded once in the life of the process and never unloaded, since
 * its code may still run; a changed file needs a restart. Main thread only.
 */
#ifndef CHECK_MODULE_H
#define CHECK_MODULE_H

#include <glib.h>
#include "ppolicyd/module.h"

#define WORD_UNKNOWN 0 /* index of a word in an answer */
#define WORD_NONE 1
#define WORD_FIRST 2 /* of the module's own */
#define WORDS_MAX 32

struct module {
	const pp_module_t *desc;       /* a copy as large as ours, members the module does not know zeroed */
	const char *path;              /* NULL: it is part of the program */
	const char *sql;               /* folder beside it that may have its SQL; NULL: none */
	unsigned words;                /* with unknown and none */
	pp_word_row_t word[WORDS_MAX]; /* [0] unknown, [1] none, the module's own */
};

/* check.NAME: NAME.so in the first of the folders (NULL-terminated) that has it.
 * NULL: *error is a sentence, without the place (free with g_free): no such module
 * and the nearest name, unsafe permissions, another ABI, a missing symbol, rows
 * that are invalid. */
const struct module *module_load(const char *name, const char *const *folders, char **error);

/* Names of all modules in the folders, sorted, each once. Free with g_strfreev(). */
char **module_names(const char *const *folders);

/* The index of a word, or -1. */
int module_word(const struct module *module, const char *word);
/* Whether a field (NULL: one that a parameter named) is set with a word: by its .when, or else
 * with each of the module's own. */
bool module_sets(const struct module *module, unsigned word, const pp_row_t *field);

/* For tests of the core: a module that is part of the program. module_load() finds it first. */
const struct module *module_adopt(const pp_module_t *desc, char **error);
/* The same, and the folder that has DRIVER/NAME/ with its SQL. */
const struct module *module_adopt_with_sql(const pp_module_t *desc, const char *sql, char **error);

#endif
