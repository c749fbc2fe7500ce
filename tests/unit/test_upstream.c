/* unit/test_upstream.c - which server is asked, and when one is down or up: without any network */
#include <glib.h>
#include <string.h>
#include "base/clock.h"
#include "service/upstream.h"

#define MANY 30000

static struct upstream *make(pp_upstream_settings_t settings)
{
	for (size_t i = 0; i < settings.count; i++) {
		pp_upstream_server_t *server = (pp_upstream_server_t *)&settings.servers[i];

		server->address = server->address != NULL ? server->address : "127.0.0.1:10031";
		server->weight = MAX(server->weight, 1);
		server->timeout = 5000;
	}
	settings.probe = "";
	settings.connect = 1000;
	settings.fastinter = 500;
	settings.rise = 2;
	settings.fall = 3;
	settings.error_limit = settings.error_limit != 0 ? settings.error_limit : 10;
	return upstream_new("test", &settings);
}

#define MAKE(...)                                                                                        \
	make((pp_upstream_settings_t){ .count = G_N_ELEMENTS(((pp_upstream_server_t[]){ __VA_ARGS__ })), \
	                               .servers = (pp_upstream_server_t[]){ __VA_ARGS__ } })

/* The name of who is asked; it answers with this result. */
static const char *ask(struct upstream *upstream, uint64_t tried, uint64_t stick, enum upstream_result result)
{
	struct upstream_pick pick;

	if (!upstream_choose(upstream, tried, stick, &pick))
		return "nobody";
	upstream_report(upstream, pick.server, result, 0, "it is broken");
	return upstream_settings(upstream)->servers[pick.server].name;
}

static const char *answer(struct upstream *upstream)
{
	return ask(upstream, 0, 0, UPSTREAM_ANSWERED);
}

static bool is_up(struct upstream *upstream, unsigned server)
{
	struct upstream_status status;

	upstream_status(upstream, server, &status);
	return status.up;
}

static void *ask_many(void *data)
{
	for (unsigned i = 0; i < MANY / 3; i++)
		answer(data);
	return NULL;
}

static void test_weights(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .weight = 2 }, { .name = "b", .weight = 1 });
	struct upstream_status status;
	GThread *threads[3];

	for (unsigned i = 0; i < 3; i++)
		threads[i] = g_thread_new("ask", ask_many, upstream);
	for (unsigned i = 0; i < 3; i++)
		g_thread_join(threads[i]);
	upstream_status(upstream, 0, &status);
	g_assert_cmpint(status.answers, ==, MANY * 2 / 3);
	upstream_status(upstream, 1, &status);
	g_assert_cmpint(status.answers, ==, MANY / 3);
	upstream_close(upstream);
}

/* No server gets its share all at once. */
static void test_smooth(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .weight = 3 }, { .name = "b" }, { .name = "c" });
	g_autoptr(GString) turns = g_string_new(NULL);

	for (unsigned i = 0; i < 10; i++)
		g_string_append(turns, answer(upstream));
	g_assert_cmpstr(turns->str, ==, "abacaabaca");
	upstream_close(upstream);
}

static void test_priorities(void)
{
	struct upstream *upstream = MAKE({ .name = "hundred", .priority = 100 },
	                                 { .name = "ten", .priority = 10 },
	                                 { .name = "nine", .priority = 9 });

	g_assert_cmpstr(answer(upstream), ==, "nine");
	g_assert_cmpstr(ask(upstream, 1u << 2, 0, UPSTREAM_ANSWERED), ==, "ten");
	g_assert_cmpstr(ask(upstream, 3u << 1, 0, UPSTREAM_ANSWERED), ==, "hundred");
	g_assert_cmpstr(ask(upstream, 7u, 0, UPSTREAM_ANSWERED), ==, "nobody");
	upstream_close(upstream);
}

static void test_backup(void)
{
	struct upstream *upstream = MAKE({ .name = "spare", .priority = 1, .backup = true },
	                                 { .name = "main", .priority = 99 });

	g_assert_cmpstr(answer(upstream), ==, "main");
	upstream_set_admin(upstream, 1, UPSTREAM_DRAIN);
	g_assert_cmpstr(answer(upstream), ==, "spare");
	upstream_close(upstream);
}

