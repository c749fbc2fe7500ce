/* base/param_print.c - rows, what they hold and what is wrong with it, shown */
#include "base/param.h"

#include <math.h>
#include <string.h>
#include "base/address.h"
#include "base/quantity.h"
#include "base/text.h"

/* -- what is wrong ------------------------------------------------------- */

static void G_GNUC_PRINTF(3, 0) fail_args(struct pp_error *error, int line, const char *format, va_list args)
{
	g_autofree char *text = g_strdup_vprintf(format, args);
	g_autoptr(GString) message = g_string_new(NULL);
	char clean[1024];

	if (line == 0)
		line = error->line;
	if (error->file != NULL)
		g_string_append(message, error->file);
	if (error->file != NULL && line > 0)
		g_string_append_printf(message, ":%d", line);
	if (message->len > 0)
		g_string_append(message, ": ");
	if (error->where != NULL)
		g_string_append_printf(message, "%s: ", error->where);
	g_string_append(message, text);
	text_clean(clean, sizeof(clean), message->str, message->len);
	g_ptr_array_add(error->messages, g_strdup(clean));
}

void param_fail(struct pp_error *error, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_args(error, line, format, args);
	va_end(args);
}

bool pp_fail(pp_error_t *error, const char *param, const char *format, ...)
{
	const pp_value_t *value = param == NULL ? NULL : value_get(error->values, param);
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	if (param == NULL)
		param_fail(error, 0, "%s", text);
	else
		param_fail(error, value == NULL ? 0 : value->line, "%s: %s", param, text);
	return false;
}

const char *pp_nearest(const char *word, const char *const *names)
{
	return text_nearest(word, names);
}

/* -- rows ---------------------------------------------------------------- */

const pp_row_t *param_find(const pp_row_t *rows, const char *name)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

const char **param_names(const pp_row_t *rows, const char *const *others)
{
	GPtrArray *names = g_ptr_array_new();

	for (; rows != NULL && rows->name != NULL; rows++)
		g_ptr_array_add(names, (gpointer)rows->name);
	for (; others != NULL && *others != NULL; others++)
		g_ptr_array_add(names, (gpointer)*others);
	g_ptr_array_add(names, NULL);
	return (const char **)g_ptr_array_free(names, FALSE);
}

const char *param_type_name(const pp_row_t *row)
{
	switch (row->type) {
	case PP_TYPE_BOOL: return "true or false";
	case PP_TYPE_INT: return "whole number";
	case PP_TYPE_NUMBER: return "number";
	case PP_TYPE_TEXT: return "text";
	case PP_TYPE_DURATION: return "duration";
	case PP_TYPE_BYTES: return "size";
	case PP_TYPE_FILE: return "file";
	case PP_TYPE_CHOICE: return "choice";
	case PP_TYPE_TEXTS: return "texts";
	case PP_TYPE_TABLE: return row->dflt == NULL ? "table" : "text or table";
	case PP_TYPE_NETWORKS: return "networks";
	case PP_TYPE_ATTRIBUTE: return "attribute";
	case PP_TYPE_ATTRIBUTES: return "attributes";
	case PP_TYPE_FIELDS: return "field names";
	case PP_TYPE_ACTION: return "action";
	case PP_TYPE_END: break;
	}
	return "nothing";
}

const char *param_wanted(struct arena *arena, const pp_row_t *row)
{
	g_auto(GStrv) words = NULL;
	g_autofree char *list = NULL;

	switch (row->type) {
	case PP_TYPE_BOOL: return "true or false";
	case PP_TYPE_INT: return "a whole number";
	case PP_TYPE_NUMBER: return "a number";
	case PP_TYPE_TEXT: return "a text";
	case PP_TYPE_DURATION: return "a duration such as \"5m\"";
	case PP_TYPE_BYTES: return "a size such as \"64M\"";
	case PP_TYPE_FILE: return "the name of a file";
	case PP_TYPE_TEXTS: return "a text or a list of texts";
	case PP_TYPE_TABLE: return row->dflt == NULL ? "a table" : "a text or a table";
	case PP_TYPE_NETWORKS: return "a network such as \"192.0.2.0/24\" or a list of networks";
	case PP_TYPE_ATTRIBUTE: return "the name of an attribute";
	case PP_TYPE_ATTRIBUTES: return "the name of an attribute or a list of names";
	case PP_TYPE_FIELDS: return "the name of a field or a list of names";
	case PP_TYPE_ACTION: return "an action such as dunno()";
	case PP_TYPE_CHOICE: break;
	case PP_TYPE_END: return "nothing";
	}
	words = g_strsplit(row->choices, " ", -1);
	list = g_strjoinv(", ", words);
	return arena_printf(arena, "one of %s", list);
}

/* "exact"|"cidr" */
static const char *editor_choices(const pp_row_t *row)
{
	g_auto(GStrv) words = g_strsplit(row->choices, " ", -1);
	g_autofree char *joined = g_strjoinv("\"|\"", words);
	g_autofree char *quoted = g_strdup_printf("\"%s\"", joined);

	return g_intern_string(quoted);
}

