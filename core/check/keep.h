/* check/keep.h - which answers are kept in memory, how long, and what they are good for later
 *
 * An answer is kept as long as the check's parameters say. One of a module with
 * effects is kept only by pp_keep(): while it is good it is given without asking, then
 * the module finds it by pp_kept().
 */
#ifndef CHECK_KEEP_H
#define CHECK_KEEP_H

#include "check/step.h"

/* Whether answers of the check are looked for in memory at all. */
bool keep_is_wanted(const struct check *check);
/* True: the wish's answer was found. An entry past its time is noted in the ask. */
bool keep_recall(struct ask_host *host, struct ask_wish *wish, struct pp_ask *ask, const GString *key);
/* Whether its answer may be put into memory: no answers were dropped since it began. */
bool keep_is_current(const struct pp_ask *ask);
/* What becomes of an answer that was just given: it is kept, or a stale one takes its place. */
void keep_conclude(struct pp_ask *ask, struct answer *answer);

#endif
