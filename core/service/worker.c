/* service/worker.c - threads for functions that block */
#include "service/worker.h"

#include <glib.h>

struct worker {
	struct worker_pool *pool;
	pthread_t thread;
	unsigned index;
};

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;           /* there is a job, or the end has come */
	struct worker_job *first, **last; /* waiting */
	unsigned taken, limit;            /* jobs waiting and running; how many at most */
	bool ending;
	unsigned count;
	struct worker workers[];
};

/* Waits for a job; NULL when the pool ends. Called and returns with the lock held. */
static struct worker_job *next_job(struct worker_pool *pool)
{
	struct worker_job *job;

	while (pool->first == NULL && !pool->ending)
		pthread_cond_wait(&pool->changed, &pool->lock);
	job = pool->first;
	if (job == NULL)
		return NULL;
	pool->first = job->next;
	if (pool->first == NULL)
		pool->last = &pool->first;
	return job;
}

static void *worker_main(void *data)
{
	struct worker *worker = data;
	struct worker_pool *pool = worker->pool;
	struct worker_job *job;

	pthread_mutex_lock(&pool->lock);
	while ((job = next_job(pool)) != NULL) {
		pthread_mutex_unlock(&pool->lock);
		job->ran = true;
		job->run(job, worker->index);
		/* Counted off first: done may start the next job at once. */
		pthread_mutex_lock(&pool->lock);
		pool->taken--;
		pthread_mutex_unlock(&pool->lock);
		loop_post(job->loop, &job->done);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct worker_pool *worker_pool_new(unsigned threads, unsigned queue)
{
	struct worker_pool *pool = g_malloc0(sizeof(*pool) + threads * sizeof(pool->workers[0]));

	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->last = &pool->first;
	pool->limit = threads + queue;
	pool->count = threads;
	for (unsigned i = 0; i < threads; i++) {
		struct worker *worker = &pool->workers[i];
		g_autofree char *name = g_strdup_printf("worker %u", i);

		worker->pool = pool;
		worker->index = i;
		worker->thread = loop_spawn(name, worker_main, worker);
	}
	return pool;
}

void worker_pool_free(struct worker_pool *pool)
{
	struct worker_job *job, *next;

	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	job = pool->first;
	pool->first = NULL;
	pool->last = &pool->first;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	for (; job != NULL; job = next) {
		next = job->next; /* done may free it */
		loop_post(job->loop, &job->done);
	}
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->workers[i].thread, NULL);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	g_free(pool);
}

unsigned worker_pool_threads(const struct worker_pool *pool)
{
	return pool->count;
}

bool worker_start(struct worker_pool *pool, struct worker_job *job)
{
	bool room;

	pthread_mutex_lock(&pool->lock);
	room = pool->taken < pool->limit && !pool->ending;
	if (room) {
		pool->taken++;
		job->ran = false;
		job->next = NULL;
		*pool->last = job;
		pool->last = &job->next;
		pthread_cond_signal(&pool->changed);
	}
	pthread_mutex_unlock(&pool->lock);
	return room;
}
