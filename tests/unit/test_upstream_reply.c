/* unit/test_upstream_reply.c - replies of policy servers, in any split, and all that is none */
#include <glib.h>
#include <string.h>
#include "service/upstream_reply.h"

static char *find(const char *bytes, size_t size)
{
	const char *action = NULL, *wrong = NULL;
	size_t length = 0;
	long found = upstream_reply_find(bytes, size, &action, &length, &wrong);

	if (found < 0)
		return g_strdup(wrong);
	if (found == 0)
		return g_strdup("more");
	return g_strdup_printf("%ld %.*s", found, (int)length, action);
}

static void expect(const char *bytes, size_t size, const char *wanted)
{
	g_autofree char *got = find(bytes, size);

	g_assert_cmpstr(got, ==, wanted);
}

#define EXPECT(bytes, wanted) expect(bytes, sizeof(bytes) - 1, wanted)

static void test_good(void)
{
	EXPECT("action=DUNNO\n\n", "14 DUNNO");
	EXPECT("foo=bar\naction=x=y z\naction=second\n\n", "36 x=y z");
	EXPECT("action=DUNNO\n\naction=REJECT\n\n", "14 DUNNO");
	EXPECT("action=  two\n\n", "14   two");
}

static void test_every_split(void)
{
	static const char reply[] = "foo=bar\naction=450 later\n\n";

	for (size_t i = 0; i < sizeof(reply) - 1; i++)
		expect(reply, i, "more");
	EXPECT("foo=bar\naction=450 later\n\n", "26 450 later");
}

static void test_wrong(void)
{
	EXPECT("\n", "a reply without an action");
	EXPECT("foo=bar\n\n", "a reply without an action");
	EXPECT("ACTION=x\n\n", "a reply without an action");
	EXPECT("action = x\n\n", "a reply without an action");
	EXPECT("action=\n\n", "an empty action");
	EXPECT("action= \t \n\n", "an empty action");
	EXPECT("action=\naction=DUNNO\n\n", "an empty action");
	EXPECT("action=DUNNO\r\n\r\n", "a carriage return or a NUL");
	EXPECT("action=DUNNO\r", "a carriage return or a NUL");
	EXPECT("action=DU\0NO\n", "a carriage return or a NUL");
	EXPECT("HTTP/1.1 200 OK\n", "a line without '='");
	EXPECT("action\n", "a line without '='");
}

static void test_too_long(void)
{
	g_autofree char *line = g_strnfill(UPSTREAM_REPLY_MAX, 'x');
	g_autofree char *reply = g_strconcat("action=", line, NULL);

	expect(reply, UPSTREAM_REPLY_MAX - 1, "more");
	expect(reply, UPSTREAM_REPLY_MAX, "a reply that does not end");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/upstream_reply/the first action counts", test_good);
	g_test_add_func("/upstream_reply/it is found in any split", test_every_split);
	g_test_add_func("/upstream_reply/what is none is refused", test_wrong);
	g_test_add_func("/upstream_reply/it has an end", test_too_long);
	return g_test_run();
}
