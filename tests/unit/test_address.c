/* unit/test_address.c - IP addresses and sets of networks */
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include "base/address.h"

static void test_addresses(void)
{
	static const struct {
		const char *text, *print; /* NULL = no address */
		int family;
	} table[] = {
		{ "192.0.2.1", "192.0.2.1", 4 },
		{ "0.0.0.0", "0.0.0.0", 4 },
		{ "255.255.255.255", "255.255.255.255", 4 },
		{ "2001:db8::1", "2001:db8::1", 6 },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", 6 },
		{ "::", "::", 6 },
		{ "::1", "::1", 6 },
		{ "::ffff:192.0.2.1", "192.0.2.1", 4 },
		{ "::ffff:c000:201", "192.0.2.1", 4 },
		{ "::192.0.2.1", "::192.0.2.1", 6 },
		{ "", NULL, 0 },
		{ "192.0.2", NULL, 0 },
		{ "192.0.2.1.", NULL, 0 },
		{ "192.0.2.1.5", NULL, 0 },
		{ "192.0.2.256", NULL, 0 },
		{ "192.0.2.01", NULL, 0 },
		{ "192.0.2.0x1", NULL, 0 },
		{ "192.0.2.-1", NULL, 0 },
		{ " 192.0.2.1", NULL, 0 },
		{ "192.0.2.1 ", NULL, 0 },
		{ "192.0.2.1/32", NULL, 0 },
		{ "3221225985", NULL, 0 },
		{ "not-an-ip", NULL, 0 },
		{ "unknown", NULL, 0 },
		{ ":", NULL, 0 },
		{ ":::", NULL, 0 },
		{ "2001:db8::1::2", NULL, 0 },
		{ "2001:db8:12345::", NULL, 0 },
		{ "2001:db8::1%lo", NULL, 0 },
		{ "[2001:db8::1]", NULL, 0 },
		{ "1:2:3:4:5:6:7:8:9", NULL, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		pp_address_t address = { .family = 99 };
		char buffer[64];

		g_test_message("'%s'", table[i].text);
		g_assert_cmpint(pp_address_parse(table[i].text, &address), ==, table[i].print != NULL);
		if (table[i].print == NULL) {
			g_assert_cmpint(address.family, ==, 99);
			continue;
		}
		g_assert_cmpint(address.family, ==, table[i].family);
		g_assert_cmpstr(pp_address_print(&address, -1, buffer), ==, table[i].print);
	}
}

static void test_print(void)
{
	static const struct {
		const char *text;
		int prefix;
		const char *print;
	} table[] = {
		{ "192.0.2.255", 32, "192.0.2.255" },
		{ "192.0.2.255", 33, "192.0.2.255" },
		{ "192.0.2.255", 31, "192.0.2.254" },
		{ "192.0.2.255", 24, "192.0.2.0" },
		{ "192.0.2.255", 25, "192.0.2.128" },
		{ "192.0.2.255", 0, "0.0.0.0" },
		{ "2001:db8:1:2:3::5", 64, "2001:db8:1:2::" },
		{ "2001:db8:1:2:3::5", 128, "2001:db8:1:2:3::5" },
		{ "2001:db8:ffff::", 33, "2001:db8:8000::" },
		{ "2001:db8::", 0, "::" },
	};
	static const pp_address_t nothing;
	pp_address_t address;
	char buffer[64];

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_assert_true(pp_address_parse(table[i].text, &address));
		g_assert_cmpstr(pp_address_print(&address, table[i].prefix, buffer), ==, table[i].print);
		g_assert_true(pp_address_parse(table[i].text, &address));
	}
	g_assert_cmpstr(pp_address_print(&nothing, 5, buffer), ==, "");
}

