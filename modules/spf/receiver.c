/* receiver.c - header fields that say what came of a check, for the mail (RFC 7208 9, RFC 8601) */
#include <string.h>
#include <glib.h>
#include "receiver.h"

/* Letters, digits, and the marks given. */
static bool has_only(struct span text, const char *marks)
{
	for (size_t i = 0; i < text.length; i++)
		if (!g_ascii_isalnum(text.bytes[i]) &&
		    (text.bytes[i] == '\0' || strchr(marks, text.bytes[i]) == NULL))
			return false;
	return text.length > 0;
}

/* dot-atom of RFC 5322 3.2.3 */
static bool is_dot_atom(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.bytes[i] == '.' && (i == 0 || i + 1 == text.length || text.bytes[i + 1] == '.'))
			return false;
	return has_only(text, "!#$%&'*+-/=?^_`{|}~.");
}

/* pvalue = ( value / [ [ local-part ] "@" ] domain-name ) of RFC 8601 2.2, where value is a token of
 * RFC 2045 5.1, and domain-name has letters, digits and "-" (RFC 6376 3.5); anything else is quoted. */
static bool is_pvalue(const char *text)
{
	const char *at = strrchr(text, '@');
	struct span domain;

	if (at == NULL)
		return has_only((struct span){ text, strlen(text) }, "!#$%&'*+-.^_`{|}~");
	domain = (struct span){ at + 1, strlen(at + 1) };
	return is_dot_atom((struct span){ text, (size_t)(at - text) }) && is_dot_atom(domain) &&
	       has_only(domain, "-.") && memchr(domain.bytes, '.', domain.length) != NULL;
}

/* Adds bytes; false, and nothing is added: there is no room. */
static bool add(char line[RECEIVER_SIZE], const char *text)
{
	size_t used = strlen(line), length = strlen(text);

	if (length >= RECEIVER_SIZE - used)
		return false;
	memcpy(line + used, text, length + 1);
	return true;
}

/* Adds a byte in a quoted string or a comment, whose marks are escaped. */
static bool add_byte(char line[RECEIVER_SIZE], char c, const char *marks)
{
	char text[3] = { '\\', c, '\0' };

	if (!g_ascii_isprint(c))
		text[1] = '?';
	return add(line, text + (strchr(marks, text[1]) == NULL));
}

static bool add_bytes(char line[RECEIVER_SIZE], const char *text, const char *marks)
{
	for (; *text != '\0'; text++)
		if (!add_byte(line, *text, marks))
			return false;
	return true;
}

/* "name=value" behind what is between, or nothing at all. */
static void add_pair(char line[RECEIVER_SIZE], const char *between, const char *name, const char *value,
                     bool quoted)
{
	size_t used = strlen(line);

	if (add(line, between) && add(line, name) && add(line, quoted ? "=\"" : "=") &&
	    add_bytes(line, value, quoted ? "\"\\" : "") && (!quoted || add(line, "\"")))
		return;
	line[used] = '\0';
}

/* key-value-pair = key [CFWS] "=" ( dot-atom / quoted-string ) of RFC 7208 9.1 */
static void add_key(char line[RECEIVER_SIZE], const char *between, const char *key, const char *value)
{
	add_pair(line, between, key, value, !is_dot_atom((struct span){ value, strlen(value) }));
}

static const char *sentence(enum spf_result result)
{
	switch (result) {
	case SPF_PASS: return "domain of %d designates %c as permitted sender";
	case SPF_FAIL: return "domain of %d does not designate %c as permitted sender";
	case SPF_SOFTFAIL: return "domain of %d, in transition, does not designate %c as permitted sender";
	case SPF_NEUTRAL: return "%c is neither permitted nor denied by domain of %d";
	case SPF_NONE: return "domain of %d does not designate permitted senders";
	case SPF_TEMPERROR: return "error in DNS while checking the domain of %d";
	default: return "error in the SPF record of the domain of %d";
	}
}

/* The comment, in parentheses; %d and %c of the sentence are the domain and the client. */
static void add_comment(char line[RECEIVER_SIZE], const struct spf_question *question,
                        const struct spf_outcome *outcome, const char *client)
{
	const char *domain = *outcome->domain != '\0' ? outcome->domain : "unknown";

	add(line, " (");
	add_bytes(line, question->receiver, "()\\");
	add(line, ": ");
	for (const char *c = sentence(outcome->result); *c != '\0'; c++) {
		if (*c != '%')
			add_byte(line, *c, "");
		else if (*++c == 'd')
			add_bytes(line, domain, "()\\");
		else
			add(line, client);
	}
	add(line, ")");
}

void receiver_print(const struct spf_question *question, const struct spf_outcome *outcome,
                    char line[RECEIVER_SIZE])
{
	bool helo = *question->sender == '\0';
	char buffer[64];
	const char *client = pp_address_print(&question->client, -1, buffer);

	*line = '\0';
	add(line, "Received-SPF: ");
	add(line, spf_result_name(outcome->result));
	add_comment(line, question, outcome, client);
	add_key(line, " ", "receiver", question->receiver);
	add_key(line, "; ", "client-ip", client);
	add_key(line, "; ", "identity", helo ? "helo" : "mailfrom");
	if (!helo)
		add_key(line, "; ", "envelope-from", question->sender);
	add_key(line, "; ", "helo", question->helo);
	if (*outcome->problem != '\0')
		add_key(line, "; ", "problem", outcome->problem);
	else if (outcome->result != SPF_NONE)
		add_key(line, "; ", "mechanism",
		        *outcome->mechanism != '\0' ? outcome->mechanism : "default");
}

void receiver_print_results(const struct spf_question *question, const struct spf_outcome *outcome,
                            char line[RECEIVER_SIZE])
{
	bool helo = *question->sender == '\0';
	const char *value = helo ? question->helo : question->sender;

	*line = '\0';
	add(line, "Authentication-Results: ");
	add_bytes(line, question->receiver, "");
	add(line, "; spf=");
	add(line, spf_result_name(outcome->result));
	add_pair(line, " ", helo ? "smtp.helo" : "smtp.mailfrom", value, !is_pvalue(value));
}
