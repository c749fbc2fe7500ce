/* check/answer.c - what came back: a word, a text, fields; and as bytes, for the cache */
#include "check/answer.h"

#include <string.h>
#include "base/text.h"
#include "check/check.h"

#define HEAD 4 /* flags, word, length of the text */
#define NO_TEXT UINT16_MAX

const char *answer_from_name(enum answer_from from)
{
	static const char *const names[] = { "asked", "memory", "store", "stale" };

	return names[from];
}

static bool sets_field(const struct check *check, unsigned word, unsigned field)
{
	return (check->field[field].words >> word & 1) != 0;
}

static bool is_text(const pp_row_t *row)
{
	return row == NULL || row->type == PP_TYPE_TEXT || row->type == PP_TYPE_CHOICE ||
	       row->type == PP_TYPE_FILE;
}

static const char *text_of(const struct check *check, unsigned field, const void *fields,
                           const char *const *extra)
{
	if (check->field[field].row != NULL)
		return *(const char *const *)((const char *)fields + check->field[field].row->offset);
	return extra != NULL ? extra[field - check->own_fields] : NULL;
}

/* Fields may be longer than is kept: what a peer can make longer is cut. */
static uint16_t text_size(const char *text)
{
	return text == NULL ? NO_TEXT : (uint16_t)text_cut(text, strlen(text), ANSWER_TEXT_MAX);
}

static size_t field_size(const struct check *check, unsigned field, const void *fields,
                         const char *const *extra)
{
	const pp_row_t *row = check->field[field].row;
	const char *text;

	if (!is_text(row))
		return sizeof(int64_t);
	text = text_of(check, field, fields, extra);
	return sizeof(uint16_t) + (text == NULL ? 0 : text_size(text) + 1u);
}

static uint8_t *put_text(uint8_t *out, const char *text, uint16_t length)
{
	memcpy(out, &length, sizeof(length));
	out += sizeof(length);
	if (length == NO_TEXT)
		return out;
	memcpy(out, text, length);
	out[length] = '\0';
	return out + length + 1;
}

static uint8_t *put_field(const struct check *check, unsigned field, const void *fields,
                          const char *const *extra, uint8_t *out)
{
	const pp_row_t *row = check->field[field].row;
	int64_t bits = 0;

	if (is_text(row)) {
		const char *text = text_of(check, field, fields, extra);

		return put_text(out, text, text_size(text));
	}
	if (row->type == PP_TYPE_BOOL)
		bits = *(const bool *)((const char *)fields + row->offset);
	else
		memcpy(&bits, (const char *)fields + row->offset, sizeof(bits));
	memcpy(out, &bits, sizeof(bits));
	return out + sizeof(bits);
}

void answer_encode(const struct check *check, struct arena *arena, unsigned word, const char *text,
                   const void *fields, const char *const *extra, struct answer *answer)
{
	uint16_t length = text_size(text != NULL ? text : "");
	size_t size = HEAD + length + 1u;
	uint8_t *bytes, *out;

	for (unsigned i = 0; i < check->fields; i++)
		if (sets_field(check, word, i))
			size += field_size(check, i, fields, extra);
	bytes = arena_alloc(arena, size);
	bytes[0] = 0;
	bytes[1] = (uint8_t)word;
	out = put_text(bytes + 2, text != NULL ? text : "", length);
	for (unsigned i = 0; i < check->fields; i++)
		if (sets_field(check, word, i))
			out = put_field(check, i, fields, extra, out);
	*answer = (struct answer){ .bytes = bytes,
		                   .size = (uint32_t)size,
		                   .word = (uint8_t)word,
		                   .text = (const char *)bytes + HEAD,
		                   .text_length = length };
}

/* Where the bytes of the field behind this one begin; NULL if they do not suffice. */
static const uint8_t *skip_field(const pp_row_t *row, const uint8_t *in, const uint8_t *end)
{
	uint16_t length;

	if (!is_text(row))
		return end - in < (ptrdiff_t)sizeof(int64_t) ? NULL : in + sizeof(int64_t);
	if (end - in < (ptrdiff_t)sizeof(length))
		return NULL;
	memcpy(&length, in, sizeof(length));
	in += sizeof(length);
	if (length == NO_TEXT)
		return in;
	if (end - in < length + 1 || in[length] != '\0' || memchr(in, '\0', length) != NULL)
		return NULL;
	return in + length + 1;
}

