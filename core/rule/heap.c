/* rule/heap.c - the memory of a Lua state: small blocks are recycled */
#include "rule/heap.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* A sanitizer sees what is used after its end only if every block is one of malloc(). */
#ifdef SANITIZED
enum { SMALL_MAX = 0 };
#else
enum { SMALL_MAX = HEAP_SMALL_MAX };
#endif

enum { CHUNK = 16384 - 2 * sizeof(size_t) }; /* with malloc's own header four pages */

struct heap_block {
	struct heap_block *next;
};

void heap_init(struct heap *heap)
{
	*heap = (struct heap){ 0 };
}

void heap_clear(struct heap *heap)
{
	struct heap_block *chunk, *next;

	for (chunk = heap->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		g_free(chunk);
	}
	heap_init(heap);
}

static inline size_t steps(size_t size)
{
	return (size + HEAP_STEP - 1) / HEAP_STEP;
}

static inline void put(struct heap *heap, void *block, size_t step)
{
	struct heap_block *spare = block;

	spare->next = heap->spare[step];
	heap->spare[step] = spare;
}

/* What is left of the chunk before is for blocks of that size. */
static void add_chunk(struct heap *heap)
{
	size_t left = (size_t)(heap->end - heap->next) / HEAP_STEP;
	struct heap_block *chunk = g_malloc(CHUNK);

	if (left > 0)
		put(heap, heap->next, left);
	chunk->next = heap->chunks;
	heap->chunks = chunk;
	heap->next = (char *)chunk + HEAP_STEP;
	heap->end = (char *)chunk + CHUNK / HEAP_STEP * HEAP_STEP;
}

static void *take_new(struct heap *heap, size_t step)
{
	void *block;

	if ((size_t)(heap->end - heap->next) < step * HEAP_STEP)
		add_chunk(heap);
	block = heap->next;
	heap->next += step * HEAP_STEP;
	return block;
}

static inline void *take(struct heap *heap, size_t step)
{
	struct heap_block *block = heap->spare[step];

	if (block == NULL)
		return take_new(heap, step);
	heap->spare[step] = block->next;
	return block;
}

static void *move(struct heap *heap, void *block, size_t old_size, size_t size)
{
	void *moved;

	if (old_size > SMALL_MAX && size > SMALL_MAX)
		return realloc(block, size);
	if (steps(size) == steps(old_size))
		return block;
	moved = size > SMALL_MAX ? malloc(size) : take(heap, steps(size));
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, MIN(old_size, size));
	if (old_size > SMALL_MAX)
		free(block);
	else
		put(heap, block, steps(old_size));
	return moved;
}

void *heap_resize(struct heap *heap, void *block, size_t old_size, size_t size)
{
	if (old_size == 0)
		return size > SMALL_MAX ? malloc(size) : size > 0 ? take(heap, steps(size)) : NULL;
	if (size > 0)
		return move(heap, block, old_size, size);
	if (old_size > SMALL_MAX)
		free(block);
	else
		put(heap, block, steps(old_size));
	return NULL;
}
