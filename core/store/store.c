/* store/store.c - a database behind one verb: opening, asking, waiting, status */
#include "store/inside.h"

#include <string.h>
#include <time.h>
#include "store/checkpoint.h"
#include "store/reader.h"
#include "store/rows.h"
#include "store/writer.h"

#define OPEN_WAIT (10 * STORE_SECOND)
#define BACKOFF_LEAST (STORE_SECOND / 10)
#define BACKOFF_MOST (2 * STORE_SECOND)

/* -- making -------------------------------------------------------------- */

static bool in_memory(const struct store *store)
{
	return store->settings.target.path == NULL;
}

struct store *store_new_with(const struct store_settings *settings, const struct database_driver *driver)
{
	struct store *store = g_new0(struct store, 1);
	pthread_condattr_t monotonic;

	store->refs = 1;
	store->settings = *settings;
	store->settings.name = g_strdup(settings->name);
	store->settings.driver = g_strdup(settings->driver);
	store->settings.target.path = g_strdup(settings->target.path);
	if (settings->target.remote != NULL)
		store->settings.target.remote = remote_copy(settings->target.remote);
	store->driver = driver;
	if (settings->name != NULL)
		store->settings.target.read_only = true;
	store->who = settings->name != NULL ? g_strdup_printf("store '%s'", settings->name)
	                                    : g_strdup("store");
	store->reader_count = in_memory(store) ? 0 : driver->readers;
	/* Where there is no disk there is nothing to wait for. */
	queue_init(&store->queue, in_memory(store) ? 0 : STORE_PATIENCE);
	store->writes = !store->settings.target.read_only || store->reader_count == 0;
	health_init(&store->health, store->who, store->writes);
	for (unsigned i = 0; i < HEALTH_PARTS; i++)
		door_init(&store->doors[i]);
	sets_init(&store->sets, store->who, in_memory(store));
	store->bytes_used = (struct database_health){ .bytes = -1, .log_bytes = -1 };
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return store;
}

struct store *store_new(const struct store_settings *settings)
{
	return store_new_with(settings, database_driver_find(settings->driver));
}

struct store *store_ref(struct store *store)
{
	g_atomic_int_inc(&store->refs);
	return store;
}

/* Threads end in the order that leaves nobody waiting: readers may hand over to the writer. */
static void stop(struct store *store)
{
	struct store_ask *ask;
	unsigned pokes = 0;

	queue_close(&store->queue);
	queue_end_readers(&store->queue);
	for (unsigned i = 0; i < store->reader_count && store->readers != NULL; i++)
		reader_join(store->readers[i]);
	queue_end_writer(&store->queue);
	writer_stop(store->writer);
	checkpoint_stop(store->checkpoint);
	/* What was asked of a store that was never opened. */
	while ((ask = queue_take_read(&store->queue, 0, 0, &pokes)) != NULL ||
	       (ask = queue_take_writes(&store->queue, 0)) != NULL)
		for (struct store_ask *next; ask != NULL; ask = next) {
			next = ask->next;
			store_ask_fail(ask, "the database was never opened");
			store_ask_answer(ask);
		}
}

void store_unref(struct store *store)
{
	if (store == NULL || !g_atomic_int_dec_and_test(&store->refs))
		return;
	stop(store);
	queue_clear(&store->queue);
	health_clear(&store->health);
	for (unsigned i = 0; i < HEALTH_PARTS; i++)
		door_clear(&store->doors[i]);
	sets_clear(&store->sets);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->lock);
	g_free(store->readers);
	g_free(store->who);
	g_free((char *)store->settings.name);
	g_free((char *)store->settings.driver);
	g_free((char *)store->settings.target.path);
	remote_free(store->settings.target.remote);
	g_free(store);
}

bool store_equal(const struct store *store, const struct store_settings *settings)
{
	const struct database_target *a = &store->settings.target, *b = &settings->target;

	return g_strcmp0(store->settings.name, settings->name) == 0 &&
	       g_strcmp0(store->settings.driver, settings->driver) == 0 && g_strcmp0(a->path, b->path) == 0 &&
	       a->read_only == (b->read_only || settings->name != NULL) && a->full_sync == b->full_sync &&
	       a->lock_wait == b->lock_wait && a->read_limit == b->read_limit &&
	       remote_equal(a->remote, b->remote);
}

const char *store_name(const struct store *store)
{
	return store->settings.name != NULL ? store->settings.name : "store";
}

