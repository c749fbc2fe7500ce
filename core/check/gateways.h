/* check/gateways.h - what servers that use the same store tell each other by it
 *
 * Notices: what a command to one server drops from its memory the others drop too,
 * within seconds. Each looks once a second what is new. The numbers of rows are no
 * order in which they become visible, so for a minute each look sees the newest ones
 * again.
 *
 * Duties: one server at a time does what is to be done once, such as deleting what is
 * over its time. Who has a duty says so again and again; half a minute after it
 * stopped to, another one has it.
 */
#ifndef CHECK_GATEWAYS_H
#define CHECK_GATEWAYS_H

#include "store/store.h"

#define GATEWAYS_SET "gateways" /* its folder in sql/DRIVER/ */

struct check;
struct gateways;

/* What is dropped; NULL and 0 are any. */
struct gateways_notice {
	const char *tables; /* answers of checks that use these: gateways_tables() */
	const char *check_name, *pattern, *word;
	const char *place;            /* "memory": what is in the store was left alone */
	pp_msec_t good_max, made_max; /* pp_time() */
	pp_msec_t made;               /* when it was dropped */
	bool ours;                    /* a command to this server */
	bool again;                   /* told a second time, for what was under way at the first */
};

/* For a store, under a name of this server's for people; the first of the folders that has them has the
 * statements. NULL: *error is a sentence (g_free() it). */
struct gateways *gateways_new(struct store *store, const char *const *folders, const char *name,
                              char **error);
struct gateways *gateways_ref(struct gateways *gateways);
void gateways_unref(struct gateways *gateways); /* accepts NULL */
struct store *gateways_store(const struct gateways *gateways);

/* Tells the other servers; waits. False: *error is a sentence (g_free() it). */
bool gateways_tell(struct gateways *gateways, const struct gateways_notice *notice, const char *author,
                   char **error);
/* About once a second, in one thread: calls for each notice that is new. False: so long nothing was
 * heard that all may have been dropped. */
bool gateways_listen(struct gateways *gateways,
                     void (*heard)(const struct gateways_notice *notice, void *data), void *data);

/* Whether this server has the duty of that name now; true also where it cannot be found out. Any
 * thread that may wait; without gateways (NULL) the server is alone. */
bool gateways_have_duty(struct gateways *gateways, const char *name);

/* A command elsewhere changed these tables: tells the check's module. In the thread of upkeep. */
void gateways_changed(struct check *check);

/* The tables of the check's module, as they are named there; NULL: it has none. g_free() it. */
char *gateways_tables(const struct check *check);

#endif
