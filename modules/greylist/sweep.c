/* sweep.c - deletes what has expired and what is too much, a little at a time
 *
 * Of servers that share the table one does; the others only count, to know when it is full.
 * The table has no index of ages, since each new row would pay for it. A walk from
 * the first row to the last looks at some rows a second and deletes those that are over. When there
 * are too many rows it is told, for one walk, from which age on the oldest ones go.
 */
#include <glib.h>
#include "greylist.h"

enum {
	SLICE = 1000,       /* rows of a step */
	STEPS_IN_NEED = 50, /* of a turn, while there are too many rows; else one */
	ROOM_PART = 20      /* such a part of max_rows is made free, so that it lasts for a while */
};
#define PAUSE (60 * (pp_msec_t)1000) /* between walks */
/* What has expired stays for a while, so that one who comes late is told so. */
#define GRACE (86400 * (pp_msec_t)1000)
#define SAY_AGAIN (3600 * (pp_msec_t)1000) /* that there are too many rows */
#define NOT_COUNTED ((int64_t)-1)
#define NEVER ((pp_msec_t)-1) /* a moment before all others */

struct greylist {
	const struct conf *conf;
	atomic_llong rows; /* about; NOT_COUNTED */
	atomic_bool apart; /* candidates are asked apart */

	/* Of upkeep alone: */
	bool walking;
	int64_t at;                            /* seq: rows up to this one have been looked at */
	pp_msec_t rest_until;                  /* no walk before, unless there are too many rows */
	int64_t excess;                        /* rows that are too many and not gone yet */
	pp_msec_t waiting_until, passed_until; /* the oldest ones: up to these moments */
	pp_msec_t said_at;                     /* that there are too many; NEVER */
};

/* What is seen of a slice. */
struct look {
	struct greylist *greylist;
	pp_msec_t now; /* what had expired then goes */
	int64_t seen, gone;
	int64_t last; /* seq */
	bool enough;  /* the excess ends here, and with it the slice */
};

/* -- counting ------------------------------------------------------------------ */

struct greylist *greylist_new(const struct conf *conf)
{
	struct greylist *greylist = g_new0(struct greylist, 1);

	greylist->conf = conf;
	greylist->said_at = NEVER;
	atomic_init(&greylist->rows, NOT_COUNTED);
	return greylist;
}

void greylist_free(struct greylist *greylist)
{
	g_free(greylist);
}

void greylist_count(struct greylist *greylist, int64_t rows)
{
	if (atomic_load(&greylist->rows) != NOT_COUNTED)
		atomic_fetch_add(&greylist->rows, rows);
}

bool greylist_is_full(struct greylist *greylist)
{
	int64_t most = greylist->conf->max_rows;

	return atomic_load_explicit(&greylist->rows, memory_order_relaxed) >= most + most / 4;
}

bool greylist_asks_apart(struct greylist *greylist)
{
	return atomic_load_explicit(&greylist->apart, memory_order_relaxed);
}

void greylist_ask_apart(struct greylist *greylist)
{
	atomic_store_explicit(&greylist->apart, true, memory_order_relaxed);
}

/* -- what is too much ------------------------------------------------------------ */

static void take_count(const void *columns, void *data)
{
	*(struct count *)data = *(const struct count *)columns;
}

static void take_moment(const void *columns, void *data)
{
	*(pp_msec_t *)data = ((const struct moment *)columns)->moment;
}

/* Up to which moment so many rows go, the oldest ones first; there are as many. */
static bool find_moment(const char *statement, int64_t rows, pp_msec_t *moment)
{
	const struct before_args args = { .before = rows - 1 };

	*moment = NEVER;
	return rows <= 0 || pp_sql_now(statement, &args, take_moment, moment, NULL);
}

/* Waiting rows go first: they are the ones that strangers make. */
static bool find_excess(struct greylist *greylist, const struct count *count)
{
	int64_t most = greylist->conf->max_rows, waiting = count->total - count->passed;

	greylist->waiting_until = greylist->passed_until = NEVER;
	greylist->excess = count->total > most ? count->total - (most - most / ROOM_PART) : 0;
	if (greylist->excess > waiting)
		greylist->waiting_until = INT64_MAX;
	else if (!find_moment("oldest_waiting", greylist->excess, &greylist->waiting_until))
		return false;
	return find_moment("oldest_passed", greylist->excess - waiting, &greylist->passed_until);
}

