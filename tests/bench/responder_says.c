/* bench/responder_says.c - what the name server of the benchmarks says
 *
 * The first of these labels in the name tells it:
 *     list     a list in DNS: one name in 16 is there (127.0.0.2), the others are not
 *     parts    SPF with eight includes, of which none passes the client
 *     chain    SPF that includes another, which includes another, without an end
 *     wide     SPF that includes ten, each of which includes ten, without an end
 *     mx       SPF with ten terms mx, each of which has ten hosts, none of them the client
 *     mute     the same, and nothing is said of the hosts
 *     hosts    SPF with ten terms mx, each of which has forty hosts
 *     ptr      SPF with a term ptr; every address has fifty names of the domain it wants
 *     void     SPF with ten terms for names that are not there
 *     alias    an alias of an alias, without an end
 * Other names have an address, 203.0.113.1, one MX and an SPF record of one term. Of names with the
 * label "now" it is said at once, whatever the others have to wait, of those with "silent" never.
 */
#include "responder_says.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 12, A = 1, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, NXDOMAIN = 3 };
enum { NAME_TEXT = 256, TEN = 10, HOSTS = 40, POINTERS = 50 };

struct answer {
	uint8_t *message;
	size_t size;
	unsigned type;
	char name[NAME_TEXT]; /* of the question, with dots */
	bool is_mute;
};

/* -- records ------------------------------------------------------------------ */

static void add_16(struct answer *answer, unsigned number)
{
	answer->message[answer->size++] = (uint8_t)(number >> 8);
	answer->message[answer->size++] = (uint8_t)number;
}

/* What fits not is left out. */
static void add_record(struct answer *answer, unsigned type, const void *data, size_t size)
{
	if (answer->size + 12 + size > SAID_MAX)
		return;
	add_16(answer, 0xc00c);
	add_16(answer, type);
	add_16(answer, 1);
	add_16(answer, 0);
	add_16(answer, 300);
	add_16(answer, (unsigned)size);
	memcpy(answer->message + answer->size, data, size);
	answer->size += size;
	answer->message[type == SOA ? 9 : 7]++;
}

static void add_text(struct answer *answer, const char *text)
{
	uint8_t data[SAID_MAX];
	size_t length = strlen(text), size = 0;

	for (size_t at = 0; at < length; at += 255) {
		size_t part = length - at < 255 ? length - at : 255;

		data[size++] = (uint8_t)part;
		memcpy(data + size, text + at, part);
		size += part;
	}
	add_record(answer, TXT, data, size);
}

static void add_nothing(struct answer *answer, unsigned code)
{
	static const uint8_t soa[22] = { [21] = 60 };

	answer->message[3] |= (uint8_t)code;
	add_record(answer, SOA, soa, sizeof soa);
}

/* -- what is said --------------------------------------------------------------- */

