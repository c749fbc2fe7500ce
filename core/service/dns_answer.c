/* service/dns_answer.c - what a DNS server said, decoded within bounds */
#include "service/dns_answer.h"

#include <glib.h>
#include <string.h>

enum { HEADER = 12, CLASS_IN = 1, TYPE_CNAME = 5, TYPE_SOA = 6 };
enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

struct message {
	const uint8_t *bytes;
	size_t size, place;
	struct arena *arena;
	size_t texts; /* bytes made so far */
};

struct found { /* a record, where it stands */
	uint16_t type;
	uint32_t ttl;
	size_t owner, data, size;
};

struct question {
	pp_dns_type_t type;
	struct dns_name name; /* what is wanted now: aliases lead on */
};

/* -- words --------------------------------------------------------------- */

static const struct {
	pp_dns_type_t type;
	const char *name;
} types[] = {
	{ PP_DNS_A, "A" },     { PP_DNS_AAAA, "AAAA" }, { PP_DNS_MX, "MX" },
	{ PP_DNS_PTR, "PTR" }, { PP_DNS_TXT, "TXT" },   { PP_DNS_NS, "NS" },
};

const char *dns_type_name(pp_dns_type_t type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return "?";
}

bool dns_type_find(const char *name, pp_dns_type_t *type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_ascii_strcasecmp(types[i].name, name) == 0) {
			*type = types[i].type;
			return true;
		}
	return false;
}

const char *pp_dns_status_name(pp_dns_status_t status)
{
	static const char *const names[] = {
		[PP_DNS_FOUND] = "found",
		[PP_DNS_NXDOMAIN] = "NXDOMAIN",
		[PP_DNS_NODATA] = "no data",
		[PP_DNS_SERVFAIL] = "SERVFAIL",
		[PP_DNS_REFUSED] = "REFUSED",
		[PP_DNS_TIMEOUT] = "no answer in time",
		[PP_DNS_UNREACHABLE] = "no server can be reached",
		[PP_DNS_BROKEN] = "a broken answer",
		[PP_DNS_TOO_LARGE] = "too large an answer",
		[PP_DNS_BAD_NAME] = "no possible name",
		[PP_DNS_NOT_ASKED] = "not asked",
		[PP_DNS_OPEN] = "under way",
	};

	return (size_t)status < G_N_ELEMENTS(names) ? names[status] : "?";
}

bool pp_dns_equal(const char *name, const char *other)
{
	struct dns_name one, two;

	return dns_name_parse(name, &one) == NULL && dns_name_parse(other, &two) == NULL &&
	       dns_name_equal(&one, &two);
}

/* -- reading ------------------------------------------------------------- */

static unsigned read_16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t read_32(const uint8_t *bytes)
{
	return (uint32_t)read_16(bytes) << 16 | read_16(bytes + 2);
}

/* A TTL with its first bit set is 0 (RFC 2181). */
static uint32_t read_ttl(const uint8_t *bytes)
{
	uint32_t ttl = read_32(bytes);

	return ttl > INT32_MAX ? 0 : ttl;
}

/* Behind the name of a record. */
static bool read_record(struct message *message, struct found *found)
{
	const uint8_t *bytes = message->bytes + message->place;

	if (message->size - message->place < 10)
		return false;
	found->type = (uint16_t)read_16(bytes);
	found->ttl = read_ttl(bytes + 4);
	found->size = read_16(bytes + 8);
	found->data = message->place + 10;
	if (read_16(bytes + 2) != CLASS_IN)
		found->type = 0;
	if (found->size > message->size - found->data)
		return false;
	message->place = found->data + found->size;
	return true;
}

/* One record, whatever it is. */
static bool next_record(struct message *message, struct found *found)
{
	struct dns_name owner;

	found->owner = message->place;
	return dns_name_read(message->bytes, message->size, &message->place, &owner) &&
	       read_record(message, found);
}

static bool is_of(const struct message *message, const struct found *found, const struct dns_name *name)
{
	size_t place = found->owner;
	struct dns_name owner;

	return dns_name_read(message->bytes, message->size, &place, &owner) && dns_name_equal(&owner, name);
}

/* The name that the data of a record are, or end with. */
static bool read_name_of(const struct message *message, const struct found *found, size_t skip,
                         struct dns_name *name)
{
	size_t place = found->data + skip;

	return found->size >= skip && dns_name_read(message->bytes, message->size, &place, name) &&
	       place == found->data + found->size;
}

/* -- records ------------------------------------------------------------- */

