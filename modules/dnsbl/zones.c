/* zones.c - the parameter zones: which lists, what their replies mean and count */
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include "dnsbl.h"

enum { PATH_SIZE = 400, SHOWN_MAX = 60 };

static const char usual_reply[] = "127.0.0.2-11";

/* What is being read, and where complaints go. */
struct reader {
	pp_error_t *error;
	const char *param;
	char path[PATH_SIZE]; /* "zen.example.org: replies: 127.0.0.2: " */
	bool failed;
};

/* -- what is wrong ---------------------------------------------------------------------- */

static void G_GNUC_PRINTF(2, 3) complain(struct reader *reader, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	pp_fail(reader->error, reader->param, "%s%s", reader->path, text);
	reader->failed = true;
}

/* "found 'x'", "found 5", ... */
static char *found(const pp_value_t *value)
{
	switch (value->kind) {
	case PP_STRING: return g_strdup_printf("found '%.*s'", SHOWN_MAX, value->string);
	case PP_INTEGER: return g_strdup_printf("found %lld", (long long)value->integer);
	case PP_REAL: return g_strdup_printf("found %.14g", value->real);
	case PP_BOOLEAN: return g_strdup_printf("found %s", value->boolean ? "true" : "false");
	case PP_LIST: return g_strdup(value->list.count == 0 ? "found an empty table" : "found a table");
	default: return g_strdup("found nil");
	}
}

static void wanted(struct reader *reader, const pp_value_t *value, const char *what)
{
	g_autofree char *text = found(value);

	complain(reader, "%s, wanted %s", text, what);
}

/* Goes down to a part of what is read; the result is where it was, for leave(). */
static size_t enter(struct reader *reader, const char *part)
{
	size_t length = strlen(reader->path);

	g_snprintf(reader->path + length, sizeof(reader->path) - length, "%.200s: ", part);
	return length;
}

static void leave(struct reader *reader, size_t length)
{
	reader->path[length] = '\0';
}

/* Says which options there are not. options: NULL-terminated. */
static void check_options(struct reader *reader, const pp_value_t *table, const char *const *options)
{
	for (size_t i = 0; i < table->list.count; i++) {
		const pp_pair_t *pair = &table->list.pairs[i];
		const char *nearest;

		if (pair->key == NULL) {
			g_autofree char *text = found(&pair->value);

			complain(reader, "%s, wanted options written as name = value", text);
		} else if (!g_strv_contains(options, pair->key)) {
			nearest = pp_nearest(pair->key, options);
			complain(reader, "no option '%.*s'%s%s%s", SHOWN_MAX, pair->key,
			         nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
			         nearest != NULL ? "'?)" : "");
		}
	}
}

static const pp_value_t *option(const pp_value_t *table, const char *name)
{
	for (size_t i = 0; i < table->list.count; i++)
		if (g_strcmp0(table->list.pairs[i].key, name) == 0)
			return &table->list.pairs[i].value;
	return NULL;
}

/* -- points ------------------------------------------------------------------------------- */

/* False: too many, or a part of a thousandth. */
static bool points_of(double number, points_t *points)
{
	double scaled = number * POINT;

	if (!(fabs(number) <= POINTS_MAX) || fabs(scaled - round(scaled)) > 1e-6)
		return false;
	*points = (points_t)round(scaled);
	return true;
}

static void read_weight(struct reader *reader, const pp_value_t *value, points_t *weight)
{
	double number = value->kind == PP_INTEGER ? (double)value->integer : value->real;

	if ((value->kind != PP_INTEGER && value->kind != PP_REAL) || !points_of(number, weight))
		wanted(reader, value, "a number of points, such as 5, 0.5 or -2 (three decimals at most)");
}

static void read_weight_option(struct reader *reader, const pp_value_t *table, points_t *weight)
{
	const pp_value_t *value = option(table, "weight");
	size_t back = enter(reader, "weight");

	if (value != NULL)
		read_weight(reader, value, weight);
	leave(reader, back);
}

/* -- replies ------------------------------------------------------------------------------ */

static bool is_label(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

	return length > 0 && length <= LABEL_MAX && text[length] == '\0';
}

static void read_label(struct reader *reader, const pp_value_t *value, struct reply *reply)
{
	size_t back = enter(reader, "label");

	if (value->kind == PP_STRING && is_label(value->string))
		reply->label = g_strdup(value->string);
	else
		wanted(reader, value, "a word of letters, digits, '.', '-' and '_', at most 40");
	leave(reader, back);
}

/* What a reply means: a weight, "broken" or a table of both. */
static void read_meaning(struct reader *reader, const pp_value_t *value, struct reply *reply)
{
	static const char *const options[] = { "weight", "label", NULL };

	if (value->kind == PP_STRING && strcmp(value->string, "broken") == 0) {
		reply->broken = true;
		reply->weight = 0;
	} else if (value->kind == PP_LIST) {
		check_options(reader, value, options);
		read_weight_option(reader, value, &reply->weight);
		if (option(value, "label") != NULL)
			read_label(reader, option(value, "label"), reply);
	} else if (value->kind == PP_INTEGER || value->kind == PP_REAL) {
		read_weight(reader, value, &reply->weight);
	} else {
		wanted(reader, value, "points, { weight = 5, label = \"word\" } or \"broken\"");
	}
}

