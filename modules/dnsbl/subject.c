/* subject.c - what of a request lists are asked about */
#include <string.h>
#include "dnsbl.h"

enum { LABEL_LENGTH_MAX = 63, NAME_LENGTH_MAX = 253 };

const char *const subject_names[] = { [SUBJECT_CLIENT_ADDRESS] = "client_address",
	                              [SUBJECT_CLIENT_NAME] = "client_name",
	                              [SUBJECT_HELO_NAME] = "helo_name",
	                              [SUBJECT_SENDER_DOMAIN] = "sender_domain",
	                              [SUBJECT_RECIPIENT_DOMAIN] = "recipient_domain",
	                              [SUBJECTS] = NULL };

bool subject_find(const char *name, enum subject *subject)
{
	unsigned i = 0;

	while (i < SUBJECTS && strcmp(subject_names[i], name) != 0)
		i++;
	*subject = i;
	return i < SUBJECTS;
}

/* -- addresses ---------------------------------------------------------------------- */

/* Nobody's but ours: this host, private networks (RFC 1918, 4193), the link. */
static bool is_inside(const pp_address_t *address)
{
	const uint8_t *bytes = address->bytes;
	uint8_t rest = 0;

	if (address->family == 4)
		return bytes[0] == 127 || bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xf0) == 16) ||
		       (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254);
	for (unsigned i = 0; i < 15; i++)
		rest |= bytes[i];
	return (rest == 0 && bytes[15] == 1) || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) ||
	       (bytes[0] & 0xfe) == 0xfc;
}

static void read_address(pp_ask_t *a, const char *text, struct subject_value *value)
{
	char buffer[64];

	if (text == NULL || !pp_address_parse(text, &value->address))
		value->missing = "the client has no IP address";
	else if (is_inside(&value->address))
		value->missing = pp_format(a, "%s is an address of a network inside", text);
	else
		value->text = pp_format(a, "%s", pp_address_print(&value->address, -1, buffer));
}

/* -- domains -------------------------------------------------------------------------- */

/* Two labels at least, of what names of hosts are made of, and '_'; the last is no number (RFC 3696,
 * 2): that would be an address, however badly written. */
static bool is_domain(const char *name)
{
	size_t label = 0, length = strlen(name);
	const char *dot = strrchr(name, '.');

	if (dot == NULL || length > NAME_LENGTH_MAX || dot[1 + strspn(dot + 1, "0123456789")] == '\0')
		return false;
	for (; *name != '\0'; name++) {
		if (*name == '.' ? label == 0 : ++label > LABEL_LENGTH_MAX)
			return false;
		if (*name == '.')
			label = 0;
		else if (!g_ascii_isalnum(*name) && *name != '-' && *name != '_')
			return false;
	}
	return label > 0;
}

/* In lower case, without a dot at the end, and names outside of ASCII as DNS has them; NULL: it
 * is no domain. */
static const char *domain_of(pp_ask_t *a, const char *text)
{
	g_autofree char *ascii = NULL, *lower = NULL;
	size_t length;

	if (g_str_is_ascii(text))
		ascii = g_strdup(text);
	else if (g_utf8_validate(text, -1, NULL))
		ascii = g_hostname_to_ascii(text);
	if (ascii == NULL)
		return NULL;
	length = strlen(ascii);
	if (length > 0 && ascii[length - 1] == '.')
		ascii[length - 1] = '\0';
	lower = g_ascii_strdown(ascii, -1);
	return is_domain(lower) ? pp_format(a, "%s", lower) : NULL;
}

static void read_domain(pp_ask_t *a, enum subject subject, const char *text, struct subject_value *value)
{
	const char *name = subject_names[subject];

	if (text == NULL)
		value->missing = pp_format(a, "there is no %s", name);
	else if (subject == SUBJECT_CLIENT_NAME && strcmp(text, "unknown") == 0)
		value->missing = "the client has no name";
	else if ((value->text = domain_of(a, text)) == NULL)
		value->missing = pp_format(a, "the %s is no name of a domain", name);
}

void subject_read(pp_ask_t *a, enum subject subject, struct subject_value *value)
{
	static const pp_attribute_t attributes[] = { [SUBJECT_CLIENT_ADDRESS] = PP_CLIENT_ADDRESS,
		                                     [SUBJECT_CLIENT_NAME] = PP_CLIENT_NAME,
		                                     [SUBJECT_HELO_NAME] = PP_HELO_NAME,
		                                     [SUBJECT_SENDER_DOMAIN] = PP_SENDER_DOMAIN,
		                                     [SUBJECT_RECIPIENT_DOMAIN] = PP_RECIPIENT_DOMAIN };
	const char *text = pp_attr(a, attributes[subject]);

	*value = (struct subject_value){ 0 };
	if (subject == SUBJECT_CLIENT_ADDRESS)
		read_address(a, text, value);
	else
		read_domain(a, subject, text, value);
}
