/* rule/sandbox.c - a Lua state that cannot take the process with it */
#include "rule/sandbox.h"

#include <glib.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "rule/environment.h"
#include "rule/heap.h"
#include "rule/library.h"
#include "service/watchdog.h"

#define LOADING_TIME 100  /* times what running may take */
#define LOADING_MEMORY 16 /* times what running may take */
#define THREAD_MEMORY 16384
#define RESERVE 65536 /* for the error of who has used up the memory */
#define STEPS_A_CALL 1000000
#define STEPS_A_RUN 4000000

enum ending { GOING, TIME, MEMORY, INSTRUCTIONS, OTHER };

/* One run: Lua running from here until it returns to us. */
struct frame {
	struct frame *outer;
	struct watch *outer_watch;
	lua_State *L;
	volatile sig_atomic_t ended; /* enum ending; set by the signal handler too */
	bool described;              /* the sandbox's message says why */
	bool guarded;                /* an error is caught above the bottom of the thread */
	int status, results;         /* of the thread's function */
	int instructions;
	uint32_t steps; /* pattern steps left to the outer run */
};

struct sandbox {
	struct watch watch; /* first */
	lua_State *main;
	void *owner;
	struct frame *volatile frame; /* NULL: nothing runs */
	struct pattern_budget patterns;
	struct environment environment;
	struct heap heap;
	pp_msec_t time;
	int instructions;
	size_t used, loaded, memory, threads;
	bool over;    /* memory was asked for over the limit: collect garbage, then look again */
	bool refused; /* the last request for memory was refused */
	bool aborted;
	char message[256];
};

static void end_run(lua_State *L, lua_Debug *debug);

/* -- ending a run -------------------------------------------------------- */

/* From the next instruction or call on end_run() is called. Async-signal-safe. */
static void arm(struct frame *frame)
{
	lua_sethook(frame->L, end_run, LUA_MASKCOUNT | LUA_MASKCALL, 1);
}

/* Back to the hook that counts instructions, or none. */
static void disarm(struct frame *frame)
{
	if (frame->instructions > 0)
		lua_sethook(frame->L, end_run, LUA_MASKCOUNT, frame->instructions);
	else
		lua_sethook(frame->L, NULL, 0, 0);
}

static void overrun(struct watch *watch)
{
	struct sandbox *sandbox = (struct sandbox *)watch;

	if (sandbox->frame->ended == GOING)
		sandbox->frame->ended = TIME;
	arm(sandbox->frame);
}

static size_t allowance(const struct sandbox *sandbox)
{
	return (sandbox->environment.running ? 1 : LOADING_MEMORY) * sandbox->memory;
}

static size_t memory_limit(const struct sandbox *sandbox)
{
	return sandbox->loaded + allowance(sandbox) + sandbox->threads * THREAD_MEMORY;
}

/* With all garbage gone. */
static bool is_too_much(struct sandbox *sandbox, lua_State *L)
{
	sandbox->over = false;
	lua_gc(L, LUA_GCCOLLECT);
	return sandbox->used > memory_limit(sandbox);
}

static char *describe_limit(const struct sandbox *sandbox, const struct frame *frame)
{
	const char *who = sandbox->environment.running ? "the rule" : "loading the file";
	char memory[32];

	switch (frame->ended) {
	case TIME:
		return g_strdup_printf("%s took more than %lld ms of processor time", who,
		                       (long long)(atomic_load(&sandbox->watch.budget) / 1000000));
	case MEMORY:
		return g_strdup_printf("%s took more than %s of memory", who,
		                       bytes_print((int64_t)allowance(sandbox), memory));
	default: return g_strdup_printf("%s ran more than %d instructions", who, frame->instructions);
	}
}

/* Says why the run ends (reason, NULL: a limit), and where, if that was not said
 * before. Never asks Lua for memory. */
