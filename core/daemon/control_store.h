/* daemon/control_store.h - how the databases do, for ppolicyctl status and store status */
#ifndef DAEMON_CONTROL_STORE_H
#define DAEMON_CONTROL_STORE_H

#include "daemon/control_call.h"

/* An object for each store that a check uses: an array, the caller's. */
json_t *control_stores(const struct world *world);
/* A line about one of them. */
void control_say_store(struct control_call *call, const json_t *store);

#endif
