/* service/proxy_encode.h - the header of the PROXY protocol, as a sender writes it (proxy-protocol.txt of
 * HAProxy) */
#ifndef SERVICE_PROXY_ENCODE_H
#define SERVICE_PROXY_ENCODE_H

#include "ppolicyd/module.h"

#define PROXY_ENCODED_MAX 108 /* bytes of the longest one we write: version 1, IPv6, and a NUL */

/* Whose connection it is; a family of 0: not known, as of a unix socket. */
struct proxy_ends {
	pp_address_t from, to;
	uint16_t from_port, to_port;
};

/* Writes a header of version 1 or 2; returns its length. ends NULL: the sender speaks for itself,
 * as for health checks (LOCAL; version 1, which has no such word, says UNKNOWN). Ends of two
 * families are both IPv6, IPv4 mapped. */
size_t proxy_encode(unsigned version, const struct proxy_ends *ends, char out[PROXY_ENCODED_MAX]);

#endif
