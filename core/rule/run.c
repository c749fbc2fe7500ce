/* rule/run.c - a rule run for a request, to its action */
#include "rule/run.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "rule/actions.h"

#define SAID_MAX 1000       /* different rule errors that are logged */
#define ARENA_MAX (4 << 20) /* bytes of a request's arena that rules may fill */

static void resume(struct run *run, int arguments);

static struct run *run_new(struct program *program)
{
	struct run *run = program->spare;
	lua_State *thread;

	if (run != NULL) {
		program->spare = run->next_spare;
		thread = run->thread;
	} else {
		run = g_new(struct run, 1);
		thread = sandbox_thread(program->sandbox);
	}
	/* The notes are valid up to their number. */
	memset(run, 0, offsetof(struct run, note));
	run->thread = thread;
	return run;
}

/* Nothing of the run may be reached from Lua any longer. */
static void close_objects(struct run *run)
{
	struct ask_host *host = run->order.host;

	for (struct rule_ask *ask = run->first; ask != NULL; ask = ask->next) {
		if (!ask->wish.done && host != NULL)
			ask_forget(host, &ask->wish);
		if (ask->object != NULL)
			ask->object->run = NULL;
	}
	run->object->run = NULL;
}

static void finish(struct run *run, const struct verdict *verdict)
{
	struct program *program = run->order.program;
	const struct run_order order = run->order;

	if (run->timer.place != 0)
		loop_timer_cancel(run->order.host->loop, &run->timer);
	run->order.done(run, verdict);
	close_objects(run);
	lua_settop(run->thread, 0);
	request_unref(order.request);
	run->next_spare = program->spare;
	program->spare = run;
	if (order.over != NULL)
		order.over(&order);
}

/* -- how it ends --------------------------------------------------------- */

/* "FILE:LINE" of a message, else its beginning: strangers may write the rest. */
static char *place_of_error(const char *error)
{
	const char *colon = strchr(error, ':');
	size_t length = colon != NULL ? (size_t)(colon - error) + 1 : 0;

	length += strspn(error + length, "0123456789");
	return g_strndup(error, colon != NULL ? length : MIN(strlen(error), 80));
}

static void say_once(struct program *program, const char *rule, const char *error)
{
	if (program->errors != NULL)
		__atomic_add_fetch(program->errors, 1, __ATOMIC_RELAXED);
	if (program->hooks != NULL || g_hash_table_size(program->said) >= SAID_MAX ||
	    !g_hash_table_add(program->said, place_of_error(error)))
		return;
	pp_log(PP_LOG_WARNING, "rule %s: %s; on_error is given, and further ones like it are only counted",
	       rule, error);
}

static int line_of_error(const char *error)
{
	const char *colon = strchr(error, ':');

	return colon != NULL ? atoi(colon + 1) : 0;
}

static void fail(struct run *run, const char *error, int line)
{
	struct verdict verdict = { .action = run->order.on_error,
		                   .failed = true,
		                   .rule = run->order.rule->name,
		                   .error = arena_strdup(&run->order.request->arena, error) };

	verdict.line = line != 0 ? line : line_of_error(verdict.error);
	if (!run->order.quiet)
		say_once(run->order.program, verdict.rule, verdict.error);
	finish(run, &verdict);
}

static const char *source_of_rule(struct run *run, int *line)
{
	lua_State *L = run->thread;
	lua_Debug debug;

	lua_rawgeti(L, LUA_REGISTRYINDEX, run->order.rule->function);
	lua_getinfo(L, ">S", &debug);
	*line = debug.linedefined > 0 ? debug.linedefined : 0;
	return arena_strdup(&run->order.request->arena, debug.source + (*debug.source == '@'));
}

static void fail_without_action(struct run *run, const char *what)
{
	struct arena *arena = &run->order.request->arena;
	int line;
	const char *file = source_of_rule(run, &line);

	fail(run,
	     arena_printf(arena, "%s:%d: the rule ends without an action: it returns %s", file, line, what),
	     line);
}

