/* unit/test_connection_limits.c - what is wrong or too much, and clients that are slow */
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "talk.h"

static void test_garbage(void)
{
	static const struct {
		const char *bytes;
		const char *log;
	} cases[] = {
		{ "\n", "an empty request" },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "a carriage return" },
		{ "GET / HTTP/1.1\n", "a line without '='" },
		{ "\x16\x03\x01\x02", "a TLS handshake" },
		{ "request=smtpd_access_policy\r\n\r\n", "a carriage return" },
		{ "sender=a@example.org\n\n", "no request=smtpd_access_policy" },
		{ "request=smtpd_access_policy\nx\n\n", "a line without '='" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		talk_log_start();
		talk_start();
		talk_put(cases[i].bytes, strlen(cases[i].bytes));
		talk_expect_end();
		g_assert_cmpint(talk.handled, ==, 0);
		talk_stop();
		talk_log_expect(cases[i].log);
	}
	talk_log_start();
	talk_start();
	talk_put("request=\0\n", 10);
	talk_expect_end();
	talk_stop();
	talk_log_expect("a NUL byte");
}

static void test_garbage_after(void)
{
	talk_log_start();
	talk_start();
	talk_put_request(1);
	talk_put_request(2);
	talk_put("QUIT\n", 5);
	talk_expect_reply(1);
	talk_expect_reply(2);
	talk_expect_end();
	talk_stop();
	talk_log_expect("a line without '='");
}

static void test_limits(void)
{
	g_autoptr(GString) bytes = g_string_new("request=smtpd_access_policy\nsender=");

	for (int i = 0; i < 70000; i++)
		g_string_append_c(bytes, 'x');
	talk_log_start();
	talk_start();
	talk_put(bytes->str, bytes->len);
	talk_expect_end();
	talk_stop();
	talk_log_expect("a line over 8192 bytes");
	g_string_assign(bytes, "request=smtpd_access_policy\n");
	for (int i = 0; i < 200; i++)
		g_string_append(bytes, "a=b\n");
	talk_log_start();
	talk_start();
	talk_put(bytes->str, bytes->len);
	talk_expect_end();
	talk_stop();
	talk_log_expect("more than 128 attributes");
}

static void test_slow_request(void)
{
	talk_log_start();
	talk_start();
	talk_advance(100 * 1000);
	talk_put("request=", 8);
	talk_advance(29 * 1000);
	talk_put("smtpd", 5);
	talk_expect_nothing();
	talk_advance(1000);
	talk_expect_end();
	talk_stop();
	talk_log_expect("a request that does not end");
}

/* A request that came whole before is no part of the next one's time. */
static void test_slow_but_in_time(void)
{
	talk_start();
	talk_put("request=smtpd", 13);
	talk_advance(20 * 1000);
	talk_put("_access_policy\nprotocol_state=RCPT\nsender=1@example.org\n\nrequest=", 65);
	talk_expect_reply(1);
	talk_advance(20 * 1000);
	talk_put("smtpd_access_policy\nprotocol_state=RCPT\nsender=2@example.org\n\n", 62);
	talk_expect_reply(2);
	talk_advance(599 * 1000);
	talk_put_request(3);
	talk_expect_reply(3);
	talk_advance(599 * 1000);
	talk_expect_nothing();
	talk_advance(1000);
	talk_expect_end();
	talk_stop();
}

/* The handler's time is the handler's matter, and a request behind has its own. */
static void test_in_hand_does_not_time_out(void)
{
	talk_log_start();
	talk_start();
	talk.hold = true;
	talk_put_request(1);
	talk_let_run();
	talk_put("request=", 8);
	talk_advance(3600 * 1000);
	talk_advance(3600 * 1000);
	talk_expect_nothing();
	talk_reply();
	talk_expect_reply(1);
	talk_advance(29 * 1000);
	talk_expect_nothing();
	talk_advance(1000);
	talk_expect_end();
	talk_stop();
	talk_log_expect("a request that does not end");
}

/* What one puts in before the sockets and our bounds are full. */
static size_t flood(void)
{
	g_autofree char *request = talk_request(1);
	size_t length = strlen(request), sum = 0, idle = 0;

	while (idle < 3) {
		ssize_t sent = send(talk.client, request + sum % length, length - sum % length,
		                    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			sum += (size_t)sent;
			idle = 0;
		} else {
			talk_let_run();
			idle++;
		}
	}
	return sum;
}

static void test_never_reads(void)
{
	talk_log_start();
	talk_start();
	g_assert_cmpuint(flood(), <, 1 << 20);
	talk_expect_sleep();
	talk_advance(29 * 1000);
	g_assert_cmpint(talk.closed, ==, 0);
	talk_advance(1000);
	g_assert_cmpint(talk.closed, ==, 1);
	talk_stop();
	talk_log_expect("it does not read its replies");
}

/* One that reads at last gets all of them, in order. */
static void test_reads_late(void)
{
	g_autofree char *request = talk_request(1);
	size_t length = strlen(request), sum;

	talk_start();
	sum = flood();
	talk_advance(20 * 1000);
	for (size_t i = 0; i < sum / length; i++)
		talk_expect_reply(1);
	talk_put(request + sum % length, length - sum % length);
	talk_expect_reply(1);
	talk_expect_nothing();
	g_assert_cmpint(talk.handled, ==, (int)(sum / length) + 1);
	talk_stop();
}

/* While a request is in hand only so much is read. */
static void test_bound_while_in_hand(void)
{
	talk_start();
	talk.hold = true;
	talk_put_request(1);
	talk_let_run();
	g_assert_cmpuint(flood(), <, 1 << 20);
	g_assert_cmpint(talk.handled, ==, 1);
	talk_expect_sleep();
	talk.hold = false;
	talk_reply();
	for (int i = 0; i < 100; i++)
		talk_expect_reply(1);
	talk_stop();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1000000);
	g_test_add_func("/connection/garbage closes with one log line and no reply", test_garbage);
	g_test_add_func("/connection/requests before garbage are answered", test_garbage_after);
	g_test_add_func("/connection/what is too much closes with one log line", test_limits);
	g_test_add_func("/connection/a request must be whole 30 s after its first byte", test_slow_request);
	g_test_add_func("/connection/a request has 30 s of its own, an idle client 600",
	                test_slow_but_in_time);
	g_test_add_func("/connection/no time runs out while a request is in hand",
	                test_in_hand_does_not_time_out);
	g_test_add_func("/connection/a client that never reads is closed after 30 s", test_never_reads);
	g_test_add_func("/connection/a client that reads late gets every reply", test_reads_late);
	g_test_add_func("/connection/not much is read while a request is in hand", test_bound_while_in_hand);
	return g_test_run();
}
