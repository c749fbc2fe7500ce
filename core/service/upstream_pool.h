/* service/upstream_pool.h - the connections of one loop to an upstream's servers, kept alive
 *
 * One request, one reply: a connection on which anything else happens is closed and never used
 * again.
 */
#ifndef SERVICE_UPSTREAM_POOL_H
#define SERVICE_UPSTREAM_POOL_H

#include "service/loop.h"
#include "service/upstream_call.h"

struct upstream_pool {
	struct loop_message end; /* posted by upstream_close() */
	struct upstream *upstream;
	struct loop *loop;
	struct upstream_pool **list; /* of the owner; NULL: the owner is gone */
	struct upstream_pool *next, *next_of_upstream;
	bool told;                                        /* end is posted; under the upstream's lock */
	struct upstream_line *idle[UPSTREAM_SERVERS_MAX]; /* the one used last first */
	unsigned idle_count[UPSTREAM_SERVERS_MAX];
	GQueue calls;           /* under way, the one begun first is the head */
	GQueue examined;        /* the same, while they are gone through */
	struct loop_timer look; /* at how long they have waited; while there are any */
};

/* The pool of a loop for an upstream, in its list; made when it is first asked for. */
struct upstream_pool *upstream_pool_get(struct upstream_pool **list, struct loop *loop,
                                        struct upstream *upstream);
/* When the loop ends, or does not run any longer: closes connections; no call is under way. */
void upstream_pool_clear_all(struct upstream_pool **list);

/* -- connections ----------------------------------------------------------- */

/* Begins a try on a kept connection (unless fresh) or a new one. False: no connection could even
 * be begun; *error is of errno. */
bool upstream_line_start(struct upstream_call *call, bool fresh, int *error);
/* The call's connection is closed. */
void upstream_line_drop(struct upstream_line *line);
void upstream_line_close_idle(struct upstream_pool *pool);
/* The server may know of the request. */
bool upstream_line_has_sent(const struct upstream_line *line);

/* -- patience --------------------------------------------------------------- */

/* From now on it is looked after: where its server hangs it goes on to the next one, as far as it may. */
void upstream_patience_begin(struct upstream_call *call);
void upstream_patience_end(struct upstream_call *call); /* if it began */
void upstream_patience_clear(struct upstream_pool *pool);

#endif