/* False: nothing but what is broken can match it. */
static bool can_match(const struct reply *reply)
{
	const struct part *part = reply->part;

	return (part[0].mask != 0 ? (part[0].mask & 127) != 0 : part[0].low <= 127 && part[0].high >= 127) &&
	       (part[1].mask != 0 || part[1].low != 255 || part[2].mask != 0 || part[2].low != 255);
}

static void add_reply(struct reader *reader, struct zone *zone, const char *pattern,
                      const pp_value_t *meaning, points_t weight)
{
	struct reply reply = { .weight = weight };
	size_t back = enter(reader, pattern);

	if (!reply_parse(pattern, &reply))
		complain(reader, "wanted four parts with dots between, such as 127.0.0.2: each a number, a "
		                 "range 4-7, * or bits &8");
	else if (!can_match(&reply))
		complain(reader, "what is outside of 127.0.0.0/8 or in 127.255.255.0/24 means that the list "
		                 "is broken");
	else if (zone->count == REPLIES_MAX)
		complain(reader, "found more than %d replies", REPLIES_MAX);
	else if (meaning != NULL)
		read_meaning(reader, meaning, &reply);
	leave(reader, back);
	if (zone->count == REPLIES_MAX) {
		g_free(reply.label);
		return;
	}
	zone->replies = g_renew(struct reply, zone->replies, zone->count + 1);
	zone->replies[zone->count++] = reply;
}

static void read_replies(struct reader *reader, const pp_value_t *value, struct zone *zone, points_t weight)
{
	size_t back = enter(reader, "replies");

	if (value->kind == PP_STRING)
		add_reply(reader, zone, value->string, NULL, weight);
	else if (value->kind != PP_LIST || value->list.count == 0)
		wanted(reader, value, "a table such as { [\"127.0.0.2\"] = 5, [\"127.0.0.4-7\"] = 3 }");
	for (size_t i = 0; value->kind == PP_LIST && i < value->list.count; i++) {
		const pp_pair_t *pair = &value->list.pairs[i];

		if (pair->key != NULL)
			add_reply(reader, zone, pair->key, &pair->value, weight);
		else if (pair->value.kind == PP_STRING)
			add_reply(reader, zone, pair->value.string, NULL, weight);
		else
			wanted(reader, &pair->value, "a reply such as \"127.0.0.2\"");
	}
	leave(reader, back);
}

/* -- subjects ------------------------------------------------------------------------------- */

static unsigned read_subject(struct reader *reader, const char *name)
{
	enum subject subject;
	const char *nearest;

	if (subject_find(name, &subject))
		return 1u << subject;
	nearest = pp_nearest(name, subject_names);
	complain(reader,
	         "found '%.*s', wanted one of client_address, client_name, helo_name, "
	         "sender_domain, recipient_domain%s%s%s",
	         SHOWN_MAX, name, nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
	         nearest != NULL ? "'?)" : "");
	return 0;
}

static unsigned read_subjects(struct reader *reader, const pp_value_t *value)
{
	static const char what[] = "the name of a subject, or a table of names";
	size_t back = enter(reader, "subject");
	unsigned subjects = 0;

	if (value->kind == PP_STRING)
		subjects = read_subject(reader, value->string);
	else if (value->kind != PP_LIST || value->list.count == 0)
		wanted(reader, value, what);
	for (size_t i = 0; value->kind == PP_LIST && i < value->list.count; i++) {
		const pp_pair_t *pair = &value->list.pairs[i];

		if (pair->key == NULL && pair->value.kind == PP_STRING)
			subjects |= read_subject(reader, pair->value.string);
		else
			wanted(reader, &pair->value, what);
	}
	leave(reader, back);
	return subjects;
}

static unsigned read_subject_param(struct reader *reader, const pp_texts_t *names)
{
	unsigned subjects = 0;

	reader->param = "subject";
	for (size_t i = 0; i < names->count; i++)
		subjects |= read_subject(reader, names->items[i]);
	if (names->count == 0)
		complain(reader, "found an empty table, wanted the name of a subject, or a table of names");
	reader->param = "zones";
	return subjects;
}

/* -- zones ------------------------------------------------------------------------------------ */

static bool is_zone_name(const char *name)
{
	size_t length = strlen(name), label = 0;
	pp_address_t address;

	if (length == 0 || length > ZONE_NAME_MAX || pp_address_parse(name, &address))
		return false;
	for (; *name != '\0'; name++) {
		if (*name == '.' ? label == 0 : ++label > 63)
			return false;
		if (*name == '.')
			label = 0;
		else if (!g_ascii_isalnum(*name) && *name != '-' && *name != '_')
			return false;
	}
	return label > 0;
}

