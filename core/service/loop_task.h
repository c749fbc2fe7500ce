/* service/loop_task.h - the tasks of a loop: work that can wait for its slice of a turn */
#ifndef SERVICE_LOOP_TASK_H
#define SERVICE_LOOP_TASK_H

#include "service/loop.h"

struct loop_task_queue {
	struct loop_task *first, *last;
};

struct loop_tasks {
	struct loop_task_queue queues[LOOP_LAST + 1]; /* by rank */
};

void loop_tasks_add(struct loop_tasks *tasks, struct loop_task *task);
void loop_tasks_remove(struct loop_tasks *tasks, struct loop_task *task);
bool loop_tasks_wait(const struct loop_tasks *tasks); /* there are some */
/* A slice of prompt ones, and one of patient ones; at least one of each. In what the patient ones
 * leave of theirs the last ones run. The turn began then. */
void loop_tasks_run(struct loop_tasks *tasks, int64_t began);

#endif
