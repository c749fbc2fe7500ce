/* store/reads.c - many asks that read as few statements, each with rows of its own */
#include "store/reads.h"

#include <glib.h>
#include <string.h>
#include "store/inside.h"
#include "store/match.h"

#define PATIENCE STORE_SECOND /* what is refused later than this is not tried again */

struct reads {
	struct match_entry asks[STATEMENT_ROWS_MAX];    /* sorted by key; group: the index of its leader */
	struct match_entry leaders[STATEMENT_ROWS_MAX]; /* the first of each key; group: of asks */
	unsigned ask_count, leader_count;
	struct database_value *values; /* of a run */
	size_t value_room;
	struct rows_gather gather;

	/* While it runs. */
	int64_t began;
	const struct statement *statement;
	const struct database_driver *driver;
	struct database *database;
	struct database_error *error;
};

struct reads *reads_new(void)
{
	return g_new0(struct reads, 1);
}

void reads_free(struct reads *reads)
{
	if (reads == NULL)
		return;
	rows_gather_free(&reads->gather);
	g_free(reads->values);
	g_free(reads);
}

/* -- before ---------------------------------------------------------------- */

static void arrange(struct reads *reads, struct store_ask *asks)
{
	const struct statement *statement = asks->statement;

	reads->statement = statement;
	reads->ask_count = reads->leader_count = 0;
	for (; asks != NULL; asks = asks->next)
		reads->asks[reads->ask_count++] = (struct match_entry){ .ask = asks };
	if (reads->ask_count > 1)
		g_qsort_with_data(reads->asks, (int)reads->ask_count, sizeof(*reads->asks), match_compare,
		                  (void *)statement);
	for (unsigned i = 0; i < reads->ask_count; i++) {
		if (i == 0 || match_compare(&reads->asks[i - 1], &reads->asks[i], (void *)statement) != 0) {
			reads->leaders[reads->leader_count] = reads->asks[i];
			reads->leaders[reads->leader_count++].group = i;
		}
		reads->asks[i].group = reads->leader_count - 1;
	}
}

static bool refuse(struct reads *reads, const char *what)
{
	reads->error->fault = DATABASE_DATA;
	g_snprintf(reads->error->text, sizeof(reads->error->text), "statement %s: its result %s",
	           reads->statement->name, what);
	return false;
}

/* -- a run ----------------------------------------------------------------- */

/* Those of a leader's key: rows of the result, or NULL text. */
static void answer(struct reads *reads, const struct match_entry *leader, unsigned first, unsigned count,
                   const char *text)
{
	unsigned group = reads->asks[leader->group].group;

	for (unsigned i = leader->group; i < reads->ask_count && reads->asks[i].group == group; i++) {
		struct store_ask *ask = reads->asks[i].ask;

		if (text != NULL) {
			store_ask_fail(ask, text);
			continue;
		}
		ask->rows = rows_new(&reads->gather, first, count);
		ask->state = STORE_DONE;
	}
}

static bool give_rows(struct reads *reads, struct match_entry *leaders, unsigned count,
                      const char *const *names)
{
	g_autofree unsigned *columns = NULL;

	if (reads->gather.too_much)
		return refuse(reads, "is too large");
	rows_gather_names(&reads->gather, names);
	if (count == 1) {
		answer(reads, leaders, 0, reads->gather.count, NULL);
		return true;
	}
	columns = g_new(unsigned, reads->statement->key_count);
	if (!match_columns(&reads->gather, reads->statement, names, columns))
		return refuse(reads, "lacks a column of its key");
	if (!match_rows(&reads->gather, leaders, count, columns))
		return refuse(reads, "has a row that is nobody's");
	for (unsigned i = 0; i < count; i++)
		answer(reads, &leaders[i], leaders[i].row != MATCH_NONE ? leaders[i].row : 0,
		       leaders[i].row != MATCH_NONE, NULL);
	return true;
}

static bool run_once(struct reads *reads, struct match_entry *leaders, unsigned count)
{
	size_t each = reads->statement->arg_count;
	const char *const *names = NULL;

	if (each * count > reads->value_room) {
		reads->value_room = each * count;
		reads->values = g_renew(struct database_value, reads->values, reads->value_room);
	}
	for (unsigned i = 0; i < count && each > 0; i++)
		memcpy(reads->values + i * each, leaders[i].ask->values, each * sizeof(*reads->values));
	rows_gather_start(&reads->gather);
	return reads->driver->run(reads->database, reads->statement, count, reads->values, &names,
	                          &reads->gather.columns, rows_gather_row, &reads->gather, reads->error) &&
	       give_rows(reads, leaders, count, names);
}

static void fail_part(struct reads *reads, const struct match_entry *leaders, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		answer(reads, &leaders[i], 0, 0, reads->error->text);
}

/* What is refused is run by halves, until the one that is at fault stands alone. But for what was ended since
 * it took too long, as when the disk is slow: its halves would, one after the other, and nobody waits still.
 */
static bool run_part(struct reads *reads, struct match_entry *leaders, unsigned count)
{
	if (run_once(reads, leaders, count))
		return true;
	if (reads->error->fault != DATABASE_DATA)
		return false;
	if (count == 1 || g_get_monotonic_time() - reads->began >= PATIENCE) {
		fail_part(reads, leaders, count);
		return true;
	}
	return run_part(reads, leaders, count / 2) && run_part(reads, leaders + count / 2, count - count / 2);
}

/* -- all of them ------------------------------------------------------------- */

static void take_back(struct reads *reads)
{
	for (unsigned i = 0; i < reads->ask_count; i++) {
		g_clear_pointer(&reads->asks[i].ask->rows, store_rows_free);
		reads->asks[i].ask->state = STORE_WAITING;
	}
}

bool reads_run(struct reads *reads, struct store_ask *asks, const struct database_driver *driver,
               struct database *database, struct database_error *error)
{
	bool good = true;

	arrange(reads, asks);
	reads->driver = driver;
	reads->database = database;
	reads->error = error;
	reads->began = g_get_monotonic_time();
	for (unsigned first = 0, rows; first < reads->leader_count && good; first += rows) {
		rows = statement_rows(reads->leader_count - first, driver->remote);
		good = run_part(reads, reads->leaders + first, rows);
	}
	if (!good)
		take_back(reads);
	return good;
}
