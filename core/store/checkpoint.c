/* store/checkpoint.c - the thread that moves what was committed to where it stays
 *
 * It has a connection of its own, so that the writer need not wait for it, and says
 * nothing: what it cannot do the writer cannot do either.
 *
 * A log can be begun anew only when all of it was moved, which never happens while a
 * busy writer adds to it: it would grow, and get slow. So after much was written what
 * is left is moved again and again, until it is little; then the writer waits while
 * the rest is moved.
 */
#include "store/checkpoint.h"

#include <time.h>

#define EACH STORE_SECOND
enum {
	MUCH = 16384, /* rows: sooner than after a second, and until nothing is left */
	LITTLE = 512, /* rows that the writer may wait for */
	PASSES = 6    /* after which it waits, come what may */
};

struct checkpoint {
	struct store *store;
	pthread_t thread;
	struct database *database; /* NULL: not open */
	unsigned generation;       /* of the writer's database when it was opened */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* there is something to do, or the writer is out */
	pthread_cond_t passed;  /* the writer need not wait any more */
	unsigned rows;          /* written since the last time that all was moved */
	unsigned fresh;         /* since the last pass began */
	bool writing;           /* the writer is in a transaction */
	bool barred;            /* it may not begin one */
	bool ending;
};

/* -- for the writer ------------------------------------------------------ */

void checkpoint_enter(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	pthread_mutex_lock(&checkpoint->lock);
	while (checkpoint->barred)
		pthread_cond_wait(&checkpoint->passed, &checkpoint->lock);
	checkpoint->writing = true;
	pthread_mutex_unlock(&checkpoint->lock);
}

void checkpoint_leave(struct checkpoint *checkpoint, unsigned rows)
{
	bool wake;

	if (checkpoint == NULL)
		return;
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->writing = false;
	wake = checkpoint->barred || (checkpoint->fresh == 0 && rows > 0) ||
	       (checkpoint->fresh < MUCH && checkpoint->fresh + rows >= MUCH);
	checkpoint->rows += rows;
	checkpoint->fresh += rows;
	pthread_mutex_unlock(&checkpoint->lock);
	if (wake)
		pthread_cond_signal(&checkpoint->changed);
}

/* -- the thread ---------------------------------------------------------- */

static void wait_until(struct checkpoint *checkpoint, int64_t end)
{
	struct timespec until = { end / G_USEC_PER_SEC, end % G_USEC_PER_SEC * 1000 };

	pthread_cond_timedwait(&checkpoint->changed, &checkpoint->lock, &until);
}

/* Waits until there is something to move, then for a second or until it is much. False: the end. */
static bool await_turn(struct checkpoint *checkpoint)
{
	int64_t end;
	bool go;

	pthread_mutex_lock(&checkpoint->lock);
	while (checkpoint->fresh == 0 && !checkpoint->ending)
		pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
	end = g_get_monotonic_time() + EACH;
	while (checkpoint->fresh < MUCH && !checkpoint->ending && g_get_monotonic_time() < end)
		wait_until(checkpoint, end);
	go = !checkpoint->ending;
	pthread_mutex_unlock(&checkpoint->lock);
	return go;
}

/* The writer's database may be another one by now. */
static bool connect_database(struct checkpoint *checkpoint)
{
	struct store *store = checkpoint->store;
	unsigned generation = atomic_load(&store->generation);
	struct database_error error;

	if (checkpoint->database == NULL || checkpoint->generation != generation) {
		store->driver->close(checkpoint->database);
		checkpoint->generation = generation;
		checkpoint->database = store->driver->open(&store->settings.target, &error);
	}
	return checkpoint->database != NULL;
}

/* Moves what is there now. Returns how many rows were written meanwhile. */
static unsigned pass(struct checkpoint *checkpoint)
{
	unsigned fresh;

	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->fresh = 0;
	pthread_mutex_unlock(&checkpoint->lock);
	checkpoint->store->driver->checkpoint(checkpoint->database);
	pthread_mutex_lock(&checkpoint->lock);
	fresh = checkpoint->fresh;
	if (fresh == 0)
		checkpoint->rows = 0;
	pthread_mutex_unlock(&checkpoint->lock);
	return fresh;
}

static void pass_alone(struct checkpoint *checkpoint)
{
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->barred = true;
	while (checkpoint->writing)
		pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
	pthread_mutex_unlock(&checkpoint->lock);
	pass(checkpoint);
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->barred = false;
	pthread_cond_signal(&checkpoint->passed);
	pthread_mutex_unlock(&checkpoint->lock);
}

static bool is_much(struct checkpoint *checkpoint)
{
	bool much;

	pthread_mutex_lock(&checkpoint->lock);
	much = checkpoint->rows >= MUCH && !checkpoint->ending;
	pthread_mutex_unlock(&checkpoint->lock);
	return much;
}

static void move(struct checkpoint *checkpoint)
{
	unsigned passes = 1, left = pass(checkpoint);

	for (; left > LITTLE && passes < PASSES && is_much(checkpoint); passes++)
		left = pass(checkpoint);
	if (left > 0 && is_much(checkpoint))
		pass_alone(checkpoint);
}

static void *run(void *data)
{
	struct checkpoint *checkpoint = data;

	while (await_turn(checkpoint))
		if (connect_database(checkpoint))
			move(checkpoint);
	checkpoint->store->driver->close(checkpoint->database);
	return NULL;
}

struct checkpoint *checkpoint_start(struct store *store)
{
	struct checkpoint *checkpoint = g_new0(struct checkpoint, 1);
	pthread_condattr_t monotonic;

	checkpoint->store = store;
	pthread_mutex_init(&checkpoint->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&checkpoint->changed, &monotonic);
	pthread_cond_init(&checkpoint->passed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	checkpoint->thread = loop_spawn("store checkpnt", run, checkpoint);
	return checkpoint;
}

void checkpoint_stop(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->ending = true;
	pthread_cond_signal(&checkpoint->changed);
	pthread_mutex_unlock(&checkpoint->lock);
	pthread_join(checkpoint->thread, NULL);
	pthread_cond_destroy(&checkpoint->changed);
	pthread_cond_destroy(&checkpoint->passed);
	pthread_mutex_destroy(&checkpoint->lock);
	g_free(checkpoint);
}
