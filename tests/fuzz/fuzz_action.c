/* fuzz/fuzz_action.c - whatever a rule makes, Postfix reads one reply that does no harm
 *
 * The input has four lines: the constructor, with '!' before it to fill in the
 * struct by hand; the enhanced code, '-' for none; the id; and all that is left,
 * the text.
 */
#include <glib.h>
#include <string.h>
#include "fuzz.h"
#include "postfix_reader.h"
#include "request/action.h"

static const char *const classes[] = { "greylisting", "ok", "12", "a:b", "a b", "", NULL };

struct input {
	bool by_hand;
	enum action_verb verb;
	char *enhanced; /* NULL = none */
	char *id;
	char *text;
};

static struct input read_input(const uint8_t *data, size_t size)
{
	g_autofree char *bytes = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(bytes, "\n", 4);
	guint count = g_strv_length(lines);
	const char *verb = count > 0 ? lines[0] : "";
	struct input input = { .by_hand = *verb == '!' };

	if (!action_find(verb + input.by_hand, &input.verb))
		input.verb = (enum action_verb)((unsigned char)verb[input.by_hand] % (ACTION_VERBS + 2));
	if (!input.by_hand)
		input.verb %= ACTION_VERBS;
	input.enhanced = count < 2 || strcmp(lines[1], "-") == 0 ? NULL : g_strdup(lines[1]);
	input.id = g_strdup(count < 3 ? "" : lines[2]);
	input.text = g_strdup(count < 4 ? "" : lines[3]);
	return input;
}

static struct action by_hand(const struct input *input)
{
	struct action action = { .verb = input->verb, .text = input->text };
	const char *enhanced = input->enhanced == NULL ? "" : input->enhanced;

	if (g_ascii_isdigit(*enhanced))
		action.code = (uint16_t)g_ascii_strtoull(enhanced, (char **)&enhanced, 10);
	g_strlcpy(action.enhanced, enhanced + strspn(enhanced, " "), sizeof(action.enhanced));
	return action;
}

static void check_harmless(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
		g_assert_true((unsigned char)value[i] >= 0x20 && value[i] != 0x7f);
	g_assert_cmpuint(strlen(value), ==, length);
	g_assert_true(postfix_valid_utf8(value));
}

/* Postfix may do this for an action of the class, and nothing that is worse. */
static void check_effect(const struct action *action, const struct postfix_reading *reading)
{
	switch (action->verb) {
	case ACTION_DUNNO:
	case ACTION_HOLD:
	case ACTION_WARN:
	case ACTION_INFO:
	case ACTION_PREPEND: g_assert_cmpint(reading->effect, ==, POSTFIX_PASS); break;
	case ACTION_REJECT:
	case ACTION_DEFER:
	case ACTION_REPLY: g_assert_cmpint(reading->effect, ==, POSTFIX_REFUSE); break;
	case ACTION_DEFER_IF_PERMIT:
	case ACTION_DEFER_IF_REJECT: g_assert_cmpint(reading->effect, ==, POSTFIX_REFUSE_IF); break;
	case ACTION_OK:
	case ACTION_DISCARD: g_assert_cmpint(reading->effect, ==, POSTFIX_PERMIT); break;
	case ACTION_FILTER:
	case ACTION_REDIRECT:
	case ACTION_BCC: g_assert_cmpint(reading->effect, ==, POSTFIX_REROUTE); break;
	case ACTION_RESTRICTION: g_assert_cmpint(reading->effect, ==, POSTFIX_RESTRICTIONS); break;
	case ACTION_VERBS: g_assert_not_reached();
	}
}

static void check_refusal(const struct action *action, const char *id, const struct postfix_reading *reading)
{
	bool for_good = action->verb == ACTION_REJECT || action->code >= 500;
	g_autofree char *tail = g_strdup_printf("; id=%s", id);
	size_t length = strlen(reading->text);

	g_assert_cmpint(reading->code / 100, ==, for_good ? 5 : 4);
	g_assert_cmpint(reading->enhanced[0], ==, for_good ? '5' : '4');
	g_assert_cmpstr(reading->enhanced, ==, action->enhanced);
	if (action->verb == ACTION_REPLY)
		g_assert_cmpint(reading->code, ==, action->code);
	if (id[0] != '\0' && strlen(id) <= 31 && id[strcspn(id, " ")] == '\0' && g_str_is_ascii(id) &&
	    strpbrk(id, "\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"
	                "\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f") == NULL)
		g_assert_true(g_str_has_suffix(reading->text, tail) && length > strlen(tail));
}

static void check_reply(const struct action *action, const char *id, const char *reply, size_t length)
{
	struct postfix_reading reading;
	size_t bound = action->verb == ACTION_PREPEND ? 990 : 400;

	g_assert_cmpuint(length, <=, ACTION_REPLY_MAX);
	g_assert_true(postfix_read(reply, length, &reading));
	g_assert_cmpuint(reading.used, ==, length);
	g_assert_cmpuint(reading.attributes, ==, 1);
	g_assert_cmpuint(reading.actions, ==, 1);
	check_harmless(reading.value, length - strlen("action=\n\n"));
	check_effect(action, &reading);
	g_assert_cmpuint(strlen(reading.text), <=, bound);
	if (action->verb == ACTION_RESTRICTION)
		g_assert_true(strpbrk(reading.value, " ,:\t") == NULL);
	if (action->verb == ACTION_FILTER || action->verb == ACTION_REDIRECT || action->verb == ACTION_BCC)
		g_assert_cmpstr(reading.text, ==, action->text);
	if (action_class(action->verb) == ACTION_REFUSE)
		check_refusal(action, id, &reading);
}

static void check_log(const struct action *action, struct arena *arena)
{
	static const size_t sizes[] = { 1, 2, 5, 60, 512 };
	char text[512];

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		size_t length = action_log_text(action, text, sizes[i]);

		g_assert_cmpuint(length, <, sizes[i]);
		check_harmless(text, length);
	}
	check_harmless(action_print(action, arena), strlen(action_print(action, arena)));
	g_assert_cmpint(action_severity(action), <=, 3);
}

static void run(const struct input *input, struct arena *arena)
{
	char *reply = g_malloc(ACTION_REPLY_MAX); /* of just its size, so that a byte too far is seen */
	struct action action;
	const char *error = NULL;
	size_t length;

	if (input->by_hand) {
		action = by_hand(input);
	} else if (!action_make(arena, input->verb, input->enhanced, input->text, classes, &action, &error)) {
		g_assert_nonnull(error);
		check_harmless(error, strlen(error));
		g_free(reply);
		return;
	}
	length = action_encode(&action, input->id, reply);
	g_assert_true(length > 0 || input->by_hand);
	if (length > 0)
		check_reply(&action, input->id, reply, length);
	check_log(&action, arena);
	g_free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = read_input(data, size);
	struct arena arena;

	arena_init(&arena);
	run(&input, &arena);
	arena_free(&arena);
	g_free(input.enhanced);
	g_free(input.id);
	g_free(input.text);
	return 0;
}
