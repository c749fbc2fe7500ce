/* rule/manual_module.h - the manual page of a module */
#ifndef RULE_MANUAL_MODULE_H
#define RULE_MANUAL_MODULE_H

#define MANUAL_ACTION_HELP "The action to return: what was said, handed on; called as answer:action()"

#include "check/module.h"
#include "rule/page.h"

/* Appends the page: first NAME.md if it is found, then what the rows say. */
void manual_module_add(struct page *page, const struct module *module);

/* "found, absent": its own words. */
char *manual_module_words(const struct module *module);
/* "sender, client_address and what attribute names"; "nothing of a request". */
char *manual_module_reads(const struct module *module);
/* The default of a common parameter, which is the module's where it names one. */
const char *manual_module_common_default(const struct module *module, const pp_row_t *row);
/* Whether a common parameter means anything to it. */
bool manual_module_takes(const struct module *module, const pp_row_t *row);
/* The help of one of its words. */
const char *manual_module_word_help(const struct module *module, unsigned word);

#endif
