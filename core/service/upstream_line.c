/* service/upstream_line.c - a connection to a server: one request, one reply, and again; else it is closed */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/clock.h"
#include "service/upstream_pool.h"
#include "service/upstream_reply.h"

#define KNOCK_EVERY 5 /* ms, at a unix socket whose queue is full */

enum line_state { LINE_QUEUEING, LINE_CONNECTING, LINE_SENDING, LINE_WAITING, LINE_IDLE };

struct upstream_line {
	struct loop_watch watch; /* first */
	struct loop_timer timer;
	struct upstream_pool *pool;
	unsigned server, generation;
	uint64_t conversation;      /* of servers with send_proxy */
	struct upstream_call *call; /* NULL: idle */
	enum line_state state;
	pp_msec_t connect_until;
	bool reused;
	bool single;              /* it is nobody's to use again */
	size_t header_size, sent; /* of header and request */
	size_t got;
	struct upstream_line *next, *before; /* idle ones of the server */
	char header[PROXY_ENCODED_MAX];
	char in[UPSTREAM_REPLY_MAX];
};

static const pp_upstream_settings_t *settings_of(const struct upstream_line *line)
{
	return upstream_settings(line->pool->upstream);
}

static const pp_upstream_server_t *server_of(const struct upstream_line *line)
{
	return &settings_of(line)->servers[line->server];
}

/* Of a try. A health check ends before the next one begins. */
static pp_msec_t timeout_of(const struct upstream_line *line)
{
	pp_msec_t timeout = server_of(line)->timeout;

	return line->call->check ? MIN(timeout, settings_of(line)->inter) : timeout;
}

/* -- idle ones ----------------------------------------------------------- */

static void leave_idle(struct upstream_line *line)
{
	struct upstream_pool *pool = line->pool;

	if (line->next != NULL)
		line->next->before = line->before;
	if (line->before != NULL)
		line->before->next = line->next;
	else
		pool->idle[line->server] = line->next;
	pool->idle_count[line->server]--;
	line->next = line->before = NULL;
}

static void close_line(struct upstream_line *line)
{
	if (line->state == LINE_IDLE)
		leave_idle(line);
	loop_timer_cancel(line->pool->loop, &line->timer);
	if (line->state != LINE_QUEUEING)
		loop_remove(line->pool->loop, &line->watch);
	close(line->watch.fd);
	g_free(line);
}

void upstream_line_drop(struct upstream_line *line)
{
	line->call = NULL;
	close_line(line);
}

void upstream_line_close_idle(struct upstream_pool *pool)
{
	for (unsigned i = 0; i < upstream_count(pool->upstream); i++)
		while (pool->idle[i] != NULL)
			close_line(pool->idle[i]);
}

bool upstream_line_has_sent(const struct upstream_line *line)
{
	return line->sent > line->header_size;
}

/* After its reply. */
static void keep_line(struct upstream_line *line)
{
	const pp_upstream_settings_t *settings = settings_of(line);
	struct upstream_pool *pool = line->pool;

	line->call = NULL;
	if (pool->idle_count[line->server] >= (unsigned)settings->pool || settings->idle == 0 ||
	    line->single) {
		close_line(line);
		return;
	}
	line->state = LINE_IDLE;
	line->next = pool->idle[line->server];
	if (line->next != NULL)
		line->next->before = line;
	pool->idle[line->server] = line;
	pool->idle_count[line->server]++;
	loop_timer_set(pool->loop, &line->timer, pp_now() + settings->idle);
}

