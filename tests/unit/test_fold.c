/* unit/test_fold.c - addresses without what changes from mail to mail */
#include <glib.h>
#include <string.h>
#include "../../modules/greylist/fold.h"

struct fold_case {
	const char *address, *folded;
};

static const struct fold_case both[] = {
	{ "bob@example.org", "bob@example.org" },
	{ "Bob@Example.ORG", "bob@example.org" },
	{ "bob@example.org.", "bob@example.org" },
	{ "bob", "bob" },
	{ "@", "@" },
	{ "@example.org", "@example.org" },
	{ "bob@", "bob@" },
	{ "a@b@example.org", "a@b@example.org" },
	{ "J\xc3\x96RG@example.org", "j\xc3\x96rg@example.org" },
	{ "john doe@example.org", "john doe@example.org" },

	/* extensions */
	{ "bob+news@example.org", "bob@example.org" },
	{ "bob+a+b@example.org", "bob@example.org" },
	{ "bob+@example.org", "bob@example.org" },
	{ "+bob@example.org", "+bob@example.org" },
	{ "+@example.org", "+@example.org" },
	{ "bob+news", "bob" },
	{ "list-bounces+bob=example.org@lists.example", "list-bounces@lists.example" },
	{ "bob@exam+ple.org", "bob@exam+ple.org" },

	/* BATV */
	{ "prvs=1234abcdef=bob@example.org", "bob@example.org" },
	{ "PRVS=1234ABCDEF=Bob@example.org", "bob@example.org" },
	{ "prvs=12345678a=bob@example.org", "bob@example.org" },
	{ "prvs=1234abcdef=bob=jones@example.org", "bob=jones@example.org" },
	{ "prvs=1234abcdef=bob+news@example.org", "bob@example.org" },
	{ "prvs=bob=1234abcdef@example.org", "bob@example.org" },
	{ "btv1==1234abcdef==bob@example.org", "bob@example.org" },
	{ "msprvs1=19999xq_7z=bounces@example.org", "bounces@example.org" },
	{ "prvs=@example.org", "prvs=@example.org" },
	{ "prvs=alice=bob@example.org", "prvs=alice=bob@example.org" },
	{ "btv1==xyz==bob@example.org", "btv1==xyz==bob@example.org" },

	/* SRS */
	{ "SRS0=x7Yz=AB=example.org=bob@forward.example", "srs=example.org=bob@forward.example" },
	{ "SRS0+x7Yz=AB=example.org=bob@forward.example", "srs=example.org=bob@forward.example" },
	{ "SRS0-x+/z=AB=example.org=bob@forward.example", "srs=example.org=bob@forward.example" },
	{ "SRS0=x7Yz=AB=example.org=b=o=b@forward.example", "srs=example.org=b=o=b@forward.example" },
	{ "SRS0=x7Yz=AB=example.org=bob+n@forward.example", "srs=example.org=bob@forward.example" },
	{ "SRS1=aaaa=one.example==x7Yz=AB=example.org=bob@two.example",
	  "srs=one.example=example.org=bob@two.example" },
	{ "SRS1=aaaa=one.example=+x7Yz=AB=example.org=bob@two.example",
	  "srs=one.example=example.org=bob@two.example" },
	{ "SRS0=x7Yz=AB=example.org=prvs=1234abcdef=bob@forward.example",
	  "srs=example.org=bob@forward.example" },
	{ "prvs=1234abcdef=SRS0=x7Yz=AB=example.org=bob@forward.example",
	  "srs=example.org=bob@forward.example" },
	{ "bounces+SRS=x7yz=ab@forward.example", "bounces@forward.example" },
	{ "SRS0=x7Yz=AB=example.org@forward.example", "srs0=x7yz=ab=example.org@forward.example" },
	{ "SRS0=x7Yz=AB=example.org=@forward.example", "srs0=x7yz=ab=example.org=@forward.example" },
	{ "SRS0===@forward.example", "srs0===@forward.example" },
	{ "SRS1=aaaa=one.example=x7Yz=AB=example.org=bob@two.example",
	  "srs1=aaaa=one.example=x7yz=ab=example.org=bob@two.example" },
	{ "SRS0@forward.example", "srs0@forward.example" },
	{ "SRS2=x7Yz=AB=example.org=bob@forward.example", "srs2=x7yz=ab=example.org=bob@forward.example" },
	{ "srs@forward.example", "srs@forward.example" },
};

static const struct fold_case senders[] = {
	{ "", "<>" },
	{ "<>", "<>" },
	{ "list-return-1234-bob=example.org@lists.example", "list-return-#-bob=example.org@lists.example" },
	{ "bounce-5f6a7b8c-4b7d@news.example", "bounce-#-#@news.example" },
	{ "bounce_77_html@news.example", "bounce_#_html@news.example" },
	{ "news.2024@example.org", "news.#@example.org" },
	{ "prvs=1234abcdef=list-return-7@example.org", "list-return-#@example.org" },
	{ "SRS0=x7Yz=AB=example.org=list-7@forward.example", "srs=example.org=list-#@forward.example" },
	{ "0100018c1b2c3d4e-5f6a7b8c-9d0e-1f2a@mail.example", "#-#-#-#@mail.example" },
	{ "0123456789abcdef0123@mail.example", "#@mail.example" },

	/* names of people and machines */
	{ "sales2@example.org", "sales2@example.org" },
	{ "15551234567@example.org", "15551234567@example.org" },
	{ "cafe2024@example.org", "cafe2024@example.org" },
	{ "dead-beef@example.org", "dead-beef@example.org" },
	{ "a1-b2c@example.org", "a1-b2c@example.org" },
	{ "bob@4.example.org", "bob@4.example.org" },
	{ "j\xc3\xb6rg4-x@example.org", "j\xc3\xb6rg4-x@example.org" },
};

