/* unit/test_spf_macro.c - what macros of SPF expand to */
#include <glib.h>
#include <string.h>
#include "../../modules/spf/macro.h"

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static struct macro_values values(const char *client)
{
	struct macro_values values = {
		.local = "strong-bad",
		.sender_domain = "email.example.com",
		.helo = "mx.example.org",
		.receiver = "mail.example.net",
		.now = 1700000000,
		.domain = "email.example.com",
		.validated = "host.example.org",
	};

	g_assert_true(pp_address_parse(client, &values.client));
	return values;
}

static const char *text_of(const char *text, const char *client)
{
	static char expanded[4096];
	struct macro_values given = values(client);
	struct span tail;

	g_test_message("%s", text);
	g_assert_cmpstr(macro_check(span_of(text), MACRO_IN_EXPLANATION, &tail), ==, NULL);
	macro_expand_text(span_of(text), &given, expanded, sizeof(expanded));
	return expanded;
}

/* The examples of RFC 7208 7.4 and more. */
static void test_values(void)
{
	static const struct {
		const char *text, *expanded;
	} cases[] = {
		{ "%{s}", "strong-bad@email.example.com" },
		{ "%{o}", "email.example.com" },
		{ "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" },
		{ "%{d3}", "email.example.com" },
		{ "%{d2}", "example.com" },
		{ "%{d1}", "com" },
		{ "%{dr}", "com.example.email" },
		{ "%{d2r}", "example.email" },
		{ "%{d2R}", "example.email" },
		{ "%{l}", "strong-bad" },
		{ "%{l-}", "strong.bad" },
		{ "%{lr}", "strong-bad" },
		{ "%{lr-}", "bad.strong" },
		{ "%{l1r-}", "strong" },
		{ "%{l1-}", "bad" },
		{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
		{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
		{ "%{h} %{c} %{r} %{t} %{p}",
		  "mx.example.org 192.0.2.3 mail.example.net 1700000000 host.example.org" },
		{ "%%%_%-", "% %20" },
		{ "%{S}", "strong-bad%40email.example.com" },
		{ "%{D1}%{H2}", "comexample.org" },
		{ "%{d999999999999999999999}", "email.example.com" },
		{ "%{d127r}", "com.example.email" },
		{ "%{o-.}", "email.example.com" },
		{ "%{h,/_=+}", "mx.example.org" },
		{ "no macro", "no macro" },
		{ "", "" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(text_of(cases[i].text, "192.0.2.3"), ==, cases[i].expanded);
}

static void test_ipv6(void)
{
	g_assert_cmpstr(
	        text_of("%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01"), ==,
	        "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
	g_assert_cmpstr(text_of("%{i4r}", "2001:db8::cb01"), ==, "1.0.0.2");
	g_assert_cmpstr(text_of("%{c}", "2001:DB8:0::CB01"), ==, "2001:db8::cb01");
	g_assert_cmpstr(text_of("%{i} %{v}", "::ffff:192.0.2.3"), ==, "192.0.2.3 in-addr");
}

static void test_parts(void)
{
	static const struct {
		const char *local, *text, *expanded;
	} cases[] = {
		{ "a.b.c", "%{l2}", "b.c" },
		{ "a.b.c", "%{l2r}", "b.a" },
		{ "..", "%{l}", ".." },
		{ "..", "%{l2}", "." },
		{ "..", "%{lr}", ".." },
		{ "", "%{l}", "" },
		{ "", "%{lr}", "" },
		{ "a-", "%{lr-}", ".a" },
		{ "-a", "%{lr-}", "a." },
		{ "-a", "%{l1r-}", "" },
		{ "a+b-c", "%{l+-}", "a.b.c" },
		{ "a+b-c", "%{l2r+-}", "b.a" },
		{ "a b&c", "%{L}", "a%20b%26c" },
		{ "\xc3\xa9", "%{L}", "%C3%A9" },
		{ "\xc3\xa9\n", "%{l}", "???" },
		{ "a.b", "%{l-}", "a.b" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct macro_values given = values("192.0.2.3");
		char expanded[64];

		given.local = cases[i].local;
		macro_expand_text(span_of(cases[i].text), &given, expanded, sizeof(expanded));
		g_assert_cmpstr(expanded, ==, cases[i].expanded);
	}
}

/* RFC 7208 7.3: labels are taken from the left until 253 bytes are left. */
static void test_names(void)
{
	struct macro_values given = values("192.0.2.3");
	g_autofree char *label = g_strnfill(63, 'a'), *text = NULL, *cut = NULL, *one = g_strnfill(600, 'b');
	char name[NAME_SIZE];

	g_assert_true(macro_expand_name(span_of("%{d}."), &given, name));
	g_assert_cmpstr(name, ==, "email.example.com");
	g_assert_false(macro_expand_name(span_of("a..b.example"), &given, name));
	g_assert_false(macro_expand_name(span_of(".example"), &given, name));
	g_assert_false(macro_expand_name(span_of("%{d}.."), &given, name));
	text = g_strdup_printf("x.%s.%s.%s.%s", label, label, label, label);
	cut = g_strdup_printf("%s.%s.%s", label, label, label);
	g_assert_true(macro_expand_name(span_of(text), &given, name));
	g_assert_cmpstr(name, ==, cut);
	given.domain = text + 2;
	g_assert_true(macro_expand_name(span_of("%{d}%{d}%{d}%{d}%{d}%{d}%{d}.b.example"), &given, name));
	g_assert_cmpuint(strlen(name), ==, 63 * 3 + 3 + 9);
	g_assert_false(macro_expand_name(span_of(one), &given, name));
	given.local = "caf\xc3\xa9";
	g_assert_false(macro_expand_name(span_of("%{l}.example.org"), &given, name));
	g_assert_true(macro_expand_name(span_of("%{L}.example.org"), &given, name));
	g_assert_cmpstr(name, ==, "caf%C3%A9.example.org");
}

/* Each size of what is expanded into, and of what is kept of a name. */
static void test_bounds(void)
{
	struct macro_values given = values("192.0.2.3");
	g_autoptr(GString) text = g_string_new(NULL);
	char name[NAME_SIZE];

	for (size_t size = 1; size < 40; size++) {
		g_autofree char *expanded = g_malloc(size);

		macro_expand_text(span_of("%{S}%{S}"), &given, expanded, size);
		g_assert_cmpuint(strlen(expanded), ==, size - 1);
	}
	for (int i = 0; i < 400; i++) {
		g_string_append(text, "%{d}.");
		g_assert_true(macro_expand_name((struct span){ text->str, text->len }, &given, name));
		g_assert_true(g_str_has_suffix(name, "email.example.com"));
		g_assert_cmpuint(strlen(name), <, NAME_SIZE);
	}
}

static void test_validated(void)
{
	g_assert_true(macro_wants_validated(span_of("a.%{p}.example")));
	g_assert_true(macro_wants_validated(span_of("%%%{P2r}")));
	g_assert_false(macro_wants_validated(span_of("%%{p}p%{d}")));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spf macro/values and transformers are those of the RFC's examples", test_values);
	g_test_add_func("/spf macro/an IPv6 address is nibbles, an IPv4-mapped one is IPv4", test_ipv6);
	g_test_add_func("/spf macro/parts may be empty, delimiters several, bytes any", test_parts);
	g_test_add_func("/spf macro/a name is cut from the left, and is none that DNS cannot have",
	                test_names);
	g_test_add_func("/spf macro/whatever is expanded ends within bounds", test_bounds);
	g_test_add_func("/spf macro/what wants a validated name is known before", test_validated);
	return g_test_run();
}
