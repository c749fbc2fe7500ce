/* request/proxy.c - the header that a proxy sends before a client's bytes: PROXY protocol, versions 1 and 2
 */
#include "request/proxy.h"

#include <glib.h>
#include <string.h>

/* -- version 1: a line of text ------------------------------------------- */

enum { LINE_MAX_BYTES = 107, ADDRESS_MAX = 45 };

struct text {
	const char *at, *end;
};

/* Whether the bytes begin with the word, or are the beginning of it. */
static bool may_begin(const char *bytes, size_t length, const char *word, size_t size)
{
	return memcmp(bytes, word, MIN(length, size)) == 0;
}

/* The size of the line with its CR LF, 0 if it has not ended, -1: it has no such end. */
static long find_line(const char *bytes, size_t length, const char **wrong)
{
	size_t most = MIN(length, LINE_MAX_BYTES);
	const char *cr = memchr(bytes, '\r', most);
	const char *lf = memchr(bytes, '\n', most);

	if (lf != NULL && cr == lf - 1)
		return lf + 1 - bytes;
	if (lf != NULL || (cr != NULL && cr + 1 < bytes + most)) {
		*wrong = "a PROXY header with a lone CR or LF";
		return -1;
	}
	if (most < LINE_MAX_BYTES)
		return 0;
	*wrong = "a PROXY header over 107 bytes";
	return -1;
}

/* What stands before the next blank, which is skipped, or before the end. */
static struct text next_word(struct text *rest)
{
	const char *blank = memchr(rest->at, ' ', (size_t)(rest->end - rest->at));
	struct text word = { rest->at, blank != NULL ? blank : rest->end };

	rest->at = blank != NULL ? blank + 1 : rest->end;
	return word;
}

static bool is_word(struct text word, const char *wanted)
{
	size_t length = (size_t)(word.end - word.at);

	return length == strlen(wanted) && memcmp(word.at, wanted, length) == 0;
}

static bool read_address(struct text word, bool is_v6, pp_address_t *address)
{
	size_t length = (size_t)(word.end - word.at);
	char text[ADDRESS_MAX + 1];

	if (length > ADDRESS_MAX || (memchr(word.at, ':', length) != NULL) != is_v6)
		return false;
	memcpy(text, word.at, length);
	text[length] = '\0';
	return strlen(text) == length && pp_address_parse(text, address);
}

static bool read_port(struct text word, uint16_t *number)
{
	size_t length = (size_t)(word.end - word.at);
	unsigned port = 0;

	if (length == 0 || length > 5 || (*word.at == '0' && length > 1))
		return false;
	for (; word.at < word.end; word.at++) {
		if (!g_ascii_isdigit(*word.at))
			return false;
		port = port * 10 + (unsigned)(*word.at - '0');
	}
	*number = (uint16_t)port;
	return port <= 65535;
}

/* "TCP4 192.0.2.1 198.51.100.1 50122 10031" */
static const char *read_line(struct text rest, struct proxy_header *header)
{
	struct text protocol = next_word(&rest);
	bool is_v6 = is_word(protocol, "TCP6");
	pp_address_t destination;
	uint16_t destination_port;

	header->kind = PROXY_UNNAMED;
	if (is_word(protocol, "UNKNOWN"))
		return NULL;
	if (!is_v6 && !is_word(protocol, "TCP4"))
		return "a PROXY header of another protocol than TCP4, TCP6 and UNKNOWN";
	header->kind = PROXY_SOURCE;
	if (!read_address(next_word(&rest), is_v6, &header->source) ||
	    !read_address(next_word(&rest), is_v6, &destination))
		return "a PROXY header with a bad address";
	/* The last word reaches to the end of the line, blanks and all. */
	if (!read_port(next_word(&rest), &header->source_port) || !read_port(rest, &destination_port))
		return "a PROXY header with a bad port";
	return NULL;
}

