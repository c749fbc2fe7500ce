/* service/loop_task.c - the tasks of a loop: work that can wait for its slice of a turn */
#include "service/loop_task.h"

#include <glib.h>
#include "base/clock.h"

/* Of a turn, in which others may have come: the least, and which part of what these took. */
enum { PATIENT_USEC = 25, PATIENT_PART = 8 };

void loop_tasks_add(struct loop_tasks *tasks, struct loop_task *task)
{
	struct loop_task_queue *queue = &tasks->queues[task->rank];

	if (task->waits)
		return;
	task->waits = true;
	task->next = NULL;
	task->previous = queue->last;
	if (queue->last != NULL)
		queue->last->next = task;
	else
		queue->first = task;
	queue->last = task;
}

void loop_tasks_remove(struct loop_tasks *tasks, struct loop_task *task)
{
	struct loop_task_queue *queue = &tasks->queues[task->rank];

	if (!task->waits)
		return;
	task->waits = false;
	if (task->previous != NULL)
		task->previous->next = task->next;
	else
		queue->first = task->next;
	if (task->next != NULL)
		task->next->previous = task->previous;
	else
		queue->last = task->previous;
}

static bool rank_waits(const struct loop_tasks *tasks, enum loop_rank rank)
{
	return tasks->queues[rank].first != NULL;
}

bool loop_tasks_wait(const struct loop_tasks *tasks)
{
	return rank_waits(tasks, LOOP_PROMPT) || rank_waits(tasks, LOOP_PATIENT) ||
	       rank_waits(tasks, LOOP_LAST);
}

/* One as long as it has something to do, so that what comes of many bits of it is done once. True: time
 * is over. */
static bool run_first(struct loop_tasks *tasks, enum loop_rank rank, int64_t end)
{
	struct loop_task *task = tasks->queues[rank].first;
	bool more, over;

	loop_tasks_remove(tasks, task);
	do {
		more = task->run(task);
		over = clock_usec() >= end;
	} while (more && !over);
	if (more)
		loop_tasks_add(tasks, task);
	return over;
}

static void run_prompt(struct loop_tasks *tasks)
{
	const int64_t end = clock_usec() + LOOP_SLICE_USEC;

	while (rank_waits(tasks, LOOP_PROMPT) && !run_first(tasks, LOOP_PROMPT, end))
		continue;
}

static void run_patient(struct loop_tasks *tasks, int64_t length)
{
	const int64_t end = clock_usec() + length;
	bool over = false;

	while (!over && (rank_waits(tasks, LOOP_PATIENT) || rank_waits(tasks, LOOP_LAST)))
		over = run_first(tasks, rank_waits(tasks, LOOP_PATIENT) ? LOOP_PATIENT : LOOP_LAST, end);
}

void loop_tasks_run(struct loop_tasks *tasks, int64_t began)
{
	int64_t others = clock_usec() - began;

	run_prompt(tasks);
	run_patient(tasks, MAX(PATIENT_USEC, others / PATIENT_PART));
}
