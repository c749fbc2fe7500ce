/* store/queue.c - asks on their way to the threads of a store */
#include "store/queue.h"

#include <glib.h>
#include <time.h>

enum {
	LANE_ASKS = 32768, /* waiting in a lane, at most */
	LANE_BYTES = 16 << 20,
	TRANSACTION = 1024, /* asks of one transaction ... */
	COMPANY = 256, /* ... and so many that nobody waits for, which go at once when there are so many */
	LOOKED_AT = 4 * STATEMENT_ROWS_MAX, /* asks among which a reader looks for those of its statement */
	CROWD = 64,                         /* so many that wait to be read are enough for another reader */
	TOGETHER_WAIT = 20000 /* us: how long fewer of them wait for one that reads the same already */
};

static void lane_init(struct queue_lane_asks *lane)
{
	*lane = (struct queue_lane_asks){ .last = &lane->first };
}

static void lane_add(struct queue_lane_asks *lane, struct store_ask *ask)
{
	ask->next = NULL;
	*lane->last = ask;
	lane->last = &ask->next;
	lane->count++;
	lane->bytes += ask->bytes;
}

/* The first so many, as a list. All of them is quick: the lock is held meanwhile. */
static struct store_ask *lane_take(struct queue_lane_asks *lane, unsigned count)
{
	struct store_ask *first = lane->first, **end = &lane->first;

	if (count >= lane->count) {
		lane_init(lane);
		return first;
	}
	for (unsigned i = 0; i < count; i++) {
		lane->bytes -= (*end)->bytes;
		end = &(*end)->next;
	}
	lane->first = *end;
	lane->count -= count;
	*end = NULL;
	return count == 0 ? NULL : first;
}

/* The one at this place, with others of its statement behind it if they can be run together. */
static struct store_ask *lane_take_alike(struct queue_lane_asks *lane, struct store_ask **at)
{
	const struct statement *statement = (*at)->statement;
	unsigned most = statement->key_count > 0 ? STATEMENT_ROWS_MAX : 1, looked = 0;
	struct store_ask *first = NULL, **last = &first, *ask;

	while ((ask = *at) != NULL && most > 0 && looked++ < LOOKED_AT) {
		if (ask->statement != statement) {
			at = &ask->next;
			continue;
		}
		*at = ask->next;
		*last = ask;
		last = &ask->next;
		lane->bytes -= ask->bytes;
		lane->count--;
		most--;
	}
	if (*at == NULL)
		lane->last = at;
	*last = NULL;
	return first;
}

/* Two lists in order of arrival as one. */
static struct store_ask *merge(struct store_ask *a, struct store_ask *b)
{
	struct store_ask *first = NULL, **last = &first;

	while (a != NULL && b != NULL) {
		struct store_ask **from = a->order < b->order ? &a : &b;

		*last = *from;
		*from = (*from)->next;
		last = &(*last)->next;
	}
	*last = a != NULL ? a : b;
	return first;
}

