/* service/proxy_encode.c - the header of the PROXY protocol, as a sender writes it */
#include "service/proxy_encode.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

enum { HEAD = 16, COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool is_known(const struct proxy_ends *ends)
{
	return ends != NULL && ends->from.family != 0 && ends->to.family != 0;
}

static bool is_v4(const struct proxy_ends *ends)
{
	return ends->from.family == 4 && ends->to.family == 4;
}

/* The 16 bytes of an address as IPv6. */
static void widen(const pp_address_t *address, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	if (address->family == 6) {
		memcpy(bytes, address->bytes, 16);
		return;
	}
	bytes[10] = bytes[11] = 0xff;
	memcpy(bytes + 12, address->bytes, 4);
}

static const char *print(const pp_address_t *address, bool v4, char text[INET6_ADDRSTRLEN])
{
	uint8_t bytes[16];

	if (v4)
		return inet_ntop(AF_INET, address->bytes, text, INET6_ADDRSTRLEN);
	widen(address, bytes);
	return inet_ntop(AF_INET6, bytes, text, INET6_ADDRSTRLEN);
}

static size_t encode_text(const struct proxy_ends *ends, char out[PROXY_ENCODED_MAX])
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	bool v4;

	if (!is_known(ends))
		return (size_t)g_snprintf(out, PROXY_ENCODED_MAX, "PROXY UNKNOWN\r\n");
	v4 = is_v4(ends);
	return (size_t)g_snprintf(out, PROXY_ENCODED_MAX, "PROXY %s %s %s %u %u\r\n", v4 ? "TCP4" : "TCP6",
	                          print(&ends->from, v4, from), print(&ends->to, v4, to), ends->from_port,
	                          ends->to_port);
}

static char *put_port(char *at, uint16_t port)
{
	*at++ = (char)(port >> 8);
	*at++ = (char)(port & 0xff);
	return at;
}

static char *put_addresses(char *at, const struct proxy_ends *ends)
{
	size_t size = is_v4(ends) ? 4 : 16;
	uint8_t from[16], to[16];

	widen(&ends->from, from);
	widen(&ends->to, to);
	memcpy(at, from + 16 - size, size);
	memcpy(at + size, to + 16 - size, size);
	at = put_port(at + 2 * size, ends->from_port);
	return put_port(at, ends->to_port);
}

static size_t encode_binary(const struct proxy_ends *ends, char out[PROXY_ENCODED_MAX])
{
	char *end = out + HEAD;

	memset(out, 0, HEAD);
	memcpy(out, signature, sizeof(signature));
	out[12] = (char)(ends != NULL ? COMMAND_PROXY : COMMAND_LOCAL);
	if (is_known(ends)) {
		out[13] = (char)(is_v4(ends) ? TCP4 : TCP6);
		end = put_addresses(end, ends);
	}
	put_port(out + 14, (uint16_t)(end - out - HEAD));
	return (size_t)(end - out);
}

size_t proxy_encode(unsigned version, const struct proxy_ends *ends, char out[PROXY_ENCODED_MAX])
{
	return version == 1 ? encode_text(ends, out) : encode_binary(ends, out);
}