static bool read_self_test(struct reader *reader, const pp_value_t *value)
{
	size_t back = enter(reader, "self_test");

	if (value->kind != PP_BOOLEAN)
		wanted(reader, value, "true or false");
	leave(reader, back);
	return value->kind != PP_BOOLEAN || value->boolean;
}

static void read_options(struct reader *reader, const pp_value_t *table, struct zone *zone, points_t weight)
{
	static const char *const options[] = { "weight", "replies", "subject", "self_test", NULL };
	const pp_value_t *value;

	check_options(reader, table, options);
	read_weight_option(reader, table, &weight);
	if ((value = option(table, "subject")) != NULL)
		zone->subjects = read_subjects(reader, value);
	if ((value = option(table, "self_test")) != NULL)
		zone->self_test = read_self_test(reader, value);
	value = option(table, "replies");
	zone->usual = value == NULL;
	if (value == NULL)
		add_reply(reader, zone, usual_reply, NULL, weight);
	else
		read_replies(reader, value, zone, weight);
}

static void sum_up(struct zone *zone)
{
	for (unsigned i = 0; i < zone->count; i++)
		zone->most += MAX(zone->replies[i].weight, 0);
}

/* value: what stands behind the name, NULL: nothing. */
static void read_zone(struct reader *reader, struct zones *zones, const char *name, const pp_value_t *value,
                      unsigned subjects)
{
	struct zone *zone = &zones->zone[zones->count];
	points_t weight = POINT;
	size_t back = enter(reader, name);

	*zone = (struct zone){ .name = g_ascii_strdown(name, -1), .subjects = subjects, .self_test = true };
	if (g_str_has_suffix(zone->name, "."))
		zone->name[strlen(zone->name) - 1] = '\0';
	if (!is_zone_name(zone->name))
		complain(reader,
		         "wanted the zone of a list, such as zen.example.org, of at most %d "
		         "characters",
		         ZONE_NAME_MAX);
	for (unsigned i = 0; i < zones->count; i++)
		if (strcmp(zones->zone[i].name, zone->name) == 0)
			complain(reader, "the zone stands twice");
	zones->count++;
	if (value != NULL && value->kind == PP_LIST) {
		read_options(reader, value, zone, weight);
	} else {
		zone->usual = true;
		if (value != NULL)
			read_weight(reader, value, &weight);
		add_reply(reader, zone, usual_reply, NULL, weight);
	}
	sum_up(zone);
	zones->subjects |= zone->subjects;
	leave(reader, back);
}

static unsigned look_ups_of(const struct zones *zones)
{
	unsigned count = 0;

	for (unsigned i = 0; i < zones->count; i++)
		for (unsigned subjects = zones->zone[i].subjects; subjects != 0; subjects &= subjects - 1)
			count++;
	return count;
}

/* What only the whole shows. */
static void check_whole(struct reader *reader, const struct conf *conf, struct zones *zones)
{
	unsigned look_ups = look_ups_of(zones);

	for (unsigned i = 0; i < zones->count; i++)
		zones->most += zones->zone[i].most;
	if (zones->count == 0)
		complain(reader, "found an empty table, wanted lists: { [\"zen.example.org\"] = 5 }");
	if (look_ups > LOOK_UPS_MAX)
		complain(reader, "%u look-ups for one ask, wanted at most %d", look_ups, LOOK_UPS_MAX);
	reader->param = "threshold";
	if (!points_of(conf->threshold, &zones->threshold) || zones->threshold <= 0)
		complain(reader, "found %.14g, wanted more than 0, with three decimals at most",
		         conf->threshold);
}

struct zones *zones_new(const struct conf *conf, pp_error_t *error)
{
	struct reader reader = { .error = error, .param = "zones" };
	struct zones *zones = g_new0(struct zones, 1);
	unsigned subjects = read_subject_param(&reader, conf->subject);
	const pp_value_t *table = conf->zones;

	zones->zone = g_new0(struct zone, table->list.count);
	for (size_t i = 0; i < table->list.count; i++) {
		const pp_pair_t *pair = &table->list.pairs[i];

		if (pair->key != NULL)
			read_zone(&reader, zones, pair->key, &pair->value, subjects);
		else if (pair->value.kind == PP_STRING)
			read_zone(&reader, zones, pair->value.string, NULL, subjects);
		else
			wanted(&reader, &pair->value, "lists: { [\"zen.example.org\"] = 5 }");
	}
	check_whole(&reader, conf, zones);
	if (!reader.failed)
		return zones;
	zones_free(zones);
	return NULL;
}

void zones_free(struct zones *zones)
{
	if (zones == NULL)
		return;
	for (unsigned i = 0; i < zones->count; i++) {
		for (unsigned j = 0; j < zones->zone[i].count; j++)
			g_free(zones->zone[i].replies[j].label);
		g_free(zones->zone[i].replies);
		g_free(zones->zone[i].name);
	}
	g_free(zones->zone);
	g_free(zones);
}
