/* greylist.c - may this mail pass, or is it to wait?
 *
 * Threads: an ask runs in its loop; the table does what has to be done one after another.
 */
#include <string.h>
#include <time.h>
#include <glib.h>
#include "greylist.h"

static const pp_param_t params[] = {
	PP_DURATION(struct conf, delay, .dflt = "5m", .min = "1s", .inert = true,
	            .help = "How long a new triplet waits"),
	PP_DURATION(struct conf, retry_window, .dflt = "2d", .min = "1m", .inert = true,
	            .help = "Until when, from its first time on, a triplet must have come back; a later one "
	                    "waits anew"),
	PP_DURATION(struct conf, life, .dflt = "35d", .min = "1m",
	            .help = "How long a triplet that passed is known after its last mail"),
	PP_DURATION(struct conf, refresh, .dflt = "10m", .max = "1d", .inert = true,
	            .help = "How long a triplet that passed is answered from memory, before the database "
	                    "hears of it again"),
	PP_INT(struct conf, client_after, .dflt = "5", .min = "0", .max = "20", .inert = true,
	       .unit = "triplets",
	       .help = "So many different triplets of a client that passed within 30 days let its other "
	               "mail pass at once; 0 = never"),
	PP_INT(struct conf, ipv4_prefix, .dflt = "24", .min = "8", .max = "32", .unit = "bits",
	       .help = "Length of the network that is a client of IPv4; 32 = the address itself"),
	PP_INT(struct conf, ipv6_prefix, .dflt = "64", .min = "16", .max = "128", .unit = "bits",
	       .help = "Length of the network that is a client of IPv6"),
	PP_TEXT(struct conf, extension, .dflt = "+",
	        .help = "Characters of which each begins an address extension; empty for none"),
	PP_BOOL(struct conf, null_sender, .dflt = "true",
	        .help = "Greylist mail of the null sender too; false: the answer is none"),
	PP_TEXT(struct conf, table, .dflt = "greylist", .help = "Table of the database"),
	PP_INT(struct conf, max_rows, .dflt = "1000000", .min = "100", .inert = true, .unit = "rows",
	       .help = "Rows of the table above which the oldest ones are deleted, waiting ones first"),
	PP_END,
};

static const pp_argument_t args[] = {
	PP_TEXT(struct args, domain,
	        .help = "Domain that is the client, such as the one SPF vouches for; goes before the others"),
	PP_TEXT(struct args, client,
	        .help = "What is the client in place of client_address: an address, of which the network is "
	                "taken, or any other text"),
	PP_END,
};

struct fields {
	const char *reason;
	int64_t wait_seconds, first_seen, passes;
};

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, reason, .samples = "new|early|expired|passed|client|postmaster",
	        .help = "Why: new, early (it waits still), expired (it came too late and waits anew); "
	                "passed, client (others of the client passed), postmaster"),
	PP_INT(struct fields, wait_seconds, .when = "wait", .unit = "seconds", .samples = "300|12",
	       .help = "How long it still waits"),
	PP_INT(struct fields, first_seen, .unit = "seconds", .samples = "1700000000",
	       .help = "When it was seen first, in seconds since 1970; 0 for postmaster"),
	PP_INT(struct fields, passes, .when = "pass", .unit = "mails", .samples = "1|12",
	       .help = "How often it has passed, this time included; 0 for postmaster"),
	PP_END,
};

/* -- loading ----------------------------------------------------------------------- */

static bool validate(void *data, pp_error_t *error)
{
	const struct conf *conf = data;

	if (conf->delay >= conf->retry_window)
		return pp_fail(error, "retry_window",
		               "wanted more than delay: what comes back after the delay must still be in it");
	if (!pp_is_identifier(conf->table))
		return pp_fail(error, "table",
		               "found '%s', wanted a name of letters, digits and '_', at most 64",
		               conf->table);
	return true;
}

static void *greylist_open(const void *conf, pp_error_t *error)
{
	(void)error;
	return greylist_new(conf);
}

static void greylist_close(void *handle)
{
	greylist_free(handle);
}

static void upkeep(void *handle)
{
	greylist_upkeep(handle);
}

/* -- an ask ------------------------------------------------------------------------ */

struct state {
	bool begun, postmaster;
	const char *missing; /* why the question does not apply; NULL: it does */
	struct triplet triplet;
	pp_msec_t now;
	pp_work_t *work;
	pp_work_t *candidates;  /* NULL: not asked apart */
	struct decided decided; /* it waits, unless its client is known */
};

static bool is_postmaster(const char *recipient)
{
	static const char name[] = "postmaster";
	size_t length = sizeof(name) - 1;

	if (recipient == NULL || g_ascii_strncasecmp(recipient, name, length) != 0)
		return false;
	return recipient[length] == '\0' ||
	       (recipient[length] == '@' && strchr(recipient + length + 1, '@') == NULL);
}

