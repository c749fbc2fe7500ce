/* grammar.c - records of SPF (RFC 7208 4.5, 4.6, 5, 6 and 12): what is one, and its terms */
#include <arpa/inet.h>
#include <string.h>
#include <glib.h>
#include "grammar.h"
#include "macro.h"

#define VERSION "v=spf1"
#define VERSION_LENGTH (sizeof(VERSION) - 1)

static bool span_equal(struct span span, const char *text)
{
	return span.length == strlen(text) && g_ascii_strncasecmp(span.bytes, text, span.length) == 0;
}

static struct span span_behind(struct span span, size_t length)
{
	return (struct span){ span.bytes + length, span.length - length };
}

/* record  = version terms *SP (4.5)
 * version = "v=spf1" */
bool grammar_is_record(struct span text)
{
	return text.length >= VERSION_LENGTH &&
	       g_ascii_strncasecmp(text.bytes, VERSION, VERSION_LENGTH) == 0 &&
	       (text.length == VERSION_LENGTH || text.bytes[VERSION_LENGTH] == ' ');
}

/* -- domain-spec (7.1) ----------------------------------------------------- */

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand; tail is what stands behind the last
 * macro-expand of the domain-spec. */
static bool ends_well(struct span domain, struct span tail)
{
	size_t start;

	if (tail.length == 0)
		return domain.length > 0;
	if (tail.bytes[tail.length - 1] == '.')
		tail.length--;
	for (start = tail.length; start > 0 && tail.bytes[start - 1] != '.';)
		start--;
	return start > 0 && name_is_toplabel(span_behind(tail, start));
}

/* domain-spec = macro-string domain-end */
static const char *check_domain(struct span domain)
{
	struct span tail;
	const char *wrong = macro_check(domain, MACRO_IN_NAME, &tail);

	if (wrong != NULL)
		return wrong;
	if (domain.length > GRAMMAR_DOMAIN_MAX)
		return "its domain is longer than 1,000 bytes";
	if (domain.length == 0)
		return "it has no domain";
	if (!ends_well(domain, tail))
		return "its domain ends neither in a top-level domain nor in a macro";
	return NULL;
}

/* -- lengths of prefixes (5.6) --------------------------------------------- */

/* Takes "/" and a number from the end of text. The number, or -1: there is none. */
static int take_prefix(struct span *text)
{
	size_t start = text->length;
	int number = 0;

	while (start > 0 && g_ascii_isdigit(text->bytes[start - 1]))
		start--;
	if (start == 0 || start == text->length || text->bytes[start - 1] != '/')
		return -1;
	for (size_t i = start; i < text->length; i++)
		number = MIN(number * 10 + (text->bytes[i] - '0'), 1000);
	/* ip4-cidr-length = "/" ("0" / %x31-39 0*1DIGIT): no zero in front */
	if (text->bytes[start] == '0' && text->length - start > 1)
		number = 1000;
	text->length = start - 1;
	return number;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ], taken from the end of text. */
static const char *take_prefixes(struct span *text, struct term *term)
{
	int first = take_prefix(text), second = -1;

	if (first >= 0 && text->length > 0 && text->bytes[text->length - 1] == '/') {
		text->length--;
		second = first;
		first = take_prefix(text);
	}
	if (first > 32 || second > 128)
		return "its prefix length is none";
	term->prefix4 = first < 0 ? 32 : (uint8_t)first;
	term->prefix6 = second < 0 ? 128 : (uint8_t)second;
	return NULL;
}

/* -- mechanisms (5) -------------------------------------------------------- */

/* What reads the part of a term behind its name. */
typedef const char *(*read_fn)(struct span rest, struct term *term);

/* all = "all" (5.1) */
static const char *read_all(struct span rest, struct term *term)
{
	(void)term;
	return rest.length > 0 ? "'all' has nothing behind it" : NULL;
}

/* include = "include" ":" domain-spec (5.2)
 * exists  = "exists"  ":" domain-spec (5.7) */
static const char *read_domain(struct span rest, struct term *term)
{
	if (rest.length == 0 || *rest.bytes != ':')
		return "it has no domain";
	term->domain = span_behind(rest, 1);
	return check_domain(term->domain);
}

/* ptr = "ptr" [ ":" domain-spec ] (5.5) */
static const char *read_domain_or_none(struct span rest, struct term *term)
{
	return rest.length == 0 ? NULL : read_domain(rest, term);
}

/* a  = "a"  [ ":" domain-spec ] [ dual-cidr-length ] (5.3)
 * mx = "mx" [ ":" domain-spec ] [ dual-cidr-length ] (5.4) */
static const char *read_hosts(struct span rest, struct term *term)
{
	const char *wrong = take_prefixes(&rest, term);

	return wrong != NULL ? wrong : read_domain_or_none(rest, term);
}

/* Reads ":" and an address. inet_pton() takes neither parts that are left out nor zeros in front. */
static bool read_address(struct span rest, int family, struct term *term)
{
	char text[INET6_ADDRSTRLEN];

	if (rest.length < 2 || *rest.bytes != ':' || rest.length > sizeof(text) ||
	    memchr(rest.bytes, '\0', rest.length) != NULL)
		return false;
	memcpy(text, rest.bytes + 1, rest.length - 1);
	text[rest.length - 1] = '\0';
	term->network.family = family == AF_INET ? 4 : 6;
	return inet_pton(family, text, term->network.bytes) == 1;
}

/* ip4 = "ip4" ":" ip4-network [ ip4-cidr-length ] (5.6) */
static const char *read_ip4(struct span rest, struct term *term)
{
	int prefix = take_prefix(&rest);

	if (prefix > 32)
		return "its prefix length is none";
	term->prefix4 = prefix < 0 ? 32 : (uint8_t)prefix;
	return read_address(rest, AF_INET, term) ? NULL : "it has no IPv4 address";
}

