/* store/rows.c - the rows of a result, copied out of the driver's hands */
#include "store/rows.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>

enum {
	VALUES_FIRST = 1024,
	TEXT_FIRST = 16 << 10,
	KEEP_MAX = 1 << 20,  /* bytes of room kept for the next statement */
	TEXT_MAX = 256 << 20 /* bytes of a result */
};
#define VALUES_MAX (TEXT_MAX / sizeof(struct database_value))

struct rows_names {
	atomic_int refs;
	unsigned count;
	const char *names[]; /* what they point to stands behind them */
};

struct result {
	struct store_rows rows;
	struct rows_names *names;
	struct database_value values[]; /* and behind them the strings */
};

/* -- names --------------------------------------------------------------- */

static struct rows_names *names_new(const char *const *names, unsigned count)
{
	size_t size = sizeof(struct rows_names) + count * sizeof(char *), text = 0;
	struct rows_names *all;
	char *out;

	for (unsigned i = 0; i < count; i++)
		text += strlen(names[i]) + 1;
	all = g_malloc(size + text);
	all->refs = 1;
	all->count = count;
	out = (char *)all + size;
	for (unsigned i = 0; i < count; i++) {
		all->names[i] = out;
		out = g_stpcpy(out, names[i]) + 1;
	}
	return all;
}

static void names_unref(struct rows_names *names)
{
	if (names != NULL && atomic_fetch_sub(&names->refs, 1) == 1)
		g_free(names);
}

static bool names_equal(const struct rows_names *names, const char *const *others, unsigned count)
{
	if (names == NULL || names->count != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names->names[i], others[i]) != 0)
			return false;
	return true;
}

/* -- gathering ----------------------------------------------------------- */

void rows_gather_start(struct rows_gather *gather)
{
	gather->columns = gather->count = 0;
	gather->too_much = false;
	gather->used = 0;
	if (gather->value_room * sizeof(struct database_value) > KEEP_MAX) {
		g_clear_pointer(&gather->values, g_free);
		gather->value_room = 0;
	}
	if (gather->room > KEEP_MAX) {
		g_clear_pointer(&gather->text, g_free);
		gather->room = 0;
	}
}

/* False: it would be too much. */
static bool reserve(struct rows_gather *gather, size_t values, size_t text)
{
	if (values > VALUES_MAX || text > TEXT_MAX)
		return false;
	if (values > gather->value_room) {
		gather->value_room = MAX(VALUES_FIRST, MAX(values, gather->value_room * 2));
		gather->values = g_renew(struct database_value, gather->values, gather->value_room);
	}
	if (text > gather->room) {
		gather->room = MAX(TEXT_FIRST, MAX(text, gather->room * 2));
		gather->text = g_realloc(gather->text, gather->room);
	}
	return true;
}

void rows_gather_row(const struct database_value *values, void *data)
{
	struct rows_gather *gather = data;
	size_t first = (size_t)gather->count * gather->columns, text = gather->used;

	for (unsigned i = 0; i < gather->columns; i++)
		if (values[i].kind == PP_STRING)
			text += values[i].length + 1;
	if (gather->too_much || !reserve(gather, first + gather->columns, text)) {
		gather->too_much = true;
		return;
	}
	for (unsigned i = 0; i < gather->columns; i++) {
		struct database_value *copy = &gather->values[first + i];

		*copy = values[i];
		if (copy->kind != PP_STRING)
			continue;
		memcpy(gather->text + gather->used, values[i].string, values[i].length);
		gather->text[gather->used + values[i].length] = '\0';
		copy->string = (const char *)(uintptr_t)gather->used;
		gather->used += values[i].length + 1;
	}
	gather->count++;
}

void rows_gather_names(struct rows_gather *gather, const char *const *names)
{
	if (names_equal(gather->names, names, gather->columns))
		return;
	names_unref(gather->names);
	gather->names = names_new(names, gather->columns);
}

void rows_gather_free(struct rows_gather *gather)
{
	g_free(gather->values);
	g_free(gather->text);
	names_unref(gather->names);
}

struct database_value rows_value(const struct rows_gather *gather, unsigned row, unsigned column)
{
	struct database_value value = gather->values[(size_t)row * gather->columns + column];

	if (value.kind == PP_STRING)
		value.string = gather->text + (uintptr_t)value.string;
	return value;
}

int rows_compare(const struct database_value *a, const struct database_value *b)
{
	int order;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == PP_INTEGER)
		return (a->integer > b->integer) - (a->integer < b->integer);
	if (a->kind == PP_REAL)
		return (a->real > b->real) - (a->real < b->real);
	if (a->kind != PP_STRING)
		return 0;
	order = memcmp(a->string, b->string, MIN(a->length, b->length));
	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* -- results ------------------------------------------------------------- */

struct store_rows *rows_new(const struct rows_gather *gather, unsigned first, unsigned count)
{
	size_t values = (size_t)count * gather->columns, text = 0;
	const struct database_value *from = gather->values + (size_t)first * gather->columns;
	struct result *result;
	char *out;

	for (size_t i = 0; i < values; i++)
		if (from[i].kind == PP_STRING)
			text += from[i].length + 1;
	result = g_malloc(sizeof(*result) + values * sizeof(*from) + text);
	out = (char *)(result->values + values);
	for (size_t i = 0; i < values; i++) {
		result->values[i] = from[i];
		if (from[i].kind != PP_STRING)
			continue;
		memcpy(out, gather->text + (uintptr_t)from[i].string, from[i].length + 1);
		result->values[i].string = out;
		out += from[i].length + 1;
	}
	result->names = gather->names;
	atomic_fetch_add(&result->names->refs, 1);
	result->rows = (struct store_rows){ .count = count,
		                            .columns = gather->columns,
		                            .names = result->names->names,
		                            .values = result->values };
	return &result->rows;
}

void store_rows_free(struct store_rows *rows)
{
	struct result *result = (struct result *)rows;

	if (result == NULL)
		return;
	names_unref(result->names);
	g_free(result);
}
