/* unit/test_proxy_bugs.c - PROXY headers that other parsers took wrongly
 *
 * Of the histories of HAProxy, Dovecot, Postfix and Exim. What hangs on the connection, as a proxy that
 * aborts or a header that is optional, is in tests/scenario/test_proxy.py; checks that speak for
 * themselves are in test_delegate.py there.
 */
#include "proxy_bytes.h"

#define BAD_PROTOCOL "a PROXY header of another protocol than TCP4, TCP6 and UNKNOWN"
#define TOO_SHORT "a PROXY header too short for its addresses"
#define BAD_TLV "a PROXY header whose TLVs do not end with it"
#define BAD_PORT "a PROXY header with a bad port"

static const struct {
	const char *name, *bytes;
	size_t length;
	const char *wrong;  /* NULL: it is good */
	const char *source; /* "": it names nobody */
} historic[] = {
	{ "HAProxy 2014-11: a length that nobody checked, with an address",
	  BYTES(SIGNATURE "\x21\x11\0\x03\xc0\0\x02"), TOO_SHORT, NULL },
	{ "HAProxy 2014-11: the largest length", BYTES(SIGNATURE "\x21\x21\xff\xff" V6),
	  "a PROXY header over 4096 bytes", NULL },
	{ "HAProxy 2015-07: TLVs begin behind the addresses, of IPv6",
	  BYTES(SIGNATURE "\x21\x21\0\x28" V6 "\x05\0\x01x"), NULL, "2001:db8::7" },
	{ "HAProxy 2015-07: a TLV behind those of IPv6 that is too long",
	  BYTES(SIGNATURE "\x21\x21\0\x28" V6 "\x05\0\x02x"), BAD_TLV, NULL },
	{ "HAProxy 2024-05: TLVs in LOCAL", BYTES(SIGNATURE "\x20\x00\0\x05\x05\0\x02xy"), NULL, "" },
	{ "HAProxy 2026-08: a checksum that has no room left",
	  BYTES(SIGNATURE "\x21\x11\0\x11" V4 "\x03\0\x04xy"), BAD_TLV, NULL },
	{ "Dovecot 2020-04: LOCAL with addresses", BYTES(SIGNATURE "\x20\x21\0\x24" V6), NULL, "" },
	{ "Dovecot 2021-10: a TLV's length reaches behind the header",
	  BYTES(SIGNATURE "\x21\x11\0\x0f" V4 "\x02\0\x0b"
	                  "example.org"),
	  BAD_TLV, NULL },
	{ "Dovecot 2026-06: it reaches behind the header, and not behind the buffer",
	  BYTES(SIGNATURE "\x21\x11\0\x10" V4 "\x04\0\x04xyz\0\0\0\0\0\0\0\0"), BAD_TLV, NULL },
	{ "Dovecot 2026-04: a certificate's name without its verification names nobody",
	  BYTES(SIGNATURE "\x21\x00\0\x13\x20\0\x10\x07\0\0\0\x01\x22\0\x08mail.org"), NULL, "" },
	{ "Postfix 2026-06: version 1 that ends after its second address",
	  BYTES("PROXY TCP4 192.0.2.7 198.51.100.25\r\n"), BAD_PORT, NULL },
	{ "Postfix 2026-06: version 1 that ends after its word", BYTES("PROXY \r\n"), BAD_PROTOCOL, NULL },
	{ "Exim CVE-2023-42117: a block shorter than its family's addresses",
	  BYTES(SIGNATURE "\x21\x21\0\x0c" V4), TOO_SHORT, NULL },
	{ "Exim CVE-2023-42117: a block of no bytes", BYTES(SIGNATURE "\x21\x21\0\0"), TOO_SHORT, NULL },
	{ "Caddy, Zuul: bytes without a header, where one must come",
	  BYTES("request=smtpd_access_policy\n\n"), "no PROXY header", NULL },
};

/* What came of them: reliability of parsers is shown by those of others. */
static void test_historic(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(historic); i++) {
		struct proxy_header header;
		const char *wrong;
		char text[64];
		long size = proxy_parse_exact(historic[i].bytes, historic[i].length, &header, &wrong);

		g_test_message("%s", historic[i].name);
		g_assert_cmpstr(wrong, ==, historic[i].wrong);
		if (historic[i].wrong != NULL) {
			g_assert_cmpint(size, ==, -1);
			continue;
		}
		g_assert_cmpint(size, ==, (long)historic[i].length);
		g_assert_cmpstr(pp_address_print(&header.source, -1, text), ==, historic[i].source);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/proxy_bugs/what went wrong in other parsers does not in this one", test_historic);
	return g_test_run();
}