/* -- version 2: bytes ---------------------------------------------------- */

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	SIGNATURE = sizeof(signature) - 1,
	FIXED = 16, /* signature, version and command, family and protocol, length */
	COMMAND_LOCAL = 0x20,
	COMMAND_PROXY = 0x21,
	TLV_HEAD = 3,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	AUTHORITY_MAX = 255,
	UNIQUE_ID_MAX = 128,
	SSL_HEAD = 5, /* what the client sent, and whether it was verified */
	CRC_SIZE = 4
};

struct block {
	const uint8_t *at, *end;
};

static size_t block_size(struct block block)
{
	return (size_t)(block.end - block.at);
}

static uint32_t read_16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* Castagnoli's polynomial, reflected, four bits at a time. */
static uint32_t crc_add(uint32_t crc, uint8_t byte)
{
	static const uint32_t table[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		                            0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		                            0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		                            0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };

	crc ^= byte;
	crc = crc >> 4 ^ table[crc & 15];
	return crc >> 4 ^ table[crc & 15];
}

/* Of the whole header, with the checksum's own bytes as zero. */
static uint32_t crc_of(struct block whole, struct block own)
{
	uint32_t crc = UINT32_MAX;

	for (const uint8_t *at = whole.at; at < whole.end; at++)
		crc = crc_add(crc, at >= own.at && at < own.end ? 0 : *at);
	return ~crc;
}

/* Takes the first TLV off the rest. False: it does not end within it. */
static bool next_tlv(struct block *rest, uint8_t *type, struct block *value)
{
	size_t size;

	if (block_size(*rest) < TLV_HEAD)
		return false;
	size = read_16(rest->at + 1);
	if (size > block_size(*rest) - TLV_HEAD)
		return false;
	*type = rest->at[0];
	*value = (struct block){ rest->at + TLV_HEAD, rest->at + TLV_HEAD + size };
	rest->at = value->end;
	return true;
}

static bool is_host_name(struct block name)
{
	if (block_size(name) == 0 || block_size(name) > AUTHORITY_MAX ||
	    !g_utf8_validate((const char *)name.at, (gssize)block_size(name), NULL))
		return false;
	for (; name.at < name.end; name.at++)
		if (*name.at < 0x80 && !g_ascii_isalnum(*name.at) && strchr("-._", *name.at) == NULL)
			return false;
	return true;
}

static bool is_whole(struct block tlvs)
{
	struct block value;
	uint8_t type;

	while (tlvs.at < tlvs.end)
		if (!next_tlv(&tlvs, &type, &value))
			return false;
	return true;
}

static const char *check_tlv(uint8_t type, struct block value)
{
	switch (type) {
	case TLV_AUTHORITY:
		return is_host_name(value) ? NULL : "a PROXY header whose authority is no host name";
	case TLV_UNIQUE_ID:
		return block_size(value) <= UNIQUE_ID_MAX ? NULL
		                                          : "a PROXY header whose unique id is too long";
	case TLV_SSL:
		return block_size(value) >= SSL_HEAD &&
		                       is_whole((struct block){ value.at + SSL_HEAD, value.end })
		               ? NULL
		               : "a PROXY header whose TLS part is cut off";
	default: return NULL;
	}
}

static const char *check_crc(struct block whole, struct block tlvs)
{
	struct block own = { NULL, NULL }, value;
	uint8_t type;

	while (next_tlv(&tlvs, &type, &value)) {
		if (type != TLV_CRC32C)
			continue;
		if (own.at != NULL || block_size(value) != CRC_SIZE)
			return "a PROXY header whose checksum is none";
		own = value;
	}
	if (own.at != NULL && crc_of(whole, own) != (read_16(own.at) << 16 | read_16(own.at + 2)))
		return "a PROXY header whose checksum is wrong";
	return NULL;
}

static const char *check_tlvs(struct block whole, struct block tlvs)
{
	struct block rest = tlvs, value;
	const char *wrong = NULL;
	uint8_t type;

	while (wrong == NULL && rest.at < rest.end)
		wrong = next_tlv(&rest, &type, &value) ? check_tlv(type, value)
		                                       : "a PROXY header whose TLVs do not end with it";
	return wrong != NULL ? wrong : check_crc(whole, tlvs);
}

