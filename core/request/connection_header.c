/* request/connection_header.c - who a connection behind a proxy is from: the header it begins with */
#include "base/clock.h"
#include "request/connection_parts.h"
#include "request/proxy.h"

static void refuse(struct connection *c)
{
	char more[LOG_LIMIT_TEXT], what[64 + LOG_LIMIT_TEXT];

	c->ending = true;
	if (!log_limit_pass(&c->host->refused, more))
		return;
	g_snprintf(what, sizeof(what), "it is not in allow%s", more);
	connection_note(c, PP_LOG_WARNING, what);
}

static void tell_unnamed(const struct connection *c)
{
	char more[LOG_LIMIT_TEXT];

	if (log_limit_pass(&c->host->unnamed, more))
		pp_log(PP_LOG_NOTICE,
		       "client %s on %s: its PROXY header names no client; it counts as the client itself%s",
		       c->peer, c->listener, more);
}

/* Whoever the header is about, or the proxy itself. */
static void meet(struct connection *c, const struct proxy_header *header)
{
	char text[64];

	if (header->kind == PROXY_LOCAL)
		return;
	if (header->kind == PROXY_SOURCE) {
		c->via = c->peer;
		c->peer = g_strdup(pp_address_print(&header->source, -1, text));
		c->peer_port = header->source_port;
	} else {
		tell_unnamed(c);
	}
	if (c->host->admit != NULL && !c->host->admit(c->host, c))
		refuse(c);
}

size_t connection_take_header(struct connection *c, const char *bytes, size_t length)
{
	struct proxy_header header;
	const char *wrong;
	long size = proxy_parse(bytes, length, &header, &wrong);

	if (size < 0) {
		connection_note(c, PP_LOG_NOTICE, wrong);
		c->ending = true;
	}
	if (size <= 0)
		return 0;
	c->awaits_header = false;
	c->began = loop_usec(c->host->loop);
	meet(c, &header);
	return (size_t)size;
}
