/* store/reads.c - many asks that read as few statements, each with rows of its own */
#include "store/reads.h"

#include <glib.h>
#include "store/inside.h"
#include "store/match.h"

#define PATIENCE STORE_SECOND /* what is refused later than this is not tried again */

struct reads {
	struct match_entry asks[STATEMENT_ROWS_MAX];    /* sorted by key; group: the index of its leader */
	struct match_entry leaders[STATEMENT_ROWS_MAX]; /* the first of each key; group: of asks */
	unsigned ask_count, leader_count;
	struct match_run run;
	int64_t began; /* while it runs */
};

struct reads *reads_new(void)
{
	return g_new0(struct reads, 1);
}

void reads_free(struct reads *reads)
{
	if (reads == NULL)
		return;
	match_run_clear(&reads->run);
	g_free(reads);
}

/* -- before ---------------------------------------------------------------- */

static void arrange(struct reads *reads, struct store_ask *asks)
{
	const struct statement *statement = asks->statement;

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
		ask->rows = rows_new(&reads->run.gather, first, count);
		ask->state = STORE_DONE;
	}
}

static bool give_rows(struct reads *reads, struct match_entry *leaders, unsigned count,
                      const char *const *names)
{
	g_autofree unsigned *columns = NULL;

	if (count == 1) {
		answer(reads, leaders, 0, reads->run.gather.count, NULL);
		return true;
	}
	columns = g_new(unsigned, leaders->ask->statement->key_count);
	if (!match_columns(&reads->run.gather, leaders->ask->statement, names, columns))
		return match_refuse(&reads->run, leaders->ask->statement, "lacks a column of its key");
	if (!match_rows(&reads->run.gather, leaders, count, columns))
		return match_refuse(&reads->run, leaders->ask->statement, "has a row that is nobody's");
	for (unsigned i = 0; i < count; i++)
		answer(reads, &leaders[i], leaders[i].row != MATCH_NONE ? leaders[i].row : 0,
		       leaders[i].row != MATCH_NONE, NULL);
	return true;
}

static bool run_once(struct reads *reads, struct match_entry *leaders, unsigned count)
{
	const char *const *names = NULL;

	return match_run(&reads->run, leaders, count, &names) && give_rows(reads, leaders, count, names);
}

static void fail_part(struct reads *reads, const struct match_entry *leaders, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		answer(reads, &leaders[i], 0, 0, reads->run.error->text);
}

/* What is refused is run by halves, until the one that is at fault stands alone. But for what was ended since
 * it took too long, as when the disk is slow: its halves would, one after the other, and nobody waits still.
 */
static bool run_part(struct reads *reads, struct match_entry *leaders, unsigned count)
{
	if (run_once(reads, leaders, count))
		return true;
	if (reads->run.error->fault != DATABASE_DATA)
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
	reads->run.driver = driver;
	reads->run.database = database;
	reads->run.error = error;
	reads->began = g_get_monotonic_time();
	for (unsigned first = 0, rows; first < reads->leader_count && good; first += rows) {
		rows = statement_rows(reads->leader_count - first, driver->remote);
		good = run_part(reads, reads->leaders + first, rows);
	}
	if (!good)
		take_back(reads);
	return good;
}
