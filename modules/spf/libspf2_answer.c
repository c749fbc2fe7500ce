/* libspf2_answer.c - what libspf2 is told when it asks DNS */
#include <string.h>
#include <glib.h>
#include "libspf2.h"

void libspf2_arrive(struct libspf2 *run, const struct frame *frame, const struct term *term)
{
	run->frame = frame;
	run->term = *term;
	run->host_count = run->hosts_asked = run->hosts_found = 0;
	if (frame->included)
		return;
	run->outer_frame = frame;
	run->outer_term = *term;
}

void libspf2_end(struct libspf2 *run, enum spf_result result)
{
	run->ended = true;
	run->result = result;
}

/* -- answers --------------------------------------------------------------- */

/* Freed by the library. */
static SPF_dns_rr_t *new_answer(struct libspf2 *run, ns_type type, SPF_dns_stat_t status)
{
	SPF_dns_rr_t *answer = SPF_dns_rr_new_init(&run->layer, NULL, type, 0, status);

	if (answer == NULL)
		SPF_error("no memory for an answer");
	return answer;
}

/* Nothing that matches, or what makes libspf2 give up. */
static SPF_dns_rr_t *no_match(struct libspf2 *run, ns_type type, enum match match)
{
	if (match == MATCH_TEMPERROR)
		libspf2_end(run, SPF_TEMPERROR);
	if (match == MATCH_PERMERROR)
		libspf2_end(run, SPF_PERMERROR);
	return new_answer(run, type, run->ended ? TRY_AGAIN : NO_DATA);
}

static void add_record(SPF_dns_rr_t *answer, const void *data, size_t size)
{
	if (SPF_dns_rr_buf_realloc(answer, answer->num_rr, size) != SPF_E_SUCCESS)
		SPF_error("no memory for a record");
	memcpy(answer->rr[answer->num_rr++], data, size);
}

/* Addresses of the client's family; the client's own in place of each where the prefix of the
 * term has no bits, which is to say that any matches. */
static SPF_dns_rr_t *addresses(struct libspf2 *run, ns_type type, const struct spf_answer *found,
                               unsigned prefix)
{
	const pp_address_t *client = &run->round->question->client;
	SPF_dns_rr_t *answer = new_answer(run, type, NETDB_SUCCESS);

	for (size_t i = 0; i < found->count; i++)
		if (found->data[i].address.family == client->family)
			add_record(answer, prefix == 0 ? client->bytes : found->data[i].address.bytes,
			           client->family == 4 ? 4 : 16);
	if (answer->num_rr == 0)
		answer->herrno = NO_DATA;
	return answer;
}

/* The hosts of a term, by names that libspf2 is to ask for in their place. */
static SPF_dns_rr_t *hosts(struct libspf2 *run, ns_type type)
{
	SPF_dns_rr_t *answer = new_answer(run, type, run->host_count > 0 ? NETDB_SUCCESS : NO_DATA);
	char domain[LIBSPF2_NAME_SIZE], name[LIBSPF2_NAME_SIZE];

	libspf2_stand_in(run, run->frame, &run->term, domain);
	for (size_t i = 0; i < run->host_count; i++) {
		int length = g_snprintf(name, sizeof(name), "%zu.%s", i, domain);

		add_record(answer, name, (size_t)length + 1);
	}
	return answer;
}

/* -- terms ----------------------------------------------------------------- */

static SPF_dns_rr_t *answer_a(struct libspf2 *run, ns_type type, const char *name)
{
	const struct spf_answer *found;
	enum match match = mechanism_find(run->round, mechanism_address_type(run->round), name, &found);

	if (match != MATCH_YES)
		return no_match(run, type, match);
	return addresses(run, type, found, mechanism_prefix(run->round, &run->term));
}

