/* store/batch.c - many asks as few statements, each with an answer of its own */
#include "store/batch.h"

#include <glib.h>
#include <string.h>
#include "store/inside.h"

enum { ENTRIES_FIRST = 256 };

struct entry {
	struct store_ask *ask;
	unsigned group; /* its statement */
	unsigned round; /* how many with its key come before it */
	unsigned row;   /* of the result that is being told apart, ROW_NONE = not found yet */
};
#define ROW_NONE UINT_MAX

/* The asks of one statement. */
struct group {
	const struct statement *statement;
	unsigned first, count; /* in the sorted entries */
};

struct batch {
	struct entry *entries; /* in order of arrival */
	struct entry *sorted;  /* by statement, then round, then key */
	unsigned count, room;
	bool arranged;
	GArray *groups;                /* struct group, in order of arrival */
	struct database_value *values; /* of a run */
	size_t value_room;
	struct rows_gather gather;
	unsigned rows_written;

	/* While it runs. */
	bool carefully;
	const struct database_driver *driver;
	struct database *database;
	struct database_error *error;
};

struct batch *batch_new(void)
{
	struct batch *batch = g_new0(struct batch, 1);

	batch->groups = g_array_new(false, false, sizeof(struct group));
	return batch;
}

void batch_free(struct batch *batch)
{
	if (batch == NULL)
		return;
	rows_gather_free(&batch->gather);
	g_array_unref(batch->groups);
	g_free(batch->entries);
	g_free(batch->sorted);
	g_free(batch->values);
	g_free(batch);
}

static struct group *group_at(const struct batch *batch, unsigned index)
{
	return &g_array_index(batch->groups, struct group, index);
}

static unsigned group_of(struct batch *batch, const struct statement *statement)
{
	struct group group = { .statement = statement };

	for (unsigned i = 0; i < batch->groups->len; i++)
		if (group_at(batch, i)->statement == statement)
			return i;
	g_array_append_val(batch->groups, group);
	return batch->groups->len - 1;
}

void batch_add(struct batch *batch, struct store_ask *ask)
{
	unsigned group = batch->count > 0 ? batch->entries[batch->count - 1].group : 0;

	if (batch->count == batch->room) {
		batch->room = MAX(ENTRIES_FIRST, batch->room * 2);
		batch->entries = g_renew(struct entry, batch->entries, batch->room);
		batch->sorted = g_renew(struct entry, batch->sorted, batch->room);
	}
	if (batch->count == 0 || group_at(batch, group)->statement != ask->statement)
		group = group_of(batch, ask->statement);
	group_at(batch, group)->count++;
	batch->entries[batch->count++] = (struct entry){ .ask = ask, .group = group };
}

unsigned batch_count(const struct batch *batch)
{
	return batch->count;
}

unsigned batch_rows_written(const struct batch *batch)
{
	return batch->rows_written;
}

/* -- arranging ----------------------------------------------------------- */

static bool has_key(const struct statement *statement)
{
	return statement->writes && statement->key_count > 0;
}

static int compare_keys(const void *a, const void *b, void *data)
{
	const struct database_value *left = ((const struct entry *)a)->ask->values;
	const struct database_value *right = ((const struct entry *)b)->ask->values;
	const struct statement *statement = data;
	int order = 0;

	for (unsigned i = 0; i < statement->key_count && order == 0; i++)
		order = rows_compare(&left[statement->keys[i]], &right[statement->keys[i]]);
	return order;
}

static int compare_rounds(const void *a, const void *b, void *data)
{
	const struct entry *left = a, *right = b;

	(void)data;
	return (left->round > right->round) - (left->round < right->round);
}

/* Both sorts leave equal ones in their order: that of arrival, then that of keys. */
static void arrange_keys(struct group *group, struct entry *entries)
{
	unsigned rounds = 0;

	g_qsort_with_data(entries, (int)group->count, sizeof(*entries), compare_keys,
	                  (void *)group->statement);
	entries[0].round = 0;
	for (unsigned i = 1; i < group->count; i++) {
		bool same = compare_keys(&entries[i - 1], &entries[i], (void *)group->statement) == 0;

		entries[i].round = same ? entries[i - 1].round + 1 : 0;
		rounds = MAX(rounds, entries[i].round);
	}
	if (rounds > 0)
		g_qsort_with_data(entries, (int)group->count, sizeof(*entries), compare_rounds, NULL);
}

