/* self_test.c - lists that list everybody, or nobody, are found out (RFC 5782, 5)
 *
 * A list of addresses has 127.0.0.2 and has not 127.0.0.1, one of domains has TEST and has not
 * INVALID. What DNS does not answer says nothing of the list.
 */
#include <string.h>
#include "dnsbl.h"

#define SOON INT64_C(30000)       /* ms: after a test that DNS did not answer ... */
#define QUARANTINE INT64_C(60000) /* ... and after one that did not go well, at the latest */
#define HURRY_MIN INT64_C(10000)  /* between a test and one for which there is hurry */
#define UNANSWERED_MAX 3          /* tests in a row, then somebody is told */

/* The addresses ::ffff:127.0.0.2 and ::ffff:127.0.0.1 as names. */
#define MAPPED(last) last ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"

struct form {
	unsigned subjects;                      /* for which it is tested */
	const char *there, *absent;             /* names in the zone */
	const char *there_shown, *absent_shown; /* for people */
	bool optional;                          /* without there the list serves no IPv6 */
};

static const struct form forms[] = {
	{ 1u << SUBJECT_CLIENT_ADDRESS, "2.0.0.127", "1.0.0.127", "127.0.0.2", "127.0.0.1", false },
	{ 1u << SUBJECT_CLIENT_ADDRESS, MAPPED("2"), MAPPED("1"), "::ffff:127.0.0.2", "::ffff:127.0.0.1",
	  true },
	{ ~(1u << SUBJECT_CLIENT_ADDRESS), "test", "invalid", "test", "invalid", false },
};
enum { FORMS = G_N_ELEMENTS(forms), QUESTIONS = 2 * FORMS };

/* The test of one zone. */
struct test {
	unsigned zone;
	pp_dns_question_t *there[FORMS]; /* NULL: this form is not for it; absent is the one behind it */
	pp_dns_status_t unanswered;      /* PP_DNS_FOUND: all was answered */
	enum service ipv6;
	char *why; /* it did not go well; NULL: it did, or was not answered */
};

/* -- asking ------------------------------------------------------------------------------ */

static bool is_due(const struct dnsbl *dnsbl, unsigned zone)
{
	struct health *health = &dnsbl->health[zone];
	pp_msec_t now = pp_now();

	return now >= health->due || (atomic_load(&health->hurry) && now >= health->began + HURRY_MIN);
}

static void add_questions(const struct zone *zone, struct test *test, pp_dns_question_t *questions,
                          size_t *count)
{
	for (unsigned i = 0; i < FORMS; i++) {
		const char *const names[] = { forms[i].there, forms[i].absent };

		if ((zone->subjects & forms[i].subjects) == 0)
			continue;
		test->there[i] = &questions[*count];
		for (unsigned j = 0; j < 2; j++)
			questions[(*count)++] = (pp_dns_question_t){
				.type = PP_DNS_A, .name = g_strdup_printf("%s.%s", names[j], zone->name)
			};
	}
}

/* -- judging ----------------------------------------------------------------------------- */

static bool is_answer(const pp_dns_question_t *question)
{
	return question->status <= PP_DNS_NODATA;
}

static const char *broken_reply(const struct zone *zone, const pp_dns_question_t *question)
{
	for (size_t i = 0; i < question->count; i++)
		for (unsigned j = 0; j <= zone->count; j++) {
			const pp_address_t *address = &question->records[i].address;

			if (j < zone->count
			            ? zone->replies[j].broken && reply_matches(&zone->replies[j], address)
			            : reply_is_broken(address))
				return question->records[i].text;
		}
	return NULL;
}

/* What is wrong for certain; NULL: nothing. */
static char *judge_form(const struct zone *zone, const struct form *form, const pp_dns_question_t *there)
{
	const pp_dns_question_t *absent = there + 1;
	const char *broken = broken_reply(zone, there);
	const char *shown = broken != NULL ? form->there_shown : form->absent_shown;

	if (broken == NULL)
		broken = broken_reply(zone, absent);
	if (broken != NULL)
		return g_strdup_printf("it says %s of %s: it is broken, or refuses to answer us", broken,
		                       shown);
	if (absent->status == PP_DNS_FOUND)
		return g_strdup_printf("it lists %s (%s), which no list does: it may list everybody",
		                       form->absent_shown, absent->records[0].text);
	if (!form->optional && is_answer(there) && there->status != PP_DNS_FOUND)
		return g_strdup_printf("it does not list its test entry %s (%s): it may list nobody",
		                       form->there_shown, pp_dns_status_name(there->status));
	return NULL;
}

static void judge(const struct zone *zone, struct test *test)
{
	test->unanswered = PP_DNS_FOUND;
	for (unsigned i = 0; i < FORMS; i++) {
		const pp_dns_question_t *there = test->there[i];

		if (there == NULL)
			continue;
		for (unsigned j = 0; j < 2; j++)
			if (!is_answer(&there[j]) && !forms[i].optional)
				test->unanswered = there[j].status;
		if (forms[i].optional && is_answer(there))
			test->ipv6 = there->status == PP_DNS_FOUND ? SERVICE_YES : SERVICE_NO;
		if (test->why == NULL)
			test->why = judge_form(zone, &forms[i], there);
	}
}