void queue_init(struct queue *queue, int64_t patience)
{
	pthread_condattr_t monotonic;

	*queue = (struct queue){ .patience = patience };
	pthread_mutex_init(&queue->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->write, &monotonic);
	pthread_cond_init(&queue->read, &monotonic);
	pthread_cond_init(&queue->rest, &monotonic);
	pthread_cond_init(&queue->settled, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (unsigned i = 0; i < QUEUE_LANES; i++)
		lane_init(&queue->lanes[i]);
}

void queue_clear(struct queue *queue)
{
	pthread_cond_destroy(&queue->write);
	pthread_cond_destroy(&queue->read);
	pthread_cond_destroy(&queue->rest);
	pthread_cond_destroy(&queue->settled);
	pthread_mutex_destroy(&queue->lock);
}

static void sleep_until(struct queue *queue, pthread_cond_t *condition, int64_t until)
{
	struct timespec end = { until / G_USEC_PER_SEC, until % G_USEC_PER_SEC * 1000 };

	pthread_cond_timedwait(condition, &queue->lock, &end);
}

/* -- putting ------------------------------------------------------------- */

static uint32_t ask_bytes(const struct store_ask *ask)
{
	size_t bytes = sizeof(*ask) + ask->statement->arg_count * sizeof(*ask->values);

	for (unsigned i = 0; i < ask->statement->arg_count; i++)
		if (ask->values[i].kind == PP_STRING)
			bytes += ask->values[i].length;
	return (uint32_t)MIN(bytes, UINT32_MAX);
}

/* Which sleeper this ask wakes; NULL: none. */
static pthread_cond_t *whom_to_wake(struct queue *queue, enum queue_lane lane)
{
	unsigned count = queue->lanes[lane].count;

	if (lane == QUEUE_READ)
		return queue->readers_sleep > 0 ? &queue->read : NULL;
	/* The first of those that are written later: the writer has to learn by when. */
	if (!queue->writer_sleeps || (lane == QUEUE_LATER && count != 1 && count != COMPANY))
		return NULL;
	queue->writer_sleeps = false; /* once is enough */
	return &queue->write;
}

enum queue_answer queue_put(struct queue *queue, enum queue_lane number, struct store_ask *ask)
{
	struct queue_lane_asks *lane = &queue->lanes[number];
	enum queue_answer answer = QUEUE_TAKEN;
	pthread_cond_t *sleeper = NULL;

	ask->bytes = ask_bytes(ask);
	ask->arrived = g_get_monotonic_time();
	pthread_mutex_lock(&queue->lock);
	if (queue->closed) {
		answer = QUEUE_CLOSED;
	} else if (lane->count >= LANE_ASKS || lane->bytes + ask->bytes > LANE_BYTES) {
		answer = QUEUE_FULL;
		queue->refused++;
	} else {
		ask->order = queue->order++;
		queue->asks++;
		lane_add(lane, ask);
		sleeper = whom_to_wake(queue, number);
	}
	pthread_mutex_unlock(&queue->lock);
	if (sleeper != NULL)
		pthread_cond_signal(sleeper);
	return answer;
}

void queue_hand_over(struct queue *queue, struct store_ask *ask)
{
	pthread_mutex_lock(&queue->lock);
	ask->order = queue->order++;
	lane_add(&queue->lanes[QUEUE_WRITE], ask);
	pthread_cond_signal(&queue->write);
	pthread_mutex_unlock(&queue->lock);
}

/* -- taking -------------------------------------------------------------- */

/* When what is to be written later has waited long enough; INT64_MAX: there is nothing. */
static int64_t later_due(const struct queue *queue)
{
	const struct queue_lane_asks *lane = &queue->lanes[QUEUE_LATER];

	if (lane->first == NULL)
		return INT64_MAX;
	if (lane->count >= COMPANY || lane->first->order < queue->hurry || queue->writer_ends)
		return 0;
	return lane->first->arrived + queue->patience;
}

struct store_ask *queue_take_writes(struct queue *queue, int64_t until)
{
	struct store_ask *now = NULL, *later = NULL;

	pthread_mutex_lock(&queue->lock);
	for (;;) {
		int64_t due = later_due(queue), time = g_get_monotonic_time();

		if (queue->lanes[QUEUE_WRITE].count > 0 || due <= time) {
			now = lane_take(&queue->lanes[QUEUE_WRITE], TRANSACTION);
			later = lane_take(&queue->lanes[QUEUE_LATER], COMPANY);
			break;
		}
		if (queue->writer_poked || queue->writer_ends || time >= until)
			break;
		queue->writer_sleeps = true;
		sleep_until(queue, &queue->write, MIN(due, until));
		queue->writer_sleeps = false;
	}
	queue->writer_poked = false;
	pthread_mutex_unlock(&queue->lock);
	return merge(now, later);
}

void queue_settle(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->settled_order = queue->order;
	for (unsigned i = QUEUE_WRITE; i <= QUEUE_LATER; i++)
		if (queue->lanes[i].first != NULL)
			queue->settled_order = MIN(queue->settled_order, queue->lanes[i].first->order);
	if (queue->hurry > 0)
		pthread_cond_broadcast(&queue->settled);
	pthread_mutex_unlock(&queue->lock);
}

static bool is_under_way(const struct queue *queue, const struct statement *statement)
{
	for (unsigned i = 0; i < QUEUE_READERS; i++)
		if (queue->under_way[i] == statement)
			return true;
	return false;
}

/* The first ask that is to be read now; NULL: none, and *until is no later than when one is. */
static struct store_ask **find_read(struct queue *queue, int64_t *until)
{
	struct queue_lane_asks *lane = &queue->lanes[QUEUE_READ];
	int64_t now = g_get_monotonic_time();

	for (struct store_ask **at = &lane->first; *at != NULL; at = &(*at)->next) {
		int64_t due = (*at)->arrived + TOGETHER_WAIT;

		if ((*at)->statement->key_count == 0 || lane->count >= CROWD || due <= now ||
		    queue->readers_end || !is_under_way(queue, (*at)->statement))
			return at;
		*until = MIN(*until, due);
	}
	return NULL;
}

struct store_ask *queue_take_read(struct queue *queue, unsigned reader, int64_t until, unsigned *pokes)
{
	struct store_ask **found, *asks = NULL;
	int64_t wake = until;

	pthread_mutex_lock(&queue->lock);
	while ((found = find_read(queue, &wake)) == NULL && !queue->readers_end &&
	       queue->reader_pokes == *pokes && g_get_monotonic_time() < until) {
		queue->readers_sleep++;
		sleep_until(queue, &queue->read, wake);
		queue->readers_sleep--;
		wake = until;
	}
	if (found != NULL)
		asks = lane_take_alike(&queue->lanes[QUEUE_READ], found);
	if (asks != NULL && asks->statement->key_count > 0)
		queue->under_way[reader % QUEUE_READERS] = asks->statement;
	*pokes = queue->reader_pokes;
	pthread_mutex_unlock(&queue->lock);
	return asks;
}

void queue_read_done(struct queue *queue, unsigned reader)
{
	pthread_mutex_lock(&queue->lock);
	queue->under_way[reader % QUEUE_READERS] = NULL;
	/* This one may be about to rest. */
	if (queue->lanes[QUEUE_READ].count > 0 && queue->readers_sleep > 0)
		pthread_cond_signal(&queue->read);
	pthread_mutex_unlock(&queue->lock);
}

bool queue_rest(struct queue *queue, int64_t until, unsigned *pokes)
{
	bool go_on;

	pthread_mutex_lock(&queue->lock);
	while (!queue->readers_end && queue->reader_pokes == *pokes && g_get_monotonic_time() < until)
		sleep_until(queue, &queue->rest, until);
	*pokes = queue->reader_pokes;
	go_on = !queue->readers_end;
	pthread_mutex_unlock(&queue->lock);
	return go_on;
}

void queue_poke_writer(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->writer_poked = true;
	pthread_cond_signal(&queue->write);
	pthread_mutex_unlock(&queue->lock);
}

void queue_poke_readers(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->reader_pokes++;
	pthread_cond_broadcast(&queue->read);
	pthread_cond_broadcast(&queue->rest);
	pthread_mutex_unlock(&queue->lock);
}

void queue_flush(struct queue *queue)
{
	uint64_t target;

	pthread_mutex_lock(&queue->lock);
	target = queue->hurry = queue->order;
	queue->writer_poked = true;
	pthread_cond_signal(&queue->write);
	while (queue->settled_order < target)
		pthread_cond_wait(&queue->settled, &queue->lock);
	pthread_mutex_unlock(&queue->lock);
}

/* -- the end ------------------------------------------------------------- */

void queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_mutex_unlock(&queue->lock);
}

