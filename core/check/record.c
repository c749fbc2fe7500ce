/* check/record.c - a struct described by rows as values of a database, and back */
#include "check/record.h"

#include <glib.h>
#include <string.h>
#include "base/value.h"

struct database_value record_value(const pp_row_t *row, const void *structure)
{
	const void *member = (const char *)structure + row->offset;
	struct database_value value = { .kind = PP_INTEGER };
	const char *text;

	switch (row->type) {
	case PP_TYPE_BOOL: value.integer = *(const bool *)member; break;
	case PP_TYPE_NUMBER:
		value.kind = PP_REAL;
		value.real = *(const double *)member;
		break;
	case PP_TYPE_TEXT:
		text = *(const char *const *)member;
		value.kind = text != NULL ? PP_STRING : PP_NIL;
		value.string = text;
		value.length = text != NULL ? (uint32_t)strlen(text) : 0;
		break;
	default: value.integer = *(const int64_t *)member; break;
	}
	return value;
}

const char *record_text(const struct database_value *value, struct arena *arena)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	switch (value->kind) {
	case PP_STRING: return value->string;
	case PP_INTEGER: return arena_printf(arena, "%lld", (long long)value->integer);
	case PP_REAL: return arena_strdup(arena, g_ascii_dtostr(digits, sizeof(digits), value->real));
	default: return NULL;
	}
}

const char *record_columns(const pp_row_t *rows, const char *const *names, unsigned count, unsigned *columns)
{
	for (; rows->name != NULL; rows++, columns++) {
		*columns = 0;
		while (*columns < count && strcmp(names[*columns], rows->name) != 0)
			++*columns;
		if (*columns == count)
			return rows->name;
	}
	return NULL;
}

/* As a number; databases may give one as text, such as a sum. */
static bool number_of(const struct database_value *value, pp_value_t *number)
{
	number->kind = value->kind;
	if (value->kind == PP_STRING)
		return value_number(value->string, number);
	if (value->kind == PP_REAL)
		number->real = value->real;
	else
		number->integer = value->integer;
	return true;
}

static bool read_member(const pp_row_t *row, const struct database_value *value, bool copy,
                        struct arena *arena, void *member)
{
	pp_value_t number = { .kind = PP_NIL };
	const char *text;
	int64_t integer;

	if (row->type == PP_TYPE_TEXT) {
		text = record_text(value, arena);
		*(const char **)member = copy && value->kind == PP_STRING ? arena_strdup(arena, text) : text;
		return true;
	}
	if (!number_of(value, &number))
		return false;
	if (row->type == PP_TYPE_NUMBER) {
		*(double *)member = number.kind == PP_REAL ? number.real : (double)number.integer;
		return true;
	}
	if (!value_integer(&number, &integer))
		return false;
	if (row->type == PP_TYPE_BOOL)
		*(bool *)member = integer != 0;
	else
		*(int64_t *)member = integer;
	return true;
}

const pp_row_t *record_read(const pp_row_t *rows, const unsigned *columns,
                            const struct database_value *values, bool copy, struct arena *arena,
                            void *structure)
{
	for (; rows->name != NULL; rows++, columns++)
		if (values[*columns].kind != PP_NIL &&
		    !read_member(rows, &values[*columns], copy, arena, (char *)structure + rows->offset))
			return rows;
	return NULL;
}
