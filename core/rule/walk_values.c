/* rule/walk_values.c - the values of fields that ppolicyd -t tries */
#include "rule/walk_values.h"

#include <string.h>
#include "base/param.h"
#include "rule/walk_uses.h"

#define COMPARED_MAX 4 /* texts that a field is compared with */

static bool is_equal(const struct answer_value *a, const struct answer_value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case PP_BOOLEAN: return a->boolean == b->boolean;
	case PP_INTEGER: return a->integer == b->integer;
	case PP_REAL: return !(a->real < b->real) && !(a->real > b->real);
	case PP_STRING: return strcmp(a->string, b->string) == 0;
	default: return true;
	}
}

static void add(struct walk_values *values, struct answer_value value)
{
	for (unsigned i = 0; i < values->count; i++)
		if (is_equal(&values->value[i], &value))
			return;
	if (values->count < WALK_VALUES_MAX)
		values->value[values->count++] = value;
}

static struct answer_value text_value(const char *text)
{
	return (struct answer_value){ .kind = PP_STRING, .string = text, .length = (uint32_t)strlen(text) };
}

static struct answer_value value_of(const pp_row_t *row, const void *structure)
{
	const void *member = (const char *)structure + row->offset;
	const char *text;

	switch (row->type) {
	case PP_TYPE_BOOL:
		return (struct answer_value){ .kind = PP_BOOLEAN, .boolean = *(const bool *)member };
	case PP_TYPE_NUMBER: return (struct answer_value){ .kind = PP_REAL, .real = *(const double *)member };
	case PP_TYPE_INT:
	case PP_TYPE_DURATION:
	case PP_TYPE_BYTES:
		return (struct answer_value){ .kind = PP_INTEGER, .integer = *(const int64_t *)member };
	case PP_TYPE_TEXT:
	case PP_TYPE_FILE:
	case PP_TYPE_CHOICE:
		text = *(const char *const *)member;
		return text != NULL ? text_value(text) : (struct answer_value){ .kind = PP_NIL };
	default: return (struct answer_value){ .kind = PP_NIL };
	}
}

/* A value in the syntax of the rows; one that the row does not allow is left out. */
static void add_written(struct walk_values *values, const struct check *check, const pp_row_t *row,
                        const char *text, struct arena *arena)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	struct pp_error error = { .messages = messages };
	void *structure = arena_alloc0(arena, check->module->desc->fields_size + 1);
	pp_row_t rows[] = { *row, PP_END };

	if (row->type == PP_TYPE_TEXT || row->type == PP_TYPE_FILE) {
		add(values, text_value(arena_strdup(arena, text)));
		return;
	}
	rows[0].dflt = text;
	if (param_defaults(rows, arena, structure, &error))
		add(values, value_of(row, structure));
}

static void add_list(struct walk_values *values, const struct check *check, const pp_row_t *row,
                     const char *list, const char *between, struct arena *arena)
{
	g_auto(GStrv) texts = g_strsplit(list, between, -1);

	for (char **text = texts; *text != NULL; text++)
		add_written(values, check, row, *text, arena);
}

static void add_fitting(struct walk_values *values, const struct check *check, const pp_row_t *row,
                        struct arena *arena)
{
	static const char *const numbers[PP_TYPE_ACTION + 1][2] = {
		[PP_TYPE_INT] = { "1", "1000000" },
		[PP_TYPE_NUMBER] = { "1", "1000000" },
		[PP_TYPE_DURATION] = { "1s", "30d" },
		[PP_TYPE_BYTES] = { "1", "1G" },
	};
	const char *const *number = numbers[row->type];

	add(values, value_of(row, check->field_defaults));
	switch (row->type) {
	case PP_TYPE_BOOL: add_list(values, check, row, "true|false", "|", arena); break;
	case PP_TYPE_CHOICE: add_list(values, check, row, row->choices, " ", arena); break;
	case PP_TYPE_INT:
	case PP_TYPE_NUMBER:
	case PP_TYPE_DURATION:
	case PP_TYPE_BYTES:
		add_written(values, check, row, row->min != NULL ? row->min : number[0], arena);
		add_written(values, check, row, row->max != NULL ? row->max : number[1], arena);
		break;
	case PP_TYPE_TEXT:
	case PP_TYPE_FILE: add_written(values, check, row, "sample", arena); break;
	default: break;
	}
}

static void add_compared(struct walk_values *values, const char *field, const GPtrArray *sources,
                         struct arena *arena)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < sources->len; i++)
		walk_uses_compared(sources->pdata[i], field, texts, COMPARED_MAX);
	for (guint i = 0; i < texts->len; i++)
		add(values, text_value(arena_strdup(arena, texts->pdata[i])));
}

const struct walk_values *walk_values_new(const struct check *check, unsigned field, const GPtrArray *sources,
                                          struct arena *arena)
{
	struct walk_values *values = arena_new0(arena, struct walk_values);
	const pp_row_t *row = check->field[field].row;

	if (row == NULL) {
		add(values, (struct answer_value){ .kind = PP_NIL });
		add(values, text_value("sample"));
	} else if (row->samples != NULL) {
		add_list(values, check, row, row->samples, "|", arena);
	} else {
		add_fitting(values, check, row, arena);
	}
	if (row == NULL || (row->samples == NULL && row->type == PP_TYPE_TEXT))
		add_compared(values, check->field[field].name, sources, arena);
	if (values->count == 0)
		add(values, value_of(row, check->field_defaults));
	return values;
}
