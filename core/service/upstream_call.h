/* service/upstream_call.h - one request asked of an upstream: tries, until a server answers
 *
 * It lives in one loop, and so do the connections it uses: upstream_pool.h.
 */
#ifndef SERVICE_UPSTREAM_CALL_H
#define SERVICE_UPSTREAM_CALL_H

#include "base/arena.h"
#include "service/proxy_encode.h"
#include "service/upstream.h"

struct upstream_line;

/* Embed it, zeroed. */
struct upstream_call {
	/* To be set. */
	void (*done)(struct upstream_call *call); /* in the loop, never within upstream_call_start() */
	struct arena *arena;                      /* for what comes back; it lives as long as the call */
	const char *bytes;                        /* the request; they live as long as the call */
	size_t size;
	uint64_t stick;                /* what picks the same server again; 0 = nothing */
	bool check;                    /* a health check, of this server alone */
	unsigned server;               /* of the check; else who was asked last */
	const struct proxy_ends *ends; /* for servers that want to know; lives as long */
	uint64_t conversation;         /* whose requests may share a connection to those */
	/* What came of it, once done. */
	const char *action; /* NULL: nobody answered, and error says why */
	const char *error;
	unsigned tries;
	pp_msec_t began;
	/* Inside. */
	struct upstream_pool *pool;
	struct upstream_line *line; /* NULL: not under way */
	struct upstream_pick pick;
	pp_msec_t tried_since;
	uint64_t tried; /* bits */
	bool sent;      /* one of them may know of the request, and does not answer */
	GList wait;     /* in a queue of the pool */
	GQueue *waits_in;
};

/* False: it failed at once, and done is not called. */
bool upstream_call_start(struct upstream_pool *pool, struct upstream_call *call);
/* Nobody waits any longer. out_of_time: the answer did not come in all the time there was. */
void upstream_call_cancel(struct upstream_call *call, bool out_of_time);

/* For upstream_patience.c: it is asked of the next server, upstream_leave() has allowed it. */
bool upstream_call_may_leave(const struct upstream_call *call);
void upstream_call_leave(struct upstream_call *call);

/* For upstream_line.c: a try ended, action is in the arena. The call may be gone afterwards. */
void upstream_call_answered(struct upstream_call *call, const char *action);
void upstream_call_failed(struct upstream_call *call, enum upstream_result result, bool sent,
                          const char *why);
/* The same server is asked once more: a kept connection ended before it said anything. */
void upstream_call_stale(struct upstream_call *call, bool sent);

#endif
