/* unit/zone.c - DNS for tests of SPF: what is told it, and nothing else */
#include "zone.h"
#include <glib.h>
#include <string.h>

/* Which of the questions noted in a round are answered before the next one. */
enum pace { PACE_ALL, PACE_LAST, PACE_AT_ONCE };

struct entry {
	struct spf_answer answer;
	GArray *data;
	bool known;
};

struct zone {
	GHashTable *entries;
	GStringChunk *texts;
	GPtrArray *noted;
	enum pace pace;
	unsigned questions;
};

static void entry_free(gpointer data)
{
	struct entry *entry = data;

	g_array_unref(entry->data);
	g_free(entry);
}

struct zone *zone_new(void)
{
	struct zone *zone = g_new0(struct zone, 1);

	zone->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
	zone->texts = g_string_chunk_new(1024);
	zone->noted = g_ptr_array_new();
	return zone;
}

void zone_free(struct zone *zone)
{
	g_hash_table_unref(zone->entries);
	g_string_chunk_free(zone->texts);
	g_ptr_array_unref(zone->noted);
	g_free(zone);
}

static struct entry *entry_of(struct zone *zone, const char *name, enum spf_type type)
{
	g_autofree char *lower = g_ascii_strdown(name, -1);
	g_autofree char *key = g_strdup_printf("%d %s", type, lower);
	struct entry *entry = g_hash_table_lookup(zone->entries, key);

	if (entry == NULL) {
		entry = g_new0(struct entry, 1);
		entry->answer.status = SPF_NOTHING;
		entry->data = g_array_new(FALSE, TRUE, sizeof(struct spf_datum));
		g_hash_table_insert(zone->entries, g_steal_pointer(&key), entry);
	}
	return entry;
}

bool zone_add(struct zone *zone, const char *name, enum spf_type type, const char *data, size_t length)
{
	struct entry *entry = entry_of(zone, name, type);
	struct spf_datum datum = { .name = g_string_chunk_insert_len(zone->texts, data, (gssize)length) };

	datum.text = (struct span){ datum.name, length };
	if ((type == SPF_A || type == SPF_AAAA) && !pp_address_parse(datum.name, &datum.address))
		return false;
	g_array_append_val(entry->data, datum);
	if (entry->answer.status != SPF_UNANSWERED)
		entry->answer = (struct spf_answer){ SPF_FOUND, entry->data->len,
			                             (const void *)entry->data->data };
	return true;
}

void zone_fail(struct zone *zone, const char *name, enum spf_type type)
{
	entry_of(zone, name, type)->answer = (struct spf_answer){ .status = SPF_UNANSWERED };
}

static const struct spf_answer *look(void *data, enum spf_type type, const char *name, bool ahead)
{
	struct zone *zone = data;
	struct entry *entry = entry_of(zone, name, type);

	(void)ahead;
	g_assert_true(name_is_valid(name));
	for (const char *c = name; *c != '\0'; c++)
		g_assert_false(g_ascii_isupper(*c));
	if (!entry->known && zone->pace != PACE_AT_ONCE) {
		g_ptr_array_add(zone->noted, entry);
		return NULL;
	}
	return &entry->answer;
}

static void answer_noted(struct zone *zone)
{
	struct entry **noted = (struct entry **)zone->noted->pdata;

	for (unsigned i = zone->pace == PACE_LAST ? zone->noted->len - 1 : 0; i < zone->noted->len; i++) {
		zone->questions += !noted[i]->known;
		noted[i]->known = true;
	}
}

static unsigned evaluate(struct zone *zone, enum pace pace, const struct spf_question *question,
                         struct spf_outcome *outcome)
{
	GHashTableIter iterator;
	gpointer entry;
	unsigned rounds = 0;
	bool done;

	g_hash_table_iter_init(&iterator, zone->entries);
	while (g_hash_table_iter_next(&iterator, NULL, &entry))
		((struct entry *)entry)->known = false;
	zone->pace = pace;
	zone->questions = 0;
	do {
		g_ptr_array_set_size(zone->noted, 0);
		done = spf_evaluate(question, look, zone, outcome);
		rounds++;
		g_assert_cmpuint(rounds, <=, 400);
		g_assert_true(done == (zone->noted->len == 0));
		if (!done)
			answer_noted(zone);
	} while (!done);
	return rounds;
}

static void check_equal(const struct spf_outcome *one, const struct spf_outcome *other)
{
	g_assert_cmpstr(spf_result_name(one->result), ==, spf_result_name(other->result));
	g_assert_cmpuint(one->lookups, ==, other->lookups);
	g_assert_cmpint(one->guessed, ==, other->guessed);
	g_assert_cmpstr(one->domain, ==, other->domain);
	g_assert_cmpstr(one->mechanism, ==, other->mechanism);
	g_assert_cmpstr(one->problem, ==, other->problem);
	g_assert_cmpstr(one->explanation, ==, other->explanation);
}

void zone_evaluate(struct zone *zone, const struct spf_question *question, struct spf_outcome *outcome,
                   struct zone_counts *counts)
{
	struct spf_outcome other;
	unsigned rounds = evaluate(zone, PACE_ALL, question, outcome);

	if (counts != NULL)
		*counts = (struct zone_counts){ rounds, zone->questions };
	g_assert_cmpuint(rounds, <=, 30);
	g_assert_cmpuint(zone->questions, <=, 200);
	evaluate(zone, PACE_LAST, question, &other);
	check_equal(outcome, &other);
	evaluate(zone, PACE_AT_ONCE, question, &other);
	check_equal(outcome, &other);
	g_assert_cmpuint(outcome->lookups, <=, SPF_TERMS_MAX + 1);
	g_assert_true((*outcome->problem != '\0') ==
	              (outcome->result == SPF_TEMPERROR || outcome->result == SPF_PERMERROR));
}

const char *zone_difference(struct zone *zone, struct spf_question question, struct spf_outcome outcomes[2])
{
	static const char full[] = "more terms than libspf2 has room for";
	const struct spf_outcome *libspf2 = &outcomes[SPF_LIBSPF2];
	struct zone_counts counts[2];

	for (int i = 0; i < 2; i++) {
		question.engine = (enum spf_engine)i;
		zone_evaluate(zone, &question, &outcomes[i], &counts[i]);
	}
	if (libspf2->result == SPF_PERMERROR && strstr(libspf2->problem, full) != NULL)
		return "libspf2 has 511 bytes for what it makes of a record";
	check_equal(&outcomes[SPF_STRICT], libspf2);
	g_assert_cmpuint(counts[SPF_STRICT].questions, ==, counts[SPF_LIBSPF2].questions);
	g_assert_cmpuint(counts[SPF_STRICT].rounds, ==, counts[SPF_LIBSPF2].rounds);
	return NULL;
}
