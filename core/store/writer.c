/* store/writer.c - the thread that writes, and what reads where there are no readers
 *
 * A turn: take what waits, see that the database is there, run it in one
 * transaction, answer. Errors: what one ask did wrong fails that ask; what is wrong
 * with the database fails those at hand, and those that come until it is tried again.
 */
#include "store/writer.h"

#include <string.h>
#include "store/batch.h"
#include "store/checkpoint.h"

#define DENIED_AGAIN (STORE_SECOND / 4)     /* after a refusal to write it is tried again */
#define BUSY_PAUSE (int)(STORE_SECOND / 50) /* at most, before the next attempt */
#define BUSY_LONG (STORE_SECOND / 4)        /* a lock was waited for, not a deadlock of a moment */
#define LOCKED_MOST 1                       /* asks of a batch whose row is locked; of more it is the table */
#define DENIED_REOPENED (2 * STORE_SECOND)  /* ... and so often with a new connection */

struct writer {
	struct store *store;
	pthread_t thread;
	struct database *database; /* NULL: not open */
	struct batch *batch;
	int64_t opened, looked; /* when it was, when it was still there */
	bool replaced;          /* the next one is another */
	int64_t ticked;

	/* The last attempt failed: */
	unsigned failures; /* how many one after another */
	unsigned troubles; /* how many there were, ever */
	bool in_use;   /* it came up in a transaction: that it can be opened does not prove that it is over */
	int64_t again; /* not tried before */
	struct database_error trouble;
};

/* -- the connection ------------------------------------------------------ */

static void disconnect(struct writer *writer)
{
	if (writer->database == NULL)
		return;
	writer->store->driver->close(writer->database);
	writer->database = NULL;
	atomic_fetch_sub(&writer->store->open, 1);
}

/* Notes what is wrong with the database. */
static void note_trouble(struct writer *writer, const struct database_error *error, bool in_use)
{
	int64_t now = g_get_monotonic_time(), wait = 0;
	bool empty;

	writer->failures++;
	writer->troubles++;
	writer->in_use = in_use;
	writer->trouble = *error;
	if (error->fault == DATABASE_DENIED && in_use)
		wait = DENIED_AGAIN;
	else if (error->again > now)
		wait = error->again - now;
	else if (error->fault != DATABASE_BUSY || !in_use)
		wait = store_backoff(writer->failures);
	/* At the end nothing is waited for. */
	writer->again = queue_writer_ends(&writer->store->queue, &empty) ? INT64_MAX : now + wait;
	if (error->fault == DATABASE_LOST || !in_use)
		store_shut(writer->store, HEALTH_WRITE, error);
	health_bad(&writer->store->health, HEALTH_WRITE, error->text);
}

static void note_success(struct writer *writer)
{
	writer->failures = 0;
	writer->in_use = false;
	writer->again = 0;
	door_open(&writer->store->doors[HEALTH_WRITE]);
	health_good(&writer->store->health, HEALTH_WRITE);
}

static bool connect_database(struct writer *writer)
{
	struct store *store = writer->store;
	struct database_error error = { .fault = DATABASE_LOST };

	writer->database = store->driver->open(&store->settings.target, &error);
	if (writer->database == NULL) {
		note_trouble(writer, &error, false);
		return false;
	}
	atomic_fetch_add(&store->open, 1);
	writer->opened = writer->looked = g_get_monotonic_time();
	sets_reopened(&store->sets, writer->replaced);
	writer->replaced = false;
	if (!sets_migrate(&store->sets, store->driver, writer->database, &error)) {
		disconnect(writer);
		note_trouble(writer, &error, false);
		return false;
	}
	atomic_fetch_add(&store->generation, 1);
	queue_poke_readers(&store->queue);
	store_see_place(store, writer->database);
	if (!writer->in_use)
		note_success(writer);
	else
		door_ajar(&store->doors[HEALTH_WRITE]);
	return true;
}

/* Closes what is another database by now, or no use any more. */
static void look(struct writer *writer, int64_t now)
{
	struct database_error error;

	if (writer->database == NULL || now - writer->looked < STORE_LOOK_EACH)
		return;
	writer->looked = now;
	switch (writer->store->driver->still_there(writer->database, &error)) {
	case DATABASE_THERE: return;
	case DATABASE_GONE: break;
	case DATABASE_REPLACED:
		writer->replaced = true;
		pp_log(PP_LOG_WARNING, "%s: another database is in its place, which is used from now on",
		       writer->store->who);
	}
	disconnect(writer);
}

