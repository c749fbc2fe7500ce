/* base/param.c - rows of parameters, arguments, fields and settings: reading, printing */
#include "base/param.h"

#include <math.h>
#include <string.h>
#include "base/address.h"
#include "base/quantity.h"
#include "base/text.h"

static const char *suggestion(struct arena *arena, const char *word, const char *const *candidates)
{
	const char *nearest = text_nearest(word, candidates);

	return nearest == NULL ? "" : arena_printf(arena, " (did you mean '%s'?)", nearest);
}

/* One row and what is read for it. */
struct reader {
	const pp_row_t *row;
	const char *folder; /* NULL: relative paths stay as they are */
	const char *part;   /* ": default" and the like, "" for a user's value */
	int line;
	struct arena *arena;
	struct pp_error *error;
};

/* "delay: found 5, wanted a duration such as "5m"". Returns false. */
static bool G_GNUC_PRINTF(3, 4)
        bad(const struct reader *reader, const pp_value_t *found, const char *format, ...)
{
	const char *want;
	va_list args;

	va_start(args, format);
	want = arena_vprintf(reader->arena, format, args);
	va_end(args);
	param_fail(reader->error, found->line != 0 ? found->line : reader->line, "%s%s: found %s%s",
	           reader->row->name, reader->part, value_show(reader->arena, found), want);
	return false;
}

static bool bad_kind(const struct reader *reader, const pp_value_t *found)
{
	return bad(reader, found, ", wanted %s", param_wanted(reader->arena, reader->row));
}

/* What limits compare: a number, or the length of a text. */
struct amount {
	int64_t integer;
	double real; /* of PP_TYPE_NUMBER */
};

static bool quantity_read(const struct reader *reader, const pp_value_t *value, int64_t *amount)
{
	bool is_size = reader->row->type == PP_TYPE_BYTES;
	const char *why;

	if (value->kind != PP_STRING)
		return bad_kind(reader, value);
	if ((is_size ? bytes_parse : duration_parse)(value->string, amount, &why))
		return true;
	return bad(reader, value, ": %s", why);
}

static bool amount_read(const struct reader *reader, const pp_value_t *value, struct amount *amount)
{
	if (reader->row->type == PP_TYPE_DURATION || reader->row->type == PP_TYPE_BYTES)
		return quantity_read(reader, value, &amount->integer);
	if (reader->row->type != PP_TYPE_NUMBER)
		return value_integer(value, &amount->integer) || bad_kind(reader, value);
	if (value->kind == PP_INTEGER)
		amount->real = (double)value->integer;
	else if (value->kind == PP_REAL && isfinite(value->real))
		amount->real = value->real;
	else
		return bad_kind(reader, value);
	return true;
}

/* A default or a limit as the value a user would have written; what cannot be
 * one stays a text, which the reader then refuses. */
static pp_value_t value_of_text(const struct reader *reader, const char *text)
{
	pp_value_t value = { .kind = PP_STRING, .string = text };
	const pp_row_t *row = reader->row;
	pp_pair_t *pairs;

	switch (row->type) {
	case PP_TYPE_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
			value = (pp_value_t){ .kind = PP_BOOLEAN, .boolean = text[0] == 't' };
		break;
	case PP_TYPE_NUMBER:
	case PP_TYPE_INT: value_number(text, &value); break;
	case PP_TYPE_TEXTS:
	case PP_TYPE_NETWORKS:
	case PP_TYPE_ATTRIBUTES:
	case PP_TYPE_FIELDS:
		pairs = arena_alloc0(reader->arena, (strlen(text) / 2 + 1) * sizeof(*pairs));
		value = (pp_value_t){ .kind = PP_LIST, .list.pairs = pairs };
		for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
			size_t length = strcspn(text, " ");
			pp_value_t *item = &pairs[value.list.count++].value;

			item->kind = PP_STRING;
			item->string = arena_strndup(reader->arena, text, length);
			text += length;
		}
		break;
	default: break;
	}
	return value;
}

/* A text's limits are those of its length. */
static bool limit_read(const struct reader *reader, const char *text, struct amount *limit)
{
	struct reader own = *reader;
	pp_row_t row = *reader->row;
	pp_value_t value;

	if (row.type == PP_TYPE_TEXT)
		row.type = PP_TYPE_INT;
	own.row = &row;
	own.part = ": limit";
	own.line = 0;
	value = value_of_text(&own, text);
	return amount_read(&own, &value, limit);
}

