/* unit/test_dns_name.c - names of DNS, and addresses of its servers, as people write them */
#include <glib.h>
#include <string.h>
#include "service/dns_channel.h"

/* What is written, and what is printed of it: NULL = refused. */
static void test_written(void)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{ "Mail.Example.ORG", "mail.example.org" },
		{ "example.org.", "example.org" },
		{ "org", "org" },
		{ "a\\.b.org", "a\\.b.org" },
		{ "a\\046b.org", "a\\.b.org" },
		{ "\\a.org", "a.org" },
		{ "a b\xff\x01.org", "a\\032b\\255\\001.org" },
		{ "_spf.*.example.org", "_spf.*.example.org" },
		{ "a\\256.org", NULL },
		{ "a\\01.org", NULL },
		{ "a\\000.org", NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct dns_name name;
		bool good = dns_name_parse(cases[i].text, &name) == NULL;
		char text[DNS_TEXT_MAX] = "";

		g_assert_cmpint(good, ==, cases[i].printed != NULL);
		if (good)
			g_assert_cmpuint(dns_name_print(&name, text), ==, strlen(cases[i].printed));
		if (good)
			g_assert_cmpstr(text, ==, cases[i].printed);
	}
}

/* A name of pointers to pointers: read if they are few. */
static void test_scattered(void)
{
	for (unsigned pointers = 126; pointers <= 129; pointers++) {
		uint8_t message[512] = { 3, 'o', 'r', 'g', 0 };
		size_t place = 5 + 2 * (pointers - 1);
		struct dns_name name;
		bool good;

		for (unsigned i = 0; i < pointers; i++) {
			unsigned to = i == 0 ? 0 : 5 + 2 * (i - 1);

			message[5 + 2 * i] = (uint8_t)(0xc0 | to >> 8);
			message[6 + 2 * i] = (uint8_t)to;
		}
		good = dns_name_read(message, 5 + 2 * pointers, &place, &name);
		g_assert_cmpint(good, ==, pointers <= 127);
		g_assert_cmpuint(place, ==, 5 + 2 * (good ? pointers : pointers - 1));
	}
}

static void test_equal(void)
{
	g_assert_true(pp_dns_equal("Mail.Example.org", "mail.example.ORG."));
	g_assert_true(pp_dns_equal("a\\.b.example.org", "a\\046b.example.org"));
	g_assert_false(pp_dns_equal("a\\.b.example.org", "a.b.example.org"));
	g_assert_false(pp_dns_equal("mail.example.org", "mail.example.net"));
	g_assert_false(pp_dns_equal("", ""));
}

static void test_reverse(void)
{
	static const struct {
		const char *address, *wanted, *zone;
	} cases[] = {
		{ "192.0.2.1", "1.2.0.192", "in-addr.arpa" },
		{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
		  "ip6.arpa" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char text[DNS_REVERSE_MAX];
		pp_address_t address;

		g_assert_true(pp_address_parse(cases[i].address, &address));
		g_assert_cmpstr(dns_name_reverse(&address, text), ==, cases[i].wanted);
		g_assert_cmpstr(dns_name_reverse_zone(&address), ==, cases[i].zone);
	}
}

static void test_server_addresses(void)
{
	static const struct {
		const char *text;
		unsigned port; /* 0: refused */
		uint8_t family;
	} cases[] = {
		{ "127.0.0.1", 53, 4 },         { "192.0.2.1:5353", 5353, 4 }, { "2001:db8::1", 53, 6 },
		{ "[2001:db8::1]", 53, 6 },     { "[2001:db8::1]:54", 54, 6 }, { "localhost", 0, 0 },
		{ "192.0.2.1:", 0, 0 },         { "192.0.2.1:0", 0, 0 },       { "192.0.2.1:65536", 0, 0 },
		{ "192.0.2.1:53x", 0, 0 },      { "[192.0.2.1]:53", 0, 0 },    { "[2001:db8::1", 0, 0 },
		{ "[2001:db8::1]53", 0, 0 },    { "192.0.2.1:+53", 0, 0 },     { "", 0, 0 },
		{ "dns.example.org:53", 0, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct dns_server server;
		bool good = dns_server_parse(cases[i].text, &server);

		g_test_message("'%s'", cases[i].text);
		g_assert_cmpint(good, ==, cases[i].port > 0);
		if (good)
			g_assert_cmpuint(server.port, ==, cases[i].port);
		if (good)
			g_assert_cmpuint(server.address.family, ==, cases[i].family);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/dns name/what is no plain text is escaped, and read again", test_written);
	g_test_add_func("/dns name/a name may be scattered over few places", test_scattered);
	g_test_add_func("/dns name/names are compared without case", test_equal);
	g_test_add_func("/dns name/reverse names have bytes or nibbles", test_reverse);
	g_test_add_func("/dns name/servers are addresses with or without a port", test_server_addresses);
	return g_test_run();
}