const char *store_driver(const struct store *store)
{
	return store->settings.driver;
}

const char *store_path(const struct store *store)
{
	return store->settings.target.path;
}

const struct store_settings *store_settings(const struct store *store)
{
	return &store->settings;
}

/* -- opening ------------------------------------------------------------- */

void store_add(struct store *store, struct statement_set *set)
{
	sets_add(&store->sets, set);
	queue_poke_writer(&store->queue);
}

/* With the lock held. */
static void start(struct store *store)
{
	store->started = true;
	if (store->writes && !in_memory(store) && store->driver->checkpoint != NULL)
		store->checkpoint = checkpoint_start(store);
	if (store->writes)
		store->writer = writer_start(store);
	store->readers = g_new0(struct reader *, store->reader_count + 1);
	for (unsigned i = 0; i < store->reader_count; i++)
		store->readers[i] = reader_start(store, i);
}

static void await_tried(struct store *store, int64_t end)
{
	struct timespec until = { end / G_USEC_PER_SEC, end % G_USEC_PER_SEC * 1000 };

	while (!store->tried && g_get_monotonic_time() < end)
		pthread_cond_timedwait(&store->changed, &store->lock, &until);
}

bool store_open(struct store *store)
{
	struct health_report report;

	pthread_mutex_lock(&store->lock);
	if (!store->started)
		start(store);
	await_tried(store, g_get_monotonic_time() + OPEN_WAIT);
	pthread_mutex_unlock(&store->lock);
	health_report(&store->health, &report);
	return report.good;
}

