/* service/loop.h - an event-loop thread: descriptors, timers, messages, tasks
 *
 * Each loop has one private epoll descriptor, level-triggered, and runs what it
 * is told in its own thread. Only loop_post(), loop_call(), loop_stop() and
 * loop_wake() may be called from other threads. With a fake clock a loop that has
 * nothing to do sleeps until clock_advance() and loop_wake().
 */
#ifndef SERVICE_LOOP_H
#define SERVICE_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "ppolicyd/module.h"

/* For what comes in heaps, such as tasks and timers; then descriptors have their turn again. */
#define LOOP_SLICE_USEC 50

struct loop;

struct loop *loop_new(const char *name); /* not running; aborts if the kernel gives no descriptors */
void loop_free(struct loop *loop);       /* stopped before; pending messages are run first */
void loop_start(struct loop *loop);      /* in a thread of its own */
void loop_run(struct loop *loop);        /* in the caller's thread, until loop_stop() */
/* Any thread; waits for the thread of loop_start() unless called in it. What was
 * posted before runs before the loop ends. A stopped loop may be run again. */
void loop_stop(struct loop *loop);
void loop_wake(struct loop *loop); /* any thread: makes the loop look at its timers again */
pthread_t loop_thread(const struct loop *loop);
pp_msec_t loop_now(const struct loop *loop); /* when this turn began */
int64_t loop_usec(const struct loop *loop);  /* the same in microseconds */

/* A thread that takes no signals but those of its own faults and SIGURG. Aborts
 * if the system gives none. The name is cut at 15 characters. */
pthread_t loop_spawn(const char *name, void *(*function)(void *data), void *data);

/* A descriptor the loop watches. Embed it; events are EPOLLIN, EPOLLOUT, ...; with
 * 0 it is still told of EPOLLERR and EPOLLHUP, again and again until removed. */
struct loop_watch {
	int fd;
	uint32_t events;
	void (*ready)(struct loop_watch *watch, uint32_t events);
};
bool loop_add(struct loop *loop, struct loop_watch *watch); /* false: errno says why */
void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* No callback comes after it, not even one of this turn. Does not close fd. */
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* A timer. Embed it, zeroed; a set one may be set anew, an unset one cancelled. */
struct loop_timer {
	pp_msec_t due;  /* on pp_now()'s clock; set by loop_timer_set() */
	uint32_t place; /* in the heap, 0 = not set */
	void (*expired)(struct loop_timer *timer);
};
void loop_timer_set(struct loop *loop, struct loop_timer *timer, pp_msec_t due);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
pp_msec_t loop_next_due(const struct loop *loop); /* -1 = no timer; for the fake clock: slow */

/* A message from any thread, run in the loop's thread in the order posted. Embed it. */
struct loop_message {
	struct loop_message *next;
	void (*run)(struct loop_message *message);
};
void loop_post(struct loop *loop, struct loop_message *message);
/* Posts a call and waits until it has run. Never from the loop's own thread. */
void loop_call(struct loop *loop, void (*function)(void *data), void *data);

/* Work that may be much, done when a turn has done all else: a slice of it, and the rest in the next
 * turns, one task after the other. Embed it, zeroed. */
enum loop_rank {
	LOOP_PROMPT,
	LOOP_PATIENT, /* waits for all others */
	LOOP_LAST     /* for the patient ones, too: what begins more work for these */
};
struct loop_task {
	bool (*run)(struct loop_task *task); /* does a little; true: there is more; false: it may be gone */
	enum loop_rank rank;                 /* stays as it is while it is set */
	bool waits;                          /* it is set; the rest is the loop's, too */
	struct loop_task *next, *previous;
};
void loop_task_set(struct loop *loop, struct loop_task *task); /* nothing happens if it is set */
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* Runs a message of the loop's own once, when it has nothing left to do and before it
 * sleeps; when it ends at the latest. The message must not be posted yet. */
void loop_before_sleep(struct loop *loop, struct loop_message *message);

/* From now on runs at the end of every turn, before the loop sleeps, as for flushing logs. */
void loop_at_turn_end(struct loop *loop, void (*function)(void *data), void *data);

#endif