static void describe(struct sandbox *sandbox, struct frame *frame, const char *reason)
{
	g_autofree char *text = NULL;
	lua_Debug debug;

	if (frame->described)
		return;
	frame->described = true;
	text = reason != NULL ? g_strdup(reason) : describe_limit(sandbox, frame);
	for (int level = 0; lua_getstack(frame->L, level, &debug); level++) {
		lua_getinfo(frame->L, "Sl", &debug);
		if (debug.currentline > 0) {
			g_snprintf(sandbox->message, sizeof(sandbox->message), "%s:%d: %s", debug.short_src,
			           debug.currentline, text);
			return;
		}
	}
	g_strlcpy(sandbox->message, text, sizeof(sandbox->message));
}

/* The hook. It is called before every instruction of a run that was ended; and
 * once when memory is over the limit, and when instructions are used up. */
static void end_run(lua_State *L, lua_Debug *debug)
{
	struct sandbox *sandbox = sandbox_of(L);
	struct frame *frame = sandbox->frame;

	(void)debug;
	/* An error of a hook leaves hooks switched off unless someone catches it. */
	if (frame == NULL || !frame->guarded)
		return;
	if (frame->ended == GOING && sandbox->over) {
		disarm(frame);
		if (!is_too_much(sandbox, L))
			return;
		frame->ended = MEMORY;
	} else if (frame->ended == GOING) {
		frame->ended = INSTRUCTIONS;
	}
	describe(sandbox, frame, NULL);
	arm(frame);
	lua_pushstring(L, sandbox->message);
	lua_error(L);
}

void sandbox_abort(lua_State *L, const char *reason)
{
	struct sandbox *sandbox = sandbox_of(L);
	struct frame *frame = sandbox->frame;

	if (frame->ended == GOING)
		frame->ended = OTHER;
	describe(sandbox, frame, reason);
	arm(frame);
	lua_pushstring(L, sandbox->message);
	lua_error(L);
	abort();
}

bool sandbox_is_ended(lua_State *L)
{
	struct frame *frame = sandbox_of(L)->frame;

	return frame != NULL && frame->ended != GOING;
}

const char *sandbox_aborted(const struct sandbox *sandbox)
{
	return sandbox->aborted ? sandbox->message : NULL;
}

static void spend_steps(lua_State *L)
{
	sandbox_abort(L, "pattern matching took too many steps");
}

/* -- memory -------------------------------------------------------------- */

/* Asked over the limit. Whether that is garbage shows at the next instruction, so
 * a quarter more is granted until then: the buffers of Lua's library fail at once
 * where Lua itself would collect garbage and ask again. */
static bool refuse(struct sandbox *sandbox, struct frame *frame, size_t size, size_t total)
{
	size_t most = memory_limit(sandbox) + allowance(sandbox) / 4;

	if (!sandbox->over) {
		sandbox->over = true;
		arm(frame);
	}
	if (total <= most + (frame->ended != GOING ? RESERVE : 0))
		return false;
	/* Asked again after a full collection, or for what can never be had. */
	if (frame->ended == GOING && (sandbox->refused || size > allowance(sandbox))) {
		frame->ended = MEMORY;
		describe(sandbox, frame, NULL);
	}
	sandbox->refused = true;
	return true;
}

/* Limits hold only where errors are caught. */
static void *allocate(void *data, void *block, size_t old_size, size_t size)
{
	struct sandbox *sandbox = data;
	struct frame *frame = sandbox->frame;
	size_t total;
	void *moved;

	if (block == NULL)
		old_size = 0;
	total = sandbox->used - old_size + size;
	if (size > old_size) {
		if (total > sandbox->memory && frame != NULL && frame->guarded &&
		    total > memory_limit(sandbox) && refuse(sandbox, frame, size, total))
			return NULL;
		sandbox->refused = false;
	}
	moved = heap_resize(&sandbox->heap, block, old_size, size);
	if (moved != NULL || size == 0)
		sandbox->used = total;
	return moved;
}

size_t sandbox_memory(const struct sandbox *sandbox)
{
	return sandbox->used;
}

/* -- entering and leaving ------------------------------------------------ */

