/* answer.c - what an ask has found, in words: which lists count how much, and which are missing */
#include <string.h>
#include "dnsbl.h"

enum {
	TEXT_SIZE = 1000,
	REASON_SIZE = 512,
	ADDRESSES_SHOWN = 4,   /* of a reply */
	PARTIAL_KEEP = 300000, /* ms: how long an answer is kept for which lists are missing */
};

const char *points_print(points_t points, char text[POINTS_TEXT_SIZE])
{
	points_t size = ABS(points);
	int decimals = size % POINT == 0 ? 0 : size % 100 == 0 ? 1 : size % 10 == 0 ? 2 : 3;
	long long fraction = size % POINT;

	for (int i = 3; i > decimals; i--)
		fraction /= 10;
	g_snprintf(text, POINTS_TEXT_SIZE, "%s%lld", points < 0 ? "-" : "", (long long)(size / POINT));
	if (decimals > 0) {
		size_t length = strlen(text);

		g_snprintf(text + length, POINTS_TEXT_SIZE - length, ".%0*lld", decimals, fraction);
	}
	return text;
}

/* -- texts of bounded length -------------------------------------------------------------- */

struct words {
	size_t length;
	char text[TEXT_SIZE];
};

/* Of all that is in it only what is used: a text is made for each of many replies. */
static void words_begin(struct words *words)
{
	words->length = 0;
	words->text[0] = '\0';
}

static void G_GNUC_PRINTF(2, 3) add(struct words *words, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = g_vsnprintf(words->text + words->length, TEXT_SIZE - words->length, format, args);
	va_end(args);
	words->length = MIN(words->length + (size_t)MAX(length, 0), TEXT_SIZE - 1);
}

/* With the separator before it, unless it is the first. */
static void add_item(struct words *words, const char *separator, const char *item)
{
	add(words, "%s%s", words->length > 0 ? separator : "", item);
}

/* NULL: nothing was added. */
static const char *words_text(pp_ask_t *a, const struct words *words)
{
	return words->length > 0 ? pp_format(a, "%s", words->text) : NULL;
}

/* -- what a list said ---------------------------------------------------------------------- */

static const struct zone *zone_of(pp_ask_t *a, unsigned zone)
{
	const struct conf *conf = pp_conf(a);

	return &conf->list->zone[zone];
}

static points_t points_of(pp_ask_t *a, unsigned zone)
{
	const struct state *state = pp_state(a);
	const struct zone *list = zone_of(a, zone);
	points_t points = 0;

	for (unsigned i = 0; i < list->count; i++)
		if ((state->matched[zone] >> i & 1) != 0)
			points += list->replies[i].weight;
	return points;
}

static bool is_several(const struct state *state)
{
	for (unsigned i = 1; i < state->queries; i++)
		if (strcmp(state->query[i].subject, state->query[0].subject) != 0)
			return true;
	return false;
}

/* "127.0.0.4 label other" */
static bool add_address(struct words *words, const struct zone *zone, const pp_dns_record_t *record)
{
	bool any = false;

	for (unsigned i = 0; i < zone->count; i++) {
		const struct reply *reply = &zone->replies[i];

		if (!reply_matches(reply, &record->address))
			continue;
		if (!any)
			add(words, "%s", record->text);
		if (reply->label != NULL)
			add(words, " %s", reply->label);
		any = true;
	}
	return any;
}

/* "127.0.0.2, 127.0.0.4 label", of those that mean something */
static void add_addresses(struct words *words, const struct zone *zone, const struct query *query)
{
	unsigned shown = 0;

	for (size_t i = 0; i < pp_dns_count(query->work) && shown < ADDRESSES_SHOWN; i++) {
		struct words one;

		words_begin(&one);
		if (!add_address(&one, zone, pp_dns_record(query->work, i)))
			continue;
		add(words, "%s%s", shown > 0 ? ", " : "", one.text);
		shown++;
	}
}

/* "zen.example.org +5 (127.0.0.2)" */
static void add_contribution(pp_ask_t *a, struct words *words, unsigned zone)
{
	const struct state *state = pp_state(a);
	const struct zone *list = zone_of(a, zone);
	points_t points = points_of(a, zone);
	bool several = is_several(state), any = false;
	char text[POINTS_TEXT_SIZE];

	add_item(words, ", ", list->name);
	add(words, " %s%s (", points < 0 ? "" : "+", points_print(points, text));
	for (unsigned i = 0; i < state->queries; i++) {
		const struct query *query = &state->query[i];
		struct words one;

		if (query->zone != zone || query->finding != FINDING_ANSWERED)
			continue;
		words_begin(&one);
		add_addresses(&one, list, query);
		if (one.length == 0)
			continue;
		add(words, "%s%s%s%s", any ? "; " : "", several ? query->subject : "", several ? ": " : "",
		    one.text);
		any = true;
	}
	add(words, ")");
}

