/* verb.c - what kind of action a server gave */
#include <string.h>
#include <strings.h>
#include "delegate.h"

static const struct {
	const char *verb, *word;
} verbs[] = {
	{ "DUNNO", "passed" },
	{ "OK", "passed" },
	{ "RELAY", "passed" },
	{ "REJECT", "refused" },
	{ "DEFER", "refused" },
	{ "DEFER_IF_PERMIT", "refused" },
	{ "DEFER_IF_REJECT", "refused" },
	{ "HOLD", "other" },
	{ "PREPEND", "other" },
	{ "WARN", "other" },
	{ "INFO", "other" },
	{ "FILTER", "other" },
	{ "REDIRECT", "other" },
	{ "BCC", "other" },
	{ "DISCARD", "other" },
};

const char *verb_word(const char *value, size_t length, const char **verb)
{
	size_t digits = strspn(value, "0123456789");

	*verb = NULL;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strlen(verbs[i].verb) == length && strncasecmp(value, verbs[i].verb, length) == 0) {
			*verb = verbs[i].verb;
			return verbs[i].word;
		}
	if (digits != length)
		return "other";
	/* A number of any other kind is OK to Postfix. */
	if (length == 3 && (*value == '4' || *value == '5'))
		return "refused";
	return value[length] == '\0' ? "passed" : "other";
}
