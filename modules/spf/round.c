/* round.c - what both engines of SPF do in a round of the evaluation */
#include <stdarg.h>
#include <string.h>
#include <glib.h>
#include "round.h"

static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (!g_ascii_isprint(*text))
			*text = '?';
}

void round_problem(struct round *round, const char *format, ...)
{
	char *problem = round->outcome->problem;
	va_list values;

	if (round->missing || *problem != '\0')
		return;
	va_start(values, format);
	g_vsnprintf(problem, SPF_TEXT_SIZE, format, values);
	va_end(values);
	make_printable(problem);
}

bool round_count(struct round *round)
{
	if (++round->outcome->lookups <= SPF_TERMS_MAX)
		return true;
	round_problem(round, "more than %d terms make look-ups", SPF_TERMS_MAX);
	return false;
}

static const struct spf_answer *ask(struct round *round, enum spf_type type, const char *name, bool ahead)
{
	char lower[NAME_SIZE];
	const struct spf_answer *answer;
	size_t length = 0;

	/* For each name in each round: a call for each letter is felt. */
	for (; name[length] != '\0'; length++)
		lower[length] = (char)(name[length] + (g_ascii_isupper(name[length]) ? 'a' - 'A' : 0));
	lower[length] = '\0';
	answer = round->look(round->look_data, type, lower, ahead);
	round->missing = round->missing || answer == NULL;
	return answer;
}

const struct spf_answer *round_ask(struct round *round, enum spf_type type, const char *name)
{
	return ask(round, type, name, round->missing);
}

const struct spf_answer *round_ask_host(struct round *round, enum spf_type type, const char *name)
{
	return ask(round, type, name, false);
}

bool round_values(struct round *round, struct span text, const char *domain, struct macro_values *values,
                  char validated[NAME_SIZE])
{
	*values = round->values;
	values->domain = domain;
	values->validated = validated;
	return !macro_wants_validated(text) || mechanism_validated_name(round, domain, validated);
}

enum round_name round_expand(struct round *round, struct span text, const char *domain, char name[NAME_SIZE])
{
	char validated[NAME_SIZE];
	struct macro_values values;

	if (!round_values(round, text, domain, &values, validated))
		return ROUND_NAME_MISSING;
	return macro_expand_name(text, &values, name) ? ROUND_NAME_GOOD : ROUND_NAME_BAD;
}

/* -- records (4.4, 4.5) ---------------------------------------------------- */

enum spf_result round_find_record(struct round *round, const char *domain, struct record *record)
{
	const struct spf_answer *answer = round_ask(round, SPF_TXT, domain);
	const struct spf_datum *found = NULL;
	struct span where;
	const char *wrong;

	if (answer == NULL) {
		round->unsettled = true;
		return SPF_NEUTRAL;
	}
	if (answer->status == SPF_UNANSWERED) {
		round_problem(round, "DNS does not answer for %s", domain);
		return SPF_TEMPERROR;
	}
	for (size_t i = 0; i < answer->count; i++) {
		if (!grammar_is_record(answer->data[i].text))
			continue;
		if (found != NULL) {
			round_problem(round, "%s has more than one record", domain);
			return SPF_PERMERROR;
		}
		found = &answer->data[i];
	}
	if (found == NULL)
		return SPF_NONE;
	wrong = grammar_check(found->text, record, &where);
	if (wrong == NULL)
		return SPF_PASS;
	round_problem(round, "'%.*s' in the record of %s: %s", (int)MIN(where.length, 100), where.bytes,
	              domain, wrong);
	return SPF_PERMERROR;
}

/* The problem of an include or a redirect that leads nowhere. */
static void lead_nowhere(struct round *round, const struct term *term, const char *from, const char *to)
{
	if (term->kind == TERM_INCLUDE)
		round_problem(round, "'%.*s' in the record of %s names a domain without a record",
		              (int)MIN(term->text.length, 100), term->text.bytes, from);
	else if (to == NULL)
		round_problem(round, "the redirect of %s is to no domain", from);
	else
		round_problem(round, "%s, where a redirect leads, has no record", to);
}

enum spf_result round_enter(struct round *round, const struct term *term, char domain[NAME_SIZE],
                            struct record *record)
{
	enum spf_result result;
	char name[NAME_SIZE];

	if (!round_count(round))
		return SPF_PERMERROR;
	switch (round_expand(round, term->domain, domain, name)) {
	case ROUND_NAME_MISSING: return SPF_NEUTRAL;
	case ROUND_NAME_BAD: lead_nowhere(round, term, domain, NULL); return SPF_PERMERROR;
	default: break;
	}
	result = round_find_record(round, name, record);
	if (result == SPF_NONE) {
		lead_nowhere(round, term, domain, name);
		return SPF_PERMERROR;
	}
	g_strlcpy(domain, name, NAME_SIZE);
	return result;
}

void round_hold(struct round *round, const struct record *record, const struct term *term, const char *domain)
{
	size_t length = MIN(term->text.length, SPF_MECHANISM_SIZE - 1);

	memcpy(round->outcome->mechanism, term->text.bytes, length);
	round->outcome->mechanism[length] = '\0';
	make_printable(round->outcome->mechanism);
	round->explained = record->has_exp;
	round->explanation = record->exp.domain;
	g_strlcpy(round->explanation_domain, domain, NAME_SIZE);
}