/* -- fields ------------------------------------------------------------------------------------ */

static void add_labels(struct words *words, const struct zone *zone, uint64_t matched)
{
	for (unsigned i = 0; i < zone->count; i++)
		if ((matched >> i & 1) != 0 && zone->replies[i].label != NULL)
			add_item(words, " ", zone->replies[i].label);
}

/* Lists that are missing, each once. */
static bool is_missing(const struct state *state, unsigned zone)
{
	for (unsigned i = 0; i < state->queries; i++)
		if (state->query[i].zone == zone && state->query[i].finding != FINDING_ANSWERED)
			return true;
	return false;
}

static void set_fields(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	struct words lists, labels, missing;
	struct fields *answer = pp_fields(a);

	words_begin(&lists);
	words_begin(&labels);
	words_begin(&missing);
	for (unsigned zone = 0; zone < conf->list->count; zone++) {
		if (state->matched[zone] != 0)
			add_item(&lists, " ", zone_of(a, zone)->name);
		add_labels(&labels, zone_of(a, zone), state->matched[zone]);
		if (is_missing(state, zone))
			add_item(&missing, " ", zone_of(a, zone)->name);
	}
	answer->score = (double)state->score / POINT;
	answer->lists = words_text(a, &lists);
	answer->labels = words_text(a, &labels);
	answer->missing = words_text(a, &missing);
	if (missing.length > 0)
		pp_keep_at_most(a, PARTIAL_KEEP);
}

/* -- reasons --------------------------------------------------------------------------------- */

/* What a stranger wrote, as one line of printable ASCII without blanks around it. */
static const char *clean(pp_ask_t *a, const pp_dns_record_t *record)
{
	size_t length = MIN(record->length, REASON_SIZE - 1);
	char *text = pp_alloc(a, length + 1);

	for (size_t i = 0; i < length; i++)
		text[i] = g_ascii_isprint(record->text[i]) ? record->text[i] : ' ';
	return g_strstrip(text);
}

static void set_reason(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	struct fields *answer = pp_fields(a);
	struct words words;

	words_begin(&words);
	for (unsigned i = 0; i < state->queries; i++) {
		const pp_work_t *text = state->query[i].text;
		const char *said;

		if (text == NULL || pp_dns_status(text) != PP_DNS_FOUND || words.length >= REASON_SIZE)
			continue;
		said = clean(a, pp_dns_record(text, 0));
		if (*said != '\0')
			add_item(&words, "; ", said);
	}
	words.text[REASON_SIZE - 1] = '\0';
	answer->reason = words_text(a, &words);
}

/* -- the text ---------------------------------------------------------------------------------- */

static void add_subjects(struct words *words, const struct state *state)
{
	for (unsigned i = 0; i < state->queries; i++) {
		unsigned first = 0;

		while (strcmp(state->query[first].subject, state->query[i].subject) != 0)
			first++;
		if (first == i)
			add_item(words, ", ", state->query[i].subject);
	}
}

static void add_missing(pp_ask_t *a, struct words *words)
{
	const struct state *state = pp_state(a);
	bool any = false;

	for (unsigned i = 0; i < state->queries; i++) {
		const struct query *query = &state->query[i];

		if (query->finding == FINDING_ANSWERED)
			continue;
		add(words, "%s%s (%s)", any ? ", " : "; missing: ", zone_of(a, query->zone)->name,
		    query->finding == FINDING_MISSING ? query->why : "not waited for");
		any = true;
	}
}

/* "192.0.2.1: 5 of 5 points: zen.example.org +5 (127.0.0.2); missing: ..." */
static const char *describe(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	struct words words, contributions;
	char score[POINTS_TEXT_SIZE], threshold[POINTS_TEXT_SIZE];

	words_begin(&words);
	words_begin(&contributions);
	add_subjects(&words, state);
	add(&words, ": %s of %s points", points_print(state->score, score),
	    points_print(conf->list->threshold, threshold));
	for (unsigned zone = 0; zone < conf->list->count; zone++)
		if (state->matched[zone] != 0)
			add_contribution(a, &contributions, zone);
	if (contributions.length > 0)
		add(&words, ": %s", contributions.text);
	add_missing(a, &words);
	return pp_format(a, "%s", words.text);
}

pp_step_t answer_give(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct state *state = pp_state(a);
	points_t threshold = conf->list->threshold;

	set_fields(a);
	set_reason(a);
	if (state->score + state->least >= threshold)
		return pp_yes(a, "%s", describe(a));
	if (state->score + state->most < threshold)
		return pp_no(a, "%s", describe(a));
	return pp_unknown(a, "%s", describe(a));
}
