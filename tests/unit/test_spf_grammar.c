/* unit/test_spf_grammar.c - which records of SPF are good, and what stands in them */
#include <glib.h>
#include <string.h>
#include "../../modules/spf/grammar.h"

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static const char *check(struct span text)
{
	struct record record;
	struct span where;

	return grammar_check(text, &record, &where);
}

/* RFC 7208 4.5, 12 */
static void test_version(void)
{
	static const char *const good[] = { "v=spf1", "V=SpF1", "v=spf1 ", "v=spf1 -all", "v=spf1  rubbish" };
	static const char *const other[] = { "",        "v=spf",       "v=spf10", "v=spf1\t-all",
		                             " v=spf1", "v=spf1.-all", "spf1",    "v=spf2.0/pra -all" };

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_true(grammar_is_record(span_of(good[i])));
	for (size_t i = 0; i < G_N_ELEMENTS(other); i++)
		g_assert_false(grammar_is_record(span_of(other[i])));
}

static const char *const good[] = {
	"",
	"-all",
	"ALL",
	"a",
	"A:Example.ORG",
	"a/0",
	"a/32",
	"a//128",
	"a//0",
	"a/24//64",
	"a:example.org./24//64",
	"a:foo:bar/baz.example.org/8",
	"a:example.xn--zckzah",
	"a:example.1-1",
	"a:%{d}",
	"a:foo%%",
	"a:.example",
	"mx:%{d2r-}.example.org//0",
	"ptr",
	"~ptr:example.org",
	"ip4:192.0.2.1",
	"?ip4:192.0.2.0/0",
	"ip6:2001:db8::/32",
	"IP6:::1",
	"ip6:::ffff:192.0.2.1/128",
	"exists:%{ir}.%{l1r-}.sbl.%{d}",
	"include:example.org",
	"redirect=example.org",
	"REDIRECT=%{d} exp=example.org",
	"exp=%{S}.example.org.",
	"moo.cow-far_out=man:dog/cat",
	"x=",
	"x=%{c}%{r}%{t}",
	"default=+",
	"a   mx     -all   ",
};

static const char *const wrong[] = {
	"all.",
	"all:example.org",
	"all/8",
	"moo",
	"-",
	"+-all",
	"-redirect=example.org",
	"redirect:example.org",
	"redirect=",
	"redirect=-all",
	"exp=",
	"exp=museum",
	"exp=%{c}.example.org",
	"redirect=a.example redirect=a.example",
	"exp=a.example EXP=b.example",
	"1up=foo",
	"=all",
	"a.b/c=d",
	"x=%abc",
	"a:",
	"a:museum",
	"a:museum.",
	"a:abc.123",
	"a:192.0.2.1",
	"a:example.-com",
	"a:example.com-",
	"a:example.com:8080",
	"a:example..",
	"a:%{d}com",
	"a:foo.%{d}com",
	"a:%(d).example.org",
	"a:%{d0}.example.org",
	"a:%{a}.example.org",
	"a:%{d",
	"a:%{d2r2}.example.org",
	"a:%{dr@}.example.org",
	"a:%",
	"a/33",
	"a//129",
	"a/032",
	"a/00",
	"a/24/64",
	"a/",
	"a//",
	"a/24//",
	"a:example.org/",
	"mx:",
	"mx/4294967328",
	"ptr:",
	"ptr/0",
	"include",
	"include:",
	"include:example.org/24",
	"exists",
	"exists:",
	"exists:example.org/24",
	"ip4",
	"ip4:",
	"ip4:192.0.2",
	"ip4:192.0.2.01",
	"ip4:192.0.2.1/33",
	"ip4:192.0.2.1/032",
	"ip4:192.0.2.1//32",
	"ip4:192.0.2.1:25",
	"ip4:2001:db8::1",
	"ip6",
	"ip6::2001:db8::1",
	"ip6:2001:db8::1/129",
	"ip6:2001:db8::1//64",
	"ip6:192.0.2.1",
	"ip6:fe80::1%eth0",
	"-all moo",
	"a:ex\x01"
	"ample.org",
	"a:ex\x80mple.org",
	"\x80"
	"all",
	"a\tmx",
	"ip4:192.0.2.1\n",
};

static void test_good(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *text = g_strconcat("v=spf1 ", good[i], NULL);

		g_test_message("%s", good[i]);
		g_assert_cmpstr(check(span_of(text)), ==, NULL);
	}
}

/* Alone, and behind and before what is good. */
static void test_wrong(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *alone = g_strconcat("v=spf1 ", wrong[i], NULL);
		g_autofree char *among = g_strconcat("v=spf1 a -all ", wrong[i], " ?all", NULL);

		g_test_message("%s", wrong[i]);
		g_assert_nonnull(check(span_of(alone)));
		g_assert_nonnull(check(span_of(among)));
	}
}

