/* bench/echo.c - the least a policy server can be: each request gets action=DUNNO
 *
 *   echo ADDRESS...
 *
 * What ppolicyd is measured against: one thread, one epoll descriptor, and for
 * each request one read, a search for the empty line and one write. It does not
 * look at the request, keeps nothing and logs nothing.
 */
#include "socket.h"

#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 65536, DESCRIPTORS = 65536, LISTENER = 2 };

static const char reply[] = "action=DUNNO\n\n";
static char buffer[BUFFER];
/* Of each descriptor: whether what came last ended with a newline, or LISTENER. */
static unsigned char state[DESCRIPTORS];

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		err(1, "epoll_ctl");
}

static void take(int epoll, int listener)
{
	int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (fd >= DESCRIPTORS)
		errx(1, "over %d connections", (int)DESCRIPTORS);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	state[fd] = 0;
	watch(epoll, fd);
}

static bool answer(int fd)
{
	return send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL) == (ssize_t)sizeof reply - 1;
}

static void serve(int fd)
{
	ssize_t got = read(fd, buffer, sizeof buffer);

	if (got <= 0) {
		close(fd);
		return;
	}

	const char *at = buffer, *end = buffer + got;
	bool alive = true;

	if (state[fd] && *at == '\n') {
		alive = answer(fd);
		at++;
	}
	for (const char *found; alive && at < end; at = found + 2) {
		found = memmem(at, (size_t)(end - at), "\n\n", 2);
		if (found == NULL)
			break;
		alive = answer(fd);
	}
	/* The newline that ends a request does not begin the empty line of the next. */
	state[fd] = at < end && end[-1] == '\n';
	if (!alive)
		close(fd);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (argc < 2)
		errx(2, "usage: echo ADDRESS...");
	socket_raise_limit();
	for (int i = 1; i < argc; i++) {
		int fd = socket_listen(argv[i]);

		state[fd] = LISTENER;
		watch(epoll, fd);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (state[fd] == LISTENER)
				take(epoll, fd);
			else
				serve(fd);
		}
	}
}
