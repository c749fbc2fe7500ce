/* walk.c - a path walked: its look-ups, begun as soon as it is known what to ask for */
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include "walk.h"

enum { CHILDREN_MAX = 64 }; /* more than two for each of LIMIT_MAX */
G_STATIC_ASSERT(2 * LIMIT_MAX <= CHILDREN_MAX);

/* -- starting ------------------------------------------------------------- */

static bool is_last(const struct walk *walk, const struct look_up *look_up)
{
	return look_up->level + 1 >= walk->path->hops;
}

/* Whether only what is equal to the subject counts. */
static bool wants_same(const struct walk *walk, unsigned level)
{
	return walk->path->same && level + 1 == walk->path->hops;
}

static struct look_up *add(struct walk *walk, const struct look_up *parent, unsigned index)
{
	struct look_up *look_up = pp_alloc(walk->ask, sizeof(*look_up));

	g_assert(walk->count < LOOK_UPS_MAX);
	walk->look_ups[walk->count++] = look_up;
	look_up->parent = parent;
	look_up->level = parent != NULL ? parent->level + 1 : 0;
	look_up->place = (parent != NULL ? parent->place * CHILDREN_MAX : 0) + index;
	return look_up;
}

/* Of an address of one family no other family has to be known. */
static void start_addresses(struct walk *walk, const struct look_up *parent, unsigned index, const char *name)
{
	unsigned level = parent != NULL ? parent->level + 1 : 0;
	static const pp_dns_type_t types[] = { PP_DNS_A, PP_DNS_AAAA };

	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
		struct look_up *look_up;

		if (wants_same(walk, level) && walk->subject->address.family != (i == 0 ? 4 : 6))
			continue;
		look_up = add(walk, parent, 2 * index + i);
		look_up->hop = HOP_ADDRESSES;
		look_up->subject = name;
		look_up->work = pp_dns(walk->ask, types[i], name);
	}
}

static void start(struct walk *walk, const struct look_up *parent, unsigned index, const char *subject,
                  const pp_address_t *address)
{
	enum hop hop = walk->path->hop[parent != NULL ? parent->level + 1 : 0];
	struct look_up *look_up;

	if (hop == HOP_ADDRESSES) {
		start_addresses(walk, parent, index, subject);
		return;
	}
	look_up = add(walk, parent, index);
	look_up->hop = hop;
	look_up->subject = subject;
	look_up->work = hop == HOP_HOSTS ? pp_dns(walk->ask, PP_DNS_MX, subject)
	                                 : pp_dns_reverse(walk->ask, address);
}

void walk_start(struct walk *walk)
{
	start(walk, NULL, 0, walk->subject->name, &walk->subject->address);
}

/* -- records --------------------------------------------------------------- */

