/* daemon/world.h - one loaded configuration: a plan, and a program for each loop
 *
 * Counted by reference: the server holds one, each loop that uses it another.
 * A new world is built whole before it replaces the old one.
 */
#ifndef DAEMON_WORLD_H
#define DAEMON_WORLD_H

#include "rule/program.h"

#define WORKERS 8 /* threads for modules that block */
#define WORKER_QUEUE 16

struct world {
	int refs;
	struct plan *plan;
	struct program *first; /* the one that checked the file; idle */
	unsigned loops;
	struct program **programs; /* by loop; used and dropped in that loop's thread */
	struct gateways *gateways; /* other servers that share its store; NULL: no check uses it */
};

/* Builds a world; messages are added to errors (of char *). loops 0: only the first
 * program, for -t and tests; UINT_MAX: as many as the plan wants. earlier: a world whose equal checks are
 * carried over. */
struct world *world_new(const char *path, unsigned loops, const struct world *earlier, GPtrArray *errors);
/* How many loops a plan wants on this machine. */
unsigned world_wanted_loops(const struct plan *plan);
/* Opens its stores, as well as it goes, and makes the handles of its checks; may block. */
void world_open(struct world *world, unsigned workers);
void world_upkeep(struct world *world);
/* Where its checks keep answers beside memory: all of them in one place; NULL: none does. */
struct stored *world_stored(const struct world *world);
/* Its stores (of struct store), each once: those that its checks use. Unref the array. */
GPtrArray *world_stores(const struct world *world);
/* Waits until its stores have written what waits. */
void world_flush(struct world *world);
/* Nobody but the caller has a reference. */
bool world_is_unused(const struct world *world);
/* Frees the program of a loop, in its thread. */
void world_drop_program(struct world *world, unsigned loop);
struct world *world_ref(struct world *world);
void world_unref(struct world *world);

/* The listener of an address as written in listen (interned); NULL: none. */
const struct plan_listener *world_listener(const struct world *world, const char *address, unsigned *index);

#endif
