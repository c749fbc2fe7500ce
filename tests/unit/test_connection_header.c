/* unit/test_connection_header.c - connections that begin with a PROXY header: whole, cut, late, wrong,
 * refused */
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/log.h"
#include "talk.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SOURCE "198.51.100.9"

struct header {
	const char *bytes;
	size_t length;
	const char *peer;
	int admitted; /* how often allow is asked */
};

#define BYTES(text) text, sizeof(text) - 1

static const struct header line = { BYTES("PROXY TCP4 " SOURCE " 192.0.2.1 40000 10031\r\n"), SOURCE, 1 };
static const struct header headers[] = {
	{ BYTES("PROXY TCP4 " SOURCE " 192.0.2.1 40000 10031\r\n"), SOURCE, 1 },
	{ BYTES("PROXY TCP6 2001:db8::9 2001:db8::1 40000 10031\r\n"), "2001:db8::9", 1 },
	{ BYTES("PROXY UNKNOWN\r\n"), "192.0.2.7", 1 },
	{ BYTES(SIGNATURE "\x21\x11\0\x0c\xc6\x33\x64\x09\xc0\0\x02\x01\x9c\x40\x27\x2f"), SOURCE, 1 },
	{ BYTES(SIGNATURE "\x21\0\0\0"), "192.0.2.7", 1 },
	{ BYTES(SIGNATURE "\x20\0\0\0"), "192.0.2.7", 0 },
	{ BYTES(SIGNATURE "\x20\x11\0\x0c\xc6\x33\x64\x09\xc0\0\x02\x01\x9c\x40\x27\x2f"), "192.0.2.7", 0 },
};

static bool is_told(const struct header *header)
{
	return header->admitted > 0 && strcmp(header->peer, "192.0.2.7") == 0;
}

static void start(const struct header *header)
{
	if (is_told(header))
		talk_log_start();
	talk_start_behind_proxy(3000, header->peer);
}

static void stop(const struct header *header)
{
	talk_stop();
	if (is_told(header))
		talk_log_expect("client 192.0.2.7 on unix:test: its PROXY header names no client");
}

static void put_header(const struct header *header)
{
	talk_put(header->bytes, header->length);
}

static void test_alone(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
		start(&headers[i]);
		put_header(&headers[i]);
		talk_expect_nothing();
		for (int j = 0; j < 3; j++) {
			talk_put_request(j);
			talk_expect_reply(j);
		}
		g_assert_cmpint(talk.admitted, ==, headers[i].admitted);
		talk_expect_nothing();
		stop(&headers[i]);
	}
}

/* Header and two requests, cut in two anywhere, at once, and byte by byte. */
static void test_cut(void)
{
	g_autofree char *one = talk_request(1), *two = talk_request(2), *both = g_strconcat(one, two, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
		g_autoptr(GString) all = g_string_new_len(headers[i].bytes, (gssize)headers[i].length);

		g_string_append(all, both);
		for (size_t at = 0; at < all->len; at += at < headers[i].length + 10 ? 1 : 20) {
			start(&headers[i]);
			if (at > 0)
				talk_put(all->str, at);
			talk_let_run();
			talk_put(all->str + at, all->len - at);
			talk_expect_reply(1);
			talk_expect_reply(2);
			talk_expect_nothing();
			stop(&headers[i]);
		}
		start(&headers[i]);
		for (size_t at = 0; at < all->len; at++) {
			talk_put(all->str + at, 1);
			talk_let_run();
		}
		talk_expect_reply(1);
		talk_expect_reply(2);
		g_assert_cmpint(talk.admitted, ==, headers[i].admitted);
		stop(&headers[i]);
	}
}

static void test_wrong(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *log;
	} cases[] = {
		{ BYTES("request=smtpd_access_policy\nprotocol_state=RCPT\n\n"), "no PROXY header" },
		{ BYTES("PROXY TCP4 x 192.0.2.1 1 2\r\nrequest="), "a PROXY header with a bad address" },
		{ BYTES(SIGNATURE "\x21\x11\xff\xff"), "a PROXY header over 4096 bytes" },
		{ BYTES(SIGNATURE "\x41\x11\0\0"), "a PROXY header of an unknown version" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		talk_log_start();
		talk_start_behind_proxy(3000, "192.0.2.7");
		talk_put(cases[i].bytes, cases[i].length);
		talk_expect_end();
		g_assert_cmpint(talk.handled, ==, 0);
		talk_stop();
		talk_log_expect(cases[i].log);
	}
}

/* There is one header; a second one is a request, and a bad one. */
static void test_second(void)
{
	talk_log_start();
	talk_start_behind_proxy(3000, line.peer);
	put_header(&line);
	talk_put_request(1);
	talk_expect_reply(1);
	put_header(&line);
	talk_expect_end();
	talk_stop();
	talk_log_expect("client " SOURCE " via 192.0.2.7 on unix:test: a carriage return; closing");
}

/* The time runs from the beginning, whatever has come. */
static void test_late(void)
{
	for (size_t part = 0; part < 2; part++) {
		talk_log_start();
		talk_start_behind_proxy(3000, line.peer);
		if (part > 0)
			talk_put(line.bytes, 5);
		talk_advance(2000);
		if (part > 0)
			talk_put(line.bytes + 5, 5);
		talk_advance(999);
		talk_expect_nothing();
		talk_advance(1);
		talk_expect_end();
		talk_stop();
		talk_log_expect("client 192.0.2.7 on unix:test: no whole PROXY header in time; closing");
	}
}