static bool bad_amount(const struct reader *reader, const pp_value_t *found, const char *which,
                       const char *limit)
{
	const pp_row_t *row = reader->row;
	const char *quote = row->type == PP_TYPE_DURATION || row->type == PP_TYPE_BYTES ? "\"" : "";
	const char *unit = row->unit != NULL ? row->unit : row->type == PP_TYPE_TEXT ? "characters" : "";
	size_t length = strlen(unit);

	/* "1 character" */
	if (strcmp(limit, "1") == 0 && length > 1 && unit[length - 1] == 's')
		length--;
	return bad(reader, found, ", wanted %s %s%s%s%s%.*s", which, quote, limit, quote,
	           length > 0 ? " " : "", (int)length, unit);
}

static bool within_limits(const struct reader *reader, const pp_value_t *found, const struct amount *amount)
{
	const pp_row_t *row = reader->row;
	struct amount limit = { 0 };

	if (row->min != NULL) {
		if (!limit_read(reader, row->min, &limit))
			return false;
		if (amount->integer < limit.integer || amount->real < limit.real)
			return bad_amount(reader, found, "at least", row->min);
	}
	if (row->max != NULL) {
		if (!limit_read(reader, row->max, &limit))
			return false;
		if (amount->integer > limit.integer || amount->real > limit.real)
			return bad_amount(reader, found, "at most", row->max);
	}
	return true;
}

static bool network_check(const struct reader *reader, const pp_value_t *value)
{
	pp_address_t address;
	char buffer[64];
	int prefix;

	if (pp_network_parse(value->string, true, &address, &prefix))
		return true;
	if (!pp_network_parse(value->string, false, &address, &prefix))
		return bad_kind(reader, value);
	return bad(reader, value, ", wanted the network '%s/%d'", pp_address_print(&address, -1, buffer),
	           prefix);
}