static bool make_address(struct message *message, const struct found *found, pp_dns_record_t *record)
{
	char text[64];

	if (found->size != (found->type == PP_DNS_A ? 4 : 16))
		return false;
	record->address.family = found->type == PP_DNS_A ? 4 : 6;
	memcpy(record->address.bytes, message->bytes + found->data, found->size);
	record->text = arena_strdup(message->arena, pp_address_print(&record->address, -1, text));
	record->length = strlen(record->text);
	return true;
}

static bool make_name(struct message *message, const struct found *found, pp_dns_record_t *record)
{
	size_t skip = found->type == PP_DNS_MX ? 2 : 0;
	struct dns_name name;
	char text[DNS_TEXT_MAX];

	if (!read_name_of(message, found, skip, &name))
		return false;
	record->preference = skip > 0 ? (uint16_t)read_16(message->bytes + found->data) : 0;
	record->length = dns_name_print(&name, text);
	record->text = arena_strndup(message->arena, text, record->length);
	return true;
}

static bool make_text(struct message *message, const struct found *found, pp_dns_record_t *record)
{
	const uint8_t *bytes = message->bytes + found->data;
	char *text = arena_alloc(message->arena, found->size + 1);

	record->text = text;
	for (size_t i = 0; i < found->size; i += 1 + (size_t)bytes[i]) {
		if (bytes[i] > found->size - i - 1)
			return false;
		memcpy(text + record->length, bytes + i + 1, bytes[i]);
		record->length += bytes[i];
	}
	text[record->length] = '\0';
	record->has_nul = memchr(text, '\0', record->length) != NULL;
	return true;
}

static pp_dns_status_t make_record(struct message *message, const struct found *found,
                                   pp_dns_record_t *record)
{
	bool made;

	record->ttl = found->ttl;
	if (found->type == PP_DNS_A || found->type == PP_DNS_AAAA)
		made = make_address(message, found, record);
	else if (found->type == PP_DNS_TXT)
		made = make_text(message, found, record);
	else
		made = make_name(message, found, record);
	message->texts += record->length;
	if (!made)
		return PP_DNS_BROKEN;
	return message->texts > DNS_TEXTS_MAX ? PP_DNS_TOO_LARGE : PP_DNS_FOUND;
}

/* -- answers ------------------------------------------------------------- */

static void note_ttl(struct dns_answer *answer, uint32_t ttl)
{
	answer->ttl = answer->ttl < 0 ? ttl : MIN(answer->ttl, ttl);
}

/* From alias to alias, to the name that has the records. */
static pp_dns_status_t follow_aliases(const struct message *message, const struct found *found, size_t count,
                                      struct question *question, struct dns_answer *answer)
{
	for (unsigned aliases = 0;; aliases++) {
		size_t i = 0;

		while (i < count &&
		       (found[i].type != TYPE_CNAME || !is_of(message, &found[i], &question->name)))
			i++;
		if (i == count)
			return PP_DNS_FOUND;
		if (aliases == DNS_ALIASES_MAX)
			return PP_DNS_TOO_LARGE;
		note_ttl(answer, found[i].ttl);
		if (!read_name_of(message, &found[i], 0, &question->name))
			return PP_DNS_BROKEN;
	}
}

static pp_dns_status_t make_records(struct message *message, const struct found *found, size_t count,
                                    const struct question *question, struct dns_answer *answer)
{
	pp_dns_record_t *records = arena_alloc0(message->arena, (count + 1) * sizeof(*records));
	pp_dns_status_t status = PP_DNS_FOUND;
	bool stranger = false;

	answer->records = records;
	for (size_t i = 0; i < count && status == PP_DNS_FOUND; i++) {
		if (found[i].type != question->type)
			continue;
		stranger = !is_of(message, &found[i], &question->name);
		if (stranger)
			continue;
		note_ttl(answer, found[i].ttl);
		status = make_record(message, &found[i], &records[answer->count++]);
	}
	if (status == PP_DNS_FOUND && answer->count == 0)
		return stranger ? PP_DNS_BROKEN : PP_DNS_NODATA;
	return status;
}

/* The section of the answer. Records of nobody but other names do not say that there are none. */
static pp_dns_status_t read_answers(struct message *message, size_t count, struct question *question,
                                    struct dns_answer *answer)
{
	struct found *found = arena_alloc(message->arena, (count + 1) * sizeof(*found));
	pp_dns_status_t status;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (!next_record(message, &found[kept]))
			return PP_DNS_BROKEN;
		kept += found[kept].type == TYPE_CNAME || found[kept].type == question->type;
	}
	status = follow_aliases(message, found, kept, question, answer);
	return status != PP_DNS_FOUND ? status : make_records(message, found, kept, question, answer);
}

