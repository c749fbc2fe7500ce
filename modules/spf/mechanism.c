/* mechanism.c - what the mechanisms ask DNS for (RFC 7208 5.3 to 5.7), and %{p} */
#include <string.h>
#include <glib.h>
#include "round.h"

/* -- networks (5.6) -------------------------------------------------------- */

static bool same_network(const pp_address_t *one, const pp_address_t *other, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (one->family != other->family || memcmp(one->bytes, other->bytes, bytes) != 0)
		return false;
	return bits == 0 || ((one->bytes[bytes] ^ other->bytes[bytes]) & mask) == 0;
}

unsigned mechanism_prefix(const struct round *round, const struct term *term)
{
	return round->question->client.family == 4 ? term->prefix4 : term->prefix6;
}

bool mechanism_network(const struct round *round, const struct term *term)
{
	return same_network(&term->network, &round->question->client, mechanism_prefix(round, term));
}

bool mechanism_holds_client(const struct round *round, const struct spf_answer *answer, unsigned prefix)
{
	for (size_t i = 0; i < answer->count; i++)
		if (same_network(&answer->data[i].address, &round->question->client, prefix))
			return true;
	return false;
}

/* -- asking ---------------------------------------------------------------- */

enum match mechanism_name(struct round *round, const struct term *term, const char *domain,
                          char name[NAME_SIZE])
{
	if (!round_count(round))
		return MATCH_PERMERROR;
	if (term->domain.length == 0)
		g_strlcpy(name, domain, NAME_SIZE);
	else if (round_expand(round, term->domain, domain, name) != ROUND_NAME_GOOD)
		return MATCH_NO;
	return MATCH_YES;
}

enum match mechanism_void(struct round *round)
{
	if (round->missing || ++round->voids <= SPF_VOIDS_MAX)
		return MATCH_NO;
	round_problem(round, "more than %d terms name what is not there", SPF_VOIDS_MAX);
	return MATCH_PERMERROR;
}

static enum match unanswered(struct round *round, const char *name)
{
	round_problem(round, "DNS does not answer for %s", name);
	return MATCH_TEMPERROR;
}

enum match mechanism_find(struct round *round, enum spf_type type, const char *name,
                          const struct spf_answer **answer)
{
	*answer = round_ask(round, type, name);
	if (*answer == NULL)
		return MATCH_NO;
	if ((*answer)->status == SPF_UNANSWERED)
		return unanswered(round, name);
	return (*answer)->count > 0 ? MATCH_YES : mechanism_void(round);
}

enum spf_type mechanism_address_type(const struct round *round)
{
	return round->question->client.family == 4 ? SPF_A : SPF_AAAA;
}

enum match mechanism_find_hosts(struct round *round, const char *name, const struct spf_answer **hosts)
{
	enum match match = mechanism_find(round, SPF_MX, name, hosts);

	if (match != MATCH_YES)
		return match;
	if ((*hosts)->count > SPF_NAMES_MAX) {
		round_problem(round, "%s has more than %d mail hosts", name, SPF_NAMES_MAX);
		return MATCH_PERMERROR;
	}
	return round->unsettled ? MATCH_NO : MATCH_YES;
}

enum match mechanism_find_host(struct round *round, const char *host, const struct spf_answer **answer)
{
	*answer = round_ask_host(round, mechanism_address_type(round), host);
	if (*answer == NULL)
		return MATCH_NO;
	if ((*answer)->status == SPF_UNANSWERED)
		return unanswered(round, host);
	return (*answer)->count > 0 ? MATCH_YES : MATCH_NO;
}

/* -- names of the client (5.5) --------------------------------------------- */

static void note_guess(struct round *round, const struct spf_answer *answer)
{
	round->outcome->guessed |= answer != NULL && answer->status == SPF_UNANSWERED;
}

/* The names of the client's address; *count is how many of them are looked at. NULL: not known. */
static const struct spf_answer *client_names(struct round *round, size_t *count)
{
	const struct spf_answer *answer = round_ask_host(round, SPF_PTR, round->reverse);

	*count = answer == NULL ? 0 : MIN(answer->count, SPF_NAMES_MAX);
	note_guess(round, answer);
	return answer;
}

enum match mechanism_find_names(struct round *round, const char *target, const char *names[SPF_NAMES_MAX],
                                size_t *count)
{
	size_t all;
	const struct spf_answer *answer = client_names(round, &all);

	*count = 0;
	if (answer == NULL || answer->status == SPF_UNANSWERED)
		return MATCH_NO;
	if (all == 0)
		return mechanism_void(round);
	for (size_t i = 0; i < all && !round->unsettled; i++)
		if (name_is_host(answer->data[i].name) && name_is_within(answer->data[i].name, target))
			names[(*count)++] = answer->data[i].name;
	return *count > 0 ? MATCH_YES : MATCH_NO;
}

const struct spf_answer *mechanism_name_addresses(struct round *round, const char *name)
{
	const struct spf_answer *answer = round_ask_host(round, mechanism_address_type(round), name);

	note_guess(round, answer);
	return answer;
}

bool mechanism_is_validated(struct round *round, const char *name)
{
	const struct spf_answer *answer = mechanism_name_addresses(round, name);

	return answer != NULL && mechanism_holds_client(round, answer, 128);
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

		if (name_is_host(candidate) && mechanism_is_validated(round, candidate) &&
		    fitness(candidate, domain) > best) {
			best = fitness(candidate, domain);
			g_strlcpy(name, candidate, NAME_SIZE);
		}
	}
	known = !round->missing;
	round->missing = missing || !known;
	return known;
}
