/* service/upstream_reply.c - the reply of a policy server found in a stream of bytes */
#include "service/upstream_reply.h"

#include <string.h>

struct found {
	const char *action;
	size_t length;
};

/* NULL, or what is wrong with a line. */
static const char *read_line(const char *line, size_t length, struct found *found)
{
	static const char name[] = "action=";
	size_t size = sizeof(name) - 1;

	if (memchr(line, '=', length) == NULL)
		return "a line without '='";
	if (found->action == NULL && length >= size && memcmp(line, name, size) == 0) {
		found->action = line + size;
		found->length = length - size;
	}
	return NULL;
}

static const char *check_action(const struct found *found)
{
	if (found->action == NULL)
		return "a reply without an action";
	/* Postfix would let the mail in. */
	for (size_t i = 0; i < found->length; i++)
		if ((unsigned char)found->action[i] > ' ')
			return NULL;
	return "an empty action";
}

long upstream_reply_find(const char *bytes, size_t size, const char **action, size_t *length,
                         const char **wrong)
{
	const char *line = bytes, *end = bytes + size, *newline;
	struct found found = { NULL, 0 };

	*wrong = NULL;
	while (*wrong == NULL && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		size_t in_line = (size_t)(newline - line);

		if (memchr(line, '\r', in_line) != NULL || memchr(line, '\0', in_line) != NULL) {
			*wrong = "a carriage return or a NUL";
		} else if (in_line == 0) {
			*wrong = check_action(&found);
			*action = found.action;
			*length = found.length;
			return *wrong != NULL ? -1 : newline + 1 - bytes;
		} else {
			*wrong = read_line(line, in_line, &found);
		}
		line = newline + 1;
	}
	if (*wrong == NULL && memchr(line, '\r', (size_t)(end - line)) != NULL)
		*wrong = "a carriage return or a NUL";
	if (*wrong == NULL && size >= UPSTREAM_REPLY_MAX)
		*wrong = "a reply that does not end";
	return *wrong != NULL ? -1 : 0;
}
