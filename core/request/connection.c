/* request/connection.c - a conversation with one client: bytes in, replies out, in order
 *
 * An idle connection has no buffer: bytes are read into the host's scratch and
 * only what cannot be handed over at once is kept. While the kernel does not take
 * our replies nothing is read, and while there are many of them nothing is handed
 * over; that bounds both sides. Interest in the descriptor changes only in such
 * states, never from request to request.
 *
 * What connections have in common is done in one go for several of them: requests are
 * read first, then handled, then replies are sent. A processor does the same thing
 * faster when it has just done it, and a client wakes up once for several replies.
 */
#include <glib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/clock.h"
#include "request/connection_parts.h"

enum {
	REQUEST_TIMEOUT = 30 * 1000, /* ms */
	IDLE_TIMEOUT = 600 * 1000
};

void connection_note(const struct connection *c, pp_level_t level, const char *what)
{
	pp_log(level, "client %s%s%s on %s: %s; closing", c->peer, c->via != NULL ? " via " : "",
	       c->via != NULL ? c->via : "", c->listener, what);
}

static void unlist(struct connection *c)
{
	struct connection_host *host = c->host;
	unsigned i = 0;

	if (!c->listed)
		return;
	while (host->unsent[i] != c)
		i++;
	host->unsent[i] = host->unsent[--host->unsent_count];
	c->listed = false;
}

static void end(struct connection *c)
{
	struct connection_host *host = c->host;

	unlist(c);
	if (c->watched)
		loop_remove(host->loop, &c->watch);
	loop_timer_cancel(host->loop, &c->timer);
	close(c->watch.fd);
	if (c->next != NULL)
		c->next->before = c->before;
	if (c->before != NULL)
		c->before->next = c->next;
	else
		host->all = c->next;
	host->count--;
	if (host->closed != NULL)
		host->closed(host, c);
	g_clear_pointer(&c->in, g_byte_array_unref);
	connection_drop_out(c);
	g_free(c->peer);
	g_free(c->via);
	g_free(c);
}

static uint32_t wanted_events(const struct connection *c)
{
	if (c->dead)
		return 0;
	if (c->stuck)
		return EPOLLOUT;
	if (c->eof || c->ending || (c->in_hand && c->in != NULL && c->in->len >= CONNECTION_KEPT_MAX))
		return 0;
	return EPOLLIN;
}

/* A descriptor of which nothing is wanted is taken out of the loop, which would
 * tell of its hang-up again and again. */
static void watch(struct connection *c)
{
	uint32_t events = wanted_events(c);
	struct loop *loop = c->host->loop;

	if (events == 0 && c->watched) {
		loop_remove(loop, &c->watch);
		c->watched = false;
	} else if (events != 0 && c->watched) {
		loop_change(loop, &c->watch, events);
	} else if (events != 0) {
		c->watch.events = events;
		c->watched = loop_add(loop, &c->watch);
		c->dead = !c->watched;
	}
}

static bool is_over(const struct connection *c)
{
	return !c->in_hand && (c->dead || (c->out == NULL && (c->eof || c->ending)));
}

/* To a later time it costs nothing. */
static void set_timer(struct connection *c)
{
	struct connection_host *host = c->host;
	pp_msec_t due;

	if (c->stuck)
		due = c->stuck_since + host->request_timeout;
	else if (c->awaits_header)
		due = c->header_due;
	else if (c->in != NULL && !c->in_hand)
		due = c->began / 1000 + host->request_timeout;
	else
		due = loop_now(host->loop) + host->idle_timeout;
	loop_timer_set(host->loop, &c->timer, due);
}

/* The connection may be gone afterwards. */
static void go_on(struct connection *c)
{
	if (!is_over(c))
		watch(c);
	if (is_over(c))
		end(c);
	else
		set_timer(c);
}

static void flush_all(struct connection_host *host)
{
	while (host->unsent_count > 0) {
		struct connection *c = host->unsent[host->unsent_count - 1];

		unlist(c);
		if (c->out != NULL && !c->stuck)
			connection_flush(c);
		if (!c->busy)
			go_on(c);
	}
}

/* After anything has happened. The connection may be gone afterwards. */
static void settle(struct connection *c)
{
	struct connection_host *host = c->host;

	if (c->out == NULL || c->stuck) {
		go_on(c);
		return;
	}
	if (c->listed)
		return;
	c->listed = true;
	host->unsent[host->unsent_count++] = c;
	if (host->unsent_count == CONNECTION_BATCH)
		flush_all(host);
}