/* Sees that there is a connection worth trying; else *error says why. */
static bool ready(struct writer *writer, struct database_error *error)
{
	struct store *store = writer->store;
	int64_t now = g_get_monotonic_time();

	*error = writer->trouble;
	if (now < writer->again)
		return false;
	if (writer->failures > 0 && error->fault == DATABASE_DENIED && now - writer->opened > DENIED_REOPENED)
		disconnect(writer);
	look(writer, now);
	if (writer->database == NULL) {
		if (connect_database(writer))
			return true;
		*error = writer->trouble;
		return false;
	}
	if (sets_migrate(&store->sets, store->driver, writer->database, error))
		return true;
	disconnect(writer);
	note_trouble(writer, error, false);
	return false;
}

/* -- transactions -------------------------------------------------------- */

/* One attempt. *unsure: nobody knows whether it was written. */
static bool run_transaction(struct writer *writer, bool carefully, struct database_error *error, bool *unsure)
{
	const struct database_driver *driver = writer->store->driver;

	*unsure = false;
	if (!driver->begin(writer->database, error))
		return false;
	if (batch_run(writer->batch, carefully, driver, writer->database, error)) {
		if (driver->commit(writer->database, error))
			return true;
		*unsure = error->fault == DATABASE_LOST;
		batch_undo(writer->batch);
	}
	if (error->fault != DATABASE_LOST)
		driver->rollback(writer->database);
	return false;
}

static bool transact(struct writer *writer, bool carefully, struct database_error *error, bool *unsure)
{
	struct checkpoint *checkpoint = writer->store->checkpoint;
	bool good;

	checkpoint_enter(checkpoint);
	good = run_transaction(writer, carefully, error, unsure);
	checkpoint_leave(checkpoint, good ? batch_rows_written(writer->batch) : 0);
	return good;
}

/* Whether the ask is at fault, or its row, and not the database. A file is locked as a whole; of a
 * database that others use it is a row, unless there is trouble already. */
static bool is_of_row(const struct writer *writer, const struct database_error *error)
{
	return error->fault == DATABASE_DATA ||
	       (error->fault == DATABASE_BUSY && writer->store->driver->remote && writer->failures == 0);
}

/* A lock that was waited for long is not waited for once more: not while there is trouble already, and
 * not where others wait that are not locked. */
static bool is_patient(const struct writer *writer, int64_t start)
{
	if (g_get_monotonic_time() - start < BUSY_LONG)
		return true;
	return writer->failures == 0 && !writer->store->driver->remote;
}

/* As often as there is hope. A connection that broke is opened again once, at once. */
static bool transact_at_last(struct writer *writer, struct database_error *error)
{
	int64_t start = g_get_monotonic_time();
	unsigned tries = 0;
	bool carefully = false, reopened = false, unsure;

	while (!transact(writer, carefully, error, &unsure)) {
		if (error->fault == DATABASE_DATA && !carefully) {
			carefully = true;
		} else if (error->fault == DATABASE_LOST) {
			disconnect(writer);
			if (unsure || reopened || writer->failures > 0)
				return false;
			if (!connect_database(writer)) {
				*error = writer->trouble;
				return false;
			}
			reopened = true;
		} else if (error->fault != DATABASE_BUSY || ++tries >= STORE_BUSY_TRIES ||
		           !is_patient(writer, start)) {
			return false;
		} else {
			/* So that two who are in each other's way do not meet again. */
			g_usleep((gulong)g_random_int_range(0, BUSY_PAUSE));
		}
	}
	return true;
}

/* All that is in the batch is answered, but for what spoils a transaction of many, or is locked and may
 * have another try: that is returned, and waits again. */
static struct store_ask *run_batch(struct writer *writer, bool last)
{
	struct store *store = writer->store;
	struct database_error error = { DATABASE_OK };
	int64_t start = g_get_monotonic_time();
	struct store_ask *spoiled = NULL;

	if (transact_at_last(writer, &error)) {
		note_success(writer);
		atomic_fetch_add(&store->transactions, 1);
		atomic_fetch_add(&store->rows_written, batch_rows_written(writer->batch));
	} else if (is_of_row(writer, &error) &&
	           (batch_count(writer->batch) > 1 || (error.fault == DATABASE_BUSY && !last))) {
		spoiled = batch_take(writer->batch);
	} else {
		batch_fail(writer->batch, error.text);
		if (error.fault != DATABASE_DATA) {
			note_trouble(writer, &error, true);
			health_count(&store->health, batch_count(writer->batch));
		}
	}
	atomic_fetch_add(&store->write_usec, (uint64_t)(g_get_monotonic_time() - start));
	atomic_fetch_add(&store->failed, batch_answer(writer->batch));
	return spoiled;
}

/* -- asks ---------------------------------------------------------------- */

static void fail(struct writer *writer, struct store_ask *ask, const char *text)
{
	store_ask_fail(ask, text);
	atomic_fetch_add(&writer->store->failed, 1);
	store_ask_answer(ask);
}

static void fail_all(struct writer *writer, struct store_ask *asks, const char *text)
{
	struct store_ask *next;
	unsigned count = 0;

	for (; asks != NULL; asks = next, count++) {
		next = asks->next;
		fail(writer, asks, text);
	}
	health_count(&writer->store->health, count);
}

