/* unit/test_dynamic_evidence.c - an address found in a name, for the module dynamic_host */
#include <glib.h>
#include <string.h>
#include "../../modules/dynamic_host/evidence.h"

struct evidence_case {
	const char *address, *name;
	enum strength strength;
	const char *found; /* NULL: nothing */
};

#define WHOLE EVIDENCE_WHOLE
#define PART EVIDENCE_PART
#define NOTHING EVIDENCE_NONE, NULL

static const struct evidence_case decimal[] = {
	{ "203.0.113.7", "dsl-203-0-113-7.example.net", WHOLE, "203-0-113-7" },
	{ "203.0.113.7", "203.0.113.7.example.net", WHOLE, "203.0.113.7" },
	{ "203.0.113.7", "c203x0x113x7.example.net", WHOLE, "203x0x113x7" },
	{ "203.0.113.7", "h203_0_113_7.example.net", WHOLE, "203_0_113_7" },
	{ "203.0.113.7", "h203n0p113q7.example.net", WHOLE, "203n0p113q7" },
	{ "203.0.113.7", "203-000-113-007.example.net", WHOLE, "203-000-113-007" },
	{ "203.0.113.7", "ip203000113007.example.net", WHOLE, "203000113007" },
	{ "203.0.113.7", "203000-113007.example.net", WHOLE, "203000-113007" },
	{ "203.0.113.7", "203000113-7.example.net", WHOLE, "203000113-7" },
	{ "203.0.113.7", "007113000203.example.net", WHOLE, "007113000203" },
	{ "203.0.113.7", "7-113-0-203.example.net", WHOLE, "7-113-0-203" },
	{ "203.0.113.7", "7.red-203-0-113.example.net", WHOLE, "7.red-203-0-113" },
	{ "203.0.113.7", "host7-113-pool.0-203-r.example.net", WHOLE, "7-113-pool.0-203" },
	{ "203.0.113.7", "20301137.example.net", WHOLE, "20301137" },
	{ "203.0.113.7", "71130203.example.net", WHOLE, "71130203" },
	{ "203.0.113.7", "3405803783.example.net", WHOLE, "3405803783" },
	{ "203.0.113.7", "a5.b203-0-113-7.example.net", WHOLE, "203-0-113-7" },
	{ "203.0.113.7", "203-0-113-7-9.example.net", WHOLE, "203-0-113-7" },
	{ "::ffff:203.0.113.7", "203-0-113-7.example.net", WHOLE, "203-0-113-7" },
	{ "1.1.1.1", "1-1-1-1.example.net", WHOLE, "1-1-1-1" },
	{ "203.0.113.7", "203-0-113-7.203.000.113.007", WHOLE, "203-0-113-7" },

	{ "203.0.113.7", "203-0-113-8.example.net", PART, "203-0-113" },
	{ "203.0.113.7", "x113-0-203.example.net", PART, "113-0-203" },
	{ "203.0.113.7", "0-113-7.example.net", PART, "0-113-7" },
	{ "203.0.113.107", "host113-107.example.net", PART, "113-107" },
	{ "203.0.113.107", "host107.113.example.net", PART, "107.113" },
	{ "203.0.13.7", "h013-007.example.net", PART, "013-007" },
	{ "203.0.13.7", "h013007.example.net", PART, "013007" },

	{ "203.0.113.7", "mail.example.net", NOTHING },
	{ "203.0.113.7", "", NOTHING },
	{ "203.0.113.7", "203-0-113x.example.net", PART, "203-0-113" },
	{ "203.0.113.7", "1203-0-113-7.example.net", PART, "0-113-7" },
	{ "203.0.113.7", "203-0-113-70.example.net", PART, "203-0-113" },
	{ "203.0.113.7", "203-113.example.net", NOTHING },
	{ "10.10.0.7", "10-7-7-0.example.net", NOTHING },      /* each number counts once */
	{ "203.0.113.7", "113-7.example.net", NOTHING },       /* four digits */
	{ "203.0.113.107", "113-x-107.example.net", NOTHING }, /* not next to each other */
	{ "203.0.113.107", "113ab107.example.net", NOTHING },
	{ "10.0.0.1", "vm-0-0-1.example.net", NOTHING }, /* three digits */
	{ "1.1.1.1", "1111.example.net", NOTHING },
	{ "203.0.113.7", "9203011379.example.net", NOTHING },
	{ "203.0.113.7", "0203.0113.07.example.net", NOTHING },
	{ "203.0.113.7", "203-0-5-113-7.example.net", NOTHING },
};

