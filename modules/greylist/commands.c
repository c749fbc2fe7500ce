/* commands.c - ppolicyctl greylist list, release, forget, stats */
#include <glib.h>
#include "greylist.h"

enum { SLICE = 500 }; /* rows that are read at once */

#define FILTER_ROWS                                                                                       \
	PP_TEXT(struct filter_args, client,                                                               \
	        .help = "Only those of this network, of the network of this address, or of this domain"), \
	        PP_TEXT(struct filter_args, sender,                                                       \
	                .help = "Only those of this sender; '<>' is the null sender"),                    \
	        PP_TEXT(struct filter_args, recipient, .help = "Only those of this recipient")

static const pp_row_t filter_rows[] = { FILTER_ROWS, PP_END };
static const pp_row_t list_rows[] = {
	FILTER_ROWS,
	PP_INT(struct filter_args, limit, .dflt = "1000", .min = "1", .unit = "rows",
	       .help = "How many to show at most"),
	PP_END,
};

/* -- walking through the table ------------------------------------------------------ */

struct walk {
	pp_call_t *call;
	struct greylist *greylist;
	struct filter *filter;
	pp_msec_t now;
	bool (*visit)(struct walk *walk, const struct row *row); /* false: no more */
	int64_t last, seen;                                      /* the last row, how many of this slice */
	bool over;
	const char *error; /* a statement of visit() failed */

	int64_t limit, matched, changed;
	struct stats *stats;
};

static void visit_row(const void *columns, void *data)
{
	struct walk *walk = data;
	const struct row *row = columns;

	walk->seen++;
	walk->last = row->seq;
	if (!walk->over && filter_wants(walk->filter, row)) {
		walk->matched++;
		walk->over = !walk->visit(walk, row);
	}
}

/* In slices, so that nobody waits for it. False: it was said what is wrong. */
static bool walk_all(struct walk *walk)
{
	bool more = true;

	while (more && !walk->over) {
		const struct slice_args args = { .seq = walk->last, .most = SLICE };
		const char *error;

		walk->seen = 0;
		if (!pp_sql_now("slice", &args, visit_row, walk, &error))
			return pp_call_fail(walk->call, "%s", error);
		more = walk->seen == SLICE;
	}
	return walk->error == NULL || pp_call_fail(walk->call, "%s", walk->error);
}

static void walk_begin(struct walk *walk, pp_call_t *call, void *handle)
{
	const struct filter_args *args = pp_call_args(call);

	walk->call = call;
	walk->greylist = handle;
	walk->filter = filter_new(pp_call_conf(call), args);
	walk->now = pp_time();
	walk->limit = args->limit;
}

static void walk_end(struct walk *walk)
{
	filter_free(walk->filter);
}

/* -- list --------------------------------------------------------------------------- */

struct shown {
	const char *client, *sender, *recipient, *state;
	pp_msec_t first_seen, last_seen, ends;
	int64_t asks, passes;
};

static const pp_row_t shown_rows[] = {
	PP_TEXT(struct shown, client, .help = "Network or domain"),
	PP_TEXT(struct shown, sender, .help = "Folded"),
	PP_TEXT(struct shown, recipient, .help = "Folded"),
	PP_TEXT(struct shown, state, .help = "waiting, ready to pass, passed, expired"),
	PP_DURATION(struct shown, first_seen, .unit = "time", .help = "When it began to wait"),
	PP_DURATION(struct shown, last_seen, .unit = "time", .help = "When it was asked about last"),
	PP_DURATION(struct shown, ends, .unit = "time", .help = "When it is forgotten"),
	PP_INT(struct shown, asks, .help = "How often the table was asked about it"),
	PP_INT(struct shown, passes, .help = "How often it has passed"),
	PP_END,
};

static bool show(struct walk *walk, const struct row *row)
{
	static const char *const states[] = { "waiting", "ready", "passed", "expired" };
	const struct shown shown = {
		.client = row->client,
		.sender = row->sender,
		.recipient = row->recipient,
		.state = states[row_state(row, walk->now)],
		.first_seen = row->first_seen,
		.last_seen = row->last_seen,
		.ends = row->passed_at > 0 ? row->last_seen + row->life : row->first_seen + row->retry_window,
		.asks = row->asks,
		.passes = row->passes,
	};

	if (walk->matched > walk->limit)
		return false;
	pp_call_row(walk->call, shown_rows, &shown);
	return true;
}

static bool list(pp_call_t *call, void *handle)
{
	struct walk walk = { .visit = show };
	bool good;

	walk_begin(&walk, call, handle);
	good = walk_all(&walk);
	if (good && walk.matched > walk.limit)
		pp_call_say(call, "there are more than %lld; say limit=... for more, or which",
		            (long long)walk.limit);
	walk_end(&walk);
	return good && walk.matched > 0;
}

/* -- release and forget ------------------------------------------------------------- */

struct change {
	int64_t matched, changed;
};