/* Records have one order in memory, in which they came. */
static int compare_records(const void *one, const void *other)
{
	const pp_dns_record_t *a = *(const pp_dns_record_t *const *)one;
	const pp_dns_record_t *b = *(const pp_dns_record_t *const *)other;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Whether the record names anything: RFC 7505 has "." for a mail host that there is not. */
static bool counts(const struct walk *walk, const struct look_up *look_up, const pp_dns_record_t *record)
{
	if (look_up->hop != HOP_ADDRESSES)
		return strcmp(record->text, ".") != 0;
	return wants_same(walk, look_up->level) || walk->ignore == NULL ||
	       !pp_networks_find(walk->ignore, &record->address, NULL);
}

struct records walk_records(const struct walk *walk, const struct look_up *look_up)
{
	size_t count = pp_dns_count(look_up->work);
	struct records records = { .count = count,
		                   .record = pp_alloc(walk->ask, (count + 1) * sizeof(void *)) };

	for (size_t i = 0; i < count; i++)
		records.record[i] = pp_dns_record(look_up->work, i);
	qsort(records.record, records.count, sizeof(void *), compare_records);
	return records;
}

static struct records counting_records(const struct walk *walk, const struct look_up *look_up)
{
	struct records records = walk_records(walk, look_up);
	size_t kept = 0;

	for (size_t i = 0; i < records.count; i++)
		if (counts(walk, look_up, records.record[i]))
			records.record[kept++] = records.record[i];
	records.count = kept;
	return records;
}

static bool is_same(const struct subject *subject, enum hop hop, const pp_dns_record_t *record)
{
	if (hop == HOP_NAMES)
		return pp_dns_equal(record->text, subject->name);
	return record->address.family == subject->address.family &&
	       memcmp(record->address.bytes, subject->address.bytes, subject->address.family == 4 ? 4 : 16) ==
	               0;
}

/* -- what follows ----------------------------------------------------------- */

/* Starts a look-up for each of the records, equal ones once. */
static void follow(struct walk *walk, struct look_up *look_up, const struct records *records)
{
	const char *followed[LIMIT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < records->count && !look_up->more; i++) {
		const pp_dns_record_t *record = records->record[i];
		size_t equal = 0;

		while (equal < count && g_ascii_strcasecmp(followed[equal], record->text) != 0)
			equal++;
		if (equal < count)
			continue;
		if (count == walk->limit) {
			look_up->more = true;
			continue;
		}
		start(walk, look_up, (unsigned)count, record->text, &record->address);
		followed[count++] = record->text;
	}
}

static enum outcome decide(const struct walk *walk, struct look_up *look_up, const struct records *records)
{
	look_up->found = records->record[0]->text;
	if (!wants_same(walk, look_up->level))
		return OUTCOME_HOLDS;
	for (size_t i = 0; i < records->count; i++)
		if (is_same(walk->subject, look_up->hop, records->record[i])) {
			look_up->found = records->record[i]->text;
			return OUTCOME_HOLDS;
		}
	return OUTCOME_MISMATCH;
}

static enum outcome nothing_counts(struct look_up *look_up)
{
	if (look_up->hop != HOP_ADDRESSES)
		return look_up->hop == HOP_HOSTS ? OUTCOME_NULL_MX : OUTCOME_NODATA;
	look_up->found = pp_dns_text(look_up->work, 0);
	return OUTCOME_IGNORED;
}

static enum outcome take_found(struct walk *walk, struct look_up *look_up)
{
	struct records records = counting_records(walk, look_up);

	if (records.count == 0)
		return nothing_counts(look_up);
	if (is_last(walk, look_up))
		return decide(walk, look_up, &records);
	follow(walk, look_up, &records);
	return OUTCOME_PASSED;
}

/* A name without MX records is a mail host if it has an address (RFC 5321 5.1). */
static enum outcome take_no_data(struct walk *walk, struct look_up *look_up)
{
	if (look_up->hop != HOP_HOSTS || !walk->implicit_mx)
		return OUTCOME_NODATA;
	look_up->implicit = true;
	start_addresses(walk, look_up, 0, look_up->subject);
	return OUTCOME_PASSED;
}

static void take(struct walk *walk, struct look_up *look_up)
{
	switch (pp_dns_status(look_up->work)) {
	case PP_DNS_OPEN: break;
	case PP_DNS_FOUND: look_up->outcome = take_found(walk, look_up); break;
	case PP_DNS_NODATA: look_up->outcome = take_no_data(walk, look_up); break;
	case PP_DNS_NXDOMAIN:
	case PP_DNS_BAD_NAME: look_up->outcome = OUTCOME_NXDOMAIN; break;
	default: look_up->outcome = OUTCOME_FAILED; break;
	}
}

/* -- deciding --------------------------------------------------------------- */

static int compare_places(const void *one, const void *other)
{
	const struct look_up *a = *(struct look_up *const *)one, *b = *(struct look_up *const *)other;

	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

/* Nothing is open and nothing holds. */
static const struct look_up *conclude(const struct walk *walk)
{
	const struct look_up *furthest = NULL, *more = NULL;

	for (size_t i = 0; i < walk->count; i++) {
		const struct look_up *look_up = walk->look_ups[i];

		if (look_up->outcome == OUTCOME_FAILED)
			return look_up;
		if (more == NULL && look_up->more)
			more = look_up;
		if (look_up->outcome != OUTCOME_PASSED &&
		    (furthest == NULL || look_up->outcome > furthest->outcome))
			furthest = look_up;
	}
	return more != NULL ? more : furthest;
}

const struct look_up *walk_on(struct walk *walk)
{
	const struct look_up *holds = NULL;
	bool open = false;

	/* What is taken may add to them. */
	for (size_t i = 0; i < walk->count && holds == NULL; i++) {
		struct look_up *look_up = walk->look_ups[i];

		if (look_up->outcome == OUTCOME_OPEN)
			take(walk, look_up);
		if (look_up->outcome == OUTCOME_HOLDS)
			holds = look_up;
		open = open || look_up->outcome == OUTCOME_OPEN;
	}
	if (holds == NULL && open)
		return NULL;
	qsort(walk->look_ups, walk->count, sizeof(walk->look_ups[0]), compare_places);
	return holds != NULL ? holds : conclude(walk);
}
