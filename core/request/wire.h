/* request/wire.h - finding requests in a stream of bytes (SMTPD_POLICY_README) */
#ifndef REQUEST_WIRE_H
#define REQUEST_WIRE_H

#include <stddef.h>

/* Looks for the end of the first request in the bytes, beginning at scanned (what
 * an earlier call has seen; update it). Returns the size of the request with its
 * empty line, 0 if more bytes are needed, or -1 with a static sentence in *error:
 * a line over REQUEST_LINE_MAX, over REQUEST_BYTES_MAX, a NUL, a CR, a line
 * without '=', a first line that cannot be a request's. Garbage (HTTP, TLS) is
 * refused at its first wrong line, before a whole request has come; the lines of
 * a request that is whole are left to request_parse(). */
struct wire_scan {
	size_t scanned;    /* bytes looked at */
	size_t line_start; /* of the line that scanned is in */
	unsigned lines;
};
long wire_find_request(struct wire_scan *scan, const char *bytes, size_t length, const char **error);

#endif
