/* base/arena.h - memory that is freed all at once
 *
 * A bump allocator in chunks. One thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;
struct arena {
	char *next, *end;           /* free part of the current chunk */
	struct arena_chunk *chunks; /* newest first */
	size_t size;                /* of all of them */
};

void arena_init(struct arena *arena);  /* allocates nothing */
void arena_free(struct arena *arena);  /* frees all; the arena may be used again */
void arena_reset(struct arena *arena); /* keeps one ordinary chunk for the next use */

/* Bytes taken from the system. */
static inline size_t arena_size(const struct arena *arena)
{
	return arena->size;
}

/* Never NULL; aligned for any type; zeroed only by arena_new0(). */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_alloc0(struct arena *arena, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text); /* NULL for NULL */
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define arena_new0(arena, type) ((type *)arena_alloc0(arena, sizeof(type)))

#endif
