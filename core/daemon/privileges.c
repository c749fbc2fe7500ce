/* daemon/privileges.c - starting as root: what must be done as root, then no longer being it */
#include "daemon/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rule/program.h"

#define NOBODY 65534
#define ANSWER_MAX (16 * 1024 * 1024)

/* Between the two processes: a byte for the kind, a size, the bytes. */
enum { ASK_FILE = 'f', GIVE_FILE = 'F', GIVE_ERROR = 'E', GIVE_SETTINGS = 'S' };

static bool send_all(int fd, const void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		bytes = (const char *)bytes + sent;
		size -= (size_t)sent;
	}
	return true;
}

static bool receive_all(int fd, void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = recv(fd, bytes, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		bytes = (char *)bytes + got;
		size -= (size_t)got;
	}
	return true;
}

static bool send_message(int fd, char kind, const char *bytes, size_t size)
{
	return send_all(fd, &kind, 1) && send_all(fd, &size, sizeof(size)) && send_all(fd, bytes, size);
}

/* Free with g_free(); NUL-terminated. */
static char *receive_message(int fd, char *kind, size_t *size)
{
	char *bytes;

	if (!receive_all(fd, kind, 1) || !receive_all(fd, size, sizeof(*size)) || *size > ANSWER_MAX)
		return NULL;
	bytes = g_malloc0(*size + 1);
	if (receive_all(fd, bytes, *size))
		return bytes;
	g_free(bytes);
	return NULL;
}

/* -- the child ----------------------------------------------------------- */

static char *ask_parent(void *data, const char *path, size_t *size, char **error)
{
	int fd = GPOINTER_TO_INT(data);
	char kind, *bytes;

	if (!send_message(fd, ASK_FILE, path, strlen(path)) ||
	    (bytes = receive_message(fd, &kind, size)) == NULL)
		return NULL;
	if (kind == GIVE_FILE)
		return bytes;
	*error = bytes;
	return NULL;
}

static void add_text(GString *out, const char *text)
{
	g_string_append(out, text != NULL ? text : "");
	g_string_append_c(out, '\0');
}

static void bare_child(const char *path, int fd)
{
	struct plan *plan = plan_new(NULL);
	g_autoptr(GString) out = g_string_new(NULL);
	struct program *program;

	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(1);
	plan->bare = true;
	plan->read = ask_parent;
	plan->read_data = GINT_TO_POINTER(fd);
	program = program_new(plan);
	program_load(program, path);
	add_text(out, plan->server.user);
	for (guint i = 0; i < plan->listeners->len; i++) {
		const struct plan_listener *listener = plan->listeners->pdata[i];
		g_autofree char *folder = g_path_get_dirname(listener->file);

		add_text(out, listener->address);
		add_text(out, folder);
		add_text(out, listener->mode);
		add_text(out, listener->owner);
		add_text(out, listener->group);
	}
	send_message(fd, GIVE_SETTINGS, out->str, out->len);
	_exit(0);
}

/* -- the parent ---------------------------------------------------------- */

static bool give_file(int fd, const char *path)
{
	g_autoptr(GError) reason = NULL;
	g_autofree char *bytes = NULL;
	gsize size;

	if (g_file_get_contents(path, &bytes, &size, &reason))
		return send_message(fd, GIVE_FILE, bytes, size);
	return send_message(fd, GIVE_ERROR, reason->message, strlen(reason->message));
}

static const char *next_text(const char **at, const char *end)
{
	const char *text = *at;

	*at += strnlen(text, (size_t)(end - text)) + 1;
	return *text != '\0' ? text : NULL;
}

static void read_settings(struct bare_settings *settings, const char *at, size_t size)
{
	const char *end = at + size;

	settings->user = g_strdup(next_text(&at, end));
	while (at < end) {
		struct port_wish *wish = g_new0(struct port_wish, 1);
		const char *address = next_text(&at, end);
		g_autofree char *folder = g_canonicalize_filename(next_text(&at, end), NULL);

		wish->address = g_intern_string(address);
		wish->folder = g_intern_string(folder);
		wish->mode = g_intern_string(next_text(&at, end));
		wish->owner = g_intern_string(next_text(&at, end));
		wish->group = g_intern_string(next_text(&at, end));
		g_ptr_array_add(settings->ports, wish);
	}
}

static bool serve_child(int fd, struct bare_settings *settings)
{
	char *bytes, kind;
	size_t size;
	bool going = true;

	while (going && (bytes = receive_message(fd, &kind, &size)) != NULL) {
		if (kind == GIVE_SETTINGS) {
			read_settings(settings, bytes, size);
			g_free(bytes);
			return true;
		}
		going = kind == ASK_FILE && give_file(fd, bytes);
		g_free(bytes);
	}
	return false;
}

bool privileges_read_settings(const char *path, struct bare_settings *settings, char **error)
{
	int pair[2], status;
	pid_t child;
	bool done;

	*settings = (struct bare_settings){ .ports = g_ptr_array_new_with_free_func(g_free) };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (child = fork()) < 0) {
		*error = g_strdup_printf("cannot read the settings as another user: %s", g_strerror(errno));
		return false;
	}
	if (child == 0) {
		close(pair[0]);
		bare_child(path, pair[1]);
	}
	close(pair[1]);
	done = serve_child(pair[0], settings);
	close(pair[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!done)
		*error = g_strdup_printf(
		        "%s: cannot be read as another user (the child ended with status %d)", path, status);
	return done;
}

void privileges_clear(struct bare_settings *settings)
{
	g_free(settings->user);
	g_ptr_array_unref(settings->ports);
}

bool privileges_is_user(const char *user, char **error)
{
	if (getpwnam(user) != NULL)
		return true;
	*error = g_strdup_printf("server: user: no user '%s'", user);
	return false;
}

bool privileges_drop(const char *user, char **error)
{
	const struct passwd *entry = getpwnam(user);
	uid_t uid;
	gid_t gid;

	if (entry == NULL) {
		*error = g_strdup_printf("server: user: no user '%s'", user);
		return false;
	}
	uid = entry->pw_uid;
	gid = entry->pw_gid;
	if (initgroups(user, gid) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 &&
	    (uid == 0 || setuid(0) != 0))
		return true;
	*error = g_strdup_printf("cannot become user '%s': %s", user, g_strerror(errno));
	return false;
}

bool privileges_make_folder(const char *folder, const char *user, char **error)
{
	const struct passwd *entry = getpwnam(user);

	if (g_file_test(folder, G_FILE_TEST_IS_DIR))
		return true;
	if (entry != NULL && g_mkdir_with_parents(folder, 0750) == 0 &&
	    chown(folder, entry->pw_uid, entry->pw_gid) == 0)
		return true;
	*error = g_strdup_printf("%s: %s", folder, entry == NULL ? "no such user" : g_strerror(errno));
	return false;
}
