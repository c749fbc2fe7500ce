/* service/upstream_call.c - one request asked of an upstream: tries, until a server answers */
#include "service/upstream_call.h"

#include <errno.h>
#include "base/clock.h"
#include "service/upstream_pool.h"

static const pp_upstream_server_t *server_of(const struct upstream_call *call)
{
	return &upstream_settings(call->pool->upstream)->servers[call->server];
}

static void set_error(struct upstream_call *call, const char *why)
{
	call->error = arena_printf(call->arena, "%s: %s", server_of(call)->name, why);
}

static void report(struct upstream_call *call, enum upstream_result result, const char *why)
{
	if (!call->check)
		upstream_report(call->pool->upstream, call->server, result, pp_now() - call->tried_since,
		                why);
}

/* -- tries --------------------------------------------------------------- */

static bool pick_server(struct upstream_call *call)
{
	struct upstream *upstream = call->pool->upstream;

	if (call->check) {
		if (call->tries > 0)
			return false;
		if (!upstream_locate(upstream, call->server, &call->pick)) {
			set_error(call, "its address is not known");
			return false;
		}
		return true;
	}
	if (!upstream_choose(upstream, call->tried, call->stick, &call->pick)) {
		if (call->error == NULL)
			call->error = "no server can be asked";
		return false;
	}
	call->server = call->pick.server;
	call->tried |= UINT64_C(1) << call->server;
	return true;
}

static void failed(struct upstream_call *call, enum upstream_result result, const char *why)
{
	set_error(call, why);
	report(call, result, why);
}

/* What it says of a server that no connection could be begun: nothing where we lack something. */
static enum upstream_result result_of(int error)
{
	bool own = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	           error == ENOSPC || error == EADDRNOTAVAIL;

	return own ? UPSTREAM_ABANDONED : UPSTREAM_REFUSED;
}

/* Until one is under way. False: there is none left. */
static bool try_servers(struct upstream_call *call)
{
	int error;

	while (pick_server(call)) {
		call->tries++;
		call->tried_since = pp_now();
		if (upstream_line_start(call, call->check, &error)) {
			if (!call->check)
				upstream_patience_begin(call);
			return true;
		}
		failed(call, result_of(error), g_strerror(error));
	}
	return false;
}

static void end_try(struct upstream_call *call)
{
	call->line = NULL;
	upstream_patience_end(call);
}

bool upstream_call_start(struct upstream_pool *pool, struct upstream_call *call)
{
	call->pool = pool;
	call->began = pp_now();
	return try_servers(call);
}

void upstream_call_answered(struct upstream_call *call, const char *action)
{
	end_try(call);
	call->action = action;
	report(call, UPSTREAM_ANSWERED, NULL);
	call->done(call);
}

/* Where nothing was sent no server knows of the request; else it might count twice. */
void upstream_call_failed(struct upstream_call *call, enum upstream_result result, bool sent, const char *why)
{
	bool again;

	end_try(call);
	call->sent |= sent;
	again = !call->sent || upstream_settings(call->pool->upstream)->retry;
	failed(call, result, why);
	if (again && try_servers(call))
		return;
	call->done(call);
}

void upstream_call_stale(struct upstream_call *call, bool sent)
{
	int error;

	call->line = NULL;
	call->sent |= sent;
	if (!upstream_line_start(call, true, &error))
		upstream_call_failed(call, result_of(error), false, g_strerror(error));
}

bool upstream_call_may_leave(const struct upstream_call *call)
{
	return upstream_settings(call->pool->upstream)->retry ||
	       !(call->sent || upstream_line_has_sent(call->line));
}

void upstream_call_leave(struct upstream_call *call)
{
	upstream_line_drop(call->line);
	call->line = NULL;
	set_error(call, "no answer in the usual time");
	if (!try_servers(call))
		call->done(call);
}

/* A server is not to blame for the time that others took before. */
void upstream_call_cancel(struct upstream_call *call, bool out_of_time)
{
	pp_msec_t waited = pp_now() - call->tried_since;

	if (call->line == NULL)
		return;
	upstream_line_drop(call->line);
	end_try(call);
	if (out_of_time && waited >= server_of(call)->timeout / 2)
		failed(call, UPSTREAM_TIMED_OUT, "no answer in time");
	else
		report(call, UPSTREAM_ABANDONED, NULL);
}
