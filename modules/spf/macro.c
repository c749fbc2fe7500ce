/* macro.c - the macros of SPF (RFC 7208 7): their syntax and what they expand to */
#include <string.h>
#include <glib.h>
#include "macro.h"

/* A macro-expand. */
struct macro {
	char letter;         /* in lower case; '\0': it stands for literal */
	bool escape;         /* the letter is a capital one: the value is escaped as in an URL */
	const char *literal; /* of %%, %_ and %- */
	size_t parts;        /* how many are kept; 0: all */
	bool reverse;
	struct span delimiters;
};

/* -- syntax (7.1) ---------------------------------------------------------- */

static char take(struct span *text)
{
	char c = *text->bytes;

	text->bytes++;
	text->length--;
	return c;
}

static bool at_one_of(const struct span *text, const char *characters)
{
	return text->length > 0 && *text->bytes != '\0' && strchr(characters, *text->bytes) != NULL;
}

/* transformers = *DIGIT [ "r" ]; the number is not 0 (7.3). */
static bool read_transformers(struct span *text, struct macro *macro)
{
	bool given = at_one_of(text, "0123456789");

	while (at_one_of(text, "0123456789")) {
		macro->parts = macro->parts * 10 + (size_t)(take(text) - '0');
		macro->parts = MIN(macro->parts, 1000000);
	}
	if (given && macro->parts == 0)
		return false;
	macro->reverse = at_one_of(text, "rR");
	if (macro->reverse)
		take(text);
	return true;
}

/* delimiter = "." / "-" / "+" / "," / "/" / "_" / "=" */
static void read_delimiters(struct span *text, struct macro *macro)
{
	macro->delimiters.bytes = text->bytes;
	while (at_one_of(text, ".-+,/_="))
		take(text);
	macro->delimiters.length = (size_t)(text->bytes - macro->delimiters.bytes);
	if (macro->delimiters.length == 0)
		macro->delimiters = (struct span){ ".", 1 };
}

/* macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
 * Reads one, of which the % has been taken. NULL, or what is wrong. */
static const char *read_macro(struct span *text, struct macro *macro)
{
	char c = text->length > 0 ? take(text) : '\0';

	*macro = (struct macro){ 0 };
	macro->literal = c == '%' ? "%" : c == '_' ? " " : c == '-' ? "%20" : NULL;
	if (macro->literal != NULL)
		return NULL;
	if (c != '{')
		return "a % is followed by none of { % _ -";
	if (!at_one_of(text, "slodiphcrtvSLODIPHCRTV"))
		return "a macro has a letter that there is not";
	c = take(text);
	macro->letter = g_ascii_tolower(c);
	macro->escape = g_ascii_isupper(c);
	if (!read_transformers(text, macro))
		return "a macro keeps 0 parts";
	read_delimiters(text, macro);
	if (!at_one_of(text, "}"))
		return "a macro does not end in }";
	take(text);
	return NULL;
}

/* macro-string  = *( macro-expand / macro-literal )
 * macro-literal = %x21-24 / %x26-7E
 * explain-string = *( macro-string / SP ) */
const char *macro_check(struct span text, enum macro_place place, struct span *tail)
{
	*tail = text;
	while (text.length > 0) {
		struct macro macro;
		const char *wrong;
		char c = take(&text);

		if (c != '%') {
			if (!g_ascii_isgraph(c) && (c != ' ' || place != MACRO_IN_EXPLANATION))
				return "there is a byte that is no visible character";
			continue;
		}
		wrong = read_macro(&text, &macro);
		if (wrong != NULL)
			return wrong;
		if (place == MACRO_IN_NAME && macro.letter != '\0' && strchr("crt", macro.letter) != NULL)
			return "%{c}, %{r} and %{t} stand in explanations only";
		*tail = text;
	}
	return NULL;
}

bool macro_wants_validated(struct span text)
{
	struct macro macro;

	while (text.length > 0)
		if (take(&text) == '%' && read_macro(&text, &macro) == NULL && macro.letter == 'p')
			return true;
	return false;
}

/* -- what is written ------------------------------------------------------- */

/* Full, it keeps either what came first or what came last. */
struct sink {
	char *bytes;
	size_t size, used;
	bool last;
};

static void put(struct sink *sink, char c)
{
	if (sink->used == sink->size) {
		if (!sink->last)
			return;
		sink->used = sink->size / 2;
		memmove(sink->bytes, sink->bytes + sink->size - sink->used, sink->used);
	}
	sink->bytes[sink->used++] = c;
}

/* unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~" (RFC 3986 2.3) */
static void put_escaped(struct sink *sink, char c)
{
	if (g_ascii_isalnum(c) || (c != '\0' && strchr("-._~", c) != NULL)) {
		put(sink, c);
		return;
	}
	put(sink, '%');
	put(sink, "0123456789ABCDEF"[(unsigned char)c >> 4]);
	put(sink, "0123456789ABCDEF"[c & 15]);
}

static void put_piece(struct sink *sink, const struct macro *macro, const char *piece, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (macro->escape)
			put_escaped(sink, piece[i]);
		else
			put(sink, piece[i]);
}

