/* check/module_rows.h - what a module declares, checked when it is loaded */
#ifndef CHECK_MODULE_ROWS_H
#define CHECK_MODULE_ROWS_H

#include "check/module.h"

/* Words, rows, reads, lengths of time, statements and commands. NULL: all is well. Else what is wrong, a
 * sentence; free with g_free(). */
char *module_check(const struct module *module);

#endif
