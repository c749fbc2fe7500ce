/* unit/test_syslog.c - the log's way to syslog */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"

static void append_line(struct log_buffer *buffer, int number, size_t length)
{
	char *line = log_buffer_reserve(buffer, length);

	memset(line, 'a' + number % 26, length - 1);
	line[length - 1] = '\n';
	buffer->length += length;
}

static int syslog_bind(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(server, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return server;
}

static char *receive(int server)
{
	char text[8192];
	ssize_t length = recv(server, text, sizeof(text) - 1, 0);

	if (length < 0)
		return g_strdup("nothing");
	text[length] = '\0';
	return g_strdup(text);
}

static void assert_receives(int server, int priority, const char *text)
{
	g_autofree char *want = g_strdup_printf("<%d>ppolicyd[%d]: %s", priority, (int)getpid(), text);
	g_autofree char *got = receive(server);

	g_assert_cmpstr(got, ==, want);
}

static const struct log_settings standard = { .to = "stderr" };

/* Appends all that is there. */
static void drain(int reader, GString *text)
{
	char buffer[4096];
	ssize_t length;

	while ((length = read(reader, buffer, sizeof(buffer))) > 0)
		g_string_append_len(text, buffer, length);
}

static void test_syslog(void)
{
	g_autofree char *folder = g_dir_make_tmp("log-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "log", NULL);
	const struct log_settings settings = { .to = "syslog", .level = "debug", .socket = path };
	g_autoptr(GString) got = g_string_new(NULL);
	g_autofree char *want = g_strdup_printf(
	        "warning: %s: No such file or directory, lines go to standard "
	        "error, trying again\none\ntwo\n",
	        path);
	struct log_buffer buffer = { 0 };
	int server, saved = dup(STDERR_FILENO), ends[2];
	gint64 start;

	/* Nobody there: standard error, one complaint. */
	g_assert_cmpint(pipe(ends), ==, 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_open(&settings);
	pp_log(PP_LOG_INFO, "one");
	pp_log(PP_LOG_INFO, "two");
	drain(ends[0], got);
	g_assert_cmpstr(got->str, ==, want);

	/* There: each line a datagram with its severity, facility mail. */
	server = syslog_bind(path);
	start = g_get_monotonic_time();
	log_open(&settings);
	pp_log(PP_LOG_ERROR, "a");
	pp_log(PP_LOG_WARNING, "b");
	pp_log(PP_LOG_NOTICE, "c");
	pp_log(PP_LOG_INFO, "d\ne");
	pp_log(PP_LOG_DEBUG, "f");
	assert_receives(server, 19, "error: a");
	assert_receives(server, 20, "warning: b");
	assert_receives(server, 21, "c");
	assert_receives(server, 22, "d e");
	assert_receives(server, 23, "f");
	for (int i = 0; i < 3; i++)
		append_line(&buffer, i, 5);
	log_buffer_flush(&buffer);
	assert_receives(server, 22, "aaaa");
	assert_receives(server, 22, "bbbb");
	assert_receives(server, 22, "cccc");

	/* Gone, and back: not tried more than once a second. */
	close(server);
	g_unlink(path);
	g_string_truncate(got, 0);
	pp_log(PP_LOG_INFO, "three");
	drain(ends[0], got);
	g_assert_nonnull(strstr(got->str, "three\n"));
	server = syslog_bind(path);
	pp_log(PP_LOG_INFO, "four");
	drain(ends[0], got);
	if (g_get_monotonic_time() - start < G_USEC_PER_SEC)
		g_assert_nonnull(strstr(got->str, "four\n"));
	g_usleep(1100000);
	pp_log(PP_LOG_INFO, "five");
	assert_receives(server, 22, "five");
	close(server);
	g_unlink(path);
	g_rmdir(folder);
	log_open(&standard);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	log_buffer_free(&buffer);
}

static void test_full_syslog(void)
{
	g_autofree char *folder = g_dir_make_tmp("log-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "log", NULL);
	const struct log_settings settings = { .to = "syslog", .socket = path };
	int server = syslog_bind(path);
	struct log_buffer buffer = { 0 };
	uint64_t before, lost;
	g_autofree char *said = NULL, *last = NULL;

	log_open(&settings);
	before = log_lost();
	for (int i = 0; i < 2000; i++)
		append_line(&buffer, i, 30);
	log_buffer_flush(&buffer);
	lost = log_lost() - before;
	g_assert_cmpuint(lost, >, 100);
	for (uint64_t i = 0; i < 2000 - lost; i++) {
		g_autofree char *line = receive(server);

		g_assert_cmpint(line[strlen(line) - 1], ==, 'a' + (int)(i % 26));
	}
	pp_log(PP_LOG_INFO, "after");
	said = g_strdup_printf("warning: %" G_GUINT64_FORMAT " log lines lost", lost);
	assert_receives(server, 22, said);
	assert_receives(server, 22, "after");
	last = receive(server);
	g_assert_cmpstr(last, ==, "nothing");
	close(server);
	g_unlink(path);
	g_rmdir(folder);
	log_open(&standard);
	log_buffer_free(&buffer);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log/syslog gets datagrams, and standard error while it is away", test_syslog);
	g_test_add_func("/log/a full syslog never blocks", test_full_syslog);
	return g_test_run();
}