static bool asks_others(const uint8_t *message)
{
	return (message[3] & 0x80) != 0;
}

/* Whether there is nothing (RFC 2308), and how long that is good: what the SOA record says. Servers
 * of names without it are a referral (2.2): others would know, but this one was to find out. */
static pp_dns_status_t read_negative(struct message *message, size_t count, pp_dns_status_t said,
                                     struct dns_answer *answer)
{
	bool referral = false;
	struct found found;

	for (; count > 0; count--) {
		if (!next_record(message, &found))
			return PP_DNS_BROKEN;
		if (found.type == TYPE_SOA && found.size >= 20) {
			note_ttl(answer,
			         MIN(found.ttl, read_ttl(message->bytes + found.data + found.size - 4)));
			return said;
		}
		referral |= found.type == PP_DNS_NS;
	}
	note_ttl(answer, 0);
	if (said == PP_DNS_NXDOMAIN)
		return said;
	if (referral)
		return PP_DNS_BROKEN;
	/* An alias for a name that this server neither has nor looks for. */
	return read_16(message->bytes + 6) > 0 && !asks_others(message->bytes) ? PP_DNS_REFUSED : said;
}

static bool is_answer_to(struct message *message, const struct question *question)
{
	const uint8_t *header = message->bytes;
	struct dns_name name;

	message->place = HEADER;
	if ((header[2] & 0x80) == 0 || (header[2] & 0x02) != 0 || read_16(header + 4) != 1 ||
	    !dns_name_read(message->bytes, message->size, &message->place, &name) ||
	    message->size - message->place < 4)
		return false;
	message->place += 4;
	return read_16(message->bytes + message->place - 4) == question->type &&
	       read_16(message->bytes + message->place - 2) == CLASS_IN &&
	       dns_name_equal(&name, &question->name);
}

/* A server that has nothing to say, does not answer for the name and does not ask others. */
static bool has_not_looked(const uint8_t *message)
{
	bool authoritative = (message[2] & 0x04) != 0;

	return !authoritative && !asks_others(message) && read_16(message + 6) == 0;
}

pp_dns_status_t dns_answer_peek(const uint8_t *message, size_t size)
{
	if (size < HEADER)
		return PP_DNS_BROKEN;
	switch (message[3] & 15) {
	case 0: return has_not_looked(message) ? PP_DNS_REFUSED : PP_DNS_FOUND;
	case RCODE_NXDOMAIN: return PP_DNS_NXDOMAIN;
	case RCODE_SERVFAIL: return PP_DNS_SERVFAIL;
	case RCODE_REFUSED: return PP_DNS_REFUSED;
	default: return PP_DNS_BROKEN;
	}
}

static pp_dns_status_t decode(struct message *message, struct question *question, struct dns_answer *answer)
{
	pp_dns_status_t said = dns_answer_peek(message->bytes, message->size), status;
	unsigned count;

	if (said == PP_DNS_BROKEN || !is_answer_to(message, question))
		return PP_DNS_BROKEN;
	if (said != PP_DNS_FOUND && said != PP_DNS_NXDOMAIN)
		return said;
	count = read_16(message->bytes + 6);
	if (count > DNS_RECORDS_MAX)
		return PP_DNS_TOO_LARGE;
	status = read_answers(message, count, question, answer);
	if (status == PP_DNS_FOUND && said == PP_DNS_NXDOMAIN)
		return PP_DNS_BROKEN;
	if (status != PP_DNS_NODATA)
		return status;
	return read_negative(message, read_16(message->bytes + 8),
	                     said == PP_DNS_NXDOMAIN ? said : PP_DNS_NODATA, answer);
}

void dns_answer_decode(const uint8_t *bytes, size_t size, pp_dns_type_t type, const struct dns_name *name,
                       struct arena *arena, struct dns_answer *answer)
{
	struct message message = { .bytes = bytes, .size = size, .arena = arena };
	struct question question = { type, *name };

	*answer = (struct dns_answer){ .ttl = -1 };
	answer->status = decode(&message, &question, answer);
	if (answer->status == PP_DNS_FOUND)
		return;
	answer->count = 0;
	if (answer->status != PP_DNS_NXDOMAIN && answer->status != PP_DNS_NODATA)
		answer->ttl = -1;
}
