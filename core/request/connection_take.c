/* request/connection_take.c - what a client sends: read, cut into requests, handed over one by one */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "request/connection_parts.h"

static void refuse(struct connection *c, const char *wrong)
{
	connection_note(c, PP_LOG_NOTICE, wrong);
	c->ending = true;
}

/* To the queue, but for what is found behind a request that comes out of it. */
static void hand_over(struct connection *c, struct request *request)
{
	struct connection_host *host = c->host;

	request->listener = c->listener;
	request->peer = arena_strdup(&request->arena, c->peer);
	request->peer_port = c->peer_port;
	request->started = c->began;
	request->conversation = c->number;
	c->in_hand = true;
	if (host->handling || host->queued == CONNECTION_BATCH)
		host->handle(host, c, request);
	else
		host->queue[host->queued++] = (struct connection_request){ c, request_ref(request) };
}

/* The size of the request the bytes begin with; 0: it is not whole, or refused. As a
 * rule it has come as a whole; only what does not is looked at more than once. */
static size_t parse(struct connection *c, struct request *request, const char *bytes, size_t length)
{
	const char *wrong = NULL;
	long size = 0;

	if (c->scan.scanned == 0)
		size = (long)request_take(request, bytes, length, &wrong);
	if (size == 0 && wrong == NULL) {
		size = wire_find_request(&c->scan, bytes, length, &wrong);
		if (size > 0)
			wrong = request_parse(request, bytes, (size_t)size);
	}
	if (wrong != NULL)
		refuse(c, wrong);
	if (wrong != NULL || size <= 0)
		return 0;
	c->scan = (struct wire_scan){ 0 };
	return (size_t)size;
}

static bool may_take(struct connection *c)
{
	if (c->in_hand || c->awaits_header || c->ending || c->dead)
		return false;
	return !connection_is_full(c);
}

/* Hands over whole requests until one is not answered yet. Returns how many of
 * the bytes are done with. */
static size_t take(struct connection *c, const char *bytes, size_t length)
{
	size_t done = c->awaits_header ? connection_take_header(c, bytes, length) : 0;

	c->busy = true;
	while (done < length && may_take(c)) {
		struct request *request = request_new(c->host->requests);
		size_t size = parse(c, request, bytes + done, length - done);

		done += size;
		if (size > 0)
			hand_over(c, request);
		request_unref(request);
		if (size == 0)
			break;
	}
	c->busy = false;
	return done;
}

void connection_take_kept(struct connection *c)
{
	size_t done;

	if (c->in == NULL)
		return;
	done = take(c, (const char *)c->in->data, c->in->len);
	if (done == c->in->len || c->ending || c->dead) {
		g_clear_pointer(&c->in, g_byte_array_unref);
	} else if (done > 0) {
		g_byte_array_remove_range(c->in, 0, (guint)done);
		c->began = clock_usec();
	}
}

static void keep(struct connection *c, const char *bytes, size_t length)
{
	if (length == 0 || c->ending || c->dead)
		return;
	if (c->in == NULL)
		c->in = g_byte_array_sized_new((guint)length);
	g_byte_array_append(c->in, (const guint8 *)bytes, (guint)length);
}

static void end_of_input(struct connection *c)
{
	c->eof = true;
	if (c->awaits_header && c->in == NULL)
		connection_note(c, PP_LOG_DEBUG, "ended without a PROXY header");
	else if (c->in != NULL && !c->in_hand)
		connection_note(c, PP_LOG_NOTICE,
		                c->awaits_header ? "ended in the middle of a PROXY header"
		                                 : "ended in the middle of a request");
}

void connection_receive(struct connection *c)
{
	char *scratch = c->host->scratch;
	ssize_t got = recv(c->watch.fd, scratch, CONNECTION_SCRATCH, 0);
	size_t done = 0;

	if (got < 0) {
		c->dead = c->dead || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
		return;
	}
	if (got == 0) {
		end_of_input(c);
		return;
	}
	if (c->in == NULL) {
		c->began = loop_usec(c->host->loop);
		done = take(c, scratch, (size_t)got);
		keep(c, scratch + done, (size_t)got - done);
		return;
	}
	keep(c, scratch, (size_t)got);
	connection_take_kept(c);
}