static void arrange(struct batch *batch)
{
	unsigned first = 0;

	for (unsigned i = 0; i < batch->groups->len; i++) {
		group_at(batch, i)->first = first;
		first += group_at(batch, i)->count;
		group_at(batch, i)->count = 0;
	}
	for (unsigned i = 0; i < batch->count; i++) {
		struct group *group = group_at(batch, batch->entries[i].group);

		batch->sorted[group->first + group->count++] = batch->entries[i];
	}
	for (unsigned i = 0; i < batch->groups->len; i++) {
		struct group *group = group_at(batch, i);

		if (has_key(group->statement))
			arrange_keys(group, batch->sorted + group->first);
	}
	batch->arranged = true;
}

/* -- whose row is it ----------------------------------------------------- */

static bool refuse(struct batch *batch, const struct statement *statement, const char *what)
{
	batch->error->fault = DATABASE_DATA;
	g_snprintf(batch->error->text, sizeof(batch->error->text), "statement %s: its result %s",
	           statement->name, what);
	return false;
}

/* Which columns of the result are the key's. */
static bool find_key_columns(struct batch *batch, const struct statement *statement, const char *const *names,
                             unsigned *columns)
{
	for (unsigned i = 0; i < statement->key_count; i++) {
		const char *key = statement->args[statement->keys[i]];
		unsigned column = 0;

		while (column < batch->gather.columns && strcmp(names[column], key) != 0)
			column++;
		if (column == batch->gather.columns)
			return refuse(batch, statement, "lacks a column of its key");
		columns[i] = column;
	}
	return true;
}

static int compare_row(const struct batch *batch, unsigned row, const struct entry *entry,
                       const unsigned *columns)
{
	const struct statement *statement = entry->ask->statement;
	int order = 0;

	for (unsigned i = 0; i < statement->key_count && order == 0; i++) {
		struct database_value value = rows_value(&batch->gather, row, columns[i]);

		order = rows_compare(&value, &entry->ask->values[statement->keys[i]]);
	}
	return order;
}