static const pp_row_t released_rows[] = {
	{ .name = "released",
	  .type = PP_TYPE_INT,
	  .offset = PP_OFFSET(struct change, changed, int64_t),
	  .help = "Triplets that waited" },
	{ .name = "matched",
	  .type = PP_TYPE_INT,
	  .offset = PP_OFFSET(struct change, matched, int64_t),
	  .help = "Triplets that the filters mean" },
	PP_END,
};
static const pp_row_t forgotten_rows[] = {
	{ .name = "forgotten",
	  .type = PP_TYPE_INT,
	  .offset = PP_OFFSET(struct change, changed, int64_t),
	  .help = "Triplets that the filters mean" },
	PP_END,
};

static bool release_one(struct walk *walk, const struct row *row)
{
	const struct release_args args = { .seq = row->seq, .now = walk->now };

	if (row->passed_at > 0)
		return true;
	if (!pp_sql_now("release", &args, NULL, NULL, &walk->error))
		return false;
	walk->changed++;
	return true;
}

static bool forget_one(struct walk *walk, const struct row *row)
{
	const struct seq_args args = { .seq = row->seq };

	if (!pp_sql_now("forget", &args, NULL, NULL, &walk->error))
		return false;
	walk->changed++;
	return true;
}

/* All is a lot to change: it has to be said. */
static bool change(struct walk *walk, pp_call_t *call, void *handle, const pp_row_t *rows)
{
	const struct filter_args *args = pp_call_args(call);
	bool good;

	if (args->client == NULL && args->sender == NULL && args->recipient == NULL)
		return pp_call_fail(call, "say which: client=, sender= or recipient=; sender='*' means all");
	walk_begin(walk, call, handle);
	good = walk_all(walk);
	if (walk->matched > 0) {
		const struct change change = { walk->matched, walk->changed };

		pp_call_row(call, rows, &change);
	}
	walk_end(walk);
	return good && walk->matched > 0;
}

static bool release(pp_call_t *call, void *handle)
{
	struct walk walk = { .visit = release_one };

	return change(&walk, call, handle, released_rows);
}

static bool forget(pp_call_t *call, void *handle)
{
	struct walk walk = { .visit = forget_one };
	bool good = change(&walk, call, handle, forgotten_rows);

	greylist_count(handle, -walk.changed);
	/* Another check of this table may have deleted the rows. */
	pp_call_forget(call);
	return good;
}

/* -- stats -------------------------------------------------------------------------- */

struct stats {
	int64_t rows, waiting, ready, passed, expired, mails;
	pp_msec_t oldest;
	int64_t max_rows;
};

static const pp_row_t stats_rows[] = {
	PP_INT(struct stats, rows, .help = "Triplets"),
	PP_INT(struct stats, waiting, .help = "... for which the delay is not over"),
	PP_INT(struct stats, ready, .help = "... that pass when they come back"),
	PP_INT(struct stats, passed, .help = "... that have passed"),
	PP_INT(struct stats, expired, .help = "... that are over and will be deleted"),
	PP_INT(struct stats, mails, .help = "How often they have passed, all together"),
	PP_DURATION(struct stats, oldest, .unit = "time", .help = "When the oldest one was seen first"),
	PP_INT(struct stats, max_rows, .help = "Rows above which the oldest ones are deleted"),
	PP_END,
};

static bool count(struct walk *walk, const struct row *row)
{
	struct stats *stats = walk->stats;

	stats->rows++;
	stats->mails += row->passes;
	if (stats->oldest == 0 || row->first_seen < stats->oldest)
		stats->oldest = row->first_seen;
	switch (row_state(row, walk->now)) {
	case ROW_WAITING: stats->waiting++; break;
	case ROW_READY: stats->ready++; break;
	case ROW_PASSED: stats->passed++; break;
	case ROW_EXPIRED: stats->expired++; break;
	}
	return true;
}

static bool stats(pp_call_t *call, void *handle)
{
	const struct conf *conf = pp_call_conf(call);
	struct stats counted = { .max_rows = conf->max_rows };
	struct walk walk = { .visit = count, .stats = &counted };
	bool good;

	walk_begin(&walk, call, handle);
	good = walk_all(&walk);
	if (good)
		pp_call_row(call, stats_rows, &counted);
	walk_end(&walk);
	return good;
}

const pp_command_t greylist_commands[] = {
	{ .name = "list",
	  .args = list_rows,
	  .args_size = sizeof(struct filter_args),
	  .words = "check",
	  .help = "Show triplets: since when, until when, how often they passed",
	  .run = list },
	{ .name = "release",
	  .args = filter_rows,
	  .args_size = sizeof(struct filter_args),
	  .words = "check",
	  .changes = true,
	  .help = "Let waiting triplets pass the next time they come",
	  .run = release },
	{ .name = "forget",
	  .args = filter_rows,
	  .args_size = sizeof(struct filter_args),
	  .words = "check",
	  .changes = true,
	  .help = "Delete triplets, as if they had never been seen",
	  .run = forget },
	{ .name = "stats",
	  .args = filter_rows,
	  .args_size = sizeof(struct filter_args),
	  .words = "check",
	  .help = "Count triplets",
	  .run = stats },
	PP_COMMANDS_END,
};
