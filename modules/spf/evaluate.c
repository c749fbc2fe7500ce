/* evaluate.c - check_host() of SPF (RFC 7208): a function of what DNS says, without DNS */
#include <stdarg.h>
#include <string.h>
#include <glib.h>
#include "round.h"

const char *spf_result_name(enum spf_result result)
{
	static const char *const names[] = {
		[SPF_NONE] = "none",          [SPF_NEUTRAL] = "neutral",   [SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",          [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror"
	};

	return names[result];
}

/* -- what a round does ------------------------------------------------------- */

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

const struct spf_answer *round_ask(struct round *round, enum spf_type type, const char *name)
{
	char lower[NAME_SIZE];
	const struct spf_answer *answer;
	size_t length = 0;

	for (; name[length] != '\0'; length++)
		lower[length] = g_ascii_tolower(name[length]);
	lower[length] = '\0';
	answer = round->look(round->look_data, type, lower);
	round->missing = round->missing || answer == NULL;
	return answer;
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

/* The result where there is no record, or no good one; SPF_PASS: there is. */
static enum spf_result find_record(struct round *round, const char *domain, struct record *record)
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

/* -- check_host() (4.6) ---------------------------------------------------- */

static enum spf_result check_host(struct round *round, const char *start, bool included);

/* include (5.2): only a pass matches. */
static enum match match_include(struct round *round, const struct term *term, const char *domain)
{
	char name[NAME_SIZE];
	enum spf_result result;

	if (!round_count(round))
		return MATCH_PERMERROR;
	switch (round_expand(round, term->domain, domain, name)) {
	case ROUND_NAME_GOOD: result = check_host(round, name, true); break;
	case ROUND_NAME_BAD: result = SPF_NONE; break;
	default: return MATCH_NO;
	}
	switch (result) {
	case SPF_PASS: return MATCH_YES;
	case SPF_TEMPERROR: return MATCH_TEMPERROR;
	case SPF_PERMERROR: return MATCH_PERMERROR;
	case SPF_NONE:
		round_problem(round, "'%.*s' in the record of %s names a domain without a record",
		              (int)MIN(term->text.length, 100), term->text.bytes, domain);
		return MATCH_PERMERROR;
	default: return MATCH_NO;
	}
}

static enum match match_term(struct round *round, const struct term *term, const char *domain)
{
	switch (term->kind) {
	case TERM_ALL: return MATCH_YES;
	case TERM_INCLUDE: return match_include(round, term, domain);
	case TERM_REDIRECT:
	case TERM_EXP:
	case TERM_UNKNOWN: return MATCH_NO;
	default: return mechanism_match(round, term, domain);
	}
}

/* 4.6.2 */
static enum spf_result result_of(char qualifier)
{
	switch (qualifier) {
	case '-': return SPF_FAIL;
	case '~': return SPF_SOFTFAIL;
	case '?': return SPF_NEUTRAL;
	default: return SPF_PASS;
	}
}

/* A term matched that the result of all comes from. */
static void hold_match(struct round *round, const struct record *record, const struct term *term,
                       const char *domain)
{
	size_t length = MIN(term->text.length, SPF_MECHANISM_SIZE - 1);

	memcpy(round->outcome->mechanism, term->text.bytes, length);
	round->outcome->mechanism[length] = '\0';
	make_printable(round->outcome->mechanism);
	round->explained = record->has_exp;
	round->explanation = record->exp.domain;
	g_strlcpy(round->explanation_domain, domain, NAME_SIZE);
}

/* The terms in order, up to one that matches. False: none does. */
static bool evaluate_terms(struct round *round, const struct record *record, const char *domain,
                           bool included, enum spf_result *result)
{
	struct span terms = record->terms;
	struct term term;

	while (grammar_next(&terms, &term)) {
		switch (match_term(round, &term, domain)) {
		case MATCH_NO: continue;
		case MATCH_YES:
			*result = result_of(term.qualifier);
			if (!included)
				hold_match(round, record, &term, domain);
			return true;
		case MATCH_TEMPERROR: *result = SPF_TEMPERROR; return true;
		default: *result = SPF_PERMERROR; return true;
		}
	}
	return false;
}

/* redirect (6.1): the domain to go on with. False: it ends with *result. */
static bool follow(struct round *round, const struct record *record, char domain[NAME_SIZE],
                   enum spf_result *result)
{
	char name[NAME_SIZE];

	*result = SPF_NEUTRAL;
	if (!record->has_redirect)
		return false;
	*result = SPF_PERMERROR;
	if (!round_count(round))
		return false;
	switch (round_expand(round, record->redirect.domain, domain, name)) {
	case ROUND_NAME_GOOD: g_strlcpy(domain, name, NAME_SIZE); return true;
	case ROUND_NAME_BAD: round_problem(round, "the redirect of %s is to no domain", domain); return false;
	default: *result = SPF_NEUTRAL; return false;
	}
}

static enum spf_result check_host(struct round *round, const char *start, bool included)
{
	char domain[NAME_SIZE];
	bool redirected = false;
	enum spf_result result;
	struct record record;

	g_strlcpy(domain, start, sizeof(domain));
	for (;;) {
		result = find_record(round, domain, &record);
		if (result == SPF_NONE && redirected) {
			round_problem(round, "%s, where a redirect leads, has no record", domain);
			return SPF_PERMERROR;
		}
		if (result != SPF_PASS || evaluate_terms(round, &record, domain, included, &result) ||
		    !follow(round, &record, domain, &result))
			return result;
		redirected = true;
	}
}

/* -- explanation (6.2) ----------------------------------------------------- */

/* Whatever is wrong with it, there is no explanation then. */
static void explain(struct round *round)
{
	char name[NAME_SIZE], validated[NAME_SIZE];
	const struct spf_answer *answer;
	struct macro_values values;
	struct span text;

	if (round_expand(round, round->explanation, round->explanation_domain, name) != ROUND_NAME_GOOD)
		return;
	answer = round_ask(round, SPF_TXT, name);
	if (answer == NULL || answer->count != 1)
		return;
	text = answer->data[0].text;
	if (grammar_check_explanation(text) == NULL &&
	    round_values(round, text, round->explanation_domain, &values, validated))
		macro_expand_text(text, &values, round->outcome->explanation, SPF_TEXT_SIZE);
}

/* -- beginning (4.1 to 4.3) ------------------------------------------------ */

/* The domain of the sender without the dot at its end, in A-labels; "": it is none. */
static void take_domain(const char *sent, char domain[NAME_SIZE])
{
	g_autofree char *ascii = NULL;
	size_t length;

	*domain = '\0';
	if (strlen(sent) >= 4 * NAME_SIZE)
		return;
	if (!g_str_is_ascii(sent)) {
		ascii = g_utf8_validate(sent, -1, NULL) ? g_hostname_to_ascii(sent) : NULL;
		sent = ascii == NULL ? "" : ascii;
	}
	length = strlen(sent);
	if (length > 0 && sent[length - 1] == '.')
		length--;
	if (length < NAME_SIZE) {
		memcpy(domain, sent, length);
		domain[length] = '\0';
	}
	if (!name_is_domain(domain))
		*domain = '\0';
}

/* Without a local part it is postmaster (4.3). */
static void begin(struct round *round)
{
	const struct spf_question *question = round->question;
	const char *sender = question->sender, *at = strrchr(sender, '@');
	const char *domain = *sender == '\0' ? question->helo : at == NULL ? "" : at + 1;

	if (at == NULL || at == sender)
		g_strlcpy(round->local, "postmaster", sizeof(round->local));
	else
		g_strlcpy(round->local, sender, MIN((size_t)(at - sender) + 1, sizeof(round->local)));
	take_domain(domain, round->outcome->domain);
	g_strlcpy(round->helo, question->helo, sizeof(round->helo));
	name_reverse(&question->client, round->reverse);
	round->values = (struct macro_values){ .local = round->local,
		                               .sender_domain = round->outcome->domain,
		                               .helo = round->helo,
		                               .receiver = question->receiver,
		                               .now = question->now,
		                               .client = question->client };
}

bool spf_evaluate(const struct spf_question *question, spf_look_fn look, void *data,
                  struct spf_outcome *outcome)
{
	struct round round = { .question = question, .look = look, .look_data = data, .outcome = outcome };

	memset(outcome, 0, sizeof(*outcome));
	begin(&round);
	if (*outcome->domain == '\0' || question->client.family == 0)
		return true;
	outcome->result = check_host(&round, outcome->domain, false);
	if (!round.missing && outcome->result == SPF_FAIL && round.explained && question->explain)
		explain(&round);
	return !round.missing;
}
