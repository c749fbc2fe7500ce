/* unit/test_connection.c - one reply a request, in order, however the bytes come */
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "talk.h"

static void test_question_and_answer(void)
{
	talk_start();
	for (int i = 0; i < 100; i++) {
		talk_put_request(i);
		talk_expect_reply(i);
	}
	g_assert_cmpint(talk.handled, ==, 100);
	talk_expect_nothing();
	talk_stop();
}

static void test_split(void)
{
	g_autofree char *one = talk_request(1), *two = talk_request(2), *both = g_strconcat(one, two, NULL);
	size_t length = strlen(both);

	talk_start();
	for (size_t at = 1; at < length; at++) {
		talk_put(both, at);
		talk_let_run();
		talk_put(both + at, length - at);
		talk_expect_reply(1);
		talk_expect_reply(2);
	}
	for (size_t at = 0; at < length; at++) {
		talk_put(both + at, 1);
		talk_let_run();
	}
	talk_expect_reply(1);
	talk_expect_reply(2);
	talk_expect_nothing();
	talk_stop();
}

static void test_pipelined(void)
{
	g_autoptr(GString) many = g_string_new(NULL);

	talk_start();
	for (int i = 0; i < 1000; i++) {
		g_autofree char *request = talk_request(i);

		g_string_append(many, request);
	}
	talk_put(many->str, many->len);
	for (int i = 0; i < 1000; i++)
		talk_expect_reply(i);
	talk_expect_nothing();
	talk_stop();
}

/* Replies that the kernel does not take at once go on without the client's doing. */
static void test_wide_replies(void)
{
	g_autoptr(GString) many = g_string_new(NULL);

	talk_start();
	talk.width = 300;
	for (int i = 0; i < 800; i++) {
		g_autofree char *request = talk_request(i);

		g_string_append(many, request);
	}
	talk_put(many->str, many->len);
	talk_let_run();
	g_assert_cmpint(talk.handled, <, 400);
	for (int i = 0; i < 800; i++)
		talk_expect_reply(i);
	talk_expect_nothing();
	talk_stop();
}

/* While one is in hand the next is not begun. */
static void test_late_replies(void)
{
	g_autoptr(GString) many = g_string_new(NULL);

	talk_start();
	talk.hold = true;
	for (int i = 0; i < 20; i++) {
		g_autofree char *request = talk_request(i);

		g_string_append(many, request);
	}
	talk_put(many->str, many->len - 5);
	for (int i = 0; i < 19; i++) {
		talk_expect_nothing();
		g_assert_cmpint(talk.handled, ==, i + 1);
		talk_reply();
		talk_expect_reply(i);
	}
	talk_expect_nothing();
	talk_put(many->str + many->len - 5, 5);
	talk_expect_nothing();
	talk_reply();
	talk_expect_reply(19);
	talk_stop();
}

/* Some at once, one late. */
static void test_mixed_replies(void)
{
	talk_start();
	talk_put_request(1);
	talk_expect_reply(1);
	talk.hold = true;
	talk_put_request(2);
	talk_let_run();
	talk_put_request(3);
	talk_expect_nothing();
	talk.hold = false;
	talk_reply();
	talk_expect_reply(2);
	talk_expect_reply(3);
	talk_stop();
}

/* The biggest request there may be, in pieces. */
static void test_big(void)
{
	g_autofree char *value = g_strnfill(8000, 'x'), *last = NULL;
	g_autoptr(GString) bytes = g_string_new(
	        "request=smtpd_access_policy\nsender=7@example.org\nprotocol_state=RCPT\n");

	for (int i = 0; i < 8; i++)
		g_string_append_printf(bytes, "x=%s\n", value);
	last = g_strnfill(REQUEST_BYTES_MAX - 4 - bytes->len, 'y');
	g_string_append_printf(bytes, "x=%s\n\n", last);
	g_assert_cmpuint(bytes->len, ==, REQUEST_BYTES_MAX);
	talk_start();
	for (size_t at = 0; at < bytes->len; at += 1000) {
		talk_put(bytes->str + at, MIN(1000, bytes->len - at));
		talk_let_run();
	}
	talk_expect_reply(7);
	talk_stop();
}

