/* rule/stage.h - where rules are tested: one loop, one clock turned by hand, given answers */
#ifndef RULE_STAGE_H
#define RULE_STAGE_H

#include "rule/given.h"
#include "rule/given_dns.h"
#include "rule/run.h"

struct files {          /* that tests wrote */
	char *folder;   /* NULL = not made yet */
	unsigned count; /* of the folders in it, one a test */
	bool made;      /* the one of this test */
};

struct stage {
	struct program_hooks hooks; /* first */
	struct program *program;
	struct loop *loop;
	struct worker_pool *workers;
	struct request_pool *requests;
	struct cache *cache;
	struct ask_host host;
	struct given given;
	struct given_dns given_dns;
	struct dns *dns; /* answers what is given */
	struct files files;
	bool real; /* given answers do not count just now */
	pp_msec_t since_upkeep;
	struct arena scratch; /* of the call under way */
	unsigned instances;   /* requests made */
	unsigned calls;       /* of the functions of tests */
};

/* The clock is turned by hand already. The program is loaded and bound. */
void stage_open(struct stage *stage, struct program *program);
/* Ends what is under way and forgets what is kept or given. */
void stage_clear(struct stage *stage);
/* Frees the program and its plan too. */
void stage_close(struct stage *stage);

/* Before a check is asked. */
void stage_open_check(struct stage *stage, struct check *check);

/* Runs a rule, and turns the clock on while it waits. The caller's reference to
 * the request keeps the run's asks alive. */
void stage_run(struct stage *stage, const struct run_order *order);
/* Lets a length of time pass. */
void stage_pass(struct stage *stage, pp_msec_t length);

/* The stage a function of tests belongs to: its first upvalue. */
struct stage *stage_of(lua_State *L);
/* Raises an error that begins with file and line of the Lua function that called. */
int stage_fail(lua_State *L, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "FILE:LINE" of a Lua function on the call stack; NULL: it is none, or there is no such level. */
const char *stage_where(lua_State *L, int level, struct arena *arena);

#endif
