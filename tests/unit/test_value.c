/* unit/test_value.c - values as written in a rule file, and their canonical texts */
#include <glib.h>
#include <math.h>
#include <string.h>
#include "base/param.h"

#define TEXT(value)                                \
	{                                          \
		.kind = PP_STRING, .string = value \
	}
#define WHOLE(value)                                 \
	{                                            \
		.kind = PP_INTEGER, .integer = value \
	}
#define REAL(value)                            \
	{                                      \
		.kind = PP_REAL, .real = value \
	}
#define TRUTH(value)                                 \
	{                                            \
		.kind = PP_BOOLEAN, .boolean = value \
	}
#define LIST(...)                                                                          \
	{                                                                                  \
		.kind = PP_LIST, .list = {                                                 \
			.count = sizeof((pp_pair_t[]){ __VA_ARGS__ }) / sizeof(pp_pair_t), \
			.pairs = (const pp_pair_t[]){ __VA_ARGS__ }                        \
		}                                                                          \
	}

static void test_value_print(void)
{
	const struct {
		pp_value_t value;
		const char *print, *show;
	} table[] = {
		{ { .kind = PP_NIL }, "nil", "nil" },
		{ TRUTH(true), "true", "true" },
		{ WHOLE(-5), "-5", "-5" },
		{ REAL(5.0), "5.0", "5.0" },
		{ REAL(0.1), "0.1", "0.1" },
		{ REAL(1e100), "1e+100", "1e+100" },
		{ REAL(1.0 / 3), "0.33333333333333331", "0.33333333333333331" },
		{ TEXT("a \"b\" \\ \n\x01\x7f \xc3\xa9"), "\"a \\\"b\\\" \\\\ \\n\\x01\\x7f \xc3\xa9\"",
		  "'a \"b\" \\   \xc3\xa9'" },
		{ TEXT("caf\xe9"), "\"caf\\xe9\"", "'caf?'" },
		{ { .kind = PP_LIST }, "{}", "{}" },
		{ LIST({ NULL, WHOLE(1) }, { "end", WHOLE(2) }, { "x_1", LIST({ "1x", TRUTH(false) }) }),
		  "{ 1, [\"end\"] = 2, x_1 = { [\"1x\"] = false } }", "{...}" },
		{ TEXT("123456789012345678901234567890123456789012345678901234567890123456789"), NULL,
		  "'123456789012345678901234567890123456789012345678901234567890123...'" },
	};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autoptr(GString) print = g_string_new(NULL);

		value_print(print, &table[i].value);
		if (table[i].print != NULL)
			g_assert_cmpstr(print->str, ==, table[i].print);
		g_assert_cmpstr(value_show(&arena, &table[i].value), ==, table[i].show);
	}
	arena_free(&arena);
}

static void test_value_canonical(void)
{
	/* All different, though many look alike when joined. */
	const pp_value_t values[] = {
		{ .kind = PP_NIL },
		TRUTH(true),
		TRUTH(false),
		WHOLE(1),
		REAL(1.5),
		TEXT("1"),
		TEXT(""),
		TEXT("n"),
		TEXT("s1:n"),
		{ .kind = PP_LIST },
		LIST({ NULL, TEXT("ab") }),
		LIST({ NULL, TEXT("a") }, { NULL, TEXT("b") }),
		LIST({ "a", TEXT("b") }),
		LIST({ NULL, LIST({ NULL, TEXT("a") }) }, { NULL, TEXT("b") }),
		LIST({ NULL, LIST({ NULL, TEXT("a") }, { NULL, TEXT("b") }) }),
		LIST({ NULL, TEXT("as1:b") }),
		LIST({ "as1:b", { .kind = PP_NIL } }),
		LIST({ NULL, WHOLE(1) }),
		LIST({ "", WHOLE(1) }),
		WHOLE(12),
		LIST({ NULL, WHOLE(1) }, { NULL, WHOLE(2) }),
		LIST({ NULL, WHOLE(12) }),
	};
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const pp_value_t zero = REAL(0.0), minus = REAL(-0.0);
	g_autoptr(GString) one = g_string_new(NULL), other = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		GString *out = g_string_new(NULL);

		value_canonical(out, &values[i]);
		g_assert_true(g_hash_table_add(seen, g_string_free(out, FALSE)));
	}
	value_canonical(one, &zero);
	value_canonical(other, &minus);
	g_assert_cmpstr(one->str, ==, other->str);
}

