/* store/batch.c - many asks as few statements, each with an answer of its own */
#include "store/batch.h"

#include <glib.h>
#include "store/inside.h"
#include "store/match.h"

enum {
	ENTRIES_FIRST = 256,
	RUN_BYTES = 512 << 10 /* of a run of many: servers end connections on which more than so much comes */
};

/* The asks of one statement. */
struct group {
	const struct statement *statement;
	unsigned first, count; /* in the sorted entries */
};

struct batch {
	struct match_entry *entries; /* in order of arrival */
	struct match_entry *sorted;  /* by statement, then round, then key */
	unsigned count, room;
	bool arranged;
	GArray *groups; /* struct group, in order of arrival */
	struct match_run run;
	unsigned rows_written;
	bool carefully; /* while it runs */
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
	match_run_clear(&batch->run);
	g_array_unref(batch->groups);
	g_free(batch->entries);
	g_free(batch->sorted);
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
		batch->entries = g_renew(struct match_entry, batch->entries, batch->room);
		batch->sorted = g_renew(struct match_entry, batch->sorted, batch->room);
	}
	if (batch->count == 0 || group_at(batch, group)->statement != ask->statement)
		group = group_of(batch, ask->statement);
	group_at(batch, group)->count++;
	batch->entries[batch->count++] = (struct match_entry){ .ask = ask, .group = group };
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

static int compare_rounds(const void *a, const void *b, void *data)
{
	const struct match_entry *left = a, *right = b;

	(void)data;
	return (left->round > right->round) - (left->round < right->round);
}

/* Both sorts leave equal ones in their order: that of arrival, then that of keys. */
static void arrange_keys(struct group *group, struct match_entry *entries)
{
	unsigned rounds = 0;

	g_qsort_with_data(entries, (int)group->count, sizeof(*entries), match_compare,
	                  (void *)group->statement);
	entries[0].round = 0;
	for (unsigned i = 1; i < group->count; i++) {
		bool same = match_compare(&entries[i - 1], &entries[i], (void *)group->statement) == 0;

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

static bool give_rows(struct batch *batch, struct match_entry *entries, unsigned count,
                      const char *const *names)
{
	const struct statement *statement = entries->ask->statement;
	g_autofree unsigned *columns = NULL;

	if (has_key(statement) && batch->run.gather.columns > 0) {
		columns = g_new(unsigned, statement->key_count);
		if (!match_columns(&batch->run.gather, statement, names, columns))
			return match_refuse(&batch->run, statement, "lacks a column of its key");
		/* Else it is run alone, which is what happens to keys that the database takes for equal and
		 * we do not. */
		if (count > 1 && (batch->run.gather.count != count ||
		                  !match_rows(&batch->run.gather, entries, count, columns)))
			return match_refuse(&batch->run, statement, "has not a row for each key");
	}
	for (unsigned i = 0; i < count; i++) {
		struct store_ask *ask = entries[i].ask;

		if (count == 1)
			ask->rows = rows_new(&batch->run.gather, 0, batch->run.gather.count);
		else
			ask->rows = rows_new(&batch->run.gather, entries[i].row, columns != NULL ? 1 : 0);
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

static bool run_once(struct batch *batch, struct match_entry *entries, unsigned count)
{
	const char *const *names = NULL;

	return match_run(&batch->run, entries, count, &names) && give_rows(batch, entries, count, names);
}

/* As many rows as a run may have. When they are refused each half is tried, until the
 * one that is at fault stands alone. */
static bool run_part(struct batch *batch, struct match_entry *entries, unsigned count)
{
	const struct database_driver *driver = batch->run.driver;
	struct database_error error;

	if (!batch->carefully)
		return run_once(batch, entries, count);
	if (!driver->savepoint(batch->run.database, batch->run.error))
		return false;
	if (run_once(batch, entries, count))
		return driver->release(batch->run.database, batch->run.error);
	if (batch->run.error->fault != DATABASE_DATA)
		return false;
	if (count == 1)
		store_ask_fail(entries->ask, batch->run.error->text);
	if (!driver->undo(batch->run.database, &error)) {
		/* Else the transaction was refused with the row, which is what there is to say. */
		if (error.fault != DATABASE_DATA)
			*batch->run.error = error;
		return false;
	}
	return count == 1 || (run_part(batch, entries, count / 2) &&
	                      run_part(batch, entries + count / 2, count - count / 2));
}

/* How many a run may have: such as one of MySQL with max_allowed_packet = 1M. */
static unsigned rows_of_run(const struct batch *batch, const struct match_entry *entries, unsigned count)
{
	size_t bytes = 0;
	unsigned fit = 0;

	while (fit < MIN(count, STATEMENT_ROWS_MAX) && bytes + entries[fit].ask->bytes <= RUN_BYTES)
		bytes += entries[fit++].ask->bytes;
	return statement_rows(MAX(fit, 1), batch->run.driver->remote);
}

/* Entries of one statement, each with another key. */
static bool run_round(struct batch *batch, struct match_entry *entries, unsigned count)
{
	bool keyed = has_key(entries->ask->statement);

	if (entries->ask->statement->writes)
		batch->rows_written += count;
	for (unsigned rows; count > 0; count -= rows, entries += rows) {
		rows = keyed ? rows_of_run(batch, entries, count) : 1;
		if (!run_part(batch, entries, rows))
			return false;
	}
	return true;
}

static bool run_group(struct batch *batch, const struct group *group)
{
	struct match_entry *entries = batch->sorted + group->first;
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
	batch->run.driver = driver;
	batch->run.database = database;
	batch->run.error = error;
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
