/* sleep.c - does the request wait for a while?
 *
 * Threads: the asks that sleep are counted in the handle, under its lock.
 * An ask can end without another step (the client left, the server stops), so
 * nobody counts down: the handle knows when each sleep is over.
 */
#include <pthread.h>
#include <stdlib.h>
#include <ppolicyd/module.h>

struct conf {
	pp_msec_t time;
	int64_t most;
};

static const pp_param_t params[] = {
	PP_DURATION(struct conf, time, .dflt = "5s", .min = "1ms", .max = "90s",
	            .help = "How long to sleep; the timeout must be longer"),
	PP_INT(struct conf, most, .dflt = "1000", .min = "1", .max = "100000", .unit = "asks",
	       .help = "How many may sleep at a time; one more is unknown at once"),
	PP_END
};

static const pp_word_row_t words[] = {
	PP_WORD("done", PP_CLASS_YES, "The time is over"),
	PP_WORDS_END,
};

/* All sleeps of a check last equally long, so they end in the order they began. */
struct sleepers {
	pthread_mutex_t lock;
	size_t first, count, most;
	pp_msec_t until[]; /* a ring */
};

struct state {
	pp_work_t *sleep;
};

static bool sleepers_add(struct sleepers *sleepers, pp_msec_t now, pp_msec_t length)
{
	bool room;

	pthread_mutex_lock(&sleepers->lock);
	while (sleepers->count > 0 && sleepers->until[sleepers->first] <= now) {
		sleepers->first = (sleepers->first + 1) % sleepers->most;
		sleepers->count--;
	}
	room = sleepers->count < sleepers->most;
	if (room)
		sleepers->until[(sleepers->first + sleepers->count++) % sleepers->most] = now + length;
	pthread_mutex_unlock(&sleepers->lock);
	return room;
}

static pp_step_t woken(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);

	switch (pp_work_state(state->sleep)) {
	case PP_WORK_DONE: return pp_word(a, "done", "slept for %lld ms", (long long)conf->time);
	case PP_WORK_TIMED_OUT:
		return pp_unknown(a, "the timeout came before the %lld ms were over", (long long)conf->time);
	default: return pp_unknown(a, "cannot sleep now");
	}
}

static pp_step_t ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);
	pp_msec_t left = pp_time_left(a);

	if (!sleepers_add(pp_handle(a), pp_now(), left < conf->time ? left : conf->time))
		return pp_unknown(a, "%lld asks sleep already", (long long)conf->most);
	state->sleep = pp_sleep(a, conf->time);
	return pp_wait(a, woken);
}

static void *sleep_open(const void *data, pp_error_t *error)
{
	const struct conf *conf = data;
	size_t most = (size_t)conf->most;
	struct sleepers *sleepers = calloc(1, sizeof(*sleepers) + most * sizeof(sleepers->until[0]));

	if (sleepers == NULL) {
		pp_fail(error, "most", "no memory for %zu asks", most);
		return NULL;
	}
	sleepers->most = most;
	pthread_mutex_init(&sleepers->lock, NULL);
	return sleepers;
}

static void sleep_close(void *handle)
{
	struct sleepers *sleepers = handle;

	if (sleepers != NULL)
		pthread_mutex_destroy(&sleepers->lock);
	free(sleepers);
}

/* What ends a sleep too long is the deadline of the request; the timeout is longer than most. */
PP_MODULE(.name = "sleep", .question = "Has the request waited for a while?", .words = words, .effects = true,
          .timeout = "1m", .conf_size = sizeof(struct conf), .params = params,
          .state_size = sizeof(struct state), .ask = ask, .open = sleep_open, .close = sleep_close);
