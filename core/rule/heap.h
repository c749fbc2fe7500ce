/* rule/heap.h - the memory of a Lua state: small blocks are recycled
 *
 * A request makes and drops a dozen small objects in its state, which malloc() and
 * free() would take longer for than all the rest. Memory once taken for small blocks
 * serves small blocks until the heap is cleared. One thread at a time.
 */
#ifndef RULE_HEAP_H
#define RULE_HEAP_H

#include <stddef.h>

enum { HEAP_SMALL_MAX = 256, HEAP_STEP = 16 };

struct heap_block;
struct heap {
	struct heap_block *spare[HEAP_SMALL_MAX / HEAP_STEP + 1]; /* by size */
	struct heap_block *chunks;
	char *next, *end; /* free part of the newest chunk */
};

void heap_init(struct heap *heap);
void heap_clear(struct heap *heap); /* frees all small blocks */

/* As realloc(), but for old_size, the size the block has. Both may be 0, block is then
 * NULL, or freed. NULL: there is no memory for a block over HEAP_SMALL_MAX. */
void *heap_resize(struct heap *heap, void *block, size_t old_size, size_t size);

#endif
