/* fuzz/postfix_reader.c - what Postfix's smtpd makes of the bytes of a policy reply */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "postfix_reader.h"

/* -- attributes ---------------------------------------------------------- */

/* Reads up to a newline, or to '=' too where that ends it; a NUL cuts what is
 * kept. Returns what ended it, -1 at the end of the bytes. */
static int read_string(const char *bytes, size_t length, size_t *at, bool equals, char *out, size_t size)
{
	size_t kept = 0;

	while (*at < length) {
		char byte = bytes[(*at)++];

		if (byte == '\n' || (equals && byte == '=')) {
			out[kept] = '\0';
			return byte;
		}
		if (kept < size - 1)
			out[kept++] = byte;
	}
	return -1;
}

static bool read_attributes(const char *bytes, size_t length, struct postfix_reading *reading)
{
	char name[4096], value[4096];
	size_t at = 0;

	for (;;) {
		int ended = read_string(bytes, length, &at, true, name, sizeof(name));

		if (ended < 0)
			return false;
		if (ended == '\n' && name[0] == '\0') {
			reading->used = at;
			return reading->actions > 0;
		}
		reading->attributes++;
		if (ended == '\n')
			continue;
		if (read_string(bytes, length, &at, false, value, sizeof(value)) < 0)
			return false;
		if (strcmp(name, "action") == 0 && reading->actions++ == 0)
			memcpy(reading->value, value, strlen(value) + 1);
	}
}

/* -- texts --------------------------------------------------------------- */

bool postfix_valid_utf8(const char *text)
{
	const uint8_t *byte = (const uint8_t *)text;

	while (*byte != 0) {
		uint32_t point = *byte++, least;
		int more = point < 0x80   ? 0
		           : point < 0xc0 ? -1
		           : point < 0xe0 ? 1
		           : point < 0xf0 ? 2
		           : point < 0xf8 ? 3
		                          : -1;

		if (more < 0)
			return false;
		least = more == 0 ? 0 : more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
		point &= more == 0 ? 0x7fu : (0x3fu >> more);
		for (; more > 0; more--, byte++) {
			if ((*byte & 0xc0) != 0x80)
				return false;
			point = point << 6 | (*byte & 0x3f);
		}
		if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return false;
	}
	return true;
}

/* "x.y.z" and a blank or the end. */
static size_t enhanced_length(const char *text)
{
	unsigned class, subject, detail;
	int length = 0;

	if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[2]))
		return 0;
	if (sscanf(text, "%1u.%3u.%3[0-9]%n", &class, &subject, (char[4]){ 0 }, &length) != 3 || length == 0)
		return 0;
	if (class != 2 && class != 4 && class != 5)
		return 0;
	detail = (unsigned char)text[length];
	return detail == 0 || isspace((int)detail) ? (size_t)length : 0;
}

/* The enhanced code, of the class of the reply's code in any case, and the text. */
static void split_text(struct postfix_reading *reading, const char *text, int code)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = enhanced_length(text);
	snprintf(reading->enhanced, sizeof(reading->enhanced), "%.*s", length > 0 ? (int)length : 5,
	         length > 0 ? text : "x.7.1");
	reading->enhanced[0] = (char)('0' + code / 100);
	text += length;
	while (isspace((unsigned char)*text))
		text++;
	reading->code = code;
	reading->text = *text != '\0' ? text : "Access denied";
}

/* A name without blanks or controls, perhaps blanks, and a colon. */
static bool is_header(const char *text)
{
	const char *at = text;

	while (isascii((unsigned char)*at) && isgraph((unsigned char)*at) && *at != ':')
		at++;
	if (at == text)
		return false;
	while (*at == ' ' || *at == '\t')
		at++;
	return *at == ':';
}

/* -- actions ------------------------------------------------------------- */

static bool all_digits(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static const struct {
	const char *word;
	enum postfix_effect effect;
	int code;   /* of a refusal: access_map_reject_code, access_map_defer_code */
	char needs; /* what the text must have */
} words[] = {
	{ "DUNNO", POSTFIX_PASS, 0, 0 },
	{ "REJECT", POSTFIX_REFUSE, 554, 0 },
	{ "DEFER", POSTFIX_REFUSE, 450, 0 },
	{ "HANGUP", POSTFIX_HANGUP, 0, 0 },
	{ "INFO", POSTFIX_PASS, 0, 0 },
	{ "WARN", POSTFIX_PASS, 0, 0 },
	{ "FILTER", POSTFIX_REROUTE, 0, ':' },
	{ "HOLD", POSTFIX_PASS, 0, 0 },
	{ "DISCARD", POSTFIX_PERMIT, 0, 0 },
	{ "REDIRECT", POSTFIX_REROUTE, 0, '@' },
	{ "BCC", POSTFIX_REROUTE, 0, '@' },
	{ "DEFER_IF_PERMIT", POSTFIX_REFUSE_IF, 450, 0 },
	{ "DEFER_IF_REJECT", POSTFIX_REFUSE_IF, 450, 0 },
	{ "PREPEND", POSTFIX_PASS, 0, 'h' },
	{ "OK", POSTFIX_PERMIT, 0, 0 },
	{ "RELAY", POSTFIX_PERMIT, 0, 0 },
};

/* False: the word is none of those. */
static bool run_word(struct postfix_reading *reading, const char *text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(reading->word, words[i].word) != 0)
			continue;
		reading->effect = words[i].effect;
		reading->text = text;
		if (words[i].needs == 'h' && !is_header(text))
			reading->effect = POSTFIX_IGNORED;
		else if (words[i].needs != 0 && words[i].needs != 'h' && strchr(text, words[i].needs) == NULL)
			reading->effect = POSTFIX_IGNORED;
		if (words[i].code != 0)
			split_text(reading, text, words[i].code);
		return true;
	}
	return false;
}

static void run(struct postfix_reading *reading)
{
	const char *value = reading->value;
	size_t length = strcspn(value, " \t");
	const char *text = value + length;

	for (size_t i = 0; i < length && i < sizeof(reading->word) - 1; i++)
		reading->word[i] = (char)toupper((unsigned char)value[i]);
	while (isspace((unsigned char)*text))
		text++;
	if (length < sizeof(reading->word) && run_word(reading, text))
		return;
	if (all_digits(value)) {
		reading->effect = POSTFIX_PERMIT;
	} else if (length == 3 && *text != '\0' && (value[0] == '4' || value[0] == '5') &&
	           isdigit((unsigned char)value[1]) && isdigit((unsigned char)value[2])) {
		reading->effect = POSTFIX_REFUSE;
		split_text(reading, text, (value[0] - '0') * 100 + (value[1] - '0') * 10 + value[2] - '0');
	} else if (strchr(value, ':') != NULL) {
		reading->effect = POSTFIX_SERVER_ERROR;
	} else {
		reading->effect = value[strspn(value, ", \t\r\n")] == '\0' ? POSTFIX_PERMIT
		                                                           : POSTFIX_RESTRICTIONS;
	}
}

bool postfix_read(const char *bytes, size_t length, struct postfix_reading *reading)
{
	memset(reading, 0, sizeof(*reading));
	reading->text = "";
	if (length >= sizeof(reading->value))
		return false;
	if (read_attributes(bytes, length, reading) && postfix_valid_utf8(reading->value))
		run(reading);
	return true;
}
