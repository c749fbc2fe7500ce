/* daemon/ports.c - listening sockets: opened, taken from systemd, accepting in the main thread */
#include "daemon/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/address.h"

#define BACKLOG 4096
#define PAUSE_MS 100      /* without descriptors: how long not to accept */
#define ACCEPTS_A_TURN 64 /* so that signals and control get their turn */

struct port {
	struct desk_port shared; /* first */
	int fd;
	bool from_systemd, served;
	guint source;
	struct ports *ports;
	const struct plan_listener *listener;
	char *access;     /* mode, owner and group as last set */
	char *path;       /* of a unix socket of ours ... */
	struct stat file; /* ... so that only that one is removed */
};

struct ports {
	GPtrArray *ports; /* of struct port */
	GPtrArray *gone;  /* ports closed; connections may point to them */
	struct desk **desks;
	unsigned desk_count;
	guint pause;
	bool said_full;
};

struct ports *ports_new(void)
{
	struct ports *ports = g_new0(struct ports, 1);

	ports->ports = g_ptr_array_new();
	ports->gone = g_ptr_array_new_with_free_func(g_free);
	return ports;
}

static void remove_file(const struct port *port)
{
	struct stat now;

	if (port->path != NULL && lstat(port->path, &now) == 0 && now.st_ino == port->file.st_ino &&
	    now.st_dev == port->file.st_dev)
		unlink(port->path);
}

static void stop_port(struct port *port)
{
	if (port->source != 0)
		g_source_remove(port->source);
	port->source = 0;
}

static void close_port(struct ports *ports, struct port *port)
{
	stop_port(port);
	if (!port->from_systemd)
		remove_file(port);
	g_clear_pointer(&port->path, g_free);
	g_clear_pointer(&port->access, g_free);
	close(port->fd);
	g_ptr_array_remove(ports->ports, port);
	g_ptr_array_add(ports->gone, port);
}

void ports_free(struct ports *ports)
{
	if (ports == NULL)
		return;
	while (ports->ports->len > 0)
		close_port(ports, ports->ports->pdata[0]);
	if (ports->pause != 0)
		g_source_remove(ports->pause);
	g_ptr_array_unref(ports->ports);
	g_ptr_array_unref(ports->gone);
	g_free(ports);
}

static struct port *add_port(struct ports *ports, const char *address, int fd)
{
	struct port *port = g_new0(struct port, 1);

	port->shared.address = g_intern_string(address);
	port->fd = fd;
	port->ports = ports;
	g_ptr_array_add(ports->ports, port);
	return port;
}

/* -- sockets of systemd (sd_listen_fds(3)) ------------------------------- */

void ports_adopt(struct ports *ports)
{
	const char *pid = g_getenv("LISTEN_PID"), *count = g_getenv("LISTEN_FDS");
	int fds = count != NULL ? atoi(count) : 0;

	if (pid == NULL || atol(pid) != (long)getpid())
		return;
	for (int fd = 3; fd < 3 + fds; fd++) {
		struct sockaddr_storage address = { 0 };
		socklen_t size = sizeof(address);
		char text[160];

		if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
			pp_log(PP_LOG_WARNING, "descriptor %d from systemd is no socket; ignoring it", fd);
			continue;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		g_unix_set_fd_nonblocking(fd, TRUE, NULL);
		add_port(ports, endpoint_print((struct sockaddr *)&address, text), fd)->from_systemd = true;
	}
	g_unsetenv("LISTEN_PID");
	g_unsetenv("LISTEN_FDS");
	g_unsetenv("LISTEN_FDNAMES");
}

unsigned ports_unused(const struct ports *ports)
{
	unsigned unused = 0;

	for (guint i = 0; i < ports->ports->len; i++)
		unused += !((struct port *)ports->ports->pdata[i])->served;
	return unused;
}

/* -- opening ------------------------------------------------------------- */

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

static char *set_file(const struct port_wish *wish, const char *path)
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
	if (error == NULL && is_unix)
		error = set_file(wish, name->sun_path);
	if (error == NULL && listen(fd, BACKLOG) != 0)
		error = system_error(wish->address, "cannot listen");
	return error;
}

static struct port *find(struct ports *ports, const char *address, const char *bound)
{
	for (guint i = 0; i < ports->ports->len; i++) {
		struct port *port = ports->ports->pdata[i];

		if (strcmp(port->shared.address, address) == 0 || strcmp(port->shared.address, bound) == 0)
			return port;
	}
	return NULL;
}

static char *name_access(const struct port_wish *wish)
{
	return g_strdup_printf("%s %s %s", wish->mode != NULL ? wish->mode : "",
	                       wish->owner != NULL ? wish->owner : "",
	                       wish->group != NULL ? wish->group : "");
}

/* Only what changed, since a port bound as root cannot be given away later. */
static char *change_access(struct port *port, const struct port_wish *wish)
{
	g_autofree char *wanted = name_access(wish);
	char *error;

	if (strcmp(wanted, port->access) == 0)
		return NULL;
	error = set_file(wish, port->path);
	if (error == NULL) {
		g_free(port->access);
		port->access = g_steal_pointer(&wanted);
	}
	return error;
}

