/* service/loop_task.c - the tasks of a loop: work that can wait for its slice of a turn */
#include "service/loop_task.h"

#include <glib.h>
#include "base/clock.h"

/* Of a turn, in which others may have come: the least, and which part of what these took. */
enum { PATIENT_USEC = 25, PATIENT_PART = 8 };

static struct loop_task_queue *queue_of(struct loop_tasks *tasks, const struct loop_task *task)
{
	return task->last ? &tasks->last : task->patient ? &tasks->patient : &tasks->prompt;
}

void loop_tasks_add(struct loop_tasks *tasks, struct loop_task *task)
{
	struct loop_task_queue *queue = queue_of(tasks, task);

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
	struct loop_task_queue *queue = queue_of(tasks, task);

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

bool loop_tasks_wait(const struct loop_tasks *tasks)
{
	return tasks->prompt.first != NULL || tasks->patient.first != NULL || tasks->last.first != NULL;
}

/* One as long as it has something to do, so that what comes of many bits of it is done once. True: time
 * is over. */
static bool run_first(struct loop_tasks *tasks, struct loop_task_queue *queue, int64_t end)
{
	struct loop_task *task = queue->first;
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

	while (tasks->prompt.first != NULL && !run_first(tasks, &tasks->prompt, end))
		continue;
}

static void run_patient(struct loop_tasks *tasks, int64_t length)
{
	const int64_t end = clock_usec() + length;
	bool over = false;

	while (!over && (tasks->patient.first != NULL || tasks->last.first != NULL))
		over = run_first(tasks, tasks->patient.first != NULL ? &tasks->patient : &tasks->last, end);
}

void loop_tasks_run(struct loop_tasks *tasks, int64_t began)
{
	int64_t others = clock_usec() - began;

	run_prompt(tasks);
	run_patient(tasks, MAX(PATIENT_USEC, others / PATIENT_PART));
}
