/* unit/test_action_read.c - actions as other policy servers write them: read, and sent on as they came */
#include <glib.h>
#include <string.h>
#include "request/action.h"

static struct arena arena;

/* What goes out for what came in; "?" and what is wrong. */
static const char *sent(const char *value, bool verbatim)
{
	const char *const classes[] = { "greylisting", NULL }, *error = NULL;
	char out[ACTION_REPLY_MAX];
	struct action action;
	size_t length;

	if (verbatim ? !action_read_verbatim(&arena, value, &action, &error)
	             : !action_read(&arena, value, classes, &action, &error))
		return "?";
	length = action_encode(&action, "mx1-1", out);
	g_assert_cmpuint(length, >, strlen("action=\n\n"));
	return arena_strndup(&arena, out + strlen("action="), length - strlen("action=\n\n"));
}

static void test_read(void)
{
	static const struct {
		const char *value, *out;
	} cases[] = {
		{ "DUNNO", "DUNNO" },
		{ "dunno  because", "DUNNO because" },
		{ " DUNNO", "DUNNO" },
		{ "OK", "OK" },
		{ "relay", "OK" },
		{ "12345", "OK" },
		{ "200", "OK" },
		{ "REJECT", "REJECT 5.7.1 Refused by local policy; id=mx1-1" },
		{ "Reject 5.1.1 who", "REJECT 5.1.1 who; id=mx1-1" },
		{ "REJECT 4.1.1 who", "REJECT 5.7.1 4.1.1 who; id=mx1-1" },
		{ "DEFER 4.2.0", "DEFER 4.2.0 Try again later; id=mx1-1" },
		{ "DEFER_IF_REJECT x", "DEFER_IF_REJECT 4.7.1 x; id=mx1-1" },
		{ "450", "450 4.7.1 Try again later; id=mx1-1" },
		{ "550 ", "550 5.7.1 Refused by local policy; id=mx1-1" },
		{ "421 4.3.2 bye", "421 4.3.2 bye; id=mx1-1" },
		{ "HOLD", "HOLD" },
		{ "PREPEND X: y", "PREPEND X: y" },
		{ "PREPEND nothing", "?" },
		{ "FILTER smtp:x", "FILTER smtp:x" },
		{ "FILTER smtp", "?" },
		{ "REDIRECT a@example.org", "REDIRECT a@example.org" },
		{ "reject_unverified_sender", "reject_unverified_sender" },
		{ "greylisting", "greylisting" },
		{ "permit, reject", "?" },
		{ "250 fine", "?" },
		{ "HANGUP", "?" },
		{ "nonsense", "?" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(sent(cases[i].value, false), ==, cases[i].out);
}

static void test_verbatim(void)
{
	static const char *const same[] = { "dunno",
		                            "Reject",
		                            "REJECT  two  blanks",
		                            "450 later",
		                            "550 5.1.1 x",
		                            "450 4.7.1",
		                            "ok",
		                            "12345",
		                            "relay",
		                            " permit, reject",
		                            "my_class",
		                            "FILTER x",
		                            "check_client_access hash:/etc/x",
		                            "PREPEND a: b",
		                            "WARN look" };

	for (unsigned i = 0; i < G_N_ELEMENTS(same); i++)
		g_assert_cmpstr(sent(same[i], true), ==, same[i]);
}

static void test_never_harms(void)
{
	g_autofree char *line = g_strnfill(3000, 'x');
	g_autofree char *text = g_strconcat("REJECT ", line, NULL);

	g_assert_cmpstr(sent("450", true), ==, "450 4.7.1 Try again later; id=mx1-1");
	g_assert_null(strpbrk(sent("REJECT a\x01\x1b[31mb", true), "\x01\x1b"));
	g_assert_cmpuint(strlen(sent(text, true)), ==, 1000);
	g_assert_cmpstr(sent("\x7f", true), ==, "?");
	g_assert_cmpstr(sent(" \x01\t\xc2\x85", true), ==, "?");
}

static enum action_verb verb_of(const char *value)
{
	const char *error = NULL;
	struct action action;

	g_assert_true(action_read_verbatim(&arena, value, &action, &error));
	return action.verb;
}

static void test_verbs(void)
{
	g_assert_cmpint(verb_of("ok"), ==, ACTION_OK);
	g_assert_cmpint(verb_of(" DUNNO"), ==, ACTION_RESTRICTION);
	g_assert_cmpint(verb_of("FILTER"), ==, ACTION_FILTER);
	g_assert_cmpint(verb_of("777"), ==, ACTION_OK);
	g_assert_cmpint(verb_of("\x01OK"), ==, ACTION_OK);
	g_assert_cmpint(verb_of("\x7f\x7f"
	                        "200"),
	                ==, ACTION_OK);
}

static const char *own(enum action_verb verb, const char *enhanced, const char *text)
{
	struct action action;
	const char *error;

	g_assert_true(action_make(&arena, verb, enhanced, text, NULL, &action, &error));
	action_set_verbatim(&arena, &action);
	return action_print(&action, &arena);
}

static void test_own(void)
{
	g_assert_cmpstr(own(ACTION_REJECT, NULL, "no"), ==, "REJECT no");
	g_assert_cmpstr(own(ACTION_REJECT, NULL, NULL), ==, "REJECT");
	g_assert_cmpstr(own(ACTION_REJECT, "5.7.0", "no"), ==, "REJECT 5.7.0 no");
	g_assert_cmpstr(own(ACTION_REPLY, NULL, "450 later"), ==, "450 later");
	g_assert_cmpstr(own(ACTION_REPLY, NULL, "450"), ==, "450 4.7.1 Try again later");
	g_assert_cmpstr(own(ACTION_DUNNO, NULL, NULL), ==, "DUNNO");
	g_assert_cmpstr(own(ACTION_RESTRICTION, NULL, "permit"), ==, "permit");
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	arena_init(&arena);
	g_test_add_func("/action_read/it is made anew, with a code and an id", test_read);
	g_test_add_func("/action_read/verbatim it leaves as it came", test_verbatim);
	g_test_add_func("/action_read/verbatim it never harms", test_never_harms);
	g_test_add_func("/action_read/Postfix's verb is known of what is verbatim", test_verbs);
	g_test_add_func("/action_read/our own can be verbatim", test_own);
	status = g_test_run();
	arena_free(&arena);
	return status;
}
