/* ask.c - all lists are asked side by side, until those still missing cannot change the word */
#include <string.h>
#include "dnsbl.h"

/* -- what is asked ---------------------------------------------------------------------- */

static struct state *begin(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);

	if (state->begun)
		return state;
	state->begun = true;
	for (unsigned i = 0; i < SUBJECTS; i++)
		if ((conf->list->subjects >> i & 1) != 0)
			subject_read(a, i, &state->value[i]);
	return state;
}

/* No subject has a blank in it. Where there is none, there is nothing to keep. */
const char *dnsbl_key(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = begin(a);
	const char *key = NULL;
	bool any = false;

	for (unsigned i = 0; i < SUBJECTS; i++)
		if ((conf->list->subjects >> i & 1) != 0) {
			const char *text = state->value[i].text;

			any = any || text != NULL;
			text = text != NULL ? text : "-";
			key = key == NULL ? text : pp_format(a, "%s %s", key, text);
		}
	return any ? pp_format(a, "%s%s", key, health_mark(a, pp_handle(a))) : NULL;
}

static const char *name_of(pp_ask_t *a, const struct zone *zone, enum subject subject,
                           const struct subject_value *value)
{
	if (subject == SUBJECT_CLIENT_ADDRESS)
		return pp_dns_reverse_name(a, &value->address, zone->name);
	return pp_format(a, "%s.%s", value->text, zone->name);
}

/* Of what has the same name in the zone one is asked. What is too long for a name is on no list. */
static bool is_new(const struct state *state, const char *name)
{
	if (strlen(name) > 253)
		return false;
	for (unsigned i = 0; i < state->queries; i++)
		if (strcmp(state->query[i].name, name) == 0)
			return false;
	return true;
}

static void add_queries(pp_ask_t *a, unsigned zone)
{
	const struct conf *conf = pp_conf(a);
	const struct zone *list = &conf->list->zone[zone];
	struct state *state = pp_state(a);

	for (unsigned i = 0; i < SUBJECTS; i++) {
		const struct subject_value *value = &state->value[i];
		const char *name;

		if ((list->subjects >> i & 1) == 0 || value->text == NULL ||
		    !health_serves(pp_handle(a), zone, i, &value->address))
			continue;
		name = name_of(a, list, i, value);
		if (is_new(state, name))
			state->query[state->queries++] = (struct query){ .zone = zone,
				                                         .subject = value->text,
				                                         .name = name };
	}
}

/* There is nothing to ask about; or no list that says anything of it, so that none has listed it. */
static pp_step_t ask_nobody(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	const char *missing = NULL;

	/* A list may be in service again at any time. */
	pp_keep_at_most(a, 0);
	for (unsigned i = 0; i < SUBJECTS; i++) {
		if ((conf->list->subjects >> i & 1) == 0)
			continue;
		if (state->value[i].text != NULL)
			return pp_no(a, "no list is asked about %s: each is quarantined or for others",
			             state->value[i].text);
		if (missing == NULL)
			missing = state->value[i].missing;
	}
	return pp_none(a, "%s", missing);
}

/* -- what came -------------------------------------------------------------------------- */

static bool is_broken(const struct zone *zone, const pp_dns_record_t *record)
{
	if (reply_is_broken(&record->address))
		return true;
	for (unsigned i = 0; i < zone->count; i++)
		if (zone->replies[i].broken && reply_matches(&zone->replies[i], &record->address))
			return true;
	return false;
}

static void miss(struct query *query, const char *why)
{
	query->finding = FINDING_MISSING;
	query->why = why;
}

/* One that makes no sense makes nonsense of the others. */
static bool find_broken(pp_ask_t *a, struct query *query, const struct zone *zone)
{
	for (size_t i = 0; i < pp_dns_count(query->work); i++) {
		const pp_dns_record_t *record = pp_dns_record(query->work, i);

		if (!is_broken(zone, record))
			continue;
		health_note_broken(pp_handle(a), query->zone, record->text, query->subject);
		miss(query, pp_format(a, "it says %s: broken", record->text));
		return true;
	}
	return false;
}

static uint64_t matches_of(const struct query *query, const struct zone *zone)
{
	uint64_t matched = 0;

	for (size_t i = 0; i < pp_dns_count(query->work); i++)
		for (unsigned j = 0; j < zone->count; j++)
			if (reply_matches(&zone->replies[j], &pp_dns_record(query->work, i)->address))
				matched |= UINT64_C(1) << j;
	return matched;
}

