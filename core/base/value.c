/* base/value.c - values as written in a rule file: copied, canonical, printed */
#include "base/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/text.h"

const char *value_action_source(const pp_action_t *action)
{
	return (const char *)action + action->source;
}

const pp_action_t *value_action_copy(struct arena *arena, const pp_action_t *action)
{
	return action != NULL ? memcpy(arena_alloc(arena, action->size), action, action->size) : NULL;
}

const char *value_kind_name(pp_kind_t kind)
{
	switch (kind) {
	case PP_BOOLEAN: return "true or false";
	case PP_INTEGER:
	case PP_REAL: return "number";
	case PP_STRING: return "text";
	case PP_LIST: return "table";
	case PP_MADE_ACTION: return "action";
	case PP_NIL: break;
	}
	return "nil";
}

const pp_value_t *value_get(const pp_value_t *list, const char *key)
{
	if (list == NULL || list->kind != PP_LIST)
		return NULL;
	for (size_t i = 0; i < list->list.count; i++) {
		const pp_pair_t *pair = &list->list.pairs[i];

		if (pair->key != NULL && strcmp(pair->key, key) == 0)
			return &pair->value;
	}
	return NULL;
}

bool value_integer(const pp_value_t *value, int64_t *integer)
{
	if (value->kind == PP_INTEGER)
		*integer = value->integer;
	else if (value->kind == PP_REAL && value->real == floor(value->real) && fabs(value->real) < 0x1p63)
		*integer = (int64_t)value->real;
	else
		return false;
	return true;
}

bool value_number(const char *text, pp_value_t *value)
{
	int64_t integer;
	double real;
	char *end;

	if (g_ascii_string_to_signed(text, 10, INT64_MIN, INT64_MAX, &integer, NULL)) {
		*value = (pp_value_t){ .kind = PP_INTEGER, .integer = integer };
		return true;
	}
	real = g_ascii_strtod(text, &end);
	if (end == text || *end != '\0' || g_ascii_isspace(*text) || !isfinite(real))
		return false;
	*value = (pp_value_t){ .kind = PP_REAL, .real = real };
	return true;
}

pp_value_t value_copy(struct arena *arena, const pp_value_t *value)
{
	pp_value_t copy = *value;

	if (value->kind == PP_STRING) {
		copy.string = arena_strdup(arena, value->string);
	} else if (value->kind == PP_MADE_ACTION) {
		copy.action = value_action_copy(arena, value->action);
	} else if (value->kind == PP_LIST) {
		pp_pair_t *pairs = arena_alloc(arena, value->list.count * sizeof(*pairs));

		for (size_t i = 0; i < value->list.count; i++) {
			pairs[i].key = arena_strdup(arena, value->list.pairs[i].key);
			pairs[i].value = value_copy(arena, &value->list.pairs[i].value);
		}
		copy.list.pairs = pairs;
	}
	return copy;
}

/* The shortest text that reads as the same number, as Lua writes it. */
static const char *print_real(double real, char buffer[G_ASCII_DTOSTR_BUF_SIZE])
{
	if (isnan(real))
		return "0/0";
	if (isinf(real))
		return real < 0 ? "-1e999" : "1e999";
	g_ascii_formatd(buffer, G_ASCII_DTOSTR_BUF_SIZE, "%.14g", real);
	if (g_ascii_strtod(buffer, NULL) != real)
		g_ascii_formatd(buffer, G_ASCII_DTOSTR_BUF_SIZE, "%.17g", real);
	if (strspn(buffer, "-0123456789") == strlen(buffer))
		strcat(buffer, ".0");
	return buffer;
}

const char *value_show(struct arena *arena, const pp_value_t *value)
{
	char number[G_ASCII_DTOSTR_BUF_SIZE], text[64];
	size_t length, limit = sizeof(text) - 1;

	switch (value->kind) {
	case PP_BOOLEAN: return value->boolean ? "true" : "false";
	case PP_INTEGER: return arena_printf(arena, "%" PRId64, value->integer);
	case PP_REAL: return arena_strdup(arena, print_real(value->real, number));
	case PP_LIST: return value->list.count == 0 ? "{}" : "{...}";
	case PP_MADE_ACTION: return arena_strdup(arena, value_action_source(value->action));
	case PP_STRING: break;
	case PP_NIL: return "nil";
	}
	length = strlen(value->string);
	text_clean(text, sizeof(text), value->string, length);
	return arena_printf(arena, "'%s%s'", text, length > limit ? "..." : "");
}

