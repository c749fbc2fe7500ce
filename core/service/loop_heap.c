/* service/loop_heap.c - the timers of a loop, the first one on top */
#include "service/loop_heap.h"

#include <glib.h>

enum { SIZE_FIRST = 64 };

/* A place in the heap. A timer set to a later time stays where it is: due is then
 * before timer->due and put right when it comes up, so that moving a deadline on,
 * as for every request of a connection, costs nothing. */
struct loop_due {
	pp_msec_t due;
	struct loop_timer *timer;
};

static void put(struct loop_heap *heap, uint32_t place, struct loop_due entry)
{
	heap->dues[place] = entry;
	entry.timer->place = place;
}

static void move_up(struct loop_heap *heap, uint32_t place, struct loop_due entry)
{
	while (place > 1) {
		uint32_t parent = (place + 2) / 4;

		if (heap->dues[parent].due <= entry.due)
			break;
		put(heap, place, heap->dues[parent]);
		place = parent;
	}
	put(heap, place, entry);
}

static void move_down(struct loop_heap *heap, uint32_t place, struct loop_due entry)
{
	for (;;) {
		uint32_t first = 4 * place - 2, least = first;

		if (first > heap->count)
			break;
		for (uint32_t child = first + 1; child <= MIN(first + 3, heap->count); child++)
			if (heap->dues[child].due < heap->dues[least].due)
				least = child;
		if (entry.due <= heap->dues[least].due)
			break;
		put(heap, place, heap->dues[least]);
		place = least;
	}
	put(heap, place, entry);
}

void loop_heap_set(struct loop_heap *heap, struct loop_timer *timer, pp_msec_t due)
{
	timer->due = due;
	if (timer->place != 0) {
		if (due < heap->dues[timer->place].due)
			move_up(heap, timer->place, (struct loop_due){ due, timer });
		return;
	}
	if (heap->count + 1 >= heap->size) {
		heap->size = MAX(SIZE_FIRST, heap->size * 2);
		heap->dues = g_renew(struct loop_due, heap->dues, heap->size);
	}
	move_up(heap, ++heap->count, (struct loop_due){ due, timer });
}

void loop_heap_remove(struct loop_heap *heap, struct loop_timer *timer)
{
	uint32_t place = timer->place;
	struct loop_due last;

	if (place == 0)
		return;
	timer->place = 0;
	last = heap->dues[heap->count--];
	if (place > heap->count)
		return;
	if (place > 1 && last.due < heap->dues[(place + 2) / 4].due)
		move_up(heap, place, last);
	else
		move_down(heap, place, last);
}

/* Puts the first timer where it belongs if it was set to a later time. */
static bool correct_first(struct loop_heap *heap)
{
	struct loop_due first = heap->dues[1];

	if (first.due == first.timer->due)
		return false;
	first.due = first.timer->due;
	move_down(heap, 1, first);
	return true;
}

pp_msec_t loop_heap_least(const struct loop_heap *heap)
{
	pp_msec_t least = INT64_MAX;

	for (uint32_t i = 1; i <= heap->count; i++)
		least = MIN(least, heap->dues[i].timer->due);
	return heap->count == 0 ? -1 : least;
}

struct loop_timer *loop_heap_take(struct loop_heap *heap, pp_msec_t now)
{
	while (heap->count > 0 && heap->dues[1].due <= now) {
		struct loop_timer *timer = heap->dues[1].timer;

		if (correct_first(heap))
			continue;
		loop_heap_remove(heap, timer);
		return timer;
	}
	return NULL;
}

pp_msec_t loop_heap_next(const struct loop_heap *heap)
{
	return heap->dues[1].due;
}

void loop_heap_clear(struct loop_heap *heap)
{
	g_free(heap->dues);
	*heap = (struct loop_heap){ 0 };
}
