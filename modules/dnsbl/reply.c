/* reply.c - which addresses in a list's answer mean what */
#include <string.h>
#include "dnsbl.h"

/* Reads a number up to 255 without zeros before it. NULL: there is none. */
static const char *read_number(const char *text, uint8_t *number)
{
	const char *begin = text;
	unsigned value = 0;

	while (g_ascii_isdigit(*text) && text - begin < 3)
		value = value * 10 + (unsigned)(*text++ - '0');
	if (text == begin || value > 255 || (*begin == '0' && text - begin > 1))
		return NULL;
	*number = (uint8_t)value;
	return text;
}

/* NULL: it is no part. */
static const char *read_part(const char *text, struct part *part)
{
	*part = (struct part){ .low = 0, .high = 255 };
	if (*text == '*')
		return text + 1;
	if (*text == '&') {
		text = read_number(text + 1, &part->mask);
		return part->mask != 0 ? text : NULL;
	}
	text = read_number(text, &part->low);
	part->high = part->low;
	if (text != NULL && *text == '-')
		text = read_number(text + 1, &part->high);
	return part->high >= part->low ? text : NULL;
}

bool reply_parse(const char *text, struct reply *reply)
{
	for (unsigned i = 0; i < 4; i++) {
		text = read_part(text, &reply->part[i]);
		if (text == NULL || *text != (i < 3 ? '.' : '\0'))
			return false;
		text++;
	}
	return true;
}

bool reply_matches(const struct reply *reply, const pp_address_t *address)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct part *part = &reply->part[i];
		uint8_t byte = address->bytes[i];

		if (part->mask != 0 ? (byte & part->mask) == 0 : byte < part->low || byte > part->high)
			return false;
	}
	return true;
}

bool reply_is_broken(const pp_address_t *address)
{
	const uint8_t *bytes = address->bytes;

	return address->family != 4 || bytes[0] != 127 || (bytes[1] == 255 && bytes[2] == 255);
}
