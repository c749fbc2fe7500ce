/* unit/test_log.c - where log lines go, and that they never block */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_SETPIPE_SZ, ptsname() */
#endif
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include "base/log.h"

/* Standard error of the process, replaced while a test looks at it. */
static struct {
	int saved, reader;
	int patience; /* milliseconds: the kernel hands on a terminal's bytes when it likes */
} capture;

static void capture_start(int writer, int reader)
{
	capture.saved = dup(STDERR_FILENO);
	capture.reader = reader;
	capture.patience = 0;
	dup2(writer, STDERR_FILENO);
	close(writer);
	g_assert_cmpint(fcntl(reader, F_SETFL, O_NONBLOCK), ==, 0);
}

static void capture_stop(void)
{
	dup2(capture.saved, STDERR_FILENO);
	close(capture.saved);
	close(capture.reader);
}

static void capture_pipe(void)
{
	int ends[2];

	g_assert_cmpint(pipe(ends), ==, 0);
	fcntl(ends[1], F_SETPIPE_SZ, 8192);
	capture_start(ends[1], ends[0]);
}

/* Appends all that is there. */
static void drain(GString *text)
{
	struct pollfd ready = { .fd = capture.reader, .events = POLLIN };
	char buffer[65536];
	ssize_t length;

	while (poll(&ready, 1, capture.patience) == 1 &&
	       (length = read(capture.reader, buffer, sizeof(buffer))) > 0)
		g_string_append_len(text, buffer, length);
}

static void open_log(const char *level)
{
	const struct log_settings settings = { .to = "stderr", .level = level };

	log_open(&settings);
}

static void test_levels(void)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	static const char *const lines[] = { "error: a 1\n", "warning: a 1\n", "a 1\n", "a 1\n", "a 1\n" };

	for (int wanted = 0; wanted < 5; wanted++) {
		g_autoptr(GString) got = g_string_new(NULL), want = g_string_new(NULL);

		capture_pipe();
		open_log(names[wanted]);
		for (int level = 0; level < 5; level++) {
			pp_log((pp_level_t)level, "%s %d", "a", 1);
			log_line((pp_level_t)level, "a 1");
			if (level <= wanted)
				g_string_append_printf(want, "%s%s", lines[level], lines[level]);
		}
		drain(got);
		capture_stop();
		g_assert_cmpstr(got->str, ==, want->str);
		g_assert_true(log_wants((pp_level_t)wanted));
		g_assert_false(log_wants((pp_level_t)(wanted + 1)));
	}
}