/* When a server goes, only what it had moves. */
static void test_stick(void)
{
	struct upstream *upstream = MAKE({ .name = "a" }, { .name = "b" }, { .name = "c", .weight = 2 });
	unsigned counts[3] = { 0 };

	for (uint64_t i = 1; i <= 4000; i++) {
		const char *first = ask(upstream, 0, i * 2654435761u, UPSTREAM_ANSWERED), *without;

		g_assert_cmpstr(ask(upstream, 0, i * 2654435761u, UPSTREAM_ANSWERED), ==, first);
		without = ask(upstream, 1, i * 2654435761u, UPSTREAM_ANSWERED);
		if (*first != 'a')
			g_assert_cmpstr(without, ==, first);
		counts[*first - 'a']++;
	}
	g_assert_cmpuint(counts[0], >, 850);
	g_assert_cmpuint(counts[1], >, 850);
	g_assert_cmpuint(counts[2], >, 1800);
	upstream_close(upstream);
}

static void test_error_limit(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });

	for (unsigned i = 0; i < 9; i++)
		g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_BROKEN), ==, "a");
	g_assert_cmpstr(answer(upstream), ==, "a");
	for (unsigned i = 0; i < 10; i++)
		g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_BROKEN), ==, "a");
	g_assert_false(is_up(upstream, 0));
	g_assert_cmpstr(answer(upstream), ==, "b");
	upstream_close(upstream);
}

static void test_hangs(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });

	for (unsigned i = 0; i < 3; i++)
		g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_TIMED_OUT), ==, "a");
	g_assert_cmpstr(answer(upstream), ==, "b");
	upstream_close(upstream);
}

static void test_abandoned(void)
{
	struct upstream *upstream = MAKE({ .name = "a" });

	for (unsigned i = 0; i < 50; i++)
		g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_ABANDONED), ==, "a");
	g_assert_true(is_up(upstream, 0));
	upstream_close(upstream);
}

/* Without checks: one request tries after the pause, rise of them bring it up, and a failed one doubles
 * the pause. */
static void test_half_open(void)
{
	struct upstream *upstream = MAKE({ .name = "a" });
	struct upstream_pick pick, other;

	for (unsigned i = 0; i < 3; i++)
		ask(upstream, 0, 0, UPSTREAM_TIMED_OUT);
	g_assert_cmpstr(answer(upstream), ==, "nobody");
	clock_advance(2000);
	g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	g_assert_false(upstream_choose(upstream, 0, 0, &other));
	upstream_report(upstream, 0, UPSTREAM_REFUSED, 0, "no");
	clock_advance(3999);
	g_assert_cmpstr(answer(upstream), ==, "nobody");
	clock_advance(1);
	g_assert_cmpstr(answer(upstream), ==, "a");
	g_assert_false(is_up(upstream, 0));
	g_assert_cmpstr(answer(upstream), ==, "a");
	g_assert_true(is_up(upstream, 0));
	upstream_close(upstream);
}

/* What was under way when it went down and fails later makes the pause no longer. */
static void test_late_failures(void)
{
	struct upstream *upstream = MAKE({ .name = "a" });
	struct upstream_pick pick;

	for (unsigned i = 0; i < 20; i++)
		g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	clock_advance(1000);
	for (unsigned i = 0; i < 20; i++)
		upstream_report(upstream, 0, UPSTREAM_TIMED_OUT, 1000, "no answer");
	g_assert_false(is_up(upstream, 0));
	clock_advance(1999);
	g_assert_cmpstr(answer(upstream), ==, "nobody");
	clock_advance(1);
	g_assert_cmpstr(answer(upstream), ==, "a");
	upstream_close(upstream);
}