/* Half a form is none. */
static const struct fold_case recipients[] = {
	{ "user-1@example.org", "user-1@example.org" },
	{ "room.4711@example.org", "room.4711@example.org" },
	{ "0123456789abcdef0123@example.org", "0123456789abcdef0123@example.org" },
	{ "btv1==1234abcdef=bob@example.org", "btv1==1234abcdef=bob@example.org" },
	{ "prvs=1234abcdef@example.org", "prvs=1234abcdef@example.org" },
	{ "prvs=1234abcdef=@example.org", "prvs=1234abcdef=@example.org" },
};

typedef char *(*fold_fn)(const char *address, const char *extension, char folded[FOLD_SIZE]);

static void run(fold_fn fold, const struct fold_case *cases, size_t count)
{
	char folded[FOLD_SIZE], again[FOLD_SIZE];

	for (size_t i = 0; i < count; i++) {
		g_assert_cmpstr(fold(cases[i].address, "+", folded), ==, cases[i].folded);
		g_assert_cmpstr(fold(folded, "+", again), ==, folded);
	}
}

static void test_both(void)
{
	run(fold_sender, both, G_N_ELEMENTS(both));
	run(fold_recipient, both, G_N_ELEMENTS(both));
}

static void test_senders(void)
{
	run(fold_sender, senders, G_N_ELEMENTS(senders));
}

static void test_recipients(void)
{
	run(fold_recipient, recipients, G_N_ELEMENTS(recipients));
}

static void test_extension(void)
{
	char folded[FOLD_SIZE];

	g_assert_cmpstr(fold_recipient("a-b+c@x", "", folded), ==, "a-b+c@x");
	g_assert_cmpstr(fold_recipient("a-b+c@x", "-", folded), ==, "a@x");
	g_assert_cmpstr(fold_recipient("a-b+c@x", "+-", folded), ==, "a@x");
	g_assert_cmpstr(fold_recipient("a-b+c@x", "+", folded), ==, "a-b@x");
}

static void test_text(void)
{
	char folded[FOLD_SIZE];

	g_assert_cmpstr(fold_text("Example.ORG.", folded), ==, "example.org");
	g_assert_cmpstr(fold_text(".", folded), ==, ".");
	g_assert_cmpstr(fold_text("", folded), ==, "");
	g_assert_cmpstr(fold_text("\xff"
	                          "A\xc3(",
	                          folded),
	                ==,
	                "\xef\xbf\xbd"
	                "a\xef\xbf\xbd(");
	g_assert_cmpstr(fold_text("\xed\xa0\x80\xc3\xbc", folded), ==,
	                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xbc");
	g_assert_cmpstr(fold_sender("\xff@Example.org", "+", folded), ==, "\xef\xbf\xbd@example.org");
}

/* Each length around the limits, with a character of two bytes where it may be cut. */
static void test_long(void)
{
	char folded[FOLD_SIZE], again[FOLD_SIZE], other[FOLD_SIZE];

	for (size_t length = 1; length < 2100; length++) {
		g_autofree char *local = g_strnfill(length, 'x');
		g_autofree char *plain = g_strconcat(local, "@example.org", NULL);
		g_autofree char *beside = g_strconcat(local, "@example.net", NULL);
		g_autofree char *wide = g_strconcat(local, "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6@example.org",
		                                    NULL);
		g_autofree char *tagged = g_strconcat("prvs=1234abcdef=", plain, NULL);

		fold_sender(plain, "+", folded);
		if (strlen(plain) < FOLD_SIZE)
			g_assert_cmpstr(folded, ==, plain);
		else
			g_assert_cmpuint(strlen(folded), ==, FOLD_SIZE - 1);
		g_assert_cmpstr(fold_sender(beside, "+", other), !=, folded);
		if (strlen(tagged) < 1024) /* longer ones are not looked into */
			g_assert_cmpstr(fold_sender(tagged, "+", again), ==, folded);
		fold_sender(wide, "+", folded);
		g_assert_true(g_utf8_validate(folded, -1, NULL));
	}
}

/* Pieces of all forms in any order. */
static void test_any(void)
{
	static const char *const parts[] = { "srs0", "srs1", "=",  "=", "==", "+", "-", "prvs=", "1234abcdef",
		                             "btv1", "@",    "ab", "7", ".",  "x", "S", "\xff",  "msprvs1" };
	char folded[FOLD_SIZE], again[FOLD_SIZE];
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	g_autoptr(GString) address = g_string_new(NULL);

	for (int i = 0; i < 100000; i++) {
		g_string_truncate(address, 0);
		for (int n = g_rand_int_range(random, 0, 14); n > 0; n--)
			g_string_append(address, parts[g_rand_int_range(random, 0, G_N_ELEMENTS(parts))]);
		fold_sender(address->str, "+", folded);
		g_assert_cmpuint(strlen(folded), <, FOLD_SIZE);
		fold_recipient(address->str, "+", again);
		g_assert_cmpuint(strlen(again), <, FOLD_SIZE);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fold/case, extension, BATV and SRS of senders and recipients", test_both);
	g_test_add_func("/fold/VERP of senders, and names that only look like it", test_senders);
	g_test_add_func("/fold/numbers of recipients stay", test_recipients);
	g_test_add_func("/fold/the characters of an extension are those it is told", test_extension);
	g_test_add_func("/fold/a domain loses the dot at its end", test_text);
	g_test_add_func("/fold/what is long is cut between characters, and is not taken for another",
	                test_long);
	g_test_add_func("/fold/whatever stands there ends within bounds", test_any);
	return g_test_run();
}
