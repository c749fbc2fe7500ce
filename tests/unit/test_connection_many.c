/* unit/test_connection_many.c - many conversations in one turn of a loop: each gets its own replies */
#include <fcntl.h>
#include <glib.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "request/connection.h"

enum { MANY = 5 * CONNECTION_BATCH + 3 };

static struct {
	struct loop *loop;
	struct connection_host host;
	int clients[MANY];
	atomic_uint handled, closed, holds;
	bool hold;
	struct connection *held[MANY];
	struct request *requests[MANY];
} many;

static void reply(struct connection *connection, struct request *request)
{
	g_autofree char *text = g_strdup_printf("action=%s\n\n", request_get(request, PP_SENDER, NULL));

	connection_reply(connection, text, strlen(text));
}

static void handle(struct connection_host *host, struct connection *connection, struct request *request)
{
	g_assert_true(host == &many.host);
	many.handled++;
	if (many.hold) {
		many.held[many.holds] = connection;
		many.requests[many.holds] = request_ref(request);
		many.holds++;
	} else {
		reply(connection, request);
	}
}

static void closed(struct connection_host *host, struct connection *connection)
{
	(void)host;
	(void)connection;
	many.closed++;
}

static void start(void)
{
	memset(&many, 0, sizeof(many));
	many.loop = loop_new("test");
	connection_host_init(&many.host, many.loop);
	many.host.handle = handle;
	many.host.closed = closed;
	for (unsigned i = 0; i < MANY; i++) {
		struct timeval patience = { 5, 0 };
		int fds[2];

		g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
		g_assert_cmpint(fcntl(fds[1], F_SETFL, O_NONBLOCK), ==, 0);
		setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		many.clients[i] = fds[0];
		g_assert_nonnull(connection_open(&many.host, fds[1], "unix:test", "", NULL));
	}
}

static void clear(void *unused)
{
	(void)unused;
	connection_host_clear(&many.host);
}

static void stop(void)
{
	loop_call(many.loop, clear, NULL);
	g_assert_cmpuint(many.closed, ==, MANY);
	loop_stop(many.loop);
	loop_free(many.loop);
	for (unsigned i = 0; i < MANY; i++)
		close(many.clients[i]);
}

static void put(unsigned client, unsigned number)
{
	g_autofree char *request = g_strdup_printf(
	        "request=smtpd_access_policy\nsender=%u.%u@example.org\n\n", client, number);

	g_assert_cmpint(send(many.clients[client], request, strlen(request), MSG_NOSIGNAL), ==,
	                (ssize_t)strlen(request));
}

static void expect(unsigned client, unsigned number)
{
	g_autofree char *wanted = g_strdup_printf("action=%u.%u@example.org\n\n", client, number);
	g_autofree char *got = g_malloc0(strlen(wanted) + 1);

	g_assert_cmpint(recv(many.clients[client], got, strlen(wanted), MSG_WAITALL), ==,
	                (ssize_t)strlen(wanted));
	g_assert_cmpstr(got, ==, wanted);
}

static void expect_end(unsigned client)
{
	char byte;

	g_assert_cmpint(recv(many.clients[client], &byte, 1, 0), ==, 0);
}

static void test_at_once(void)
{
	start();
	for (unsigned i = 0; i < MANY; i++)
		put(i, 1);
	loop_start(many.loop);
	for (unsigned i = 0; i < MANY; i++)
		expect(i, 1);
	g_assert_cmpuint(many.handled, ==, MANY);
	stop();
}

/* Some send several requests, some end after theirs, some are gone before. */
static void test_mixed(void)
{
	start();
	for (unsigned i = 0; i < MANY; i++) {
		put(i, 1);
		for (unsigned number = 2; i % 3 == 0 && number <= 2 * CONNECTION_BATCH; number++)
			put(i, number);
		if (i % 5 == 1)
			shutdown(many.clients[i], SHUT_WR);
		if (i % 5 == 2)
			shutdown(many.clients[i], SHUT_RDWR);
	}
	loop_start(many.loop);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 5 == 2)
			continue;
		expect(i, 1);
		for (unsigned number = 2; i % 3 == 0 && number <= 2 * CONNECTION_BATCH; number++)
			expect(i, number);
		if (i % 5 == 1)
			expect_end(i);
	}
	stop();
}

static void reply_all(void *unused)
{
	(void)unused;
	many.hold = false;
	for (unsigned i = 0; i < many.holds; i++) {
		reply(many.held[i], many.requests[i]);
		request_unref(many.requests[i]);
	}
}

static void test_late(void)
{
	start();
	many.hold = true;
	for (unsigned i = 0; i < MANY; i++) {
		put(i, 1);
		put(i, 2);
	}
	loop_start(many.loop);
	while (many.holds < MANY)
		g_usleep(1000);
	loop_call(many.loop, reply_all, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		expect(i, 1);
		expect(i, 2);
	}
	stop();
}

static void clear_in_turn(struct loop_message *message)
{
	(void)message;
	clear(NULL);
}

/* In the turn that reads them all, before it ends. */
static void test_cleared(void)
{
	struct loop_message message = { .run = clear_in_turn };

	start();
	for (unsigned i = 0; i < MANY; i++)
		put(i, 1);
	loop_post(many.loop, &message);
	loop_start(many.loop);
	for (unsigned i = 0; i < MANY; i++) {
		char bytes[64];

		while (recv(many.clients[i], bytes, sizeof(bytes), 0) > 0)
			continue;
	}
	g_assert_cmpuint(many.handled, ==, MANY / CONNECTION_BATCH * CONNECTION_BATCH);
	stop();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/connection/requests that come at once get each their reply", test_at_once);
	g_test_add_func("/connection/those that end or send more disturb no others", test_mixed);
	g_test_add_func("/connection/replies that come at once go each to its client", test_late);
	g_test_add_func("/connection/what is not handled yet when all is closed goes with it", test_cleared);
	return g_test_run();
}
