/* resolve.h - what the files of the resolve module share */
#ifndef RESOLVE_RESOLVE_H
#define RESOLVE_RESOLVE_H

#include "walk.h"

struct fields {
	const char *status, *name, *names, *addresses, *hosts;
};

struct state {
	struct subject subject;
	struct walk walk;
};

/* Answers with the look-up that decides, which walk_on() returned. */
pp_step_t answer_walk(pp_ask_t *a, const struct walk *walk, const struct look_up *decisive);
/* Answers that there can be no such name as the subject. */
pp_step_t answer_impossible(pp_ask_t *a, const struct subject *subject);

#endif
