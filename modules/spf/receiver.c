/* receiver.c - header fields that say what came of a check, for the mail (RFC 7208 9, RFC 8601) */
#include <string.h>
#include <glib.h>
#include "receiver.h"

/* dot-atom of RFC 5322 3.2.3, and @ where an address may stand; anything else is quoted. */
static bool is_plain(const char *value, bool address)
{
	if (*value == '\0' || *value == '.' || g_str_has_suffix(value, ".") || strstr(value, "..") != NULL)
		return false;
	for (; *value != '\0'; value++) {
		if (*value == '@' && address)
			address = false;
		else if (!g_ascii_isalnum(*value) && strchr("!#$%&'*+-/=?^_`{|}~.", *value) == NULL)
			return false;
	}
	return true;
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

/* "; name=value", or nothing at all. address: the value may be one of mail. */
static void add_pair(char line[RECEIVER_SIZE], const char *between, const char *name, const char *value,
                     bool address)
{
	size_t used = strlen(line);
	bool quoted = !is_plain(value, address);

	if (add(line, between) && add(line, name) && add(line, quoted ? "=\"" : "=") &&
	    add_bytes(line, value, quoted ? "\"\\" : "") && (!quoted || add(line, "\"")))
		return;
	line[used] = '\0';
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
	add_pair(line, " ", "receiver", question->receiver, false);
	add_pair(line, "; ", "client-ip", client, false);
	add_pair(line, "; ", "identity", helo ? "helo" : "mailfrom", false);
	if (!helo)
		add_pair(line, "; ", "envelope-from", question->sender, false);
	add_pair(line, "; ", "helo", question->helo, false);
	if (*outcome->problem != '\0')
		add_pair(line, "; ", "problem", outcome->problem, false);
	else if (outcome->result != SPF_NONE)
		add_pair(line, "; ", "mechanism",
		         *outcome->mechanism != '\0' ? outcome->mechanism : "default", false);
}

void receiver_print_results(const struct spf_question *question, const struct spf_outcome *outcome,
                            char line[RECEIVER_SIZE])
{
	bool helo = *question->sender == '\0';

	*line = '\0';
	add(line, "Authentication-Results: ");
	add_bytes(line, question->receiver, "");
	add(line, "; spf=");
	add(line, spf_result_name(outcome->result));
	add_pair(line, " ", helo ? "smtp.helo" : "smtp.mailfrom", helo ? question->helo : question->sender,
	         !helo);
}
