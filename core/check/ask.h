/* check/ask.h - asking: cache, merging, steps, timeouts
 *
 * ask_start() answers at once where it can: from memory, or because the module
 * needs no waiting. Else the wish is told when the answer is there. An ask lives
 * in one loop; it holds its request, and goes on when nobody waits any longer if
 * its answer can still be kept.
 */
#ifndef CHECK_ASK_H
#define CHECK_ASK_H

#include "check/check.h"
#include "request/request.h"
#include "service/cache.h"
#include "service/dns.h"
#include "service/loop.h"
#include "service/worker.h"

/* What the asks of one loop share. */
struct ask_host {
	struct loop *loop;
	unsigned index;              /* of the loop, under CHECK_LOOPS_MAX */
	struct cache *cache;         /* NULL: nothing is kept */
	struct worker_pool *workers; /* NULL: pp_blocking() fails */
	struct dns *dns;             /* NULL: pp_dns() fails */
	bool no_effects;             /* checks with effects are unknown (ppolicyctl ask) */
	bool no_servers;             /* pp_upstream() fails (rule tests) */
	struct upstream_pool *pools; /* of connections to other policy servers */
	GHashTable *flights;         /* by key: those that identical asks may join */
	struct pp_ask *open;         /* all that wait */
	struct pp_ask *spare;        /* recycled */
	struct ask_wish *telling;    /* served, and not told yet */
	GString *key;                /* scratch */
	uint8_t *buffer;             /* for reading the cache */
	GMutex lock;                 /* of what follows */
	GCond answered;              /* by a store */
	struct sql_ask *in_store;    /* asks of its stores that are not answered yet */
};
void ask_host_init(struct ask_host *host, struct loop *loop, unsigned index, struct cache *cache,
                   struct worker_pool *workers);
/* Ends open asks, for which nobody may wait; waits for what stores still do. */
void ask_host_clear(struct ask_host *host);

/* A wish for an answer. Embed it, zeroed. */
struct ask_wish {
	struct check *check;  /* the caller keeps it alive */
	struct answer answer; /* once done; in the request's arena */
	bool done;
	int64_t started, usec;                /* clock_usec(); how long it took */
	void (*ready)(struct ask_wish *wish); /* in the loop, never within ask_start() */
	struct request *request;              /* as given; the caller keeps it alive while the wish is open */
	struct pp_ask *ask;
	struct ask_wish *next;
};

/* args: the module's struct, filled in (NULL if it takes none); args_key: a text
 * that is equal for equal arguments. True: wish->done. */
bool ask_start(struct ask_host *host, struct ask_wish *wish, struct check *check, struct request *request,
               const void *args, const char *args_key, size_t args_key_size);
/* The wisher does not want it any longer. */
void ask_forget(struct ask_host *host, struct ask_wish *wish);

/* The key of a kept answer, taken apart again for people: what stands behind the
 * check's name, with spaces between. */
bool ask_key_is_of(const void *key, size_t size, const char *check_name);
const char *ask_key_name(const void *key, size_t size);
char *ask_key_print(const void *key, size_t size);

#endif
