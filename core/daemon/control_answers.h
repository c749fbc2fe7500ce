/* daemon/control_answers.h - kept answers chosen by filters, in memory and in the store */
#ifndef DAEMON_CONTROL_ANSWERS_H
#define DAEMON_CONTROL_ANSWERS_H

#include "daemon/control_call.h"

#define ANSWERS_LIMIT_MAX 100000

/* Which answers are meant. */
struct answers_filter {
	const char *check, *pattern, *word, *where; /* NULL: any */
	char *key;      /* the whole key as it is printed, in place of a pattern */
	pp_msec_t left; /* negative: any */
	size_t limit;
	bool limited; /* limit was given */
	bool chosen;  /* by any filter, limit aside */
};

/* Those that pass all filters; all of them, if none is added. */
struct answers_filter answers_filter_new(void);
/* The words of the call. False: it was said what is wrong. */
bool answers_filter_read(struct control_call *call, struct answers_filter *filter);
bool answers_is_filter(const char *word);

/* A row for each, by check, key and place: an array, the caller's. whole: with text and fields.
 * *seen: how many passed, beyond the limit too. */
json_t *answers_list(struct control_call *call, const struct answers_filter *filter, bool whole,
                     size_t *seen);
/* How many were dropped in either place. */
void answers_drop(struct control_call *call, const struct answers_filter *filter, size_t *memory,
                  size_t *store);

#endif