void store_set_tried(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->tried = true;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

void store_await_tried(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	while (!store->tried)
		pthread_cond_wait(&store->changed, &store->lock);
	pthread_mutex_unlock(&store->lock);
}

uint32_t store_connection(unsigned index)
{
	return 1u << MIN(index, 31);
}

void store_sweep(struct store *store)
{
	uint32_t all = store->writes ? store_connection(0) : 0;

	for (unsigned i = 0; i < store->reader_count; i++)
		all |= store_connection(i + 1);
	if (sets_sweep(&store->sets, all))
		queue_poke_readers(&store->queue);
}

void store_see_place(struct store *store, const struct database *database)
{
	const char *place = store->driver->place != NULL ? store->driver->place(database) : NULL;
	char before[sizeof(store->place)] = "";

	if (place == NULL)
		return;
	pthread_mutex_lock(&store->lock);
	if (strcmp(place, store->place) != 0)
		g_strlcpy(before, store->place, sizeof(before));
	g_strlcpy(store->place, place, sizeof(store->place));
	pthread_mutex_unlock(&store->lock);
	if (before[0] != '\0')
		pp_log(PP_LOG_NOTICE, "%s: uses %s from now on, before it was %s", store->who, place, before);
}

void store_shut(struct store *store, enum health_part part, const struct database_error *error)
{
	if (store->driver->remote)
		door_shut(&store->doors[part], error->text);
}

int64_t store_backoff(unsigned failures)
{
	int64_t most = BACKOFF_LEAST << MIN(failures > 0 ? failures - 1 : 0, 10);

	most = MIN(most, BACKOFF_MOST);
	return most - g_random_int_range(0, (int)(most / 4) + 1);
}

/* -- asking -------------------------------------------------------------- */

void store_ask_fail(struct store_ask *ask, const char *text)
{
	ask->state = STORE_FAILED;
	g_strlcpy(ask->error, text, sizeof(ask->error));
}

void store_ask_answer(struct store_ask *ask)
{
	if (ask->loop != NULL)
		loop_post(ask->loop, &ask->message);
	else
		ask->message.run(&ask->message);
}

static enum queue_lane lane_of(const struct store *store, const struct store_ask *ask)
{
	if (!ask->statement->writes && store->reader_count > 0)
		return QUEUE_READ;
	return ask->later ? QUEUE_LATER : QUEUE_WRITE;
}

static bool enter(struct store *store, struct store_ask *ask, enum queue_lane lane)
{
	char text[sizeof(store->doors->text)];

	if (door_enter(&store->doors[lane == QUEUE_READ ? HEALTH_READ : HEALTH_WRITE], text))
		return true;
	store_ask_fail(ask, text);
	atomic_fetch_add(&store->failed, 1);
	health_count(&store->health, 1);
	return false;
}

bool store_start(struct store *store, struct store_ask *ask)
{
	enum queue_lane lane = lane_of(store, ask);

	ask->state = STORE_WAITING;
	ask->rows = NULL;
	ask->error[0] = '\0';
	if (ask->statement->writes && store->settings.target.read_only) {
		store_ask_fail(ask, "this database is only read");
		return false;
	}
	if (!enter(store, ask, lane))
		return false;
	switch (queue_put(&store->queue, lane, ask)) {
	case QUEUE_TAKEN: return true;
	case QUEUE_FULL: store_ask_fail(ask, "too much waits for the database already"); break;
	case QUEUE_CLOSED: store_ask_fail(ask, "the database is being closed"); break;
	}
	door_ajar(&store->doors[lane == QUEUE_READ ? HEALTH_READ : HEALTH_WRITE]);
	return false;
}

struct wait {
	struct store_ask ask; /* begins with the message */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
};

static void wake(struct loop_message *message)
{
	struct wait *wait = (struct wait *)message;

	pthread_mutex_lock(&wait->lock);
	wait->done = true;
	pthread_cond_signal(&wait->answered);
	pthread_mutex_unlock(&wait->lock);
}

bool store_run(struct store *store, const struct statement *statement, const struct database_value *values,
               struct store_rows **rows, char **error)
{
	struct wait wait = { .ask = { .message.run = wake, .statement = statement, .values = values } };

	pthread_mutex_init(&wait.lock, NULL);
	pthread_cond_init(&wait.answered, NULL);
	if (store_start(store, &wait.ask)) {
		pthread_mutex_lock(&wait.lock);
		while (!wait.done)
			pthread_cond_wait(&wait.answered, &wait.lock);
		pthread_mutex_unlock(&wait.lock);
	}
	pthread_cond_destroy(&wait.answered);
	pthread_mutex_destroy(&wait.lock);
	if (rows != NULL)
		*rows = wait.ask.rows;
	else
		store_rows_free(wait.ask.rows);
	if (error != NULL)
		*error = wait.ask.state == STORE_DONE ? NULL : g_strdup(wait.ask.error);
	return wait.ask.state == STORE_DONE;
}

static bool has_writer(struct store *store)
{
	bool has;

	pthread_mutex_lock(&store->lock);
	has = store->writer != NULL;
	pthread_mutex_unlock(&store->lock);
	return has;
}

void store_flush(struct store *store)
{
	if (has_writer(store))
		queue_flush(&store->queue);
}

void store_clear(struct store *store)
{
	uint64_t clears;

	if (!has_writer(store))
		return;
	pthread_mutex_lock(&store->lock);
	clears = ++store->clears;
	queue_poke_writer(&store->queue);
	while (store->cleared < clears)
		pthread_cond_wait(&store->changed, &store->lock);
	pthread_mutex_unlock(&store->lock);
}

/* -- for people ---------------------------------------------------------- */

void store_see_health(struct store *store, struct database *database)
{
	struct database_health health = { .bytes = -1, .log_bytes = -1 };

	store->driver->health(database, &health);
	pthread_mutex_lock(&store->lock);
	store->bytes_used = health;
	pthread_mutex_unlock(&store->lock);
}

void store_status(struct store *store, struct store_status *status)
{
	struct health_report report;

	*status = (struct store_status){ .open = atomic_load(&store->open) > 0,
		                         .failed = atomic_load(&store->failed),
		                         .reads = atomic_load(&store->reads),
		                         .rows_written = atomic_load(&store->rows_written),
		                         .transactions = atomic_load(&store->transactions),
		                         .write_usec = (int64_t)atomic_load(&store->write_usec) };
	health_report(&store->health, &report);
	status->good = report.good;
	status->since = report.since;
	g_strlcpy(status->last_trouble, report.last, sizeof(status->last_trouble));
	status->last_trouble_at = report.last_at;
	g_strlcpy(status->trouble, report.trouble, sizeof(status->trouble));
	queue_count(&store->queue, &status->asks, &status->refused, &status->waiting);
	pthread_mutex_lock(&store->lock);
	status->health = store->bytes_used;
	g_strlcpy(status->place, store->place, sizeof(status->place));
	pthread_mutex_unlock(&store->lock);
}

void store_each_set(struct store *store,
                    void (*visit)(const struct statement_set *set, int version, void *data), void *data)
{
	sets_each(&store->sets, visit, data);
}
