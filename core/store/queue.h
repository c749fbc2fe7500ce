/* store/queue.h - asks on their way to the threads of a store
 *
 * Bounded; any thread puts, one writer and a few readers take. A sleeping thread
 * is woken, a busy one finds what has come when it looks again: this is what
 * makes batches. Times are monotonic microseconds of the machine.
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/store.h"

enum queue_lane {
	QUEUE_WRITE,
	QUEUE_LATER, /* written with what goes anyway, or after a while */
	QUEUE_READ,
	QUEUE_LANES
};

struct queue_lane_asks {
	struct store_ask *first, **last;
	unsigned count;
	size_t bytes;
};

enum { QUEUE_READERS = 8 };

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t write, read, rest, settled;
	struct queue_lane_asks lanes[QUEUE_LANES];
	int64_t patience; /* how long what is to be written later waits */
	bool writer_sleeps;
	unsigned readers_sleep;
	const struct statement *under_way[QUEUE_READERS]; /* with a key, by each reader */
	bool writer_poked;
	unsigned reader_pokes;
	bool closed, readers_end, writer_ends;
	uint64_t order;         /* of the next ask */
	uint64_t hurry;         /* asks of a lower order are written now */
	uint64_t settled_order; /* writes of a lower order are answered */
	uint64_t asks, refused;
};

enum queue_answer { QUEUE_TAKEN, QUEUE_FULL, QUEUE_CLOSED };

void queue_init(struct queue *queue, int64_t patience);
void queue_clear(struct queue *queue); /* frees what it holds; it is empty */
enum queue_answer queue_put(struct queue *queue, enum queue_lane lane, struct store_ask *ask);

/* For the writer: waits until there is something to write, until a time or a poke. A list of
 * asks in order of arrival, as many as are good for one transaction; may be NULL. */
struct store_ask *queue_take_writes(struct queue *queue, int64_t until);
/* All that it took is answered. */
void queue_settle(struct queue *queue);
/* For a reader (they are numbered): an ask, with what waits of the same statement if it has a key, at most
 * STATEMENT_ROWS_MAX, or NULL at that time or after a poke; *pokes: those seen. While another
 * reader runs the same statement, few are left waiting for it, for a moment, so that they become more. */
struct store_ask *queue_take_read(struct queue *queue, unsigned reader, int64_t until, unsigned *pokes);
/* What it took is answered. */
void queue_read_done(struct queue *queue, unsigned reader);
/* For a reader that cannot read, while others can: waits for that time or a poke. False: the
 * end has come. */
bool queue_rest(struct queue *queue, int64_t until, unsigned *pokes);
/* From a reader to the writer: without bounds. */
void queue_hand_over(struct queue *queue, struct store_ask *ask);

void queue_poke_writer(struct queue *queue);
void queue_poke_readers(struct queue *queue);
/* Waits until all writes that were put before are answered. */
void queue_flush(struct queue *queue);

/* Nothing is put any more; then readers, then the writer end when their lanes are empty. */
void queue_close(struct queue *queue);
void queue_end_readers(struct queue *queue);
void queue_end_writer(struct queue *queue);
bool queue_readers_end(struct queue *queue); /* and there is nothing left to read */
bool queue_writer_ends(struct queue *queue, bool *empty);

void queue_count(struct queue *queue, uint64_t *asks, uint64_t *refused, uint64_t *waiting);

#endif
