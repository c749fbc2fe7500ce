/* request/action_read.c - actions as other policy servers write them: access(5) */
#include <glib.h>
#include <string.h>
#include "base/text.h"
#include "request/action_inside.h"

static const enum action_verb words[] = { ACTION_DUNNO,
	                                  ACTION_REJECT,
	                                  ACTION_DEFER,
	                                  ACTION_DEFER_IF_PERMIT,
	                                  ACTION_DEFER_IF_REJECT,
	                                  ACTION_HOLD,
	                                  ACTION_PREPEND,
	                                  ACTION_WARN,
	                                  ACTION_INFO,
	                                  ACTION_OK,
	                                  ACTION_FILTER,
	                                  ACTION_REDIRECT,
	                                  ACTION_BCC,
	                                  ACTION_DISCARD };

static bool is_word(const char *value, size_t length, const char *word)
{
	return strlen(word) == length && g_ascii_strncasecmp(value, word, length) == 0;
}

/* The verb that Postfix reads, and where its text begins. */
static enum action_verb find_verb(const char *value, const char **text)
{
	size_t length = strcspn(value, " \t"), digits = strspn(value, "0123456789");

	*text = value;
	if (digits == 3 && digits == length && (*value == '4' || *value == '5'))
		return ACTION_REPLY;
	*text = value + length;
	if (digits > 0 && value[digits] == '\0')
		return ACTION_OK;
	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		if (is_word(value, length, action_word(words[i])))
			return words[i];
	if (is_word(value, length, "RELAY"))
		return ACTION_OK;
	*text = value;
	return ACTION_RESTRICTION;
}

bool action_read(struct arena *arena, const char *value, const char *const *classes, struct action *action,
                 const char **error)
{
	const char *text, *enhanced = NULL;
	enum action_verb verb;
	size_t length = 0;

	verb = find_verb(action_skip_blanks(value), &text);
	text = action_skip_blanks(text);
	if (verb == ACTION_REJECT)
		length = action_enhanced_length(text, '5');
	else if (verb == ACTION_DEFER || verb == ACTION_DEFER_IF_PERMIT || verb == ACTION_DEFER_IF_REJECT)
		length = action_enhanced_length(text, '4');
	if (length > 0) {
		enhanced = arena_strndup(arena, text, length);
		text = action_skip_blanks(text + length);
	}
	return action_make(arena, verb, enhanced, text, classes, action, error);
}

size_t action_put_verbatim(const char *value, char *out)
{
	return text_clean(out, ACTION_VERBATIM_MAX + 1, value, strlen(value));
}

/* Digits alone let the mail in, whatever their server meant. */
static bool is_bare_code(const struct action *action)
{
	return action->verb == ACTION_REPLY && action->code_added && action->text_added;
}

bool action_read_verbatim(struct arena *arena, const char *value, struct action *action, const char **error)
{
	char *clean = arena_alloc(arena, ACTION_VERBATIM_MAX + 1);
	enum action_verb verb;
	const char *text;

	/* What goes out is judged, not what came in: cleaning may have bared another verb. */
	clean[action_put_verbatim(value, clean)] = '\0';
	if (*action_skip_blanks(clean) == '\0') {
		*error = "nothing of it can be sent";
		return false;
	}
	/* With a blank before it, it is a list of restrictions. */
	verb = *clean == ' ' ? ACTION_RESTRICTION : find_verb(clean, &text);
	if (verb == ACTION_RESTRICTION || !action_read(arena, clean, NULL, action, error))
		*action = (struct action){ .verb = verb, .text = clean };
	if (!is_bare_code(action))
		action->verbatim = clean;
	return true;
}

void action_set_verbatim(struct arena *arena, struct action *action)
{
	const char *word = action_word(action->verb), *code = action->enhanced, *text = action->text;
	char number[8] = "";

	if (action->verbatim != NULL || action->verb >= ACTION_VERBS || is_bare_code(action))
		return;
	if (action->verb == ACTION_REPLY)
		g_snprintf(number, sizeof(number), "%u", action->code);
	if (action->code_added)
		code = "";
	if (action->text_added)
		text = "";
	action->verbatim = arena_printf(arena, "%s%s%s%s%s%s", word, number, *code != '\0' ? " " : "", code,
	                                *text != '\0' && *word + *number != '\0' ? " " : "", text);
}
