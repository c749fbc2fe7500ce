/* request/connection_send.c - the replies of a connection: collected, sent as the kernel takes them */
#include <errno.h>
#include <sys/socket.h>
#include "request/connection_parts.h"

enum {
	OUT_MAX = 32768, /* with as many bytes to send no more requests are taken */
	SPARE_MAX = 4096 /* a bigger buffer for replies is given back */
};

static size_t send_some(struct connection *c, const void *bytes, size_t length)
{
	ssize_t sent;

	do
		sent = send(c->watch.fd, bytes, length, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (size_t)sent;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		c->dead = true;
	return 0;
}

static void set_stuck(struct connection *c, bool stuck)
{
	if (stuck && !c->stuck)
		c->stuck_since = loop_now(c->host->loop);
	c->stuck = stuck;
}

static GByteArray *out_new(struct connection_host *host)
{
	return host->spares > 0 ? host->spare[--host->spares] : g_byte_array_new();
}

void connection_drop_out(struct connection *c)
{
	struct connection_host *host = c->host;

	if (c->out != NULL && c->out->len <= SPARE_MAX && host->spares < CONNECTION_BATCH) {
		c->out->len = 0;
		host->spare[host->spares++] = c->out;
		c->out = NULL;
	}
	g_clear_pointer(&c->out, g_byte_array_unref);
}

bool connection_flush(struct connection *c)
{
	size_t sent = send_some(c, c->out->data, c->out->len);

	if (c->dead || sent == c->out->len) {
		connection_drop_out(c);
	} else if (sent > 0) {
		g_byte_array_remove_range(c->out, 0, (guint)sent);
	}
	set_stuck(c, c->out != NULL);
	return c->out == NULL;
}

void connection_put(struct connection *c, const char *bytes, size_t length)
{
	if (c->dead)
		return;
	if (c->out == NULL)
		c->out = out_new(c->host);
	g_byte_array_append(c->out, (const guint8 *)bytes, (guint)length);
}

bool connection_is_full(struct connection *c)
{
	return c->out != NULL && c->out->len >= OUT_MAX && !connection_flush(c);
}
