/* base/arena.c - memory that is freed all at once */
#include "base/arena.h"

#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif

/* Under AddressSanitizer the free part is forbidden ground, so that a use after
 * arena_reset() and a write past the end are seen. */
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define forbid(start, size) ASAN_POISON_MEMORY_REGION(start, size)
#define permit(start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#else
#define forbid(start, size) ((void)(start), (void)(size))
#define permit(start, size) ((void)(start), (void)(size))
#endif

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of bytes */
	max_align_t bytes[];
};

enum {
	ALIGNMENT = _Alignof(max_align_t),
	/* With malloc's own header an ordinary chunk is one page. */
	ORDINARY = 4096 - 2 * sizeof(size_t) - sizeof(struct arena_chunk),
	/* What is larger gets a chunk of its own: less than this is wasted at a chunk's end. */
	LARGE = ORDINARY / 4
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){ 0 };
}

void arena_free(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk != NULL) {
		struct arena_chunk *next = chunk->next;

		permit(chunk->bytes, chunk->size);
		g_free(chunk);
		chunk = next;
	}
	arena_init(arena);
}

static void use_chunk(struct arena *arena, struct arena_chunk *chunk)
{
	arena->next = (char *)chunk->bytes;
	arena->end = arena->next + chunk->size;
	forbid(arena->next, chunk->size);
}

void arena_reset(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks, *kept = NULL, *others = NULL;

	while (chunk != NULL) {
		struct arena_chunk *next = chunk->next;

		if (kept == NULL && chunk->size == ORDINARY) {
			kept = chunk;
		} else {
			chunk->next = others;
			others = chunk;
		}
		chunk = next;
	}
	arena->chunks = others;
	arena_free(arena);
	if (kept == NULL)
		return;
	kept->next = NULL;
	arena->chunks = kept;
	arena->size = kept->size;
	use_chunk(arena, kept);
}

static struct arena_chunk *chunk_new(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = g_malloc(sizeof(*chunk) + size);

	chunk->next = NULL;
	chunk->size = size;
	arena->size += size;
	return chunk;
}

static void *alloc_large(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = chunk_new(arena, size);

	/* Behind the current chunk, whose free part stays in use. */
	if (arena->chunks == NULL) {
		arena->chunks = chunk;
	} else {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	}
	return chunk->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t step;
	char *start;

	if (G_UNLIKELY(size > PTRDIFF_MAX / 2))
		g_error("arena: %zu bytes wanted", size);
	size += size == 0; /* so that it has an address */
	step = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (G_UNLIKELY(step > (size_t)(arena->end - arena->next))) {
		struct arena_chunk *chunk;

		if (step > LARGE)
			return alloc_large(arena, step);
		chunk = chunk_new(arena, ORDINARY);
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		use_chunk(arena, chunk);
	}
	start = arena->next;
	arena->next += step;
	permit(start, size);
	return start;
}

void *arena_alloc0(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	char buffer[512], *text;
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(buffer, sizeof(buffer), format, args);
	if (length < 0) {
		text = arena_strdup(arena, "");
	} else if ((size_t)length < sizeof(buffer)) {
		text = arena_strndup(arena, buffer, (size_t)length);
	} else {
		text = arena_alloc(arena, (size_t)length + 1);
		vsnprintf(text, (size_t)length + 1, format, again);
	}
	va_end(again);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}
