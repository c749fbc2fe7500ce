/* daemon/control.c - the control socket, which ppolicyctl talks to */
#include "daemon/control.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/text.h"
#include "daemon/control_call.h"
#include "service/endpoint.h"

#define BACKLOG 16
#define FOLDER_MODE 0750
#define SOCKET_MODE 0600
#define PATIENCE 5000 /* ms for a request, and for each megabyte of a reply */
#define PAUSE_MS 100  /* without descriptors: how long not to accept */

struct client {
	struct control *control;
	struct ucred peer;
	int fd;    /* -1: it was served */
	bool used; /* it has a thread, which may have ended */
	pthread_t thread;
};

/* A function that a client's thread waits for. */
struct errand {
	struct control_call *call;
	void (*function)(struct control_call *call, void *data);
	void *data;
	bool done;
};

/* Commands that wait, as for a database, leave a place for those that never do. */
#define SLOW_MAX (CONTROL_CLIENTS - 1)

struct control {
	struct server *server;
	char *path;
	struct stat file; /* so that only our own socket is removed */
	int fd;
	guint source, pause;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct client clients[CONTROL_CLIENTS];
	unsigned slow; /* commands being carried out that may take long */
	GQueue errands;
	guint idle; /* the source that runs errands, 0 = none */
	bool closing;
};

/* -- errands for the main thread ----------------------------------------- */

static gboolean run_errands(gpointer data)
{
	struct control *control = data;
	struct errand *errand;

	pthread_mutex_lock(&control->lock);
	while ((errand = g_queue_pop_head(&control->errands)) != NULL) {
		pthread_mutex_unlock(&control->lock);
		errand->function(errand->call, errand->data);
		pthread_mutex_lock(&control->lock);
		errand->done = true;
		pthread_cond_broadcast(&control->changed);
	}
	control->idle = 0;
	pthread_mutex_unlock(&control->lock);
	return G_SOURCE_REMOVE;
}

bool control_in_main(struct control_call *call, void (*function)(struct control_call *call, void *data),
                     void *data)
{
	struct control *control = call->control;
	struct errand errand = { .call = call, .function = function, .data = data };

	pthread_mutex_lock(&control->lock);
	if (!control->closing) {
		g_queue_push_tail(&control->errands, &errand);
		if (control->idle == 0)
			control->idle = g_idle_add_full(G_PRIORITY_DEFAULT, run_errands, control, NULL);
	}
	while (!errand.done && !control->closing)
		pthread_cond_wait(&control->changed, &control->lock);
	pthread_mutex_unlock(&control->lock);
	if (!errand.done)
		control_fail(call, COMMAND_UNREACHABLE, "the server is ending");
	return errand.done;
}

/* -- a client ------------------------------------------------------------ */

/* Waits for an event until a moment of pp_now(). False: the time is over. */
static bool wait_for(int fd, short events, pp_msec_t until)
{
	struct pollfd wish = { .fd = fd, .events = events };
	int found;

	do
		found = poll(&wish, 1, (int)MAX(until - pp_now(), 0));
	while (found < 0 && errno == EINTR);
	return found > 0;
}

/* Reads up to a newline or the end. False: too long, or too late. */
static bool read_line(int fd, GString *line)
{
	pp_msec_t until = pp_now() + PATIENCE;
	char bytes[4096];

	while (line->len <= CALL_REQUEST_MAX) {
		ssize_t got;

		if (!wait_for(fd, POLLIN, until))
			return false;
		got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return true;
		g_string_append_len(line, bytes, got);
		if (memchr(bytes, '\n', (size_t)got) != NULL)
			return line->len <= CALL_REQUEST_MAX;
	}
	return false;
}

static void send_reply(int fd, const GString *reply)
{
	pp_msec_t until = pp_now() + PATIENCE * (1 + (pp_msec_t)(reply->len >> 20));
	size_t sent = 0;

	while (sent < reply->len && wait_for(fd, POLLOUT, until)) {
		ssize_t done = send(fd, reply->str + sent, reply->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return;
		sent += (size_t)MAX(done, 0);
	}
}

/* Who has closed its end waits no longer; that it sends no more means nothing. */
static bool is_gone(int fd)
{
	struct pollfd wish = { .fd = fd };

	return poll(&wish, 1, 0) > 0 && (wish.revents & (POLLHUP | POLLERR)) != 0;
}

bool control_progress(struct control_call *call)
{
	struct control *control = call->control;
	bool closing;

	pthread_mutex_lock(&control->lock);
	closing = control->closing;
	pthread_mutex_unlock(&control->lock);
	if (closing || is_gone(call->fd))
		return false;
	send_reply(call->fd, call->reply);
	g_string_truncate(call->reply, 0);
	return true;
}

const char *control_user(const struct control_call *call, char name[64])
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwuid_r(call->peer->uid, &entry, buffer, sizeof(buffer), &found) == 0 && found != NULL)
		text_escape(name, 64, entry.pw_name, strlen(entry.pw_name), false);
	else
		g_snprintf(name, 64, "uid%u", (unsigned)call->peer->uid);
	return name;
}

