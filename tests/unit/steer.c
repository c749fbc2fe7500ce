/* unit/steer.c - a server in this process, and commands given to it through its control socket */
#include "steer.h"

#include <glib/gstdio.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "daemon/control.h"

static char *folder, *rules;
static GThread *thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
char *steer_socket;
struct server *steer_server;

/* -- the server ---------------------------------------------------------- */

void steer_write(const char *text)
{
	g_assert_true(g_file_set_contents(rules, text, -1, NULL));
}

static void *run_server(void *unused)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	const struct server_options options = { .config = rules, .state = folder, .ports = ports_new() };
	struct server *made;
	int status;

	(void)unused;
	made = server_start(&options, errors, &status);
	for (guint i = 0; i < errors->len; i++)
		g_test_message("%s", (const char *)errors->pdata[i]);
	g_assert_nonnull(made);
	pthread_mutex_lock(&lock);
	steer_server = made;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	g_assert_cmpint(server_run(made), ==, 0);
	return NULL;
}

void steer_begin(const char *text)
{
	folder = g_dir_make_tmp("ppolicyd-control.XXXXXX", NULL);
	rules = g_build_filename(folder, "rules.lua", NULL);
	steer_socket = g_build_filename(folder, "control.sock", NULL);
	steer_write(text);
	thread = g_thread_new("server", run_server, NULL);
	pthread_mutex_lock(&lock);
	while (steer_server == NULL)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

const char *steer_folder(void)
{
	return folder;
}

void steer_end(void)
{
	kill(getpid(), SIGTERM);
	g_thread_join(thread);
	g_assert_false(g_file_test(steer_socket, G_FILE_TEST_EXISTS));
	g_remove(rules);
	g_rmdir(folder);
	g_free(folder);
	g_free(rules);
	g_free(steer_socket);
}

/* -- a client ------------------------------------------------------------ */

int steer_connect(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(name.sun_path, steer_socket, sizeof(name.sun_path));
	g_assert_cmpint(connect(fd, (struct sockaddr *)&name, sizeof(name)), ==, 0);
	return fd;
}

char *steer_reply(int fd)
{
	GString *reply = g_string_new(NULL);
	char bytes[4096];
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		g_string_append_len(reply, bytes, got);
	close(fd);
	return g_string_free(reply, FALSE);
}

char *steer_exchange(const char *bytes, size_t size)
{
	int fd = steer_connect();

	if (send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size)
		shutdown(fd, SHUT_WR);
	return steer_reply(fd);
}

char *steer_tell(const char *words, bool json)
{
	g_auto(GStrv) parts = g_strsplit(words, " ", -1);
	json_t *list = json_array(), *request;
	char *text, *reply;

	for (char **part = parts; *part != NULL; part++)
		json_array_append_new(list, json_string(*part));
	request = json_pack("{s:o, s:b}", "command", list, "json", (int)json);
	text = json_dumps(request, 0);
	reply = steer_exchange(text, strlen(text));
	json_decref(request);
	free(text);
	return reply;
}

void steer_assert_has(const char *reply, const char *part)
{
	if (strstr(reply, part) == NULL)
		g_error("no '%s' in: %s", part, reply);
}

void steer_expect(const char *words, const char *part)
{
	g_autofree char *reply = steer_tell(words, false);

	steer_assert_has(reply, part);
}