static void enter(struct sandbox *sandbox, struct frame *frame, lua_State *L, bool guarded)
{
	*frame = (struct frame){ .outer = sandbox->frame,
		                 .L = L,
		                 .guarded = guarded,
		                 .instructions = sandbox->instructions,
		                 .steps = sandbox->patterns.run };
	sandbox->patterns.run = STEPS_A_RUN;
	atomic_signal_fence(memory_order_seq_cst);
	sandbox->frame = frame;
	if (frame->outer == NULL) {
		atomic_store_explicit(&sandbox->watch.budget,
		                      (sandbox->environment.running ? 1 : LOADING_TIME) * sandbox->time *
		                              1000000,
		                      memory_order_relaxed);
		frame->outer_watch = watch_begin(&sandbox->watch);
	}
	if (frame->instructions > 0)
		disarm(frame);
}

/* Where much stays in use after a run that took too much, not that run alone is to blame. */
static void add_kept(struct sandbox *sandbox)
{
	size_t length = strlen(sandbox->message), more = allowance(sandbox);
	size_t others = memory_limit(sandbox) - more;

	lua_gc(sandbox->main, LUA_GCCOLLECT);
	if (sandbox->environment.running && sandbox->used >= others + more / 4)
		g_snprintf(sandbox->message + length, sizeof(sandbox->message) - length,
		           "; %zu %% of it are kept by variables of the file, or by requests that wait",
		           100 * (sandbox->used - others) / more);
}

/* Returns whether the run was ended. */
static bool leave(struct sandbox *sandbox, struct frame *frame)
{
	struct frame *outer = frame->outer;
	bool ended;

	if (outer == NULL)
		watch_end(&sandbox->watch, frame->outer_watch);
	sandbox->frame = outer; /* from here on the signal handler leaves this run alone */
	ended = frame->ended != GOING;
	if (ended)
		describe(sandbox, frame, NULL);
	if (ended || sandbox->over || frame->instructions > 0)
		lua_sethook(frame->L, NULL, 0, 0);
	sandbox->aborted = ended;
	sandbox->patterns.run = frame->steps;
	if (outer == NULL) {
		sandbox->over = false;
		if (frame->ended == MEMORY)
			add_kept(sandbox);
	} else {
		if (frame->ended == TIME)
			outer->ended = TIME;
		if (outer->ended != GOING || sandbox->over)
			arm(outer);
		else if (outer->instructions > 0)
			disarm(outer);
	}
	return ended;
}

int sandbox_call(struct sandbox *sandbox, int arguments, int results)
{
	lua_State *L = sandbox->main;
	int below = lua_gettop(L) - arguments - 1, status;
	struct frame frame;

	enter(sandbox, &frame, L, true);
	status = lua_pcall(L, arguments, results, 0);
	if (!leave(sandbox, &frame))
		return status;
	lua_settop(L, below);
	lua_pushstring(L, sandbox->message);
	return LUA_ERRRUN;
}

/* -- threads ------------------------------------------------------------- */

lua_State *sandbox_thread(struct sandbox *sandbox)
{
	lua_State *L = sandbox->main, *thread = lua_newthread(L);

	lua_sethook(thread, NULL, 0, 0); /* it has that of the state, which may be running */
	lua_rawsetp(L, LUA_REGISTRYINDEX, thread);
	sandbox->threads++;
	return thread;
}

static int end_thread(lua_State *L, int status, lua_KContext context)
{
	(void)context;
	struct frame *frame = sandbox_of(L)->frame;

	frame->status = status == LUA_YIELD ? LUA_OK : status;
	frame->results = lua_gettop(L);
	return frame->results;
}

/* The bottom of every thread. Where an error leaves a thread altogether, Lua
 * forgets to switch its hooks on again; so none does. */
static int begin_thread(lua_State *L)
{
	sandbox_of(L)->frame->guarded = true;
	return end_thread(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, end_thread), 0);
}