static void test_networks(void)
{
	static const struct {
		const char *text;
		const char *strict, *lax; /* NULL = refused */
	} table[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/24" },
		{ "192.0.2.1", "192.0.2.1/32", "192.0.2.1/32" },
		{ "192.0.2.1/32", "192.0.2.1/32", "192.0.2.1/32" },
		{ "192.0.2.1/24", NULL, "192.0.2.0/24" },
		{ "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1/0", NULL, "0.0.0.0/0" },
		{ "2001:db8::/32", "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1/128", "2001:db8::1/128" },
		{ "2001:db8::1/32", NULL, "2001:db8::/32" },
		{ "::/0", "::/0", "::/0" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24", "192.0.2.0/24" },
		{ "::ffff:0.0.0.0/96", "0.0.0.0/0", "0.0.0.0/0" },
		{ "::ffff:192.0.2.1", "192.0.2.1/32", "192.0.2.1/32" },
		{ "::ffff:192.0.2.0/90", NULL, "::ffc0:0:0/90" },
		{ "192.0.2.0/33", NULL, NULL },
		{ "192.0.2.0/024", NULL, NULL },
		{ "192.0.2.0/00", NULL, NULL },
		{ "192.0.2.0/", NULL, NULL },
		{ "192.0.2.0/+24", NULL, NULL },
		{ "192.0.2.0/-1", NULL, NULL },
		{ "192.0.2.0/ 24", NULL, NULL },
		{ "192.0.2.0/24 ", NULL, NULL },
		{ "192.0.2.0/24/24", NULL, NULL },
		{ "192.0.2.0/4294967320", NULL, NULL },
		{ "192.0.2.0/255.255.255.0", NULL, NULL },
		{ "192.0.2/24", NULL, NULL },
		{ "2001:db8::/129", NULL, NULL },
		{ "/24", NULL, NULL },
		{ "", NULL, NULL },
		{ "1111111111111111111111111111111111111111111111111111111111/8", NULL, NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		for (int strict = 0; strict < 2; strict++) {
			const char *want = strict ? table[i].strict : table[i].lax;
			pp_address_t address = { .family = 99 };
			g_autofree char *print = NULL;
			char buffer[64];
			int prefix = 99;

			g_test_message("'%s'", table[i].text);
			g_assert_cmpint(pp_network_parse(table[i].text, strict, &address, &prefix), ==,
			                want != NULL);
			if (want == NULL) {
				g_assert_cmpint(address.family, ==, 99);
				g_assert_cmpint(prefix, ==, 99);
				continue;
			}
			print = g_strdup_printf("%s/%d", pp_address_print(&address, -1, buffer), prefix);
			g_assert_cmpstr(print, ==, want);
		}
	}
}

static void test_sockaddr(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	pp_address_t address;
	char buffer[64];

	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	address = address_of_sockaddr((struct sockaddr *)&in);
	g_assert_cmpstr(pp_address_print(&address, -1, buffer), ==, "192.0.2.7");
	inet_pton(AF_INET6, "2001:db8::7", &in6.sin6_addr);
	address = address_of_sockaddr((struct sockaddr *)&in6);
	g_assert_cmpstr(pp_address_print(&address, -1, buffer), ==, "2001:db8::7");
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr);
	address = address_of_sockaddr((struct sockaddr *)&in6);
	g_assert_cmpint(address.family, ==, 4);
	g_assert_cmpstr(pp_address_print(&address, -1, buffer), ==, "192.0.2.7");
	g_assert_cmpint(address_of_sockaddr((struct sockaddr *)&un).family, ==, 0);
}

struct entry {
	pp_address_t address;
	int prefix;
	uint32_t number;
};

static bool holds(const struct entry *entry, const pp_address_t *address)
{
	int bits = entry->prefix;

	if (entry->address.family != address->family)
		return false;
	for (int i = 0; bits > 0; i++, bits -= 8) {
		int mask = bits >= 8 ? 0xff : 0xff00 >> bits & 0xff;

		if ((entry->address.bytes[i] & mask) != (address->bytes[i] & mask))
			return false;
	}
	return true;
}

/* The obvious way to do it. */
static bool find_naive(const struct entry *entries, size_t count, const pp_address_t *address,
                       uint32_t *number)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (holds(&entries[i], address) && (best == NULL || entries[i].prefix > best->prefix))
			best = &entries[i];
	if (best != NULL)
		*number = best->number;
	return best != NULL;
}

