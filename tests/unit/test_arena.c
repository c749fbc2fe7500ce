/* unit/test_arena.c - memory that is freed all at once */
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include "base/arena.h"

static void test_pieces(void)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 255, 1000, 1024, 4000, 4096, 5000, 100000 };
	struct arena arena;
	GPtrArray *pieces = g_ptr_array_new();

	arena_init(&arena);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
			char *piece = arena_alloc(&arena, sizes[i]);

			g_assert_nonnull(piece);
			g_assert_cmpuint((uintptr_t)piece % _Alignof(max_align_t), ==, 0);
			memset(piece, (int)(pieces->len % 251), sizes[i]);
			g_ptr_array_add(pieces, piece);
		}
	}
	for (guint i = 0; i < pieces->len; i++) {
		const unsigned char *piece = g_ptr_array_index(pieces, i);

		for (size_t byte = 0; byte < sizes[i % G_N_ELEMENTS(sizes)]; byte++)
			g_assert_cmpuint(piece[byte], ==, i % 251);
	}
	g_ptr_array_unref(pieces);
	arena_free(&arena);
}

static void test_zeroed(void)
{
	struct arena arena;

	arena_init(&arena);
	for (int round = 0; round < 3; round++) {
		memset(arena_alloc(&arena, 1000), 0xff, 1000);
		arena_reset(&arena);
		for (int i = 0; i < 10; i++) {
			const char *piece = arena_alloc0(&arena, 100);

			for (int byte = 0; byte < 100; byte++)
				g_assert_cmpint(piece[byte], ==, 0);
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
}

static int count_chunks(struct arena *arena, size_t size)
{
	const char *last = NULL;
	int chunks = 0;

	for (int i = 0; i < 1000; i++) {
		const char *piece = arena_alloc(arena, size);

		chunks += last == NULL || piece < last || piece > last + 256;
		last = piece;
	}
	return chunks;
}

static void test_reset(void)
{
	struct arena arena;
	const char *first;

	arena_init(&arena);
	arena_reset(&arena);
	g_assert_null(arena.chunks);
	first = arena_alloc(&arena, 16);
	arena_alloc(&arena, 100000);
	arena_reset(&arena);
	g_assert_true(arena_alloc(&arena, 16) == first);

	arena_alloc(&arena, 100000);
	arena_reset(&arena);
	g_assert_nonnull(arena.chunks);
	g_assert_true(arena.end - arena.next <= 4096);
	g_assert_cmpint(count_chunks(&arena, 100), <=, 1000 * 112 / 3800 + 1);
	arena_free(&arena);
	g_assert_null(arena.chunks);
	g_assert_cmpstr(arena_strdup(&arena, "again"), ==, "again");
	arena_free(&arena);
}

static void test_large_first(void)
{
	struct arena arena;
	char *large, *small;

	arena_init(&arena);
	large = arena_alloc(&arena, 50000);
	small = arena_strdup(&arena, "small");
	memset(large, 'x', 50000);
	g_assert_cmpstr(small, ==, "small");
	arena_reset(&arena);
	g_assert_cmpstr(arena_strdup(&arena, "after"), ==, "after");
	arena_free(&arena);

	arena_alloc(&arena, 50000);
	arena_reset(&arena);
	g_assert_null(arena.chunks);
	arena_free(&arena);
}

static void test_texts(void)
{
	struct arena arena;
	g_autofree char *wide = g_strnfill(5000, 'w');

	arena_init(&arena);
	g_assert_null(arena_strdup(&arena, NULL));
	g_assert_cmpstr(arena_strdup(&arena, ""), ==, "");
	g_assert_cmpstr(arena_strndup(&arena, "policy.lua", 6), ==, "policy");
	g_assert_cmpmem(arena_strndup(&arena, "a\0b", 3), 4, "a\0b", 4);
	g_assert_cmpstr(arena_printf(&arena, "%s:%d", "policy.lua", 7), ==, "policy.lua:7");
	for (int length = 500; length < 525; length++)
		g_assert_cmpuint(strlen(arena_printf(&arena, "%.*s", length, wide)), ==, (size_t)length);
	g_assert_cmpuint(strlen(arena_printf(&arena, "<%s>", wide)), ==, 5002);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arena/pieces are aligned and apart", test_pieces);
	g_test_add_func("/arena/alloc0 zeroes used memory", test_zeroed);
	g_test_add_func("/arena/a reset keeps one ordinary chunk", test_reset);
	g_test_add_func("/arena/a large piece may come first", test_large_first);
	g_test_add_func("/arena/texts are copied and formatted", test_texts);
	return g_test_run();
}