void queue_end_readers(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->readers_end = true;
	pthread_cond_broadcast(&queue->read);
	pthread_cond_broadcast(&queue->rest);
	pthread_mutex_unlock(&queue->lock);
}

void queue_end_writer(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->writer_ends = true;
	pthread_cond_signal(&queue->write);
	pthread_mutex_unlock(&queue->lock);
}

bool queue_readers_end(struct queue *queue)
{
	bool end;

	pthread_mutex_lock(&queue->lock);
	end = queue->readers_end && queue->lanes[QUEUE_READ].count == 0;
	pthread_mutex_unlock(&queue->lock);
	return end;
}

bool queue_writer_ends(struct queue *queue, bool *empty)
{
	bool end;

	pthread_mutex_lock(&queue->lock);
	end = queue->writer_ends;
	*empty = queue->lanes[QUEUE_WRITE].count == 0 && queue->lanes[QUEUE_LATER].count == 0;
	pthread_mutex_unlock(&queue->lock);
	return end;
}

void queue_count(struct queue *queue, uint64_t *asks, uint64_t *refused, uint64_t *waiting)
{
	pthread_mutex_lock(&queue->lock);
	*asks = queue->asks;
	*refused = queue->refused;
	*waiting = 0;
	for (unsigned i = 0; i < QUEUE_LANES; i++)
		*waiting += queue->lanes[i].count;
	pthread_mutex_unlock(&queue->lock);
}
