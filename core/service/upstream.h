/* service/upstream.h - servers that answer alike: chosen by priority and weight, marked down and up, counted
 *
 * An upstream is shared by all loops, under a lock that is held for short; what it knows of
 * a server's health is what every loop knows. What is sent and what comes back is bytes to it.
 */
#ifndef SERVICE_UPSTREAM_H
#define SERVICE_UPSTREAM_H

#include <glib.h>
#include "ppolicyd/module.h"
#include "service/endpoint.h"

#define UPSTREAM_SERVERS_MAX 64
#define UPSTREAM_WEIGHT_MAX 256
#define UPSTREAM_WHY_MAX 160

struct upstream;
struct upstream_pool;

/* "10.0.0.1:10031", "[2001:db8::1]:10031", "mail.example.org:10031", "unix:/run/policy.sock", and
 * the first three with inet: before them. */
struct upstream_address {
	struct endpoint endpoint; /* size 0: a host name, to be looked up */
	char host[256];           /* "" unless it is one */
	uint16_t port;            /* of the host */
};
bool upstream_address_parse(const char *text, struct upstream_address *address);

/* Copies what it needs. name stands in log lines; from another one of this name that is not closed it
 * learns what commands and health checks have said of servers that both have. */
struct upstream *upstream_new(const char *name, const pp_upstream_settings_t *settings);
struct upstream *upstream_ref(struct upstream *upstream);
void upstream_unref(struct upstream *upstream);
/* Nobody asks it any longer: its pools close their connections. Any thread. */
void upstream_close(struct upstream *upstream);

const pp_upstream_settings_t *upstream_settings(const struct upstream *upstream);
const char *upstream_name(const struct upstream *upstream);
/* Waits, for some seconds at most, until names of servers were looked up once. Not in a loop. */
void upstream_await(struct upstream *upstream);

/* -- choosing ------------------------------------------------------------ */

/* A server to be asked. */
struct upstream_pick {
	unsigned server;
	struct endpoint endpoint;
	unsigned generation; /* of its address; an older one is not asked any longer */
};
/* The best server but those tried (bits); stick: what picks the same server again, 0 = nothing. It
 * counts as asked until upstream_report(). False: none can be asked. */
bool upstream_choose(struct upstream *upstream, uint64_t tried, uint64_t stick, struct upstream_pick *pick);
/* Where a server is, for one that checks it. False: not known. */
bool upstream_locate(struct upstream *upstream, unsigned server, struct upstream_pick *pick);

/* -- what came of it ------------------------------------------------------ */

enum upstream_result {
	UPSTREAM_ANSWERED,
	UPSTREAM_REFUSED, /* no connection */
	UPSTREAM_TIMED_OUT,
	UPSTREAM_BROKEN,   /* it ended the connection, or sent what is no reply */
	UPSTREAM_ABANDONED /* nobody waits any longer, or we lack something; says nothing of the server */
};
/* took: how long it was waited for. */
void upstream_report(struct upstream *upstream, unsigned server, enum upstream_result result, pp_msec_t took,
                     const char *why);
/* Those, as bits, at which more requests wait than are needed to find out that they hang; they are
 * checked sooner. */
uint64_t upstream_find_stuck(struct upstream *upstream);
/* A request that waits at such a server is to be asked of another one than those tried. False: it had
 * better stay; true: it is reported. */
bool upstream_leave(struct upstream *upstream, unsigned server, uint64_t tried);
/* A health check ended; how long until the next one. */
pp_msec_t upstream_checked(struct upstream *upstream, unsigned server, bool good, const char *why);
/* A look-up of its name gave these addresses; none: it failed. The one in use stays if it is among
 * them, or there are none. */
void upstream_resolved(struct upstream *upstream, unsigned server, const pp_dns_record_t *records,
                       size_t count, const char *why);

/* -- for people ----------------------------------------------------------- */

enum upstream_admin { UPSTREAM_READY, UPSTREAM_DRAIN, UPSTREAM_MAINT };

struct upstream_status {
	const char *name, *address;
	char at[160]; /* the address in use; "" = not known */
	enum upstream_admin admin;
	bool up, backup;
	int64_t priority, weight;
	int64_t open, queries, answers, failed, checks, checks_failed, downs;
	pp_msec_t since;            /* pp_time(); of up, or down */
	char why[UPSTREAM_WHY_MAX]; /* what was wrong last; "" = nothing */
};
unsigned upstream_count(const struct upstream *upstream);
void upstream_status(struct upstream *upstream, unsigned server, struct upstream_status *status);
/* The index of a server; -1: there is none of this name. */
int upstream_find(const struct upstream *upstream, const char *server);
void upstream_set_admin(struct upstream *upstream, unsigned server, enum upstream_admin admin);
void upstream_set_weight(struct upstream *upstream, unsigned server, int64_t weight);

#endif
