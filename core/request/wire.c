/* request/wire.c - finding requests in a stream of bytes (SMTPD_POLICY_README) */
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include "request/request.h"
#include "request/wire.h"

/* What can be said of whole lines before their request is whole. */
static const char *check_lines(const char *line, const char *end)
{
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *equals = memchr(line, '=', (size_t)(newline - line));

		if (equals == NULL)
			return "a line without '='";
		if (equals == line)
			return "an attribute without a name";
		line = newline + 1;
	}
	return NULL;
}

static bool is_tls_hello(const char *bytes, size_t length)
{
	return length >= 2 && bytes[0] == 0x16 && bytes[1] == 0x03;
}

/* The first bytes of a request that is not whole: can it become right? */
static const char *check_start(const struct wire_scan *scan, size_t old_line, const char *bytes,
                               size_t length)
{
	const char *wrong;

	if (is_tls_hello(bytes, length))
		return "a TLS handshake";
	wrong = check_lines(bytes + old_line, bytes + scan->line_start);
	if (wrong != NULL)
		return wrong;
	if (scan->lines > REQUEST_ATTRIBUTES_MAX)
		return "more than " G_STRINGIFY(REQUEST_ATTRIBUTES_MAX) " attributes";
	if (scan->line_start < length && bytes[scan->line_start] == '=')
		return "an attribute without a name";
	if (length >= REQUEST_BYTES_MAX)
		return "a request over " G_STRINGIFY(REQUEST_BYTES_MAX) " bytes";
	return NULL;
}

static const char *check_bytes(const char *bytes, size_t length)
{
	if (memchr(bytes, '\r', length) != NULL)
		return "a carriage return";
	if (memchr(bytes, '\0', length) != NULL)
		return "a NUL byte";
	return NULL;
}

/* The end of the request, or of the bytes where it has not come. NULL: a line is
 * too long. */
static const char *find_end(struct wire_scan *scan, const char *bytes, size_t length, bool *whole)
{
	const char *at = bytes + scan->scanned, *end = bytes + length, *line = bytes + scan->line_start;
	const char *newline;

	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at = newline + 1;
		*whole = newline == line;
		if (*whole)
			break;
		if (at - line > REQUEST_LINE_MAX)
			return NULL;
		line = at;
		scan->lines++;
	}
	scan->line_start = (size_t)(line - bytes);
	if (*whole)
		return at;
	return end - line < REQUEST_LINE_MAX ? end : NULL;
}

long wire_find_request(struct wire_scan *scan, const char *bytes, size_t length, const char **error)
{
	size_t old = scan->scanned, old_line = scan->line_start;
	bool whole = false;
	const char *end;

	if (length == 0)
		return 0;
	end = find_end(scan, bytes, length, &whole);
	if (end == NULL) {
		*error = "a line over " G_STRINGIFY(REQUEST_LINE_MAX) " bytes";
		return -1;
	}
	scan->scanned = (size_t)(end - bytes);
	*error = check_bytes(bytes + old, scan->scanned - old);
	if (*error == NULL && !whole)
		*error = check_start(scan, old_line, bytes, length);
	if (*error == NULL && whole && scan->lines == 0)
		*error = "an empty request";
	if (*error == NULL && scan->scanned > REQUEST_BYTES_MAX)
		*error = "a request over " G_STRINGIFY(REQUEST_BYTES_MAX) " bytes";
	if (*error != NULL)
		return -1;
	return whole ? (long)scan->scanned : 0;
}
