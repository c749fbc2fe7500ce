/* macro.c - the macros of SPF (RFC 7208 7): their syntax and what they expand to */
#include <string.h>
#include <glib.h>
#include "grammar.h"
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

/* Full, it keeps what came first. */
struct sink {
	char *bytes;
	size_t size, used;
};

static void put(struct sink *sink, char c)
{
	if (sink->used < sink->size)
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

/* The parts that are kept: the last ones; reversed these are the first. What is left away takes no
 * time. */
static struct span kept_parts(const struct macro *macro, const char *value)
{
	size_t length = strlen(value), parts = macro->parts;

	for (size_t i = 0; i < length && parts > 0 && macro->reverse; i++)
		if (is_delimiter(macro, value[i]) && --parts == 0)
			return (struct span){ value, i };
	for (size_t i = length; i > 0 && parts > 0 && !macro->reverse; i--)
		if (is_delimiter(macro, value[i - 1]) && --parts == 0)
			return (struct span){ value + i, length - i };
	return (struct span){ value, length };
}

static void put_forward(struct sink *sink, const struct macro *macro, struct span parts)
{
	for (size_t i = 0; i < parts.length; i++)
		if (is_delimiter(macro, parts.bytes[i]))
			put(sink, '.');
		else
			put_piece(sink, macro, parts.bytes + i, 1);
}

static void put_reversed(struct sink *sink, const struct macro *macro, struct span parts)
{
	size_t end = parts.length;

	for (size_t at = end;; at--) {
		if (at > 0 && !is_delimiter(macro, parts.bytes[at - 1]))
			continue;
		put_piece(sink, macro, parts.bytes + at, end - at);
		if (at == 0)
			return;
		put(sink, '.');
		end = at - 1;
	}
}

static void put_macro(struct sink *sink, const struct macro *macro, const struct macro_values *values)
{
	char buffer[VALUE_SIZE];
	struct span parts;

	if (macro->letter == '\0') {
		for (const char *c = macro->literal; *c != '\0'; c++)
			put(sink, *c);
		return;
	}
	parts = kept_parts(macro, value_of(macro->letter, values, buffer));
	if (macro->reverse)
		put_reversed(sink, macro, parts);
	else
		put_forward(sink, macro, parts);
}

/* Takes a byte or macro-expand from a text that was checked. */
static void expand_next(struct span *text, const struct macro_values *values, struct sink *sink)
{
	struct macro macro;
	char c = take(text);

	if (c != '%')
		put(sink, c);
	else if (read_macro(text, &macro) == NULL)
		put_macro(sink, &macro, values);
}

/* -- names (7.3) ----------------------------------------------------------- */

/* The last bytes of what a text expands to, in bytes up to its end; returns where they begin. It is
 * gone through from the right, since what a name has too much is not worth the time that it takes. */
static const char *expand_tail(struct span text, const struct macro_values *values, char *bytes, size_t room)
{
	uint16_t starts[GRAMMAR_DOMAIN_MAX];
	char piece[3 * VALUE_SIZE];
	struct span rest = text;
	size_t count = 0;

	while (rest.length > 0 && count < G_N_ELEMENTS(starts)) {
		struct macro macro;

		starts[count++] = (uint16_t)(rest.bytes - text.bytes);
		if (take(&rest) == '%')
			read_macro(&rest, &macro);
	}
	while (count > 0 && room > 0) {
		struct sink sink = { .bytes = piece, .size = sizeof(piece) };
		size_t length;

		rest = (struct span){ text.bytes + starts[count - 1], text.length - starts[count - 1] };
		expand_next(&rest, values, &sink);
		length = MIN(sink.used, room);
		room -= length;
		memcpy(bytes + room, piece + sink.used - length, length);
		count--;
	}
	return bytes + room;
}

bool macro_expand_name(struct span text, const struct macro_values *values, char name[NAME_SIZE])
{
	char bytes[NAME_SIZE + 1]; /* one too many, and a dot */
	const char *start = expand_tail(text, values, bytes, sizeof(bytes));
	size_t length = (size_t)(bytes + sizeof(bytes) - start);

	if (length > 0 && start[length - 1] == '.')
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

/* -- texts (6.2) ----------------------------------------------------------- */

void macro_expand_text(struct span text, const struct macro_values *values, char *expanded, size_t size)
{
	struct sink sink = { .bytes = expanded, .size = size - 1 };

	while (text.length > 0 && sink.used < sink.size)
		expand_next(&text, values, &sink);
	for (size_t i = 0; i < sink.used; i++)
		if (!g_ascii_isprint(expanded[i]))
			expanded[i] = '?';
	expanded[sink.used] = '\0';
}