static void take(pp_ask_t *a, struct query *query)
{
	const struct conf *conf = pp_conf(a);
	struct dnsbl *dnsbl = pp_handle(a);
	struct state *state = pp_state(a);
	const struct zone *zone = &conf->list->zone[query->zone];
	uint64_t matched;

	if (pp_work_state(query->work) != PP_WORK_DONE) {
		miss(query, pp_dns_status_name(pp_dns_status(query->work)));
		atomic_fetch_add_explicit(&dnsbl->health[query->zone].failed, 1, memory_order_relaxed);
		return;
	}
	if (find_broken(a, query, zone))
		return;
	query->finding = FINDING_ANSWERED;
	matched = matches_of(query, zone);
	state->matched[query->zone] |= matched;
	if (matched != 0)
		atomic_fetch_add_explicit(&dnsbl->health[query->zone].listed, 1, memory_order_relaxed);
}

/* Takes what has come. True: nothing is under way any more. */
static bool take_all(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	bool all = true;

	for (unsigned i = 0; i < state->queries; i++) {
		struct query *query = &state->query[i];

		if (query->finding == FINDING_OPEN && pp_work_state(query->work) != PP_WORK_OPEN)
			take(a, query);
		all = all && query->finding != FINDING_OPEN;
	}
	return all;
}

/* -- adding up ---------------------------------------------------------------------------- */

static bool is_complete(const struct state *state, unsigned zone)
{
	for (unsigned i = 0; i < state->queries; i++)
		if (state->query[i].zone == zone && state->query[i].finding != FINDING_ANSWERED)
			return false;
	return true;
}

/* A reply counts once, for however many of a list's subjects it came. */
static void add_up(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);

	state->score = state->least = state->most = 0;
	for (unsigned i = 0; i < conf->list->count; i++) {
		const struct zone *zone = &conf->list->zone[i];
		bool complete = is_complete(state, i);

		for (unsigned j = 0; j < zone->count; j++) {
			points_t weight = zone->replies[j].weight;

			if ((state->matched[i] >> j & 1) != 0)
				state->score += weight;
			else if (!complete)
				*(weight < 0 ? &state->least : &state->most) += weight;
		}
	}
}

/* Whether the word is certain, whatever lists that are missing may say. */
static bool is_certain(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);

	return state->score + state->least >= conf->list->threshold ||
	       state->score + state->most < conf->list->threshold;
}

/* -- reasons ------------------------------------------------------------------------------ */

static pp_step_t wait_for_reasons(pp_ask_t *a)
{
	const struct state *state = pp_state(a);

	for (unsigned i = 0; i < state->queries && pp_time_left(a) > 0; i++) {
		const pp_work_t *text = state->query[i].text;

		if (text != NULL && pp_work_state(text) == PP_WORK_OPEN)
			return pp_wait_any(a, wait_for_reasons);
	}
	/* Lists that were not waited for may have answered meanwhile. */
	take_all(a);
	add_up(a);
	return answer_give(a);
}

/* Of those who speak against it. */
static pp_step_t ask_reasons(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);

	for (unsigned i = 0; i < state->queries; i++) {
		struct query *query = &state->query[i];
		const struct zone *zone = &conf->list->zone[query->zone];
		bool against = false;

		if (query->finding != FINDING_ANSWERED)
			continue;
		for (unsigned j = 0; j < zone->count; j++)
			against = against ||
			          ((matches_of(query, zone) >> j & 1) != 0 && zone->replies[j].weight > 0);
		if (against)
			query->text = pp_dns(a, PP_DNS_TXT, query->name);
	}
	return wait_for_reasons(a);
}

/* -- steps -------------------------------------------------------------------------------- */

static pp_step_t finish(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);

	if (conf->reason && pp_time_left(a) > 0 && state->score + state->least >= conf->list->threshold)
		return ask_reasons(a);
	return answer_give(a);
}

static pp_step_t gather(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);
	bool all = take_all(a);

	add_up(a);
	if (all || pp_time_left(a) == 0)
		return finish(a);
	if (!is_certain(a))
		return pp_wait_any(a, gather);
	if (state->linger == NULL && conf->linger > 0)
		state->linger = pp_sleep(a, conf->linger);
	if (state->linger == NULL || pp_work_state(state->linger) != PP_WORK_OPEN)
		return finish(a);
	return pp_wait_any(a, gather);
}

static void start(pp_ask_t *a)
{
	struct dnsbl *dnsbl = pp_handle(a);
	struct state *state = pp_state(a);

	for (unsigned i = 0; i < state->queries; i++) {
		struct query *query = &state->query[i];

		query->work = pp_dns(a, PP_DNS_A, query->name);
		atomic_fetch_add_explicit(&dnsbl->health[query->zone].asked, 1, memory_order_relaxed);
	}
}

pp_step_t dnsbl_ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = begin(a);

	state->matched = pp_alloc(a, conf->list->count * sizeof(*state->matched));
	state->query = pp_alloc(a, LOOK_UPS_MAX * sizeof(*state->query));
	for (unsigned zone = 0; zone < conf->list->count; zone++)
		add_queries(a, zone);
	if (state->queries == 0)
		return ask_nobody(a);
	start(a);
	return gather(a);
}
