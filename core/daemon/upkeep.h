/* daemon/upkeep.h - a thread that looks after the checks of a world, once a second
 *
 * Worlds that were replaced end here too, once nobody uses them: to close a
 * database may take time that a loop does not have.
 */
#ifndef DAEMON_UPKEEP_H
#define DAEMON_UPKEEP_H

#include "daemon/world.h"
#include "service/cache.h"

struct upkeep;

struct upkeep *upkeep_new(struct world *world, struct cache *cache); /* takes a reference of the world */
void upkeep_set_world(struct upkeep *upkeep, struct world *world);   /* from now on this one */
/* Waits for what is under way and for what is to be written. The loops stand still, but are there:
 * what they asked for is answered before. Accepts NULL. */
void upkeep_free(struct upkeep *upkeep);

#endif