/* An address of few different ones, so that networks contain one another. */
static pp_address_t random_address(void)
{
	pp_address_t address = { .family = g_test_rand_bit() ? 4 : 6 };
	static const uint8_t few[] = { 0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff };
	int size = address.family == 4 ? 4 : 16;
	uint8_t base = few[g_test_rand_int_range(0, sizeof(few))];

	for (int i = 0; i < size; i++)
		address.bytes[i] = g_test_rand_int_range(0, 3) == 0
		                           ? few[g_test_rand_int_range(0, sizeof(few))]
		                           : base;
	/* Not IPv4-mapped, which the naive way does not know. */
	if (address.family == 6 && address.bytes[10] == 0xff)
		address.bytes[10] = 0xfe;
	return address;
}

static struct entry random_entry(uint32_t number)
{
	struct entry entry = { .address = random_address(), .number = number };
	int most = entry.address.family == 4 ? 32 : 128;

	entry.prefix = g_test_rand_int_range(0, 4) == 0 ? most : g_test_rand_int_range(0, most + 1);
	return entry;
}

struct rebuilt {
	pp_networks_builder_t *builder;
	size_t count;
};

static void rebuild(const pp_address_t *address, int prefix, uint32_t number, void *data)
{
	struct rebuilt *rebuilt = data;
	char buffer[64], masked[64];

	g_assert_cmpstr(pp_address_print(address, -1, buffer), ==, pp_address_print(address, prefix, masked));
	pp_networks_add(rebuilt->builder, address, prefix, number);
	rebuilt->count++;
}

static void test_sets(void)
{
	enum { MOST = 40 };

	for (int round = 0; round < 400; round++) {
		size_t count = (size_t)g_test_rand_int_range(0, MOST + 1);
		struct entry entries[MOST];
		pp_networks_builder_t *builder = pp_networks_builder_new();
		struct rebuilt rebuilt = { .builder = pp_networks_builder_new() };
		pp_networks_t *networks, *again;

		for (size_t i = 0; i < count; i++) {
			entries[i] = random_entry((uint32_t)(i / 2));
			if (i > 0 && i % 5 == 0) {
				entries[i].address = entries[i - 1].address;
				entries[i].prefix = entries[i - 1].prefix;
			}
			pp_networks_add(builder, &entries[i].address, entries[i].prefix, entries[i].number);
		}
		networks = pp_networks_build(builder);
		networks_each(networks, rebuild, &rebuilt);
		again = pp_networks_build(rebuilt.builder);
		for (int probe = 0; probe < 150; probe++) {
			pp_address_t address = random_address();
			uint32_t want = 7777, got = 7777, same = 7777;
			bool found;

			if (count > 0 && probe % 3 == 0)
				address = entries[(size_t)probe % count].address;
			found = find_naive(entries, count, &address, &want);
			g_assert_cmpint(pp_networks_find(networks, &address, &got), ==, found);
			g_assert_cmpuint(got, ==, want);
			g_assert_cmpint(pp_networks_find(again, &address, &same), ==, found);
			g_assert_cmpuint(same, ==, want);
			g_assert_cmpint(pp_networks_find(networks, &address, NULL), ==, found);
		}
		pp_networks_free(networks);
		pp_networks_free(again);
	}
}

static bool found_in(const pp_networks_t *networks, const char *text, uint32_t *number)
{
	pp_address_t address;

	g_assert_true(pp_address_parse(text, &address));
	return pp_networks_find(networks, &address, number);
}

static void add_text(pp_networks_builder_t *builder, const char *text, uint32_t number)
{
	pp_address_t address;
	int prefix;

	g_assert_true(pp_network_parse(text, true, &address, &prefix));
	pp_networks_add(builder, &address, prefix, number);
}