bool ports_open(struct ports *ports, const struct port_wish *wish, char **error)
{
	struct endpoint endpoint;
	const char *wanted;
	struct port *port;
	char bound[160];
	int fd;

	if (!endpoint_parse(wish->address, wish->folder, &endpoint, &wanted)) {
		*error = g_strdup_printf("%s: %s", wish->address, wanted);
		return false;
	}
	port = find(ports, wish->address, endpoint_print((struct sockaddr *)&endpoint.address, bound));
	if (port != NULL) {
		port->shared.address = wish->address;
		*error = port->path != NULL ? change_access(port, wish) : NULL;
		return *error == NULL;
	}
	fd = socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*error = fd < 0 ? system_error(wish->address, "cannot make a socket")
	                : bind_socket(fd, wish, &endpoint);
	if (*error != NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	port = add_port(ports, wish->address, fd);
	port->access = name_access(wish);
	if (endpoint.address.ss_family == AF_UNIX) {
		port->path = g_strdup(((struct sockaddr_un *)&endpoint.address)->sun_path);
		lstat(port->path, &port->file);
	}
	return true;
}

/* -- accepting ----------------------------------------------------------- */

static gboolean accept_some(gint fd, GIOCondition condition, gpointer data);

static void start_port(struct port *port)
{
	if (port->source == 0)
		port->source = g_unix_fd_add(port->fd, G_IO_IN, accept_some, port);
}

static gboolean end_pause(gpointer data)
{
	struct ports *ports = data;

	ports->pause = 0;
	for (guint i = 0; i < ports->ports->len; i++) {
		struct port *port = ports->ports->pdata[i];

		if (port->served)
			start_port(port);
	}
	return G_SOURCE_REMOVE;
}

/* Out of descriptors: no accepting for a while, rather than a busy loop. */
static void pause_all(struct ports *ports)
{
	if (!ports->said_full)
		pp_log(PP_LOG_WARNING, "out of file descriptors; accepting is paused until some are free");
	ports->said_full = true;
	for (guint i = 0; i < ports->ports->len; i++)
		stop_port(ports->ports->pdata[i]);
	if (ports->pause == 0)
		ports->pause = g_timeout_add(PAUSE_MS, end_pause, ports);
}

static bool is_allowed(const struct plan_listener *listener, const pp_address_t *address)
{
	static const pp_address_t v6_loopback = { .family = 6, .bytes = { [15] = 1 } };

	if (address->family == 0)
		return true;
	if (listener->allow != NULL)
		return pp_networks_find(listener->allow, address, NULL);
	return address->family == 4 ? address->bytes[0] == 127
	                            : memcmp(address->bytes, v6_loopback.bytes, sizeof(address->bytes)) == 0;
}

static void name_peer(int fd, const struct sockaddr_storage *address, char text[160])
{
	pp_address_t ip = address_of_sockaddr((const struct sockaddr *)address);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (ip.family != 0)
		pp_address_print(&ip, -1, text);
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		g_snprintf(text, 160, "uid=%u pid=%d", (unsigned)peer.uid, (int)peer.pid);
	else
		strcpy(text, "unix");
}

static struct desk *least_loaded(struct ports *ports)
{
	struct desk *best = ports->desks[0];

	for (unsigned i = 1; i < ports->desk_count; i++)
		if (g_atomic_int_get(&ports->desks[i]->load) < g_atomic_int_get(&best->load))
			best = ports->desks[i];
	return best;
}

static void welcome(struct port *port, int fd, const struct sockaddr_storage *address)
{
	pp_address_t ip = address_of_sockaddr((const struct sockaddr *)address);
	char peer[160];
	int on = 1;
	bool overload;

	name_peer(fd, address, peer);
	if (!is_allowed(port->listener, &ip)) {
		pp_log(PP_LOG_WARNING, "%s: %s is not in allow; connection closed", port->shared.address,
		       peer);
		close(fd);
		return;
	}
	if (ip.family != 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	overload = g_atomic_int_add(&port->shared.connections, 1) >= port->listener->max_connections;
	desk_give_connection(least_loaded(port->ports), fd, &port->shared, peer, overload);
}

static gboolean accept_some(gint listening, GIOCondition condition, gpointer data)
{
	struct port *port = data;

	(void)condition;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t size = sizeof(address);
		int fd = accept4(listening, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			port->ports->said_full = false;
			welcome(port, fd, &address);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			port->source = 0;
			pause_all(port->ports);
			return G_SOURCE_REMOVE;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			break;
		}
	}
	return G_SOURCE_CONTINUE;
}

void ports_serve(struct ports *ports, const struct world *world, struct desk **desks, unsigned count)
{
	unsigned index;

	ports->desks = desks;
	ports->desk_count = count;
	for (guint i = 0; i < ports->ports->len; i++) {
		struct port *port = ports->ports->pdata[i];
		const struct plan_listener *listener = world_listener(world, port->shared.address, &index);

		port->listener = listener;
		port->served = listener != NULL;
		if (listener != NULL) {
			start_port(port);
		} else if (!port->from_systemd) {
			close_port(ports, port);
			i--;
		} else {
			stop_port(port);
		}
	}
}

void ports_close_unserved(struct ports *ports)
{
	for (guint i = 0; i < ports->ports->len; i++) {
		struct port *port = ports->ports->pdata[i];

		if (!port->served && !port->from_systemd) {
			close_port(ports, port);
			i--;
		}
	}
}

void ports_stop(struct ports *ports)
{
	for (guint i = 0; i < ports->ports->len; i++) {
		struct port *port = ports->ports->pdata[i];

		stop_port(port);
		port->served = false;
	}
}

void ports_each(struct ports *ports, void (*visit)(const struct desk_port *port, void *data), void *data)
{
	for (guint i = 0; i < ports->ports->len; i++)
		visit(&((struct port *)ports->ports->pdata[i])->shared, data);
}