/* Any record will do. */
static SPF_dns_rr_t *answer_exists(struct libspf2 *run, ns_type type, const char *name)
{
	const struct in_addr any = { 0 };
	const struct spf_answer *found;
	enum match match = mechanism_find(run->round, SPF_A, name, &found);
	SPF_dns_rr_t *answer;

	if (match != MATCH_YES)
		return no_match(run, type, match);
	answer = new_answer(run, type, NETDB_SUCCESS);
	add_record(answer, &any, sizeof(any));
	return answer;
}

static SPF_dns_rr_t *answer_mx(struct libspf2 *run, ns_type type, const char *name)
{
	const struct spf_answer *found;
	enum match match = mechanism_find_hosts(run->round, name, &found);

	if (match != MATCH_YES)
		return no_match(run, type, match);
	for (size_t i = 0; i < found->count; i++)
		if (name_is_host(found->data[i].name))
			run->hosts[run->host_count++] = found->data[i].name;
	return hosts(run, type);
}

/* libspf2 asks for the client's address, so that the term is the one of the mark before it. */
static SPF_dns_rr_t *answer_ptr(struct libspf2 *run)
{
	char target[NAME_SIZE];
	enum match match = mechanism_name(run->round, &run->term, run->frame->domain, target);

	if (match == MATCH_YES)
		match = mechanism_find_names(run->round, target, run->hosts, &run->host_count);
	return match == MATCH_YES ? hosts(run, ns_t_ptr) : no_match(run, ns_t_ptr, match);
}

static SPF_dns_rr_t *answer_term(struct libspf2 *run, ns_type type)
{
	char name[NAME_SIZE];
	enum match match;

	if (run->term.kind != TERM_A && run->term.kind != TERM_MX && run->term.kind != TERM_EXISTS)
		return no_match(run, type, MATCH_NO); /* a mark */
	match = mechanism_name(run->round, &run->term, run->frame->domain, name);
	if (match != MATCH_YES)
		return no_match(run, type, match);
	switch (run->term.kind) {
	case TERM_A: return answer_a(run, type, name);
	case TERM_MX: return answer_mx(run, type, name);
	default: return answer_exists(run, type, name);
	}
}

/* -- hosts of terms -------------------------------------------------------- */

/* After the last one: none that has an address is a look-up that found nothing (4.6.4). */
static SPF_dns_rr_t *answer_mail_host(struct libspf2 *run, ns_type type, const char *host)
{
	const struct spf_answer *found;
	enum match match = mechanism_find_host(run->round, host, &found);

	run->hosts_asked++;
	run->hosts_found += match == MATCH_YES;
	if (match == MATCH_YES)
		return addresses(run, type, found, mechanism_prefix(run->round, &run->term));
	if (match == MATCH_NO && run->hosts_asked == run->host_count && run->hosts_found == 0)
		match = mechanism_void(run->round);
	return no_match(run, type, match);
}

static SPF_dns_rr_t *answer_host(struct libspf2 *run, ns_type type, size_t host)
{
	const struct spf_answer *found;

	if (host >= run->host_count)
		return no_match(run, type, MATCH_NO);
	if (run->term.kind == TERM_MX)
		return answer_mail_host(run, type, run->hosts[host]);
	found = mechanism_name_addresses(run->round, run->hosts[host]);
	return found == NULL ? no_match(run, type, MATCH_NO) : addresses(run, type, found, 128);
}

/* -- questions ------------------------------------------------------------- */

SPF_dns_rr_t *libspf2_answer(SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache)
{
	struct libspf2 *run = layer->hook;
	const struct frame *frame;
	struct term term;
	size_t host;

	(void)should_cache;
	if (type == ns_t_ptr)
		return answer_ptr(run);
	if ((type != ns_t_a && type != ns_t_aaaa && type != ns_t_mx) ||
	    !libspf2_find_term(run, name, &frame, &term, &host))
		return no_match(run, type, MATCH_NO);
	if (host != LIBSPF2_NO_HOST)
		return answer_host(run, type, host);
	libspf2_arrive(run, frame, &term);
	return answer_term(run, type);
}
