/* service/upstream_keeper.h - looks after an upstream's servers: health checks, and host names looked up
 * again
 *
 * All keepers share one thread with a loop and DNS of its own, which is there while there are
 * keepers; so no slow rule holds up a check.
 */
#ifndef SERVICE_UPSTREAM_KEEPER_H
#define SERVICE_UPSTREAM_KEEPER_H

#include "service/dns_channel.h"

struct upstream;
struct upstream_keeper;

struct upstream_keeper *upstream_keeper_new(struct upstream *upstream); /* NULL: forbidden */
/* Not in the keepers' thread; accepts NULL. */
void upstream_keeper_free(struct upstream_keeper *keeper);
/* Waits, for some seconds at most, until each name was looked up once. */
void upstream_keeper_await(struct upstream_keeper *keeper);
/* Something went wrong with a server: it is checked sooner. Any thread. */
void upstream_keeper_hurry(struct upstream_keeper *keeper, unsigned server);

/* For rule tests, for the whole process: no keeper is made from now on. */
void upstream_keeper_forbid(void);

/* From now on these DNS servers are asked for host names; copied. Main thread. */
void upstream_keeper_use_dns(const struct dns_settings *settings);

#endif
