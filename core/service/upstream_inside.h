/* service/upstream_inside.h - what the parts of an upstream share */
#ifndef SERVICE_UPSTREAM_INSIDE_H
#define SERVICE_UPSTREAM_INSIDE_H

#include "base/arena.h"
#include "service/loop.h"
#include "service/upstream.h"

struct upstream_server {
	const pp_upstream_server_t *set;
	/* What follows is under the upstream's lock. */
	struct upstream_address address;
	unsigned generation; /* of the address, counted on when it changes */
	enum upstream_admin admin;
	int64_t weight;
	bool up;
	unsigned changing;   /* results in a row that speak against up, or down */
	unsigned errors;     /* of requests, in a row */
	unsigned hangs;      /* those of them that were timeouts */
	pp_msec_t since;     /* pp_time(), of up or down */
	pp_msec_t try_again; /* pp_now(): without checks, when a request may try it */
	pp_msec_t pause;     /* the last one before that */
	bool trying;         /* one does */
	pp_msec_t tried_at;  /* pp_now(): since then */
	pp_msec_t silent;    /* pp_now(): since when none of the open ones was answered */
	pp_msec_t usual;     /* how long its answers take, in 1/16 ms: a mean that forgets */
	int64_t crowd;       /* how many wait when one is answered, in 1/16: the most, that is forgotten */
	int64_t turn;        /* of the weighted round */
	int64_t open, queries, answers, failed, checks, checks_failed, downs;
	char why[UPSTREAM_WHY_MAX];
};

struct upstream {
	int refs; /* atomic */
	char *name;
	struct arena arena;
	pp_upstream_settings_t set;
	struct upstream *next_living;   /* of upstream_heir.c */
	struct upstream_keeper *keeper; /* NULL: no server is checked, none has a host name */
	GMutex lock;                    /* of what follows */
	struct upstream_pool *pools;
	unsigned count;
	struct upstream_server server[UPSTREAM_SERVERS_MAX];
};

/* Whether servers are checked, else requests try those that are down. */
static inline bool upstream_checks(const struct upstream *upstream)
{
	return upstream->set.inter > 0;
}

/* Takes over what an upstream of the same name knows of servers of the same name and address: state,
 * weight, health. Counters begin anew. */
void upstream_live(struct upstream *upstream);
void upstream_live_no_more(struct upstream *upstream);

/* With the lock held. */
bool upstream_may_be_asked(const struct upstream *upstream, const struct upstream_server *server,
                           pp_msec_t now);
/* As many requests as may take it down wait for it, or did so in vain: it gets no more while there are
 * others. */
bool upstream_is_doubtful(const struct upstream *upstream, const struct upstream_server *server,
                          pp_msec_t now);
void upstream_set_why(struct upstream_server *server, const char *why);

#endif
