/* greylist.h - what the files of the greylist module share */
#ifndef GREYLIST_GREYLIST_H
#define GREYLIST_GREYLIST_H

#include <stdatomic.h>
#include <ppolicyd/module.h>
#include "fold.h"

struct conf {
	pp_msec_t delay, retry_window, life, refresh;
	int64_t client_after, ipv4_prefix, ipv6_prefix, max_rows;
	const char *extension;
	const char *table;
	bool null_sender;
};

/* What a rule may give in place of the client's network. */
struct args {
	const char *domain, *client;
};

/* What names a row of the table. */
struct triplet {
	const char *client, *sender, *recipient;
};

/* -- triplet.c -------------------------------------------------------------- */

/* The network of an address, "192.0.2.0/24". */
void triplet_network(const struct conf *conf, const pp_address_t *address, char network[FOLD_SIZE]);

/* NULL: *triplet is the ask's; else why there is none, a sentence. */
const char *triplet_of(pp_ask_t *a, struct triplet *triplet);

/* Its id in the table: of SHA-256, so that nobody finds another triplet with the same one. */
int64_t triplet_number(const struct triplet *triplet);

/* -- table.c: what goes into statements and comes out of them -------------------- */

struct decide_args {
	int64_t id;
	const char *client, *sender, *recipient;
	pp_msec_t now, delay, retry_window, life;
};
struct decided {
	const char *client, *sender, *recipient;
	pp_msec_t first_seen;
	int64_t asks, passes, restarts;
	/* triplets of the client that ever passed or were released, or a few more; 0 when this one has; -1:
	 * it is to be asked apart */
	int64_t candidates;
};
struct client_args {
	const char *client;
};
struct candidates {
	int64_t candidates;
};
struct others_args {
	const char *client;
	pp_msec_t now;
};
struct others {
	int64_t others; /* of the candidates, those that count */
};
struct seen_args { /* it has passed */
	int64_t id;
	pp_msec_t now, life;
};
struct id_args {
	int64_t id;
};
struct known {
	int64_t passes;
};
struct release_args {
	int64_t seq;
	pp_msec_t now;
};
struct seq_args {
	int64_t seq;
};
struct slice_args {
	int64_t seq; /* of the row before, 0 to begin with */
	int64_t most;
};
struct row {
	int64_t seq;
	const char *client, *sender, *recipient;
	pp_msec_t first_seen, last_seen, passed_at; /* 0: it waits */
	int64_t asks, passes, restarts;
	pp_msec_t delay, retry_window, life; /* of the check that asked last */
};
struct purge_args {
	int64_t seq, last;                          /* rows behind this one, up to that one */
	pp_msec_t now, waiting_until, passed_until; /* up to these moments rows go though not expired */
};
struct count {
	int64_t total, passed;
};
struct before_args {
	int64_t before;
};
struct moment {
	pp_msec_t moment;
};

extern const pp_statement_t greylist_statements[];

/* Ready: it passes the next time it is asked about. */
enum row_state { ROW_WAITING, ROW_READY, ROW_PASSED, ROW_EXPIRED };
enum row_state row_state(const struct row *row, pp_msec_t now);

/* -- sweep.c ------------------------------------------------------------------ */

/* The handle of a check. */
struct greylist;

struct greylist *greylist_new(const struct conf *conf);
void greylist_free(struct greylist *greylist); /* accepts NULL */

/* Any thread: so many rows came, or went. */
void greylist_count(struct greylist *greylist, int64_t rows);
/* Any thread: there are so many rows that no new ones are let in. */
bool greylist_is_full(struct greylist *greylist);
/* Any thread: whether the database tells apart how many candidates there are; learned of what it says. */
bool greylist_asks_apart(struct greylist *greylist);
void greylist_ask_apart(struct greylist *greylist);
/* A part of a walk through the table, which deletes what has expired and what is too much. */
void greylist_upkeep(struct greylist *greylist);

/* -- filter.c ----------------------------------------------------------------- */

/* Which rows a command means: NULL is any. */
struct filter_args {
	const char *client, *sender, *recipient;
	int64_t limit; /* of the rows that are shown */
};
struct filter;

struct filter *filter_new(const struct conf *conf, const struct filter_args *args);
void filter_free(struct filter *filter);
bool filter_wants(const struct filter *filter, const struct row *row);

/* -- commands.c --------------------------------------------------------------- */

extern const pp_command_t greylist_commands[];

#endif