/* The size of the addresses of a family and protocol, the one byte; -1: there is no such. */
static int addresses_size(uint8_t family)
{
	switch (family) {
	case 0x00: return 0;
	case 0x11:
	case 0x12: return 12;
	case 0x21:
	case 0x22: return 36;
	case 0x31:
	case 0x32: return 216;
	default: return -1;
	}
}

/* The family says where TLVs would begin, but nothing of a LOCAL header is used: what
 * cannot be TLVs is none, and only a checksum counts. */
static const char *read_local(struct block whole, struct block body, int addresses)
{
	struct block tlvs = body;

	if (addresses < 0 || (size_t)addresses > block_size(body))
		return NULL;
	tlvs.at += addresses;
	return is_whole(tlvs) ? check_crc(whole, tlvs) : NULL;
}

static const char *read_addresses(uint8_t family, const uint8_t *bytes, struct proxy_header *header)
{
	pp_address_t source = { .family = family == 0x11 ? 4 : 6 };
	char text[64];

	if ((family & 0x0f) == 2)
		return "a PROXY header for datagrams";
	header->kind = PROXY_UNNAMED;
	if (family != 0x11 && family != 0x21)
		return NULL;
	header->kind = PROXY_SOURCE;
	memcpy(source.bytes, bytes, family == 0x11 ? 4 : 16);
	header->source_port = (uint16_t)read_16(bytes + (family == 0x11 ? 8 : 32));
	/* Through its text, which makes an IPv4-mapped one IPv4. */
	pp_address_parse(pp_address_print(&source, -1, text), &header->source);
	return NULL;
}

static const char *read_block(struct block whole, struct proxy_header *header)
{
	struct block body = { whole.at + FIXED, whole.end };
	uint8_t command = whole.at[SIGNATURE], family = whole.at[SIGNATURE + 1];
	int addresses = addresses_size(family);
	const char *wrong;

	header->kind = PROXY_LOCAL;
	if (command == COMMAND_LOCAL)
		return read_local(whole, body, addresses);
	if (addresses < 0)
		return "a PROXY header of an unknown family or protocol";
	if ((size_t)addresses > block_size(body))
		return "a PROXY header too short for its addresses";
	wrong = read_addresses(family, body.at, header);
	body.at += addresses;
	return wrong != NULL ? wrong : check_tlvs(whole, body);
}

/* Its size; 0: it has not come as a whole; -1. */
static long find_block(const uint8_t *bytes, size_t length, const char **wrong)
{
	size_t size;

	if (length < FIXED)
		return 0;
	size = FIXED + read_16(bytes + SIGNATURE + 2);
	if (bytes[SIGNATURE] != COMMAND_LOCAL && bytes[SIGNATURE] != COMMAND_PROXY)
		*wrong = "a PROXY header of an unknown version or command";
	else if (size > PROXY_HEADER_MAX)
		*wrong = "a PROXY header over 4096 bytes";
	if (*wrong != NULL)
		return -1;
	return size <= length ? (long)size : 0;
}

/* -- either -------------------------------------------------------------- */

long proxy_parse(const char *bytes, size_t length, struct proxy_header *header, const char **wrong)
{
	static const char word[] = "PROXY ";
	const uint8_t *block = (const uint8_t *)bytes;
	long size;

	*header = (struct proxy_header){ 0 };
	*wrong = NULL;
	if (may_begin(bytes, length, signature, SIGNATURE)) {
		size = find_block(block, length, wrong);
		if (size > 0)
			*wrong = read_block((struct block){ block, block + size }, header);
	} else if (may_begin(bytes, length, word, sizeof(word) - 1)) {
		size = find_line(bytes, length, wrong);
		if (size > 0)
			*wrong = read_line((struct text){ bytes + sizeof(word) - 1, bytes + size - 2 },
			                   header);
	} else {
		size = -1;
		*wrong = "no PROXY header";
	}
	return *wrong == NULL ? size : -1;
}
