/* unit/talk.c - a client and a connection in a loop of its own, for tests of conversations */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/clock.h"

struct talk talk;

static char *reply_of(const char *sender)
{
	g_autofree char *wide = g_strnfill((gsize)talk.width, 'x');

	return g_strdup_printf("action=DUNNO %s%s\n\n", wide, sender);
}

static void reply_to(struct request *request)
{
	g_autofree char *reply = reply_of(request_get(request, PP_SENDER, NULL));

	connection_reply(talk.connection, reply, strlen(reply));
}

static void handle(struct connection_host *host, struct connection *connection, struct request *request)
{
	g_assert_true(host == &talk.host && connection == talk.connection);
	g_assert_cmpstr(request->listener, ==, "unix:test");
	g_assert_cmpstr(request->peer, ==, talk.peer);
	g_assert_cmpstr(connection_peer(connection), ==, talk.peer);
	g_assert_cmpint(request->started, >, 0);
	talk.started = request->started;
	talk.handled++;
	if (talk.hold)
		talk.held = request_ref(request);
	else
		reply_to(request);
}

static void on_closed(struct connection_host *host, struct connection *connection)
{
	g_assert_true(host == &talk.host && connection == talk.connection);
	g_assert_cmpstr(connection_user(connection), ==, "user");
	talk.closed++;
}

static bool admit(struct connection_host *host, struct connection *connection)
{
	g_assert_true(host == &talk.host && connection == talk.connection);
	g_assert_cmpstr(connection_peer(connection), ==, talk.peer);
	talk.admitted++;
	return !talk.refuse;
}

static void count_turn(void *unused)
{
	(void)unused;
	talk.turns++;
}

struct opening {
	int fd;
	pp_msec_t header;
};

static void open_in_loop(void *data)
{
	const struct opening *opening = data;
	struct connection *connection = connection_open(&talk.host, opening->fd, "unix:test", "192.0.2.7",
	                                                (char *)"user");

	talk.connection = connection;
	g_assert_nonnull(connection);
	g_assert_cmpuint(talk.host.count, ==, 1);
	g_assert_true(talk.host.all == connection && connection_next(connection) == NULL);
	g_assert_cmpstr(connection_listener(connection), ==, "unix:test");
	if (opening->header > 0)
		connection_await_header(connection, opening->header);
}

static void start(pp_msec_t header, const char *peer)
{
	struct timeval patience = { 5, 0 };
	struct opening opening = { .header = header };
	int fds[2], small = 1;

	talk.handled = talk.closed = talk.turns = talk.width = talk.admitted = 0;
	talk.hold = talk.refuse = false;
	talk.held = NULL;
	talk.peer = peer;
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	g_assert_cmpint(fcntl(fds[1], F_SETFL, O_NONBLOCK), ==, 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	talk.client = fds[0];
	talk.loop = loop_new("test");
	connection_host_init(&talk.host, talk.loop);
	talk.host.handle = handle;
	talk.host.closed = on_closed;
	talk.host.admit = admit;
	loop_at_turn_end(talk.loop, count_turn, NULL);
	loop_start(talk.loop);
	opening.fd = fds[1];
	loop_call(talk.loop, open_in_loop, &opening);
}

void talk_start(void)
{
	start(0, "192.0.2.7");
}

void talk_start_behind_proxy(pp_msec_t timeout, const char *peer)
{
	start(timeout, peer);
}

static void clear_in_loop(void *unused)
{
	(void)unused;
	connection_host_clear(&talk.host);
}

void talk_stop(void)
{
	if (talk.client >= 0)
		close(talk.client);
	loop_call(talk.loop, clear_in_loop, NULL);
	g_assert_cmpint(talk.closed, ==, 1);
	loop_stop(talk.loop);
	loop_free(talk.loop);
}

static void do_nothing(void *unused)
{
	(void)unused;
}

void talk_let_run(void)
{
	for (int i = 0; i < 3; i++) {
		loop_wake(talk.loop);
		loop_call(talk.loop, do_nothing, NULL);
	}
}

void talk_advance(pp_msec_t length)
{
	talk_let_run();
	clock_advance(length);
	talk_let_run();
}

static void reply_in_loop(void *unused)
{
	struct request *request = talk.held;

	(void)unused;
	talk.held = NULL;
	reply_to(request);
	request_unref(request);
}

void talk_reply(void)
{
	loop_call(talk.loop, reply_in_loop, NULL);
}

static void close_in_loop(void *unused)
{
	struct request *request = talk.held;

	(void)unused;
	talk.held = NULL;
	connection_reply(talk.connection, NULL, 0);
	request_unref(request);
}

void talk_close(void)
{
	loop_call(talk.loop, close_in_loop, NULL);
}

static void drain_in_loop(void *unused)
{
	(void)unused;
	connection_drain(talk.connection);
}

void talk_drain(void)
{
	loop_call(talk.loop, drain_in_loop, NULL);
}

void talk_put(const char *bytes, size_t length)
{
	g_assert_cmpint(send(talk.client, bytes, length, MSG_NOSIGNAL), ==, (ssize_t)length);
}

char *talk_request(int number)
{
	return g_strdup_printf("request=smtpd_access_policy\nprotocol_state=RCPT\nsender=%d@example.org\n\n",
	                       number);
}

void talk_put_request(int number)
{
	g_autofree char *request = talk_request(number);

	talk_put(request, strlen(request));
}

void talk_expect_reply(int number)
{
	g_autofree char *sender = g_strdup_printf("%d@example.org", number), *wanted = reply_of(sender);
	g_autofree char *got = g_malloc0(strlen(wanted) + 1);
	ssize_t length = recv(talk.client, got, strlen(wanted), MSG_WAITALL);

	g_assert_cmpint(length, ==, (ssize_t)strlen(wanted));
	g_assert_cmpstr(got, ==, wanted);
}

void talk_expect_nothing(void)
{
	char byte;

	talk_let_run();
	g_assert_cmpint(recv(talk.client, &byte, 1, MSG_DONTWAIT), ==, -1);
	g_assert_cmpint(errno, ==, EAGAIN);
	g_assert_cmpint(talk.closed, ==, 0);
}

void talk_expect_end(void)
{
	char byte;
	ssize_t got = recv(talk.client, &byte, 1, 0);

	g_assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
	talk_let_run();
	g_assert_cmpint(talk.closed, ==, 1);
}

void talk_expect_sleep(void)
{
	int before;

	talk_let_run();
	before = talk.turns;
	g_usleep(20000);
	g_assert_cmpint(talk.turns - before, <=, 2);
}

static int log_saved;
static FILE *log_file;

void talk_log_start(void)
{
	log_file = tmpfile();
	fflush(stderr);
	log_saved = dup(STDERR_FILENO);
	dup2(fileno(log_file), STDERR_FILENO);
}

void talk_log_expect(const char *text)
{
	char lines[4096];
	size_t length;

	fflush(stderr);
	dup2(log_saved, STDERR_FILENO);
	close(log_saved);
	rewind(log_file);
	length = fread(lines, 1, sizeof(lines) - 1, log_file);
	lines[length] = '\0';
	fclose(log_file);
	if (strstr(lines, text) == NULL || strstr(lines, "192.0.2.7") == NULL ||
	    strchr(lines, '\n') != lines + length - 1)
		g_error("'%s' is not one line with '%s'", lines, text);
}
