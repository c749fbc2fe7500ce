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
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "request/connection.h"
#include "request/wire.h"

enum {
	SCRATCH_SIZE = 65536,
	KEPT_MAX = 65536, /* then no more is read while a request is in hand */
	OUT_MAX = 32768,  /* with as many bytes to send no more requests are taken */
	SPARE_MAX = 4096, /* a bigger buffer for replies is given back */
	REQUEST_TIMEOUT = 30 * 1000,
	IDLE_TIMEOUT = 600 * 1000
};

struct connection {
	struct loop_watch watch; /* first, so that it is the connection */
	struct loop_timer timer;
	struct connection_host *host;
	struct connection *next, *before;
	const char *listener;
	char *peer;
	void *user;

	GByteArray *in;        /* read and not handed over; NULL = nothing */
	struct wire_scan scan; /* of its first request */
	int64_t began;         /* clock_usec() when its first byte came */
	GByteArray *out;       /* not sent; NULL = nothing */
	bool listed;           /* in host->unsent */
	pp_msec_t stuck_since;

	bool watched; /* the loop has the descriptor */
	bool in_hand; /* a request is with the handler */
	bool busy;    /* take() is running: it goes on after a reply */
	bool stuck;   /* the kernel does not take what is in out */
	bool eof;     /* the client sends no more */
	bool ending;  /* no more is taken; closed when out is sent */
	bool dead;    /* nothing is sent any more; closed when the handler has replied */
};

static void note(const struct connection *c, pp_level_t level, const char *what)
{
	pp_log(level, "client %s on %s: %s; closing", c->peer, c->listener, what);
}

/* -- sending ------------------------------------------------------------- */

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

static void out_drop(struct connection *c)
{
	struct connection_host *host = c->host;

	if (c->out != NULL && c->out->len <= SPARE_MAX && host->spares < CONNECTION_BATCH) {
		c->out->len = 0;
		host->spare[host->spares++] = c->out;
		c->out = NULL;
	}
	g_clear_pointer(&c->out, g_byte_array_unref);
}

/* True if nothing is left to send. */
static bool flush(struct connection *c)
{
	size_t sent = send_some(c, c->out->data, c->out->len);

	if (c->dead || sent == c->out->len) {
		out_drop(c);
	} else if (sent > 0) {
		g_byte_array_remove_range(c->out, 0, (guint)sent);
	}
	set_stuck(c, c->out != NULL);
	return c->out == NULL;
}

static void put(struct connection *c, const char *bytes, size_t length)
{
	if (c->dead)
		return;
	if (c->out == NULL)
		c->out = out_new(c->host);
	g_byte_array_append(c->out, (const guint8 *)bytes, (guint)length);
}

/* -- taking requests ----------------------------------------------------- */

static void refuse(struct connection *c, const char *wrong)
{
	note(c, PP_LOG_NOTICE, wrong);
	c->ending = true;
}

/* To the queue, but for what is found behind a request that comes out of it. */
static void hand_over(struct connection *c, struct request *request)
{
	struct connection_host *host = c->host;

	request->listener = c->listener;
	request->peer = arena_strdup(&request->arena, c->peer);
	request->started = c->began;
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
	if (c->in_hand || c->ending || c->dead)
		return false;
	return c->out == NULL || c->out->len < OUT_MAX || flush(c);
}

/* Hands over whole requests until one is not answered yet. Returns how many of
 * the bytes are done with. */
static size_t take(struct connection *c, const char *bytes, size_t length)
{
	size_t done = 0;

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

static void take_kept(struct connection *c)
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
	if (c->in != NULL && !c->in_hand)
		note(c, PP_LOG_NOTICE, "ended in the middle of a request");
}

static void receive(struct connection *c)
{
	char *scratch = c->host->scratch;
	ssize_t got = recv(c->watch.fd, scratch, SCRATCH_SIZE, 0);
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
	take_kept(c);
}

/* -- life ---------------------------------------------------------------- */

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
	out_drop(c);
	g_free(c->peer);
	g_free(c);
}

static uint32_t wanted_events(const struct connection *c)
{
	if (c->dead)
		return 0;
	if (c->stuck)
		return EPOLLOUT;
	if (c->eof || c->ending || (c->in_hand && c->in != NULL && c->in->len >= KEPT_MAX))
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
			flush(c);
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
		take_kept(c);
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
		receive(c);
	else if (flush(c))
		take_kept(c);
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
		note(c, PP_LOG_NOTICE, "it does not read its replies");
	else if (c->in != NULL)
		note(c, PP_LOG_NOTICE, "a request that does not end");
	else
		note(c, PP_LOG_DEBUG, "idle");
	out_drop(c);
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
	set_timer(c);
	return c;
}

void connection_reply(struct connection *connection, const char *bytes, size_t length)
{
	g_assert(connection->in_hand);
	connection->in_hand = false;
	if (length == 0)
		connection->ending = true;
	else
		put(connection, bytes, length);
	if (!connection->busy)
		proceed(connection);
}

void connection_drain(struct connection *connection)
{
	connection->ending = true;
	if (!connection->busy)
		settle(connection);
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
		                          .scratch = g_malloc(SCRATCH_SIZE),
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