static struct entry *find_entry(struct batch *batch, unsigned row, struct entry *entries, unsigned count,
                                const unsigned *columns)
{
	unsigned low = 0, high = count;

	/* Databases return rows in the order in which they were sent, mostly. */
	if (row < count && compare_row(batch, row, &entries[row], columns) == 0)
		return &entries[row];
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = compare_row(batch, row, &entries[middle], columns);

		if (order == 0)
			return &entries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* False: a row is nobody's, or an ask has none or two. It is then run alone, which is
 * what happens to keys that the database takes for equal and we do not. */
static bool match(struct batch *batch, struct entry *entries, unsigned count, const unsigned *columns)
{
	const struct statement *statement = entries->ask->statement;

	for (unsigned i = 0; i < count; i++)
		entries[i].row = ROW_NONE;
	if (batch->gather.count != count)
		return refuse(batch, statement, "has not a row for each key");
	for (unsigned row = 0; row < count; row++) {
		struct entry *entry = find_entry(batch, row, entries, count, columns);

		if (entry == NULL || entry->row != ROW_NONE)
			return refuse(batch, statement, "has not a row for each key");
		entry->row = row;
	}
	return true;
}

static bool give_rows(struct batch *batch, struct entry *entries, unsigned count, const char *const *names)
{
	const struct statement *statement = entries->ask->statement;
	g_autofree unsigned *columns = NULL;

	if (batch->gather.too_much)
		return refuse(batch, statement, "is too large");
	rows_gather_names(&batch->gather, names);
	if (has_key(statement) && batch->gather.columns > 0) {
		columns = g_new(unsigned, statement->key_count);
		if (!find_key_columns(batch, statement, names, columns))
			return false;
		if (count > 1 && !match(batch, entries, count, columns))
			return false;
	}
	for (unsigned i = 0; i < count; i++) {
		struct store_ask *ask = entries[i].ask;

		if (count == 1)
			ask->rows = rows_new(&batch->gather, 0, batch->gather.count);
		else
			ask->rows = rows_new(&batch->gather, entries[i].row, columns != NULL ? 1 : 0);
		ask->state = STORE_DONE;
	}
	return true;
}

/* -- running ------------------------------------------------------------- */

static void take_back(struct store_ask *ask)
{
	g_clear_pointer(&ask->rows, store_rows_free);
	ask->state = STORE_WAITING;
}

static bool run_once(struct batch *batch, struct entry *entries, unsigned count)
{
	const struct statement *statement = entries->ask->statement;
	size_t each = statement->arg_count;
	const char *const *names = NULL;

	if (each * count > batch->value_room) {
		batch->value_room = each * STATEMENT_ROWS_MAX;
		batch->values = g_renew(struct database_value, batch->values, batch->value_room);
	}
	for (unsigned i = 0; i < count && each > 0; i++)
		memcpy(batch->values + i * each, entries[i].ask->values, each * sizeof(*batch->values));
	rows_gather_start(&batch->gather);
	return batch->driver->run(batch->database, statement, count, batch->values, &names,
	                          &batch->gather.columns, rows_gather_row, &batch->gather, batch->error) &&
	       give_rows(batch, entries, count, names);
}

/* As many rows as a run may have. When they are refused each half is tried, until the
 * one that is at fault stands alone. */
static bool run_part(struct batch *batch, struct entry *entries, unsigned count)
{
	const struct database_driver *driver = batch->driver;
	struct database_error error;

	if (!batch->carefully)
		return run_once(batch, entries, count);
	if (!driver->savepoint(batch->database, batch->error))
		return false;
	if (run_once(batch, entries, count))
		return driver->release(batch->database, batch->error);
	if (batch->error->fault != DATABASE_DATA)
		return false;
	if (count == 1)
		store_ask_fail(entries->ask, batch->error->text);
	if (!driver->undo(batch->database, &error)) {
		/* Else the transaction was refused with the row, which is what there is to say. */
		if (error.fault != DATABASE_DATA)
			*batch->error = error;
		return false;
	}
	return count == 1 || (run_part(batch, entries, count / 2) &&
	                      run_part(batch, entries + count / 2, count - count / 2));
}

/* Entries of one statement, each with another key. */
static bool run_round(struct batch *batch, struct entry *entries, unsigned count)
{
	unsigned most = has_key(entries->ask->statement) ? STATEMENT_ROWS_MAX : 1;

	if (entries->ask->statement->writes)
		batch->rows_written += count;
	for (unsigned rows = most; rows > 0; rows /= 2)
		for (; count >= rows; count -= rows, entries += rows)
			if (!run_part(batch, entries, rows))
				return false;
	return true;
}

static bool run_group(struct batch *batch, const struct group *group)
{
	struct entry *entries = batch->sorted + group->first;
	unsigned first = 0, end;

	if (!has_key(group->statement))
		return run_round(batch, entries, group->count);
	for (; first < group->count; first = end) {
		for (end = first + 1; end < group->count && entries[end].round == entries[first].round; end++)
			;
		if (!run_round(batch, entries + first, end - first))
			return false;
	}
	return true;
}

bool batch_run(struct batch *batch, bool carefully, const struct database_driver *driver,
               struct database *database, struct database_error *error)
{
	bool good = true;

	if (!batch->arranged)
		arrange(batch);
	batch->rows_written = 0;
	batch->carefully = carefully;
	batch->driver = driver;
	batch->database = database;
	batch->error = error;
	for (unsigned i = 0; i < batch->groups->len && good; i++)
		good = run_group(batch, group_at(batch, i));
	if (!good)
		batch_undo(batch);
	return good;
}

/* -- answering ----------------------------------------------------------- */

void batch_undo(struct batch *batch)
{
	for (unsigned i = 0; i < batch->count; i++)
		take_back(batch->entries[i].ask);
}

void batch_fail(struct batch *batch, const char *text)
{
	for (unsigned i = 0; i < batch->count; i++) {
		take_back(batch->entries[i].ask);
		store_ask_fail(batch->entries[i].ask, text);
	}
}

static void empty(struct batch *batch)
{
	batch->count = 0;
	batch->arranged = false;
	g_array_set_size(batch->groups, 0);
}

struct store_ask *batch_take(struct batch *batch)
{
	struct store_ask *asks = NULL;

	for (unsigned i = batch->count; i-- > 0;) {
		batch->entries[i].ask->next = asks;
		asks = batch->entries[i].ask;
	}
	empty(batch);
	return asks;
}

unsigned batch_answer(struct batch *batch)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		failed += batch->entries[i].ask->state == STORE_FAILED;
		store_ask_answer(batch->entries[i].ask);
	}
	empty(batch);
	return failed;
}
