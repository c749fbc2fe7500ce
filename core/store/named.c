/* store/named.c - statements run with arguments by their names, and rows read by the names of columns */
#include "store/named.h"

#include <glib.h>
#include <string.h>
#include "store/statement.h"

struct database_value named_text(const char *text)
{
	if (text == NULL)
		return (struct database_value){ .kind = PP_NIL };
	return (struct database_value){ .kind = PP_STRING, .string = text, .length = (uint32_t)strlen(text) };
}

struct database_value named_number(int64_t number)
{
	return (struct database_value){ .kind = PP_INTEGER, .integer = number };
}

bool named_run(struct store *store, const struct statement *statement, const struct named_argument *arguments,
               struct store_rows **rows, char **error)
{
	g_autofree struct database_value *values = g_new0(struct database_value, statement->arg_count + 1);

	for (unsigned i = 0; i < statement->arg_count; i++)
		for (const struct named_argument *each = arguments; each->name != NULL; each++)
			if (strcmp(each->name, statement->args[i]) == 0)
				values[i] = each->value;
	return store_run(store, statement, values, rows, error);
}

static const struct database_value *find_value(const struct store_rows *rows, unsigned row, const char *name)
{
	for (unsigned i = 0; i < rows->columns; i++)
		if (strcmp(rows->names[i], name) == 0)
			return &rows->values[(size_t)row * rows->columns + i];
	return NULL;
}

const char *named_text_of(const struct store_rows *rows, unsigned row, const char *name)
{
	const struct database_value *value = find_value(rows, row, name);

	return value != NULL && value->kind == PP_STRING ? value->string : NULL;
}

int64_t named_number_of(const struct store_rows *rows, unsigned row, const char *name)
{
	const struct database_value *value = find_value(rows, row, name);

	return value != NULL && value->kind == PP_INTEGER ? value->integer : 0;
}
