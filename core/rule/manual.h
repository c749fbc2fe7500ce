/* rule/manual.h - manual pages, editor types and tables, all made from rows */
#ifndef RULE_MANUAL_H
#define RULE_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

/* Prints the page of a module for people; NULL: settings, options of listen, what
 * every check takes, and all modules in short. Modules are found where the rule
 * file at config_path says (NULL: where it says nothing). False: *error is a
 * sentence, free with g_free(). */
bool manual_print(FILE *out, const char *config_path, const char *module, char **error);

/* Writes a generated file: "editor" (conf/ppolicyd.d.lua), "modules"
 * (modules/README), "rules.5" (doc/ppolicyd.lua.5), "module.5:NAME" (a man page of
 * a module). Only modules beside the program count. False: *error as above. */
bool manual_generate(FILE *out, const char *what, char **error);

#endif
