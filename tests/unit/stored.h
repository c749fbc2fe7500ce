/* unit/stored.h - for tests of the store: asks with their values, and the lines of the log */
#ifndef UNIT_STORED_H
#define UNIT_STORED_H

#include "store/store.h"

/* An ask with up to three values: client, sender, now. Answered in a thread of the store. */
struct stored {
	struct store_ask ask; /* begins with the message */
	struct database_value values[3];
	char client[32], sender[32];
	bool answered;
	int64_t at; /* monotonic microseconds */
};

void stored_set(struct stored *stored, const struct statement *statement, const char *client,
                const char *sender, int64_t now);
bool stored_start(struct store *store, struct stored *stored);
/* Waits for so many answers, together at most so long; fails the test if there are fewer. */
void stored_await(struct stored *stored, unsigned count, pp_msec_t patience);
bool stored_answered(struct stored *stored);
/* Sets, starts and awaits; returns the state. */
enum store_state stored_run(struct store *store, struct stored *stored, const struct statement *statement,
                            const char *client, const char *sender, int64_t now);
/* An integer of the first row. */
int64_t stored_integer(const struct stored *stored, const char *column);
void stored_free(struct stored *stored, unsigned count); /* their rows */

/* The log, from here on. */
void stored_log_start(void);
/* What it has, without what comes later; g_free() it. */
char *stored_log(void);
unsigned stored_log_lines(void);
/* Waits until it has so many lines, at most so long; then checks that they contain these, in order
 * (NULL-terminated), and no more lines. */
void stored_log_expect(pp_msec_t patience, ...) __attribute__((sentinel));
void stored_log_stop(void);

#endif
