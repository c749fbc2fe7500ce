/* check/step.h - an ask under way: its steps; what modules call
 *
 * The functions of ppolicyd/module.h that take an ask are implemented in step.c,
 * work.c, dns.c, sql.c, query.c and keep.c.
 */
#ifndef CHECK_STEP_H
#define CHECK_STEP_H

#include "check/ask.h"

enum step_kind { STEP_ANSWERED = 1, STEP_WAIT, STEP_WAIT_ANY };

struct pp_ask {
	struct ask_host *host;
	struct check *check;
	struct request *request;
	struct arena arena;
	const void *args;
	void *fields, *state; /* NULL until pp_fields(), pp_state() */
	const char **extra;   /* values of the fields that parameters named; NULL: none */
	pp_msec_t due;        /* pp_now()'s clock */
	struct loop_timer timer;
	struct loop_task waker; /* set: more work is done, but not all */
	pp_step_fn next;        /* to run when woken */
	bool wait_any, timed_out, running;
	bool refs;             /* it holds references of check and request */
	struct pp_work *works; /* newest first */
	unsigned open_works;
	unsigned look_ups;           /* in DNS, started */
	unsigned look_ups_under_way; /* of these */
	struct dns_look_up *look_ups_waiting, **look_ups_end;
	struct loop_task launcher; /* of these; set: they wait for others, and not for answers */
	pp_msec_t looks_up_since;  /* pp_now()'s clock */
	size_t dns_room;           /* bytes that DNS may still say */
	/* the answer, once step_run() says so */
	unsigned word;
	const char *text;
	pp_msec_t keep_at_most; /* -1 = no limit */
	pp_msec_t dns_good;     /* by the TTLs of DNS; -1 = no limit */
	pp_msec_t good, held;   /* of pp_keep(); 0 = it was not called */
	/* of ask.c and keep.c */
	const char *key; /* NULL: neither kept nor merged */
	size_t key_size;
	uint64_t drops;       /* cache_drops() when it began */
	const uint8_t *stale; /* a kept answer past its time; with effects: what pp_kept() gives */
	uint32_t stale_size;
	pp_msec_t stale_until;
	/* of stored.c */
	struct pp_work *look_up;
	const uint8_t *stored; /* an answer that was found there; NULL: none */
	uint32_t stored_size;
	pp_msec_t stored_good, stored_stale; /* until when it is good, and serves */
	bool joinable;                       /* in host->flights */
	struct ask_wish *wishes;
	struct pp_ask *next_open, *previous_open;
};

/* Runs a step, and those that need not wait. True: answered. False: the ask waits
 * and step_done is called when it is answered. */
bool step_run(struct pp_ask *ask, pp_step_fn step);
/* Runs the next step of a waiting ask. */
void step_wake(struct pp_ask *ask);
/* The same in this turn of the loop or the next, so that much that is done at once wakes once. */
void step_wake_soon(struct pp_ask *ask);
/* Called from the loop when a waiting ask was answered: ask.c's. */
void step_done(struct pp_ask *ask);
/* True while a worker or a store does something for it, or will. */
bool step_is_blocked(const struct pp_ask *ask);
/* Ends what is under way. */
void step_cancel(struct pp_ask *ask);

#endif
