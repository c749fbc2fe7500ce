/* unit/triplets.h - for tests of the store: a folder with SQL, a database, a store of triplets
 *
 * The database is a file of SQLite's. Where TEST_MYSQL names the socket of a server whose root
 * needs no password (tests/live/test_alike.py has one), it is a database there.
 */
#ifndef UNIT_TRIPLETS_H
#define UNIT_TRIPLETS_H

#include "stored.h"

/* A table of client, sender, first and passes. touch, look_up and forget have the arguments client,
 * sender and now; count and fail have none. touch refuses a time before 0. */
struct triplets {
	char *folder, *sql, *path; /* sql: of the statements; path: of the database */
	struct statement_set *set;
	const struct statement *touch, *look_up, *count, *forget, *fail;
	struct store *store;            /* or NULL */
	const char *overflow, *refused; /* what fail and a touch before 0 are told */
};

bool triplets_are_remote(void); /* the database is MySQL's: there is none in memory */

void triplets_begin(struct triplets *f);
void triplets_begin_open(struct triplets *f, bool on_disk);
void triplets_make_store(struct triplets *f, bool on_disk);
void triplets_close_store(struct triplets *f);
void triplets_end(struct triplets *f);

/* A file of the statements; NULL: removes it. */
void triplets_write(const struct triplets *f, const char *name, const char *text);
/* Loads them anew, into f; the caller has unreffed f->set or keeps it. */
void triplets_load(struct triplets *f);

enum store_state triplets_touch(struct triplets *f, const char *client);
int64_t triplets_count(struct triplets *f);

#endif