/* Nor do they let another request try it while one does. */
static void test_late_reports(void)
{
	struct upstream *upstream = MAKE({ .name = "a" });
	struct upstream_pick pick;

	for (unsigned i = 0; i < 5; i++)
		g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	clock_advance(1000);
	for (unsigned i = 0; i < 3; i++)
		upstream_report(upstream, 0, UPSTREAM_TIMED_OUT, 1000, "no answer");
	g_assert_false(is_up(upstream, 0));
	clock_advance(2000);
	g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	clock_advance(1000);
	upstream_report(upstream, 0, UPSTREAM_TIMED_OUT, 4000, "no answer");
	upstream_report(upstream, 0, UPSTREAM_ABANDONED, 4000, NULL);
	g_assert_cmpstr(answer(upstream), ==, "nobody");
	upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1000, NULL);
	g_assert_cmpstr(answer(upstream), ==, "a");
	upstream_close(upstream);
}

static void test_checks(void)
{
	static const pp_upstream_server_t servers[] = { { .name = "a" } };
	struct upstream *upstream;
	pp_upstream_server_t own[1];

	memcpy(own, servers, sizeof(own));
	upstream = make((pp_upstream_settings_t){ .count = 1, .servers = own, .inter = 3600 * 1000 });
	g_assert_cmpint(upstream_checked(upstream, 0, false, "no"), ==, 500);
	g_assert_cmpint(upstream_checked(upstream, 0, true, ""), ==, 3600 * 1000);
	upstream_checked(upstream, 0, false, "no");
	upstream_checked(upstream, 0, false, "no");
	g_assert_true(is_up(upstream, 0));
	g_assert_cmpint(upstream_checked(upstream, 0, false, "no"), ==, 3600 * 1000);
	g_assert_false(is_up(upstream, 0));
	g_assert_cmpint(upstream_checked(upstream, 0, true, ""), ==, 500);
	upstream_checked(upstream, 0, false, "no");
	upstream_checked(upstream, 0, true, "");
	g_assert_false(is_up(upstream, 0));
	upstream_checked(upstream, 0, true, "");
	g_assert_true(is_up(upstream, 0));
	upstream_close(upstream);
}

/* Several wait, and nothing comes. */
static void test_silent(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 },
	                                 { .name = "c", .backup = true });
	struct upstream_pick pick;

	for (unsigned i = 0; i < 3; i++)
		g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_ABANDONED), ==, "a");
	clock_advance(201);
	g_assert_cmpstr(answer(upstream), ==, "b");
	g_assert_cmpstr(ask(upstream, 2, 0, UPSTREAM_ABANDONED), ==, "c");
	g_assert_cmpstr(ask(upstream, 6, 0, UPSTREAM_ABANDONED), ==, "a");
	upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1, NULL);
	g_assert_cmpstr(answer(upstream), ==, "a");
	upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1, NULL);
	upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1, NULL);
	upstream_close(upstream);
}

static void begin(struct upstream *upstream, unsigned count)
{
	struct upstream_pick pick;

	for (unsigned i = 0; i < count; i++)
		g_assert_true(upstream_choose(upstream, 0, 0, &pick));
}

/* More than fall wait, and nothing comes: fall of them stay to find out, the others may go. */
static void test_leave(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });
	unsigned left = 0;

	begin(upstream, 10);
	clock_advance(200);
	g_assert_cmpuint(upstream_find_stuck(upstream), ==, 0);
	g_assert_false(upstream_leave(upstream, 0, 1));
	clock_advance(1);
	g_assert_cmpuint(upstream_find_stuck(upstream), ==, 1);
	g_assert_false(upstream_leave(upstream, 0, 3)); /* there is nobody else */
	for (unsigned i = 0; i < 10; i++)
		left += upstream_leave(upstream, 0, 1);
	g_assert_cmpuint(left, ==, 7);
	g_assert_cmpuint(upstream_find_stuck(upstream), ==, 0);
	upstream_report(upstream, 0, UPSTREAM_ANSWERED, 201, NULL);
	begin(upstream, 2);
	g_assert_cmpuint(upstream_find_stuck(upstream), ==, 0);
	for (unsigned i = 0; i < 4; i++)
		upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1, NULL);
	upstream_close(upstream);
}

/* After a timeout no more wait at it than may still be lost, until it answers. */
static void test_hangs_at_once(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });

	begin(upstream, 2);
	upstream_report(upstream, 0, UPSTREAM_TIMED_OUT, 5000, "no answer");
	begin(upstream, 1);
	g_assert_cmpstr(answer(upstream), ==, "b");
	upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1, NULL);
	g_assert_cmpstr(answer(upstream), ==, "a");
	upstream_report(upstream, 0, UPSTREAM_ABANDONED, 1, NULL);
	upstream_close(upstream);
}