static struct state *begin(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	if (state->begun)
		return state;
	state->begun = true;
	state->postmaster = is_postmaster(pp_attr(a, PP_RECIPIENT));
	if (state->postmaster)
		return state;
	state->missing = triplet_of(a, &state->triplet);
	state->now = pp_time();
	return state;
}

/* Neither sender nor recipient has a line's end in it, so no two triplets share a key. */
static const char *key(pp_ask_t *a)
{
	const struct state *state = begin(a);
	const struct triplet *triplet = &state->triplet;
	char *text, *end;

	if (state->postmaster || state->missing != NULL)
		return NULL;
	text = pp_alloc(a,
	                strlen(triplet->sender) + strlen(triplet->recipient) + strlen(triplet->client) + 3);
	end = stpcpy(text, triplet->sender);
	*end++ = '\n';
	end = stpcpy(end, triplet->recipient);
	*end++ = '\n';
	strcpy(end, triplet->client);
	return text;
}

/* -- answers ----------------------------------------------------------------------- */

/* "4m 12s": two units at most, seconds rounded up. */
static const char *length_text(pp_ask_t *a, pp_msec_t length)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t seconds = (length + 999) / 1000;
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (i == 3 || seconds % units[i].seconds / units[i + 1].seconds == 0)
		return pp_format(a, "%lld%c", (long long)(seconds / units[i].seconds), units[i].unit);
	return pp_format(a, "%lld%c %lld%c", (long long)(seconds / units[i].seconds), units[i].unit,
	                 (long long)(seconds % units[i].seconds / units[i + 1].seconds), units[i + 1].unit);
}

static const char *day_text(pp_ask_t *a, pp_msec_t moment)
{
	time_t seconds = (time_t)(moment / 1000);
	char day[32];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 0)
		return "long ago";
	return pp_format(a, "%s", day);
}

/* Memory holds it as long as the table does. */
static pp_step_t pass(pp_ask_t *a, const char *reason, const char *text)
{
	const struct conf *conf = pp_conf(a);
	struct fields *answer = pp_fields(a);

	answer->reason = reason;
	pp_keep(a, conf->refresh < conf->life ? conf->refresh : conf->life, conf->life);
	return pp_yes(a, "%s", text);
}

static pp_step_t wait_more(pp_ask_t *a, const struct decided *row)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	struct fields *answer = pp_fields(a);
	pp_msec_t length = row->first_seen + conf->delay - state->now;
	bool first = row->asks == 1, late = first && row->restarts > 0;

	answer->reason = late ? "expired" : first ? "new" : "early";
	answer->wait_seconds = (length + 999) / 1000;
	return pp_no(a, "greylisted, retry in %s%s", length_text(a, length),
	             late ? "; the last try was too long ago" : "");
}

static pp_step_t passes(pp_ask_t *a, const struct decided *row)
{
	const struct state *state = pp_state(a);
	struct fields *answer = pp_fields(a);

	answer->passes = row->passes;
	if (row->passes == 1)
		return pass(a, "passed",
		            pp_format(a, "came back after %s", length_text(a, state->now - row->first_seen)));
	return pass(a, "passed", pp_format(a, "known since %s", day_text(a, row->first_seen)));
}

/* -- steps ------------------------------------------------------------------------- */

/* False: *step is the answer. */
static bool is_done(pp_ask_t *a, const pp_work_t *work, pp_step_t *step)
{
	pp_work_state_t outcome = pp_work_state(work);

	if (outcome == PP_WORK_DONE)
		return true;
	if (outcome == PP_WORK_FAILED)
		*step = pp_unknown(a, "%s", pp_work_error(work));
	else
		*step = pp_unknown(a, "the database did not answer in time");
	return false;
}

static bool is_ours(const struct decided *row, const struct triplet *triplet)
{
	return g_strcmp0(row->client, triplet->client) == 0 && g_strcmp0(row->sender, triplet->sender) == 0 &&
	       g_strcmp0(row->recipient, triplet->recipient) == 0;
}

static struct seen_args seen_now(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);

	return (struct seen_args){ triplet_number(&state->triplet), state->now, conf->life };
}

static pp_step_t accepted(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	struct fields *answer = pp_fields(a);
	pp_step_t step;

	if (!is_done(a, state->work, &step))
		return step;
	answer->passes = 1;
	return pass(a, "client",
	            pp_format(a, "%s is known: other mail of it has passed", state->triplet.client));
}

static pp_step_t accept(pp_ask_t *a)
{
	const struct seen_args seen = seen_now(a);
	struct state *state = pp_state(a);

	state->work = pp_sql(a, "accept", &seen);
	return pp_wait(a, accepted);
}

