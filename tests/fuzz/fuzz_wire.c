/* fuzz/fuzz_wire.c - the stream splitter, the parser and every getter against a plain model
 *
 * The input is what a client sends. It is read once as a whole and once in
 * pieces; both must find the same requests and stop at the same fault.
 */
#include <glib.h>
#include <string.h>
#include "fuzz.h"
#include "request/request.h"
#include "request/wire.h"

struct outcome {
	unsigned requests;
	bool wrong;
};

/* The value of the first line of this name among the bytes of a request. */
static char *model_value(const char *bytes, size_t size, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < size; i++) {
		size_t end = i;

		while (bytes[end] != '\n')
			end++;
		if (end - i > length && memcmp(bytes + i, name, length) == 0 && bytes[i + length] == '=')
			return g_strndup(bytes + i + length + 1, end - i - length - 1);
		i = end;
	}
	return NULL;
}

static bool model_has_sender(const char *bytes, size_t size)
{
	static const char *const states[] = { "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", NULL };
	g_autofree char *state = model_value(bytes, size, "protocol_state");

	return state != NULL && g_strv_contains(states, state);
}

/* What a rule is to see of a name that Postfix sends. */
static char *model_get(const char *bytes, size_t size, const char *name)
{
	char *value = model_value(bytes, size, name);

	if (value != NULL && *value == '\0' &&
	    (strcmp(name, "sender") != 0 || !model_has_sender(bytes, size)))
		g_clear_pointer(&value, g_free);
	return value;
}

static char *model_derived(const char *bytes, size_t size, const char *name)
{
	g_autofree char *address = model_value(bytes, size,
	                                       g_str_has_prefix(name, "sender") ? "sender" : "recipient");
	const char *at = address == NULL ? NULL : strrchr(address, '@');
	char *part;

	if (address == NULL)
		return NULL;
	if (g_str_has_suffix(name, "_domain"))
		part = at == NULL ? g_strdup("") : g_ascii_strdown(at + 1, -1);
	else
		part = at == NULL ? g_strdup(address) : g_strndup(address, (gsize)(at - address));
	if (*part == '\0')
		g_clear_pointer(&part, g_free);
	return part;
}

static void check_number(struct request *request, pp_attribute_t attribute, const char *value)
{
	int64_t number = -1;
	guint64 wanted = 0;
	bool right = value != NULL && g_ascii_isdigit(*value) &&
	             g_ascii_string_to_unsigned(value, 10, 0, INT64_MAX, &wanted, NULL);

	g_assert_cmpint(request_get_number(request, attribute, &number), ==, right);
	g_assert_cmpint(number, ==, right ? (int64_t)wanted : -1);
}

static void check_getters(struct request *request, const char *bytes, size_t size)
{
	for (unsigned i = 1; i < PP_ATTRIBUTES; i++) {
		const struct attribute_info *info = attribute_info(i);
		g_autofree char *sent = model_value(bytes, size, info->name);
		g_autofree char *wanted = info->kind == ATTRIBUTE_DERIVED
		                                  ? model_derived(bytes, size, info->name)
		                                  : model_get(bytes, size, info->name);
		size_t length = 99;
		const char *value = request_get(request, i, &length);

		g_assert_cmpstr(value, ==, wanted);
		g_assert_cmpuint(length, ==, value == NULL ? 0 : strlen(value));
		g_assert_true(request_get_named(request, info->name, NULL) == value);
		g_assert_cmpint(request_was_sent(request, info->name), ==, sent != NULL);
		check_number(request, i, wanted);
	}
}

static void check_request(struct request *request, const char *bytes, size_t size)
{
	g_autoptr(GString) again = g_string_new(NULL);

	g_assert_cmpuint(request->count, >, 0);
	g_assert_cmpuint(request->count, <=, REQUEST_ATTRIBUTES_MAX);
	for (unsigned i = 0; i < request->count; i++) {
		const char *name = request->bytes + request->lines[i].name;
		const char *value = request->bytes + request->lines[i].value;
		g_autofree char *first = model_value(bytes, size, name);

		g_assert_cmpuint(strlen(value), ==, request->lines[i].length);
		g_assert_true(request_was_sent(request, name));
		if (attribute_find(name, strlen(name)) == PP_ATTRIBUTE_NONE)
			g_assert_cmpstr(request_get_named(request, name, NULL), ==,
			                *first == '\0' ? NULL : first);
		g_string_append_printf(again, "%s=%s\n", name, value);
	}
	g_string_append_c(again, '\n');
	g_assert_cmpmem(again->str, again->len, bytes, size);
	g_assert_cmpstr(request_get(request, PP_REQUEST, NULL), ==, "smtpd_access_policy");
	check_getters(request, bytes, size);
}