/* Anything that can be read, also the end, is more than was asked for. */
static bool is_readable(const struct upstream_line *line)
{
	char byte;
	ssize_t got = recv(line->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static struct upstream_line *find_idle(const struct upstream_call *call)
{
	struct upstream_pool *pool = call->pool;
	struct upstream_line *line = pool->idle[call->server], *next;

	for (; line != NULL; line = next) {
		next = line->next;
		if (line->conversation != 0 && line->conversation != call->conversation)
			continue;
		if (line->generation == call->pick.generation && !is_readable(line)) {
			leave_idle(line);
			return line;
		}
		close_line(line);
	}
	return NULL;
}

/* -- a try --------------------------------------------------------------- */

/* The try is over, and so is the connection. */
static void fail(struct upstream_line *line, enum upstream_result result, const char *why)
{
	struct upstream_call *call = line->call;
	bool stale = line->reused && line->got == 0 && result == UPSTREAM_BROKEN;
	bool sent = upstream_line_has_sent(line);

	upstream_line_drop(line);
	if (stale)
		upstream_call_stale(call, sent);
	else
		upstream_call_failed(call, result, sent, why);
}

static void take_reply(struct upstream_line *line, size_t size, const char *action, size_t length)
{
	struct upstream_call *call = line->call;
	bool more = line->got > size;

	action = arena_strndup(call->arena, action, length);
	/* What comes behind a reply is nobody's. */
	if (more || call->check)
		upstream_line_drop(line);
	else
		keep_line(line);
	upstream_call_answered(call, action);
}

static void receive(struct upstream_line *line)
{
	ssize_t got = recv(line->watch.fd, line->in + line->got, sizeof(line->in) - line->got, 0);
	const char *action = NULL, *wrong;
	size_t length = 0;
	long size;

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (got <= 0) {
		wrong = got < 0 ? g_strerror(errno) : "it ended the connection before its reply";
		fail(line, UPSTREAM_BROKEN, wrong);
		return;
	}
	line->got += (size_t)got;
	size = upstream_reply_find(line->in, line->got, &action, &length, &wrong);
	if (size < 0)
		fail(line, UPSTREAM_BROKEN, arena_printf(line->call->arena, "it sent %s", wrong));
	else if (size > 0)
		take_reply(line, (size_t)size, action, length);
}

/* False: the connection is broken. */
static bool send_more(struct upstream_line *line)
{
	const struct upstream_call *call = line->call;
	size_t head = line->sent < line->header_size ? line->header_size - line->sent : 0;
	size_t done = line->sent > line->header_size ? line->sent - line->header_size : 0;
	struct iovec parts[] = { { line->header + line->header_size - head, head },
		                 { (char *)call->bytes + done, call->size - done } };
	struct msghdr message = { .msg_iov = head > 0 ? parts : parts + 1, .msg_iovlen = head > 0 ? 2 : 1 };
	ssize_t sent = sendmsg(line->watch.fd, &message, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	line->sent += (size_t)sent;
	return true;
}

/* Sends, and says what is waited for. False: the connection is broken. */
static bool go_on_sending(struct upstream_line *line)
{
	bool all;

	if (!send_more(line))
		return false;
	all = line->sent == line->header_size + line->call->size;
	line->state = all ? LINE_WAITING : LINE_SENDING;
	loop_change(line->pool->loop, &line->watch, all ? EPOLLIN : EPOLLIN | EPOLLOUT);
	return true;
}

static void connected(struct upstream_line *line)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(line->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		fail(line, UPSTREAM_REFUSED, g_strerror(error));
		return;
	}
	loop_timer_set(line->pool->loop, &line->timer, line->call->tried_since + timeout_of(line));
	if (!go_on_sending(line))
		fail(line, UPSTREAM_BROKEN, g_strerror(errno));
}

static void ready(struct loop_watch *watch, uint32_t events)
{
	struct upstream_line *line = (struct upstream_line *)watch;

	switch (line->state) {
	case LINE_QUEUEING: break; /* it is not watched */
	case LINE_IDLE: close_line(line); break;
	case LINE_CONNECTING: connected(line); break;
	case LINE_SENDING:
		/* A server that speaks before it has all of the request has not read it. */
		if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
			fail(line, UPSTREAM_BROKEN, "it replied, or ended, before it had the request");
		else if (!go_on_sending(line))
			fail(line, UPSTREAM_BROKEN, g_strerror(errno));
		break;
	case LINE_WAITING: receive(line); break;
	}
}

/* -- connecting ----------------------------------------------------------- */

/* 0, also where it is under way, or of errno. */
static int knock(int fd, const struct endpoint *endpoint)
{
	const struct sockaddr *address = (const struct sockaddr *)&endpoint->address;

	return connect(fd, address, endpoint->size) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* The server of a unix socket has as many waiting as it lets wait: that is told at once, where TCP would
 * try again. */
static bool is_full(const struct endpoint *endpoint, int error)
{
	return error == EAGAIN && endpoint->address.ss_family == AF_UNIX;
}

/* 0, or of errno. */
static int watch(struct upstream_line *line)
{
	if (!loop_add(line->pool->loop, &line->watch))
		return errno;
	line->state = LINE_CONNECTING;
	loop_timer_set(line->pool->loop, &line->timer, line->connect_until);
	return 0;
}

static void knock_again(struct upstream_line *line)
{
	const struct endpoint *endpoint = &line->call->pick.endpoint;
	int error = knock(line->watch.fd, endpoint);

	if (is_full(endpoint, error) && pp_now() < line->connect_until) {
		loop_timer_set(line->pool->loop, &line->timer, pp_now() + KNOCK_EVERY);
		return;
	}
	if (is_full(endpoint, error))
		fail(line, UPSTREAM_TIMED_OUT, "no connection in time");
	else if (error != 0 || (error = watch(line)) != 0)
		fail(line, UPSTREAM_REFUSED, g_strerror(error));
}

static void expired(struct loop_timer *timer)
{
	struct upstream_line *line = (struct upstream_line *)((char *)timer -
	                                                      offsetof(struct upstream_line, timer));

	switch (line->state) {
	case LINE_QUEUEING: knock_again(line); break;
	case LINE_IDLE: close_line(line); break;
	case LINE_CONNECTING: fail(line, UPSTREAM_TIMED_OUT, "no connection in time"); break;
	case LINE_SENDING:
	case LINE_WAITING: fail(line, UPSTREAM_TIMED_OUT, "no answer in time"); break;
	}
}

/* -- starting ------------------------------------------------------------ */

static struct upstream_line *line_new(struct upstream_call *call, int fd)
{
	struct upstream_line *line = g_new(struct upstream_line, 1);
	unsigned version;

	memset(line, 0, offsetof(struct upstream_line, header));
	line->pool = call->pool;
	line->server = call->server;
	line->generation = call->pick.generation;
	line->watch = (struct loop_watch){ .fd = fd, .events = EPOLLOUT, .ready = ready };
	line->timer.expired = expired;
	version = (unsigned)server_of(line)->send_proxy;
	if (version != 0) {
		line->conversation = call->conversation;
		line->single = call->conversation == 0;
		line->header_size = proxy_encode(version, call->check ? NULL : call->ends, line->header);
	}
	return line;
}

/* A connection under way, or one that waits to be. False: *error is of errno. */
static bool connect_to(const struct endpoint *endpoint, int *fd, int *error)
{
	int on = 1;

	*fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0) {
		*error = errno;
		return false;
	}
	if (endpoint->address.ss_family != AF_UNIX)
		setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*error = knock(*fd, endpoint);
	if (*error == 0 || is_full(endpoint, *error))
		return true;
	close(*fd);
	return false;
}

static bool start_anew(struct upstream_call *call, int *error)
{
	const pp_upstream_settings_t *settings = upstream_settings(call->pool->upstream);
	struct upstream_line *line;
	int fd;

	if (!connect_to(&call->pick.endpoint, &fd, error))
		return false;
	line = line_new(call, fd);
	line->call = call;
	line->connect_until = pp_now() + MIN(settings->connect, timeout_of(line));
	if (*error != 0) {
		line->state = LINE_QUEUEING;
		loop_timer_set(call->pool->loop, &line->timer, pp_now() + KNOCK_EVERY);
	} else if ((*error = watch(line)) != 0) {
		close(fd);
		g_free(line);
		return false;
	}
	call->line = line;
	return true;
}

/* False: it broke, and is gone. */
static bool start_on(struct upstream_line *line, struct upstream_call *call)
{
	line->call = call;
	call->line = line;
	line->reused = true;
	line->header_size = 0;
	line->sent = line->got = 0;
	loop_timer_set(line->pool->loop, &line->timer, call->tried_since + timeout_of(line));
	if (go_on_sending(line))
		return true;
	upstream_line_drop(line);
	call->line = NULL;
	return false;
}

bool upstream_line_start(struct upstream_call *call, bool fresh, int *error)
{
	struct upstream_line *line = fresh ? NULL : find_idle(call);

	if (line != NULL && start_on(line, call))
		return true;
	return start_anew(call, error);
}