static void append_text(GString *out, char kind, const char *text)
{
	g_string_append_printf(out, "%c%zu:", kind, strlen(text));
	g_string_append(out, text);
}

void value_canonical(GString *out, const pp_value_t *value)
{
	uint64_t bits;
	double real;

	switch (value->kind) {
	case PP_NIL: g_string_append_c(out, 'n'); break;
	case PP_BOOLEAN: g_string_append_c(out, value->boolean ? 't' : 'f'); break;
	case PP_INTEGER: g_string_append_printf(out, "i%" PRId64 ";", value->integer); break;
	case PP_REAL:
		/* Both zeros are one. */
		real = value->real == 0 ? 0 : value->real;
		memcpy(&bits, &real, sizeof(bits));
		g_string_append_printf(out, "r%016" PRIx64, bits);
		break;
	case PP_STRING: append_text(out, 's', value->string); break;
	case PP_MADE_ACTION: append_text(out, 'a', value_action_source(value->action)); break;
	case PP_LIST:
		g_string_append_printf(out, "l%zu:", value->list.count);
		for (size_t i = 0; i < value->list.count; i++) {
			const pp_pair_t *pair = &value->list.pairs[i];

			if (pair->key != NULL)
				append_text(out, 'k', pair->key);
			value_canonical(out, &pair->value);
		}
		break;
	}
}

static void print_text(GString *out, const char *text)
{
	unsigned char highest = text_is_utf8(text, strlen(text)) ? 0xff : 0x7e;

	g_string_append_c(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			g_string_append_printf(out, "\\%c", byte);
		else if (byte == '\n')
			g_string_append(out, "\\n");
		else if (byte < 0x20 || byte == 0x7f || byte > highest)
			g_string_append_printf(out, "\\x%02x", byte);
		else
			g_string_append_c(out, *text);
	}
	g_string_append_c(out, '"');
}

static bool is_name(const char *text)
{
	static const char keywords[] = "and break do else elseif end false for function goto if in local nil "
	                               "not or repeat return then true until while";

	if (!g_ascii_isalpha(*text) && *text != '_')
		return false;
	for (const char *byte = text; *byte != '\0'; byte++)
		if (!g_ascii_isalnum(*byte) && *byte != '_')
			return false;
	return !text_has_word(keywords, text);
}

static void print_list(GString *out, const pp_value_t *list)
{
	if (list->list.count == 0) {
		g_string_append(out, "{}");
		return;
	}
	g_string_append_c(out, '{');
	for (size_t i = 0; i < list->list.count; i++) {
		const pp_pair_t *pair = &list->list.pairs[i];

		g_string_append(out, i == 0 ? " " : ", ");
		if (pair->key != NULL && is_name(pair->key)) {
			g_string_append_printf(out, "%s = ", pair->key);
		} else if (pair->key != NULL) {
			g_string_append_c(out, '[');
			print_text(out, pair->key);
			g_string_append(out, "] = ");
		}
		value_print(out, &pair->value);
	}
	g_string_append(out, " }");
}

void value_print(GString *out, const pp_value_t *value)
{
	char number[G_ASCII_DTOSTR_BUF_SIZE];

	switch (value->kind) {
	case PP_NIL: g_string_append(out, "nil"); break;
	case PP_BOOLEAN: g_string_append(out, value->boolean ? "true" : "false"); break;
	case PP_INTEGER: g_string_append_printf(out, "%" PRId64, value->integer); break;
	case PP_REAL: g_string_append(out, print_real(value->real, number)); break;
	case PP_STRING: print_text(out, value->string); break;
	case PP_LIST: print_list(out, value); break;
	case PP_MADE_ACTION: g_string_append(out, value_action_source(value->action)); break;
	}
}