static void test_half_close(void)
{
	talk_start();
	talk_put_request(1);
	talk_put_request(2);
	shutdown(talk.client, SHUT_WR);
	talk_expect_reply(1);
	talk_expect_reply(2);
	talk_expect_end();
	talk_stop();
}

/* And the loop does not spin until then. */
static void test_half_close_late(void)
{
	talk_start();
	talk.hold = true;
	talk_put_request(1);
	talk_put_request(2);
	shutdown(talk.client, SHUT_WR);
	talk_expect_sleep();
	talk_reply();
	talk_expect_reply(1);
	g_assert_cmpint(talk.closed, ==, 0);
	talk_reply();
	talk_expect_reply(2);
	talk_expect_end();
	talk_stop();
}

static void test_gone_while_in_hand(void)
{
	talk_start();
	talk.hold = true;
	talk_put_request(1);
	talk_let_run();
	close(talk.client);
	talk.client = -1;
	talk_let_run();
	g_assert_cmpint(talk.closed, ==, 0);
	talk_expect_sleep();
	talk_reply();
	talk_let_run();
	g_assert_cmpint(talk.closed, ==, 1);
	talk_stop();
}

static void test_gone(void)
{
	talk_start();
	talk_put_request(1);
	talk_expect_reply(1);
	close(talk.client);
	talk.client = -1;
	talk_let_run();
	g_assert_cmpint(talk.closed, ==, 1);
	talk_stop();
	talk_log_start();
	talk_start();
	talk_put("request=", 8);
	shutdown(talk.client, SHUT_WR);
	talk_expect_end();
	talk_stop();
	talk_log_expect("ended in the middle of a request");
}

static void test_closed_without_reply(void)
{
	talk_start();
	talk_put_request(1);
	talk_expect_reply(1);
	talk.hold = true;
	talk_put_request(2);
	talk_put_request(3);
	talk_let_run();
	talk_close();
	talk_expect_end();
	g_assert_cmpint(talk.handled, ==, 2);
	talk_stop();
}

static void test_drain(void)
{
	talk_start();
	talk_put_request(1);
	talk_expect_reply(1);
	talk_drain();
	talk_expect_end();
	talk_stop();
	talk_start();
	talk.hold = true;
	talk_put_request(1);
	talk_put_request(2);
	talk_let_run();
	talk_drain();
	talk_expect_nothing();
	talk_reply();
	talk_expect_reply(1);
	talk_expect_end();
	g_assert_cmpint(talk.handled, ==, 1);
	talk_stop();
}

static void open_bad(void *unused)
{
	(void)unused;
	g_assert_null(connection_open(&talk.host, -1, "unix:test", NULL, NULL));
	g_assert_cmpuint(talk.host.count, ==, 1);
}

static void test_not_watchable(void)
{
	talk_start();
	loop_call(talk.loop, open_bad, NULL);
	talk_put_request(1);
	talk_expect_reply(1);
	talk_stop();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1000000);
	g_test_add_func("/connection/each request gets its reply", test_question_and_answer);
	g_test_add_func("/connection/requests may be cut anywhere", test_split);
	g_test_add_func("/connection/pipelined requests are answered in order", test_pipelined);
	g_test_add_func("/connection/pipelined requests wait while their replies are not read",
	                test_wide_replies);
	g_test_add_func("/connection/the next request waits for the reply to the one before",
	                test_late_replies);
	g_test_add_func("/connection/late replies and prompt ones keep their order", test_mixed_replies);
	g_test_add_func("/connection/a request of 65536 bytes in pieces is answered", test_big);
	g_test_add_func("/connection/a client that sends no more still gets its replies", test_half_close);
	g_test_add_func("/connection/a client that sends no more gets late replies too",
	                test_half_close_late);
	g_test_add_func("/connection/a client that is gone is closed after the reply",
	                test_gone_while_in_hand);
	g_test_add_func("/connection/a client that is gone is closed", test_gone);
	g_test_add_func("/connection/an empty reply closes", test_closed_without_reply);
	g_test_add_func("/connection/a drained one ends after the request in hand", test_drain);
	g_test_add_func("/connection/a descriptor that cannot be watched is closed", test_not_watchable);
	return g_test_run();
}
