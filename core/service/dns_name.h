/* service/dns_name.h - names of DNS: text to bytes and back */
#ifndef SERVICE_DNS_NAME_H
#define SERVICE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ppolicyd/module.h"

#define DNS_NAME_MAX 255   /* bytes on the wire, with the root's */
#define DNS_TEXT_MAX 1024  /* bytes of its text, with the NUL, whatever the name */
#define DNS_REVERSE_MAX 80 /* bytes of a reverse name without its zone, with the NUL */

struct dns_name {
	uint16_t size;              /* of wire */
	uint8_t wire[DNS_NAME_MAX]; /* labels, each behind its length, and the root: 0 */
};

/* Reads the text form, in lower case; a dot at the end does not count. NULL, or a static
 * sentence: there can be no such name (empty, or with an empty label, a label of more than 63
 * bytes, more than 253 bytes in all, a NUL). */
const char *dns_name_parse(const char *text, struct dns_name *name);

/* Reads a name at *place in a message, as it came, and moves *place behind it. False: it leaves the
 * message, is too long, does not end or is scattered over more than 127 places. */
bool dns_name_read(const uint8_t *message, size_t size, size_t *place, struct dns_name *name);

/* Case does not count. */
bool dns_name_equal(const struct dns_name *name, const struct dns_name *other);

/* Plain text: what is not printable ASCII is \DDD, a dot or backslash within a label is behind
 * a backslash. No dot at the end; the root is ".". Returns its length. */
size_t dns_name_print(const struct dns_name *name, char text[DNS_TEXT_MAX]);

/* "1.2.0.192", or the nibbles of an IPv6 address; "" for none. */
const char *dns_name_reverse(const pp_address_t *address, char text[DNS_REVERSE_MAX]);
/* "in-addr.arpa" or "ip6.arpa". */
const char *dns_name_reverse_zone(const pp_address_t *address);

#endif
