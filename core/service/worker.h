/* service/worker.h - threads for functions that block
 *
 * A pool has a fixed number of threads and takes no more jobs than it has idle
 * threads and places in a short queue: when all are stuck a job is refused at
 * once rather than queued for ever.
 */
#ifndef SERVICE_WORKER_H
#define SERVICE_WORKER_H

#include "service/loop.h"

struct worker_pool;

struct worker_job {
	struct loop_message done; /* posted to the loop when run has returned, or never will be called */
	struct loop *loop;
	/* In the worker's thread. index is the thread's number, from 0. */
	void (*run)(struct worker_job *job, unsigned index);
	bool ran; /* for done: false = the pool was freed before its turn came */
	struct worker_job *next;
};

struct worker_pool *worker_pool_new(unsigned threads, unsigned queue);
/* Waits for running jobs; the queued ones are done without having run. */
void worker_pool_free(struct worker_pool *pool);
unsigned worker_pool_threads(const struct worker_pool *pool);
bool worker_start(struct worker_pool *pool, struct worker_job *job); /* false: all are busy */

#endif
