/* check/work.h - what an ask has started and waits for
 *
 * Work that a thread elsewhere does for an ask outlives it if the ask ends first:
 * what the thread was given names the work, until the work is ended.
 */
#ifndef CHECK_WORK_H
#define CHECK_WORK_H

#include "service/loop.h"

struct dns_look_up;
struct sql_rows;
struct query_rows;
struct upstream_work;

struct pp_work {
	struct pp_ask *ask;
	struct pp_work *next;
	pp_work_state_t state;
	struct loop_timer timer; /* of pp_sleep() */
	struct pp_work **claim;  /* where what a thread was given names this work; NULL: no thread has it */
	void *data;              /* result of pp_blocking() */
	struct dns_look_up *look_up;    /* of pp_dns(); NULL: none */
	const struct sql_rows *rows;    /* of pp_sql(); NULL: none */
	const struct query_rows *texts; /* of pp_query(); NULL: none */
	struct upstream_work *asked;    /* of pp_upstream(); NULL: none */
	const char *error;              /* a sentence; NULL: none */
};

/* In the ask's arena, failed as long as nothing begins it. */
struct pp_work *work_new(struct pp_ask *ask);
/* It is under way. claim: see above; NULL: it is not for a thread. */
void work_begin(struct pp_work *work, struct pp_work **claim);
/* In the loop: the ask goes on if it waited for this. */
void work_finish(struct pp_work *work, pp_work_state_t state);
/* Ends what is open. */
void work_end_all(struct pp_ask *ask, pp_work_state_t state);

#endif