/* After a reply. */
static void proceed(struct connection *c)
{
	if (c->in != NULL) {
		c->began = clock_usec();
		connection_take_kept(c);
	}
	settle(c);
}

static void handle_all(struct connection_host *host)
{
	host->handling = true;
	for (unsigned i = 0; i < host->queued; i++) {
		struct connection *c = host->queue[i].connection;

		c->busy = true;
		host->handle(host, c, host->queue[i].request);
		c->busy = false;
		request_unref(host->queue[i].request);
		if (!c->in_hand)
			proceed(c);
	}
	host->queued = 0;
	host->handling = false;
}

static void end_turn(void *data)
{
	struct connection_host *host = data;

	handle_all(host);
	flush_all(host);
}

static void ready(struct loop_watch *loop_watch, uint32_t events)
{
	struct connection *c = (struct connection *)loop_watch;
	struct connection_host *host = c->host;

	(void)events;
	if (!c->stuck)
		connection_receive(c);
	else if (connection_flush(c))
		connection_take_kept(c);
	/* While it waits for a reply and for nothing else, all is as it was. */
	if (!c->in_hand || c->in != NULL || c->eof || c->ending || c->dead)
		settle(c);
	if (host->queued == CONNECTION_BATCH)
		handle_all(host);
}

static void expired(struct loop_timer *timer)
{
	struct connection *c = (struct connection *)((char *)timer - offsetof(struct connection, timer));

	if (c->in_hand && !c->stuck) {
		set_timer(c);
		return;
	}
	if (c->stuck)
		connection_note(c, PP_LOG_NOTICE, "it does not read its replies");
	else if (c->awaits_header)
		connection_note(c, PP_LOG_NOTICE, "no whole PROXY header in time");
	else if (c->in != NULL)
		connection_note(c, PP_LOG_NOTICE, "a request that does not end");
	else
		connection_note(c, PP_LOG_DEBUG, "idle");
	connection_drop_out(c);
	c->stuck = false;
	c->dead = true;
	settle(c);
}

struct connection *connection_open(struct connection_host *host, int fd, const char *listener,
                                   const char *peer, void *user)
{
	struct connection *c = g_new0(struct connection, 1);

	c->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .ready = ready };
	if (!loop_add(host->loop, &c->watch)) {
		close(fd);
		g_free(c);
		return NULL;
	}
	c->watched = true;
	c->host = host;
	c->listener = listener;
	c->peer = g_strdup(peer == NULL ? "" : peer);
	c->user = user;
	c->timer.expired = expired;
	c->next = host->all;
	if (host->all != NULL)
		host->all->before = c;
	host->all = c;
	host->count++;
	c->number = ++host->opened;
	set_timer(c);
	return c;
}

void connection_set_port(struct connection *connection, uint16_t port)
{
	connection->peer_port = port;
}

void connection_await_header(struct connection *connection, pp_msec_t timeout)
{
	connection->awaits_header = true;
	connection->header_due = loop_now(connection->host->loop) + timeout;
	set_timer(connection);
}

void connection_reply(struct connection *connection, const char *bytes, size_t length)
{
	g_assert(connection->in_hand);
	connection->in_hand = false;
	if (length == 0)
		connection->ending = true;
	else
		connection_put(connection, bytes, length);
	if (!connection->busy)
		proceed(connection);
}

void connection_drain(struct connection *connection)
{
	connection->ending = true;
	if (!connection->busy)
		settle(connection);
}

const char *connection_peer(const struct connection *connection)
{
	return connection->peer;
}

const char *connection_listener(const struct connection *connection)
{
	return connection->listener;
}

void *connection_user(const struct connection *connection)
{
	return connection->user;
}

struct connection *connection_next(const struct connection *connection)
{
	return connection->next;
}

void connection_host_init(struct connection_host *host, struct loop *loop)
{
	*host = (struct connection_host){ .loop = loop,
		                          .requests = request_pool_new(),
		                          .scratch = g_malloc(CONNECTION_SCRATCH),
		                          .request_timeout = REQUEST_TIMEOUT,
		                          .idle_timeout = IDLE_TIMEOUT };
	loop_at_turn_end(loop, end_turn, host);
}

void connection_host_clear(struct connection_host *host)
{
	while (host->queued > 0)
		request_unref(host->queue[--host->queued].request);
	flush_all(host);
	while (host->all != NULL)
		end(host->all);
	while (host->spares > 0)
		g_byte_array_unref(host->spare[--host->spares]);
	g_free(host->scratch);
	request_pool_free(host->requests);
	*host = (struct connection_host){ 0 };
}
