/* store/reader.c - threads that read, each with a connection of its own
 *
 * Asks of one statement with a key are run together; else one at a time. Where there is a writer it makes the
 * database and its tables: what is asked of tables it has not looked at yet is handed over to it.
 */
#include "store/reader.h"

#include "store/reads.h"

#define LONG (600 * STORE_SECOND)

struct reader {
	struct store *store;
	unsigned index;
	pthread_t thread;
	struct database *database; /* NULL: not open */
	struct reads *reads;
	unsigned generation; /* of the writer's database when this one was opened */
	unsigned pokes;
	int64_t looked, ticked;

	/* The last attempt failed: */
	unsigned failures; /* how many one after another */
	bool in_use;       /* it came up in a statement: that it can be opened proves nothing */
	int64_t again;     /* not opened before */
	char trouble[240];
};

/* -- the connection ------------------------------------------------------ */

static void disconnect(struct reader *reader)
{
	if (reader->database == NULL)
		return;
	reader->store->driver->close(reader->database);
	reader->database = NULL;
	atomic_fetch_sub(&reader->store->open, 1);
	atomic_fetch_sub(&reader->store->reading, 1);
}

static void note_trouble(struct reader *reader, const struct database_error *error, bool in_use)
{
	reader->in_use = in_use;
	reader->again = 0;
	if (error->fault == DATABASE_LOST || !in_use)
		reader->again = MAX(error->again, g_get_monotonic_time() + store_backoff(++reader->failures));
	if (error->waited || (reader->again != 0 && atomic_load(&reader->store->reading) == 0))
		store_shut(reader->store, HEALTH_READ, error);
	g_strlcpy(reader->trouble, error->text, sizeof(reader->trouble));
	/* As long as another one reads nobody is harmed. */
	if (in_use || atomic_load(&reader->store->reading) == 0)
		health_bad(&reader->store->health, HEALTH_READ, error->text);
}

static void note_success(struct reader *reader)
{
	reader->in_use = false;
	reader->failures = 0;
	door_open(&reader->store->doors[HEALTH_READ]);
	health_good(&reader->store->health, HEALTH_READ);
}

static bool connect_database(struct reader *reader)
{
	struct store *store = reader->store;
	struct database_target target = store->settings.target;
	struct database_error error = { .fault = DATABASE_LOST };
	unsigned generation = atomic_load(&store->generation);

	if (reader->generation == generation && g_get_monotonic_time() < reader->again)
		return false;
	reader->generation = generation;
	target.read_only = true;
	for (unsigned tries = 0; reader->database == NULL && tries < STORE_BUSY_TRIES; tries++) {
		reader->database = store->driver->open(&target, &error);
		if (error.fault != DATABASE_BUSY)
			break;
	}
	if (reader->database == NULL) {
		note_trouble(reader, &error, false);
		return false;
	}
	atomic_fetch_add(&store->reading, 1);
	reader->looked = g_get_monotonic_time();
	atomic_fetch_add(&store->open, 1);
	if (!store->writes)
		store_see_place(store, reader->database);
	if (!reader->in_use)
		note_success(reader);
	else
		door_ajar(&store->doors[HEALTH_READ]);
	return true;
}

/* Sees that there is a connection, to the database that is there now. */
static bool ready(struct reader *reader)
{
	int64_t now = g_get_monotonic_time();
	struct database_error error;

	if (reader->database != NULL && reader->generation != atomic_load(&reader->store->generation))
		disconnect(reader);
	if (reader->database != NULL && now - reader->looked >= STORE_LOOK_EACH) {
		reader->looked = now;
		if (reader->store->driver->still_there(reader->database, &error) != DATABASE_THERE)
			disconnect(reader);
	}
	return reader->database != NULL || connect_database(reader);
}

/* -- asks ---------------------------------------------------------------- */

/* Reading twice harms nobody: a connection that broke is opened again once, at once. */
static bool run_asks(struct reader *reader, struct store_ask *asks, struct database_error *error)
{
	bool reopened = false;
	unsigned tries = 0;

	while (!reads_run(reader->reads, asks, reader->store->driver, reader->database, error)) {
		if (error->fault == DATABASE_LOST && !reopened) {
			disconnect(reader);
			reopened = connect_database(reader);
			if (!reopened) {
				g_strlcpy(error->text, reader->trouble, sizeof(error->text));
				return false;
			}
		} else if (error->fault != DATABASE_BUSY || ++tries >= STORE_BUSY_TRIES) {
			return false;
		}
	}
	return true;
}

static unsigned count(const struct store_ask *asks, enum store_state state)
{
	unsigned count = 0;

	for (; asks != NULL; asks = asks->next)
		count += asks->state == state;
	return count;
}

/* Hands over all of them; those that nobody has answered fail. */
static void answer_all(struct store *store, struct store_ask *asks, const char *text)
{
	struct store_ask *next;

	for (struct store_ask *ask = asks; ask != NULL; ask = ask->next)
		if (ask->state == STORE_WAITING)
			store_ask_fail(ask, text);
	/* Before somebody who was answered looks. */
	atomic_fetch_add(&store->failed, count(asks, STORE_FAILED));
	atomic_fetch_add(&store->reads, count(asks, STORE_DONE));
	for (; asks != NULL; asks = next) {
		next = asks->next;
		store_ask_answer(asks);
	}
}

