/* rule/sandbox.h - a Lua state that cannot take the process with it
 *
 * Scripts get the safe part of Lua's libraries (rule/library.h) and the globals
 * registered here, and no way to more. Whatever runs, runs within limits:
 *
 *   time          of the processor, watched by one thread for all sandboxes;
 *                 for each stretch of a run between its waits
 *   instructions  counted, hence the same everywhere; off by default
 *   memory        beyond what the loaded file itself takes
 *   patterns      1,000,000 steps a call, 4,000,000 a run (rule/pattern.h)
 *   depth         1000 calls around a pcall (rule/library.c)
 *
 * Who passes one is ended: from then on every instruction of the run raises the
 * error again, so that no pcall gets round it. The next run is free again.
 *
 * Loading and running: until sandbox_set_running() scripts may set globals, see
 * all names, and may use a hundred times the time and sixteen times the memory.
 *
 * Threads: a sandbox is used by one thread at a time. SIGURG is taken, and must
 * not be blocked where sandboxes run; fork before the first one is made. Runs may
 * be nested, as when a rule test runs a rule; time is that of the outermost.
 */
#ifndef RULE_SANDBOX_H
#define RULE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include "ppolicyd/module.h"

struct sandbox;

struct sandbox *sandbox_new(void *owner); /* loading; 100 ms, 16 MiB */
void sandbox_free(struct sandbox *sandbox);
lua_State *sandbox_state(const struct sandbox *sandbox);
/* Of any thread of a sandbox. */
struct sandbox *sandbox_of(lua_State *L);
void *sandbox_owner(lua_State *L);

/* -- limits -------------------------------------------------------------- */

void sandbox_set_time(struct sandbox *sandbox, pp_msec_t length);
void sandbox_set_memory(struct sandbox *sandbox, size_t bytes);
void sandbox_set_instructions(struct sandbox *sandbox, int count); /* 0 = not counted */
size_t sandbox_memory(const struct sandbox *sandbox);              /* bytes in use */

/* -- globals ------------------------------------------------------------- */

/* Makes the value on top of the stack of sandbox_state() a global, and pops it. */
void sandbox_set_global(struct sandbox *sandbox, const char *name);
/* One that is seen only while the file is loaded. What a script keeps of it
 * stays in its hands: ask sandbox_is_running() in what must not be called. */
void sandbox_set_loading_global(struct sandbox *sandbox, const char *name);
/* Called when a script sets a global while loading; the value is on top of the stack. */
void sandbox_on_assigned(struct sandbox *sandbox,
                         void (*assigned)(lua_State *L, const char *name, void *data), void *data);
/* Ends loading, or begins it again; within a run its time stays what it was. */
void sandbox_set_running(struct sandbox *sandbox, bool running);
bool sandbox_is_running(const struct sandbox *sandbox);

/* -- running ------------------------------------------------------------- */

/* Pushes the text as a function; name is the file's, as errors show it. Returns
 * false with the error on the stack in its place. */
bool sandbox_load(lua_State *L, const char *name, const char *bytes, size_t size);

/* Calls a function on the stack of sandbox_state(), as lua_pcall() does. Returns
 * LUA_OK, or another status with the error on the stack in place of the results. */
int sandbox_call(struct sandbox *sandbox, int arguments, int results);

/* A coroutine, to be used any number of times. It lives as long as the sandbox. */
lua_State *sandbox_thread(struct sandbox *sandbox);

/* Starts the function on the thread's stack with its arguments, or goes on with a
 * thread that yielded. Returns LUA_YIELD or LUA_OK with *results values on top of
 * the stack, or another status with the error on top; what lay below the function
 * is still there. After all but LUA_YIELD the thread can be used again. */
int sandbox_resume(struct sandbox *sandbox, lua_State *thread, int arguments, int *results);

/* Why the last run was ended by a limit or by sandbox_abort(), with file:line where
 * known; NULL: it was not. Until the next run. */
const char *sandbox_aborted(const struct sandbox *sandbox);
/* In a run that was ended, and should not be carried on by C functions either. */
bool sandbox_is_ended(lua_State *L);
/* Ends the run with an error that cannot be caught. From a function called by Lua. */
void sandbox_abort(lua_State *L, const char *reason) __attribute__((noreturn));

#endif
