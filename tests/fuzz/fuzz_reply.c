/* fuzz/fuzz_reply.c - replies of other policy servers: found the same in any split, and sent on harmless
 *
 * What is handed on is one printable line.
 */
#include <glib.h>
#include <string.h>
#include "fuzz.h"
#include "request/action.h"
#include "service/upstream_reply.h"

/* A reply grows byte by byte: it is found, or refused, once, and the same way as at once. */
static void check_splits(const char *bytes, size_t size, long at_once)
{
	const char *action, *wrong;
	size_t length;
	long found = 0;

	for (size_t i = 0; i <= MIN(size, 300) && found == 0; i++)
		found = upstream_reply_find(bytes, i, &action, &length, &wrong);
	if (found > 0)
		g_assert_cmpint(found, ==, at_once);
}

static void check_sent(const struct action *action)
{
	char out[ACTION_REPLY_MAX];
	size_t length = action_encode(action, "mx1-1", out);

	g_assert_cmpuint(length, <=, sizeof(out));
	g_assert_cmpmem(out, 7, "action=", 7);
	g_assert_cmpmem(out + length - 2, 2, "\n\n", 2);
	for (size_t i = 7; i < length - 2; i++)
		g_assert_cmpuint((unsigned char)out[i], >=, ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *action = NULL, *wrong = NULL, *error;
	size_t length = 0;
	long found = upstream_reply_find((const char *)data, size, &action, &length, &wrong);
	struct arena arena;
	struct action made;
	char *value;

	g_assert_cmpint(found < 0, ==, wrong != NULL);
	check_splits((const char *)data, size, found);
	if (found <= 0)
		return 0;
	g_assert_cmpint(found, <=, (long)size);
	arena_init(&arena);
	value = arena_strndup(&arena, action, length);
	g_assert_cmpuint(strlen(value), ==, length);
	if (action_read_verbatim(&arena, value, &made, &error))
		check_sent(&made);
	if (action_read(&arena, value, NULL, &made, &error))
		check_sent(&made);
	arena_free(&arena);
	return 0;
}
