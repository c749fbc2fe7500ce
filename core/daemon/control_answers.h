/* daemon/control_answers.h - kept answers chosen by filters, in memory and in the store */
#ifndef DAEMON_CONTROL_ANSWERS_H
#define DAEMON_CONTROL_ANSWERS_H

#include "check/gateways.h"
#include "daemon/control_call.h"
#include "service/cache.h"

#define ANSWERS_LIMIT_MAX 100000

/* Which answers are meant. */
struct answers_filter {
	const char *check, *pattern, *word, *where; /* NULL: any */
	char *key;                    /* the whole key as it is printed, in place of a pattern */
	pp_msec_t good_max, made_max; /* good, and made, until these moments at most; 0: any */
	size_t limit;
	bool limited; /* limit was given */
	bool chosen;  /* by any filter, limit and on aside */
	bool here;    /* in the memory of this server only */
};

/* Those that pass all filters; all of them, if none is added. */
struct answers_filter answers_filter_new(void);
/* The words of the call. False: it was said what is wrong. */
bool answers_filter_read(struct control_call *call, struct answers_filter *filter);
bool answers_is_filter(const char *word);
/* The same as a notice to others, made now. */
struct gateways_notice answers_notice(const struct answers_filter *filter);

/* A row for each, by check, key and place: an array, the caller's. whole: with text and fields.
 * *seen: how many passed, beyond the limit too. */
json_t *answers_list(struct control_call *call, const struct answers_filter *filter, bool whole,
                     size_t *seen);
/* Calls for each that passes: its check and word (NULL: not known), and whether it is in the store. */
void answers_count(struct control_call *call, const struct answers_filter *filter,
                   void (*visit)(const char *check, const char *word, bool stored, void *data), void *data);
/* How many were dropped. */
size_t answers_drop_memory(struct cache *cache, const struct world *world,
                           const struct answers_filter *filter);
/* The same in the store, with what waited to be written. False: *error (g_free() it). */
bool answers_drop_stored(const struct world *world, const struct answers_filter *filter, size_t *dropped,
                         char **error);

#endif
