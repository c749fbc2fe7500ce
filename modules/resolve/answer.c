/* answer.c - what a walked path is answered with: word, text and fields */
#include <string.h>
#include <glib.h>
#include "resolve.h"

enum {
	LIST_MAX = 1000,  /* bytes of a field that is a list */
	LISTED_MAX = 100, /* records of one answer that are looked at for it */
};

/* -- fields ----------------------------------------------------------------- */

struct list {
	size_t used;
	bool full;
	char text[LIST_MAX + 1];
};

static bool has(const struct list *list, const char *item, size_t length)
{
	const char *at = list->text;

	while ((at = strstr(at, item)) != NULL) {
		if ((at == list->text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
		at++;
	}
	return false;
}

/* Adds it in lower case, unless it is there. */
static void list_add(struct list *list, const char *item)
{
	g_autofree char *lower = g_ascii_strdown(item, -1);
	size_t length = strlen(lower);

	if (strcmp(lower, ".") == 0 || has(list, lower, length))
		return;
	list->full = list->used + 1 + length > LIST_MAX;
	if (list->full)
		return;
	if (list->used > 0)
		list->text[list->used++] = ' ';
	memcpy(list->text + list->used, lower, length + 1);
	list->used += length;
}

/* Whether it holds because a name without MX records has an address. */
static bool is_own_host(const struct look_up *decisive)
{
	return decisive->outcome == OUTCOME_HOLDS && decisive->parent != NULL && decisive->parent->implicit;
}

static void list_records(struct list *list, const struct walk *walk, const struct look_up *look_up)
{
	struct records records = walk_records(walk, look_up);

	for (size_t i = 0; i < MIN(records.count, LISTED_MAX) && !list->full; i++)
		list_add(list, records.record[i]->text);
}

/* What was found by all look-ups of a hop; NULL: nothing. */
static const char *list_of(const struct walk *walk, enum hop hop, const struct look_up *decisive)
{
	struct list list = { 0 };

	if (hop == HOP_HOSTS && is_own_host(decisive))
		list_add(&list, decisive->subject);
	for (size_t i = 0; i < walk->count; i++)
		if (walk->look_ups[i]->hop == hop)
			list_records(&list, walk, walk->look_ups[i]);
	return list.used > 0 ? pp_format(walk->ask, "%s", list.text) : NULL;
}

/* Of an address the one that lets the path hold, else the one that was asked for. */
static const char *name_of(const struct walk *walk, const struct look_up *decisive)
{
	const struct look_up *at = decisive;
	const char *name = walk->subject->name;
	g_autofree char *lower = NULL;

	for (; walk->path->from_address && at->parent != NULL; at = at->parent)
		name = at->subject;
	if (walk->path->from_address && decisive->parent == NULL)
		name = decisive->found;
	lower = g_ascii_strdown(name, -1);
	return pp_format(walk->ask, "%s", lower);
}

static const char *status_of(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_HOLDS: return "found";
	case OUTCOME_NXDOMAIN: return "nxdomain";
	case OUTCOME_NODATA: return "nodata";
	case OUTCOME_NULL_MX: return "null_mx";
	case OUTCOME_IGNORED: return "ignored";
	default: return "mismatch";
	}
}

static void set_fields(pp_ask_t *a, const struct walk *walk, const struct look_up *decisive)
{
	struct fields *fields = pp_fields(a);

	fields->status = status_of(decisive->outcome);
	if (decisive->outcome == OUTCOME_HOLDS)
		fields->name = name_of(walk, decisive);
	fields->names = list_of(walk, HOP_NAMES, decisive);
	fields->addresses = list_of(walk, HOP_ADDRESSES, decisive);
	fields->hosts = list_of(walk, HOP_HOSTS, decisive);
}

/* -- texts ------------------------------------------------------------------ */

/* "192.0.2.1 leads to mail.example.org, 192.0.2.1" */
static pp_step_t answer_holds(pp_ask_t *a, const struct look_up *decisive)
{
	const char *text = decisive->found;

	for (const struct look_up *at = decisive; at != NULL; at = at->parent)
		if (at->parent == NULL || !at->parent->implicit)
			text = pp_format(a, "%s%s%s", at->subject, at->parent == NULL ? " leads to " : ", ",
			                 text);
	return pp_yes(a, "%s%s", text, is_own_host(decisive) ? " (no MX record, but an address)" : "");
}

static const char *const wanted[] = {
	[HOP_NAMES] = "name", [HOP_ADDRESSES] = "address", [HOP_HOSTS] = "mail host"
};

static const char *what_fails(pp_ask_t *a, const struct look_up *look_up)
{
	const char *what = wanted[look_up->hop];

	switch (look_up->outcome) {
	case OUTCOME_NXDOMAIN: return pp_format(a, "has no %s (NXDOMAIN)", what);
	case OUTCOME_NULL_MX: return "takes no mail (null MX)";
	case OUTCOME_IGNORED: return pp_format(a, "has no %s that counts (%s)", what, look_up->found);
	case OUTCOME_MISMATCH: return pp_format(a, "has another %s (%s)", what, look_up->found);
	default: return pp_format(a, "has no %s (no data)", what);
	}
}

/* Of the look-ups that fail the one that got furthest is told of. */
static pp_step_t answer_fails(pp_ask_t *a, const struct look_up *look_up)
{
	const struct look_up *parent = look_up->parent;
	const char *origin = "";

	while (parent != NULL && parent->implicit)
		parent = parent->parent;
	if (parent != NULL)
		origin = pp_format(a, ", %s %s of %s,", parent->hop == HOP_ADDRESSES ? "an" : "a",
		                   wanted[parent->hop], parent->subject);
	return pp_no(a, "%s%s %s", look_up->subject, origin, what_fails(a, look_up));
}

static pp_step_t answer_unknown(pp_ask_t *a, const struct walk *walk, const struct look_up *look_up)
{
	const char *why = pp_work_error(look_up->work);

	if (look_up->more)
		return pp_unknown(a, "%s has more than the %zu %s%s that are looked up", look_up->subject,
		                  walk->limit, wanted[look_up->hop],
		                  look_up->hop == HOP_ADDRESSES ? "es" : "s");
	if (*why == '\0')
		return pp_unknown(a, "%s of %s: DNS took too long", wanted[look_up->hop], look_up->subject);
	return pp_unknown(a, "%s", why);
}

/* -- answering --------------------------------------------------------------- */

pp_step_t answer_walk(pp_ask_t *a, const struct walk *walk, const struct look_up *decisive)
{
	if (decisive->outcome == OUTCOME_FAILED || decisive->more)
		return answer_unknown(a, walk, decisive);
	set_fields(a, walk, decisive);
	return decisive->outcome == OUTCOME_HOLDS ? answer_holds(a, decisive) : answer_fails(a, decisive);
}

pp_step_t answer_impossible(pp_ask_t *a, const struct subject *subject)
{
	struct fields *fields = pp_fields(a);

	fields->status = status_of(OUTCOME_NXDOMAIN);
	return pp_no(a, "%s... is no name: %s", subject->name, subject->why);
}