static const struct evidence_case hexadecimal[] = {
	{ "203.0.113.7", "pcb007107.dip.example.net", WHOLE, "cb007107" },
	{ "203.0.113.7", "x077100cb.example.net", WHOLE, "077100cb" },
	{ "203.0.113.7", "cb-00-71-07.example.net", WHOLE, "cb-00-71-07" },
	{ "203.0.113.7", "cb.00.71.07.example.net", WHOLE, "cb.00.71.07" },
	{ "203.0.113.7", "07_71_00_cb.example.net", WHOLE, "07_71_00_cb" },
	{ "203.0.113.7", "cable-cb007107.example.net", WHOLE, "cb007107" },
	{ "203.0.113.7", "xcb0071.example.net", PART, "cb0071" },
	{ "203.0.113.7", "x007107.example.net", PART, "007107" },
	{ "203.0.113.7", "077100.example.net", PART, "077100" },
	{ "203.0.113.7", "cb00.example.net", NOTHING },
	{ "203.0.113.7", "7107.example.net", NOTHING },
	{ "203.0.113.7", "acb-00-71-07.example.net", NOTHING },
	{ "203.0.113.7", "cb-00-71-07a.example.net", NOTHING },
};

static const struct evidence_case ipv6[] = {
	{ "2001:db8::7", "x.2001-db8--7.example.net", WHOLE, "2001-db8--7" },
	{ "2001:db8::7", "2001_db8__7.example.net", WHOLE, "2001_db8__7" },
	{ "2001:db8::7", "ip-2001-db8-0-0-0-0-0-7.example.net", WHOLE, "2001-db8-0-0-0-0-0-7" },
	{ "2001:db8::7", "2001-0db8-0000-0000-0000-0000-0000-0007.example.net", WHOLE,
	  "2001-0db8-0000-0000-0000-0000-0000-0007" },
	{ "2001:db8::7", "2001.db8.0.0.0.0.0.7.example.net", WHOLE, "2001.db8.0.0.0.0.0.7" },
	{ "2001:db8::7", "v20010db8000000000000000000000007.example.net", WHOLE,
	  "20010db8000000000000000000000007" },
	{ "2001:db8::7", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.example.net", WHOLE,
	  "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2" },
	{ "2001:db8::7", "70000000000000000000000 08bd01002.example.net", NOTHING },
	{ "2001:db8::7",
	  "700000000000000000000000"
	  "8bd01002.example.net",
	  WHOLE, "7000000000000000000000008bd01002" },
	{ "2001:db8:1:2:a:b:c:d", "000a000b000c000d.example.net", PART, "000a000b000c000d" },
	{ "2001:db8:1:2:211:22ff:fe33:4455", "x211-22ff-fe33-4455.example.net", PART, "211-22ff-fe33-4455" },
	{ "2001:db8:1:2:a:b:c:d", "2001-db8-1-2.example.net", PART, "2001-db8-1-2" },
	{ "2001:db8:1:2:a:b:c:d", "20010db800010002.example.net", PART, "20010db800010002" },
	{ "2001:db8:1:2:a:b:c:d", "a-b-c-d.example.net", NOTHING }, /* four digits */
	{ "2001:db8::7", "0-0-0-7.example.net", NOTHING },
	{ "2001:db8::7", "2001-db8--17.example.net", NOTHING },
	{ "2001:db8::7", "2001-db8--70.example.net", NOTHING },
	{ "2001:db8::7", "12001-db8--7.example.net", NOTHING },
	{ "2001:db8::7", "2001-db8.example.net", NOTHING },
	{ "2001:db8::7", "host7.example.net", NOTHING },
};

static void run(const struct evidence_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *found = NULL;
		struct evidence evidence;
		pp_address_t address;

		g_assert_true(pp_address_parse(cases[i].address, &address));
		evidence = evidence_find(cases[i].name, &address);
		found = g_strndup(cases[i].name + evidence.start, evidence.length);
		if (evidence.strength != cases[i].strength)
			g_test_message("%s in %s: found '%s'", cases[i].address, cases[i].name, found);
		g_assert_cmpint(evidence.strength, ==, cases[i].strength);
		g_assert_cmpstr(found, ==, cases[i].found != NULL ? cases[i].found : "");
	}
}