void control_log(const struct control_call *call)
{
	const struct ucred *peer = call->peer;
	g_autofree char *words = g_strjoinv(" ", call->all);
	char shown[200], name[64];

	text_escape(shown, sizeof(shown), words, strlen(words), true);
	pp_log(PP_LOG_NOTICE, "control: %s, told by %s (uid %u, pid %d)", shown, control_user(call, name),
	       (unsigned)peer->uid, (int)peer->pid);
}

/* What never waits for a database or a rule: there is always a place for it. */
static bool is_quick(const struct command *command)
{
	return command->id == COMMAND_status || command->id == COMMAND_reload;
}

static bool begin_slow(struct control *control)
{
	bool may;

	pthread_mutex_lock(&control->lock);
	may = control->slow < SLOW_MAX;
	control->slow += may;
	pthread_mutex_unlock(&control->lock);
	return may;
}

static void end_slow(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control->slow--;
	pthread_mutex_unlock(&control->lock);
}

static void carry_out(struct control_call *call)
{
	static void (*const functions[])(struct control_call * call) = {
#define COMMAND_ENTRY(id, name, synopsis, admin, help) [COMMAND_##id] = control_##id,
		COMMAND_TABLE(COMMAND_ENTRY)
#undef COMMAND_ENTRY
	};

	if (!is_quick(call->command) && !begin_slow(call->control)) {
		control_fail(call, COMMAND_NO,
		             "%d other commands are being carried out, which take long; try again", SLOW_MAX);
		return;
	}
	if (call->command->admin)
		control_log(call);
	functions[call->command->id](call);
	if (!is_quick(call->command))
		end_slow(call->control);
}

static void serve(struct client *client)
{
	struct control_call call = { .server = client->control->server,
		                     .control = client->control,
		                     .peer = &client->peer,
		                     .fd = client->fd };
	g_autoptr(GString) line = g_string_new(NULL);

	call.reply = g_string_new(NULL);
	if (!read_line(client->fd, line))
		control_fail(&call, COMMAND_USAGE, "no whole request of at most %d bytes within %d s",
		             CALL_REQUEST_MAX, PATIENCE / 1000);
	else if (line->len > 0 && control_call_read(&call, line->str, line->len))
		carry_out(&call);
	control_call_end(&call);
	send_reply(client->fd, call.reply);
	control_call_clear(&call);
}

static void *client_main(void *data)
{
	struct client *client = data;
	struct control *control = client->control;

	serve(client);
	pthread_mutex_lock(&control->lock);
	close(client->fd);
	client->fd = -1;
	pthread_mutex_unlock(&control->lock);
	return NULL;
}

/* -- accepting ----------------------------------------------------------- */

