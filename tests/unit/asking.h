/* unit/asking.h - what tests of asks need: a loop of their own, requests, wishes, time */
#ifndef UNIT_ASKING_H
#define UNIT_ASKING_H

#include "check/ask.h"
#include "check/binding.h"

struct asking {
	struct loop *loop;
	struct cache *cache;
	struct worker_pool *workers;
	struct ask_host host;
	struct request_pool *requests;
	struct check_stores stores; /* for asking_check(); none if not set */
	const char *sql;            /* folder with the SQL of its modules; NULL: none */
	GPtrArray *messages;        /* what was wrong with checks */
};
void asking_begin(struct asking *f);
void asking_end(struct asking *f);

pp_value_t asking_text(const char *string);
/* Parameters: name, text, ... NULL; a text that is a number stands for the number. NULL: refused. */
struct check *asking_check(struct asking *f, const pp_module_t *desc, ...);
/* A request at RCPT; sender may be NULL. */
struct request *asking_request(struct asking *f, const char *sender);

struct asking_wish {
	struct ask_wish ask; /* first */
	unsigned told;
};
bool asking_start(struct asking *f, struct asking_wish *wish, struct check *check, struct request *request);

/* Runs what came for the loop; waits for nothing. */
void asking_turn(struct asking *f);
/* Waits until stores have answered, then as asking_turn(). */
void asking_settle(struct asking *f);
/* Turns the clock on, from one thing that is due to the next. */
void asking_pass(struct asking *f, pp_msec_t length);
/* Asks, waits as long as it takes, and compares word, origin and text. */
void asking_expect(struct asking *f, struct check *check, const char *sender, const char *wanted);

#endif