static void test_decimal(void)
{
	run(decimal, G_N_ELEMENTS(decimal));
}

static void test_hexadecimal(void)
{
	run(hexadecimal, G_N_ELEMENTS(hexadecimal));
}

static void test_ipv6(void)
{
	run(ipv6, G_N_ELEMENTS(ipv6));
}

/* Every address, every common form. */
static void test_forms(void)
{
	static const char *const forms[] = { "%u-%u-%u-%u.pool", "a%u.%u.%u.%u",
		                             "%03u%03u%03u%03u", "ip%03u-%03u-%03u-%03u",
		                             "%02x%02x%02x%02x", "p%02x-%02x-%02x-%02x",
		                             "h%un%up%uq%u" };
	g_autoptr(GRand) random = g_rand_new_with_seed(1);

	for (int i = 0; i < 4000; i++) {
		pp_address_t address = { .family = 4 };
		const uint8_t *o = address.bytes;

		for (int b = 0; b < 4; b++)
			address.bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
		for (size_t f = 0; f < G_N_ELEMENTS(forms); f++) {
			char forward[64], backward[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			g_snprintf(forward, sizeof(forward), forms[f], o[0], o[1], o[2], o[3]);
			g_snprintf(backward, sizeof(backward), forms[f], o[3], o[2], o[1], o[0]);
#pragma GCC diagnostic pop
			g_assert_cmpint(evidence_find(forward, &address).strength, ==, WHOLE);
			g_assert_cmpint(evidence_find(backward, &address).strength, ==, WHOLE);
		}
	}
}

/* Names of servers with numbers in them, and addresses they have nothing to do with. */
static void test_chance(void)
{
	static const char *const names[] = { "web12-3.example.org",       "node-1-2.example.org",
		                             "a1b2c3d4.example.org",      "srv2024.example.org",
		                             "k8s-7f9c4d-x2.example.org", "r3-12-7.example.org" };
	g_autoptr(GRand) random = g_rand_new_with_seed(2);
	unsigned found = 0;

	for (int i = 0; i < 40000; i++) {
		pp_address_t address = { .family = i % 4 == 0 ? 6 : 4 };

		for (int b = 0; b < 16; b++)
			address.bytes[b] = (uint8_t)g_rand_int_range(random, 0, 256);
		found += evidence_find(names[i % G_N_ELEMENTS(names)], &address).strength != EVIDENCE_NONE;
	}
	g_assert_cmpuint(found, <=, 2);
}

static void test_any(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(3);
	pp_address_t addresses[3];
	char name[300];

	pp_address_parse("203.0.113.7", &addresses[0]);
	pp_address_parse("2001:db8::7", &addresses[1]);
	addresses[2] = (pp_address_t){ 0 };
	for (int i = 0; i < 20000; i++) {
		size_t length = (size_t)g_rand_int_range(random, 0, sizeof(name));
		struct evidence evidence;

		for (size_t c = 0; c < length; c++)
			name[c] = i % 2 == 0 ? (char)g_rand_int_range(random, 1, 256)
			                     : "0123456789abcdf.-_x"[g_rand_int_range(random, 0, 19)];
		name[length] = '\0';
		evidence = evidence_find(name, &addresses[i % 3]);
		g_assert_cmpuint(evidence.start + evidence.length, <=, length);
		g_assert_true((evidence.strength == EVIDENCE_NONE) == (evidence.length == 0));
		g_assert_true(i % 3 != 2 || evidence.strength == EVIDENCE_NONE);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/evidence/decimal numbers, whole or in part", test_decimal);
	g_test_add_func("/evidence/hexadecimal digits", test_hexadecimal);
	g_test_add_func("/evidence/IPv6 in groups and nibbles", test_ipv6);
	g_test_add_func("/evidence/each address is found in each form, either way round", test_forms);
	g_test_add_func("/evidence/numbers of servers are not taken for addresses", test_chance);
	g_test_add_func("/evidence/any bytes are looked at within bounds", test_any);
	return g_test_run();
}
