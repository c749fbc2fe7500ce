/* rule/remotes.h - what a rule file says of a database on other hosts */
#ifndef RULE_REMOTES_H
#define RULE_REMOTES_H

#include "rule/plan.h"

/* Whether what was written in store {} fits its kind, and is whole. What is wrong is told. */
void remotes_check(struct plan *plan, const struct plan_store *store, const pp_value_t *values,
                   const struct plan_place *place);

/* Of one that was checked: hosts and how to talk to them; free it with remote_free(). */
struct remote *remotes_make(const struct plan_store *store);
char *remotes_show(const struct plan_store *store); /* "db1, db2: ppolicyd"; g_free() it */

#endif