/* Takes a request out of memory of just its size, so that a byte too far is seen. */
static bool parse(struct request_pool *pool, const char *bytes, size_t size)
{
	g_autofree char *exact = g_memdup2(bytes, size);
	struct request *request = request_new(pool);
	const char *wrong = request_parse(request, exact, size);

	if (wrong == NULL)
		check_request(request, bytes, size);
	request_unref(request);
	return wrong == NULL;
}

/* request_take() at the start of a stream finds what wire_find_request() and
 * request_parse() do. */
static void check_take(struct request_pool *pool, const char *bytes, size_t length)
{
	g_autofree char *exact = g_memdup2(bytes, length);
	struct request *request = request_new(pool);
	struct wire_scan scan = { 0 };
	const char *wrong, *error = NULL;
	size_t taken = request_take(request, exact, length, &wrong);
	long found = wire_find_request(&scan, exact, length, &error);

	g_assert_true(taken == 0 || wrong == NULL);
	if (taken > 0)
		check_request(request, bytes, taken);
	if (found > 0 && request_parse(request, exact, (size_t)found) == NULL)
		g_assert_cmpuint(taken, ==, (size_t)found);
	else
		g_assert_cmpuint(taken, ==, 0);
	request_unref(request);
}

static void check_lines(const char *bytes, size_t size)
{
	const char *end = bytes + size, *newline;

	g_assert_cmpuint(size, <=, REQUEST_BYTES_MAX);
	for (; bytes < end; bytes = newline + 1) {
		newline = memchr(bytes, '\n', (size_t)(end - bytes));
		g_assert_nonnull(newline);
		g_assert_cmpint(newline + 1 - bytes, <=, REQUEST_LINE_MAX);
	}
}

/* Reads the stream in pieces of one to step bytes; step 0: as a whole. Pieces of
 * more than one are copied, so that a byte too far is seen. */
static struct outcome read_stream(struct request_pool *pool, const char *bytes, size_t size, unsigned step)
{
	struct outcome outcome = { 0, false };
	size_t start = 0, seen = 0;
	struct wire_scan scan = { 0 };
	unsigned turn = step;

	while (!outcome.wrong) {
		g_autofree char *exact = NULL;
		const char *error = NULL;
		long found;

		turn = turn * 1103515245 + 12345;
		if (seen == start || scan.scanned == seen - start)
			seen = step == 0 ? size : MIN(size, seen + 1 + (turn >> 16) % step);
		if (step != 1)
			exact = g_memdup2(bytes + start, seen - start);
		found = wire_find_request(&scan, exact == NULL ? bytes + start : exact, seen - start, &error);
		g_assert_cmpint(found < 0, ==, error != NULL);
		g_assert_cmpint(found, <=, (long)(seen - start));
		outcome.wrong = found < 0 || (found > 0 && !parse(pool, bytes + start, (size_t)found));
		if (found == 0 && seen == size)
			break;
		if (found > 0 && !outcome.wrong) {
			check_lines(bytes + start, (size_t)found);
			outcome.requests++;
			start += (size_t)found;
			scan = (struct wire_scan){ 0 };
		}
	}
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_pool *pool = request_pool_new();
	const char *bytes = (const char *)data;
	struct outcome whole = read_stream(pool, bytes, size, 0);
	static const unsigned steps[] = { 1, 60, 700 };

	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		struct outcome pieces = read_stream(pool, bytes, size, steps[i]);

		g_assert_cmpuint(pieces.requests, ==, whole.requests);
		g_assert_cmpint(pieces.wrong, ==, whole.wrong);
	}
	parse(pool, bytes, size);
	check_take(pool, bytes, size);
	request_pool_free(pool);
	return 0;
}
