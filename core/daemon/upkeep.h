/* daemon/upkeep.h - a thread that looks after the checks of a world, once a second */
#ifndef DAEMON_UPKEEP_H
#define DAEMON_UPKEEP_H

#include "daemon/world.h"

struct upkeep;

struct upkeep *upkeep_new(struct world *world);                    /* takes a reference */
void upkeep_set_world(struct upkeep *upkeep, struct world *world); /* from now on this one */
void upkeep_free(struct upkeep *upkeep);                           /* waits for what is under way */

#endif