/* -- what follows ------------------------------------------------------------------------ */

/* Replies that are taken for granted may be others than the list's own: then it never counts. */
static void check_fit(struct dnsbl *dnsbl, const struct test *test)
{
	const struct zone *zone = &dnsbl->conf->list->zone[test->zone];
	const char *reply = NULL;

	for (unsigned i = 0; i < FORMS && zone->usual && !dnsbl->health[test->zone].misfit; i++)
		for (size_t j = 0; test->there[i] != NULL && j < test->there[i]->count; j++) {
			if (reply_matches(&zone->replies[0], &test->there[i]->records[j].address))
				return;
			reply = test->there[i]->records[j].text;
		}
	if (reply == NULL)
		return;
	dnsbl->health[test->zone].misfit = true;
	pp_log(PP_LOG_WARNING,
	       "dnsbl: %s: it says %s of its test entry, which counts nothing: without replies only "
	       "127.0.0.2-11 count",
	       zone->name, reply);
}

static void plan_next(struct dnsbl *dnsbl, unsigned zone, pp_msec_t most)
{
	dnsbl->health[zone].due = pp_now() + MIN(dnsbl->conf->self_test, most);
}

/* DNS did not answer: what was known of the list goes on. */
static void put_off(struct dnsbl *dnsbl, const struct test *test, GString *silent)
{
	struct health *health = &dnsbl->health[test->zone];

	plan_next(dnsbl, test->zone, SOON);
	pthread_mutex_lock(&dnsbl->lock);
	if (atomic_load(&health->standing) != STANDING_QUARANTINED) {
		g_free(health->why);
		health->why = g_strdup_printf("no answer to its self-test (%s)",
		                              pp_dns_status_name(test->unanswered));
	}
	pthread_mutex_unlock(&dnsbl->lock);
	/* Where nobody can be asked the server has said so. */
	if (test->unanswered != PP_DNS_NOT_ASKED && ++health->unanswered == UNANSWERED_MAX)
		g_string_append_printf(silent, "%s%s (%s)", silent->len > 0 ? ", " : "",
		                       dnsbl->conf->list->zone[test->zone].name,
		                       pp_dns_status_name(test->unanswered));
}

static void conclude(struct dnsbl *dnsbl, struct test *test)
{
	struct health *health = &dnsbl->health[test->zone];
	bool good = test->why == NULL;

	if (health->unanswered >= UNANSWERED_MAX)
		pp_log(PP_LOG_NOTICE, "dnsbl: %s: answers its self-test again",
		       dnsbl->conf->list->zone[test->zone].name);
	health->unanswered = 0;
	if (test->ipv6 != SERVICE_NOT_KNOWN)
		atomic_store(&health->ipv6, (int)test->ipv6);
	if (good)
		atomic_store(&health->complained, false);
	health_set(dnsbl, test->zone, good ? STANDING_GOOD : STANDING_QUARANTINED, test->why);
	plan_next(dnsbl, test->zone, good ? G_MAXINT64 : QUARANTINE);
	if (good)
		check_fit(dnsbl, test);
}

static void finish(struct dnsbl *dnsbl, struct test *tests, unsigned count)
{
	g_autoptr(GString) silent = g_string_new(NULL);

	for (unsigned i = 0; i < count; i++) {
		struct test *test = &tests[i];

		judge(&dnsbl->conf->list->zone[test->zone], test);
		atomic_store(&dnsbl->health[test->zone].hurry, false);
		dnsbl->health[test->zone].began = pp_now();
		if (test->why == NULL && test->unanswered != PP_DNS_FOUND)
			put_off(dnsbl, test, silent);
		else
			conclude(dnsbl, test);
	}
	if (silent->len > 0)
		pp_log(PP_LOG_WARNING,
		       "dnsbl: no answer to the self-test of %s; what they do not answer is unknown",
		       silent->str);
}

void self_test_run(struct dnsbl *dnsbl, bool all)
{
	const struct zones *zones = dnsbl->conf->list;
	g_autofree struct test *tests = g_new0(struct test, zones->count);
	g_autofree pp_dns_question_t *questions = g_new0(pp_dns_question_t, (size_t)zones->count * QUESTIONS);
	unsigned count = 0;
	size_t asked = 0;

	pthread_mutex_lock(&dnsbl->testing);
	for (unsigned i = 0; i < zones->count; i++)
		if (zones->zone[i].self_test && (all || is_due(dnsbl, i))) {
			tests[count].zone = i;
			add_questions(&zones->zone[i], &tests[count++], questions, &asked);
		}
	if (count > 0) {
		pp_dns_now(questions, asked);
		finish(dnsbl, tests, count);
	}
	pthread_mutex_unlock(&dnsbl->testing);
	for (size_t i = 0; i < asked; i++)
		g_free((char *)questions[i].name);
}
