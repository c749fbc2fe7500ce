/* unit/test_quantity.c - durations, sizes, and the clock that is turned by hand */
#include <glib.h>
#include "base/clock.h"
#include "base/quantity.h"

static void test_durations(void)
{
	static const struct {
		const char *text;
		pp_msec_t length;
		const char *print;
	} good[] = {
		{ "0s", 0, "0s" },
		{ "0ms", 0, "0s" },
		{ "1ms", 1, "1ms" },
		{ "250ms", 250, "250ms" },
		{ "1500ms", 1500, "1500ms" },
		{ "1.5s", 1500, "1500ms" },
		{ "5s", 5000, "5s" },
		{ "0.001s", 1, "1ms" },
		{ "0.5ms", -1, NULL },
		{ "300s", 300000, "5m" },
		{ "5m", 300000, "5m" },
		{ "05m", 300000, "5m" },
		{ "90m", 5400000, "90m" },
		{ "1.5h", 5400000, "90m" },
		{ "2h", 7200000, "2h" },
		{ "24h", 86400000, "1d" },
		{ "36d", INT64_C(36) * 86400000, "36d" },
		{ "35d", INT64_C(35) * 86400000, "5w" },
		{ "4w", INT64_C(28) * 86400000, "4w" },
		{ "0.5000000d", 43200000, "12h" },
		{ "36500d", INT64_C(36500) * 86400000, "36500d" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		pp_msec_t length = -1;
		const char *error = "";
		char buffer[32];

		g_test_message("%s", good[i].text);
		if (good[i].print == NULL) {
			g_assert_false(duration_parse(good[i].text, &length, &error));
			continue;
		}
		g_assert_true(duration_parse(good[i].text, &length, &error));
		g_assert_cmpint(length, ==, good[i].length);
		g_assert_cmpstr(duration_print(length, buffer), ==, good[i].print);
	}
}

static void test_bad_durations(void)
{
	static const char form[] = "a duration is a number and a unit, such as \"5m\"";
	static const char unit[] = "a duration needs a unit, such as \"5m\"";
	static const char units[] = "the unit of a duration is ms, s, m, h, d or w, as in \"5m\"";
	static const char whole[] = "a duration is a whole number of milliseconds";
	static const char most[] = "a duration is at most \"36500d\"";
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", form },
		{ "m", form },
		{ "-5m", form },
		{ "+5m", form },
		{ " 5m", form },
		{ ".5m", form },
		{ "5.m", form },
		{ "five", form },
		{ "0", unit },
		{ "5", unit },
		{ "1.5", unit },
		{ "5 m", units },
		{ "5m ", units },
		{ "5M", units },
		{ "5min", units },
		{ "1h30m", units },
		{ "1.5.5s", units },
		{ "1,5s", units },
		{ "0.5ms", whole },
		{ "1.0005s", whole },
		{ "0.3333333s", whole },
		{ "0.0000000000s", whole },
		{ "36501d", most },
		{ "36500.1d", most },
		{ "9223372036854775807ms", most },
		{ "18446744073709551617s", most },
		{ "99999999999999999999999999999999999999w", most },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		pp_msec_t length = 7;
		const char *error = NULL;

		g_test_message("%s", bad[i].text);
		g_assert_false(duration_parse(bad[i].text, &length, &error));
		g_assert_cmpstr(error, ==, bad[i].error);
		g_assert_cmpint(length, ==, 7);
	}
}

static void test_round_trip(void)
{
	for (int i = 0; i < 20000; i++) {
		pp_msec_t length = g_test_rand_int() & 0x7fffffff, again = -1;
		const char *error;
		char buffer[32];

		if (i % 3 == 0)
			length *= 1000;
		g_assert_true(duration_parse(duration_print(length, buffer), &again, &error));
		g_assert_cmpint(again, ==, length);
	}
}

