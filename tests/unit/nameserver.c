/* unit/nameserver.c - a DNS server on loopback that says what a label of the name tells it */
#include "nameserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nameserver_says.h"

enum { TCP_MAX = 32, UDP_SIZE = 512, DRIP_MS = 100 };

struct stream { /* a TCP connection */
	int fd;
	GByteArray *in, *out; /* out: still to be sent */
	bool drips;
};

struct nameserver {
	GThread *thread;
	int udp, tcp, wake;
	int elsewhere; /* another port */
	char address[32];
	const char *always;
	unsigned asked;   /* atomic */
	GHashTable *seen; /* names -> how often */
	struct stream streams[TCP_MAX];
};

/* -- answering ----------------------------------------------------------- */

static const struct saying *find_saying(const char *label)
{
	const struct saying *lists[] = { nameserver_sayings, nameserver_breaks };

	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
		for (const struct saying *saying = lists[i]; saying->label != NULL; saying++)
			if (strcmp(saying->label, label) == 0)
				return saying;
	return NULL;
}

/* What the first label it knows tells it; without one there is no such name. */
static void say(const struct nameserver *server, struct reply *reply)
{
	const uint8_t *name = reply->query + 12;
	const struct saying *saying = server->always != NULL ? find_saying(server->always) : NULL;

	for (; saying == NULL && *name != 0; name += *name + 1) {
		g_autofree char *label = g_strndup((const char *)name + 1, *name);

		saying = find_saying(label);
	}
	if (saying != NULL)
		saying->say(reply);
	else
		reply_set_code(reply, 3);
}

static unsigned count_seen(struct nameserver *server, const uint8_t *name, size_t size)
{
	char *key = g_strndup((const char *)name, size);
	unsigned times = GPOINTER_TO_UINT(g_hash_table_lookup(server->seen, key));

	g_hash_table_replace(server->seen, key, GUINT_TO_POINTER(times + 1));
	return times;
}

/* False: that is no question. The reply's bytes are to be freed. */
static bool answer(struct nameserver *server, const uint8_t *query, size_t size, bool tcp,
                   struct reply *reply)
{
	size_t end = 12;

	*reply = (struct reply){ .query = query, .tcp = tcp };
	while (end < size && query[end] != 0)
		end += query[end] + (size_t)1;
	if (end + 5 > size)
		return false;
	reply->question = end + 5;
	reply->edns = query[11] > 0;
	reply->times = count_seen(server, query + 12, end - 12);
	reply->out = g_byte_array_new();
	g_byte_array_append(reply->out, query, (guint)reply->question);
	memset(reply->out->data + 6, 0, 6);
	reply->out->data[2] = 0x81;
	reply->out->data[3] = 0x80;
	__atomic_fetch_add(&server->asked, 1, __ATOMIC_RELAXED);
	say(server, reply);
	return true;
}

static void serve_udp(struct nameserver *server)
{
	uint8_t query[UDP_SIZE];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	ssize_t size = recvfrom(server->udp, query, sizeof(query), 0, (struct sockaddr *)&from, &length);
	struct reply reply;

	if (size < 0 || !answer(server, query, (size_t)size, false, &reply))
		return;
	for (unsigned i = 0; i <= reply.before && !reply.silent; i++) {
		reply.out->data[0] ^= i < reply.before ? 0x55 : 0;
		sendto(reply.elsewhere ? server->elsewhere : server->udp, reply.out->data, reply.out->len, 0,
		       (struct sockaddr *)&from, length);
		reply.out->data[0] ^= i < reply.before ? 0x55 : 0;
	}
	g_byte_array_unref(reply.out);
}

static void close_stream(struct stream *stream)
{
	close(stream->fd);
	g_byte_array_unref(stream->in);
	g_byte_array_unref(stream->out);
	*stream = (struct stream){ .fd = -1 };
}

static void accept_stream(struct nameserver *server)
{
	int fd = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (int i = 0; i < TCP_MAX && fd >= 0; i++)
		if (server->streams[i].fd < 0) {
			server->streams[i] = (struct stream){ fd, g_byte_array_new(), g_byte_array_new(),
				                              false };
			return;
		}
	g_assert_cmpint(fd, <, 0);
}

/* A message behind its length. */
static void add_message(struct stream *stream, const struct reply *reply, bool wrong_id)
{
	unsigned size = reply->length > 0 ? reply->length : reply->out->len;
	const uint8_t length[2] = { (uint8_t)(size >> 8), (uint8_t)size };
	guint at;

	g_byte_array_append(stream->out, length, 2);
	at = stream->out->len;
	g_byte_array_append(stream->out, reply->out->data, reply->out->len);
	stream->out->data[at] ^= wrong_id ? 0x55 : 0;
}

static void add_messages(struct stream *stream, const struct reply *reply)
{
	if (reply->silent || (reply->closes && reply->length == 0))
		return;
	if (reply->is_empty_frame)
		g_byte_array_append(stream->out, (const uint8_t *)"\0", 2);
	for (unsigned i = 0; i < reply->before; i++)
		add_message(stream, reply, true);
	add_message(stream, reply, false);
}

