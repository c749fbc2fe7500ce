/* check/stored_table.c - all kept answers of a store: listed, dropped, expired */
#include <string.h>
#include "check/stored.h"
#include "store/named.h"

#define PAGE 500         /* rows that are read at once */
#define BATCH 500        /* rows that are deleted in one transaction: others want to write too */
#define BATCHES_MAX 20   /* of an upkeep */
#define LOOK_EVERY 60000 /* ms: whether they are too many */

/* -- values -------------------------------------------------------------- */

/* NULL: it failed. */
static struct store_rows *run(const struct stored *stored, const struct statement *statement,
                              const struct named_argument *arguments, char **error)
{
	struct store_rows *rows = NULL;

	return named_run(stored->store, statement, arguments, &rows, error) ? rows : NULL;
}

static const char *text_of(const struct store_rows *rows, unsigned row, const char *name)
{
	const char *text = named_text_of(rows, row, name);

	return text != NULL ? text : "";
}

/* -- listing ------------------------------------------------------------- */

static struct stored_row row_of(const struct store_rows *rows, unsigned row)
{
	return (struct stored_row){ .id = text_of(rows, row, "id"),
		                    .check_name = text_of(rows, row, "check_name"),
		                    .fingerprint = text_of(rows, row, "fingerprint"),
		                    .key = text_of(rows, row, "key"),
		                    .word = text_of(rows, row, "word"),
		                    .text = text_of(rows, row, "text"),
		                    .fields = text_of(rows, row, "fields"),
		                    .made = named_number_of(rows, row, "made"),
		                    .good_until = named_number_of(rows, row, "good_until"),
		                    .stale_until = named_number_of(rows, row, "stale_until") };
}

bool stored_each(const struct stored *stored, bool (*visit)(const struct stored_row *row, void *data),
                 void *data, char **error)
{
	g_autofree char *after = g_strdup("");
	bool more = true;

	while (more) {
		const struct named_argument arguments[] = {
			{ "after", named_text(after) },
			{ "now", named_number(pp_time()) },
			{ "most", named_number(PAGE) },
			{ NULL },
		};
		struct store_rows *rows = run(stored, stored->list, arguments, error);

		if (rows == NULL)
			return false;
		more = rows->count == PAGE;
		for (unsigned i = 0; i < rows->count; i++) {
			const struct stored_row row = row_of(rows, i);

			if (i + 1 == rows->count) {
				more = more && strcmp(row.id, after) > 0;
				g_free(after);
				after = g_strdup(row.id);
			}
			if (!visit(&row, data)) {
				more = false;
				break;
			}
		}
		store_rows_free(rows);
	}
	return true;
}

bool stored_count(const struct stored *stored,
                  void (*visit)(const char *check_name, int64_t rows, int64_t bytes, void *data), void *data,
                  char **error)
{
	const struct named_argument arguments[] = { { "now", named_number(pp_time()) }, { NULL } };
	struct store_rows *rows = run(stored, stored->stats, arguments, error);

	for (unsigned i = 0; rows != NULL && i < rows->count; i++)
		visit(text_of(rows, i, "check_name"), named_number_of(rows, i, "number"),
		      named_number_of(rows, i, "bytes"), data);
	store_rows_free(rows);
	return rows != NULL;
}

/* -- dropping ------------------------------------------------------------ */

/* Asks of one batch, and who waits for all of them. */
struct batch {
	GMutex lock;
	GCond done;
	unsigned open;
	char *error; /* of one that failed */
};
struct drop {
	struct store_ask ask; /* first */
	struct database_value id;
	struct batch *batch;
};

/* In a thread of the store, or where it was refused. */
static void dropped(struct loop_message *message)
{
	struct drop *drop = (struct drop *)message;
	struct batch *batch = drop->batch;

	g_mutex_lock(&batch->lock);
	if (drop->ask.state != STORE_DONE && batch->error == NULL)
		batch->error = g_strdup(drop->ask.error);
	batch->open--;
	g_cond_signal(&batch->done);
	g_mutex_unlock(&batch->lock);
}

static void drop_some(const struct stored *stored, struct drop *drops, char *const *ids, unsigned count,
                      struct batch *batch)
{
	batch->open = count;
	for (unsigned i = 0; i < count; i++) {
		struct drop *drop = &drops[i];

		*drop = (struct drop){
			.ask = { .message.run = dropped, .statement = stored->drop, .values = &drop->id },
			.id = { .kind = PP_STRING, .string = ids[i], .length = (uint32_t)strlen(ids[i]) },
			.batch = batch
		};
		if (!store_start(stored->store, &drop->ask))
			dropped(&drop->ask.message);
	}
	g_mutex_lock(&batch->lock);
	while (batch->open > 0)
		g_cond_wait(&batch->done, &batch->lock);
	g_mutex_unlock(&batch->lock);
	for (unsigned i = 0; i < count; i++)
		store_rows_free(drops[i].ask.rows);
}

bool stored_drop(const struct stored *stored, const GPtrArray *ids, char **error)
{
	g_autofree struct drop *drops = g_new(struct drop, BATCH);
	struct batch batch = { .open = 0 };

	g_mutex_init(&batch.lock);
	g_cond_init(&batch.done);
	for (guint first = 0; first < ids->len && batch.error == NULL; first += BATCH)
		drop_some(stored, drops, (char *const *)ids->pdata + first, MIN(ids->len - first, BATCH),
		          &batch);
	g_mutex_clear(&batch.lock);
	g_cond_clear(&batch.done);
	*error = batch.error;
	return batch.error == NULL;
}

/* -- upkeep -------------------------------------------------------------- */

/* In small batches. True: there may be more. */
static bool delete_until(const struct stored *stored, pp_msec_t moment)
{
	const struct named_argument arguments[] = {
		{ "moment", named_number(moment) },
		{ "most", named_number(BATCH) },
		{ NULL },
	};
	bool more = true;

	for (unsigned batches = 0; more && batches < BATCHES_MAX; batches++) {
		struct store_rows *rows = run(stored, stored->expire, arguments, NULL);

		more = rows != NULL && rows->count == BATCH;
		store_rows_free(rows);
	}
	return more;
}

/* Until when those serve that are too many. By a moment and not by their number, so that two servers
 * do not both make the same room. False: there is room for all, or nobody knows. */
static bool find_beyond(const struct stored *stored, int64_t most, pp_msec_t *moment)
{
	const struct named_argument arguments[] = { { "most", named_number(most) }, { NULL } };
	struct store_rows *rows = run(stored, stored->beyond, arguments, NULL);
	bool found = rows != NULL && rows->count == 1;

	if (found)
		*moment = named_number_of(rows, 0, "moment");
	store_rows_free(rows);
	return found;
}

void stored_upkeep(struct stored *stored, int64_t most)
{
	pp_msec_t moment;

	delete_until(stored, pp_time());
	/* Looking takes its time, and a cap need not be kept to the row. */
	if (stored->fitted != 0 && pp_now() - stored->fitted < LOOK_EVERY)
		return;
	if (!find_beyond(stored, most, &moment) || !delete_until(stored, moment))
		stored->fitted = pp_now();
}