const char *param_editor_type(const pp_row_t *row)
{
	switch (row->type) {
	case PP_TYPE_BOOL: return "boolean";
	case PP_TYPE_INT: return "integer";
	case PP_TYPE_NUMBER: return "number";
	case PP_TYPE_TEXT:
	case PP_TYPE_DURATION:
	case PP_TYPE_BYTES:
	case PP_TYPE_FILE:
	case PP_TYPE_ATTRIBUTE: return "string";
	case PP_TYPE_CHOICE: return editor_choices(row);
	case PP_TYPE_TEXTS:
	case PP_TYPE_NETWORKS:
	case PP_TYPE_ATTRIBUTES:
	case PP_TYPE_FIELDS: return "string|string[]";
	case PP_TYPE_TABLE: return row->dflt == NULL ? "table" : "string|table";
	case PP_TYPE_ACTION: return "pp.Action";
	case PP_TYPE_END: break;
	}
	return "nil";
}

/* -- members as values --------------------------------------------------- */

static pp_value_t text_value(const char *text)
{
	return text == NULL ? (pp_value_t){ .kind = PP_NIL }
	                    : (pp_value_t){ .kind = PP_STRING, .string = text };
}

static pp_value_t number_value(double number)
{
	if (number == floor(number) && fabs(number) < 0x1p53)
		return (pp_value_t){ .kind = PP_INTEGER, .integer = (int64_t)number };
	return (pp_value_t){ .kind = PP_REAL, .real = number };
}

static pp_value_t texts_value(struct arena *arena, const pp_texts_t *texts)
{
	pp_pair_t *pairs;

	if (texts == NULL)
		return text_value(NULL);
	pairs = arena_alloc0(arena, texts->count * sizeof(*pairs));
	for (size_t i = 0; i < texts->count; i++)
		pairs[i].value = text_value(texts->items[i]);
	return (pp_value_t){ .kind = PP_LIST, .list = { .count = texts->count, .pairs = pairs } };
}

struct network_texts {
	struct arena *arena;
	GArray *items; /* of const char * */
};

static void network_text(const pp_address_t *address, int prefix, uint32_t number, void *data)
{
	struct network_texts *texts = data;
	char buffer[64];
	const char *text = arena_printf(texts->arena, "%s/%d", pp_address_print(address, -1, buffer), prefix);

	(void)number;
	g_array_append_val(texts->items, text);
}

static pp_value_t networks_value(struct arena *arena, const pp_networks_t *networks)
{
	struct network_texts found = { .arena = arena };
	pp_value_t value;
	pp_texts_t texts;

	if (networks == NULL)
		return text_value(NULL);
	found.items = g_array_new(FALSE, FALSE, sizeof(const char *));
	networks_each(networks, network_text, &found);
	texts = (pp_texts_t){ .count = found.items->len, .items = (const char **)(void *)found.items->data };
	value = texts_value(arena, &texts);
	g_array_free(found.items, TRUE);
	return value;
}

/* The member as the user would write it. */
static pp_value_t member_value(struct arena *arena, const pp_row_t *row, const void *structure)
{
	const void *member = (const char *)structure + row->offset;
	char buffer[32];

	switch (row->type) {
	case PP_TYPE_BOOL: return (pp_value_t){ .kind = PP_BOOLEAN, .boolean = *(const bool *)member };
	case PP_TYPE_INT: return (pp_value_t){ .kind = PP_INTEGER, .integer = *(const int64_t *)member };
	case PP_TYPE_NUMBER: return number_value(*(const double *)member);
	case PP_TYPE_DURATION:
		return text_value(arena_strdup(arena, duration_print(*(const pp_msec_t *)member, buffer)));
	case PP_TYPE_BYTES:
		return text_value(arena_strdup(arena, bytes_print(*(const int64_t *)member, buffer)));
	case PP_TYPE_TEXT:
	case PP_TYPE_FILE:
	case PP_TYPE_CHOICE:
	case PP_TYPE_ATTRIBUTE: return text_value(*(const char *const *)member);
	case PP_TYPE_TEXTS:
	case PP_TYPE_ATTRIBUTES:
	case PP_TYPE_FIELDS: return texts_value(arena, *(const pp_texts_t *const *)member);
	case PP_TYPE_NETWORKS: return networks_value(arena, *(const pp_networks_t *const *)member);
	case PP_TYPE_TABLE:
		if (*(const pp_value_t *const *)member != NULL)
			return **(const pp_value_t *const *)member;
		break;
	case PP_TYPE_ACTION:
		if (*(const pp_action_t *const *)member != NULL)
			return (pp_value_t){ .kind = PP_MADE_ACTION,
				             .action = *(const pp_action_t *const *)member };
		break;
	case PP_TYPE_END: break;
	}
	return text_value(NULL);
}

void param_canonical(GString *out, const pp_row_t *rows, const void *structure, bool all)
{
	struct arena arena;

	arena_init(&arena);
	for (; rows != NULL && rows->name != NULL; rows++) {
		pp_value_t name = text_value(rows->name), value;

		if (rows->inert && !all)
			continue;
		value = member_value(&arena, rows, structure);
		value_canonical(out, &name);
		value_canonical(out, &value);
	}
	arena_free(&arena);
}

char *param_print(const pp_row_t *row, const void *structure)
{
	GString *out = g_string_new(NULL);
	struct arena arena;
	pp_value_t value;

	arena_init(&arena);
	value = member_value(&arena, row, structure);
	value_print(out, &value);
	arena_free(&arena);
	return g_string_free(out, FALSE);
}
