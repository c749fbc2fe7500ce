/* rule/manual_rows.c - rows as items of a manual page */
#include "rule/manual_rows.h"

#include <string.h>

static bool is_list(const pp_row_t *row)
{
	return row->type == PP_TYPE_TEXTS || row->type == PP_TYPE_NETWORKS ||
	       row->type == PP_TYPE_ATTRIBUTES || row->type == PP_TYPE_FIELDS;
}

char *manual_rows_default(const pp_row_t *row, const char *dflt)
{
	g_auto(GStrv) words = NULL;
	g_autofree char *joined = NULL;

	if (dflt == NULL)
		return NULL;
	if (row->type == PP_TYPE_BOOL || row->type == PP_TYPE_INT || row->type == PP_TYPE_NUMBER)
		return g_strdup(dflt);
	if (!is_list(row) || strchr(dflt, ' ') == NULL)
		return g_strdup_printf("\"%s\"", dflt);
	words = g_strsplit(dflt, " ", -1);
	joined = g_strjoinv("\", \"", words);
	return g_strdup_printf("{ \"%s\" }", joined);
}

static const char *unit_of(const pp_row_t *row)
{
	if (row->unit != NULL)
		return row->unit;
	return row->type == PP_TYPE_TEXT ? "bytes" : NULL;
}

static void append_range(GString *out, const pp_row_t *row)
{
	const char *unit = unit_of(row);

	if (row->min != NULL && row->max != NULL)
		g_string_append_printf(out, " from %s to %s", row->min, row->max);
	else if (row->min != NULL)
		g_string_append_printf(out, " of at least %s", row->min);
	else if (row->max != NULL)
		g_string_append_printf(out, " of at most %s", row->max);
	else if (row->unit != NULL)
		g_string_append(out, " of");
	else
		return;
	if (unit != NULL)
		g_string_append_printf(out, " %s", unit);
}

char *manual_rows_limits(const pp_row_t *row, const char *dflt)
{
	g_autofree char *shown = manual_rows_default(row, dflt);
	GString *out = g_string_new(NULL);

	append_range(out, row);
	if (row->required)
		g_string_append(out, "; required");
	if (shown != NULL)
		g_string_append_printf(out, "; default %s", shown);
	return g_string_free(out, FALSE);
}

static char *type_of(const pp_row_t *row)
{
	g_auto(GStrv) words = NULL;
	g_autofree char *joined = NULL;

	if (row->type != PP_TYPE_CHOICE)
		return g_strdup(param_type_name(row));
	words = g_strsplit(row->choices, " ", -1);
	joined = g_strjoinv("\", \"", words);
	return g_strdup_printf("one of \"%s\"", joined);
}

void manual_rows_add_one(struct page *page, const pp_row_t *row, const char *dflt)
{
	g_autofree char *type = type_of(row);
	g_autofree char *limits = manual_rows_limits(row, dflt);
	g_autofree char *rest = g_strdup_printf(" = %s%s", type, limits);

	page_item(page, row->name, rest, row->help);
}

void manual_rows_add(struct page *page, const pp_row_t *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		manual_rows_add_one(page, rows, rows->dflt);
}
