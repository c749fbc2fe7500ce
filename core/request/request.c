/* request/request.c - one question of Postfix's: its attributes */
#include <glib.h>
#include <string.h>
#include "base/text.h"
#include "request/request.h"

enum {
	POOL_MAX = 64,         /* requests kept for the next use */
	BYTES_KEPT_MAX = 8192, /* a bigger buffer is given back */
	BYTES_START = 2048,
	NAME_MAX_GUESSED = 32,                     /* with the '=' */
	SLACK = NAME_MAX_GUESSED,                  /* may be read behind the bytes */
	DERIVED = PP_ATTRIBUTES - PP_SENDER_DOMAIN /* they stand at the table's end */
};
G_STATIC_ASSERT(DERIVED == G_N_ELEMENTS(((struct request *)NULL)->derived));

/* What a line is likely to begin with. */
struct expected {
	pp_attribute_t attribute;
	uint32_t length; /* 0 = nothing known */
	char name[NAME_MAX_GUESSED];
};

struct request_pool {
	struct expected order[REQUEST_ATTRIBUTES_MAX]; /* the names the lines of the last request had */
	unsigned kept, lent;
	struct request *requests[POOL_MAX];
};

struct request_pool *request_pool_new(void)
{
	return g_new0(struct request_pool, 1);
}

static void destroy(struct request *request)
{
	arena_free(&request->arena);
	g_free(request->bytes);
	g_free(request);
}

void request_pool_free(struct request_pool *pool)
{
	if (pool == NULL)
		return;
	g_assert(pool->lent == 0);
	while (pool->kept > 0)
		destroy(pool->requests[--pool->kept]);
	g_free(pool);
}

static void clear_attributes(struct request *request)
{
	memset(request->known, 0, sizeof(request->known));
	memset(request->derived, 0, sizeof(request->derived));
	request->count = 0;
	request->length = 0;
}

static void reserve(struct request *request, size_t size)
{
	if (request->bytes_size >= size)
		return;
	g_free(request->bytes);
	request->bytes_size = MAX(size, BYTES_START);
	request->bytes = g_malloc0(request->bytes_size + SLACK);
}

struct request *request_new(struct request_pool *pool)
{
	struct request *request;

	if (pool->kept > 0) {
		request = pool->requests[--pool->kept];
	} else {
		request = g_new0(struct request, 1);
		request->pool = pool;
		arena_init(&request->arena);
	}
	clear_attributes(request);
	reserve(request, BYTES_START);
	request->listener = NULL;
	request->peer = NULL;
	request->peer_port = 0;
	request->started = 0;
	request->conversation = 0;
	request->look_ups = 0;
	request->id[0] = '\0';
	request->refs = 1;
	pool->lent++;
	return request;
}

struct request *request_ref(struct request *request)
{
	request->refs++;
	return request;
}

void request_unref(struct request *request)
{
	struct request_pool *pool;

	if (request == NULL || --request->refs > 0)
		return;
	pool = request->pool;
	pool->lent--;
	if (pool->kept == POOL_MAX) {
		destroy(request);
		return;
	}
	arena_reset(&request->arena);
	if (request->bytes_size > BYTES_KEPT_MAX) {
		g_free(request->bytes);
		request->bytes = NULL;
		request->bytes_size = 0;
	}
	pool->requests[pool->kept++] = request;
}

/* -- parsing -------------------------------------------------------------
 *
 * Behind the bytes stands a newline of ours, at which every search ends, and slack,
 * so that they can be looked at in pieces.
 */

typedef uint64_t block __attribute__((vector_size(16)));

static inline block load(const void *bytes)
{
	block loaded;

	memcpy(&loaded, bytes, sizeof(loaded));
	return loaded;
}

