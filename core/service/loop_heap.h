/* service/loop_heap.h - the timers of a loop, the first one on top */
#ifndef SERVICE_LOOP_HEAP_H
#define SERVICE_LOOP_HEAP_H

#include "service/loop.h"

struct loop_due;

struct loop_heap {
	struct loop_due *dues; /* from 1; the children of i are 4i-2 to 4i+1 */
	uint32_t count, size;
};

void loop_heap_clear(struct loop_heap *heap);
void loop_heap_set(struct loop_heap *heap, struct loop_timer *timer, pp_msec_t due);
void loop_heap_remove(struct loop_heap *heap,
                      struct loop_timer *timer); /* nothing happens unless it is set */
/* Takes the first one out, if it is due; NULL: it is not, or there is none. */
struct loop_timer *loop_heap_take(struct loop_heap *heap, pp_msec_t now);
/* When the first one is due, or earlier, if it was set to a later time; there is one. */
pp_msec_t loop_heap_next(const struct loop_heap *heap);
pp_msec_t loop_heap_least(const struct loop_heap *heap); /* exactly, and slow; -1 = no timer */

#endif
