/* rule/manual_editor.h - types of everything in rule files, for the Lua language server */
#ifndef RULE_MANUAL_EDITOR_H
#define RULE_MANUAL_EDITOR_H

#include <glib.h>
#include "check/module.h"

/* Appends conf/ppolicyd.d.lua. modules: of const struct module *. */
void manual_editor_add(GString *out, const GPtrArray *modules);

#endif