/* As memcmp() == 0, without a call. */
static inline bool is_expected(const char *line, const struct expected *expected)
{
	static const uint8_t masks[2 * NAME_MAX_GUESSED] = { [0 ... NAME_MAX_GUESSED - 1] = 0xff };
	const uint8_t *mask = masks + NAME_MAX_GUESSED - expected->length;
	block differ = { 0 };

	for (size_t i = 0; i < NAME_MAX_GUESSED; i += sizeof(differ))
		differ |= (load(line + i) ^ load(expected->name + i)) & load(mask + i);
	return (differ[0] | differ[1]) == 0;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The first byte under a space: the newline as a rule. */
static inline char *find_control(char *at)
{
	for (;; at += sizeof(uint64_t)) {
		uint64_t eight, under;

		memcpy(&eight, at, sizeof(eight));
		eight = GUINT64_FROM_LE(eight);
		under = (eight - EACH_BYTE(' ')) & ~eight & EACH_BYTE(0x80);
		if (under != 0)
			return at + __builtin_ctzll(under) / 8;
	}
}

static const char no_equals[] = "a line without '='";

static const char *what_is_wrong(char byte)
{
	switch (byte) {
	case '\n': return no_equals;
	case '\r': return "a carriage return";
	case '\0': return "a NUL byte";
	default: return NULL;
	}
}

/* The '=' of a line that begins otherwise than expected, and what to expect from now
 * on. NULL: it has not come, or *wrong. */
static char *find_equals(char *line, const char *end, struct expected *expected, const char **wrong)
{
	char *equals = line;

	while (*equals != '=' && (*wrong = what_is_wrong(*equals)) == NULL)
		equals++;
	if (equals == end)
		*wrong = NULL;
	else if (equals == line && *equals == '=')
		*wrong = "an attribute without a name";
	if (equals == end || *wrong != NULL)
		return NULL;
	expected->attribute = attribute_find(line, (size_t)(equals - line));
	expected->length = 0;
	if (expected->attribute != PP_ATTRIBUTE_NONE && equals - line < NAME_MAX_GUESSED) {
		expected->length = (uint32_t)(equals + 1 - line);
		memcpy(expected->name, line, expected->length);
	}
	return equals;
}

/* A client sends its attributes in the same order each time, so the one that stood
 * here last time is tried first. */
static inline char *skip_name(char *line, const char *end, struct expected *expected, const char **wrong)
{
	if (expected->length > 0 && is_expected(line, expected))
		return line + expected->length - 1;
	return find_equals(line, end, expected, wrong);
}

/* Goes on from another control character in a value. NULL: *wrong. */
static char *find_newline(char *at, const char **wrong)
{
	do {
		*wrong = what_is_wrong(*at);
		if (*wrong != NULL)
			return NULL;
		at = find_control(at + 1);
	} while (*at != '\n');
	return at;
}

/* Cuts the lines up to the empty one into names and values. Returns the size of all;
 * 0: it has not come, or *wrong. */
static size_t cut_lines(struct request *request, size_t length, const char **wrong)
{
	char *bytes = request->bytes, *end = bytes + length, *line = bytes;
	unsigned count = 0;

	while (*line != '\n') {
		struct expected *expected = &request->pool->order[count];
		struct request_slot *slot = &request->lines[count];
		char *equals, *newline;

		if (count == REQUEST_ATTRIBUTES_MAX) {
			*wrong = "more than " G_STRINGIFY(REQUEST_ATTRIBUTES_MAX) " attributes";
			return 0;
		}
		equals = skip_name(line, end, expected, wrong);
		if (equals == NULL)
			return 0;
		newline = find_control(equals + 1);
		if (*newline != '\n')
			newline = find_newline(newline, wrong);
		if (newline == end || newline == NULL)
			return 0;
		*equals = *newline = '\0';
		slot->name = (uint32_t)(line - bytes);
		slot->value = (uint32_t)(equals + 1 - bytes);
		slot->length = (uint32_t)(newline - equals - 1);
		count++;
		if (request->known[expected->attribute] == 0)
			request->known[expected->attribute] = (uint8_t)count;
		line = newline + 1;
	}
	if (line == end)
		return 0;
	*line = '\0';
	request->count = (uint16_t)count;
	return (size_t)(line + 1 - bytes);
}

/* NULL: it was not sent. */
static inline const struct request_slot *line_of(const struct request *request, pp_attribute_t attribute)
{
	unsigned line = request->known[attribute];

	return line > 0 ? &request->lines[line - 1] : NULL;
}

static inline bool slot_is(const struct request *request, pp_attribute_t attribute, const char *text)
{
	const struct request_slot *slot = line_of(request, attribute);

	return slot != NULL && slot->length == strlen(text) &&
	       memcmp(request->bytes + slot->value, text, slot->length) == 0;
}

/* Those that are made of others; what a client sends by such a name is not theirs. */
static bool is_derived(pp_attribute_t attribute)
{
	return attribute >= PP_SENDER_DOMAIN;
}

/* There may be many requests behind this one: no more is copied than twice its size,
 * or what there is room for. */
static size_t take(struct request *request, const char *bytes, size_t length, const char **wrong)
{
	size_t all = MIN(length, REQUEST_BYTES_MAX), part = MIN(all, MAX(request->bytes_size, BYTES_START)),
	       size;

	*wrong = NULL;
	for (;; part = MIN(all, part * 2)) {
		clear_attributes(request);
		reserve(request, MAX(part, 1));
		if (part > 0)
			memcpy(request->bytes, bytes, part);
		request->bytes[part] = '\n';
		size = cut_lines(request, part, wrong);
		if (size > 0 || *wrong != NULL || part == all)
			break;
	}
	if (size == 1)
		*wrong = "an empty request";
	if (size <= 1)
		return 0;
	request->length = size;
	/* Lines whose names are no attribute's, or only a derived one's. */
	request->known[PP_ATTRIBUTE_NONE] = 0;
	memset(&request->known[PP_SENDER_DOMAIN], 0, DERIVED);
	if (slot_is(request, PP_REQUEST, "smtpd_access_policy"))
		return size;
	*wrong = "no request=smtpd_access_policy";
	return 0;
}

static bool has_long_line(const struct request *request)
{
	for (unsigned i = 0; i < request->count; i++) {
		const struct request_slot *line = &request->lines[i];

		if (line->value + line->length - line->name >= REQUEST_LINE_MAX)
			return true;
	}
	return false;
}

size_t request_take(struct request *request, const char *bytes, size_t length, const char **wrong)
{
	size_t size = take(request, bytes, length, wrong);

	if (size <= REQUEST_LINE_MAX || !has_long_line(request))
		return size;
	*wrong = "a line over " G_STRINGIFY(REQUEST_LINE_MAX) " bytes";
	return 0;
}

const char *request_parse(struct request *request, const char *bytes, size_t size)
{
	const char *wrong;
	size_t found;

	if (size < 2 || bytes[size - 1] != '\n' || bytes[size - 2] != '\n')
		return "no empty line at its end";
	if (size > REQUEST_BYTES_MAX)
		return "a request over " G_STRINGIFY(REQUEST_BYTES_MAX) " bytes";
	found = take(request, bytes, size, &wrong);
	if (wrong == NULL && found < size)
		wrong = no_equals;
	return wrong;
}

const char *request_from_pairs(struct request *request, const char *const *pairs)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	bool named = false;

	for (; pairs[0] != NULL; pairs += 2) {
		if (strpbrk(pairs[0], "=\n") != NULL)
			return "a name with '=' or a newline";
		if (strchr(pairs[1], '\n') != NULL)
			return "a value with a newline";
		named = named || strcmp(pairs[0], "request") == 0;
		g_string_append_printf(bytes, "%s=%s\n", pairs[0], pairs[1]);
	}
	if (!named)
		g_string_prepend(bytes, "request=smtpd_access_policy\n");
	g_string_append_c(bytes, '\n');
	return request_parse(request, bytes->str, bytes->len);
}