static void run_and_answer(struct reader *reader, struct store_ask *asks)
{
	struct store *store = reader->store;
	struct database_error error = { DATABASE_OK };

	if (run_asks(reader, asks, &error)) {
		if (count(asks, STORE_DONE) > 0)
			note_success(reader);
	} else {
		if (error.fault == DATABASE_LOST)
			disconnect(reader);
		note_trouble(reader, &error, true);
		health_count(&store->health, count(asks, STORE_WAITING));
	}
	/* It answers, if not to these: the next one finds out whether it works. */
	if (reader->database != NULL)
		door_ajar(&store->doors[HEALTH_READ]);
	answer_all(store, asks, error.text);
}

static void refuse(struct reader *reader, struct store_ask *asks, const char *text)
{
	door_ajar(&reader->store->doors[HEALTH_READ]); /* these have not found out anything */
	answer_all(reader->store, asks, text);
}

/* Takes those out that have waited too long; the others in their order. */
static struct store_ask *refuse_old(struct reader *reader, struct store_ask *asks)
{
	struct store_ask *others = NULL, **last = &others, *next;
	int64_t oldest = g_get_monotonic_time() - STORE_TOO_LONG;

	for (; asks != NULL; asks = next) {
		next = asks->next;
		asks->next = NULL;
		if (asks->arrived < oldest) {
			refuse(reader, asks, "the database is too slow: it has waited too long");
			continue;
		}
		*last = asks;
		last = &asks->next;
	}
	return others;
}

static void hand_over(struct store *store, struct store_ask *asks)
{
	struct store_ask *next;

	for (; asks != NULL; asks = next) {
		next = asks->next;
		queue_hand_over(&store->queue, asks);
	}
	door_ajar(&store->doors[HEALTH_READ]);
}

static void serve(struct reader *reader, struct store_ask *asks)
{
	struct store *store = reader->store;
	enum sets_state state = SETS_READY;
	char refused[240];

	asks = refuse_old(reader, asks);
	if (asks == NULL)
		return;
	if (store->writes)
		state = sets_state(&store->sets, asks->statement->set, refused);
	if (state == SETS_REFUSED)
		refuse(reader, asks, refused);
	else if (state == SETS_WAITING && !health_is_bad(&store->health, HEALTH_WRITE))
		hand_over(store, asks);
	else if (ready(reader))
		run_and_answer(reader, asks);
	else {
		health_count(&store->health, count(asks, STORE_WAITING));
		refuse(reader, asks, reader->trouble);
	}
}

/* -- the thread ---------------------------------------------------------- */

/* About once a second, by one of the readers of a store that is only read. */
static void tick(struct reader *reader)
{
	struct store *store = reader->store;

	if (g_get_monotonic_time() - reader->ticked < STORE_SECOND)
		return;
	reader->ticked = g_get_monotonic_time();
	if (reader->database != NULL)
		store_see_health(store, reader->database);
	store_sweep(store);
	health_tick(&store->health);
}

/* Until when it may sleep: connected it has nothing to do of itself. */
static int64_t sleep_end(const struct reader *reader, bool alone)
{
	int64_t now = g_get_monotonic_time();

	if (alone)
		return now + STORE_SECOND;
	return reader->database != NULL ? now + LONG : MAX(reader->again, now + STORE_SECOND / 10);
}

static void *run(void *data)
{
	struct reader *reader = data;
	struct store *store = reader->store;
	bool alone = !store->writes && reader->index == 0; /* nobody else looks after the store */

	if (store->writes)
		store_await_tried(store);
	while (!queue_readers_end(&store->queue)) {
		struct store_ask *asks;

		ready(reader);
		sets_forget(&store->sets, store_connection(reader->index + 1), store->driver,
		            reader->database);
		if (alone) {
			store_set_tried(store);
			tick(reader);
		}
		if (reader->database == NULL && atomic_load(&store->reading) > 0 &&
		    queue_rest(&store->queue, sleep_end(reader, alone), &reader->pokes))
			continue;
		asks = queue_take_read(&store->queue, reader->index, sleep_end(reader, alone),
		                       &reader->pokes);
		if (asks != NULL) {
			serve(reader, asks);
			queue_read_done(&store->queue, reader->index);
		}
		sets_forget(&store->sets, store_connection(reader->index + 1), store->driver,
		            reader->database);
	}
	disconnect(reader);
	return NULL;
}

struct reader *reader_start(struct store *store, unsigned index)
{
	struct reader *reader = g_new0(struct reader, 1);
	g_autofree char *name = g_strdup_printf("store reader %u", index);

	reader->store = store;
	reader->index = index;
	reader->reads = reads_new();
	reader->thread = loop_spawn(name, run, reader);
	return reader;
}

void reader_join(struct reader *reader)
{
	pthread_join(reader->thread, NULL);
	reads_free(reader->reads);
	g_free(reader);
}