/* -- values (7.2, 7.3) ----------------------------------------------------- */

enum { VALUE_SIZE = 512 };

/* %{i}: dotted-quad, or the nibbles of an IPv6 address with dots between. */
static void print_dotted(const pp_address_t *address, char value[VALUE_SIZE])
{
	static const char digits[] = "0123456789ABCDEF";
	char *at = value, buffer[64];

	if (address->family == 4) {
		g_strlcpy(value, pp_address_print(address, -1, buffer), VALUE_SIZE);
		return;
	}
	for (int i = 0; i < 16; i++) {
		*at++ = digits[address->bytes[i] >> 4];
		*at++ = '.';
		*at++ = digits[address->bytes[i] & 15];
		*at++ = i < 15 ? '.' : '\0';
	}
}

/* The value of a letter; buffer is used where there is no text of it. */
static const char *value_of(char letter, const struct macro_values *values, char buffer[VALUE_SIZE])
{
	switch (letter) {
	case 's': g_snprintf(buffer, VALUE_SIZE, "%s@%s", values->local, values->sender_domain); break;
	case 'l': return values->local;
	case 'o': return values->sender_domain;
	case 'd': return values->domain;
	case 'i': print_dotted(&values->client, buffer); break;
	case 'p': return values->validated;
	case 'v': return values->client.family == 4 ? "in-addr" : "ip6";
	case 'h': return values->helo;
	case 'c': return pp_address_print(&values->client, -1, buffer);
	case 'r': return values->receiver;
	default: g_snprintf(buffer, VALUE_SIZE, "%" G_GINT64_FORMAT, values->now);
	}
	return buffer;
}

static bool is_delimiter(const struct macro *macro, char c)
{
	return memchr(macro->delimiters.bytes, c, macro->delimiters.length) != NULL;
}

/* The parts from the left, but for those that are not kept. */
static void put_forward(struct sink *sink, const struct macro *macro, const char *value, size_t skipped)
{
	const char *piece = value;

	for (const char *at = value;; at++) {
		if (*at != '\0' && !is_delimiter(macro, *at))
			continue;
		if (skipped > 0) {
			skipped--;
		} else {
			put_piece(sink, macro, piece, (size_t)(at - piece));
			if (*at != '\0')
				put(sink, '.');
		}
		if (*at == '\0')
			return;
		piece = at + 1;
	}
}

/* The parts from the right, but for those that are not kept. */
static void put_reversed(struct sink *sink, const struct macro *macro, const char *value, size_t skipped)
{
	const char *end = value + strlen(value);

	for (const char *at = end;; at--) {
		if (at > value && !is_delimiter(macro, at[-1]))
			continue;
		if (skipped > 0) {
			skipped--;
		} else {
			put_piece(sink, macro, at, (size_t)(end - at));
			if (at > value)
				put(sink, '.');
		}
		if (at == value)
			return;
		end = at - 1;
	}
}

static void put_macro(struct sink *sink, const struct macro *macro, const struct macro_values *values)
{
	char buffer[VALUE_SIZE];
	const char *value;
	size_t parts = 1, skipped;

	if (macro->letter == '\0') {
		for (const char *c = macro->literal; *c != '\0'; c++)
			put(sink, *c);
		return;
	}
	value = value_of(macro->letter, values, buffer);
	for (const char *c = value; *c != '\0'; c++)
		parts += is_delimiter(macro, *c);
	skipped = macro->parts == 0 || macro->parts > parts ? 0 : parts - macro->parts;
	if (macro->reverse)
		put_reversed(sink, macro, value, skipped);
	else
		put_forward(sink, macro, value, skipped);
}

static void expand(struct span text, const struct macro_values *values, struct sink *sink)
{
	while (text.length > 0 && (sink->last || sink->used < sink->size)) {
		struct macro macro;
		char c = take(&text);

		if (c != '%')
			put(sink, c);
		else if (read_macro(&text, &macro) == NULL)
			put_macro(sink, &macro, values);
	}
}

bool macro_expand_name(struct span text, const struct macro_values *values, char name[NAME_SIZE])
{
	char bytes[1024];
	struct sink sink = { .bytes = bytes, .size = sizeof(bytes), .last = true };
	const char *start = bytes;
	size_t length;

	expand(text, values, &sink);
	length = sink.used;
	if (length > 0 && bytes[length - 1] == '.')
		length--;
	while (length > NAME_SIZE - 1) {
		const char *dot = memchr(start, '.', length);

		if (dot == NULL)
			return false;
		length -= (size_t)(dot + 1 - start);
		start = dot + 1;
	}
	memcpy(name, start, length);
	name[length] = '\0';
	return name_is_valid(name);
}

void macro_expand_text(struct span text, const struct macro_values *values, char *expanded, size_t size)
{
	struct sink sink = { .bytes = expanded, .size = size - 1 };

	expand(text, values, &sink);
	for (size_t i = 0; i < sink.used; i++)
		if (!g_ascii_isprint(expanded[i]))
			expanded[i] = '?';
	expanded[sink.used] = '\0';
}
