/* daemon/notices.h - answers dropped here, and on the other servers that share the store */
#ifndef DAEMON_NOTICES_H
#define DAEMON_NOTICES_H

#include "daemon/control_answers.h"

struct notices_done {
	size_t memory, store; /* answers that were dropped here */
	bool told;            /* others that there may be know of it */
};

/* Drops what passes the filter, as a command says it; what is wrong is said to the call. */
struct notices_done notices_drop(struct control_call *call, const struct answers_filter *filter);
/* A command changed the tables of a check's module. */
void notices_changed(struct control_call *call, const struct check *check);

/* About once a second: does what commands to other servers did. */
void notices_upkeep(struct world *world, struct cache *cache);

#endif
