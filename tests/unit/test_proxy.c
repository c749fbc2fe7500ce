/* unit/test_proxy.c - PROXY headers of both versions: read whole or cut, and what is wrong with others */
#include <glib.h>
#include <string.h>
#include "proxy_bytes.h"

#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"

/* Whole, with more behind it, and cut anywhere. */
static void expect_good(const char *bytes, size_t length, enum proxy_kind kind, const char *source)
{
	g_autoptr(GByteArray) more = g_byte_array_new();
	struct proxy_header header;
	const char *wrong;
	char text[64];

	g_byte_array_append(more, (const guint8 *)bytes, (guint)length);
	g_byte_array_append(more, (const guint8 *)"\0request=smtpd_access_policy\n", 29);
	for (size_t cut = 0; cut < length; cut++) {
		g_assert_cmpint(proxy_parse_exact(bytes, cut, &header, &wrong), ==, 0);
		g_assert_null(wrong);
	}
	for (guint at = (guint)length; at <= more->len; at++) {
		g_assert_cmpint(proxy_parse_exact(more->data, at, &header, &wrong), ==, (long)length);
		g_assert_null(wrong);
		g_assert_cmpint(header.kind, ==, kind);
		g_assert_cmpstr(pp_address_print(&header.source, -1, text), ==, source);
	}
}

/* As a whole, and from some byte on. */
static void expect_bad(const char *bytes, size_t length, const char *sentence)
{
	struct proxy_header header;
	const char *wrong;
	bool seen = false;

	for (size_t cut = 0; cut <= length; cut++) {
		long size = proxy_parse_exact(bytes, cut, &header, &wrong);

		g_assert_true(size == -1 || (size == 0 && !seen));
		g_assert_cmpint(size == -1, ==, wrong != NULL);
		seen = size == -1;
	}
	g_assert_cmpstr(wrong, ==, sentence);
}

/* -- version 1 ----------------------------------------------------------- */

