/* rule/run.h - a rule run for a request, to its action
 *
 * The rule is a coroutine: it waits where it reads an answer that is not there.
 * At the deadline what is open is unknown, and the rule goes on to its end.
 */
#ifndef RULE_RUN_H
#define RULE_RUN_H

#include "rule/objects.h"

#define RUN_NOTES_MAX 16
#define RUN_LOGS_MAX 8

/* A check asked by a rule. In the request's arena. */
struct rule_ask {
	struct ask_wish wish; /* first */
	struct lua_check *check;
	struct run *run;
	struct lua_answer *object;
	const char *args_key; /* which arguments it was asked with */
	size_t args_key_size;
	int line; /* where it was asked */
	const char *file;
	bool read;
	struct rule_ask *next; /* asked later */
	void *hook;            /* of program_hooks */
};

struct run_note {
	const char *key, *value; /* clean */
};

/* How a rule ended. */
struct verdict {
	struct action action;
	bool failed;       /* on_error's action, since the rule gave none */
	const char *rule;  /* name of the function */
	int line;          /* where the action was made, or the error happened; 0 = not known */
	const char *file;  /* with hooks only */
	const char *error; /* of a failed one */
};

struct run_order {
	struct program *program;
	struct ask_host *host;
	struct request *request; /* the run takes a reference */
	const struct program_rule *rule;
	pp_msec_t deadline; /* length */
	struct action on_error;
	uint32_t may; /* bits 1 << verb */
	bool quiet;   /* an error is neither logged nor counted */
	/* Called once, with the run's asks and notes still there. */
	void (*done)(struct run *run, const struct verdict *verdict);
	/* Called last, when nothing of the program is used any longer; may be NULL. */
	void (*over)(const struct run_order *order);
	void *user, *user2;
};

struct run {
	struct run_order order;
	lua_State *thread;
	struct lua_request *object;
	struct rule_ask *first, *last; /* asks in order */
	struct rule_ask *waiting;      /* what it waits for */
	struct loop_timer timer;
	pp_msec_t due;
	bool late;
	unsigned notes, logs;
	struct run *next_spare;
	struct run_note note[RUN_NOTES_MAX];
};

/* done may be called before it returns. */
void run_start(const struct run_order *order);

/* For objects.c: starts the ask of a check; memo of equal ones is the caller's. */
void run_ask(struct run *run, struct rule_ask *ask, const void *args);
void run_add_note(struct run *run, const char *key, const char *value);
/* Before something of a rule goes into the request's arena, which is outside of the
 * sandbox's memory: ends the run that L is in when there is too much of it. */
void run_check_memory(const struct run *run, lua_State *L);

#endif
