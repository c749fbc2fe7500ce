/* libspf2.c - check_host() of SPF (RFC 7208 4.6), by libspf2 (libspf2.h says how) */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include "libspf2.h"

/* -- when the library gives up --------------------------------------------- */

static _Thread_local struct libspf2 *current;

/* libspf2 ends the process where it finds itself in the wrong. Here only the evaluation ends; what
 * it has allocated by then is lost. */
static void escape(const char *file, int line, const char *message) __attribute__((noreturn));

static void escape(const char *file, int line, const char *message)
{
	(void)file;
	(void)line;
	if (current == NULL)
		abort();
	g_strlcpy(current->failure, message, sizeof(current->failure));
	longjmp(current->escape, 1);
}

static void fail(struct libspf2 *run, const char *message)
{
	round_problem(run->round, "libspf2 gave up: %s", message);
	libspf2_end(run, SPF_TEMPERROR);
}

/* Once for all threads. */
static void set_handlers(void)
{
	static gsize done;

	if (!g_once_init_enter(&done))
		return;
	SPF_error_handler = escape;
	SPF_warning_handler = NULL;
	SPF_info_handler = NULL;
	SPF_debug_handler = NULL;
	g_once_init_leave(&done, 1);
}

/* -- records --------------------------------------------------------------- */

/* libspf2 has 511 bytes for what it makes of the terms of a record. What is over that it forgets,
 * and does not say so. */
static SPF_errcode_t too_long(struct libspf2 *run, const struct frame *frame)
{
	round_problem(run->round, "the record of %s has more terms than libspf2 has room for (511 bytes)",
	              frame->domain);
	libspf2_end(run, SPF_PERMERROR);
	return SPF_E_DNS_ERROR;
}

/* Makes what libspf2 evaluates of a frame's record; the caller frees it, whatever is returned. */
static SPF_errcode_t compile(struct libspf2 *run, SPF_server_t *server, SPF_response_t *response,
                             const struct frame *frame, SPF_record_t **record)
{
	struct handed handed;
	SPF_errcode_t error;

	libspf2_hand_over(run, frame, &handed);
	error = SPF_record_compile(server, response, record, handed.text);
	if (error != SPF_E_SUCCESS)
		fail(run, SPF_strerror(error));
	else if ((*record)->num_mech != handed.terms)
		return too_long(run, frame);
	return error;
}

/* The record of an include or a redirect: a SPF_dns_get_spf_t. One that is not known yet is an empty
 * one, so that libspf2 goes on and asks for what else is wanted. */
static SPF_errcode_t get_record(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
                                SPF_record_t **record)
{
	struct libspf2 *run = server->resolver->hook;
	struct frame *frame, next;
	const struct frame *from;
	enum spf_result result;
	struct term term;
	size_t host;

	*record = NULL;
	if (!libspf2_find_term(run, request->cur_dom, &from, &term, &host))
		return SPF_E_DNS_ERROR;
	libspf2_arrive(run, from, &term);
	g_strlcpy(next.domain, from->domain, sizeof(next.domain));
	next.included = from->included || term.kind == TERM_INCLUDE;
	result = round_enter(run->round, &term, next.domain, &next.record);
	if (result == SPF_PASS) {
		/* There is room: no more come here than terms are counted. */
		frame = &run->frames[run->frame_count++];
		*frame = next;
		return compile(run, server, response, frame, record);
	}
	if (result == SPF_NEUTRAL)
		return SPF_record_compile(server, response, record, "v=spf1");
	libspf2_end(run, result);
	return SPF_E_DNS_ERROR;
}

/* Explanations are not for libspf2 to find: it would ask for them too often, expand them wrongly
 * and not clean them. No record that it gets names one. */
static SPF_errcode_t get_explanation(SPF_server_t *server, const char *domain, char **text, size_t *size)
{
	(void)server;
	(void)domain;
	(void)text;
	(void)size;
	return SPF_E_MOD_NOT_FOUND;
}

/* -- evaluation ------------------------------------------------------------ */

static void take_result(struct libspf2 *run, SPF_response_t *response)
{
	switch (SPF_response_result(response)) {
	case SPF_RESULT_PASS: run->result = SPF_PASS; break;
	case SPF_RESULT_FAIL: run->result = SPF_FAIL; break;
	case SPF_RESULT_SOFTFAIL: run->result = SPF_SOFTFAIL; break;
	case SPF_RESULT_NEUTRAL: run->result = SPF_NEUTRAL; break;
	default: fail(run, SPF_strerror(SPF_response_errcode(response))); return;
	}
	if (SPF_response_reason(response) == SPF_REASON_MECH)
		round_hold(run->round, &run->outer_frame->record, &run->outer_term, run->outer_frame->domain);
}

static void set_client(SPF_request_t *request, const pp_address_t *client)
{
	struct in6_addr address6;
	struct in_addr address4;

	if (client->family == 4) {
		memcpy(&address4, client->bytes, sizeof(address4));
		SPF_request_set_ipv4(request, address4);
	} else {
		memcpy(&address6, client->bytes, sizeof(address6));
		SPF_request_set_ipv6(request, address6);
	}
}

/* A server as SPF_server_new_dns() makes it, but on the stack, so that threads share nothing. That
 * function asks for the name of the host, and gives up where it is too long, and compiles an
 * explanation with macros. The limits are ours: the library's own is never reached. */
static SPF_server_t server_of(struct libspf2 *run)
{
	static char nobody[] = "ppolicyd";

	return (SPF_server_t){ .resolver = &run->layer,
		               .rec_dom = nobody,
		               .max_dns_mech = INT_MAX,
		               .max_dns_ptr = SPF_NAMES_MAX,
		               .max_dns_mx = SPF_NAMES_MAX };
}

/* SPF_request_query_mailfrom() would let clients of 127.0.0.0/8 pass. */
static void interpret(struct libspf2 *run)
{
	SPF_server_t server = server_of(run);
	SPF_request_t *request = SPF_request_new(&server);
	SPF_response_t *response = SPF_response_new(request);
	SPF_record_t *record = NULL;

	if (request == NULL || response == NULL)
		SPF_error("no memory for a request");
	set_client(request, &run->round->question->client);
	request->cur_dom = run->frames[0].domain;
	if (compile(run, &server, response, &run->frames[0], &record) == SPF_E_SUCCESS) {
		response->spf_record_exp = record;
		SPF_record_interpret(record, request, response, 0);
		if (!run->ended)
			take_result(run, response);
	}
	if (record != NULL)
		SPF_record_free(record);
	SPF_response_free(response);
	SPF_request_free(request);
}

static void evaluate(struct libspf2 *run)
{
	current = run;
	if (setjmp(run->escape) == 0)
		interpret(run);
	else
		fail(run, run->failure);
	current = NULL;
}

enum spf_result libspf2_check(struct round *round, const struct record *record)
{
	struct libspf2 run = { .round = round, .frame_count = 1 };

	run.frames[0].record = *record;
	g_strlcpy(run.frames[0].domain, round->outcome->domain, sizeof(run.frames[0].domain));
	run.layer = (SPF_dns_server_t){ .lookup = libspf2_answer,
		                        .get_spf = get_record,
		                        .get_exp = get_explanation,
		                        .name = "ppolicyd",
		                        .hook = &run };
	set_handlers();
	evaluate(&run);
	return run.result;
}
