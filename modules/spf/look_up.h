/* look_up.h - the answers of DNS that an ask has, for the evaluation */
#ifndef SPF_LOOK_UP_H
#define SPF_LOOK_UP_H

#include "evaluate.h"

struct look_up;

enum { LOOK_UP_CHAINS = 64 };

struct look_ups {
	pp_ask_t *ask;
	struct look_up *first;                 /* the newest */
	struct look_up *chain[LOOK_UP_CHAINS]; /* by hash */
	struct look_up *wanted;                /* what was missing first since the last look_up_news() */
	unsigned ahead;                        /* how many terms were looked up ahead */
};

/* A spf_look_fn; data is the struct look_ups. What is not known it starts to look up, as long as the
 * ask has time; but no more terms ahead than a record may have. */
const struct spf_answer *look_up(void *data, enum spf_type type, const char *name, bool ahead);
/* An answer has come since it was last called that the evaluation waits for, or that leads on to others. */
bool look_up_news(struct look_ups *look_ups);

#endif