/* An empty sender is the null sender only once MAIL FROM has been. */
static bool has_sender(const struct request *request)
{
	return slot_is(request, PP_PROTOCOL_STATE, "RCPT") || slot_is(request, PP_PROTOCOL_STATE, "MAIL") ||
	       slot_is(request, PP_PROTOCOL_STATE, "DATA") ||
	       slot_is(request, PP_PROTOCOL_STATE, "END-OF-MESSAGE");
}

/* In lower case; the sent bytes themselves where they are so already. */
static const char *lower(struct request *request, const char *domain, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (g_ascii_isupper(domain[i]))
			return text_lower(arena_strndup(&request->arena, domain, length));
	return domain;
}

/* Makes both parts of an address. The domain stands first in the table. */
static void derive(struct request *request, pp_attribute_t address, pp_attribute_t domain)
{
	const struct request_slot *line = line_of(request, address);
	struct derived *derived = &request->derived[domain - PP_SENDER_DOMAIN];
	const char *text = line == NULL ? "" : request->bytes + line->value;
	size_t length = line == NULL ? 0 : line->length, local = length, rest = 0;

	for (size_t i = length; i > 0; i--)
		if (text[i - 1] == '@') {
			local = i - 1;
			rest = length - i;
			break;
		}
	derived[0] = derived[1] = (struct derived){ .made = true };
	if (rest > 0)
		derived[0] = (struct derived){ true, lower(request, text + length - rest, rest), rest };
	if (local > 0)
		derived[1] = (struct derived){ true, text, local };
	if (local > 0 && local < length)
		derived[1].text = arena_strndup(&request->arena, text, local);
}