static const struct {
	const char *name, *line, *source; /* NULL: it names nobody */
} lines[] = {
	{ "IPv4", "PROXY TCP4 192.0.2.7 198.51.100.25 50122 10031\r\n", "192.0.2.7" },
	{ "the longest of IPv4", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	  "255.255.255.255" },
	{ "ports of one digit", "PROXY TCP4 192.0.2.7 198.51.100.25 0 1\r\n", "192.0.2.7" },
	{ "IPv6", "PROXY TCP6 2001:db8::7 2001:db8::19 50122 10031\r\n", "2001:db8::7" },
	{ "the longest of IPv6", "PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "IPv6 in capitals", "PROXY TCP6 2001:DB8::A 2001:DB8::19 1 2\r\n", "2001:db8::a" },
	{ "IPv4-mapped", "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.25 1 2\r\n", "192.0.2.7" },
	{ "unknown", "PROXY UNKNOWN\r\n", NULL },
	{ "unknown with anything", "PROXY UNKNOWN ffff::1 % \t\x01 65536\r\n", NULL },
	{ "the longest of all", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", NULL },
};

static void test_lines(void)
{
	static const char all[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_auto(GStrv) parts = g_strsplit(lines[i].line, "ffff:f...f:ffff", -1);
		g_autofree char *line = g_strjoinv(all, parts);

		g_test_message("%s", lines[i].name);
		expect_good(line, strlen(line), lines[i].source != NULL ? PROXY_SOURCE : PROXY_UNNAMED,
		            lines[i].source != NULL ? lines[i].source : "");
	}
}

#define BAD_ADDRESS "a PROXY header with a bad address"
#define BAD_PORT "a PROXY header with a bad port"
#define BAD_END "a PROXY header with a lone CR or LF"
#define BAD_PROTOCOL "a PROXY header of another protocol than TCP4, TCP6 and UNKNOWN"

static const struct {
	const char *name, *bytes;
	size_t length;
	const char *wrong;
} bad_lines[] = {
	{ "a request", BYTES("request=smtpd_access_policy\n"), "no PROXY header" },
	{ "HTTP", BYTES("GET / HTTP/1.1\r\n"), "no PROXY header" },
	{ "TLS", BYTES("\x16\x03\x01"), "no PROXY header" },
	{ "small letters", BYTES("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), "no PROXY header" },
	{ "a blank before", BYTES(" PROXY UNKNOWN\r\n"), "no PROXY header" },
	{ "no blank", BYTES("PROXY\r\n"), "no PROXY header" },
	{ "a word too long", BYTES("PROXYS TCP4"), "no PROXY header" },
	{ "nothing after it", BYTES("PROXY \r\n"), BAD_PROTOCOL },
	{ "two blanks", BYTES("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), BAD_PROTOCOL },
	{ "another protocol", BYTES("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"), BAD_PROTOCOL },
	{ "TCP5", BYTES("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"), BAD_PROTOCOL },
	{ "more than unknown", BYTES("PROXY UNKNOWNS\r\n"), BAD_PROTOCOL },
	{ "less than unknown", BYTES("PROXY UNKNOW\r\n"), BAD_PROTOCOL },
	{ "a lone LF", BYTES("PROXY UNKNOWN\n"), BAD_END },
	{ "a lone CR", BYTES("PROXY UNKNOWN\rx"), BAD_END },
	{ "LF CR", BYTES("PROXY UNKNOWN\n\r\n"), BAD_END },
	{ "CR CR LF", BYTES("PROXY UNKNOWN\r\r\n"), BAD_END },
	{ "CR within", BYTES("PROXY UNKNOWN\r \r\n"), BAD_END },
	{ "LF within", BYTES("PROXY TCP4 1.2.3.4\n1.2.3.4 1 2\r\n"), BAD_END },
	{ "no addresses", BYTES("PROXY TCP4\r\n"), BAD_ADDRESS },
	{ "no destination", BYTES("PROXY TCP4 1.2.3.4\r\n"), BAD_ADDRESS },
	{ "no ports", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4\r\n"), BAD_PORT },
	{ "one port", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), BAD_PORT },
	{ "a second blank", BYTES("PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n"), BAD_ADDRESS },
	{ "a tab", BYTES("PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n"), BAD_PROTOCOL },
	{ "a blank at the end", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"), BAD_PORT },
	{ "a further field", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"), BAD_PORT },
	{ "a leading zero", BYTES("PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n"), BAD_ADDRESS },
	{ "three numbers", BYTES("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n"), BAD_ADDRESS },
	{ "a number over 255", BYTES("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n"), BAD_ADDRESS },
	{ "a bad destination", BYTES("PROXY TCP4 1.2.3.4 1.2.3.x 1 2\r\n"), BAD_ADDRESS },
	{ "IPv6 for TCP4", BYTES("PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n"), BAD_ADDRESS },
	{ "IPv4 for TCP6", BYTES("PROXY TCP6 1.2.3.4 ::1 1 2\r\n"), BAD_ADDRESS },
	{ "a zone", BYTES("PROXY TCP6 fe80::1%lo ::1 1 2\r\n"), BAD_ADDRESS },
	{ "brackets", BYTES("PROXY TCP6 [::1] [::1] 1 2\r\n"), BAD_ADDRESS },
	{ "an address too long",
	  BYTES("PROXY TCP6 0000:0000:0000:0000:0000:0000:0000:0000:00000:000000 ::1 1 2\r\n"), BAD_ADDRESS },
	{ "a NUL in an address", BYTES("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n"), BAD_ADDRESS },
	{ "a port over 65535", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"), BAD_PORT },
	{ "a port of six digits", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 100000\r\n"), BAD_PORT },
	{ "a port's leading zero", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), BAD_PORT },
	{ "a sign", BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n"), BAD_PORT },
};

static void test_bad_lines(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad_lines); i++) {
		g_test_message("%s", bad_lines[i].name);
		expect_bad(bad_lines[i].bytes, bad_lines[i].length, bad_lines[i].wrong);
	}
}

/* 107 bytes with CR LF are the most; the 108th byte is not waited for. */
static void test_long_line(void)
{
	g_autofree char *rest = g_strnfill(107 - 14 - 2, 'x');
	g_autofree char *longest = g_strconcat("PROXY UNKNOWN ", rest, "\r\n", NULL);
	g_autofree char *longer = g_strconcat("PROXY UNKNOWN ", rest, "x\r\n", NULL);
	g_autofree char *endless = g_strnfill(PROXY_HEADER_MAX, 'x');

	g_assert_cmpuint(strlen(longest), ==, 107);
	expect_good(longest, 107, PROXY_UNNAMED, "");
	expect_bad(longer, 107, "a PROXY header over 107 bytes");
	expect_bad(longer, 108, "a PROXY header over 107 bytes");
	memcpy(endless, "PROXY UNKNOWN ", 14);
	expect_bad(endless, PROXY_HEADER_MAX, "a PROXY header over 107 bytes");
}

/* -- version 2 ----------------------------------------------------------- */

static const struct {
	const char *name, *bytes;
	size_t length;
	enum proxy_kind kind;
	const char *source;
} blocks[] = {
	{ "IPv4", BYTES(SIGNATURE "\x21\x11\0\x0c" V4), PROXY_SOURCE, "192.0.2.7" },
	{ "IPv6", BYTES(SIGNATURE "\x21\x21\0\x24" V6), PROXY_SOURCE, "2001:db8::7" },
	{ "IPv4-mapped", BYTES(SIGNATURE "\x21\x21\0\x24" MAPPED MAPPED "\0\x01\0\x02"), PROXY_SOURCE,
	  "192.0.2.7" },
	{ "no family", BYTES(SIGNATURE "\x21\x00\0\0"), PROXY_UNNAMED, "" },
	{ "no family with TLVs",
	  BYTES(SIGNATURE "\x21\x00\0\x05"
	                  "\xe0\0\x02xy"),
	  PROXY_UNNAMED, "" },
	{ "local", BYTES(SIGNATURE "\x20\x00\0\0"), PROXY_LOCAL, "" },
	{ "local with addresses", BYTES(SIGNATURE "\x20\x11\0\x0c" V4), PROXY_LOCAL, "" },
	{ "local with a family but no addresses", BYTES(SIGNATURE "\x20\x11\0\0"), PROXY_LOCAL, "" },
	{ "local with what is no TLV",
	  BYTES(SIGNATURE "\x20\x00\0\x04"
	                  "\x01\xff\xff\x00"),
	  PROXY_LOCAL, "" },
	{ "local of a family that there is not",
	  BYTES(SIGNATURE "\x20\xff\0\x02"
	                  "xy"),
	  PROXY_LOCAL, "" },
	{ "local with addresses and TLVs", BYTES(SIGNATURE "\x20\x11\0\x10" V4 "\x04\0\x01x"), PROXY_LOCAL,
	  "" },
	{ "local with datagrams", BYTES(SIGNATURE "\x20\x12\0\x0c" V4), PROXY_LOCAL, "" },
	{ "an empty TLV", BYTES(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0"), PROXY_SOURCE, "192.0.2.7" },
	{ "two TLVs",
	  BYTES(SIGNATURE "\x21\x11\0\x16" V4 "\x01\0\x02h2"
	                  "\x30\0\x02ns"),
	  PROXY_SOURCE, "192.0.2.7" },
	{ "an authority", BYTES(SIGNATURE "\x21\x11\0\x1a" V4 "\x02\0\x0bmx-1_a.b\xc3\xa9."), PROXY_SOURCE,
	  "192.0.2.7" },
	{ "TLS, no parts", BYTES(SIGNATURE "\x21\x11\0\x14" V4 "\x20\0\x05\x01\0\0\0\0"), PROXY_SOURCE,
	  "192.0.2.7" },
	{ "TLS with a name that nobody verified",
	  BYTES(SIGNATURE "\x21\x11\0\x1a" V4 "\x20\0\x0b\x07\0\0\0\x01\x22\0\x03"
	                  "a.b"),
	  PROXY_SOURCE, "192.0.2.7" },
	{ "HAProxy's checksum, local",
	  BYTES(SIGNATURE "\x20\x00\0\x07"
	                  "\x03\0\x04\xa9\xb8~\x8f"),
	  PROXY_LOCAL, "" },
	{ "HAProxy's checksum and unique id",
	  BYTES(SIGNATURE "!\x11\0"
	                  "1\x7f\0\0\x01\x7f\0\0\x01\xe4\x08\x10\x05\x03\0\x04\x9d\x81&U\x05\0\x1b"
	                  "7F000001:E408_7F000001:1005"),
	  PROXY_SOURCE, "127.0.0.1" },
};

static void test_blocks(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++) {
		g_test_message("%s", blocks[i].name);
		expect_good(blocks[i].bytes, blocks[i].length, blocks[i].kind, blocks[i].source);
	}
}

#define BAD_VERSION "a PROXY header of an unknown version or command"
#define BAD_FAMILY "a PROXY header of an unknown family or protocol"
#define TOO_SHORT "a PROXY header too short for its addresses"
#define BAD_TLV "a PROXY header whose TLVs do not end with it"
#define BAD_AUTHORITY "a PROXY header whose authority is no host name"
#define BAD_TLS "a PROXY header whose TLS part is cut off"
#define NO_CRC "a PROXY header whose checksum is none"
#define BAD_CRC "a PROXY header whose checksum is wrong"

static const struct {
	const char *name, *bytes;
	size_t length;
	const char *wrong;
} bad_blocks[] = {
	{ "half a signature", BYTES("\r\n\r\n\0\r\nQUIT\r"), "no PROXY header" },
	{ "version 1", BYTES(SIGNATURE "\x11\x11\0\x0c" V4), BAD_VERSION },
	{ "version 3", BYTES(SIGNATURE "\x31\x11\0\x0c" V4), BAD_VERSION },
	{ "command 2", BYTES(SIGNATURE "\x22\x11\0\x0c" V4), BAD_VERSION },
	{ "family 4", BYTES(SIGNATURE "\x21\x41\0\x0c" V4), BAD_FAMILY },
	{ "no family with a protocol", BYTES(SIGNATURE "\x21\x01\0\x0c" V4), BAD_FAMILY },
	{ "IPv4 without a protocol", BYTES(SIGNATURE "\x21\x10\0\x0c" V4), BAD_FAMILY },
	{ "protocol 3", BYTES(SIGNATURE "\x21\x13\0\x0c" V4), BAD_FAMILY },
	{ "datagrams", BYTES(SIGNATURE "\x21\x12\0\x0c" V4), "a PROXY header for datagrams" },
	{ "datagrams over IPv6", BYTES(SIGNATURE "\x21\x22\0\x24" V6), "a PROXY header for datagrams" },
	{ "IPv4 too short",
	  BYTES(SIGNATURE "\x21\x11\0\x0b"
	                  "\xc0\0\x02\x07\xc6\x33\x64\x19\xc3\xca\x27"),
	  TOO_SHORT },
	{ "IPv4 of no length", BYTES(SIGNATURE "\x21\x11\0\0"), TOO_SHORT },
	{ "IPv6 of IPv4's length", BYTES(SIGNATURE "\x21\x21\0\x0c" V4), TOO_SHORT },
	{ "a unix socket of IPv6's length", BYTES(SIGNATURE "\x21\x31\0\x24" V6), TOO_SHORT },
	{ "over 4096 bytes", BYTES(SIGNATURE "\x21\x11\x0f\xf1"), "a PROXY header over 4096 bytes" },
	{ "of 65551 bytes", BYTES(SIGNATURE "\x20\x11\xff\xff"), "a PROXY header over 4096 bytes" },
	{ "one byte of a TLV", BYTES(SIGNATURE "\x21\x11\0\x0d" V4 "\x04"), BAD_TLV },
	{ "two bytes of a TLV", BYTES(SIGNATURE "\x21\x11\0\x0e" V4 "\x04\0"), BAD_TLV },
	{ "a TLV one byte too long", BYTES(SIGNATURE "\x21\x11\0\x10" V4 "\x04\0\x02x"), BAD_TLV },
	{ "a TLV of 65535 bytes", BYTES(SIGNATURE "\x21\x11\0\x10" V4 "\x04\xff\xffx"), BAD_TLV },
	{ "a second TLV too long", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\x04\0\x01x\x04\0\x01"), BAD_TLV },
	{ "a TLV too long without a family",
	  BYTES(SIGNATURE "\x21\x00\0\x03"
	                  "\x04\0\x01"),
	  BAD_TLV },
	{ "an empty authority", BYTES(SIGNATURE "\x21\x11\0\x0f" V4 "\x02\0\0"), BAD_AUTHORITY },
	{ "an authority with a blank",
	  BYTES(SIGNATURE "\x21\x11\0\x12" V4 "\x02\0\x03"
	                  "a b"),
	  BAD_AUTHORITY },
	{ "an authority with a NUL",
	  BYTES(SIGNATURE "\x21\x11\0\x12" V4 "\x02\0\x03"
	                  "a\0b"),
	  BAD_AUTHORITY },
	{ "an authority of bad UTF-8",
	  BYTES(SIGNATURE "\x21\x11\0\x12" V4 "\x02\0\x03"
	                  "a\xff"
	                  "b"),
	  BAD_AUTHORITY },
	{ "TLS of 4 bytes", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\x20\0\x04\x01\0\0\0"), BAD_TLS },
	{ "TLS with a part too long",
	  BYTES(SIGNATURE "\x21\x11\0\x18" V4 "\x20\0\x09\x07\0\0\0\0\x22\0\x02"
	                  "a"),
	  BAD_TLS },
	{ "TLS with a part that reaches into the next TLV",
	  BYTES(SIGNATURE "\x21\x11\0\x1b" V4 "\x20\0\x08\x07\0\0\0\0\x22\0\x04\x04\0\x01x"), BAD_TLS },
	{ "a checksum of 3 bytes", BYTES(SIGNATURE "\x21\x11\0\x12" V4 "\x03\0\x03xyz"), NO_CRC },
	{ "a checksum of 5 bytes", BYTES(SIGNATURE "\x21\x11\0\x14" V4 "\x03\0\x05vwxyz"), NO_CRC },
	{ "two checksums", BYTES(SIGNATURE "\x21\x11\0\x1a" V4 "\x03\0\x04wxyz\x03\0\x04wxyz"), NO_CRC },
	{ "a wrong checksum", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04wxyz"), BAD_CRC },
	{ "a checksum of zeros", BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0"), BAD_CRC },
	{ "local with a wrong checksum",
	  BYTES(SIGNATURE "\x20\x00\0\x07"
	                  "\x03\0\x04\xa9\xb8~\x8e"),
	  BAD_CRC },
	{ "local with two checksums",
	  BYTES(SIGNATURE "\x20\x00\0\x0e"
	                  "\x03\0\x04wxyz\x03\0\x04wxyz"),
	  NO_CRC },
	{ "HAProxy's checksum for other addresses",
	  BYTES(SIGNATURE "!\x11\0"
	                  "1\x7f\0\0\x02\x7f\0\0\x01\xe4\x08\x10\x05\x03\0\x04\x9d\x81&U\x05\0\x1b"
	                  "7F000001:E408_7F000001:1005"),
	  BAD_CRC },
};

static void test_bad_blocks(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad_blocks); i++) {
		g_test_message("%s", bad_blocks[i].name);
		expect_bad(bad_blocks[i].bytes, bad_blocks[i].length, bad_blocks[i].wrong);
	}
}

/* A header of this command and family with a body of the size, filled with a byte. */
static GByteArray *block_of(uint8_t command, uint8_t family, size_t size, uint8_t fill)
{
	GByteArray *block = g_byte_array_new();
	const uint8_t head[] = { command, family, (uint8_t)(size >> 8), (uint8_t)size };

	g_byte_array_append(block, (const guint8 *)BYTES(SIGNATURE));
	g_byte_array_append(block, head, sizeof(head));
	g_byte_array_set_size(block, (guint)(16 + size));
	memset(block->data + 16, fill, size);
	return block;
}

static void test_unix(void)
{
	g_autoptr(GByteArray) block = block_of(0x21, 0x31, 216, 'x'), cut = block_of(0x21, 0x31, 215, 'x');
	g_autoptr(GByteArray) datagrams = block_of(0x21, 0x32, 216, 'x');

	expect_good((char *)block->data, block->len, PROXY_UNNAMED, "");
	expect_bad((char *)cut->data, cut->len, TOO_SHORT);
	expect_bad((char *)datagrams->data, datagrams->len, "a PROXY header for datagrams");
}

/* One TLV fills what 4096 bytes leave; a unique id and an authority have limits of their own. */
static void test_limits(void)
{
	static const struct {
		uint8_t type;
		size_t size;
		const char *wrong;
	} cases[] = {
		{ 0x04, PROXY_HEADER_MAX - 16 - 12 - 3, NULL },
		{ 0x05, 128, NULL },
		{ 0x05, 129, "a PROXY header whose unique id is too long" },
		{ 0x02, 255, NULL },
		{ 0x02, 256, BAD_AUTHORITY },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) block = block_of(0x21, 0x11, 12 + 3 + cases[i].size, 'x');
		const uint8_t head[] = { cases[i].type, (uint8_t)(cases[i].size >> 8),
			                 (uint8_t)cases[i].size };

		memcpy(block->data + 16 + 12, head, sizeof(head));
		g_assert_cmpuint(block->len, <=, PROXY_HEADER_MAX);
		if (cases[i].wrong == NULL)
			expect_good((char *)block->data, block->len, PROXY_SOURCE, "120.120.120.120");
		else
			expect_bad((char *)block->data, block->len, cases[i].wrong);
	}
}

/* RFC 3720 12.1, bit by bit. */
static uint32_t crc32c(const uint8_t *bytes, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* Wherever the checksum stands, it is of every byte of the header and no other. */
static void test_checksum(void)
{
	g_assert_cmphex(crc32c((const uint8_t *)"123456789", 9), ==, 0xe3069283);
	for (size_t before = 0; before < 40; before++) {
		g_autoptr(GByteArray) block = block_of(0x21, 0x11, 12 + 3 + before + 7 + 5, 0);
		uint8_t *tlv = block->data + 16 + 12, *crc = tlv + 3 + before + 3;
		uint32_t sum;

		tlv[0] = 0xe0;
		tlv[2] = (uint8_t)before;
		memset(tlv + 3, 'x', before);
		memcpy(crc - 3, "\x03\0\x04\0\0\0\0\xee\0\x02", 10);
		sum = crc32c(block->data, block->len);
		for (int i = 0; i < 4; i++)
			crc[i] = (uint8_t)(sum >> (24 - 8 * i));
		expect_good((char *)block->data, block->len, PROXY_SOURCE, "0.0.0.0");
		for (guint at = 16; at < 16 + 12; at++) {
			block->data[at] ^= 1;
			expect_bad((char *)block->data, block->len, BAD_CRC);
			block->data[at] ^= 1;
		}
	}
}

/* -- either -------------------------------------------------------------- */

static uint16_t port_in(const char *bytes, size_t length)
{
	struct proxy_header header;
	const char *wrong;

	g_assert_cmpint(proxy_parse_exact(bytes, length, &header, &wrong), ==, (long)length);
	return header.source_port;
}

static void test_ports(void)
{
	g_assert_cmpuint(port_in(BYTES("PROXY TCP4 192.0.2.7 198.51.100.25 50122 10031\r\n")), ==, 50122);
	g_assert_cmpuint(port_in(BYTES("PROXY TCP6 ::1 ::2 65535 1\r\n")), ==, 65535);
	g_assert_cmpuint(port_in(BYTES(SIGNATURE "\x21\x11\0\x0c" V4)), ==, 50122);
	g_assert_cmpuint(port_in(BYTES(SIGNATURE "\x21\x21\0\x24" V6)), ==, 50122);
	g_assert_cmpuint(port_in(BYTES("PROXY UNKNOWN ::1 ::2 1 2\r\n")), ==, 0);
	g_assert_cmpuint(port_in(BYTES(SIGNATURE "\x20\x11\0\x0c" V4)), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/proxy/version 1: a line names the source, or nobody", test_lines);
	g_test_add_func("/proxy/version 1: a line that is not exact is refused", test_bad_lines);
	g_test_add_func("/proxy/version 1: a line has at most 107 bytes", test_long_line);
	g_test_add_func("/proxy/version 2: a block names the source, nobody, or is local", test_blocks);
	g_test_add_func("/proxy/version 2: a block that is not exact is refused", test_bad_blocks);
	g_test_add_func("/proxy/version 2: a unix socket has no address for us", test_unix);
	g_test_add_func("/proxy/version 2: a block has at most 4096 bytes, and parts have limits",
	                test_limits);
	g_test_add_func("/proxy/version 2: a checksum is verified over the whole header", test_checksum);
	g_test_add_func("/proxy/the source's port is told, too", test_ports);
	return g_test_run();
}