int sandbox_resume(struct sandbox *sandbox, lua_State *thread, int arguments, int *results)
{
	bool fresh = lua_status(thread) == LUA_OK;
	struct frame frame;
	int status;

	if (fresh) {
		lua_pushcfunction(thread, begin_thread);
		lua_insert(thread, -arguments - 2);
		arguments++;
	}
	enter(sandbox, &frame, thread, !fresh);
	status = lua_resume(thread, frame.outer != NULL ? frame.outer->L : NULL, arguments, results);
	if (status == LUA_OK) {
		status = frame.status;
		*results = frame.results; /* Lua counts all that is on the stack */
	}
	if (!leave(sandbox, &frame))
		return status;
	if (status == LUA_YIELD) {
		sandbox->aborted = false; /* it was just in time */
		return status;
	}
	lua_pop(thread, *results);
	lua_pushstring(thread, sandbox->message);
	*results = 1;
	return LUA_ERRRUN;
}

/* -- names --------------------------------------------------------------- */

void sandbox_set_global(struct sandbox *sandbox, const char *name)
{
	environment_set(sandbox->main, &sandbox->environment, name);
}

void sandbox_set_loading_global(struct sandbox *sandbox, const char *name)
{
	environment_set_loading(sandbox->main, &sandbox->environment, name);
}

void sandbox_on_assigned(struct sandbox *sandbox,
                         void (*assigned)(lua_State *L, const char *name, void *data), void *data)
{
	sandbox->environment.assigned = assigned;
	sandbox->environment.data = data;
}

bool sandbox_load(lua_State *L, const char *name, const char *bytes, size_t size)
{
	g_autofree char *chunk = g_strconcat("@", name, NULL);

	if (luaL_loadbufferx(L, bytes, size, chunk, "t") != LUA_OK)
		return false;
	environment_enclose(L, &sandbox_of(L)->environment);
	return true;
}

/* -- the sandbox --------------------------------------------------------- */

static int panic(lua_State *L)
{
	g_error("error outside of any rule: %s", lua_tostring(L, -1));
	return 0;
}

void sandbox_set_time(struct sandbox *sandbox, pp_msec_t length)
{
	sandbox->time = length;
}

void sandbox_set_memory(struct sandbox *sandbox, size_t bytes)
{
	sandbox->memory = bytes;
}

void sandbox_set_instructions(struct sandbox *sandbox, int count)
{
	sandbox->instructions = count;
}

void sandbox_set_running(struct sandbox *sandbox, bool running)
{
	environment_run(sandbox->main, &sandbox->environment, running);
	if (sandbox->frame == NULL)
		lua_gc(sandbox->main, LUA_GCCOLLECT);
	sandbox->loaded = running ? sandbox->used : 0;
}

bool sandbox_is_running(const struct sandbox *sandbox)
{
	return sandbox->environment.running;
}

struct sandbox *sandbox_new(void *owner)
{
	struct sandbox *sandbox = g_new0(struct sandbox, 1);

	sandbox->owner = owner;
	heap_init(&sandbox->heap);
	sandbox->time = 100;
	sandbox->memory = 16 << 20;
	sandbox->patterns = (struct pattern_budget){ STEPS_A_CALL, STEPS_A_RUN, spend_steps };
	sandbox->watch.overrun = overrun;
	sandbox->main = lua_newstate(allocate, sandbox);
	if (sandbox->main == NULL)
		g_error("no memory for a Lua state");
	lua_atpanic(sandbox->main, panic);
	/* Threads made later get a copy. */
	*(struct sandbox **)lua_getextraspace(sandbox->main) = sandbox;
	lua_newtable(sandbox->main);
	library_open(sandbox->main, &sandbox->patterns);
	environment_open(sandbox->main, &sandbox->environment);
	watch_add(&sandbox->watch);
	return sandbox;
}

void sandbox_free(struct sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	watch_remove(&sandbox->watch);
	lua_close(sandbox->main);
	heap_clear(&sandbox->heap);
	g_free(sandbox);
}

lua_State *sandbox_state(const struct sandbox *sandbox)
{
	return sandbox->main;
}

struct sandbox *sandbox_of(lua_State *L)
{
	return *(struct sandbox **)lua_getextraspace(L);
}

void *sandbox_owner(lua_State *L)
{
	return sandbox_of(L)->owner;
}
