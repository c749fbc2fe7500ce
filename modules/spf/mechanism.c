/* mechanism.c - the mechanisms that look at the client (RFC 7208 5.3 to 5.7), and %{p} */
#include <string.h>
#include <glib.h>
#include "round.h"

static bool same_network(const pp_address_t *one, const pp_address_t *other, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (one->family != other->family || memcmp(one->bytes, other->bytes, bytes) != 0)
		return false;
	return bits == 0 || ((one->bytes[bytes] ^ other->bytes[bytes]) & mask) == 0;
}

static enum spf_type address_type(const struct round *round)
{
	return round->question->client.family == 4 ? SPF_A : SPF_AAAA;
}

static bool holds_client(const struct round *round, const struct spf_answer *answer, unsigned prefix)
{
	for (size_t i = 0; i < answer->count; i++)
		if (same_network(&answer->data[i].address, &round->question->client, prefix))
			return true;
	return false;
}

static unsigned prefix_of(const struct round *round, const struct term *term)
{
	return round->question->client.family == 4 ? term->prefix4 : term->prefix6;
}

static enum match unanswered(struct round *round, const char *name)
{
	round_problem(round, "DNS does not answer for %s", name);
	return MATCH_TEMPERROR;
}

/* Nothing came of the look-ups of a term (4.6.4). */
static enum match found_nothing(struct round *round)
{
	if (round->missing || ++round->voids <= SPF_VOIDS_MAX)
		return MATCH_NO;
	round_problem(round, "more than %d terms name what is not there", SPF_VOIDS_MAX);
	return MATCH_PERMERROR;
}

/* -- a, mx, exists (5.3, 5.4, 5.7) ----------------------------------------- */

static enum match match_a(struct round *round, const struct term *term, const char *name)
{
	const struct spf_answer *answer = round_ask(round, address_type(round), name);

	if (answer == NULL)
		return MATCH_NO;
	if (answer->status == SPF_UNANSWERED)
		return unanswered(round, name);
	if (answer->count == 0)
		return found_nothing(round);
	return holds_client(round, answer, prefix_of(round, term)) ? MATCH_YES : MATCH_NO;
}

/* The hosts of a domain that has some: up to the first that fits. */
static enum match match_mail_hosts(struct round *round, const struct term *term,
                                   const struct spf_answer *hosts)
{
	size_t asked = 0, found = 0;

	for (size_t i = 0; i < hosts->count; i++) {
		const char *host = hosts->data[i].name;
		const struct spf_answer *answer;

		if (!name_is_host(host))
			continue;
		asked++;
		answer = round_ask(round, address_type(round), host);
		if (answer == NULL)
			continue;
		if (answer->status == SPF_UNANSWERED)
			return unanswered(round, host);
		if (holds_client(round, answer, prefix_of(round, term)))
			return MATCH_YES;
		found += answer->count;
	}
	return asked > 0 && found == 0 ? found_nothing(round) : MATCH_NO;
}

static enum match match_mx(struct round *round, const struct term *term, const char *name)
{
	const struct spf_answer *hosts = round_ask(round, SPF_MX, name);

	if (hosts == NULL)
		return MATCH_NO;
	if (hosts->status == SPF_UNANSWERED)
		return unanswered(round, name);
	if (hosts->count == 0)
		return found_nothing(round);
	if (hosts->count > SPF_NAMES_MAX) {
		round_problem(round, "%s has more than %d mail hosts", name, SPF_NAMES_MAX);
		return MATCH_PERMERROR;
	}
	if (round->unsettled)
		return MATCH_NO;
	return match_mail_hosts(round, term, hosts);
}

/* An A record, whatever the family of the client. */
static enum match match_exists(struct round *round, const char *name)
{
	const struct spf_answer *answer = round_ask(round, SPF_A, name);

	if (answer == NULL)
		return MATCH_NO;
	if (answer->status == SPF_UNANSWERED)
		return unanswered(round, name);
	return answer->count > 0 ? MATCH_YES : found_nothing(round);
}

/* -- names of the client (5.5) --------------------------------------------- */

static void note_guess(struct round *round, const struct spf_answer *answer)
{
	round->outcome->guessed |= answer != NULL && answer->status == SPF_UNANSWERED;
}

/* The names of the client's address; *count is how many of them are looked at. NULL: not known. */
static const struct spf_answer *client_names(struct round *round, size_t *count)
{
	const struct spf_answer *answer = round_ask(round, SPF_PTR, round->reverse);

	*count = answer == NULL ? 0 : MIN(answer->count, SPF_NAMES_MAX);
	note_guess(round, answer);
	return answer;
}

/* Whether the name has the client's address; one that DNS does not answer for is left out. */
static bool is_validated(struct round *round, const char *name)
{
	const struct spf_answer *answer;

	if (!name_is_host(name))
		return false;
	answer = round_ask(round, address_type(round), name);
	note_guess(round, answer);
	return answer != NULL && holds_client(round, answer, 128);
}

static enum match match_ptr(struct round *round, const char *target)
{
	size_t count;
	const struct spf_answer *names = client_names(round, &count);

	if (names == NULL || names->status == SPF_UNANSWERED)
		return MATCH_NO;
	if (count == 0)
		return found_nothing(round);
	for (size_t i = 0; i < count && !round->unsettled; i++)
		if (name_is_within(names->data[i].name, target) && is_validated(round, names->data[i].name))
			return MATCH_YES;
	return MATCH_NO;
}

/* The domain itself before a name below it, and that before any other (7.3). */
static int fitness(const char *name, const char *domain)
{
	return g_ascii_strcasecmp(name, domain) == 0 ? 3 : name_is_within(name, domain) ? 2 : 1;
}

bool mechanism_validated_name(struct round *round, const char *domain, char name[NAME_SIZE])
{
	bool missing = round->missing, known;
	size_t count;
	const struct spf_answer *names = client_names(round, &count);
	int best = 0;

	g_strlcpy(name, "unknown", NAME_SIZE);
	if (count > 0 && round->unsettled)
		return false;
	round->missing = names == NULL;
	for (size_t i = 0; i < count; i++) {
		const char *candidate = names->data[i].name;

		if (is_validated(round, candidate) && fitness(candidate, domain) > best) {
			best = fitness(candidate, domain);
			g_strlcpy(name, candidate, NAME_SIZE);
		}
	}
	known = !round->missing;
	round->missing = missing || !known;
	return known;
}

/* -- all of them ----------------------------------------------------------- */

static enum match match_network(const struct round *round, const struct term *term)
{
	unsigned prefix = term->kind == TERM_IP4 ? term->prefix4 : term->prefix6;

	return same_network(&term->network, &round->question->client, prefix) ? MATCH_YES : MATCH_NO;
}

enum match mechanism_match(struct round *round, const struct term *term, const char *domain)
{
	char name[NAME_SIZE];

	if (term->kind == TERM_IP4 || term->kind == TERM_IP6)
		return match_network(round, term);
	if (!round_count(round))
		return MATCH_PERMERROR;
	if (term->domain.length == 0)
		g_strlcpy(name, domain, sizeof(name));
	else if (round_expand(round, term->domain, domain, name) != ROUND_NAME_GOOD)
		return MATCH_NO;
	switch (term->kind) {
	case TERM_A: return match_a(round, term, name);
	case TERM_MX: return match_mx(round, term, name);
	case TERM_PTR: return match_ptr(round, name);
	default: return match_exists(round, name);
	}
}