static void test_edges(void)
{
	pp_networks_builder_t *builder = pp_networks_builder_new();
	static const pp_address_t none;
	pp_networks_t *networks;
	uint32_t number = 0;

	add_text(builder, "255.255.255.255", 1);
	add_text(builder, "0.0.0.0/0", 2);
	add_text(builder, "0.0.0.0/0", 3);
	add_text(builder, "128.0.0.0/1", 4);
	add_text(builder, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 5);
	add_text(builder, "ffff::/16", 6);
	add_text(builder, "::", UINT32_MAX);
	pp_networks_add(builder, &none, 8, 9);
	networks = pp_networks_build(builder);
	g_assert_true(found_in(networks, "255.255.255.255", &number));
	g_assert_cmpuint(number, ==, 1);
	g_assert_true(found_in(networks, "255.255.255.254", &number));
	g_assert_cmpuint(number, ==, 4);
	g_assert_true(found_in(networks, "127.255.255.255", &number));
	g_assert_cmpuint(number, ==, 2);
	g_assert_true(found_in(networks, "0.0.0.0", &number));
	g_assert_cmpuint(number, ==, 2);
	g_assert_true(found_in(networks, "::ffff:128.0.0.0", &number));
	g_assert_cmpuint(number, ==, 4);
	g_assert_true(found_in(networks, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &number));
	g_assert_cmpuint(number, ==, 5);
	g_assert_true(found_in(networks, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", &number));
	g_assert_cmpuint(number, ==, 6);
	g_assert_true(found_in(networks, "::", &number));
	g_assert_cmpuint(number, ==, UINT32_MAX);
	g_assert_false(found_in(networks, "::1", &number));
	g_assert_false(found_in(networks, "fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &number));
	g_assert_false(pp_networks_find(networks, &none, &number));
	g_assert_false(found_in(NULL, "::1", &number));
	pp_networks_free(networks);
	pp_networks_free(NULL);
}

static void append_network(const pp_address_t *address, int prefix, uint32_t number, void *data)
{
	char buffer[64];

	g_string_append_printf(data, "%s/%d=%u ", pp_address_print(address, -1, buffer), prefix, number);
}

static void test_each(void)
{
	static const char *const orders[][5] = {
		{ "192.0.2.0/25", "192.0.2.128/25", "198.51.100.1", "2001:db8::/33", "2001:db8:8000::/33" },
		{ "2001:db8:8000::/33", "198.51.100.1", "192.0.2.128/25", "192.0.2.0/25", "2001:db8::/33" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
		pp_networks_builder_t *builder = pp_networks_builder_new();
		g_autoptr(GString) all = g_string_new(NULL);
		pp_networks_t *networks;

		for (size_t j = 0; j < 5; j++)
			add_text(builder, orders[i][j], 0);
		networks = pp_networks_build(builder);
		networks_each(networks, append_network, all);
		g_assert_cmpstr(all->str, ==, "192.0.2.0/24=0 198.51.100.1/32=0 2001:db8::/32=0 ");
		pp_networks_free(networks);
	}
}

/* Bounds far above what it takes, so that only a wrong way of doing it fails. */
static void test_many(void)
{
	enum { COUNT = 200000 };
	pp_networks_builder_t *builder = pp_networks_builder_new();
	gint64 start = g_get_monotonic_time();
	pp_networks_t *networks;
	uint32_t number, hits = 0;

	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t bits = GUINT32_TO_BE(i * UINT32_C(2654435761));
		pp_address_t address = { .family = 4 };

		memcpy(address.bytes, &bits, 4);
		pp_networks_add(builder, &address, 8 + (int)(i % 25), i);
	}
	networks = pp_networks_build(builder);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t bits = GUINT32_TO_BE(i * UINT32_C(2246822519));
		pp_address_t address = { .family = 4 };

		memcpy(address.bytes, &bits, 4);
		hits += pp_networks_find(networks, &address, &number);
	}
	g_assert_cmpuint(hits, >, COUNT / 2);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 2 * G_USEC_PER_SEC);
	pp_networks_free(networks);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/address/addresses are read strictly", test_addresses);
	g_test_add_func("/address/host bits are cleared in print", test_print);
	g_test_add_func("/address/networks are read strictly", test_networks);
	g_test_add_func("/address/a socket's address", test_sockaddr);
	g_test_add_func("/networks/any set finds what a plain loop finds", test_sets);
	g_test_add_func("/networks/first and last addresses belong", test_edges);
	g_test_add_func("/networks/equal sets have equal networks", test_each);
	g_test_add_func("/networks/many are built and found quickly", test_many);
	return g_test_run();
}
