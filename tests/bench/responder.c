/* bench/responder.c - answers questions of DNS as fast as they come, or as late as it is told
 *
 *   responder [-d MILLISECONDS]
 *
 * It prints its address, and for each line of its standard input how many questions it got; it ends
 * with its standard input. What it says, responder_says.c says.
 */
#include "responder_says.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "socket.h"

enum { BATCH = 64, QUERY_MAX = 512, LATE_MAX = 1 << 15, BUFFER = 8 << 20 };

struct late { /* an answer that waits */
	int64_t due;
	struct sockaddr_in to;
	uint16_t size;
	uint8_t message[SAID_MAX];
};

struct responder {
	int fd;
	int64_t delay; /* ns */
	uint64_t questions;
	struct late *late; /* a ring: all wait as long */
	unsigned first, count;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_bytes[BATCH], out_bytes[BATCH];
	struct sockaddr_in from[BATCH];
	uint8_t queries[BATCH][QUERY_MAX], messages[BATCH][SAID_MAX];
};

static void keep(struct responder *responder, const struct sockaddr_in *to, const uint8_t *message,
                 size_t size)
{
	struct late *late;

	if (responder->count == LATE_MAX)
		errx(1, "over %d answers wait", (int)LATE_MAX);
	late = &responder->late[(responder->first + responder->count++) % LATE_MAX];
	late->due = socket_clock() + responder->delay;
	late->to = *to;
	late->size = (uint16_t)size;
	memcpy(late->message, message, size);
}

/* One of them: those who are answered at once are not to wait for what an attacker has coming, since
 * their name servers would be others. */
static void send_late(struct responder *responder)
{
	const struct late *late = &responder->late[responder->first];

	if (responder->count == 0 || late->due > socket_clock())
		return;
	sendto(responder->fd, late->message, late->size, 0, (const struct sockaddr *)&late->to,
	       sizeof late->to);
	responder->first = (responder->first + 1) % LATE_MAX;
	responder->count--;
}

/* Answers that go out at once are gathered in responder->out. */
static unsigned answer(struct responder *responder, unsigned i, unsigned answers)
{
	uint8_t *message = responder->messages[answers];
	enum when when;
	size_t size = say(responder->queries[i], responder->in[i].msg_len, message, &when);

	responder->questions += size > 0;
	if (size == 0 || when == SAID_NEVER)
		return answers;
	if (when == SAID_LATE && responder->delay > 0) {
		keep(responder, &responder->from[i], message, size);
		return answers;
	}
	responder->out_bytes[answers] = (struct iovec){ message, size };
	responder->out[answers].msg_hdr = (struct msghdr){ .msg_name = &responder->from[i],
		                                           .msg_namelen = sizeof responder->from[i],
		                                           .msg_iov = &responder->out_bytes[answers],
		                                           .msg_iovlen = 1 };
	return answers + 1;
}

static void serve(struct responder *responder)
{
	unsigned answers = 0;
	int got;

	for (unsigned i = 0; i < BATCH; i++) {
		responder->in_bytes[i] = (struct iovec){ responder->queries[i], QUERY_MAX };
		responder->in[i].msg_hdr = (struct msghdr){ .msg_name = &responder->from[i],
			                                    .msg_namelen = sizeof responder->from[i],
			                                    .msg_iov = &responder->in_bytes[i],
			                                    .msg_iovlen = 1 };
	}
	got = recvmmsg(responder->fd, responder->in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++)
		answers = answer(responder, (unsigned)i, answers);
	for (unsigned sent = 0; sent < answers;) {
		int more = sendmmsg(responder->fd, responder->out + sent, answers - sent, 0);

		/* One that cannot be sent is lost, as on a network. */
		sent += more > 0 ? (unsigned)more : 1;
	}
}

static void open_socket(struct responder *responder)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int size = BUFFER;

	responder->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (responder->fd < 0 || bind(responder->fd, (struct sockaddr *)&address, length) != 0 ||
	    getsockname(responder->fd, (struct sockaddr *)&address, &length) != 0)
		err(1, "socket");
	if (setsockopt(responder->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(responder->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	printf("127.0.0.1:%u\n", ntohs(address.sin_port));
	fflush(stdout);
}

/* False: the standard input has ended. */
static bool report(const struct responder *responder)
{
	char bytes[64];
	ssize_t got = read(0, bytes, sizeof bytes);

	for (ssize_t i = 0; i < got; i++)
		if (bytes[i] == '\n')
			printf("%llu\n", (unsigned long long)responder->questions);
	fflush(stdout);
	return got > 0;
}

/* Milliseconds until an answer is due; -1: none waits. */
static int time_left(const struct responder *responder)
{
	int64_t left;

	if (responder->count == 0)
		return -1;
	left = responder->late[responder->first].due - socket_clock();
	return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

int main(int argc, char **argv)
{
	struct responder *responder = calloc(1, sizeof *responder);
	int option;

	if (responder == NULL || (responder->late = calloc(LATE_MAX, sizeof *responder->late)) == NULL)
		err(1, "calloc");
	while ((option = getopt(argc, argv, "d:")) != -1) {
		if (option != 'd')
			errx(2, "usage: responder [-d MILLISECONDS]");
		responder->delay = atoi(optarg) * INT64_C(1000000);
	}
	open_socket(responder);
	for (bool more = true; more;) {
		struct pollfd fds[] = { { responder->fd, POLLIN, 0 }, { 0, POLLIN, 0 } };

		poll(fds, 2, time_left(responder));
		if (fds[0].revents != 0)
			serve(responder);
		send_late(responder);
		if (fds[1].revents != 0)
			more = report(responder);
	}
	free(responder->late);
	free(responder);
}