/* False: the connection is to be closed. */
static bool answer_stream(struct nameserver *server, struct stream *stream)
{
	const uint8_t *bytes = stream->in->data;
	size_t size = stream->in->len >= 2 ? (size_t)bytes[0] << 8 | bytes[1] : SIZE_MAX;
	struct reply reply;

	if (size == SIZE_MAX || stream->in->len < size + 2)
		return true;
	if (!answer(server, bytes + 2, size, true, &reply))
		return false;
	add_messages(stream, &reply);
	stream->drips |= reply.drips;
	g_byte_array_unref(reply.out);
	g_byte_array_remove_range(stream->in, 0, (guint)size + 2);
	return !reply.closes && answer_stream(server, stream);
}

static void send_stream(struct stream *stream)
{
	ssize_t size;

	if (stream->out->len == 0)
		return;
	size = send(stream->fd, stream->out->data, stream->drips ? 1 : stream->out->len, MSG_NOSIGNAL);
	if (size > 0)
		g_byte_array_remove_range(stream->out, 0, (guint)size);
}

static void serve_stream(struct nameserver *server, struct stream *stream, short events)
{
	uint8_t bytes[4096];
	ssize_t size;

	send_stream(stream);
	if ((events & ~POLLOUT) == 0)
		return;
	size = read(stream->fd, bytes, sizeof(bytes));
	if (size < 0 && errno == EAGAIN)
		return;
	if (size > 0)
		g_byte_array_append(stream->in, bytes, (guint)size);
	if (size > 0 && answer_stream(server, stream))
		return;
	send_stream(stream);
	close_stream(stream);
}

static void *serve(void *data)
{
	struct nameserver *server = data;
	struct pollfd fds[3 + TCP_MAX] = { { server->wake, POLLIN, 0 },
		                           { server->udp, POLLIN, 0 },
		                           { server->tcp, POLLIN, 0 } };

	for (;;) {
		bool dripping = false;

		for (int i = 0; i < TCP_MAX; i++) {
			const struct stream *stream = &server->streams[i];
			bool sending = stream->fd >= 0 && stream->out->len > 0;

			fds[3 + i] = (struct pollfd){ stream->fd, POLLIN, 0 };
			if (sending && !stream->drips)
				fds[3 + i].events |= POLLOUT;
			dripping |= sending && stream->drips;
		}
		poll(fds, G_N_ELEMENTS(fds), dripping ? DRIP_MS : -1);
		if (fds[0].revents != 0)
			return NULL;
		if (fds[1].revents != 0)
			serve_udp(server);
		for (int i = 0; i < TCP_MAX; i++)
			if (fds[3 + i].fd >= 0)
				serve_stream(server, &server->streams[i], fds[3 + i].revents);
		if (fds[2].revents != 0)
			accept_stream(server);
	}
}

/* -- a server ------------------------------------------------------------ */

/* UDP and TCP on one port, which may take some tries. */
static void open_sockets(struct nameserver *server)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		struct sockaddr_in address = { .sin_family = AF_INET,
			                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t length = sizeof(address);

		server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (bind(server->tcp, (struct sockaddr *)&address, length) == 0 &&
		    getsockname(server->tcp, (struct sockaddr *)&address, &length) == 0 &&
		    bind(server->udp, (struct sockaddr *)&address, length) == 0 &&
		    listen(server->tcp, 64) == 0) {
			g_snprintf(server->address, sizeof(server->address), "127.0.0.1:%u",
			           ntohs(address.sin_port));
			return;
		}
		close(server->tcp);
		close(server->udp);
	}
	g_error("no port is free");
}

struct nameserver *nameserver_new(const char *always)
{
	struct nameserver *server = g_new0(struct nameserver, 1);

	server->always = always;
	server->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (int i = 0; i < TCP_MAX; i++)
		server->streams[i].fd = -1;
	open_sockets(server);
	server->elsewhere = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server->wake = eventfd(0, EFD_CLOEXEC);
	server->thread = g_thread_new("nameserver", serve, server);
	return server;
}

void nameserver_free(struct nameserver *server)
{
	const uint64_t one = 1;

	g_assert_cmpint(write(server->wake, &one, sizeof(one)), ==, sizeof(one));
	g_thread_join(server->thread);
	for (int i = 0; i < TCP_MAX; i++)
		if (server->streams[i].fd >= 0)
			close_stream(&server->streams[i]);
	close(server->wake);
	close(server->elsewhere);
	close(server->udp);
	close(server->tcp);
	g_hash_table_destroy(server->seen);
	g_free(server);
}

const char *nameserver_address(const struct nameserver *server)
{
	return server->address;
}

unsigned nameserver_asked(const struct nameserver *server)
{
	return __atomic_load_n(&server->asked, __ATOMIC_RELAXED);
}
