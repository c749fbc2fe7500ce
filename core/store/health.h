/* store/health.h - whether a store works, and one line in the log when that changes
 *
 * Any thread. Writing and reading fail each for itself; trouble with reading is
 * spoken of only when it lasts, since a reader that lost its connection has
 * another one at once, or the writer has the same trouble and says so.
 */
#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "ppolicyd/module.h"

enum health_part { HEALTH_WRITE, HEALTH_READ, HEALTH_PARTS };

struct health_trouble {
	bool bad;
	int64_t since; /* monotonic microseconds */
	char text[240];
};

struct health {
	pthread_mutex_t lock;
	const char *who;    /* begins the lines */
	bool writes;        /* there is a writer; else reading is all there is */
	atomic_bool uneasy; /* something is or was bad, and not all is said */
	struct health_trouble parts[HEALTH_PARTS];
	char last[240]; /* the newest trouble, that may be over */
	pp_msec_t last_at;
	bool tried, good;
	pp_msec_t changed; /* pp_time() of good */

	/* What the log knows. Times are monotonic microseconds, 0 = never. */
	char said[240];      /* "" = that it works */
	char said_last[240]; /* the trouble before that */
	int64_t said_at, began, well_since, calm;
	atomic_uint_fast64_t failed;
	uint64_t failed_before;
};

void health_init(struct health *health, const char *who, bool writes);
void health_clear(struct health *health);

void health_bad(struct health *health, enum health_part part, const char *text);
void health_good(struct health *health, enum health_part part); /* costs nothing when all is well */
bool health_is_bad(struct health *health, enum health_part part);
/* Asks that failed because it is bad. Never waits: a line of the log may be on its way meanwhile. */
void health_count(struct health *health, unsigned failed);
void health_tick(struct health *health); /* about once a second: says what had to last first */

struct health_report {
	bool good;
	pp_msec_t since;
	char trouble[240];
	char last[240]; /* the newest trouble, that may be over; "" = there was none */
	pp_msec_t last_at;
};
void health_report(struct health *health, struct health_report *report);

#endif
