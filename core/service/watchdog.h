/* service/watchdog.h - one thread that ends what uses the processor for too long
 *
 * Who watches over itself (a sandbox) says when work begins and ends, which
 * costs a few nanoseconds. The thread looks every 20 ms; when it finds the same
 * work going on after its budget, it sends SIGURG to the thread that does it,
 * there overrun() is called in the signal handler, and so again every 20 ms.
 */
#ifndef SERVICE_WATCHDOG_H
#define SERVICE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Embed it, zeroed. */
struct watch {
	/* Async-signal-safe; in the thread that works, between watch_begin() and watch_end() only. */
	void (*overrun)(struct watch *watch);
	_Atomic int64_t budget;    /* nanoseconds of the working thread's processor time */
	_Atomic uint64_t sequence; /* odd = working */
	_Atomic uint64_t overdue;  /* the sequence that is past its budget */
	_Atomic pid_t thread;      /* which works */
	_Atomic clockid_t clock;   /* of its processor time */
	uint64_t seen;             /* the rest is the watchdog's: sequence at the last look, */
	int64_t since;             /* processor time when it was first seen, */
	struct watch *next;
};

void watch_add(struct watch *watch);
void watch_remove(struct watch *watch); /* not working */

/* Work may be nested with other watches; the innermost is asked about its overrun(). */
struct watch *watch_begin(struct watch *watch); /* returns the outer one, for watch_end() */
void watch_end(struct watch *watch, struct watch *outer);

#endif
