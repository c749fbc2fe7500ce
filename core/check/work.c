/* check/work.c - what an ask has started and waits for: sleeping, blocking functions */
#include "check/work.h"

#include <stdlib.h>
#include <string.h>
#include "check/dns.h"
#include "check/step.h"
#include "check/upstream.h"

#define SLEEP_MAX (INT64_C(100) * 366 * 86400 * 1000) /* ms: as good as forever, and no overflow */

/* -- any work ------------------------------------------------------------ */

struct pp_work *work_new(struct pp_ask *ask)
{
	struct pp_work *work = arena_new0(&ask->arena, struct pp_work);

	work->ask = ask;
	work->state = PP_WORK_FAILED;
	work->next = ask->works;
	ask->works = work;
	return work;
}

void work_begin(struct pp_work *work, struct pp_work **claim)
{
	work->state = PP_WORK_OPEN;
	work->claim = claim;
	if (claim != NULL)
		*claim = work;
	work->ask->open_works++;
}

void work_finish(struct pp_work *work, pp_work_state_t state)
{
	struct pp_ask *ask = work->ask;

	work->claim = NULL;
	work->state = state;
	ask->open_works--;
	if (ask->running || (!ask->wait_any && ask->open_works > 0))
		return;
	/* Answers of DNS come many at a time. */
	if (work->look_up != NULL && ask->open_works > 0)
		step_wake_soon(ask);
	else
		step_wake(ask);
}

static void end_work(struct pp_work *work, pp_work_state_t state)
{
	loop_timer_cancel(work->ask->host->loop, &work->timer);
	if (work->claim != NULL)
		*work->claim = NULL;
	work->claim = NULL;
	if (work->look_up != NULL)
		dns_cancel(&work->look_up->wish);
	if (work->asked != NULL)
		upstream_call_cancel(&work->asked->call, pp_now() >= work->ask->due);
	work->state = state;
}

void work_end_all(struct pp_ask *ask, pp_work_state_t state)
{
	for (struct pp_work *work = ask->works; work != NULL; work = work->next)
		if (work->state == PP_WORK_OPEN)
			end_work(work, state);
	ask->open_works = 0;
	ask->look_ups_under_way = 0;
	ask->look_ups_waiting = NULL;
	loop_task_cancel(ask->host->loop, &ask->launcher);
}

pp_work_state_t pp_work_state(const pp_work_t *work)
{
	return work->state;
}

const char *pp_work_error(const pp_work_t *work)
{
	if (work->state != PP_WORK_FAILED)
		return "";
	return work->error != NULL ? work->error : "it could not be carried out";
}

/* -- sleeping ------------------------------------------------------------ */

static void sleep_over(struct loop_timer *timer)
{
	work_finish((struct pp_work *)((char *)timer - offsetof(struct pp_work, timer)), PP_WORK_DONE);
}

pp_work_t *pp_sleep(pp_ask_t *ask, pp_msec_t length)
{
	pp_work_t *work = work_new(ask);

	work_begin(work, NULL);
	work->timer.expired = sleep_over;
	loop_timer_set(ask->host->loop, &work->timer, pp_now() + CLAMP(length, 0, SLEEP_MAX));
	return work;
}

/* -- blocking ------------------------------------------------------------ */

struct blocking {
	struct worker_job job;
	struct pp_work *work; /* NULL: nobody waits any longer; the loop's thread only */
	struct check *check;  /* a reference */
	pp_blocking_fn function;
	size_t size;
	_Alignas(max_align_t) char data[];
};

static void run_blocking(struct worker_job *job, unsigned index)
{
	struct blocking *blocking = (struct blocking *)job;

	blocking->function(check_worker_handle(blocking->check, index), blocking->data);
}

static void blocking_done(struct loop_message *message)
{
	struct blocking *blocking = (struct blocking *)((char *)message - offsetof(struct worker_job, done));
	struct pp_work *work = blocking->work;
	bool ran = blocking->job.ran;

	if (work != NULL) {
		work->data = arena_alloc(&work->ask->arena, blocking->size + 1);
		memcpy(work->data, blocking->data, blocking->size);
		work->error = "the server is stopping";
	}
	check_unref(blocking->check);
	free(blocking);
	if (work != NULL)
		work_finish(work, ran ? PP_WORK_DONE : PP_WORK_FAILED);
}

pp_work_t *pp_blocking(pp_ask_t *ask, pp_blocking_fn function, const void *data, size_t size)
{
	pp_work_t *work = work_new(ask);
	struct blocking *blocking = calloc(1, sizeof(*blocking) + size + 1);

	work->data = arena_alloc0(&ask->arena, size + 1);
	work->error = "all workers are busy";
	if (blocking == NULL)
		return work;
	*blocking = (struct blocking){
		.job = { .done.run = blocking_done, .loop = ask->host->loop, .run = run_blocking },
		.check = check_ref(ask->check),
		.function = function,
		.size = size
	};
	if (size > 0)
		memcpy(blocking->data, data, size);
	if (ask->host->workers == NULL || !worker_start(ask->host->workers, &blocking->job)) {
		check_unref(blocking->check);
		free(blocking);
		return work;
	}
	work_begin(work, &blocking->work);
	return work;
}

void *pp_work_data(const pp_work_t *work)
{
	return work->data;
}
