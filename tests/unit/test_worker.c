/* unit/test_worker.c - the pool of threads for functions that block */
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include "service/worker.h"

/* A gate that jobs wait at. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int waiting;
	bool open;
};

#define GATE_SHUT                                                             \
	{                                                                     \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false \
	}

static void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->waiting++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_await(struct gate *gate, int waiting)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->waiting < waiting)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

struct work {
	struct worker_job job; /* begins with the message */
	struct worker_pool *pool;
	struct gate *gate; /* or NULL */
	unsigned index;
	int runs, left, refused;
	atomic_int done;
};

static void work(struct worker_job *job, unsigned index)
{
	struct work *work = (struct work *)job;

	g_assert_false(pthread_equal(pthread_self(), loop_thread(job->loop)));
	work->index = index;
	work->runs++;
	if (work->gate != NULL)
		gate_pass(work->gate);
}

/* Starts itself again: there must be room, since it is done. */
static void work_done(struct loop_message *message)
{
	struct work *work = (struct work *)message;

	if (work->job.ran && --work->left > 0 && worker_start(work->pool, &work->job))
		return;
	atomic_fetch_add(&work->done, 1);
}

static struct work new_work(struct worker_pool *pool, struct loop *loop, struct gate *gate, int times)
{
	return (struct work){ .job = { .done.run = work_done, .loop = loop, .run = work },
		              .pool = pool,
		              .gate = gate,
		              .left = times };
}

static struct loop *start_loop(void)
{
	struct loop *loop = loop_new("test");

	loop_start(loop);
	return loop;
}

static void end_loop(struct loop *loop)
{
	loop_stop(loop);
	loop_free(loop);
}

/* As many jobs as threads and no queue: each finds its place free when it is done. */
static void test_runs(void)
{
	struct loop *loops[2] = { start_loop(), start_loop() };
	struct worker_pool *pool = worker_pool_new(3, 0);
	struct work works[3];

	g_assert_cmpuint(worker_pool_threads(pool), ==, 3);
	for (int i = 0; i < 3; i++) {
		works[i] = new_work(pool, loops[i % 2], NULL, 2000);
		g_assert_true(worker_start(pool, &works[i].job));
	}
	for (int i = 0; i < 3; i++) {
		while (atomic_load(&works[i].done) == 0)
			g_usleep(100);
		g_assert_cmpint(works[i].runs, ==, 2000);
		g_assert_cmpuint(works[i].index, <, 3);
	}
	worker_pool_free(pool);
	end_loop(loops[0]);
	end_loop(loops[1]);
}

static void test_refuses(void)
{
	struct loop *loop = start_loop();
	struct worker_pool *pool = worker_pool_new(2, 3);
	struct gate gate = GATE_SHUT;
	struct work works[6];

	for (int i = 0; i < 6; i++) {
		works[i] = new_work(pool, loop, &gate, 1);
		g_assert_true(worker_start(pool, &works[i].job) == (i < 5));
	}
	gate_await(&gate, 2);
	g_assert_false(worker_start(pool, &works[5].job));
	g_assert_cmpint(gate.waiting, ==, 2);
	gate_open(&gate);
	for (int i = 0; i < 5; i++)
		while (atomic_load(&works[i].done) == 0)
			g_usleep(100);
	g_assert_true(worker_start(pool, &works[5].job));
	worker_pool_free(pool);
	end_loop(loop);
	g_assert_cmpint(works[5].done, ==, 1);
}

static void *open_later(void *gate)
{
	g_usleep(5000);
	gate_open(gate);
	return NULL;
}

static void test_free(void)
{
	struct loop *loop = start_loop();
	struct worker_pool *pool = worker_pool_new(2, 3);
	struct gate gate = GATE_SHUT;
	struct work works[5];
	bool seen[2] = { false, false };
	pthread_t opener;

	for (int i = 0; i < 5; i++) {
		works[i] = new_work(pool, loop, &gate, 1);
		g_assert_true(worker_start(pool, &works[i].job));
	}
	gate_await(&gate, 2);
	pthread_create(&opener, NULL, open_later, &gate);
	worker_pool_free(pool);
	g_assert_true(gate.open);
	pthread_join(opener, NULL);
	end_loop(loop);
	for (int i = 0; i < 5; i++) {
		g_assert_cmpint(works[i].done, ==, 1);
		g_assert_cmpint(works[i].runs, ==, i < 2);
		g_assert_true(works[i].job.ran == (i < 2));
		if (i < 2)
			seen[works[i].index] = true;
	}
	g_assert_true(seen[0] && seen[1]);
	worker_pool_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/worker/jobs run in threads of their own and are told of in their loop", test_runs);
	g_test_add_func("/worker/with all threads stuck and the queue full a job is refused at once",
	                test_refuses);
	g_test_add_func("/worker/freed, it waits for running jobs and gives back the queued ones", test_free);
	return g_test_run();
}