static pp_step_t counted(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	const struct others *row;
	pp_step_t step;

	if (!is_done(a, state->work, &step))
		return step;
	row = pp_sql_row(state->work, 0);
	return row != NULL && row->others >= conf->client_after ? accept(a) : wait_more(a, &state->decided);
}

/* Perhaps the client is known. */
static pp_step_t count_others(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	const struct others_args whose = { state->triplet.client, state->now };

	state->work = pp_sql(a, "others", &whose);
	return pp_wait(a, counted);
}

static pp_step_t weigh(pp_ask_t *a, int64_t candidates)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);

	return candidates >= conf->client_after ? count_others(a) : wait_more(a, &state->decided);
}

static void ask_candidates(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	const struct client_args whose = { state->triplet.client };

	state->candidates = pp_sql(a, "candidates", &whose);
}

static pp_step_t told_apart(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	const struct candidates *row;
	pp_step_t step;

	if (!is_done(a, state->candidates, &step))
		return step;
	row = pp_sql_row(state->candidates, 0);
	return weigh(a, row != NULL ? row->candidates : 0);
}

/* It waits, unless its client is known. */
static pp_step_t look_at_client(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);

	if (conf->client_after == 0)
		return wait_more(a, &state->decided);
	if (state->decided.candidates >= 0)
		return weigh(a, state->decided.candidates);
	greylist_ask_apart(pp_handle(a));
	if (state->candidates != NULL)
		return told_apart(a);
	ask_candidates(a);
	return pp_wait(a, told_apart);
}

static pp_step_t decided(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	struct fields *answer = pp_fields(a);
	const struct decided *row;
	pp_step_t step;

	if (!is_done(a, state->work, &step))
		return step;
	row = pp_sql_row(state->work, 0);
	if (row == NULL || !is_ours(row, &state->triplet))
		return pp_unknown(a, "the database has another triplet under its number");
	if (row->asks == 1 && row->restarts == 0)
		greylist_count(pp_handle(a), 1);
	answer->first_seen = row->first_seen / 1000;
	if (row->passes > 0)
		return passes(a, row);
	state->decided = *row;
	return look_at_client(a);
}

static pp_step_t decide(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);
	const struct decide_args row = {
		.id = triplet_number(&state->triplet),
		.client = state->triplet.client,
		.sender = state->triplet.sender,
		.recipient = state->triplet.recipient,
		.now = state->now,
		.delay = conf->delay,
		.retry_window = conf->retry_window,
		.life = conf->life,
	};

	state->work = pp_sql(a, "decide", &row);
	if (conf->client_after > 0 && greylist_asks_apart(pp_handle(a)) &&
	    pp_work_state(state->work) == PP_WORK_OPEN)
		ask_candidates(a);
	return pp_wait(a, decided);
}

/* The table is full: who is in it is served, and nobody is let in. */
static pp_step_t looked_up(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	pp_step_t step;

	if (!is_done(a, state->work, &step))
		return step;
	if (pp_sql_count(state->work) > 0)
		return decide(a);
	return pp_unknown(a, "the table %s is full", conf->table);
}

/* It passed before, and the time in which memory answers without asking us is over. */
static pp_step_t still_known(pp_ask_t *a, const struct fields *kept)
{
	const struct seen_args seen = seen_now(a);
	struct fields *answer = pp_fields(a);

	answer->first_seen = kept->first_seen;
	answer->passes = kept->passes + 1;
	pp_sql_later(a, "refresh", &seen);
	return pass(a, "passed", pp_format(a, "known since %s", day_text(a, kept->first_seen * 1000)));
}

static pp_step_t ask(pp_ask_t *a)
{
	struct state *state = begin(a);
	struct fields *answer = pp_fields(a);
	struct id_args known;
	const void *kept;

	if (state->postmaster) {
		answer->reason = "postmaster";
		return pp_yes(a, "mail to postmaster is not greylisted");
	}
	if (state->missing != NULL)
		return pp_none(a, "%s", state->missing);
	if (g_strcmp0(pp_kept(a, &kept), "pass") == 0)
		return still_known(a, kept);
	if (!greylist_is_full(pp_handle(a)))
		return decide(a);
	known.id = triplet_number(&state->triplet);
	state->work = pp_sql(a, "known", &known);
	return pp_wait(a, looked_up);
}

PP_MODULE(.name = "greylist", .question = "May this mail pass, or is it to wait for a while?", .yes = "pass",
          .no = "wait", .reads = PP_READS(PP_CLIENT_ADDRESS, PP_SENDER, PP_RECIPIENT),
          .conf_size = sizeof(struct conf), .params = params, .args_size = sizeof(struct args), .args = args,
          .fields_size = sizeof(struct fields), .fields = fields, .state_size = sizeof(struct state),
          .ask = ask, .key = key, .validate = validate, .open = greylist_open, .close = greylist_close,
          .upkeep = upkeep, .effects = true, .statements = greylist_statements, .table = "table",
          .commands = greylist_commands);
