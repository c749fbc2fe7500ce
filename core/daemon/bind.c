/* daemon/bind.c - a listening socket is made: address, mode, owner, group */
#include "daemon/bind.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

static char *system_error(const char *address, const char *what)
{
	return g_strdup_printf("%s: %s: %s", address, what, g_strerror(errno));
}

/* A socket that nobody listens on any longer is in the way of ours. */
static char *make_way(const char *address, const struct sockaddr_un *name, socklen_t size)
{
	struct stat st;
	int fd;
	bool alive;

	if (lstat(name->sun_path, &st) != 0)
		return NULL;
	if (!S_ISSOCK(st.st_mode))
		return g_strdup_printf(
		        "%s: a file that is no socket stands there; remove it or choose another path",
		        address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	alive = fd >= 0 && (connect(fd, (const struct sockaddr *)name, size) == 0 || errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	if (alive)
		return g_strdup_printf("%s: another process listens there", address);
	return unlink(name->sun_path) == 0 ? NULL : system_error(address, "cannot remove the stale socket");
}

static bool parse_id(const char *name, bool group, uid_t *id)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	if (*end == '\0' && *name != '\0') {
		*id = (uid_t)number;
		return true;
	}
	if (group) {
		const struct group *entry = getgrnam(name);

		*id = entry != NULL ? (uid_t)entry->gr_gid : 0;
		return entry != NULL;
	}
	const struct passwd *entry = getpwnam(name);

	*id = entry != NULL ? entry->pw_uid : 0;
	return entry != NULL;
}

char *bind_set_access(const struct port_wish *wish, const char *path)
{
	uid_t owner = (uid_t)-1, group = (uid_t)-1;

	if (wish->owner != NULL && !parse_id(wish->owner, false, &owner))
		return g_strdup_printf("%s: no user '%s'", wish->address, wish->owner);
	if (wish->group != NULL && !parse_id(wish->group, true, &group))
		return g_strdup_printf("%s: no group '%s'", wish->address, wish->group);
	if ((owner != (uid_t)-1 || group != (uid_t)-1) && chown(path, owner, (gid_t)group) != 0)
		return system_error(wish->address, "cannot set owner and group");
	if (wish->mode != NULL && chmod(path, (mode_t)strtoul(wish->mode, NULL, 8)) != 0)
		return system_error(wish->address, "cannot set the mode");
	return NULL;
}

static char *bind_socket(int fd, const struct port_wish *wish, const struct endpoint *endpoint)
{
	const struct sockaddr_un *name = (const struct sockaddr_un *)&endpoint->address;
	bool is_unix = endpoint->address.ss_family == AF_UNIX;
	char *error = is_unix ? make_way(wish->address, name, endpoint->size) : NULL;
	mode_t mask = umask(0177); /* nobody gets in between bind and chmod */
	int on = 1;

	if (!is_unix || wish->mode == NULL)
		umask(mask);

	if (!is_unix)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (endpoint->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (error == NULL && bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->size) != 0)
		error = system_error(wish->address, "cannot listen");
	umask(mask);
	if (error == NULL && is_unix && (error = bind_set_access(wish, name->sun_path)) != NULL)
		unlink(name->sun_path);
	if (error == NULL && listen(fd, BACKLOG) != 0)
		error = system_error(wish->address, "cannot listen");
	return error;
}

char *bind_name_access(const struct port_wish *wish)
{
	return g_strdup_printf("%s %s %s", wish->mode != NULL ? wish->mode : "",
	                       wish->owner != NULL ? wish->owner : "",
	                       wish->group != NULL ? wish->group : "");
}

int bind_listen(const struct port_wish *wish, const struct endpoint *endpoint, char **error)
{
	int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*error = fd < 0 ? system_error(wish->address, "cannot make a socket")
	                : bind_socket(fd, wish, endpoint);
	if (*error == NULL)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}