bool answer_decode(const struct check *check, const uint8_t *bytes, uint32_t size, struct answer *answer)
{
	const uint8_t *in = bytes + 2, *end = bytes + size;
	unsigned word;

	if (size < HEAD + 1 || (word = bytes[1]) >= check->module->words)
		return false;
	in = skip_field(NULL, in, end);
	if (in == NULL || in < bytes + HEAD + 1)
		return false;
	*answer = (struct answer){ .bytes = bytes,
		                   .size = size,
		                   .word = (uint8_t)word,
		                   .text = (const char *)bytes + HEAD,
		                   .text_length = (uint32_t)(in - bytes) - HEAD - 1 };
	for (unsigned i = 0; i < check->fields && in != NULL; i++)
		if (sets_field(check, word, i))
			in = skip_field(check->field[i].row, in, end);
	return in == end;
}

bool answer_is_marked_stale(const uint8_t *bytes, uint32_t size)
{
	return size > 0 && (bytes[0] & ANSWER_FLAG_STALE) != 0;
}

static struct answer_value value_of_text(const char *text, size_t length)
{
	if (text == NULL)
		return (struct answer_value){ .kind = PP_NIL };
	return (struct answer_value){ .kind = PP_STRING, .string = text, .length = (uint32_t)length };
}

static struct answer_value value_of_member(const pp_row_t *row, const void *member)
{
	struct answer_value value = { .kind = PP_INTEGER };

	switch (row->type) {
	case PP_TYPE_BOOL:
		value.kind = PP_BOOLEAN;
		value.boolean = *(const bool *)member;
		break;
	case PP_TYPE_NUMBER:
		value.kind = PP_REAL;
		memcpy(&value.real, member, sizeof(value.real));
		break;
	default: memcpy(&value.integer, member, sizeof(value.integer)); break;
	}
	return value;
}

static struct answer_value default_of(const struct check *check, const pp_row_t *row)
{
	const void *member;

	if (row == NULL)
		return (struct answer_value){ .kind = PP_NIL };
	member = (const char *)check->field_defaults + row->offset;
	if (is_text(row)) {
		const char *text = *(const char *const *)member;

		return value_of_text(text, text != NULL ? strlen(text) : 0);
	}
	return value_of_member(row, member);
}

struct answer_value answer_field(const struct check *check, const struct answer *answer, unsigned field)
{
	const pp_row_t *row = check->field[field].row;
	const uint8_t *in, *end;
	uint16_t length;
	bool flag;

	if (answer->bytes == NULL || !sets_field(check, answer->word, field))
		return default_of(check, row);
	end = answer->bytes + answer->size;
	in = (const uint8_t *)answer->text + answer->text_length + 1;
	for (unsigned i = 0; i < field; i++)
		if (sets_field(check, answer->word, i))
			in = skip_field(check->field[i].row, in, end);
	if (!is_text(row)) {
		flag = *in != 0;
		return value_of_member(row, row->type == PP_TYPE_BOOL ? (const void *)&flag : in);
	}
	memcpy(&length, in, sizeof(length));
	return length == NO_TEXT ? default_of(check, row)
	                         : value_of_text((const char *)in + sizeof(length), length);
}

void *answer_fields(const struct check *check, const struct answer *answer, struct arena *arena)
{
	size_t size = check->module->desc->fields_size;
	char *fields = arena_alloc0(arena, size + 1);

	if (size > 0)
		memcpy(fields, check->field_defaults, size);
	for (unsigned i = 0; i < check->own_fields; i++) {
		const pp_row_t *row = check->field[i].row;
		struct answer_value value = answer_field(check, answer, i);
		void *member = fields + row->offset;

		if (is_text(row))
			*(const char **)member = value.kind == PP_STRING ? value.string : NULL;
		else if (row->type == PP_TYPE_BOOL)
			*(bool *)member = value.boolean;
		else if (row->type == PP_TYPE_NUMBER)
			memcpy(member, &value.real, sizeof(value.real));
		else
			memcpy(member, &value.integer, sizeof(value.integer));
	}
	return fields;
}
