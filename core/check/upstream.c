/* check/upstream.c - requests passed on to other policy servers, as work of asks */
#include "check/upstream.h"

#include <netinet/in.h>
#include <string.h>
#include <xxhash.h>
#include "base/address.h"
#include "check/step.h"
#include "service/upstream_pool.h"

/* -- servers -------------------------------------------------------------- */

bool pp_upstream_is_address(const char *text)
{
	struct upstream_address address;

	return upstream_address_parse(text, &address);
}

pp_upstream_t *pp_upstream_open(const pp_upstream_settings_t *settings)
{
	struct check *check = check_current();
	struct upstream *upstream = upstream_new(check != NULL ? check->name : "", settings);

	upstream_await(upstream);
	if (check != NULL)
		g_atomic_pointer_set(&check->upstream, upstream);
	return upstream;
}

void pp_upstream_close(pp_upstream_t *servers)
{
	struct check *check = check_current();

	if (check != NULL)
		g_atomic_pointer_set(&check->upstream, NULL);
	upstream_close(servers);
}

/* -- the request as it came ------------------------------------------------- */

static void set_bytes(struct upstream_call *call, const struct request *request)
{
	size_t size = request->length + 2;
	char *out = arena_alloc(call->arena, size + 1), *at = out;

	for (unsigned i = 0; i < request->count; i++) {
		const struct request_slot *line = &request->lines[i];

		at = stpcpy(at, request->bytes + line->name);
		*at++ = '=';
		memcpy(at, request->bytes + line->value, line->length);
		at += line->length;
		*at++ = '\n';
	}
	*at++ = '\n';
	call->bytes = out;
	call->size = (size_t)(at - out);
}

static uint16_t port_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
}

static void set_ends(struct upstream_work *asked, const struct request *request)
{
	struct endpoint listener;
	const char *wrong;

	asked->call.ends = &asked->ends;
	asked->call.conversation = request->conversation;
	if (request->peer == NULL || !pp_address_parse(request->peer, &asked->ends.from) ||
	    request->listener == NULL || !endpoint_parse(request->listener, NULL, &listener, &wrong) ||
	    listener.address.ss_family == AF_UNIX)
		return;
	asked->ends.from_port = request->peer_port;
	asked->ends.to = address_of_sockaddr((const struct sockaddr *)&listener.address);
	asked->ends.to_port = port_of((const struct sockaddr *)&listener.address);
}

/* -- asking --------------------------------------------------------------- */

static void set_reply(struct upstream_work *asked)
{
	const struct upstream_call *call = &asked->call;
	struct upstream_status status;

	upstream_status(call->pool->upstream, call->server, &status);
	asked->reply = (pp_upstream_reply_t){ .action = call->action,
		                              .server = status.name,
		                              .tries = call->tries,
		                              .delay = pp_now() - call->began,
		                              .priority = status.priority,
		                              .weight = status.weight,
		                              .queries = status.queries,
		                              .answers = status.answers,
		                              .failed = status.failed,
		                              .address = status.address };
}

static void answered(struct upstream_call *call)
{
	struct upstream_work *asked = (struct upstream_work *)call;
	struct pp_work *work = asked->work;

	if (call->action != NULL)
		set_reply(asked);
	work->error = call->error;
	work_finish(work, call->action != NULL ? PP_WORK_DONE : PP_WORK_FAILED);
}

pp_work_t *pp_upstream(pp_ask_t *ask, pp_upstream_t *servers, const char *stick)
{
	pp_work_t *work = work_new(ask);
	struct upstream_work *asked = arena_new0(&ask->arena, struct upstream_work);
	struct ask_host *host = ask->host;

	asked->work = work;
	work->error = host->no_servers ? "no server is asked here" : "there are no servers";
	if (host->no_servers || servers == NULL)
		return work;
	work->asked = asked;
	asked->call.done = answered;
	asked->call.arena = &ask->arena;
	if (stick != NULL)
		asked->call.stick = XXH3_64bits(stick, strlen(stick)) | 1;
	set_bytes(&asked->call, ask->request);
	set_ends(asked, ask->request);
	if (upstream_call_start(upstream_pool_get(&host->pools, host->loop, servers), &asked->call))
		work_begin(work, NULL);
	else
		work->error = asked->call.error;
	return work;
}

const pp_upstream_reply_t *pp_upstream_reply(const pp_work_t *work)
{
	return work->asked != NULL && work->state == PP_WORK_DONE ? &work->asked->reply : NULL;
}