/* What comes after the header has the time that it has without one. */
static void test_in_time(void)
{
	talk_log_start();
	talk_start_behind_proxy(3000, line.peer);
	talk_advance(2999);
	put_header(&line);
	talk_advance(599 * 1000);
	talk_expect_nothing();
	talk_put_request(1);
	talk_expect_reply(1);
	talk_put("request=", 8);
	talk_advance(29 * 1000);
	talk_expect_nothing();
	talk_advance(1000);
	talk_expect_end();
	talk_stop();
	talk_log_expect("client " SOURCE " via 192.0.2.7 on unix:test: a request that does not end; closing");
}

/* A request that shares a segment with the end of its header began then. */
static void test_request_began_after_header(void)
{
	g_autofree char *request = talk_request(1);
	g_autofree char *rest = g_strconcat(line.bytes + 5, request, "request=smtpd", NULL);

	talk_start_behind_proxy(60 * 1000, line.peer);
	talk_put(line.bytes, 5);
	talk_advance(40 * 1000);
	talk_put(rest, strlen(rest));
	talk_expect_reply(1);
	g_assert_cmpint(talk.started, ==, clock_usec());
	talk_advance(25 * 1000);
	talk_put("_access_policy\nprotocol_state=RCPT\nsender=2@example.org\n\n", 57);
	talk_expect_reply(2);
	talk_stop();
}

/* A reply that takes longer than the header could. */
static void test_in_hand(void)
{
	talk_start_behind_proxy(3000, line.peer);
	talk.hold = true;
	put_header(&line);
	talk_put_request(1);
	talk_let_run();
	talk_advance(10 * 1000);
	talk_expect_nothing();
	talk_reply();
	talk_expect_reply(1);
	talk_stop();
}

static void test_gone(void)
{
	static const size_t parts[] = { 0, 1, 10 };

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (parts[i] > 0)
			talk_log_start();
		talk_start_behind_proxy(3000, line.peer);
		if (parts[i] > 0)
			talk_put(line.bytes, parts[i]);
		shutdown(talk.client, SHUT_WR);
		talk_expect_end();
		talk_stop();
		if (parts[i] > 0)
			talk_log_expect("192.0.2.7 on unix:test: ended in the middle of a PROXY header");
	}
}

/* As health checks go: header, and that was it. */
static void test_gone_after(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
		start(&headers[i]);
		put_header(&headers[i]);
		shutdown(talk.client, SHUT_WR);
		talk_expect_end();
		g_assert_cmpint(talk.handled, ==, 0);
		stop(&headers[i]);
	}
}

static void test_drained(void)
{
	talk_start_behind_proxy(3000, line.peer);
	talk_put(line.bytes, 5);
	talk_let_run();
	talk_drain();
	talk_expect_end();
	talk_stop();
}

/* Nothing behind the header is answered, even in the same segment. */
static void test_refused(void)
{
	g_autofree char *request = talk_request(1), *both = g_strconcat(line.bytes, request, NULL);

	talk_log_start();
	talk_start_behind_proxy(3000, line.peer);
	talk.refuse = true;
	talk_put(both, strlen(both));
	talk_expect_end();
	g_assert_cmpint(talk.handled, ==, 0);
	g_assert_cmpint(talk.admitted, ==, 1);
	talk_stop();
	talk_log_expect("warning: client " SOURCE " via 192.0.2.7 on unix:test: it is not in allow; closing");
}

/* The proxy's own connections are for its networks alone to say. */
static void test_local_is_not_refused(void)
{
	talk_start_behind_proxy(3000, "192.0.2.7");
	talk.refuse = true;
	talk_put(BYTES(SIGNATURE "\x20\0\0\0"));
	talk_put_request(1);
	talk_expect_reply(1);
	talk_stop();
}

static void test_limit(void)
{
	struct log_limit limit = { 0 };
	char more[LOG_LIMIT_TEXT] = "x";

	g_assert_true(log_limit_pass(&limit, more));
	g_assert_cmpstr(more, ==, "");
	for (int i = 0; i < 3; i++)
		g_assert_false(log_limit_pass(&limit, more));
	clock_advance(999);
	g_assert_false(log_limit_pass(&limit, more));
	clock_advance(1);
	g_assert_true(log_limit_pass(&limit, more));
	g_assert_cmpstr(more, ==, " (and 4 before, not logged)");
	clock_advance(1000);
	g_assert_true(log_limit_pass(&limit, more));
	g_assert_cmpstr(more, ==, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1000000);
	g_test_add_func("/header/the source it names is the peer, else the proxy, which is told", test_alone);
	g_test_add_func("/header/it and requests may be cut anywhere and share segments", test_cut);
	g_test_add_func("/header/anything else closes with one log line and no reply", test_wrong);
	g_test_add_func("/header/there is only one", test_second);
	g_test_add_func("/header/it must be whole in time", test_late);
	g_test_add_func("/header/afterwards times are as ever", test_in_time);
	g_test_add_func("/header/a request's time begins behind it", test_request_began_after_header);
	g_test_add_func("/header/a reply may take longer than it may", test_in_hand);
	g_test_add_func("/header/a proxy that goes before its end is closed", test_gone);
	g_test_add_func("/header/a proxy that goes after it is closed", test_gone_after);
	g_test_add_func("/header/while it is awaited a connection can be drained", test_drained);
	g_test_add_func("/header/a source that may not ask is closed without a reply", test_refused);
	g_test_add_func("/header/a proxy's own connection is not refused", test_local_is_not_refused);
	g_test_add_func("/log/lines that strangers cause are one a second", test_limit);
	return g_test_run();
}
