/* service/dns_name.c - names of DNS: text to bytes and back */
#include "service/dns_name.h"

#include <glib.h>
#include <string.h>

#define LABEL_MAX 63
#define POINTER 0xc0 /* the two bits of a length that say that the name goes on elsewhere */
#define NO_POINTER SIZE_MAX
#define POINTERS_MAX 127 /* of a name: so many labels it can have */

/* For each byte of each name: a function of the library takes longer than all else. */
static inline uint8_t to_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* -- text ---------------------------------------------------------------- */

/* One byte of a label, escaped or not; moves *text behind it. -1: no byte is written so. */
static int read_byte(const char **text)
{
	const char *at = *text;
	int byte;

	if (*at != '\\') {
		*text = at + 1;
		return (uint8_t)*at;
	}
	if (!g_ascii_isdigit(at[1])) {
		*text = at + 2;
		return at[1] != '\0' ? (uint8_t)at[1] : -1;
	}
	if (!g_ascii_isdigit(at[2]) || !g_ascii_isdigit(at[3]))
		return -1;
	byte = (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
	*text = at + 4;
	return byte <= 255 ? byte : -1;
}

/* Reads up to a dot or the end. NULL, or what is wrong. */
static const char *read_label(const char **text, struct dns_name *name)
{
	size_t length = 0, start = name->size++;

	for (; **text != '\0' && **text != '.'; length++) {
		int byte = read_byte(text);

		if (byte <= 0)
			return byte == 0 ? "the name has a NUL"
			                 : "the name has a backslash with nothing behind it";
		if (length == LABEL_MAX)
			return "the name has a label of more than 63 bytes";
		if (name->size == DNS_NAME_MAX - 1)
			return "the name has more than 253 bytes";
		name->wire[name->size++] = to_lower((uint8_t)byte);
	}
	name->wire[start] = (uint8_t)length;
	return length == 0 ? "the name has an empty label" : NULL;
}

const char *dns_name_parse(const char *text, struct dns_name *name)
{
	name->size = 0;
	if (*text == '\0' || strcmp(text, ".") == 0)
		return "the name is empty";
	while (*text != '\0') {
		const char *wrong;

		if (name->size >= DNS_NAME_MAX - 1)
			return "the name has more than 253 bytes";
		wrong = read_label(&text, name);
		if (wrong != NULL)
			return wrong;
		text += *text == '.';
	}
	name->wire[name->size++] = 0;
	return NULL;
}

static size_t print_byte(uint8_t byte, char *text)
{
	if (byte == '.' || byte == '\\') {
		text[0] = '\\';
		text[1] = (char)byte;
		return 2;
	}
	if (g_ascii_isgraph((char)byte)) {
		text[0] = (char)byte;
		return 1;
	}
	text[0] = '\\';
	text[1] = (char)('0' + byte / 100);
	text[2] = (char)('0' + byte / 10 % 10);
	text[3] = (char)('0' + byte % 10);
	return 4;
}

size_t dns_name_print(const struct dns_name *name, char text[DNS_TEXT_MAX])
{
	size_t length = 0;

	for (size_t i = 0; name->wire[i] != 0;) {
		size_t end = i + 1 + name->wire[i];

		if (i++ > 0)
			text[length++] = '.';
		while (i < end)
			length += print_byte(name->wire[i++], text + length);
	}
	if (length == 0)
		text[length++] = '.';
	text[length] = '\0';
	return length;
}

/* -- messages ------------------------------------------------------------ */

/* The labels in a row at place, up to the root (*pointer is NO_POINTER) or a pointer. Returns the
 * place behind; 0: wrong. */
static size_t read_labels(const uint8_t *message, size_t size, size_t place, struct dns_name *name,
                          size_t *pointer)
{
	*pointer = NO_POINTER;
	while (place < size) {
		size_t length = message[place++];

		if ((length & POINTER) == POINTER) {
			if (place == size)
				return 0;
			*pointer = (length & ~(size_t)POINTER) << 8 | message[place];
			return place + 1;
		}
		if (length > LABEL_MAX || length > size - place || name->size + length + 1 > DNS_NAME_MAX)
			return 0;
		name->wire[name->size] = (uint8_t)length;
		memcpy(name->wire + name->size + 1, message + place, length);
		name->size = (uint16_t)(name->size + length + 1);
		place += length;
		if (length == 0)
			return place;
	}
	return 0;
}

bool dns_name_read(const uint8_t *message, size_t size, size_t *place, struct dns_name *name)
{
	size_t from = *place, pointer, end = 0;

	name->size = 0;
	/* A pointer leads to what stands before, so there is an end to it, but it may be far away. */
	for (unsigned pointers = 0; pointers <= POINTERS_MAX; pointers++) {
		size_t behind = read_labels(message, size, from, name, &pointer);

		if (behind == 0)
			return false;
		if (end == 0)
			end = behind;
		if (pointer == NO_POINTER) {
			*place = end;
			return true;
		}
		if (pointer >= from)
			return false;
		from = pointer;
	}
	return false;
}

bool dns_name_equal(const struct dns_name *name, const struct dns_name *other)
{
	if (name->size != other->size)
		return false;
	if (memcmp(name->wire, other->wire, name->size) == 0)
		return true;
	/* No length of a label is a letter. */
	for (size_t i = 0; i < name->size; i++)
		if (to_lower(name->wire[i]) != to_lower(other->wire[i]))
			return false;
	return true;
}

/* -- reverse names ------------------------------------------------------- */

static char *write_decimal(char *at, uint8_t byte)
{
	if (byte >= 100)
		*at++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*at++ = (char)('0' + byte / 10 % 10);
	*at++ = (char)('0' + byte % 10);
	return at;
}

static char *write_nibbles(char *at, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	*at++ = digits[byte & 15];
	*at++ = '.';
	*at++ = digits[byte >> 4];
	return at;
}

const char *dns_name_reverse(const pp_address_t *address, char text[DNS_REVERSE_MAX])
{
	const bool is_six = address->family == 6;
	char *at = text;

	for (int i = is_six ? 15 : 3; i >= 0 && address->family != 0; i--) {
		at = is_six ? write_nibbles(at, address->bytes[i]) : write_decimal(at, address->bytes[i]);
		if (i > 0)
			*at++ = '.';
	}
	*at = '\0';
	return text;
}

const char *dns_name_reverse_zone(const pp_address_t *address)
{
	return address->family == 6 ? "ip6.arpa" : "in-addr.arpa";
}
