/* rule/stage.c - where rules are tested: one loop, one clock turned by hand, given answers */
#include "rule/stage.h"

#include <lauxlib.h>
#include <string.h>
#include "base/clock.h"
#include "check/dns_now.h"
#include "check/sql.h"
#include "check/step.h"
#include "service/upstream_keeper.h"

#define UPKEEP_EVERY 1000 /* ms */
#define WORKERS 2
#define WORKERS_QUEUE 16
/* In place of the time a rule may take, so that a test never fails for a slow machine. */
#define INSTRUCTIONS 20000000

/* -- messages ------------------------------------------------------------ */

struct stage *stage_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

const char *stage_where(lua_State *L, int level, struct arena *arena)
{
	lua_Debug debug;

	if (!lua_getstack(L, level, &debug) || !lua_getinfo(L, "Sl", &debug) || debug.currentline <= 0)
		return NULL;
	return arena_printf(arena, "%s:%d", debug.source + (*debug.source == '@'), debug.currentline);
}

int stage_fail(lua_State *L, const char *format, ...)
{
	struct arena *arena = &stage_of(L)->scratch;
	const char *where = stage_where(L, 1, arena), *text;
	va_list args;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	lua_pushfstring(L, "%s%s%s", where != NULL ? where : "", where != NULL ? ": " : "", text);
	return lua_error(L);
}

/* -- asking -------------------------------------------------------------- */

void stage_open_check(struct stage *stage, struct check *check)
{
	check_set_workers(check, worker_pool_threads(stage->workers));
	check_open_stores(check);
	check_open(check);
}

/* A check made within a test is named by what it was assigned to since. */
static bool ask_check(struct program_hooks *hooks, struct run *run, struct rule_ask *ask)
{
	struct stage *stage = (struct stage *)hooks;
	const char *name = ask->check->declared->name;
	struct check *check = ask->check->check;

	(void)run;
	if (name != NULL && strcmp(name, check->name) != 0)
		check_rename(check, name);
	if (!stage->real && given_put(&stage->given, ask))
		return true;
	stage_open_check(stage, check);
	return false;
}

/* -- time ---------------------------------------------------------------- */

static void end_turn(void *data)
{
	loop_stop(((struct stage *)data)->loop);
}

/* One turn of the loop, which waits for something to come where it is told to. */
static void turn(struct stage *stage, bool wait)
{
	if (!wait)
		loop_wake(stage->loop);
	loop_run(stage->loop);
}

static void upkeep(struct stage *stage)
{
	GPtrArray *checks = stage->program->plan->checks;

	stage->since_upkeep = 0;
	for (guint i = 0; i < checks->len; i++) {
		struct check *check = ((struct plan_check *)checks->pdata[i])->check;

		if (check != NULL && (check->handle != NULL || check->open_failed))
			check_upkeep(check);
	}
}

static void advance(struct stage *stage, pp_msec_t length)
{
	clock_advance(length);
	stage->since_upkeep += length;
	if (stage->since_upkeep >= UPKEEP_EVERY)
		upkeep(stage);
}

/* What runs in other threads takes real time, and the clock waits for it; also for what stores
 * were to write later, and for answers of DNS that take no time. */
static void settle(struct stage *stage)
{
	bool blocked;

	turn(stage, false);
	do {
		sql_settle(&stage->host);
		turn(stage, false);
		blocked = false;
		for (struct pp_ask *ask = stage->host.open; ask != NULL; ask = ask->next_open)
			blocked |= step_is_blocked(ask);
		if (blocked && !sql_is_open(&stage->host))
			turn(stage, true);
	} while (blocked || sql_is_open(&stage->host) || dns_is_open(stage->dns));
}

/* To the next timer, if it is due before end. A timer set for now must not stop the clock. */
static bool jump(struct stage *stage, pp_msec_t end)
{
	pp_msec_t now = pp_now(), next = loop_next_due(stage->loop);

	if (next < 0 || MAX(next, now + 1) > end)
		return false;
	advance(stage, MAX(next - now, 1));
	return true;
}

void stage_pass(struct stage *stage, pp_msec_t length)
{
	pp_msec_t end = pp_now() + length;

	do
		settle(stage);
	while (jump(stage, end));
	if (end > pp_now())
		advance(stage, end - pp_now());
	settle(stage);
	upkeep(stage);
}

/* -- running ------------------------------------------------------------- */

static void over(const struct run_order *order)
{
	*(bool *)order->user2 = true;
}

void stage_run(struct stage *stage, const struct run_order *order)
{
	struct sandbox *sandbox = stage->program->sandbox;
	struct run_order run = *order;
	bool ended = false;

	run.over = over;
	run.user2 = &ended;
	sandbox_set_instructions(sandbox, INSTRUCTIONS);
	sandbox_set_running(sandbox, true);
	run_start(&run);
	while (!ended) {
		settle(stage);
		if (!ended && !jump(stage, INT64_MAX))
			g_error("a rule waits for nothing");
	}
	sandbox_set_running(sandbox, false);
}

/* -- the stage ----------------------------------------------------------- */

static void begin(struct stage *stage)
{
	stage->cache = cache_new(stage->program->plan->cache.memory);
	ask_host_init(&stage->host, stage->loop, 0, stage->cache, stage->workers);
	stage->host.no_servers = true;
	stage->dns = stage->host.dns = dns_new_given(stage->loop, given_dns_find, &stage->given_dns);
	dns_now_give(given_dns_find, &stage->given_dns);
}

static void end(struct stage *stage)
{
	ask_host_clear(&stage->host);
	dns_now_give(NULL, NULL);
	dns_free(stage->dns);
	cache_free(stage->cache);
}

/* No check holds on to what a test before it left in a database. */
static void clear_stores(struct stage *stage)
{
	const GPtrArray *stores = stage->program->plan->stores;

	for (guint i = 0; i < stores->len; i++) {
		struct plan_store *store = stores->pdata[i];

		if (store->store != NULL)
			store_clear(store->store);
	}
}

void stage_clear(struct stage *stage)
{
	end(stage);
	clear_stores(stage);
	begin(stage);
	given_clear(&stage->given);
	given_dns_clear(&stage->given_dns);
	arena_reset(&stage->scratch);
}

void stage_open(struct stage *stage, struct program *program)
{
	*stage = (struct stage){ .hooks.ask = ask_check, .program = program };
	program->hooks = &stage->hooks;
	upstream_keeper_forbid();
	stage->loop = loop_new("rehearsal");
	stage->workers = worker_pool_new(WORKERS, WORKERS_QUEUE);
	stage->requests = request_pool_new();
	arena_init(&stage->scratch);
	given_init(&stage->given);
	given_dns_init(&stage->given_dns);
	loop_at_turn_end(stage->loop, end_turn, stage);
	begin(stage);
}

void stage_close(struct stage *stage)
{
	struct plan *plan = stage->program->plan;

	end(stage);
	given_free(&stage->given);
	given_dns_free(&stage->given_dns);
	program_free(stage->program);
	worker_pool_free(stage->workers);
	loop_free(stage->loop);
	plan_free(plan);
	request_pool_free(stage->requests);
	arena_free(&stage->scratch);
}