static void say(struct greylist *greylist)
{
	pp_msec_t now = pp_now();

	if (greylist->said_at != NEVER && now - greylist->said_at < SAY_AGAIN)
		return;
	greylist->said_at = now;
	pp_log(PP_LOG_WARNING,
	       "greylist: table %s has %lld rows, more than max_rows: the oldest ones are deleted",
	       greylist->conf->table, (long long)atomic_load(&greylist->rows));
}

/* -- walking --------------------------------------------------------------------- */

static bool count_rows(struct greylist *greylist, struct count *count)
{
	*count = (struct count){ 0 };
	if (!pp_sql_now("count", NULL, take_count, count, NULL))
		return false;
	atomic_store(&greylist->rows, count->total);
	return true;
}

static bool begin_walk(struct greylist *greylist)
{
	struct count count;

	if (!count_rows(greylist, &count) || !find_excess(greylist, &count))
		return false;
	if (greylist->excess > 0)
		say(greylist);
	greylist->at = 0;
	greylist->walking = true;
	return true;
}

static void look_at(const void *columns, void *data)
{
	struct look *look = data;
	struct greylist *greylist = look->greylist;
	const struct row *row = columns;
	bool old = row->passed_at > 0 ? row->last_seen <= greylist->passed_until
	                              : row->first_seen <= greylist->waiting_until;

	if (look->enough)
		return;
	look->last = row->seq;
	look->seen++;
	look->gone += old || row_state(row, look->now) == ROW_EXPIRED;
	look->enough = greylist->excess > 0 && look->gone == greylist->excess;
}

static bool purge(struct greylist *greylist, const struct look *look)
{
	const struct purge_args args = {
		.seq = greylist->at,
		.last = look->last,
		.now = look->now,
		.waiting_until = greylist->waiting_until,
		.passed_until = greylist->passed_until,
	};

	if (!pp_sql_now("purge", &args, NULL, NULL, NULL))
		return false;
	greylist_count(greylist, -look->gone);
	greylist->excess = MAX(greylist->excess - look->gone, 0);
	if (greylist->excess == 0)
		greylist->waiting_until = greylist->passed_until = NEVER;
	return true;
}

/* False: the database has trouble, of which the store speaks. */
static bool step(struct greylist *greylist)
{
	struct look look = { .greylist = greylist, .now = pp_time() - GRACE };
	const struct slice_args args = { .seq = greylist->at, .most = SLICE };

	if (!pp_sql_now("slice", &args, look_at, &look, NULL) || (look.gone > 0 && !purge(greylist, &look)))
		return false;
	if (look.seen < SLICE && !look.enough) {
		greylist->walking = false;
		greylist->excess = 0;
		greylist->rest_until = pp_now() + PAUSE;
	} else {
		greylist->at = look.last;
	}
	return true;
}

/* Another server looks after the table: only how many rows there are is to be known. */
static void stand_by(struct greylist *greylist)
{
	struct count count;

	greylist->walking = false;
	greylist->excess = 0;
	if (pp_now() >= greylist->rest_until && count_rows(greylist, &count))
		greylist->rest_until = pp_now() + PAUSE;
}

void greylist_upkeep(struct greylist *greylist)
{
	bool too_many = atomic_load(&greylist->rows) > greylist->conf->max_rows && greylist->excess == 0;
	int steps = 1;

	if (!greylist->walking && !too_many && pp_now() < greylist->rest_until)
		return;
	if (!pp_duty()) {
		stand_by(greylist);
		return;
	}
	if ((!greylist->walking || too_many) && !begin_walk(greylist))
		return;
	if (greylist->excess > 0)
		steps = STEPS_IN_NEED;
	while (steps-- > 0 && greylist->walking && step(greylist))
		;
}