static void test_say(void)
{
	static const struct {
		pp_msec_t length;
		const char *said;
	} table[] = {
		{ 0, "0s" },
		{ 1, "1ms" },
		{ 999, "999ms" },
		{ 1000, "1s" },
		{ 1500, "1s500ms" },
		{ 59999, "59s999ms" },
		{ 60000, "1m" },
		{ 61499, "1m1s" },
		{ 119500, "2m" },
		{ 272000, "4m32s" },
		{ 300000, "5m" },
		{ 3599499, "59m59s" },
		{ 3599500, "1h" },
		{ 3600000 + 29999, "1h" },
		{ 5400000, "1h30m" },
		{ 86399999, "1d" },
		{ INT64_C(35) * 86400000 + 3 * 3600000 + 1800000, "35d4h" },
		{ -272000, "-4m32s" },
	};
	char buffer[32];

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		g_assert_cmpstr(duration_say(table[i].length, buffer), ==, table[i].said);
	g_assert_cmpstr(duration_say(INT64_MAX, buffer), ==, "106751991167d7h");
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		int64_t bytes;
		const char *print;
	} good[] = {
		{ "0", 0, "0" },
		{ "1", 1, "1" },
		{ "4096", 4096, "4K" },
		{ "4097", 4097, "4097" },
		{ "64K", 65536, "64K" },
		{ "64M", 67108864, "64M" },
		{ "2G", INT64_C(2147483648), "2G" },
		{ "1024G", INT64_C(1) << 40, "1024G" },
		{ "2147483647G", INT64_C(2147483647) << 30, "2147483647G" },
	};
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "a size is a whole number and, where wanted, a unit, such as \"64M\"" },
		{ "M", "a size is a whole number and, where wanted, a unit, such as \"64M\"" },
		{ "-1", "a size is a whole number and, where wanted, a unit, such as \"64M\"" },
		{ "64MB", "the unit of a size is K, M or G, as in \"64M\"" },
		{ "64m", "the unit of a size is K, M or G, as in \"64M\"" },
		{ "1.5G", "the unit of a size is K, M or G, as in \"64M\"" },
		{ "64 M", "the unit of a size is K, M or G, as in \"64M\"" },
		{ "2147483648G", "a size is at most \"2147483647G\"" },
		{ "99999999999999999999", "a size is at most \"2147483647G\"" },
	};
	const char *error;
	int64_t bytes;
	char buffer[32];

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_assert_true(bytes_parse(good[i].text, &bytes, &error));
		g_assert_cmpint(bytes, ==, good[i].bytes);
		g_assert_cmpstr(bytes_print(bytes, buffer), ==, good[i].print);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		bytes = 7;
		g_test_message("%s", bad[i].text);
		g_assert_false(bytes_parse(bad[i].text, &bytes, &error));
		g_assert_cmpstr(error, ==, bad[i].error);
		g_assert_cmpint(bytes, ==, 7);
	}
}

static void test_clock(void)
{
	pp_msec_t now = pp_now(), time = pp_time();
	int64_t usec = clock_usec();

	g_assert_false(clock_is_fake());
	g_usleep(3000);
	g_assert_cmpint(clock_usec() - usec, >=, 3000);
	g_assert_cmpint(pp_now() - now, >=, 2);
	g_assert_cmpint(ABS(time - g_get_real_time() / 1000), <, 1000);

	clock_fake(1000000);
	g_assert_true(clock_is_fake());
	g_usleep(2000);
	g_assert_cmpint(pp_now(), ==, 1000000);
	g_assert_cmpint(pp_time(), ==, 1000000);
	clock_advance(360000);
	g_assert_cmpint(pp_now(), ==, 1360000);
	g_assert_cmpint(pp_time(), ==, 1360000);
	g_assert_cmpint(clock_usec(), ==, INT64_C(1360000000));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quantity/durations are read and printed exactly", test_durations);
	g_test_add_func("/quantity/what is no duration is refused with a sentence", test_bad_durations);
	g_test_add_func("/quantity/a printed duration reads as itself", test_round_trip);
	g_test_add_func("/quantity/durations are said in two units", test_say);
	g_test_add_func("/quantity/sizes are powers of 1024", test_sizes);
	g_test_add_func("/clock/a fake clock moves by hand only", test_clock);
	return g_test_run();
}