/* What waits at one that is down goes to another, unless it tries whether it is up. */
static void test_leave_down(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });
	struct upstream_pick pick;

	begin(upstream, 5);
	for (unsigned i = 0; i < 3; i++)
		upstream_report(upstream, 0, UPSTREAM_TIMED_OUT, 10, "no answer");
	g_assert_false(is_up(upstream, 0));
	g_assert_true(upstream_leave(upstream, 0, 1));
	g_assert_true(upstream_leave(upstream, 0, 1));
	clock_advance(2000);
	g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	g_assert_cmpuint(pick.server, ==, 0);
	g_assert_false(upstream_leave(upstream, 0, 1));
	clock_advance(201);
	g_assert_true(upstream_leave(upstream, 0, 1));
	clock_advance(3999);
	g_assert_cmpstr(answer(upstream), ==, "b");
	clock_advance(1);
	g_assert_cmpstr(answer(upstream), ==, "a");
	upstream_close(upstream);
}

/* How long is too long depends on how long it takes as a rule. */
static void test_usual(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });
	struct upstream_pick pick;

	for (unsigned i = 0; i < 100; i++) {
		g_assert_true(upstream_choose(upstream, 0, 0, &pick));
		upstream_report(upstream, 0, UPSTREAM_ANSWERED, 100, NULL);
	}
	for (unsigned i = 0; i < 3; i++)
		g_assert_true(upstream_choose(upstream, 0, 0, &pick));
	clock_advance(700);
	g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_ABANDONED), ==, "a");
	clock_advance(200);
	g_assert_cmpstr(answer(upstream), ==, "b");
	for (unsigned i = 0; i < 3; i++)
		upstream_report(upstream, 0, UPSTREAM_ABANDONED, 900, NULL);
	upstream_close(upstream);
}

/* As many as it had before are waited for; more are not sent after them. */
static void test_crowd(void)
{
	struct upstream *upstream = MAKE({ .name = "a", .priority = 1 }, { .name = "b", .priority = 2 });

	begin(upstream, 10);
	for (unsigned i = 0; i < 10; i++)
		upstream_report(upstream, 0, UPSTREAM_ANSWERED, 1, NULL);
	begin(upstream, 10);
	clock_advance(30);
	g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_ABANDONED), ==, "a");
	for (unsigned i = 0; i < 10; i++)
		upstream_report(upstream, 0, UPSTREAM_ABANDONED, 1, NULL);
	for (unsigned i = 0; i < 100; i++)
		g_assert_cmpstr(answer(upstream), ==, "a");
	begin(upstream, 3);
	clock_advance(20);
	g_assert_cmpstr(ask(upstream, 0, 0, UPSTREAM_ABANDONED), ==, "a");
	clock_advance(1);
	g_assert_cmpstr(answer(upstream), ==, "b");
	g_assert_false(upstream_leave(upstream, 0, 1));
	for (unsigned i = 0; i < 3; i++)
		upstream_report(upstream, 0, UPSTREAM_ABANDONED, 1, NULL);
	upstream_close(upstream);
}

static void test_weight_changes(void)
{
	struct upstream *upstream = MAKE({ .name = "a" }, { .name = "b" });
	unsigned a = 0;

	upstream_set_weight(upstream, 0, 0);
	for (unsigned i = 0; i < 5; i++)
		g_assert_cmpstr(answer(upstream), ==, "b");
	upstream_set_weight(upstream, 1, 0);
	g_assert_cmpstr(answer(upstream), ==, "nobody");
	upstream_set_weight(upstream, 1, 1);
	upstream_set_weight(upstream, 0, 4);
	for (unsigned i = 0; i < 10; i++)
		a += *answer(upstream) == 'a';
	g_assert_cmpuint(a, ==, 8);
	upstream_close(upstream);
}