/* A NUL is a byte like others: what stands behind it counts. */
static void test_nul(void)
{
	static const char record[] = "v=spf1 a:example.org\0 -all", name[] = "v=spf1 a\0:example.org",
	                  address[] = "v=spf1 ip4:192.0.2.1\0", modifier[] = "v=spf1 x\0=y";

	g_assert_nonnull(check((struct span){ record, sizeof(record) - 1 }));
	g_assert_nonnull(check((struct span){ name, sizeof(name) - 1 }));
	g_assert_nonnull(check((struct span){ address, sizeof(address) - 1 }));
	g_assert_nonnull(check((struct span){ modifier, sizeof(modifier) - 1 }));
}

static void test_terms(void)
{
	struct span terms = span_of(" -mx:a.example/24//64 ip4:192.0.2.0/25  ~ip6:::ffff:192.0.2.1 A x=y");
	struct term term;

	g_assert_true(grammar_next(&terms, &term));
	g_assert_cmpint(term.kind, ==, TERM_MX);
	g_assert_cmpint(term.qualifier, ==, '-');
	g_assert_cmpmem(term.domain.bytes, term.domain.length, "a.example", 9);
	g_assert_cmpuint(term.prefix4, ==, 24);
	g_assert_cmpuint(term.prefix6, ==, 64);
	g_assert_true(grammar_next(&terms, &term));
	g_assert_cmpint(term.kind, ==, TERM_IP4);
	g_assert_cmpint(term.qualifier, ==, '+');
	g_assert_cmpuint(term.prefix4, ==, 25);
	g_assert_cmpuint(term.network.bytes[2], ==, 2);
	g_assert_true(grammar_next(&terms, &term));
	g_assert_cmpint(term.kind, ==, TERM_IP6);
	g_assert_cmpint(term.network.family, ==, 6);
	g_assert_cmpuint(term.prefix6, ==, 128);
	g_assert_true(grammar_next(&terms, &term));
	g_assert_cmpint(term.kind, ==, TERM_A);
	g_assert_cmpuint(term.prefix4, ==, 32);
	g_assert_cmpuint(term.domain.length, ==, 0);
	g_assert_true(grammar_next(&terms, &term));
	g_assert_cmpint(term.kind, ==, TERM_UNKNOWN);
	g_assert_false(grammar_next(&terms, &term));
}

static void test_where(void)
{
	struct record record;
	struct span where;
	const char *text = "v=spf1 a exp=e.example redirect=r.example moo -all";

	g_assert_cmpstr(grammar_check(span_of(text), &record, &where), ==, "there is no such mechanism");
	g_assert_cmpmem(where.bytes, where.length, "moo", 3);
	g_assert_true(record.has_redirect && record.has_exp);
	g_assert_cmpmem(record.redirect.domain.bytes, record.redirect.domain.length, "r.example", 9);
	g_assert_cmpmem(record.exp.domain.bytes, record.exp.domain.length, "e.example", 9);
}

static void test_long(void)
{
	g_autoptr(GString) record = g_string_new("v=spf1 -all");
	g_autofree char *name = g_strnfill(GRAMMAR_DOMAIN_MAX - 4, 'x');
	g_autofree char *fits = g_strconcat("v=spf1 a:", name, ".org", NULL);
	g_autofree char *over = g_strconcat("v=spf1 a:x", name, ".org", NULL);

	while (record->len < GRAMMAR_RECORD_MAX)
		g_string_append_c(record, ' ');
	g_assert_null(check((struct span){ record->str, record->len }));
	g_string_append_c(record, ' ');
	g_assert_nonnull(check((struct span){ record->str, record->len }));
	g_assert_null(check(span_of(fits)));
	g_assert_nonnull(check(span_of(over)));
}

static void test_explanation(void)
{
	static const char *const texts[] = { "", "see %{c} %{R} %{t}", "100%% of %{d}%_%-" };
	static const char *const others[] = { "The %{x}-files.", "100%", "caf\xc3\xa9", "two\nlines",
		                              "a\tb" };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_assert_null(grammar_check_explanation(span_of(texts[i])));
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		g_assert_nonnull(grammar_check_explanation(span_of(others[i])));
	g_assert_nonnull(grammar_check_explanation((struct span){ "a\0b", 3 }));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spf grammar/a record begins with its version, in any case", test_version);
	g_test_add_func("/spf grammar/what the RFC allows is good", test_good);
	g_test_add_func("/spf grammar/what it does not allow is wrong, wherever it stands", test_wrong);
	g_test_add_func("/spf grammar/a NUL is wrong", test_nul);
	g_test_add_func("/spf grammar/terms are read with all their parts", test_terms);
	g_test_add_func("/spf grammar/the wrong term is named, and modifiers are found", test_where);
	g_test_add_func("/spf grammar/records and names are bounded", test_long);
	g_test_add_func("/spf grammar/an explanation is ASCII with spaces and macros of its own",
	                test_explanation);
	return g_test_run();
}