static void returned(struct run *run, int results)
{
	lua_State *L = run->thread;
	const struct lua_action *made = results > 0 ? actions_get(L, -results) : NULL;
	struct verdict verdict = { .rule = run->order.rule->name };
	enum action_verb verb;

	if (made == NULL) {
		fail_without_action(run, results > 0 ? program_describe(L, -results) : "nothing");
		return;
	}
	verb = made->action.verb;
	if (action_class(verb) == ACTION_PERMIT && (run->order.may & (1u << verb)) == 0) {
		fail(run,
		     arena_printf(&run->order.request->arena,
		                  "%s:%d: %s needs may = { \"%s\" } in its listen()",
		                  *made->file != '\0' ? made->file : run->order.program->plan->main_path,
		                  made->line, action_name(verb), action_name(verb)),
		     made->line);
		return;
	}
	verdict.action = made->action;
	verdict.line = made->line;
	verdict.file = made->file;
	finish(run, &verdict);
}

/* -- running ------------------------------------------------------------- */

static void expire(struct loop_timer *timer)
{
	struct run *run = (struct run *)((char *)timer - offsetof(struct run, timer));

	run->late = true;
	for (struct rule_ask *ask = run->first; ask != NULL; ask = ask->next)
		if (!ask->wish.done) {
			ask_forget(run->order.host, &ask->wish);
			objects_give_answer(ask, WORD_UNKNOWN, "no answer before the request's deadline");
			ask->wish.answer.timed_out = true;
		}
	if (run->waiting != NULL)
		resume(run, 0);
}

static void ended_with_error(struct run *run)
{
	lua_State *L = run->thread;
	const char *text = sandbox_aborted(run->order.program->sandbox);
	struct arena *arena = &run->order.request->arena;

	if (text == NULL)
		text = lua_type(L, -1) == LUA_TSTRING
		               ? lua_tostring(L, -1)
		               : arena_printf(arena, "error() was called with %s", program_describe(L, -1));
	fail(run, arena_strdup(arena, text), 0);
}

static void resume(struct run *run, int arguments)
{
	struct program *program = run->order.program;
	struct run *outer = program->current;
	int results = 0, status;

	run->waiting = NULL;
	program->current = run;
	status = sandbox_resume(program->sandbox, run->thread, arguments, &results);
	program->current = outer;
	if (status == LUA_OK) {
		returned(run, results);
	} else if (status != LUA_YIELD) {
		ended_with_error(run);
	} else if (run->timer.place == 0 && !run->late) {
		run->timer.expired = expire;
		loop_timer_set(run->order.host->loop, &run->timer, run->due);
	}
}

void run_start(const struct run_order *order)
{
	struct run *run = run_new(order->program);
	lua_State *L = run->thread;

	run->order = *order;
	request_ref(order->request);
	run->due = (order->host != NULL ? loop_now(order->host->loop) : pp_now()) + order->deadline;
	run->object = objects_new_request(L, run); /* stays at the bottom: it anchors the answers */
	lua_rawgeti(L, LUA_REGISTRYINDEX, order->rule->function);
	lua_pushvalue(L, 1);
	resume(run, 1);
}

/* -- what rules do ------------------------------------------------------- */

static void answered(struct ask_wish *wish)
{
	struct rule_ask *ask = (struct rule_ask *)wish;

	if (ask->run->waiting == ask)
		resume(ask->run, 0);
}

void run_ask(struct run *run, struct rule_ask *ask, const void *args)
{
	struct program_hooks *hooks = run->order.program->hooks;

	if (run->last != NULL)
		run->last->next = ask;
	else
		run->first = ask;
	run->last = ask;
	if (hooks != NULL && hooks->ask != NULL && hooks->ask(hooks, run, ask))
		return;
	if (run->late) {
		objects_give_answer(ask, WORD_UNKNOWN, "asked after the request's deadline");
		ask->wish.answer.timed_out = true;
		return;
	}
	ask->wish.ready = answered;
	ask_start(run->order.host, &ask->wish, ask->check->check, run->order.request, args, ask->args_key,
	          ask->args_key_size);
}

void run_check_memory(const struct run *run, lua_State *L)
{
	if (arena_size(&run->order.request->arena) > ARENA_MAX)
		sandbox_abort(L, "the request takes too much memory");
}

void run_add_note(struct run *run, const char *key, const char *value)
{
	struct arena *arena = &run->order.request->arena;
	size_t length = strlen(value);
	char clean[260];

	if (run->notes == RUN_NOTES_MAX)
		return;
	text_escape(clean, sizeof(clean), value, length, false);
	run->note[run->notes++] = (struct run_note){ arena_strdup(arena, key), arena_strdup(arena, clean) };
}