static void test_cleaned(void)
{
	g_autofree char *endless = g_strnfill(9000, 'x'), *accents = NULL;
	g_autoptr(GString) got = g_string_new(NULL);
	GString *many = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;

	for (int i = 0; i < 1000; i++)
		g_string_append(many, "\xc3\xa9");
	accents = g_string_free(many, FALSE);
	capture_pipe();
	open_log(NULL);
	pp_log(PP_LOG_INFO, "a\r\nNOQUEUE: forged\x1b[2J\xff%s", "%s");
	pp_log(PP_LOG_ERROR, "%s", endless);
	pp_log(PP_LOG_INFO, "%s", accents);
	drain(got);
	log_line(PP_LOG_INFO, endless);
	drain(got);
	capture_stop();
	lines = g_strsplit(got->str, "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), ==, 5);
	g_assert_cmpstr(lines[0], ==, "a  NOQUEUE: forged[2J?%s");
	g_assert_true(g_str_has_prefix(lines[1], "error: xxx"));
	g_assert_cmpuint(strlen(lines[1]), ==, 1023);
	g_assert_cmpuint(strlen(lines[2]), ==, 1022);
	g_assert_true(g_utf8_validate(lines[2], -1, NULL));
	g_assert_cmpuint(strlen(lines[3]), ==, 4095);
}

static void test_wrong_settings(void)
{
	const struct log_settings settings = { .to = "printer", .level = "loud" };
	g_autoptr(GString) got = g_string_new(NULL);

	capture_pipe();
	log_open(&settings);
	pp_log(PP_LOG_INFO, "goes on");
	drain(got);
	capture_stop();
	g_assert_cmpstr(got->str, ==,
	                "error: log: found to = 'printer', wanted stderr or syslog\n"
	                "error: log: no level 'loud'\n"
	                "goes on\n");
}

/* Logs lines of 100 bytes, "00000 xxx...", until the sink has been full for a while. */
static int fill(int first)
{
	g_autofree char *filler = g_strnfill(93, 'x');

	for (int i = 0; i < 5000; i++)
		pp_log(PP_LOG_INFO, "%05d %s", first + i, filler);
	return first + 5000;
}

/* What a full sink must give: whole lines in order, then the number of the lost. */
static void check_full(void (*prepare)(void))
{
	g_autoptr(GString) got = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;
	uint64_t before, lost, said = 0;
	int last = -1, seen = 0, next;

	prepare();
	before = log_lost();
	next = fill(0);
	lost = log_lost() - before;
	drain(got);
	fill(next);
	drain(got);
	pp_log(PP_LOG_INFO, "99999 the end");
	drain(got);
	capture_stop();

	lines = g_strsplit(got->str, "\n", -1);
	for (size_t i = 0; lines[i + 1] != NULL; i++) {
		unsigned count;

		if (sscanf(lines[i], "warning: %u log line", &count) == 1) {
			g_assert_true(g_str_has_suffix(lines[i], count == 1 ? " line lost" : " lines lost"));
			said += count;
			continue;
		}
		g_assert_true(strlen(lines[i]) == 99 || strcmp(lines[i], "99999 the end") == 0);
		g_assert_cmpint(atoi(lines[i]), >, last);
		last = atoi(lines[i]);
		seen++;
	}
	g_assert_cmpuint(lost, >, 1000);
	g_assert_cmpint(last, ==, 99999);
	g_assert_cmpuint(said, ==, log_lost() - before);
	g_assert_cmpuint(said + (uint64_t)seen, ==, 10001);
}

static void prepare_pipe(void)
{
	capture_pipe();
	open_log(NULL);
	/* Its description is everybody's, and others may want to wait. */
	g_assert_cmpint(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, ==, 0);
}

static void prepare_socket(void)
{
	int ends[2], size = 4096;

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	capture_start(ends[1], ends[0]);
	open_log(NULL);
	g_assert_cmpint(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, ==, 0);
}

/* Without descriptors standard error cannot be opened anew. */
static void prepare_shared(void)
{
	struct rlimit limit, none;

	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	capture_pipe();
	none = limit;
	none.rlim_cur = 3;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
	open_log(NULL);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

static void prepare_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios raw;

	g_assert_cmpint(grantpt(master), ==, 0);
	g_assert_cmpint(unlockpt(master), ==, 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	g_assert_cmpint(tcgetattr(slave, &raw), ==, 0);
	cfmakeraw(&raw);
	g_assert_cmpint(tcsetattr(slave, TCSANOW, &raw), ==, 0);
	capture_start(slave, master);
	capture.patience = 50;
	open_log(NULL);
}

static void test_stopped_terminal(void)
{
	g_autoptr(GString) got = g_string_new(NULL);
	uint64_t before;

	prepare_terminal();
	before = log_lost();
	g_assert_cmpint(tcflow(STDERR_FILENO, TCOOFF), ==, 0);
	fill(0);
	g_assert_cmpuint(log_lost() - before, ==, 5000);
	g_assert_cmpint(tcflow(STDERR_FILENO, TCOON), ==, 0);
	pp_log(PP_LOG_INFO, "goes on");
	drain(got);
	capture_stop();
	g_assert_cmpstr(got->str, ==, "warning: 5000 log lines lost\ngoes on\n");
}

static void test_full_terminal(void)
{
	check_full(prepare_terminal);
}

static void test_full_pipe(void)
{
	check_full(prepare_pipe);
}

static void test_full_socket(void)
{
	check_full(prepare_socket);
}

static void test_full_shared(void)
{
	check_full(prepare_shared);
}

static void append_line(struct log_buffer *buffer, int number, size_t length)
{
	char *line = log_buffer_reserve(buffer, length);

	memset(line, 'a' + number % 26, length - 1);
	line[length - 1] = '\n';
	buffer->length += length;
}

static void test_torn(void)
{
	static const char *const wants[] = { "aaa", "bbb", "ccc", "warning: 4 log lines lost", "x" };
	g_autoptr(GString) got = g_string_new(NULL);
	struct log_buffer buffer = { 0 };
	g_auto(GStrv) lines = NULL;
	uint64_t before;

	capture_pipe();
	open_log(NULL);
	before = log_lost();
	for (int i = 0; i < 6; i++)
		append_line(&buffer, i, 3000);
	log_buffer_flush(&buffer);
	g_assert_cmpuint(buffer.length, ==, 0);
	pp_log(PP_LOG_INFO, "lost, since the third line is not complete");
	drain(got);
	pp_log(PP_LOG_INFO, "x");
	drain(got);
	capture_stop();
	log_buffer_free(&buffer);

	g_assert_cmpuint(log_lost() - before, ==, 4);
	lines = g_strsplit(got->str, "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), ==, 6);
	for (size_t i = 0; i < G_N_ELEMENTS(wants); i++)
		g_assert_true(g_str_has_prefix(lines[i], wants[i]));
	for (size_t i = 0; i < 3; i++)
		g_assert_cmpuint(strlen(lines[i]), ==, 2999);
}

static void test_no_reader(void)
{
	uint64_t before;

	capture_pipe();
	open_log(NULL);
	close(capture.reader);
	before = log_lost();
	pp_log(PP_LOG_INFO, "nobody listens");
	capture_stop();
	g_assert_cmpuint(log_lost() - before, ==, 1);

	capture.saved = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	open_log(NULL);
	before = log_lost();
	pp_log(PP_LOG_INFO, "nobody listens");
	dup2(capture.saved, STDERR_FILENO);
	close(capture.saved);
	g_assert_cmpuint(log_lost() - before, ==, 1);
}

static void test_file(void)
{
	g_autofree char *path = NULL, *text = NULL;
	int file = g_file_open_tmp("log-XXXXXX", &path, NULL);

	g_assert_cmpint(file, >=, 0);
	capture_start(dup(file), open("/dev/null", O_RDONLY));
	open_log(NULL);
	pp_log(PP_LOG_INFO, "ours");
	g_assert_cmpint(write(STDERR_FILENO, "theirs\n", 7), ==, 7);
	pp_log(PP_LOG_INFO, "ours again");
	capture_stop();
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "warning: 2 log lines lost\nours\ntheirs\nours again\n");
	close(file);
	g_unlink(path);
}

static void test_buffer(void)
{
	g_autoptr(GString) got = g_string_new(NULL);
	struct log_buffer buffer = { 0 };

	capture_pipe();
	open_log(NULL);
	log_buffer_flush(&buffer);
	append_line(&buffer, 0, 10);
	append_line(&buffer, 1, 3000);
	drain(got);
	g_assert_cmpuint(got->len, ==, 0);
	log_buffer_flush(&buffer);
	drain(got);
	g_assert_cmpuint(got->len, ==, 3010);

	/* A full buffer does not wait for the end of the turn. */
	for (int i = 0; i < 100; i++) {
		append_line(&buffer, i, 1000);
		g_assert_cmpuint(buffer.length, <=, 65536);
	}
	drain(got);
	g_assert_cmpuint(got->len, >, 3010);
	buffer.length = 0;

	open_log("warning");
	drain(got);
	g_string_truncate(got, 0);
	append_line(&buffer, 0, 10);
	log_buffer_flush(&buffer);
	g_assert_cmpuint(buffer.length, ==, 0);
	drain(got);
	capture_stop();
	g_assert_cmpuint(got->len, ==, 0);
	log_buffer_free(&buffer);
	g_assert_null(buffer.bytes);
}

static void *log_many(void *data)
{
	struct log_buffer buffer = { 0 };
	int number = GPOINTER_TO_INT(data);

	for (int i = 0; i < 300; i++) {
		append_line(&buffer, number, 100);
		if (i % 10 == 0)
			log_buffer_flush(&buffer);
		pp_log(PP_LOG_INFO, "%.*s", 99, buffer.bytes);
	}
	log_buffer_flush(&buffer);
	log_buffer_free(&buffer);
	return NULL;
}

static void test_threads(void)
{
	g_autoptr(GString) got = g_string_new(NULL);
	uint64_t before, lost;
	g_auto(GStrv) lines = NULL;
	pthread_t threads[4];
	size_t whole = 0;

	capture_pipe();
	open_log(NULL);
	before = log_lost();
	for (int i = 0; i < 4; i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, log_many, GINT_TO_POINTER(i)), ==, 0);
	for (int i = 0; i < 20; i++) {
		drain(got);
		g_usleep(500);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	drain(got);
	pp_log(PP_LOG_INFO, "end");
	drain(got);
	lost = log_lost() - before;
	capture_stop();
	lines = g_strsplit(got->str, "\n", -1);
	for (size_t i = 0; lines[i + 1] != NULL; i++) {
		const char *line = lines[i];

		if (strlen(line) == 99 && strspn(line, (char[]){ line[0], '\0' }) == 99)
			whole++;
		else
			g_assert_true(strcmp(line, "end") == 0 || g_str_has_suffix(line, " lost"));
	}
	g_assert_cmpuint(whole + lost, ==, 2400);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN);
	g_test_add_func("/log/levels choose the lines and their first word", test_levels);
	g_test_add_func("/log/a line is cleaned and cut", test_cleaned);
	g_test_add_func("/log/wrong settings are said and standard error goes on", test_wrong_settings);
	g_test_add_func("/log/a full pipe never blocks", test_full_pipe);
	g_test_add_func("/log/a full socket never blocks", test_full_socket);
	g_test_add_func("/log/a full pipe that cannot be opened anew never blocks", test_full_shared);
	g_test_add_func("/log/a full terminal never blocks", test_full_terminal);
	g_test_add_func("/log/a stopped terminal never blocks", test_stopped_terminal);
	g_test_add_func("/log/a line taken in part is completed first", test_torn);
	g_test_add_func("/log/nobody reads", test_no_reader);
	g_test_add_func("/log/in a file lines follow those of others", test_file);
	g_test_add_func("/log/a loop's lines go out together", test_buffer);
	g_test_add_func("/log/lines of several threads stay whole", test_threads);
	return g_test_run();
}
