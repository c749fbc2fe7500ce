/* unit/test_action.c - actions go out as Postfix reads them, and never as a weaker one */
#include <glib.h>
#include <string.h>
#include "base/text.h"
#include "request/action.h"

static struct arena arena;

static const char *const classes[] = { "greylisting", "partner_checks", "ok", "12", NULL };

/* The encoded reply, or the error. */
static const char *encode(enum action_verb verb, const char *enhanced, const char *text)
{
	char reply[ACTION_REPLY_MAX];
	struct action action;
	const char *error = NULL;

	if (!action_make(&arena, verb, enhanced, text, classes, &action, &error))
		return error;
	return arena_strndup(&arena, reply, action_encode(&action, "mx1-0F3K9Q7T2M", reply));
}

struct row {
	enum action_verb verb;
	const char *enhanced, *text, *reply;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *reply = g_strdup_printf("action=%s\n\n", rows[i].reply);

		g_assert_cmpstr(encode(rows[i].verb, rows[i].enhanced, rows[i].text), ==, reply);
	}
}

#define ID "; id=mx1-0F3K9Q7T2M"

static void test_every_action(void)
{
	static const struct row rows[] = {
		{ ACTION_DUNNO, NULL, NULL, "DUNNO" },
		{ ACTION_DUNNO, NULL, "partner", "DUNNO partner" },
		{ ACTION_REJECT, "5.7.1", "listed", "REJECT 5.7.1 listed" ID },
		{ ACTION_REJECT, NULL, "listed", "REJECT 5.7.1 listed" ID },
		{ ACTION_REJECT, "5.1.8", "no", "REJECT 5.1.8 no" ID },
		{ ACTION_DEFER, NULL, "later", "DEFER 4.7.1 later" ID },
		{ ACTION_DEFER_IF_PERMIT, "4.7.1", "greylisted", "DEFER_IF_PERMIT 4.7.1 greylisted" ID },
		{ ACTION_DEFER_IF_REJECT, "4.3.0", "x", "DEFER_IF_REJECT 4.3.0 x" ID },
		{ ACTION_REPLY, "521 5.7.1", "go away", "521 5.7.1 go away" ID },
		{ ACTION_REPLY, "450", "wait", "450 4.7.1 wait" ID },
		{ ACTION_HOLD, NULL, "look", "HOLD look" },
		{ ACTION_HOLD, NULL, NULL, "HOLD" },
		{ ACTION_PREPEND, NULL, "X-Policy: seen", "PREPEND X-Policy: seen" },
		{ ACTION_WARN, NULL, "odd", "WARN odd" },
		{ ACTION_INFO, NULL, "", "INFO" },
		{ ACTION_OK, NULL, NULL, "OK" },
		{ ACTION_FILTER, NULL, "smtp:[127.0.0.1]:10025", "FILTER smtp:[127.0.0.1]:10025" },
		{ ACTION_FILTER, NULL, "scan:", "FILTER scan:" },
		{ ACTION_REDIRECT, NULL, "a@example.org", "REDIRECT a@example.org" },
		{ ACTION_BCC, NULL, "\xc3\xbc@example.org", "BCC \xc3\xbc@example.org" },
		{ ACTION_DISCARD, NULL, "spam", "DISCARD spam" },
		{ ACTION_RESTRICTION, NULL, "reject_unverified_sender", "reject_unverified_sender" },
		{ ACTION_RESTRICTION, NULL, "greylisting", "greylisting" },
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

static void test_own_words(void)
{
	static const struct row rows[] = {
		{ ACTION_REJECT, NULL, NULL, "REJECT 5.7.1 Refused by local policy" ID },
		{ ACTION_REJECT, "5.1.1", "", "REJECT 5.1.1 Refused by local policy" ID },
		{ ACTION_REJECT, NULL, "5.1.1", "REJECT 5.1.1 Refused by local policy" ID },
		{ ACTION_REJECT, NULL, " \t\r\n\x01\x7f", "REJECT 5.7.1 Refused by local policy" ID },
		{ ACTION_REJECT, NULL, "\xc2\x85 \xc2\x85 ", "REJECT 5.7.1 Refused by local policy" ID },
		{ ACTION_DEFER_IF_PERMIT, NULL, "\n", "DEFER_IF_PERMIT 4.7.1 Try again later" ID },
		{ ACTION_REPLY, "550", "\n", "550 5.7.1 Refused by local policy" ID },
		{ ACTION_REPLY, NULL, "421", "421 4.7.1 Try again later" ID },
		{ ACTION_REPLY, NULL, "550 ", "550 5.7.1 Refused by local policy" ID },
		{ ACTION_PREPEND, NULL, "X-Why: \x01\n", "PREPEND X-Why: (empty)" },
		{ ACTION_DUNNO, NULL, "\x01", "DUNNO" },
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

static void test_cleaning(void)
{
	static const struct row rows[] = {
		{ ACTION_REJECT, NULL, "  two  spaces ", "REJECT 5.7.1 two  spaces " ID },
		{ ACTION_REJECT, NULL, "a\nb\r\nc\td", "REJECT 5.7.1 a b  c d" ID },
		{ ACTION_REJECT, NULL, "a\n\naction=OK\n\n", "REJECT 5.7.1 a  action=OK  " ID },
		{ ACTION_REJECT, NULL, "\x1b[31mred\x7f", "REJECT 5.7.1 [31mred" ID },
		{ ACTION_REJECT, NULL, "\xff\xc3\xbc", "REJECT 5.7.1 ?\xc3\xbc" ID },
		{ ACTION_REJECT, NULL, "100% <a> \\ \"q\" 'x'", "REJECT 5.7.1 100% <a> \\ \"q\" 'x'" ID },
		{ ACTION_DUNNO, NULL, " permit", "DUNNO permit" },
		{ ACTION_DUNNO, NULL, "\n\nREJECT", "DUNNO REJECT" },
		{ ACTION_PREPEND, NULL, " X-A:b\nX-B: c", "PREPEND X-A: b X-B: c" },
		{ ACTION_PREPEND, NULL, "X-A:   b", "PREPEND X-A: b" },
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

/* Text may be a stranger's: what stands in it is never taken for a code of the
 * wrong class, which would be an error and so perhaps a milder action. */
static void test_codes_in_text(void)
{
	static const struct row rows[] = {
		{ ACTION_REJECT, NULL, "4.7.1", "REJECT 5.7.1 4.7.1" ID },
		{ ACTION_REJECT, NULL, "4.7.1 x", "REJECT 5.7.1 4.7.1 x" ID },
		{ ACTION_REJECT, NULL, "2.0.0 OK", "REJECT 5.7.1 2.0.0 OK" ID },
		{ ACTION_REJECT, "5.1.1", "5.2.2 x", "REJECT 5.1.1 5.2.2 x" ID },
		{ ACTION_REJECT, NULL, "5.7.1234", "REJECT 5.7.1 5.7.1234" ID },
		{ ACTION_DEFER, NULL, "5.7.1", "DEFER 4.7.1 5.7.1" ID },
		{ ACTION_REPLY, NULL, "550 5.7.2 no", "550 5.7.2 no" ID },
		{ ACTION_REPLY, NULL, "550 5.7.2x no", "550 5.7.1 5.7.2x no" ID },
		{ ACTION_REPLY, NULL, "550 4.7.2 no", "550 5.7.1 4.7.2 no" ID },
		{ ACTION_REPLY, "450 4.1.8", "550 5.7.2 no", "450 4.1.8 550 5.7.2 no" ID },
	};

	check_rows(rows, G_N_ELEMENTS(rows));
}

static void test_errors(void)
{
	static const struct row rows[] = {
		{ ACTION_REJECT, "4.7.1", "x", "an enhanced code such as 5.7.1" },
		{ ACTION_REJECT, "2.0.0", "x", "an enhanced code" },
		{ ACTION_REJECT, "", "x", "an enhanced code" },
		{ ACTION_REJECT, "5.7", "x", "an enhanced code" },
		{ ACTION_REJECT, "5.7.1000", "x", "an enhanced code" },
		{ ACTION_REJECT, "5.7.1 x", "x", "an enhanced code" },
		{ ACTION_REJECT, "go away", "x", "reject: 'go away' found" },
		{ ACTION_DEFER, "5.7.1", "x", "an enhanced code such as 4.7.1" },
		{ ACTION_DUNNO, "5.7.1", "x", "no code" },
		{ ACTION_REPLY, NULL, NULL, "a reply code" },
		{ ACTION_REPLY, NULL, "250 ok", "a reply code" },
		{ ACTION_REPLY, NULL, "600 x", "a reply code" },
		{ ACTION_REPLY, NULL, "5500 x", "a reply code" },
		{ ACTION_REPLY, NULL, "55 x", "a reply code" },
		{ ACTION_REPLY, NULL, "550-x", "a reply code" },
		{ ACTION_REPLY, "521 4.7.1", "x", "of its class" },
		{ ACTION_REPLY, "521 x", "x", "of its class" },
		{ ACTION_REPLY, "521 5.7.1 x", "x", "of its class" },
		{ ACTION_PREPEND, NULL, NULL, "a header" },
		{ ACTION_PREPEND, NULL, "no header", "a header" },
		{ ACTION_PREPEND, NULL, ": x", "a header" },
		{ ACTION_PREPEND, NULL, "X Y: x", "a header" },
		{ ACTION_PREPEND, NULL, "X\x01: x", "a header" },
		{ ACTION_PREPEND, NULL, "X\xc3\xbc: x", "a header" },
		{ ACTION_FILTER, NULL, NULL, "'transport:destination'" },
		{ ACTION_FILTER, NULL, "smtp", "'transport:destination'" },
		{ ACTION_FILTER, NULL, ":x", "'transport:destination'" },
		{ ACTION_FILTER, NULL, "smtp:a b", "'transport:destination'" },
		{ ACTION_FILTER, NULL, "smtp:a\n", "'transport:destination'" },
		{ ACTION_REDIRECT, NULL, "example.org", "one address" },
		{ ACTION_REDIRECT, NULL, "@example.org", "one address" },
		{ ACTION_REDIRECT, NULL, "a@", "one address" },
		{ ACTION_REDIRECT, NULL, "a@example.org b@example.org", "one address" },
		{ ACTION_BCC, NULL, "a@example.org,b@example.org", "one address" },
		{ ACTION_BCC, NULL, "a@example.org\n", "one address" },
		{ ACTION_BCC, NULL, "<a@example.org>", "one address" },
		{ ACTION_BCC, NULL, "\xff@example.org", "one address" },
		{ ACTION_RESTRICTION, NULL, "", "one word" },
		{ ACTION_RESTRICTION, NULL, "12", "one word" },
		{ ACTION_RESTRICTION, NULL, "sleep 2", "one word" },
		{ ACTION_RESTRICTION, NULL, " permit", "one word" },
		{ ACTION_RESTRICTION, NULL, "hash:/etc/x", "one word" },
		{ ACTION_RESTRICTION, NULL, "ok", "access(5)" },
		{ ACTION_RESTRICTION, NULL, "Reject", "access(5)" },
		{ ACTION_RESTRICTION, NULL, "sleep", "a restriction of smtpd" },
		{ ACTION_RESTRICTION, NULL, "reject_unverified_sendr", "such as 'reject_unverified_sender'" },
		{ ACTION_RESTRICTION, NULL, "partner_check", "such as 'partner_checks'" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *found = encode(rows[i].verb, rows[i].enhanced, rows[i].text);

		if (strstr(found, rows[i].reply) == NULL || g_str_has_prefix(found, "action="))
			g_error("row %zu: '%s' has no '%s'", i, found, rows[i].reply);
	}
}

/* The text is cut, never the id, never within a character. */
static void test_limits(void)
{
	g_autofree char *ascii = g_strnfill(5000, 'x');
	g_autoptr(GString) wide = g_string_new("x");
	g_autofree char *header = g_strconcat("X-Long: ", ascii, NULL);
	const char *reply, *value;

	while (wide->len < 2000)
		g_string_append(wide, "\xe2\x82\xac");
	reply = encode(ACTION_REJECT, NULL, ascii);
	g_assert_cmpuint(strlen(reply), ==, strlen("action=REJECT 5.7.1 ") + 400 + 2);
	g_assert_true(g_str_has_suffix(reply, "x" ID "\n\n"));
	reply = encode(ACTION_REPLY, "450", wide->str);
	g_assert_true(g_str_has_suffix(reply, "\xe2\x82\xac" ID "\n\n"));
	g_assert_true(text_is_utf8(reply, strlen(reply)));
	value = reply + strlen("action=450 4.7.1 ");
	g_assert_cmpuint(strlen(value), <=, 402);
	g_assert_cmpuint(strlen(value), >=, 398);
	reply = encode(ACTION_PREPEND, NULL, header);
	g_assert_cmpuint(strlen(reply), ==, strlen("action=PREPEND ") + 990 + 2);
	g_assert_cmpuint(strlen(encode(ACTION_WARN, NULL, ascii)), ==, strlen("action=WARN ") + 400 + 2);
	g_assert_nonnull(strstr(encode(ACTION_PREPEND, NULL, ascii), "is wanted"));
}

static void test_id(void)
{
	struct action action = { .verb = ACTION_REJECT, .enhanced = "5.7.1", .text = "no" };
	char reply[ACTION_REPLY_MAX];
	static const char *const ids[][2] = {
		{ NULL, "action=REJECT 5.7.1 no\n\n" },
		{ "", "action=REJECT 5.7.1 no\n\n" },
		{ "a\nb]c d\xff", "action=REJECT 5.7.1 no; id=a?b]c?d?\n\n" },
		{ "0123456789012345678901234567890123456789",
		  "action=REJECT 5.7.1 no; id=0123456789012345678901234567890\n\n" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		size_t length = action_encode(&action, ids[i][0], reply);

		g_assert_cmpmem(reply, length, ids[i][1], strlen(ids[i][1]));
	}
}

/* What action_make() did not make is not sent at all: the connection closes. */
static void test_by_hand(void)
{
	static const struct action wrong[] = {
		{ .verb = ACTION_CLOSE, .text = "" },
		{ .verb = (enum action_verb)99, .text = "" },
		{ .verb = ACTION_REJECT, .text = "no code" },
		{ .verb = ACTION_REJECT, .enhanced = "4.7.1", .text = "wrong class" },
		{ .verb = ACTION_REJECT, .enhanced = "5.7.1", .text = "" },
		{ .verb = ACTION_REJECT, .enhanced = "5.7.1", .text = "\x01" },
		{ .verb = ACTION_REPLY, .enhanced = "5.7.1", .text = "x" },
		{ .verb = ACTION_REPLY, .code = 250, .enhanced = "2.0.0", .text = "x" },
		{ .verb = ACTION_REPLY, .code = 550, .enhanced = "4.7.1", .text = "x" },
		{ .verb = ACTION_REPLY, .code = 550, .enhanced = "5.7.1", .text = "" },
		{ .verb = ACTION_PREPEND, .text = "x" },
		{ .verb = ACTION_FILTER, .text = "" },
		{ .verb = ACTION_REDIRECT, .text = "x" },
		{ .verb = ACTION_BCC, .text = "a@b c" },
		{ .verb = ACTION_RESTRICTION, .text = "" },
		{ .verb = ACTION_RESTRICTION, .text = "permit, reject" },
		{ .verb = ACTION_RESTRICTION, .text = "550" },
		{ .verb = ACTION_RESTRICTION, .text = "ok" },
	};
	struct action dunno = { .verb = ACTION_DUNNO, .text = "a\n\naction=OK\n" };
	char reply[ACTION_REPLY_MAX];
	size_t length;

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_cmpuint(action_encode(&wrong[i], "id", reply), ==, 0);
	length = action_encode(&dunno, "id", reply);
	g_assert_cmpmem(reply, length, "action=DUNNO a  action=OK \n\n", 28);
}

static void test_names(void)
{
	static const struct {
		const char *name;
		enum action_class class;
		int severity;
	} rows[ACTION_VERBS] = {
		[ACTION_DUNNO] = { "dunno", ACTION_NEUTRAL, 0 },
		[ACTION_REJECT] = { "reject", ACTION_REFUSE, 2 },
		[ACTION_DEFER] = { "defer", ACTION_REFUSE, 1 },
		[ACTION_DEFER_IF_PERMIT] = { "defer_if_permit", ACTION_REFUSE, 1 },
		[ACTION_DEFER_IF_REJECT] = { "defer_if_reject", ACTION_REFUSE, 1 },
		[ACTION_REPLY] = { "reply", ACTION_REFUSE, 1 },
		[ACTION_HOLD] = { "hold", ACTION_NEUTRAL, 0 },
		[ACTION_PREPEND] = { "prepend", ACTION_NEUTRAL, 0 },
		[ACTION_WARN] = { "warn", ACTION_NEUTRAL, 0 },
		[ACTION_INFO] = { "info", ACTION_NEUTRAL, 0 },
		[ACTION_OK] = { "ok", ACTION_PERMIT, 3 },
		[ACTION_FILTER] = { "filter", ACTION_PERMIT, 3 },
		[ACTION_REDIRECT] = { "redirect", ACTION_PERMIT, 3 },
		[ACTION_BCC] = { "bcc", ACTION_PERMIT, 3 },
		[ACTION_DISCARD] = { "discard", ACTION_PERMIT, 3 },
		[ACTION_RESTRICTION] = { "restriction", ACTION_PERMIT, 3 },
	};
	enum action_verb verb;

	for (unsigned i = 0; i < ACTION_VERBS; i++) {
		struct action action = { .verb = i, .text = "" };

		g_assert_cmpstr(action_name(i), ==, rows[i].name);
		g_assert_cmpint(action_class(i), ==, rows[i].class);
		g_assert_cmpint(action_severity(&action), ==, rows[i].severity);
		g_assert_true(action_find(rows[i].name, &verb));
		g_assert_cmpint(verb, ==, i);
	}
	g_assert_cmpstr(action_name(ACTION_CLOSE), ==, "close");
	g_assert_false(action_find("close", &verb));
	g_assert_false(action_find("OK", &verb));
	g_assert_cmpint(action_severity(&(struct action){ .verb = ACTION_REPLY, .code = 521, .text = "" }),
	                ==, 2);
	g_assert_cmpint(action_severity(&(struct action){ .verb = ACTION_CLOSE, .text = "" }), ==, 1);
}

static void test_printing(void)
{
	struct action action;
	const char *error;
	char out[64];

	g_assert_true(action_make(&arena, ACTION_REPLY, "521", "go <away>", NULL, &action, &error));
	g_assert_cmpstr(action_print(&action, &arena), ==, "521 5.7.1 go <away>");
	g_assert_cmpuint(action_log_text(&action, out, sizeof(out)), ==, strlen(out));
	g_assert_cmpstr(out, ==, "521 5.7.1 go \\x3caway\\x3e");
	g_assert_true(action_make(&arena, ACTION_DEFER, NULL, "greylisted", NULL, &action, &error));
	g_assert_cmpstr(action_print(&action, &arena), ==, "DEFER 4.7.1 greylisted");
	action_log_text(&action, out, sizeof(out));
	g_assert_cmpstr(out, ==, "4.7.1 greylisted");
	g_assert_true(action_make(&arena, ACTION_DUNNO, NULL, NULL, NULL, &action, &error));
	g_assert_cmpstr(action_print(&action, &arena), ==, "DUNNO");
	g_assert_cmpuint(action_log_text(&action, out, sizeof(out)), ==, 0);
	g_assert_cmpstr(out, ==, "");
	action.verb = ACTION_CLOSE;
	g_assert_cmpstr(action_print(&action, &arena), ==, "close");
	g_assert_cmpuint(action_log_text(&action, out, sizeof(out)), ==, 0);
}

int main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	arena_init(&arena);
	g_test_add_func("/action/every action goes out as Postfix has it", test_every_action);
	g_test_add_func("/action/without a text the constructor's own words stand", test_own_words);
	g_test_add_func("/action/text is cleaned, printable text stays", test_cleaning);
	g_test_add_func("/action/a code in the text is text", test_codes_in_text);
	g_test_add_func("/action/what is wrong is an error that says what is wanted", test_errors);
	g_test_add_func("/action/text is cut and the id stays whole", test_limits);
	g_test_add_func("/action/an id is one short printable word", test_id);
	g_test_add_func("/action/what was not made by action_make is not sent", test_by_hand);
	g_test_add_func("/action/names classes and severities are those of the table", test_names);
	g_test_add_func("/action/an action prints as it goes out", test_printing);
	result = g_test_run();
	arena_free(&arena);
	return result;
}
