/* subject.c - what a path begins with: the address or the name that an attribute holds */
#include <string.h>
#include <glib.h>
#include "subject.h"

static bool is_one_of(const char *text, const char *const *texts)
{
	while (*texts != NULL && strcmp(*texts, text) != 0)
		texts++;
	return *texts != NULL;
}

static void say_none(struct subject *subject, const char *why)
{
	subject->kind = SUBJECT_NONE;
	subject->why = why;
}

/* "[192.0.2.1]" and "[IPv6:2001:db8::1]" as well. */
static bool read_address(const char *text, struct subject *subject)
{
	size_t length = strlen(text);
	char inner[64];

	if (length >= sizeof(inner))
		return false;
	if (length > 1 && text[0] == '[' && text[length - 1] == ']') {
		g_strlcpy(inner, text + 1, length - 1);
		text = g_ascii_strncasecmp(inner, "IPv6:", 5) == 0 ? inner + 5 : inner;
	}
	if (!pp_address_parse(text, &subject->address))
		return false;
	subject->kind = SUBJECT_ADDRESS;
	pp_address_print(&subject->address, -1, subject->name);
	return true;
}

/* Into the text form of DNS, where a backslash would begin what is escaped, without the dot at the
 * end. False: no room. */
static bool escape(const char *text, char name[SUBJECT_SIZE])
{
	size_t used = 0;

	for (; *text != '\0'; text++) {
		if (used + 3 > SUBJECT_SIZE)
			return false;
		if (*text == '\\')
			name[used++] = '\\';
		name[used++] = g_ascii_tolower(*text);
	}
	if (used > 1 && name[used - 1] == '.' && name[used - 2] != '.')
		used--;
	name[used] = '\0';
	return true;
}

static void read_name(const char *text, struct subject *subject)
{
	g_autofree char *converted = NULL;
	size_t length = strlen(text);

	subject->kind = SUBJECT_NAME;
	if (length < SUBJECT_SIZE && !g_str_is_ascii(text))
		converted = g_hostname_to_ascii(text);
	if (escape(converted != NULL && *converted != '\0' ? converted : text, subject->name))
		return;
	subject->kind = SUBJECT_IMPOSSIBLE;
	subject->why = "the name has more than 253 bytes";
	g_strlcpy(subject->name, text, 64);
}

void subject_read(const char *attribute, const char *value, struct subject *subject)
{
	/* What Postfix writes where it does not know. */
	static const char *const of_client[] = { "client_name", "reverse_client_name", "client_address",
		                                 NULL };
	static const char *const mail[] = { "sender", "recipient", NULL };
	const char *at = value != NULL ? strrchr(value, '@') : NULL;

	*subject = (struct subject){ .kind = SUBJECT_NONE };
	if (value == NULL)
		say_none(subject, "it is absent");
	else if (*value == '\0')
		say_none(subject, "the null sender has no domain");
	else if (is_one_of(attribute, of_client) && strcmp(value, "unknown") == 0)
		say_none(subject, "Postfix does not know it");
	else if (at != NULL ? at[1] == '\0' : is_one_of(attribute, mail))
		say_none(subject, "it has no domain");
	else if (!read_address(at != NULL ? at + 1 : value, subject))
		read_name(at != NULL ? at + 1 : value, subject);
}