/* ip6 = "ip6" ":" ip6-network [ ip6-cidr-length ] (5.6) */
static const char *read_ip6(struct span rest, struct term *term)
{
	int prefix = take_prefix(&rest);

	if (prefix > 128)
		return "its prefix length is none";
	term->prefix6 = prefix < 0 ? 128 : (uint8_t)prefix;
	return read_address(rest, AF_INET6, term) ? NULL : "it has no IPv6 address";
}

static const struct {
	const char *name;
	read_fn read;
} mechanisms[] = {
	[TERM_ALL] = { "all", read_all },
	[TERM_INCLUDE] = { "include", read_domain },
	[TERM_A] = { "a", read_hosts },
	[TERM_MX] = { "mx", read_hosts },
	[TERM_PTR] = { "ptr", read_domain_or_none },
	[TERM_IP4] = { "ip4", read_ip4 },
	[TERM_IP6] = { "ip6", read_ip6 },
	[TERM_EXISTS] = { "exists", read_domain },
};

/* directive = [ qualifier ] mechanism (4.6.1)
 * qualifier = "+" / "-" / "?" / "~" */
static const char *read_directive(struct span text, struct term *term)
{
	struct span name = text;

	term->qualifier = '+';
	if (strchr("+-?~", *text.bytes) != NULL && *text.bytes != '\0') {
		term->qualifier = *text.bytes;
		text = span_behind(text, 1);
	}
	name = (struct span){ text.bytes, 0 };
	while (name.length < text.length && text.bytes[name.length] != ':' && text.bytes[name.length] != '/')
		name.length++;
	for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++)
		if (span_equal(name, mechanisms[i].name)) {
			term->kind = (enum term_kind)i;
			return mechanisms[i].read(span_behind(text, name.length), term);
		}
	return "there is no such mechanism";
}

/* -- modifiers (6) --------------------------------------------------------- */

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ); its length, with an "=" behind it; 0: none. */
static size_t modifier_name(struct span text)
{
	size_t length = 0;

	while (length < text.length &&
	       (g_ascii_isalnum(text.bytes[length]) ||
	        (text.bytes[length] != '\0' && strchr("-_.", text.bytes[length]) != NULL)))
		length++;
	if (length == 0 || !g_ascii_isalpha(*text.bytes) || length == text.length ||
	    text.bytes[length] != '=')
		return 0;
	return length;
}

/* redirect         = "redirect" "=" domain-spec (6.1)
 * explanation      = "exp" "=" domain-spec (6.2)
 * unknown-modifier = name "=" macro-string (6) */
static const char *read_modifier(struct span text, size_t name_length, struct term *term)
{
	struct span name = { text.bytes, name_length }, value = span_behind(text, name_length + 1), tail;

	term->kind = span_equal(name, "redirect") ? TERM_REDIRECT
	             : span_equal(name, "exp")    ? TERM_EXP
	                                          : TERM_UNKNOWN;
	if (term->kind == TERM_UNKNOWN)
		return macro_check(value, MACRO_IN_MODIFIER, &tail);
	term->domain = value;
	return check_domain(value);
}

/* -- records (4.6.1) ------------------------------------------------------- */

/* terms = *( 1*SP ( directive / modifier ) ). The next one's text; length 0: there is none. */
static struct span next_text(struct span *terms)
{
	struct span text;

	while (terms->length > 0 && *terms->bytes == ' ')
		*terms = span_behind(*terms, 1);
	text = (struct span){ terms->bytes, 0 };
	while (text.length < terms->length && text.bytes[text.length] != ' ')
		text.length++;
	*terms = span_behind(*terms, text.length);
	return text;
}

static const char *read_term(struct span text, struct term *term)
{
	size_t name_length = modifier_name(text);

	*term = (struct term){ .text = text };
	return name_length > 0 ? read_modifier(text, name_length, term) : read_directive(text, term);
}

bool grammar_next(struct span *terms, struct term *term)
{
	struct span text = next_text(terms);

	return text.length > 0 && read_term(text, term) == NULL;
}

/* redirect and exp stand there at most once each (6). */
static const char *hold_modifier(struct record *record, const struct term *term)
{
	bool redirect = term->kind == TERM_REDIRECT;
	bool *has = redirect ? &record->has_redirect : &record->has_exp;

	if (*has)
		return redirect ? "'redirect' is there twice" : "'exp' is there twice";
	*has = true;
	*(redirect ? &record->redirect : &record->exp) = *term;
	return NULL;
}

const char *grammar_check(struct span text, struct record *record, struct span *where)
{
	struct span rest = span_behind(text, VERSION_LENGTH);
	const char *wrong = NULL;
	struct term term;

	*record = (struct record){ .terms = rest };
	*where = (struct span){ text.bytes, VERSION_LENGTH };
	if (text.length > GRAMMAR_RECORD_MAX)
		return "the record is longer than 16,384 bytes";
	for (struct span next = next_text(&rest); next.length > 0 && wrong == NULL; next = next_text(&rest)) {
		*where = next;
		wrong = read_term(next, &term);
		if (wrong == NULL && (term.kind == TERM_REDIRECT || term.kind == TERM_EXP))
			wrong = hold_modifier(record, &term);
	}
	return wrong;
}

const char *grammar_check_explanation(struct span text)
{
	struct span tail;

	if (text.length > GRAMMAR_RECORD_MAX)
		return "it is longer than 16,384 bytes";
	return macro_check(text, MACRO_IN_EXPLANATION, &tail);
}