static const char *get_derived(struct request *request, pp_attribute_t attribute, size_t *length)
{
	const struct derived *derived = &request->derived[attribute - PP_SENDER_DOMAIN];

	if (!derived->made) {
		if (attribute <= PP_SENDER_LOCALPART)
			derive(request, PP_SENDER, PP_SENDER_DOMAIN);
		else
			derive(request, PP_RECIPIENT, PP_RECIPIENT_DOMAIN);
	}
	*length = derived->length;
	return derived->text;
}

/* Of what is not among the lines, or empty there. */
static const char *get_other(struct request *request, pp_attribute_t attribute, size_t *length)
{
	if (is_derived(attribute))
		return get_derived(request, attribute, length);
	*length = 0;
	return attribute == PP_SENDER && request->known[attribute] > 0 && has_sender(request) ? "" : NULL;
}

const char *request_get(struct request *request, pp_attribute_t attribute, size_t *length)
{
	const struct request_slot *line = line_of(request, attribute);
	size_t unused;

	if (length == NULL)
		length = &unused;
	if (line == NULL || line->length == 0)
		return get_other(request, attribute, length);
	*length = line->length;
	return request->bytes + line->value;
}

static const struct request_slot *find_line(const struct request *request, const char *name)
{
	for (unsigned i = 0; i < request->count; i++)
		if (strcmp(request->bytes + request->lines[i].name, name) == 0)
			return &request->lines[i];
	return NULL;
}

const char *request_get_named(struct request *request, const char *name, size_t *length)
{
	pp_attribute_t attribute = attribute_find(name, strlen(name));
	const struct request_slot *slot;

	if (attribute != PP_ATTRIBUTE_NONE)
		return request_get(request, attribute, length);
	slot = find_line(request, name);
	if (length != NULL)
		*length = slot == NULL ? 0 : slot->length;
	return slot == NULL || slot->length == 0 ? NULL : request->bytes + slot->value;
}

bool request_was_sent(const struct request *request, const char *name)
{
	pp_attribute_t attribute = attribute_find(name, strlen(name));

	if (attribute == PP_ATTRIBUTE_NONE || is_derived(attribute))
		return find_line(request, name) != NULL;
	return request->known[attribute] != 0;
}

bool request_get_number(struct request *request, pp_attribute_t attribute, int64_t *number)
{
	size_t length;
	const char *text = request_get(request, attribute, &length);
	int64_t sum = 0;

	if (text == NULL || length == 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isdigit(text[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, text[i] - '0', &sum))
			return false;
	*number = sum;
	return true;
}
