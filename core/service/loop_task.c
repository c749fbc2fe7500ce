/* service/loop_task.c - the tasks of a loop: work that can wait for its slice of a turn */
#include "service/loop_task.h"

#include <glib.h>
#include "base/clock.h"

/* Of a turn, in which others may have come: the least, and which part of what these took. */
enum { PATIENT_USEC = 25, PATIENT_PART = 8 };

static struct loop_task_queue *queue_of(struct loop_tasks *tasks, const struct loop_task *task)
{
	return task->patient ? &tasks->patient : &tasks->prompt;
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
	return tasks->prompt.first != NULL || tasks->patient.first != NULL;
}

/* Each as long as it has something to do, so that what comes of many bits of one is done once. */
static void run_slice(struct loop_tasks *tasks, struct loop_task_queue *queue, int64_t length)
{
	const int64_t end = clock_usec() + length;
	bool more = false, over = false;

	while (queue->first != NULL && !over) {
		struct loop_task *task = queue->first;

		loop_tasks_remove(tasks, task);
		do {
			more = task->run(task);
			over = clock_usec() >= end;
		} while (more && !over);
		if (more)
			loop_tasks_add(tasks, task);
	}
}

void loop_tasks_run(struct loop_tasks *tasks, int64_t began)
{
	int64_t others = clock_usec() - began;

	run_slice(tasks, &tasks->prompt, LOOP_SLICE_USEC);
	run_slice(tasks, &tasks->patient, MAX(PATIENT_USEC, others / PATIENT_PART));
}
