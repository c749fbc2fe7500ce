/* bench/socket.c - addresses of rule files as sockets: unix:PATH, inet:HOST:PORT */
#include "socket.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

union name {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in inet;
};

static socklen_t parse(const char *address, union name *name)
{
	memset(name, 0, sizeof *name);
	if (strncmp(address, "unix:", 5) == 0) {
		name->local.sun_family = AF_UNIX;
		if (strlen(address + 5) >= sizeof name->local.sun_path)
			errx(2, "%s: the path is too long", address);
		memcpy(name->local.sun_path, address + 5, strlen(address + 5));
		return sizeof name->local;
	}

	char host[64];
	const char *colon = strrchr(address, ':');
	int length = colon == NULL ? 0 : (int)(colon - address) - 5;

	if (strncmp(address, "inet:", 5) != 0 || length <= 0 || length >= (int)sizeof host)
		errx(2, "%s: wanted is unix:PATH or inet:HOST:PORT", address);
	memcpy(host, address + 5, (size_t)length);
	host[length] = '\0';
	name->inet.sin_family = AF_INET;
	name->inet.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &name->inet.sin_addr) != 1)
		errx(2, "%s: wanted is an IPv4 address", address);
	return sizeof name->inet;
}

static void bind_source(int fd, unsigned source)
{
	int on = 1;
	struct sockaddr_in from = { .sin_family = AF_INET,
		                    .sin_addr.s_addr = htonl(0x7f000000 | (source & 0xffff)) };

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
		err(1, "bind");
}

int socket_connect(const char *address, unsigned source)
{
	union name name;
	socklen_t size = parse(address, &name);
	int on = 1, fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (name.any.sa_family == AF_INET) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (source != 0)
			bind_source(fd, source);
	}
	if (connect(fd, &name.any, size) != 0)
		err(1, "%s", address);
	return fd;
}

int socket_listen(const char *address)
{
	union name name;
	socklen_t size = parse(address, &name);
	int on = 1, fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (name.any.sa_family == AF_UNIX)
		unlink(name.local.sun_path);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, &name.any, size) != 0 || listen(fd, 1024) != 0)
		err(1, "%s", address);
	return fd;
}

void socket_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		err(1, "fcntl");
}

void socket_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(fd);
}

void socket_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int64_t socket_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