/* Tells why, without waiting: the socket is empty yet. */
static void turn_away(int fd, const char *why)
{
	struct control_call call = { .reply = g_string_new(NULL) };

	control_fail(&call, COMMAND_UNREACHABLE, "%s", why);
	control_call_end(&call);
	if (send(fd, call.reply->str, call.reply->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		pp_log(PP_LOG_DEBUG, "control: a client that is turned away is gone");
	control_call_clear(&call);
	close(fd);
}

/* A place without a client; NULL: all are taken. */
static struct client *free_place(struct control *control)
{
	struct client *place = NULL;

	pthread_mutex_lock(&control->lock);
	for (unsigned i = 0; i < CONTROL_CLIENTS && place == NULL; i++)
		if (control->clients[i].fd < 0)
			place = &control->clients[i];
	pthread_mutex_unlock(&control->lock);
	if (place != NULL && place->used)
		pthread_join(place->thread, NULL);
	return place;
}

static void welcome(struct control *control, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	struct client *client;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		pp_log(PP_LOG_WARNING, "control: uid %u is not served", (unsigned)peer.uid);
		turn_away(fd, "only root and the server's own user are served");
		return;
	}
	client = free_place(control);
	if (client == NULL) {
		turn_away(fd, "as many clients as may be are served already; try again");
		return;
	}
	*client = (struct client){ .control = control, .peer = peer, .fd = fd, .used = true };
	client->thread = loop_spawn("control", client_main, client);
}

static gboolean accept_some(gint fd, GIOCondition condition, gpointer data);

static gboolean end_pause(gpointer data)
{
	struct control *control = data;

	control->pause = 0;
	control->source = g_unix_fd_add(control->fd, G_IO_IN, accept_some, control);
	return G_SOURCE_REMOVE;
}

static gboolean accept_some(gint listening, GIOCondition condition, gpointer data)
{
	struct control *control = data;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	(void)condition;
	if (fd >= 0) {
		welcome(control, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* Out of descriptors: rather a pause than a busy loop. */
		control->source = 0;
		control->pause = g_timeout_add(PAUSE_MS, end_pause, control);
		return G_SOURCE_REMOVE;
	}
	return G_SOURCE_CONTINUE;
}

/* -- opening and closing ------------------------------------------------- */

/* Removes a socket that nobody listens on any longer. NULL: the way is free. */
static char *make_way(const char *path, const struct endpoint *endpoint)
{
	struct stat st;
	bool alive;
	int fd;

	if (lstat(path, &st) != 0)
		return NULL;
	if (!S_ISSOCK(st.st_mode))
		return g_strdup_printf("%s: a file that is no socket stands there", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	alive = fd >= 0 && (connect(fd, (const struct sockaddr *)&endpoint->address, endpoint->size) == 0 ||
	                    errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	if (alive)
		return g_strdup_printf("%s: another server listens there", path);
	return unlink(path) == 0 ? NULL
	                         : g_strdup_printf("%s: cannot be replaced: %s", path, g_strerror(errno));
}

/* The mode is set before there is a name: nobody gets in between. NULL: done. */
static char *bind_socket(int fd, const char *path)
{
	g_autofree char *address = g_strconcat("unix:", path, NULL);
	g_autofree char *folder = g_path_get_dirname(path);
	struct endpoint endpoint;
	const char *wanted;
	char *error;

	if (!endpoint_parse(address, ".", &endpoint, &wanted))
		return g_strdup_printf("%s: %s", path, wanted);
	if (g_mkdir_with_parents(folder, FOLDER_MODE) != 0)
		return g_strdup_printf("%s: %s", folder, g_strerror(errno));
	error = make_way(path, &endpoint);
	if (error != NULL)
		return error;
	if (fchmod(fd, SOCKET_MODE) != 0 ||
	    bind(fd, (struct sockaddr *)&endpoint.address, endpoint.size) != 0 || listen(fd, BACKLOG) != 0)
		return g_strdup_printf("%s: %s", path, g_strerror(errno));
	return NULL;
}

struct control *control_open(struct server *server, const char *path, char **error)
{
	struct control *control;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*error = fd >= 0 ? bind_socket(fd, path) : g_strdup(g_strerror(errno));
	if (*error != NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	json_object_seed(0); /* before several threads make objects */
	control = g_new0(struct control, 1);
	control->server = server;
	control->fd = fd;
	control->path = g_strdup(path);
	lstat(path, &control->file);
	pthread_mutex_init(&control->lock, NULL);
	pthread_cond_init(&control->changed, NULL);
	g_queue_init(&control->errands);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	control->source = g_unix_fd_add(fd, G_IO_IN, accept_some, control);
	return control;
}

void control_unlink(struct control *control)
{
	struct stat now;

	if (control != NULL && lstat(control->path, &now) == 0 && now.st_ino == control->file.st_ino &&
	    now.st_dev == control->file.st_dev)
		unlink(control->path);
}

static void stop_accepting(struct control *control)
{
	if (control->source != 0)
		g_source_remove(control->source);
	if (control->pause != 0)
		g_source_remove(control->pause);
	close(control->fd);
	control_unlink(control);
}

void control_close(struct control *control)
{
	if (control == NULL)
		return;
	stop_accepting(control);
	pthread_mutex_lock(&control->lock);
	control->closing = true;
	g_queue_clear(&control->errands);
	if (control->idle != 0)
		g_source_remove(control->idle);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			shutdown(control->clients[i].fd, SHUT_RD);
	pthread_cond_broadcast(&control->changed);
	pthread_mutex_unlock(&control->lock);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].used)
			pthread_join(control->clients[i].thread, NULL);
	pthread_mutex_destroy(&control->lock);
	pthread_cond_destroy(&control->changed);
	g_free(control->path);
	g_free(control);
}
