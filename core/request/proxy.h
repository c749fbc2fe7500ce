/* request/proxy.h - the header that a proxy sends before a client's bytes: PROXY protocol, versions 1 and 2
 *
 * The specification is doc/proxy-protocol.txt of HAProxy. Whether a header comes is
 * never guessed: where one is expected, anything else is refused.
 */
#ifndef REQUEST_PROXY_H
#define REQUEST_PROXY_H

#include <stddef.h>
#include "ppolicyd/module.h"

#define PROXY_HEADER_MAX 4096 /* bytes; a client's certificate may make it long */

enum proxy_kind {
	PROXY_SOURCE,  /* source is the address of the client */
	PROXY_UNNAMED, /* a client without an IP address: UNKNOWN, UNSPEC, a unix socket */
	PROXY_LOCAL    /* no client: the proxy's own connection, such as a health check */
};

struct proxy_header {
	enum proxy_kind kind;
	uint16_t source_port;
	pp_address_t source; /* family 0 unless kind is PROXY_SOURCE; IPv4-mapped ones are IPv4 */
};

/* Reads the header that the bytes begin with. Returns its size; 0: more bytes are
 * needed, which is never so with PROXY_HEADER_MAX of them; or -1 with a static sentence
 * in *wrong. What follows the header is not looked at. */
long proxy_parse(const char *bytes, size_t length, struct proxy_header *header, const char **wrong);

#endif
