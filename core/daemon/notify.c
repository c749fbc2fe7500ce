/* daemon/notify.c - telling systemd how it goes (sd_notify(3)) */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path != NULL ? strlen(path) : 0;
	char text[512];
	va_list args;
	int fd, size;

	if (length < 2 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	/* An abstract socket is written with @ in place of its NUL. */
	if (*path == '@')
		address.sun_path[0] = '\0';
	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (size > 0 && sendto(fd, text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1,
	                       MSG_NOSIGNAL, (struct sockaddr *)&address,
	                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		pp_log(PP_LOG_DEBUG, "cannot tell systemd: %s", strerror(errno));
	close(fd);
}

pp_msec_t notify_watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || (pid != NULL && atol(pid) != (long)getpid()))
		return 0;
	return atoll(usec) / 1000 / 2;
}
