/* daemon/desk.h - one loop's work: requests come in, rules run, replies go out */
#ifndef DAEMON_DESK_H
#define DAEMON_DESK_H

#include "base/log.h"
#include "daemon/world.h"
#include "request/connection.h"

struct desk_stats {
	uint64_t requests, failed; /* rule errors */
	uint64_t verbs[ACTION_VERBS + 1];
	uint64_t usec; /* sum of the time of all requests */
};

/* A listening address and who is connected to it; shared by loops. */
struct desk_port {
	const char *address; /* as written in listen, interned */
	int connections;     /* atomic */
};

/* A world in use by a desk. */
struct shift {
	struct world *world;
	unsigned open; /* runs under way */
};

struct desk {
	unsigned index;
	struct loop *loop;
	struct dns *dns;
	struct connection_host connections;
	struct ask_host asks;
	struct ask_host trials; /* asks of trials: without effects */
	struct log_buffer log;
	pp_msec_t flushed;        /* when it was empty last */
	struct loop_message rest; /* flushes it before the loop sleeps */
	bool resting;             /* it will */
	struct shift *shift;
	unsigned generation; /* of shifts, counted on */
	unsigned shifts;     /* those still with open requests, and the current one */
	int load;            /* atomic: connections, those on their way too */
	bool draining;
	struct log_limit crowded; /* lines about peers with too many connections */
	struct desk_stats stats;
	void (*idle)(struct desk *desk, void *data); /* the last connection closed; may be NULL */
	void *data;
};

/* The loop is not running yet. */
struct desk *desk_new(unsigned index, struct loop *loop, struct cache *cache, struct worker_pool *workers,
                      struct world *world);
void desk_free(struct desk *desk); /* the loop does not run any longer */

/* Writes out what is in the log buffer. */
void desk_flush(struct desk *desk);

/* Somebody who has connected. */
struct desk_guest {
	int fd;
	struct desk_port *port;
	const char *peer;         /* copied */
	uint16_t peer_port;       /* 0 = none */
	bool overload;            /* one too many */
	pp_msec_t header_timeout; /* a PROXY header comes first, within it; 0: none comes */
};

/* From any thread. */
void desk_give_connection(struct desk *desk, const struct desk_guest *guest);
void desk_give_world(struct desk *desk, struct world *world); /* takes a reference */
void desk_drain(struct desk *desk, void (*idle)(struct desk *desk, void *data), void *data);

/* In the loop: a run of the current shift begins; the run of a shift is over. */
struct shift *desk_enter(struct desk *desk);
void desk_leave(struct desk *desk, struct shift *shift);

#endif
