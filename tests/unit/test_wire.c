/* unit/test_wire.c - requests are found in any split of the stream, garbage is refused early */
#include <glib.h>
#include <string.h>
#include "request/request.h"
#include "request/wire.h"

static const char one[] = "request=smtpd_access_policy\nsender=a=b c@example.org\nsize=12\n\n";

static long find(const char *bytes, size_t length, const char **error)
{
	struct wire_scan scan = { 0 };

	return wire_find_request(&scan, bytes, length, error);
}

static void test_whole_at_once(void)
{
	const char *error;
	g_autofree char *two = g_strconcat(one, one, NULL);

	g_assert_cmpint(find(one, strlen(one), &error), ==, (long)strlen(one));
	g_assert_cmpint(find(two, strlen(two), &error), ==, (long)strlen(one));
}

/* What stands behind the request is not looked at: it is the next one's fault. */
static void test_next_is_not_judged(void)
{
	const char *error;
	g_autofree char *two = g_strconcat(one, "GET / HTTP/1.1\r\n", NULL);

	g_assert_cmpint(find(two, strlen(two), &error), ==, (long)strlen(one));
}

static void test_byte_by_byte(void)
{
	struct wire_scan scan = { 0 };
	const char *error;
	size_t length = strlen(one);

	for (size_t i = 0; i < length; i++)
		g_assert_cmpint(wire_find_request(&scan, one, i, &error), ==, 0);
	g_assert_cmpint(wire_find_request(&scan, one, length, &error), ==, (long)length);
}

static void test_every_split(void)
{
	const char *error;
	size_t length = strlen(one);

	for (size_t i = 0; i < length; i++)
		for (size_t j = i; j < length; j++) {
			struct wire_scan scan = { 0 };

			g_assert_cmpint(wire_find_request(&scan, one, i, &error), ==, 0);
			g_assert_cmpint(wire_find_request(&scan, one, j, &error), ==, 0);
			g_assert_cmpint(wire_find_request(&scan, one, length, &error), ==, (long)length);
		}
}

#define BYTES(text) text, sizeof(text) - 1

static void test_garbage(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		size_t late; /* so many of the bytes may still become right; -1: until the last */
		const char *error;
	} cases[] = {
		{ BYTES("\n"), (size_t)-1, "an empty request" },
		{ BYTES("\n\n"), 0, "an empty request" },
		{ BYTES("GET / HTTP/1.1\r"), (size_t)-1, "a carriage return" },
		{ BYTES("GET / HTTP/1.1\n"), (size_t)-1, "a line without '='" },
		{ BYTES("request=smtpd_access_policy\nnonsense\n"), (size_t)-1, "a line without '='" },
		{ BYTES("request=smtpd_access_policy\r"), (size_t)-1, "a carriage return" },
		{ BYTES("request=smtpd_access_policy\n\r"), (size_t)-1, "a carriage return" },
		{ BYTES("sender=a\0"), (size_t)-1, "a NUL byte" },
		{ BYTES("\0"), (size_t)-1, "a NUL byte" },
		{ BYTES("\x16\x03"), (size_t)-1, "a TLS handshake" },
		{ BYTES("\x16\x03\x01\x02"), 1, "a TLS handshake" },
		{ BYTES("="), (size_t)-1, "an attribute without a name" },
		{ BYTES("=x\n"), 0, "an attribute without a name" },
		{ BYTES("a=b\n="), (size_t)-1, "an attribute without a name" },
		{ BYTES("\r\n\0\r\n\0\r\nQUIT\n"), 0, "a carriage return" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		size_t late = MIN(cases[i].late, cases[i].length - 1);
		struct wire_scan scan = { 0 };
		const char *error = NULL;

		g_assert_cmpint(find(cases[i].bytes, cases[i].length, &error), ==, -1);
		g_assert_cmpstr(error, ==, cases[i].error);
		for (size_t length = 0; length <= late; length++)
			g_assert_cmpint(wire_find_request(&scan, cases[i].bytes, length, &error), ==, 0);
		g_assert_cmpint(wire_find_request(&scan, cases[i].bytes, cases[i].length, &error), ==, -1);
		g_assert_cmpstr(error, ==, cases[i].error);
	}
}

static GString *line_of(size_t length)
{
	GString *bytes = g_string_new("x=");

	while (bytes->len < length)
		g_string_append_c(bytes, 'y');
	return bytes;
}

static void test_line_limit(void)
{
	g_autoptr(GString) most = line_of(REQUEST_LINE_MAX - 1), over = line_of(REQUEST_LINE_MAX);
	const char *error;

	g_assert_cmpint(find(most->str, most->len, &error), ==, 0);
	g_string_append(most, "\n\n");
	g_assert_cmpint(find(most->str, most->len, &error), ==, (long)most->len);
	g_assert_cmpint(find(over->str, over->len, &error), ==, -1);
	g_assert_cmpstr(error, ==, "a line over 8192 bytes");
	g_string_append(over, "\n\n");
	g_assert_cmpint(find(over->str, over->len, &error), ==, -1);
}

static void test_size_limit(void)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	const char *error;

	for (int i = 0; i < 15; i++) {
		g_autoptr(GString) line = line_of(4095);

		g_string_append_printf(bytes, "%s\n", line->str);
	}
	g_string_append(bytes, "x=");
	while (bytes->len < REQUEST_BYTES_MAX - 2)
		g_string_append_c(bytes, 'y');
	g_assert_cmpint(find(bytes->str, bytes->len, &error), ==, 0);
	g_string_append(bytes, "\n\n");
	g_assert_cmpint(find(bytes->str, bytes->len, &error), ==, REQUEST_BYTES_MAX);
	bytes->str[bytes->len - 2] = 'y';
	g_assert_cmpint(find(bytes->str, bytes->len - 1, &error), ==, 0);
	g_assert_cmpint(find(bytes->str, bytes->len, &error), ==, -1);
	g_assert_cmpstr(error, ==, "a request over 65536 bytes");
	g_string_append(bytes, "\n");
	g_assert_cmpint(find(bytes->str, bytes->len, &error), ==, -1);
}

static void test_count_limit(void)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	const char *error;

	for (int i = 0; i < REQUEST_ATTRIBUTES_MAX; i++)
		g_string_append(bytes, "a=b\n");
	g_assert_cmpint(find(bytes->str, bytes->len, &error), ==, 0);
	g_string_append(bytes, "a=b\n");
	g_assert_cmpint(find(bytes->str, bytes->len, &error), ==, -1);
	g_assert_cmpstr(error, ==, "more than 128 attributes");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/a whole request is found, the first of several", test_whole_at_once);
	g_test_add_func("/wire/what follows a request does not spoil it", test_next_is_not_judged);
	g_test_add_func("/wire/a request is found byte by byte", test_byte_by_byte);
	g_test_add_func("/wire/a request is found in three pieces cut anywhere", test_every_split);
	g_test_add_func("/wire/garbage is refused at its first wrong byte or line", test_garbage);
	g_test_add_func("/wire/a line has 8192 bytes at most", test_line_limit);
	g_test_add_func("/wire/a request has 65536 bytes at most", test_size_limit);
	g_test_add_func("/wire/an unfinished request has 128 lines at most", test_count_limit);
	return g_test_run();
}