static void test_addresses(void)
{
	static const char *const good[] = { "10.0.0.1:10031",         "inet:10.0.0.1:1",
		                            "[2001:db8::1]:65535",    "localhost:25",
		                            "mail.example.org:10031", "unix:/run/a.sock",
		                            "a_b-c.example.org:1" };
	static const char *const bad[] = { "10.0.0.1",      "10.0.0.1:",   "10.0.0.1:0", "10.0.0.1:65536",
		                           "*:25",          ":25",         "10.0.0:25",  "10.0.0.256:25",
		                           "a b:25",        "unix:run",    "unix:",      "2001:db8::1:25",
		                           "[2001:db8::1]", "[::x]:1",     "",           "a..b:25",
		                           "10.0.0.1:+5",   "10.0.0.1:25 " };
	struct upstream_address address;

	for (unsigned i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_true(upstream_address_parse(good[i], &address));
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_test_message("%s", bad[i]);
		g_assert_false(upstream_address_parse(bad[i], &address));
	}
	g_assert_true(upstream_address_parse("mail.example.org:10031", &address));
	g_assert_cmpstr(address.host, ==, "mail.example.org");
	g_assert_cmpuint(address.port, ==, 10031);
	g_assert_cmpuint(address.endpoint.size, ==, 0);
}

/* One in use stays as long as it is among those found, or nothing is found. */
static void test_names(void)
{
	struct upstream *upstream = MAKE({ .name = "a" });
	pp_dns_record_t records[] = { { .address = { 4, { 192, 0, 2, 1 } } },
		                      { .address = { 4, { 192, 0, 2, 2 } } } };
	struct upstream_pick pick, first;

	upstream_resolved(upstream, 0, records, 2, "found");
	g_assert_true(upstream_locate(upstream, 0, &first));
	upstream_resolved(upstream, 0, NULL, 0, "timeout");
	records[0] = records[1];
	records[1] = (pp_dns_record_t){ .address = { 4, { 192, 0, 2, 1 } } };
	upstream_resolved(upstream, 0, records, 2, "found");
	g_assert_true(upstream_locate(upstream, 0, &pick));
	g_assert_cmpuint(pick.generation, ==, first.generation);
	upstream_resolved(upstream, 0, records, 1, "found");
	g_assert_true(upstream_locate(upstream, 0, &pick));
	g_assert_cmpuint(pick.generation, ==, first.generation + 1);
	upstream_close(upstream);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1700000000000);
	g_test_add_func("/upstream/weights are met exactly, by several threads", test_weights);
	g_test_add_func("/upstream/turns are spread", test_smooth);
	g_test_add_func("/upstream/priorities are numbers", test_priorities);
	g_test_add_func("/upstream/a backup is asked last, whatever its priority", test_backup);
	g_test_add_func("/upstream/what sticks stays, and moves only with its server", test_stick);
	g_test_add_func("/upstream/errors in a row take a server down", test_error_limit);
	g_test_add_func("/upstream/timeouts in a row take it down as failed checks do", test_hangs);
	g_test_add_func("/upstream/who gives up says nothing of a server", test_abandoned);
	g_test_add_func("/upstream/without checks one request tries a server that is down", test_half_open);
	g_test_add_func("/upstream/requests under way when it went down do not put off that try",
	                test_late_failures);
	g_test_add_func("/upstream/nor do they let a second one try it", test_late_reports);
	g_test_add_func("/upstream/checks take it down and bring it up", test_checks);
	g_test_add_func("/upstream/one that answers nobody is passed over", test_silent);
	g_test_add_func("/upstream/as many as take it down stay with one that answers nobody", test_leave);
	g_test_add_func("/upstream/after a timeout it gets no more than may be lost", test_hangs_at_once);
	g_test_add_func("/upstream/what waits at one that is down goes on", test_leave_down);
	g_test_add_func("/upstream/what is too long depends on what is usual", test_usual);
	g_test_add_func("/upstream/more than usual are not sent to one that answers nobody", test_crowd);
	g_test_add_func("/upstream/a weight can be changed", test_weight_changes);
	g_test_add_func("/upstream/addresses are read strictly", test_addresses);
	g_test_add_func("/upstream/an address stays as long as it is good", test_names);
	return g_test_run();
}