static void say_list(struct answer *answer)
{
	uint32_t hash = 2166136261;

	for (const char *at = answer->name; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * 16777619;
	if (answer->type == A && (hash >> 8) % 16 == 0)
		add_record(answer, A, "\177\0\0\2", 4);
	else
		add_nothing(answer, NXDOMAIN);
}

/* "v=spf1", so many terms with the name behind a label "x0", "x1", ..., and an end. */
static void say_terms(struct answer *answer, const char *term, unsigned count, char label, unsigned from)
{
	char text[SAID_MAX] = "v=spf1";
	size_t size = strlen(text);

	if (answer->type != TXT) {
		add_nothing(answer, 0);
		return;
	}
	for (unsigned i = from; i < from + count && size < sizeof text - NAME_TEXT - 16; i++)
		size += (size_t)snprintf(text + size, sizeof text - size, " %s:%c%u.%s", term, label, i,
		                         answer->name);
	snprintf(text + size, sizeof text - size, " ?all");
	add_text(answer, text);
}

/* Whether the first label is this letter and a number, which is cut off the name. */
static bool cut_label(struct answer *answer, char letter, unsigned *number)
{
	int length = 0;

	if (answer->name[0] != letter || sscanf(answer->name + 1, "%u.%n", number, &length) != 1 ||
	    length == 0)
		return false;
	memmove(answer->name, answer->name + 1 + length, strlen(answer->name + 1 + length) + 1);
	return true;
}

static void say_chain(struct answer *answer)
{
	unsigned number = 0;

	say_terms(answer, "include", 1, 'c', cut_label(answer, 'c', &number) ? number + 1 : 0);
}

static void say_wide(struct answer *answer)
{
	unsigned number = 0;

	/* Each has other names: ten times the number and on. */
	say_terms(answer, "include", TEN, 'w', cut_label(answer, 'w', &number) ? (number + 1) * TEN : 0);
}

/* Names h0, h1, ... before the domain, as it is in messages. */
static void add_names(struct answer *answer, unsigned type, char letter, unsigned count, const void *domain,
                      size_t domain_size)
{
	for (unsigned i = 0; i < count; i++) {
		char text[8];
		size_t length = (size_t)snprintf(text, sizeof text, "%c%u", letter, i), size = 0;
		uint8_t data[32];

		if (type == MX) {
			data[size++] = 0;
			data[size++] = TEN;
		}
		data[size++] = (uint8_t)length;
		memcpy(data + size, text, length);
		size += length;
		memcpy(data + size, domain, domain_size);
		add_record(answer, type, data, size + domain_size);
	}
}

static void say_hosts_of(struct answer *answer, unsigned count)
{
	if (answer->type == MX)
		add_names(answer, MX, 'h', count, "\300\14", 2); /* that of the question */
	else if (answer->type == A)
		add_record(answer, A, "\313\0\161\1", 4);
	else
		say_terms(answer, "mx", TEN, 'm', 0);
}

static void say_mx(struct answer *answer)
{
	say_hosts_of(answer, TEN);
}

static void say_mute(struct answer *answer)
{
	say_hosts_of(answer, TEN);
	answer->is_mute = answer->type == A;
}

static void say_many_hosts(struct answer *answer)
{
	say_hosts_of(answer, HOSTS);
}

static void say_ptr(struct answer *answer)
{
	if (answer->type == TXT)
		add_text(answer, "v=spf1 ptr:example.net ?all");
	else
		add_nothing(answer, 0);
}

static void say_void(struct answer *answer)
{
	if (answer->name[0] == 'e')
		add_nothing(answer, NXDOMAIN);
	else
		say_terms(answer, "exists", TEN, 'e', 0);
}

static void say_alias(struct answer *answer)
{
	static const uint8_t data[] = { 1, 'a', 0xc0, HEADER };

	add_record(answer, CNAME, data, sizeof data);
}

static void say_plain(struct answer *answer)
{
	static const uint8_t mx[] = { 0, 10, 2, 'm', 'x', 0xc0, HEADER };

	if (answer->type == A)
		add_record(answer, A, "\313\0\161\1", 4);
	else if (answer->type == MX)
		add_record(answer, MX, mx, sizeof mx);
	else if (answer->type == PTR)
		add_names(answer, PTR, 'p', POINTERS, "\7example\3net", 13);
	else if (answer->type == TXT)
		add_text(answer, "v=spf1 ip4:203.0.113.0/24 -all");
	else
		add_nothing(answer, 0);
}

static void say_parts(struct answer *answer)
{
	if (answer->type == TXT && answer->name[0] != 'p')
		say_terms(answer, "include", 8, 'p', 0);
	else
		say_plain(answer);
}

/* -- questions -------------------------------------------------------------------- */

typedef void (*say_fn)(struct answer *answer);

static bool has_label(const char *name, const char *label)
{
	size_t length = strlen(label);

	for (const char *at = name; at != NULL; at = strchr(at, '.')) {
		at += *at == '.';
		if (strncmp(at, label, length) == 0 && (at[length] == '.' || at[length] == '\0'))
			return true;
	}
	return false;
}

static say_fn find_say(const char *name)
{
	static const struct {
		const char *label;
		say_fn say;
	} says[] = {
		{ "list", say_list },        { "parts", say_parts }, { "chain", say_chain },
		{ "wide", say_wide },        { "mx", say_mx },       { "mute", say_mute },
		{ "hosts", say_many_hosts }, { "ptr", say_ptr },     { "void", say_void },
		{ "alias", say_alias },
	};

	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
		if (has_label(name, says[i].label))
			return says[i].say;
	return say_plain;
}

/* Reads the question; the place behind it, 0: there is none. */
static size_t read_question(const uint8_t *query, size_t size, struct answer *answer)
{
	size_t at = HEADER, length = 0;

	while (at < size && query[at] != 0) {
		size_t label = query[at++];

		if (label > 63 || at + label >= size || length + label + 1 >= NAME_TEXT)
			return 0;
		if (length > 0)
			answer->name[length++] = '.';
		memcpy(answer->name + length, query + at, label);
		length += label;
		at += label;
	}
	answer->name[length] = '\0';
	if (at + 5 > size)
		return 0;
	answer->type = (unsigned)query[at + 1] << 8 | query[at + 2];
	return at + 5;
}

size_t say(const uint8_t *query, size_t size, uint8_t message[SAID_MAX], enum when *when)
{
	struct answer answer = { .message = message };
	size_t end = size < HEADER ? 0 : read_question(query, size, &answer);

	if (end == 0)
		return 0;
	memcpy(message, query, end);
	message[2] = 0x81;
	message[3] = 0x80;
	memset(message + 6, 0, 6);
	answer.size = end;
	*when = has_label(answer.name, "now") ? SAID_NOW : SAID_LATE;
	if (has_label(answer.name, "silent"))
		*when = SAID_NEVER;
	find_say(answer.name)(&answer);
	if (answer.is_mute)
		*when = SAID_NEVER;
	return answer.size;
}
