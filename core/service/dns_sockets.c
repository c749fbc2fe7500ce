/* service/dns_sockets.c - the sockets of c-ares on a loop, a slice at a time */
#define CARES_NO_DEPRECATED
#include "service/dns_sockets.h"

#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Datagrams of a run of a task; the kernel sends many at once for less. */
enum { RECEIVE_MAX = 8, SEND_MAX = 16, SEND_PATIENT_MAX = 4 };
enum { DATAGRAM_MAX = 304 };       /* a question with the longest name */
enum { RECEIVE_BUFFER = 1 << 20 }; /* for answers of many look-ups at a time */

struct dns_socket {
	struct loop_watch watch; /* first */
	struct dns_sockets *sockets;
	struct dns_socket *next;
	bool is_stream;
	uint32_t events; /* for the reader */
};

struct dns_datagram {
	ares_socket_t fd; /* ARES_SOCKET_BAD: it is closed */
	size_t size;
	uint8_t bytes[DATAGRAM_MAX];
};

/* -- watching ------------------------------------------------------------ */

static struct dns_socket **find(struct dns_sockets *sockets, ares_socket_t fd)
{
	struct dns_socket **link = &sockets->first;

	while (*link != NULL && (*link)->watch.fd != fd)
		link = &(*link)->next;
	return link;
}

static void forget(struct dns_sockets *sockets, struct dns_socket **link)
{
	struct dns_socket *socket = *link;

	if (socket == NULL)
		return;
	*link = socket->next;
	loop_remove(sockets->loop, &socket->watch);
	g_free(socket);
}

static void is_ready(struct loop_watch *watch, uint32_t events)
{
	struct dns_socket *socket = (struct dns_socket *)watch;

	socket->events = events;
	loop_task_set(socket->sockets->loop, &socket->sockets->reader);
}

/* c-ares may close it, and others. */
static void process(struct dns_sockets *sockets, struct dns_socket *socket)
{
	uint32_t events = socket->events;
	int fd = socket->watch.fd;

	socket->events = 0;
	sockets->ready(sockets, (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ? fd : ARES_SOCKET_BAD,
	               (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
}

/* What is left of a socket is seen again in the next turn. */
static bool read_some(struct loop_task *task)
{
	struct dns_sockets *sockets = (struct dns_sockets *)((char *)task -
	                                                     offsetof(struct dns_sockets, reader));
	struct dns_socket *socket = sockets->first;

	while (socket != NULL && socket->events == 0)
		socket = socket->next;
	sockets->received = 0;
	if (socket != NULL)
		process(sockets, socket);
	return socket != NULL;
}

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t length = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_DGRAM;
}

static void add(struct dns_sockets *sockets, struct dns_socket **link, int fd, uint32_t events)
{
	struct dns_socket *socket = g_new0(struct dns_socket, 1);

	socket->watch = (struct loop_watch){ .fd = fd, .events = events, .ready = is_ready };
	socket->sockets = sockets;
	socket->is_stream = is_stream(fd);
	*link = socket;
	/* Where the kernel has no room for it, its queries time out. */
	if (!loop_add(sockets->loop, &socket->watch))
		forget(sockets, link);
}

void dns_sockets_changed(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns_sockets *sockets = data;
	uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	struct dns_socket **link = find(sockets, fd);

	if (events == 0)
		forget(sockets, link);
	else if (*link != NULL)
		loop_change(sockets->loop, &(*link)->watch, events);
	else
		add(sockets, link, fd, events);
}

/* -- opening ------------------------------------------------------------- */

/* As c-ares does it where it has no functions of others. */
static ares_socket_t open_socket(int domain, int type, int protocol, void *data)
{
	const int size = RECEIVE_BUFFER, on = 1;
	int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	(void)data;
	if (fd < 0)
		return ARES_SOCKET_BAD;
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	else
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t size, void *data)
{
	(void)data;
	return connect(fd, address, size);
}

/* -- sending and receiving ------------------------------------------------ */

static ares_ssize_t receive(ares_socket_t fd, void *bytes, size_t size, int flags, struct sockaddr *from,
                            ares_socklen_t *from_size, void *data)
{
	struct dns_sockets *sockets = data;

	if (sockets->received == RECEIVE_MAX) {
		errno = EAGAIN;
		return -1;
	}
	sockets->received++;
	return recvfrom(fd, bytes, size, flags, from, from_size);
}

/* True: it waits for its turn. */
static bool keep(struct dns_sockets *sockets, ares_socket_t fd, const struct iovec *vec, int count)
{
	struct dns_datagram *datagram;

	if (sockets->waiting == sockets->room) {
		struct dns_datagram *ring = g_new(struct dns_datagram, MAX(2 * sockets->room, SEND_MAX));

		for (unsigned i = 0; i < sockets->waiting; i++)
			ring[i] = sockets->ring[(sockets->next + i) % sockets->room];
		g_free(sockets->ring);
		sockets->ring = ring;
		sockets->room = MAX(2 * sockets->room, SEND_MAX);
		sockets->next = 0;
	}
	datagram = &sockets->ring[(sockets->next + sockets->waiting) % sockets->room];
	*datagram = (struct dns_datagram){ .fd = fd };
	for (int i = 0; i < count; i++) {
		if (vec[i].iov_len > sizeof(datagram->bytes) - datagram->size)
			return false;
		memcpy(datagram->bytes + datagram->size, vec[i].iov_base, vec[i].iov_len);
		datagram->size += vec[i].iov_len;
	}
	sockets->waiting++;
	loop_task_set(sockets->loop, &sockets->sender);
	return true;
}

static ares_ssize_t send_now(ares_socket_t fd, const struct iovec *vec, int count)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)vec, .msg_iovlen = (size_t)count };

	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ares_ssize_t send_or_keep(ares_socket_t fd, const struct iovec *vec, int count, void *data)
{
	struct dns_sockets *sockets = data;
	const struct dns_socket *socket = *find(sockets, fd);
	size_t size = 0;

	if (socket == NULL || socket->is_stream)
		return send_now(fd, vec, count);
	if (!keep(sockets, fd, vec, count))
		return send_now(fd, vec, count);
	for (int i = 0; i < count; i++)
		size += vec[i].iov_len;
	return (ares_ssize_t)size;
}

