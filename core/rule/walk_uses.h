/* rule/walk_uses.h - ppolicyd -t: what the text of a rule file does with a name */
#ifndef RULE_WALK_USES_H
#define RULE_WALK_USES_H

#include "rule/plan.h"

/* True: in these lines the value of a variable ("..." too) is read from, passed on,
 * returned or stored, or so is that of a variable it is assigned to. To ask whether it
 * is there, and to compare it, is no use. When in doubt it is true. */
bool walk_uses(const struct plan_source *source, const char *name, int first, int last);

/* Appends texts (g_free them) that a field, or a variable that holds it, is compared
 * with; each once, up to max in the array. */
void walk_uses_compared(const struct plan_source *source, const char *field, GPtrArray *texts, guint max);

#endif
