/* store/match.c - asks of a statement run as one, and which row of the result belongs to which ask */
#include "store/match.h"

#include <glib.h>
#include <string.h>

/* -- running ------------------------------------------------------------- */

bool match_refuse(struct match_run *run, const struct statement *statement, const char *what)
{
	run->error->fault = DATABASE_DATA;
	g_snprintf(run->error->text, sizeof(run->error->text), "statement %s: its result %s", statement->name,
	           what);
	return false;
}

bool match_run(struct match_run *run, const struct match_entry *entries, unsigned count,
               const char *const **names)
{
	const struct statement *statement = entries->ask->statement;
	size_t each = statement->arg_count;

	if (each * count > run->value_room) {
		run->value_room = each * STATEMENT_ROWS_MAX;
		run->values = g_renew(struct database_value, run->values, run->value_room);
	}
	for (unsigned i = 0; i < count && each > 0; i++)
		memcpy(run->values + i * each, entries[i].ask->values, each * sizeof(*run->values));
	rows_gather_start(&run->gather);
	if (!run->driver->run(run->database, statement, count, run->values, names, &run->gather.columns,
	                      rows_gather_row, &run->gather, run->error))
		return false;
	if (run->gather.too_much)
		return match_refuse(run, statement, "is too large");
	rows_gather_names(&run->gather, *names);
	return true;
}

void match_run_clear(struct match_run *run)
{
	rows_gather_free(&run->gather);
	g_free(run->values);
	*run = (struct match_run){ 0 };
}

/* -- whose row is it ----------------------------------------------------- */

int match_compare(const void *a, const void *b, void *data)
{
	const struct database_value *left = ((const struct match_entry *)a)->ask->values;
	const struct database_value *right = ((const struct match_entry *)b)->ask->values;
	const struct statement *statement = data;
	int order = 0;

	for (unsigned i = 0; i < statement->key_count && order == 0; i++)
		order = rows_compare(&left[statement->keys[i]], &right[statement->keys[i]]);
	return order;
}

bool match_columns(const struct rows_gather *gather, const struct statement *statement,
                   const char *const *names, unsigned *columns)
{
	for (unsigned i = 0; i < statement->key_count; i++) {
		const char *key = statement->args[statement->keys[i]];
		unsigned column = 0;

		while (column < gather->columns && strcmp(names[column], key) != 0)
			column++;
		if (column == gather->columns)
			return false;
		columns[i] = column;
	}
	return true;
}

static int compare_row(const struct rows_gather *gather, unsigned row, const struct match_entry *entry,
                       const unsigned *columns)
{
	const struct statement *statement = entry->ask->statement;
	int order = 0;

	for (unsigned i = 0; i < statement->key_count && order == 0; i++) {
		struct database_value value = rows_value(gather, row, columns[i]);

		order = rows_compare(&value, &entry->ask->values[statement->keys[i]]);
	}
	return order;
}

static struct match_entry *find_entry(const struct rows_gather *gather, unsigned row,
                                      struct match_entry *entries, unsigned count, const unsigned *columns)
{
	unsigned low = 0, high = count;

	/* Databases return rows in the order in which they were sent, mostly. */
	if (row < count && compare_row(gather, row, &entries[row], columns) == 0)
		return &entries[row];
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = compare_row(gather, row, &entries[middle], columns);

		if (order == 0)
			return &entries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool match_rows(const struct rows_gather *gather, struct match_entry *entries, unsigned count,
                const unsigned *columns)
{
	for (unsigned i = 0; i < count; i++)
		entries[i].row = MATCH_NONE;
	for (unsigned row = 0; row < gather->count; row++) {
		struct match_entry *entry = find_entry(gather, row, entries, count, columns);

		if (entry == NULL || entry->row != MATCH_NONE)
			return false;
		entry->row = row;
	}
	return true;
}