static bool is_attribute_name(const char *text)
{
	return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

static bool text_read(const struct reader *reader, const pp_value_t *value, const char **text)
{
	struct amount amount = { 0 };
	g_autofree char *folder = NULL;

	if (value->kind != PP_STRING)
		return bad_kind(reader, value);
	switch (reader->row->type) {
	case PP_TYPE_TEXT:
		amount.integer = (int64_t)strlen(value->string);
		if (!within_limits(reader, value, &amount))
			return false;
		break;
	case PP_TYPE_ATTRIBUTE:
	case PP_TYPE_ATTRIBUTES:
	case PP_TYPE_FIELDS:
		if (!is_attribute_name(value->string))
			return bad_kind(reader, value);
		break;
	case PP_TYPE_NETWORKS:
		if (!network_check(reader, value))
			return false;
		break;
	case PP_TYPE_FILE:
		if (value->string[0] == '\0')
			return bad_kind(reader, value);
		if (reader->folder != NULL && !g_path_is_absolute(value->string)) {
			folder = g_canonicalize_filename(reader->folder, NULL);
			*text = arena_printf(reader->arena, "%s/%s", folder, value->string);
			return true;
		}
		break;
	default: break;
	}
	*text = arena_strdup(reader->arena, value->string);
	return true;
}

static bool choice_read(const struct reader *reader, const pp_value_t *value, const char **choice)
{
	g_auto(GStrv) words = g_strsplit(reader->row->choices, " ", -1);

	if (value->kind != PP_STRING)
		return bad_kind(reader, value);
	if (!g_strv_contains((const char *const *)words, value->string))
		return bad(reader, value, ", wanted %s%s", param_wanted(reader->arena, reader->row),
		           suggestion(reader->arena, value->string, (const char *const *)words));
	*choice = g_intern_string(value->string);
	return true;
}

/* A text or a list of texts, each read by text_read(). */
static bool texts_read(const struct reader *reader, const pp_value_t *value, const pp_texts_t **result)
{
	bool single = value->kind == PP_STRING, good = true;
	const char **items;
	pp_texts_t *texts;
	size_t count = 1;

	if (!single && value->kind != PP_LIST)
		return bad_kind(reader, value);
	if (!single)
		count = value->list.count;
	items = arena_alloc(reader->arena, count * sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		const pp_pair_t *pair = single ? NULL : &value->list.pairs[i];

		if (pair != NULL && pair->key != NULL) {
			param_fail(reader->error, reader->line, "%s%s: found the key '%s', wanted %s",
			           reader->row->name, reader->part, pair->key,
			           param_wanted(reader->arena, reader->row));
			good = false;
		} else {
			good &= text_read(reader, pair == NULL ? value : &pair->value, &items[i]);
		}
	}
	if (!good)
		return false;
	texts = arena_new0(reader->arena, pp_texts_t);
	texts->count = count;
	texts->items = items;
	*result = texts;
	return true;
}

static bool networks_read(const struct reader *reader, const pp_value_t *value,
                          const pp_networks_t **networks)
{
	pp_networks_builder_t *builder;
	const pp_texts_t *texts;

	if (!texts_read(reader, value, &texts))
		return false;
	builder = pp_networks_builder_new();
	for (size_t i = 0; i < texts->count; i++) {
		pp_address_t address;
		int prefix;

		if (pp_network_parse(texts->items[i], true, &address, &prefix))
			pp_networks_add(builder, &address, prefix, 0);
	}
	*networks = pp_networks_build(builder);
	return true;
}

static bool table_read(const struct reader *reader, const pp_value_t *value, const pp_value_t **table)
{
	pp_value_t *copy;

	if (value->kind != PP_LIST && (value->kind != PP_STRING || reader->row->dflt == NULL))
		return bad_kind(reader, value);
	copy = arena_new0(reader->arena, pp_value_t);
	*copy = value_copy(reader->arena, value);
	*table = copy;
	return true;
}

static bool number_read(const struct reader *reader, const pp_value_t *value, void *member)
{
	struct amount amount = { 0 };

	if (!amount_read(reader, value, &amount) || !within_limits(reader, value, &amount))
		return false;
	if (reader->row->type == PP_TYPE_NUMBER)
		*(double *)member = amount.real;
	else
		*(int64_t *)member = amount.integer;
	return true;
}

/* Sets the member; it stays as it was if the value is wrong, which is added to the errors. */
static bool member_read(const struct reader *reader, const pp_value_t *value, void *member)
{
	const pp_networks_t *networks;

	switch (reader->row->type) {
	case PP_TYPE_BOOL:
		if (value->kind != PP_BOOLEAN)
			return bad_kind(reader, value);
		*(bool *)member = value->boolean;
		return true;
	case PP_TYPE_INT:
	case PP_TYPE_NUMBER:
	case PP_TYPE_DURATION:
	case PP_TYPE_BYTES: return number_read(reader, value, member);
	case PP_TYPE_TEXT:
	case PP_TYPE_FILE:
	case PP_TYPE_ATTRIBUTE: return text_read(reader, value, member);
	case PP_TYPE_CHOICE: return choice_read(reader, value, member);
	case PP_TYPE_TEXTS:
	case PP_TYPE_ATTRIBUTES:
	case PP_TYPE_FIELDS: return texts_read(reader, value, member);
	case PP_TYPE_TABLE: return table_read(reader, value, member);
	case PP_TYPE_ACTION:
		if (value->kind != PP_MADE_ACTION)
			return bad_kind(reader, value);
		*(const pp_action_t **)member = value_action_copy(reader->arena, value->action);
		return true;
	case PP_TYPE_NETWORKS:
		if (!networks_read(reader, value, &networks))
			return false;
		pp_networks_free(*(pp_networks_t **)member);
		*(const pp_networks_t **)member = networks;
		return true;
	case PP_TYPE_END: break;
	}
	return false;
}

static void member_clear(const pp_row_t *row, void *member)
{
	switch (row->type) {
	case PP_TYPE_BOOL: *(bool *)member = false; break;
	case PP_TYPE_INT:
	case PP_TYPE_DURATION:
	case PP_TYPE_BYTES: *(int64_t *)member = 0; break;
	case PP_TYPE_NUMBER: *(double *)member = 0; break;
	default: *(void **)member = NULL; break;
	}
}

static void *member_of(const pp_row_t *row, void *structure)
{
	return (char *)structure + row->offset;
}

/* -- whole structs ------------------------------------------------------- */

/* The member's default. */
static void default_read(struct reader reader, void *member)
{
	pp_value_t value;

	member_clear(reader.row, member);
	if (reader.row->dflt == NULL)
		return;
	reader.part = ": default";
	reader.line = 0;
	value = value_of_text(&reader, reader.row->dflt);
	member_read(&reader, &value, member);
}

static void unknown_check(const pp_row_t *rows, const pp_value_t *values, const struct param_options *options,
                          struct arena *arena, struct pp_error *error)
{
	const char *noun = error->noun != NULL ? error->noun : "parameter";
	g_autofree const char **names = param_names(rows, options->others);
	bool unnamed = false;

	for (size_t i = 0; i < values->list.count; i++) {
		const pp_pair_t *pair = &values->list.pairs[i];

		if (pair->key != NULL && !g_strv_contains(names, pair->key)) {
			param_fail(error, pair->value.line, "no %s '%s'%s", noun, pair->key,
			           suggestion(arena, pair->key, names));
		} else if (pair->key == NULL && !options->lists_first && !unnamed) {
			param_fail(error, pair->value.line, "found %s, wanted %ss written as name = value",
			           value_show(arena, &pair->value), noun);
			unnamed = true;
		}
	}
}

bool param_read(const pp_row_t *rows, const pp_value_t *values, const struct param_options *options,
                struct arena *arena, void *structure, struct pp_error *error)
{
	static const struct param_options none;
	guint before = error->messages->len;
	struct reader reader = { .arena = arena, .error = error, .part = "" };

	if (options == NULL)
		options = &none;
	reader.folder = options->folder != NULL ? options->folder : ".";
	if (values != NULL && values->kind != PP_LIST) {
		if (values->kind != PP_NIL)
			param_fail(error, values->line, "found %s, wanted a table",
			           value_show(arena, values));
		values = NULL;
	}
	for (const pp_row_t *row = rows; row != NULL && row->name != NULL; row++) {
		const pp_value_t *value = value_get(values, row->name);

		reader.row = row;
		default_read(reader, member_of(row, structure));
		if (value != NULL && value->kind != PP_NIL) {
			reader.line = value->line;
			member_read(&reader, value, member_of(row, structure));
		} else if (row->required) {
			param_fail(error, 0, "%s: missing", row->name);
		}
	}
	if (values != NULL)
		unknown_check(rows, values, options, arena, error);
	return error->messages->len == before;
}

void param_clear(const pp_row_t *rows, void *structure)
{
	for (const pp_row_t *row = rows; row != NULL && row->name != NULL; row++) {
		if (row->type != PP_TYPE_NETWORKS)
			continue;
		pp_networks_free(*(pp_networks_t **)member_of(row, structure));
		member_clear(row, member_of(row, structure));
	}
}

/* False, and a message, if the row itself is wrong. */
static bool row_check(const struct reader *reader)
{
	const pp_row_t *row = reader->row;
	struct amount least = { 0 }, most = { 0 };
	const char *wrong = NULL;

	switch (row->type) {
	case PP_TYPE_TEXT:
	case PP_TYPE_INT:
	case PP_TYPE_NUMBER:
	case PP_TYPE_DURATION:
	case PP_TYPE_BYTES:
		if (row->min != NULL && !limit_read(reader, row->min, &least))
			return false;
		if (row->max != NULL && !limit_read(reader, row->max, &most))
			return false;
		if (row->min != NULL && row->max != NULL &&
		    (least.integer > most.integer || least.real > most.real))
			wrong = "its minimum is above its maximum";
		break;
	case PP_TYPE_CHOICE:
		if (row->choices == NULL)
			wrong = "a choice without choices";
		break;
	default:
		if (row->min != NULL || row->max != NULL)
			wrong = "its type has no limits";
		break;
	}
	if (wrong != NULL)
		param_fail(reader->error, 0, "%s: %s", row->name, wrong);
	return wrong == NULL;
}

bool param_defaults(const pp_row_t *rows, struct arena *arena, void *structure, struct pp_error *error)
{
	guint before = error->messages->len;
	struct reader reader = { .arena = arena, .error = error, .part = "" };

	for (const pp_row_t *row = rows; row != NULL && row->name != NULL; row++) {
		reader.row = row;
		member_clear(row, member_of(row, structure));
		if (row_check(&reader))
			default_read(reader, member_of(row, structure));
	}
	return error->messages->len == before;
}
