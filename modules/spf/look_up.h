/* look_up.h - the answers of DNS that an ask has, for the evaluation */
#ifndef SPF_LOOK_UP_H
#define SPF_LOOK_UP_H

#include "evaluate.h"

struct look_up;

struct look_ups {
	pp_ask_t *ask;
	struct look_up *first; /* the newest */
};

/* A spf_look_fn; data is the struct look_ups. What is not known it starts to look up, as long as the
 * ask has time. */
const struct spf_answer *look_up(void *data, enum spf_type type, const char *name);

#endif