/* Those of one socket that come next. Returns how many these were. */
static unsigned send_batch(struct dns_sockets *sockets)
{
	struct mmsghdr messages[SEND_MAX] = { 0 };
	struct iovec vec[SEND_MAX];
	unsigned most = sockets->sender.rank == LOOP_PROMPT ? SEND_MAX : SEND_PATIENT_MAX, count = 0;
	int fd = sockets->ring[sockets->next].fd;

	for (; count < MIN(sockets->waiting, most); count++) {
		struct dns_datagram *datagram = &sockets->ring[(sockets->next + count) % sockets->room];

		if (datagram->fd != fd)
			break;
		vec[count] = (struct iovec){ datagram->bytes, datagram->size };
		messages[count].msg_hdr = (struct msghdr){ .msg_iov = &vec[count], .msg_iovlen = 1 };
	}
	/* One that cannot be sent is lost, as it may be on its way: it is asked again. */
	for (unsigned sent = 0; sent < count && fd != ARES_SOCKET_BAD;) {
		int more = sendmmsg(fd, messages + sent, count - sent, MSG_NOSIGNAL);

		sent += more > 0 ? (unsigned)more : 1;
	}
	return count;
}

static bool send_some(struct loop_task *task)
{
	struct dns_sockets *sockets = (struct dns_sockets *)((char *)task -
	                                                     offsetof(struct dns_sockets, sender));
	unsigned count = send_batch(sockets);

	sockets->waiting -= count;
	sockets->next = (sockets->next + count) % sockets->room;
	return sockets->waiting > 0;
}

/* The number of the descriptor is soon another's. */
static int close_socket(ares_socket_t fd, void *data)
{
	struct dns_sockets *sockets = data;

	for (unsigned i = 0; i < sockets->waiting; i++) {
		struct dns_datagram *datagram = &sockets->ring[(sockets->next + i) % sockets->room];

		if (datagram->fd == fd)
			datagram->fd = ARES_SOCKET_BAD;
	}
	return close(fd);
}

/* -- all of them ----------------------------------------------------------- */

void dns_sockets_init(struct dns_sockets *sockets, struct loop *loop, enum loop_rank rank,
                      void (*ready)(struct dns_sockets *, ares_socket_t, ares_socket_t))
{
	*sockets = (struct dns_sockets){ .loop = loop,
		                         .ready = ready,
		                         .reader = { .run = read_some, .rank = rank },
		                         .sender = { .run = send_some, .rank = rank } };
}

void dns_sockets_use(struct dns_sockets *sockets, ares_channel ares)
{
	static const struct ares_socket_functions functions = { .asocket = open_socket,
		                                                .aclose = close_socket,
		                                                .aconnect = connect_socket,
		                                                .arecvfrom = receive,
		                                                .asendv = send_or_keep };

	ares_set_socket_functions(ares, &functions, sockets);
}

void dns_sockets_clear(struct dns_sockets *sockets)
{
	while (sockets->first != NULL)
		forget(sockets, &sockets->first);
	g_clear_pointer(&sockets->ring, g_free);
	sockets->waiting = sockets->room = 0;
	loop_task_cancel(sockets->loop, &sockets->reader);
	loop_task_cancel(sockets->loop, &sockets->sender);
}
