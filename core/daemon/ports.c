/* daemon/ports.c - listening sockets: opened, taken from systemd, accepting in the main thread */
#include "daemon/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/address.h"

#define PAUSE_MS 100      /* without descriptors: how long not to accept */
#define ACCEPTS_A_TURN 64 /* so that signals and control get their turn */

struct port {
	struct desk_port shared; /* first */
	int fd;
	bool from_systemd, served;
	guint source;
	struct ports *ports;
	const struct plan_listener *listener;
	char *bound;              /* the address as endpoint_print() writes it */
	struct port_wish *wanted; /* by ports_open(), until ports_serve(); strings interned */
	char *access;             /* mode, owner and group as last set */
	char *path;               /* of a unix socket of ours ... */
	struct stat file;         /* ... so that only that one is removed */
	struct log_limit refused; /* lines about those who may not connect */
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
	g_clear_pointer(&port->bound, g_free);
	g_clear_pointer(&port->wanted, g_free);
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

static struct port *add_port(struct ports *ports, const char *address, const char *bound, int fd)
{
	struct port *port = g_new0(struct port, 1);

	port->shared.address = g_intern_string(address);
	port->bound = g_strdup(bound);
	port->fd = fd;
	port->ports = ports;
	g_ptr_array_add(ports->ports, port);
	return port;
}

/* -- sockets of systemd (sd_listen_fds(3)) ------------------------------- */

static bool is_listening(int fd)
{
	int type = 0, listening = 0;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

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

		if (!is_listening(fd) || getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
			pp_log(PP_LOG_WARNING,
			       "descriptor %d from systemd is no listening stream socket; ignoring it", fd);
			continue;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		g_unix_set_fd_nonblocking(fd, TRUE, NULL);
		endpoint_print((struct sockaddr *)&address, text);
		add_port(ports, text, text, fd)->from_systemd = true;
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

static struct port *find(struct ports *ports, const char *bound)
{
	for (guint i = 0; i < ports->ports->len; i++) {
		struct port *port = ports->ports->pdata[i];

		if (strcmp(port->bound, bound) == 0)
			return port;
	}
	return NULL;
}

/* Only what changed, since a port bound as root cannot be given away later. */
static char *change_access(struct port *port, const struct port_wish *wish)
{
	g_autofree char *wanted = bind_name_access(wish);
	char *error;

	if (strcmp(wanted, port->access) == 0)
		return NULL;
	error = bind_set_access(wish, port->path);
	if (error == NULL) {
		g_free(port->access);
		port->access = g_steal_pointer(&wanted);
	}
	return error;
}

/* Nothing of a port in use changes before the configuration is accepted. */
static void want(struct port *port, const struct port_wish *wish)
{
	g_free(port->wanted);
	port->wanted = g_new0(struct port_wish, 1);
	port->wanted->address = wish->address;
	port->wanted->mode = g_intern_string(wish->mode);
	port->wanted->owner = g_intern_string(wish->owner);
	port->wanted->group = g_intern_string(wish->group);
}

static void fulfill(struct port *port)
{
	g_autofree struct port_wish *wish = g_steal_pointer(&port->wanted);
	g_autofree char *error = NULL;

	if (wish == NULL)
		return;
	if (g_atomic_pointer_get(&port->shared.address) != wish->address)
		g_atomic_pointer_set(&port->shared.address, wish->address);
	if (port->path != NULL && (error = change_access(port, wish)) != NULL)
		pp_log(PP_LOG_WARNING, "%s; ignoring it until a restart", error);
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
	port = find(ports, endpoint_print((struct sockaddr *)&endpoint.address, bound));
	if (port != NULL) {
		want(port, wish);
		return true;
	}
	fd = bind_listen(wish, &endpoint, error);
	if (fd < 0)
		return false;
	port = add_port(ports, wish->address, bound, fd);
	port->access = bind_name_access(wish);
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

/* Behind a proxy allow is about whom its header names (desk.c). */
static bool is_allowed(const struct plan_listener *listener, const pp_address_t *address)
{
	static const pp_address_t v6_loopback = { .family = 6, .bytes = { [15] = 1 } };

	if (listener->proxy.given)
		return address->family == 0 ? listener->proxy.has_unix
		                            : pp_networks_find(listener->proxy.networks, address, NULL);
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

/* sin_port stands where sin6_port does. */
static uint16_t port_of(const struct sockaddr_storage *address)
{
	bool is_ip = address->ss_family == AF_INET || address->ss_family == AF_INET6;

	return is_ip ? ntohs(((const struct sockaddr_in *)address)->sin_port) : 0;
}

static struct desk *least_loaded(struct ports *ports)
{
	struct desk *best = ports->desks[0];

	for (unsigned i = 1; i < ports->desk_count; i++)
		if (g_atomic_int_get(&ports->desks[i]->load) < g_atomic_int_get(&best->load))
			best = ports->desks[i];
	return best;
}

/* Nothing of it has been read. */
static void refuse(struct port *port, int fd, const char *peer)
{
	const char *where = port->listener->proxy.given ? "the networks of proxy" : "allow";
	char more[LOG_LIMIT_TEXT];

	close(fd);
	if (log_limit_pass(&port->refused, more))
		pp_log(PP_LOG_WARNING, "%s: %s is not in %s; connection closed%s", port->shared.address, peer,
		       where, more);
}

static void welcome(struct port *port, int fd, const struct sockaddr_storage *address)
{
	pp_address_t ip = address_of_sockaddr((const struct sockaddr *)address);
	char peer[160];
	struct desk_guest guest;
	int on = 1;
	bool overload;

	name_peer(fd, address, peer);
	if (!is_allowed(port->listener, &ip)) {
		refuse(port, fd, peer);
		return;
	}
	if (ip.family != 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	overload = g_atomic_int_add(&port->shared.connections, 1) >= port->listener->max_connections;
	/* Those over the limit are answered, but they are not to become as many again. */
	if (overload &&
	    g_atomic_int_get(&port->shared.connections) > 2 * port->listener->max_connections + 16) {
		g_atomic_int_add(&port->shared.connections, -1);
		close(fd);
		return;
	}
	guest = (struct desk_guest){ .fd = fd,
		                     .port = &port->shared,
		                     .peer = peer,
		                     .peer_port = port_of(address),
		                     .overload = overload,
		                     .header_timeout = port->listener->proxy.timeout };
	desk_give_connection(least_loaded(port->ports), &guest);
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
		const struct plan_listener *listener;

		fulfill(port);
		listener = world_listener(world, port->shared.address, &index);
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

		g_clear_pointer(&port->wanted, g_free);
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
