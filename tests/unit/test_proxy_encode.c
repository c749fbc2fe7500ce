/* unit/test_proxy_encode.c - headers of the PROXY protocol, byte by byte as proxy-protocol.txt has them */
#include <glib.h>
#include <string.h>
#include "service/proxy_encode.h"

static struct proxy_ends ends_of(const char *from, const char *to, unsigned from_port, unsigned to_port)
{
	struct proxy_ends ends = { .from_port = (uint16_t)from_port, .to_port = (uint16_t)to_port };

	if (from != NULL)
		g_assert_true(pp_address_parse(from, &ends.from));
	if (to != NULL)
		g_assert_true(pp_address_parse(to, &ends.to));
	return ends;
}

static void expect(unsigned version, const struct proxy_ends *ends, const char *bytes, size_t size)
{
	char out[PROXY_ENCODED_MAX];

	g_assert_cmpmem(out, proxy_encode(version, ends, out), bytes, size);
}

#define EXPECT(version, ends, bytes) expect(version, ends, bytes, sizeof(bytes) - 1)
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void test_text(void)
{
	struct proxy_ends v4 = ends_of("192.0.2.1", "198.51.100.7", 56324, 10031);
	struct proxy_ends v6 = ends_of("2001:db8::1", "2001:db8::2", 1, 65535);
	struct proxy_ends both = ends_of("192.0.2.1", "2001:db8::2", 0, 10031);

	EXPECT(1, &v4, "PROXY TCP4 192.0.2.1 198.51.100.7 56324 10031\r\n");
	EXPECT(1, &v6, "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n");
	EXPECT(1, &both, "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 0 10031\r\n");
}

static void test_binary(void)
{
	struct proxy_ends v4 = ends_of("192.0.2.1", "198.51.100.7", 0x1234, 0x2730);
	struct proxy_ends v6 = ends_of("2001:db8::1", "192.0.2.1", 1, 2);

	EXPECT(2, &v4, SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x07\x12\x34\x27\x30");
	EXPECT(2, &v6,
	       SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
	                 "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01\0\x01\0\x02");
}

static void test_unknown(void)
{
	struct proxy_ends ends = ends_of(NULL, "192.0.2.1", 0, 1);

	EXPECT(1, &ends, "PROXY UNKNOWN\r\n");
	EXPECT(2, &ends, SIGNATURE "\x21\0\0\0");
}

static void test_local(void)
{
	EXPECT(1, NULL, "PROXY UNKNOWN\r\n");
	EXPECT(2, NULL, SIGNATURE "\x20\0\0\0");
}

static void test_longest(void)
{
	static const char longest[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
	struct proxy_ends ends = ends_of(longest, longest, 65535, 65535);
	char out[PROXY_ENCODED_MAX];

	g_assert_cmpuint(proxy_encode(1, &ends, out), ==, 104);
	g_assert_cmpuint(strlen(out), ==, 104);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/proxy_encode/version 1 is a line of text", test_text);
	g_test_add_func("/proxy_encode/version 2 is binary", test_binary);
	g_test_add_func("/proxy_encode/ends that are not known are said to be so", test_unknown);
	g_test_add_func("/proxy_encode/who speaks for itself is local", test_local);
	g_test_add_func("/proxy_encode/the longest line fits", test_longest);
	return g_test_run();
}