/* Those that waited too long fail, and those whose tables are refused; the others make a batch. */
static void fill_batch(struct writer *writer, struct store_ask *asks)
{
	const struct statement_set *set = NULL;
	enum sets_state state = SETS_READY;
	int64_t oldest = g_get_monotonic_time() - STORE_TOO_LONG;
	char refused[240];
	struct store_ask *next;

	for (; asks != NULL; asks = next) {
		next = asks->next;
		if (asks->statement->set != set) {
			set = asks->statement->set;
			state = sets_state(&writer->store->sets, set, refused);
		}
		if (asks->arrived < oldest)
			fail(writer, asks, "the database is too slow: it has waited too long");
		else if (state == SETS_REFUSED)
			fail(writer, asks, refused);
		else
			batch_add(writer->batch, asks);
	}
}

/* Each has its own transaction, until there is trouble with the database. What is locked is returned;
 * if another one is it is the table, and that is trouble. */
static struct store_ask *run_each(struct writer *writer, struct store_ask *asks, bool last)
{
	unsigned troubles = writer->troubles, count = 0;
	struct store_ask *locked = NULL, *next;

	for (; asks != NULL && writer->troubles == troubles; asks = next) {
		next = asks->next;
		batch_add(writer->batch, asks);
		asks = run_batch(writer, last || count == LOCKED_MOST);
		if (asks == NULL)
			continue;
		asks->next = locked;
		locked = asks;
		count++;
	}
	fail_all(writer, asks, writer->trouble.text);
	return locked;
}

/* A row may be refused in such a way that all of its transaction is: by ON CONFLICT ROLLBACK, by
 * RAISE(ROLLBACK), by a constraint that is deferred to the commit. Or it is locked, and then the others
 * do not wait for it a second time. */
static void run_alone(struct writer *writer, struct store_ask *asks)
{
	unsigned troubles = writer->troubles;
	struct store_ask *locked = run_each(writer, asks, false);

	if (writer->troubles == troubles)
		run_each(writer, locked, true);
	else
		fail_all(writer, locked, writer->trouble.text);
}

static void serve(struct writer *writer, struct store_ask *asks)
{
	struct database_error error;

	if (!ready(writer, &error)) {
		fail_all(writer, asks, error.text);
		return;
	}
	fill_batch(writer, asks);
	if (batch_count(writer->batch) > 0)
		run_alone(writer, run_batch(writer, false));
}

/* -- the thread ---------------------------------------------------------- */

/* For rule tests: another database in memory, which is empty. */
static void clear(struct writer *writer)
{
	struct store *store = writer->store;
	uint64_t clears;

	pthread_mutex_lock(&store->lock);
	clears = store->clears;
	pthread_mutex_unlock(&store->lock);
	if (clears == store->cleared)
		return;
	disconnect(writer);
	writer->replaced = true;
	connect_database(writer);
	pthread_mutex_lock(&store->lock);
	store->cleared = clears;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

/* About once a second. */
static void tick(struct writer *writer)
{
	struct store *store = writer->store;
	int64_t now = g_get_monotonic_time();

	if (now - writer->ticked < STORE_SECOND)
		return;
	writer->ticked = now;
	if (writer->database != NULL)
		store_see_health(store, writer->database);
	store_sweep(store);
	health_tick(&store->health);
}

static void *run(void *data)
{
	struct writer *writer = data;
	struct store *store = writer->store;
	bool empty;

	connect_database(writer);
	store_set_tried(store);
	while (!queue_writer_ends(&store->queue, &empty) || !empty) {
		int64_t until = writer->ticked + STORE_SECOND;
		struct store_ask *asks;
		struct database_error error;

		if (writer->database == NULL)
			until = MIN(until, writer->again);
		asks = queue_take_writes(&store->queue, until);
		clear(writer);
		if (asks != NULL)
			serve(writer, asks);
		else if (ready(writer, &error)) /* nobody is finding out */
			door_ajar(&store->doors[HEALTH_WRITE]);
		queue_settle(&store->queue);
		tick(writer);
		sets_forget(&store->sets, store_connection(0), store->driver, writer->database);
	}
	disconnect(writer);
	return NULL;
}

struct writer *writer_start(struct store *store)
{
	struct writer *writer = g_new0(struct writer, 1);

	writer->store = store;
	writer->batch = batch_new();
	writer->ticked = g_get_monotonic_time();
	writer->thread = loop_spawn("store writer", run, writer);
	return writer;
}

void writer_stop(struct writer *writer)
{
	if (writer == NULL)
		return;
	queue_end_writer(&writer->store->queue);
	pthread_join(writer->thread, NULL);
	batch_free(writer->batch);
	g_free(writer);
}
