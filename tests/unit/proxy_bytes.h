/* unit/proxy_bytes.h - what tests of PROXY headers share: parts of headers, and how they are read */
#ifndef UNIT_PROXY_BYTES_H
#define UNIT_PROXY_BYTES_H

#include <glib.h>
#include <string.h>
#include "request/proxy.h"

#define BYTES(text) text, sizeof(text) - 1
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4                 \
	"\xc0\x00\x02\x07" \
	"\xc6\x33\x64\x19" \
	"\xc3\xca\x27\x2f" /* 192.0.2.7 198.51.100.25 50122 10031 */
#define V6_NET "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
#define V6                          \
	V6_NET "\x07" V6_NET "\x19" \
	       "\xc3\xca\x27\x2f"

/* In memory of just its size, so that a byte too far is seen. */
static inline long proxy_parse_exact(const void *bytes, size_t length, struct proxy_header *header,
                                     const char **wrong)
{
	g_autofree char *exact = g_malloc(MAX(length, 1));

	memcpy(exact, bytes, length);
	return proxy_parse(exact, length, header, wrong);
}

#endif
