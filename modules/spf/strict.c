/* strict.c - check_host() of SPF (RFC 7208 4.6), by ourselves */
#include <string.h>
#include <glib.h>
#include "round.h"

/* -- a, mx, ptr, exists (5.3, 5.4, 5.5, 5.7) ------------------------------- */

static enum match match_a(struct round *round, const struct term *term, const char *name)
{
	const struct spf_answer *answer;
	enum match match = mechanism_find(round, mechanism_address_type(round), name, &answer);

	if (match == MATCH_YES && !mechanism_holds_client(round, answer, mechanism_prefix(round, term)))
		return MATCH_NO;
	return match;
}

/* The hosts up to the first that fits. */
static enum match match_mx(struct round *round, const struct term *term, const char *name)
{
	const struct spf_answer *hosts, *answer;
	enum match match = mechanism_find_hosts(round, name, &hosts);
	size_t asked = 0, found = 0;

	if (match != MATCH_YES)
		return match;
	for (size_t i = 0; i < hosts->count; i++) {
		if (!name_is_host(hosts->data[i].name))
			continue;
		asked++;
		match = mechanism_find_host(round, hosts->data[i].name, &answer);
		if (match == MATCH_TEMPERROR)
			return match;
		found += match == MATCH_YES;
		if (match == MATCH_YES &&
		    mechanism_holds_client(round, answer, mechanism_prefix(round, term)))
			return MATCH_YES;
	}
	return asked > 0 && found == 0 ? mechanism_void(round) : MATCH_NO;
}

static enum match match_ptr(struct round *round, const char *target)
{
	const char *names[SPF_NAMES_MAX];
	size_t count;
	enum match match = mechanism_find_names(round, target, names, &count);

	for (size_t i = 0; i < count; i++)
		if (mechanism_is_validated(round, names[i]))
			return MATCH_YES;
	return match == MATCH_YES ? MATCH_NO : match;
}

/* An A record, whatever the family of the client. */
static enum match match_exists(struct round *round, const char *name)
{
	const struct spf_answer *answer;

	return mechanism_find(round, SPF_A, name, &answer);
}

static enum match match_hosts(struct round *round, const struct term *term, const char *domain)
{
	char name[NAME_SIZE];
	enum match match = mechanism_name(round, term, domain, name);

	if (match != MATCH_YES)
		return match;
	switch (term->kind) {
	case TERM_A: return match_a(round, term, name);
	case TERM_MX: return match_mx(round, term, name);
	case TERM_PTR: return match_ptr(round, name);
	default: return match_exists(round, name);
	}
}

/* -- records (4.6) --------------------------------------------------------- */

static enum spf_result check_record(struct round *round, const struct record *first, const char *start,
                                    bool included);

/* include (5.2): only a pass matches. */
static enum match match_include(struct round *round, const struct term *term, const char *domain)
{
	char name[NAME_SIZE];
	struct record record;
	enum spf_result result;

	g_strlcpy(name, domain, sizeof(name));
	result = round_enter(round, term, name, &record);
	if (result == SPF_PASS)
		result = check_record(round, &record, name, true);
	switch (result) {
	case SPF_PASS: return MATCH_YES;
	case SPF_TEMPERROR: return MATCH_TEMPERROR;
	case SPF_PERMERROR: return MATCH_PERMERROR;
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
	case TERM_IP4:
	case TERM_IP6: return mechanism_network(round, term) ? MATCH_YES : MATCH_NO;
	default: return match_hosts(round, term, domain);
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
				round_hold(round, record, &term, domain);
			return true;
		case MATCH_TEMPERROR: *result = SPF_TEMPERROR; return true;
		default: *result = SPF_PERMERROR; return true;
		}
	}
	return false;
}

/* The terms, and those of where redirects lead (6.1). */
static enum spf_result check_record(struct round *round, const struct record *first, const char *start,
                                    bool included)
{
	struct record record = *first;
	char domain[NAME_SIZE];
	enum spf_result result;

	g_strlcpy(domain, start, sizeof(domain));
	while (!evaluate_terms(round, &record, domain, included, &result)) {
		struct term redirect = record.redirect;

		if (!record.has_redirect)
			return SPF_NEUTRAL;
		result = round_enter(round, &redirect, domain, &record);
		if (result != SPF_PASS)
			return result;
	}
	return result;
}

enum spf_result strict_check(struct round *round, const struct record *record)
{
	return check_record(round, record, round->outcome->domain, false);
}