static void test_value_kinds(void)
{
	const pp_value_t list = LIST({ NULL, WHOLE(1) }, { "a", WHOLE(2) }, { "b", WHOLE(3) });
	const pp_value_t text = TEXT("a");
	pp_value_t number = TEXT("kept");

	g_assert_cmpstr(value_kind_name(PP_STRING), ==, "text");
	g_assert_cmpstr(value_kind_name(PP_INTEGER), ==, "number");
	g_assert_cmpstr(value_kind_name(PP_REAL), ==, "number");
	g_assert_cmpstr(value_kind_name(PP_BOOLEAN), ==, "true or false");
	g_assert_cmpstr(value_kind_name(PP_LIST), ==, "table");
	g_assert_cmpstr(value_kind_name(PP_NIL), ==, "nil");
	g_assert_cmpint(value_get(&list, "b")->integer, ==, 3);
	g_assert_null(value_get(&list, "c"));
	g_assert_null(value_get(&text, "a"));
	g_assert_null(value_get(NULL, "a"));
	g_assert_false(value_number("", &number));
	g_assert_false(value_number("5 ", &number));
	g_assert_false(value_number("inf", &number));
	g_assert_cmpstr(number.string, ==, "kept");
	g_assert_true(value_number("-7", &number));
	g_assert_cmpint(number.integer, ==, -7);
	g_assert_true(value_number("2.5", &number));
	g_assert_cmpfloat(number.real, ==, 2.5);
}

/* -- canonical texts of structs ------------------------------------------ */

struct conf {
	int64_t limit;
	double weight;
	const char *label;
	pp_msec_t delay;
	int64_t memory;
	const pp_texts_t *words;
	const pp_value_t *zones;
	const pp_networks_t *skip;
};

static const pp_row_t rows[] = { PP_INT(struct conf, limit, .dflt = "64"),
	                         PP_NUMBER(struct conf, weight, .dflt = "0.5"),
	                         PP_TEXT(struct conf, label),
	                         PP_DURATION(struct conf, delay, .dflt = "5m"),
	                         PP_BYTES(struct conf, memory, .dflt = "64M", .inert = true),
	                         PP_TEXTS(struct conf, words, .dflt = "one two"),
	                         PP_TABLE(struct conf, zones),
	                         PP_NETWORKS(struct conf, skip, .dflt = "127.0.0.0/8 ::1"),
	                         PP_END };

static char *canonical_of(const pp_value_t *values, bool all)
{
	struct pp_error error = { .messages = g_ptr_array_new() };
	GString *out = g_string_new(NULL);
	struct arena arena;
	struct conf conf;

	arena_init(&arena);
	g_assert_true(param_read(rows, values, NULL, &arena, &conf, &error));
	param_canonical(out, rows, &conf, all);
	param_clear(rows, &conf);
	arena_free(&arena);
	g_ptr_array_unref(error.messages);
	return g_string_free(out, FALSE);
}

static void test_canonical(void)
{
	const pp_value_t same[] = {
		LIST({ "delay", TEXT("5m") },
		     { "skip", LIST({ NULL, TEXT("::1") }, { NULL, TEXT("127.0.0.0/8") }) }),
		LIST({ "delay", TEXT("300s") },
		     { "skip", LIST({ NULL, TEXT("127.0.0.0/9") }, { NULL, TEXT("::1") },
		                    { NULL, TEXT("127.128.0.0/9") }) }),
		LIST({ "weight", REAL(0.5) }),
		LIST({ "limit", REAL(64) }),
		LIST({ "memory", TEXT("8K") }),
	};
	const pp_value_t different[] = {
		LIST({ "delay", TEXT("301s") }),
		LIST({ "label", TEXT("") }),
		LIST({ "label", TEXT("n") }),
		LIST({ "words", LIST({ NULL, TEXT("onetwo") }) }),
		LIST({ "words", LIST({ NULL, TEXT("one") }) }),
		LIST({ "words", LIST({ NULL, TEXT("two") }, { NULL, TEXT("one") }) }),
		LIST({ "words", { .kind = PP_LIST } }),
		LIST({ "zones", { .kind = PP_LIST } }),
		LIST({ "zones", LIST({ "a", WHOLE(1) }) }),
		LIST({ "zones", LIST({ "a", REAL(1.5) }) }),
		LIST({ "zones", LIST({ "a", TEXT("1") }) }),
		LIST({ "zones", LIST({ NULL, TEXT("a") }, { NULL, WHOLE(1) }) }),
		LIST({ "skip", TEXT("127.0.0.0/8") }),
		LIST({ "weight", REAL(0.50000000000000011) }),
	};
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *plain = canonical_of(NULL, false), *all = canonical_of(NULL, true);
	g_autofree char *bigger = canonical_of(&same[4], true);

	for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
		g_autofree char *other = canonical_of(&same[i], false);

		g_assert_cmpstr(other, ==, plain);
	}
	g_assert_true(g_hash_table_add(seen, g_strdup(plain)));
	for (size_t i = 0; i < G_N_ELEMENTS(different); i++)
		g_assert_true(g_hash_table_add(seen, canonical_of(&different[i], false)));
	g_assert_cmpstr(all, !=, plain);
	g_assert_cmpstr(all, !=, bigger);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/value/values print as Lua writes them", test_value_print);
	g_test_add_func("/value/different values have different canonical texts", test_value_canonical);
	g_test_add_func("/value/kinds, keys and numbers", test_value_kinds);
	g_test_add_func("/param/equal structs and only those have equal canonical texts", test_canonical);
	return g_test_run();
}
