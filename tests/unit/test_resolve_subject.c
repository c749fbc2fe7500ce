/* unit/test_resolve_subject.c - what a path of the module resolve begins with */
#include <glib.h>
#include <string.h>
#include "../../modules/resolve/subject.h"

struct subject_case {
	const char *attribute, *value;
	enum subject_kind kind;
	const char *name; /* none: the reason */
};

static const struct subject_case cases[] = {
	{ "client_address", "192.0.2.1", SUBJECT_ADDRESS, "192.0.2.1" },
	{ "client_address", "2001:DB8:0::1", SUBJECT_ADDRESS, "2001:db8::1" },
	{ "client_address", "::ffff:192.0.2.1", SUBJECT_ADDRESS, "192.0.2.1" },
	{ "helo_name", "[192.0.2.1]", SUBJECT_ADDRESS, "192.0.2.1" },
	{ "helo_name", "[IPv6:2001:db8::1]", SUBJECT_ADDRESS, "2001:db8::1" },
	{ "helo_name", "[ipv6:2001:db8::1]", SUBJECT_ADDRESS, "2001:db8::1" },
	{ "sender", "bob@[192.0.2.1]", SUBJECT_ADDRESS, "192.0.2.1" },
	{ "helo_name", "[192.0.2.1", SUBJECT_NAME, "[192.0.2.1" },
	{ "helo_name", "[]", SUBJECT_NAME, "[]" },
	{ "helo_name", "[", SUBJECT_NAME, "[" },
	{ "helo_name", "192.0.2.1.", SUBJECT_NAME, "192.0.2.1" },
	{ "helo_name", "192.0.2.256", SUBJECT_NAME, "192.0.2.256" },

	{ "helo_name", "Mail.Example.ORG", SUBJECT_NAME, "mail.example.org" },
	{ "helo_name", "mail.example.org.", SUBJECT_NAME, "mail.example.org" },
	{ "helo_name", ".", SUBJECT_NAME, "." },
	{ "helo_name", "a..", SUBJECT_NAME, "a.." },
	{ "helo_name", "friend", SUBJECT_NAME, "friend" },
	{ "helo_name", "unknown", SUBJECT_NAME, "unknown" },
	{ "helo_name", "a..b", SUBJECT_NAME, "a..b" },
	{ "helo_name", "a b", SUBJECT_NAME, "a b" },
	{ "helo_name", "a\\.b", SUBJECT_NAME, "a\\\\.b" },
	{ "sender", "bob@Example.org", SUBJECT_NAME, "example.org" },
	{ "sender", "a@b@example.org", SUBJECT_NAME, "example.org" },
	{ "sender", "@example.org", SUBJECT_NAME, "example.org" },
	{ "sasl_username", "bob", SUBJECT_NAME, "bob" },
	{ "sender",
	  "bob@b\xc3\xbc"
	  "cher.example",
	  SUBJECT_NAME, "xn--bcher-kva.example" },
	{ "sender", "bob@\xff.example", SUBJECT_NAME, "\xff.example" },

	{ "helo_name", NULL, SUBJECT_NONE, "it is absent" },
	{ "sender", "", SUBJECT_NONE, "the null sender has no domain" },
	{ "sender", "bob", SUBJECT_NONE, "it has no domain" },
	{ "recipient", "postmaster", SUBJECT_NONE, "it has no domain" },
	{ "sasl_username", "bob@", SUBJECT_NONE, "it has no domain" },
	{ "client_name", "unknown", SUBJECT_NONE, "Postfix does not know it" },
	{ "reverse_client_name", "unknown", SUBJECT_NONE, "Postfix does not know it" },
	{ "client_address", "unknown", SUBJECT_NONE, "Postfix does not know it" },
};

static void test_cases(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct subject subject;

		subject_read(cases[i].attribute, cases[i].value, &subject);
		g_assert_cmpint(subject.kind, ==, cases[i].kind);
		g_assert_cmpstr(subject.kind == SUBJECT_NONE ? subject.why : subject.name, ==, cases[i].name);
	}
}

static void test_address(void)
{
	struct subject subject;

	subject_read("client_address", "192.0.2.1", &subject);
	g_assert_cmpint(subject.address.family, ==, 4);
	g_assert_cmpmem(subject.address.bytes, 4, "\xc0\x00\x02\x01", 4);
}

/* A name that does not fit is not cut, since the rest would be another one. */
static void test_long(void)
{
	for (size_t length = 1; length < 3000; length++) {
		g_autofree char *name = g_strnfill(length, 'x'), *odd = g_strnfill(length, '\\');
		g_autofree char *literal = g_strdup_printf("[%s]", name);
		struct subject subject;

		subject_read("helo_name", name, &subject);
		g_assert_cmpint(subject.kind, ==,
		                length <= SUBJECT_SIZE - 2 ? SUBJECT_NAME : SUBJECT_IMPOSSIBLE);
		g_assert_cmpuint(strlen(subject.name), ==, length <= SUBJECT_SIZE - 2 ? length : 63);
		subject_read("helo_name", literal, &subject);
		g_assert_cmpint(subject.kind, !=, SUBJECT_ADDRESS);
		subject_read("helo_name", odd, &subject);
		g_assert_cmpint(subject.kind, ==, length <= 507 ? SUBJECT_NAME : SUBJECT_IMPOSSIBLE);
	}
}

static void test_any(void)
{
	static const char *const parts[] = { "@",        "[",         "]",   ".",       "\\",
		                             "IPv6:",    "192.0.2.1", "::",  "a",       "\xff",
		                             "\xc3\xbc", "1",         "-",   "unknown", " ",
		                             "Z",        "\t",        "x--", "xn--",    "\xe3\x80\x82" };
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	g_autoptr(GString) value = g_string_new(NULL);

	for (int i = 0; i < 100000; i++) {
		struct subject subject;

		g_string_truncate(value, 0);
		for (int n = g_rand_int_range(random, 0, 10); n > 0; n--)
			g_string_append(value, parts[g_rand_int_range(random, 0, G_N_ELEMENTS(parts))]);
		subject_read(i % 2 == 0 ? "sender" : "client_name", value->str, &subject);
		g_assert_cmpuint(strlen(subject.name), <, SUBJECT_SIZE);
		g_assert_true((subject.kind == SUBJECT_NONE) == (*subject.name == '\0'));
		for (const char *c = subject.name; *c != '\0'; c++)
			g_assert_false(g_ascii_isupper(*c));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/resolve/an attribute holds an address, a name, or nothing to begin with",
	                test_cases);
	g_test_add_func("/resolve/an address is read", test_address);
	g_test_add_func("/resolve/a name that does not fit is none", test_long);
	g_test_add_func("/resolve/whatever it holds, it is read within bounds", test_any);
	return g_test_run();
}
