/* unit/test_param.c - rows of parameters and the values written for them */
#include <glib.h>
#include <math.h>
#include <string.h>
#include "base/param.h"

struct conf {
	bool strict;
	int64_t limit;
	double weight;
	const char *label;
	pp_msec_t delay;
	int64_t memory;
	const char *file;
	const char *search;
	const pp_texts_t *words;
	const pp_value_t *zones;
	const pp_value_t *keep;
	const pp_networks_t *skip;
	const char *attribute;
	const pp_texts_t *attributes;
	const pp_texts_t *fields;
};

static const pp_row_t rows[] = {
	PP_BOOL(struct conf, strict, .dflt = "true", .help = "Whether it is strict"),
	PP_INT(struct conf, limit, .dflt = "64", .min = "1", .max = "255", .unit = "characters"),
	PP_NUMBER(struct conf, weight, .dflt = "0.5", .min = "-1", .max = "1e3"),
	PP_TEXT(struct conf, label, .max = "8"),
	PP_DURATION(struct conf, delay, .dflt = "5m", .min = "1s", .max = "1d"),
	PP_BYTES(struct conf, memory, .dflt = "64M", .min = "4K", .inert = true),
	PP_FILE(struct conf, file),
	PP_CHOICE(struct conf, search, .dflt = "exact", .choices = "exact cidr mail domain regex"),
	PP_TEXTS(struct conf, words, .dflt = "one two"),
	PP_TABLE(struct conf, zones),
	PP_TABLE(struct conf, keep, .dflt = "0s"),
	PP_NETWORKS(struct conf, skip, .dflt = "127.0.0.0/8 ::1"),
	PP_ATTR_NAME(struct conf, attribute, .dflt = "sender"),
	PP_ATTR_NAMES(struct conf, attributes),
	PP_FIELD_NAMES(struct conf, fields),
	PP_END
};

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

/* A call at policy.lua:7 with a struct to read into. */
struct call {
	struct arena arena;
	struct pp_error error;
	struct conf conf;
};

static void call_open(struct call *call)
{
	*call = (struct call){ .error = { .file = "policy.lua", .line = 7, .where = "greylist" } };
	memset(&call->conf, 0xaa, sizeof(call->conf));
	call->error.messages = g_ptr_array_new_with_free_func(g_free);
	arena_init(&call->arena);
}

static void call_close(struct call *call)
{
	param_clear(rows, &call->conf);
	g_ptr_array_unref(call->error.messages);
	arena_free(&call->arena);
}

static char *messages(const struct call *call)
{
	GString *all = g_string_new(NULL);

	for (guint i = 0; i < call->error.messages->len; i++)
		g_string_append_printf(all, "%s%s", i > 0 ? "\n" : "",
		                       (const char *)g_ptr_array_index(call->error.messages, i));
	return g_string_free(all, FALSE);
}

static char *print_all(const struct call *call)
{
	GString *all = g_string_new(NULL);

	for (const pp_row_t *row = rows; row->name != NULL; row++) {
		g_autofree char *print = param_print(row, &call->conf);

		g_string_append_printf(all, "%s%s=%s", row > rows ? " " : "", row->name, print);
	}
	return g_string_free(all, FALSE);
}

static void test_defaults(void)
{
	static const char want[] =
	        "strict=true limit=64 weight=0.5 label=nil delay=\"5m\" memory=\"64M\" file=nil "
	        "search=\"exact\" words={ \"one\", \"two\" } zones=nil keep=\"0s\" "
	        "skip={ \"127.0.0.0/8\", \"::1/128\" } attribute=\"sender\" attributes=nil fields=nil";
	struct call call;

	for (int from_read = 0; from_read < 2; from_read++) {
		g_autofree char *got = NULL;

		call_open(&call);
		if (from_read)
			g_assert_true(param_read(rows, NULL, NULL, &call.arena, &call.conf, &call.error));
		else
			g_assert_true(param_defaults(rows, &call.arena, &call.conf, &call.error));
		g_assert_cmpint(call.conf.delay, ==, 300000);
		g_assert_cmpint(call.conf.memory, ==, 64 << 20);
		got = print_all(&call);
		g_assert_cmpstr(got, ==, want);
		call_close(&call);
	}
}

static void test_values(void)
{
	const pp_value_t values = LIST(
	        { "attribute", TEXT("client_name") },
	        { "attributes", LIST({ NULL, TEXT("sender") }, { NULL, TEXT("helo_name") }) },
	        { "delay", TEXT("1.5h") }, { "fields", TEXT("country") },
	        { "file", TEXT("lists/partners.txt") }, { "keep", LIST({ "listed", TEXT("1h") }) },
	        { "label", TEXT("12345678") }, { "limit", REAL(200.0) }, { "memory", TEXT("4K") },
	        { "search", TEXT("cidr") }, { "skip", TEXT("192.0.2.0/24") }, { "strict", TRUTH(false) },
	        { "weight", WHOLE(3) }, { "words", LIST({ NULL, TEXT("a b") }, { NULL, TEXT("") }) },
	        { "zones", LIST({ "zen.example.org", WHOLE(5) }) });
	static const char want[] =
	        "strict=false limit=200 weight=3 label=\"12345678\" delay=\"90m\" memory=\"4K\" "
	        "file=\"/etc/ppolicyd/lists/partners.txt\" search=\"cidr\" words={ \"a b\", \"\" } "
	        "zones={ [\"zen.example.org\"] = 5 } keep={ listed = \"1h\" } skip={ \"192.0.2.0/24\" } "
	        "attribute=\"client_name\" attributes={ \"sender\", \"helo_name\" } fields={ \"country\" }";
	static const struct param_options options = { .folder = "/etc/ppolicyd" };
	g_autofree char *got = NULL;
	struct call call;

	call_open(&call);
	g_assert_true(param_read(rows, &values, &options, &call.arena, &call.conf, &call.error));
	got = print_all(&call);
	g_assert_cmpstr(got, ==, want);
	g_assert_true(call.conf.search == g_intern_string("cidr"));
	call_close(&call);
}

static void test_copied(void)
{
	char label[] = "label", word[] = "word", key[] = "key", text[] = "text";
	const pp_pair_t inner[] = { { key, TEXT(text) } }, words[] = { { NULL, TEXT(word) } };
	const pp_pair_t pairs[] = { { "label", TEXT(label) },
		                    { "words", { .kind = PP_LIST, .list = { 1, words } } },
		                    { "zones", { .kind = PP_LIST, .list = { 1, inner } } } };
	const pp_value_t values = { .kind = PP_LIST, .list = { 3, pairs } };
	struct call call;

	call_open(&call);
	g_assert_true(param_read(rows, &values, NULL, &call.arena, &call.conf, &call.error));
	label[0] = word[0] = key[0] = text[0] = 'X';
	g_assert_cmpstr(call.conf.label, ==, "label");
	g_assert_cmpstr(call.conf.words->items[0], ==, "word");
	g_assert_cmpstr(value_get(call.conf.zones, "key")->string, ==, "text");
	call_close(&call);
}

static void test_file(void)
{
	static const struct {
		const char *folder, *file, *path;
	} table[] = {
		{ "/etc/ppolicyd", "a.txt", "/etc/ppolicyd/a.txt" },
		{ "/etc/ppolicyd/", "../a.txt", "/etc/ppolicyd/../a.txt" },
		{ "/etc/ppolicyd", "/srv/a.txt", "/srv/a.txt" },
		{ NULL, "/srv/a.txt", "/srv/a.txt" },
	};
	g_autofree char *here = g_get_current_dir(), *path = g_strdup_printf("%s/a.txt", here);
	const pp_pair_t relative = { "file", TEXT("a.txt") };
	const pp_value_t value = { .kind = PP_LIST, .list = { 1, &relative } };
	struct call call;

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		const struct param_options options = { .folder = table[i].folder };
		const pp_pair_t pair = { "file", TEXT(table[i].file) };
		const pp_value_t values = { .kind = PP_LIST, .list = { 1, &pair } };

		call_open(&call);
		g_assert_true(param_read(rows, &values, &options, &call.arena, &call.conf, &call.error));
		g_assert_cmpstr(call.conf.file, ==, table[i].path);
		call_close(&call);
	}
	call_open(&call);
	g_assert_true(param_read(rows, &value, NULL, &call.arena, &call.conf, &call.error));
	g_assert_cmpstr(call.conf.file, ==, path);
	call_close(&call);
}

static void test_wrong(void)
{
	const struct {
		pp_pair_t pair;
		const char *message;
	} table[] = {
		{ { "dealy", TEXT("5m") }, "no parameter 'dealy' (did you mean 'delay'?)" },
		{ { "zebra", TEXT("5m") }, "no parameter 'zebra'" },
		{ { "a\nb\xff", TEXT("5m") }, "no parameter 'a b?'" },
		{ { NULL, TEXT("5m") }, "found '5m', wanted parameters written as name = value" },
		{ { "strict", WHOLE(1) }, "strict: found 1, wanted true or false" },
		{ { "strict", TEXT("true") }, "strict: found 'true', wanted true or false" },
		{ { "limit", WHOLE(300) }, "limit: found 300, wanted at most 255 characters" },
		{ { "limit", WHOLE(0) }, "limit: found 0, wanted at least 1 character" },
		{ { "limit", REAL(2.5) }, "limit: found 2.5, wanted a whole number" },
		{ { "limit", REAL(1e300) }, "limit: found 1e+300, wanted a whole number" },
		{ { "limit", REAL(0x1p63) }, "limit: found 9.2233720368547758e+18, wanted a whole number" },
		{ { "limit", REAL(NAN) }, "limit: found 0/0, wanted a whole number" },
		{ { "limit", TEXT("5") }, "limit: found '5', wanted a whole number" },
		{ { "weight", TEXT("5") }, "weight: found '5', wanted a number" },
		{ { "weight", REAL(INFINITY) }, "weight: found 1e999, wanted a number" },
		{ { "weight", REAL(-1.5) }, "weight: found -1.5, wanted at least -1" },
		{ { "weight", WHOLE(1001) }, "weight: found 1001, wanted at most 1e3" },
		{ { "label", WHOLE(5) }, "label: found 5, wanted a text" },
		{ { "label", TEXT("123456789") }, "label: found '123456789', wanted at most 8 characters" },
		{ { "delay", WHOLE(5) }, "delay: found 5, wanted a duration such as \"5m\"" },
		{ { "delay", LIST({ NULL, WHOLE(5) }) },
		  "delay: found {...}, wanted a duration such as \"5m\"" },
		{ { "delay", TEXT("5") }, "delay: found '5': a duration needs a unit, such as \"5m\"" },
		{ { "delay", TEXT("2d") }, "delay: found '2d', wanted at most \"1d\"" },
		{ { "delay", TEXT("10ms") }, "delay: found '10ms', wanted at least \"1s\"" },
		{ { "memory", WHOLE(64) }, "memory: found 64, wanted a size such as \"64M\"" },
		{ { "memory", TEXT("64MB") },
		  "memory: found '64MB': the unit of a size is K, M or G, as in \"64M\"" },
		{ { "memory", TEXT("1K") }, "memory: found '1K', wanted at least \"4K\"" },
		{ { "file", TEXT("") }, "file: found '', wanted the name of a file" },
		{ { "file", TRUTH(true) }, "file: found true, wanted the name of a file" },
		{ { "search", TEXT("cdir") },
		  "search: found 'cdir', wanted one of exact, cidr, mail, domain, regex (did you mean "
		  "'cidr'?)" },
		{ { "search", TEXT("") },
		  "search: found '', wanted one of exact, cidr, mail, domain, regex" },
		{ { "search", WHOLE(5) }, "search: found 5, wanted one of exact, cidr, mail, domain, regex" },
		{ { "words", WHOLE(5) }, "words: found 5, wanted a text or a list of texts" },
		{ { "words", LIST({ NULL, WHOLE(5) }) }, "words: found 5, wanted a text or a list of texts" },
		{ { "words", LIST({ "a", TEXT("b") }) },
		  "words: found the key 'a', wanted a text or a list of texts" },
		{ { "zones", TEXT("a") }, "zones: found 'a', wanted a table" },
		{ { "keep", WHOLE(5) }, "keep: found 5, wanted a text or a table" },
		{ { "skip", TEXT("192.0.2.1/24") },
		  "skip: found '192.0.2.1/24', wanted the network '192.0.2.0/24'" },
		{ { "skip", LIST({ NULL, TEXT("::1") }, { NULL, TEXT("localhost") }) },
		  "skip: found 'localhost', wanted a network such as \"192.0.2.0/24\" or a list of "
		  "networks" },
		{ { "attribute", TEXT("Sender") },
		  "attribute: found 'Sender', wanted the name of an attribute" },
		{ { "attribute", TEXT("") }, "attribute: found '', wanted the name of an attribute" },
		{ { "attributes", LIST({ NULL, TEXT("a-b") }) },
		  "attributes: found 'a-b', wanted the name of an attribute or a list of names" },
		{ { "fields", TEXT("a b") },
		  "fields: found 'a b', wanted the name of a field or a list of names" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		const pp_value_t values = { .kind = PP_LIST, .list = { 1, &table[i].pair } };
		g_autofree char *want = g_strdup_printf("policy.lua:7: greylist: %s", table[i].message);
		g_autofree char *got = NULL;
		struct call call;

		call_open(&call);
		g_assert_false(param_read(rows, &values, NULL, &call.arena, &call.conf, &call.error));
		got = messages(&call);
		g_assert_cmpstr(got, ==, want);
		call_close(&call);
	}
}

static void test_lines(void)
{
	const pp_value_t values = LIST(
	        { "deep", { .kind = PP_NIL } }, { "delay", { .kind = PP_INTEGER, .line = 9, .integer = 5 } },
	        { "limit", WHOLE(0) }, { "serach", { .kind = PP_STRING, .line = 11, .string = "exact" } },
	        { "words",
	          { .kind = PP_LIST,
	            .line = 12,
	            .list = { 1,
	                      (const pp_pair_t[]){
	                              { NULL, { .kind = PP_BOOLEAN, .line = 13, .boolean = true } } } } } });
	static const pp_row_t required[] = { PP_TABLE(struct conf, zones, .required = true),
		                             PP_TEXT(struct conf, label, .required = true), PP_END };
	static const char *const others[] = { "deep", NULL };
	const struct param_options options = { .others = others };
	g_autofree char *got = NULL, *missing = NULL;
	struct call call;

	call_open(&call);
	call.error.noun = "setting";
	g_assert_false(param_read(rows, &values, &options, &call.arena, &call.conf, &call.error));
	got = messages(&call);
	g_assert_cmpstr(got, ==,
	                "policy.lua:7: greylist: limit: found 0, wanted at least 1 character\n"
	                "policy.lua:9: greylist: delay: found 5, wanted a duration such as \"5m\"\n"
	                "policy.lua:13: greylist: words: found true, wanted a text or a list of texts\n"
	                "policy.lua:11: greylist: no setting 'serach' (did you mean 'search'?)");
	call_close(&call);

	call_open(&call);
	g_assert_false(param_read(required, NULL, NULL, &call.arena, &call.conf, &call.error));
	missing = messages(&call);
	g_assert_cmpstr(missing, ==,
	                "policy.lua:7: greylist: zones: missing\npolicy.lua:7: greylist: label: missing");
	param_clear(rows, memset(&call.conf, 0, sizeof(call.conf)));
	call_close(&call);
}

static void test_others(void)
{
	const pp_value_t values = LIST({ NULL, TEXT("sqlite") }, { NULL, TEXT("more") },
	                               { "tiemout", TEXT("5s") }, { "timeout", TEXT("5s") });
	static const char *const others[] = { "timeout", NULL };
	struct param_options options = { .others = others, .lists_first = true };
	g_autofree const char **names = param_names(rows + 13, others);
	g_autofree char *got = NULL, *more = NULL;
	const pp_value_t text = TEXT("a");
	struct call call;

	call_open(&call);
	g_assert_false(param_read(rows, &values, &options, &call.arena, &call.conf, &call.error));
	got = messages(&call);
	g_assert_cmpstr(got, ==, "policy.lua:7: greylist: no parameter 'tiemout' (did you mean 'timeout'?)");
	call_close(&call);

	call_open(&call);
	options.lists_first = false;
	g_assert_false(param_read(NULL, &values, &options, &call.arena, &call.conf, &call.error));
	g_assert_cmpuint(call.error.messages->len, ==, 2);
	g_assert_false(param_read(NULL, &text, &options, &call.arena, &call.conf, &call.error));
	more = g_strdup(g_ptr_array_index(call.error.messages, 2));
	g_assert_cmpstr(more, ==, "policy.lua:7: greylist: found 'a', wanted a table");
	param_clear(rows, memset(&call.conf, 0, sizeof(call.conf)));
	call_close(&call);

	g_assert_cmpstr(names[0], ==, "attributes");
	g_assert_cmpstr(names[1], ==, "fields");
	g_assert_cmpstr(names[2], ==, "timeout");
	g_assert_null(names[3]);
}

static void test_bad_rows(void)
{
	static const struct {
		pp_row_t row;
		const char *message;
	} table[] = {
		{ PP_BOOL(struct conf, strict, .dflt = "yes"),
		  "strict: default: found 'yes', wanted true or false" },
		{ PP_INT(struct conf, limit, .dflt = "64x"),
		  "limit: default: found '64x', wanted a whole number" },
		{ PP_INT(struct conf, limit, .dflt = " 64"),
		  "limit: default: found ' 64', wanted a whole number" },
		{ PP_INT(struct conf, limit, .dflt = "64", .max = "5m"),
		  "limit: limit: found '5m', wanted a whole number" },
		{ PP_INT(struct conf, limit, .dflt = "64", .max = "63"),
		  "limit: default: found 64, wanted at most 63" },
		{ PP_INT(struct conf, limit, .min = "9", .max = "8"),
		  "limit: its minimum is above its maximum" },
		{ PP_DURATION(struct conf, delay, .dflt = "300"),
		  "delay: default: found '300': a duration needs a unit, such as \"5m\"" },
		{ PP_DURATION(struct conf, delay, .min = "1"),
		  "delay: limit: found '1': a duration needs a unit, such as \"5m\"" },
		{ PP_CHOICE(struct conf, search, .dflt = "exac", .choices = "exact cidr"),
		  "search: default: found 'exac', wanted one of exact, cidr (did you mean 'exact'?)" },
		{ PP_CHOICE(struct conf, search, .dflt = "exact"), "search: a choice without choices" },
		{ PP_NETWORKS(struct conf, skip, .dflt = "::1 ::x"),
		  "skip: default: found '::x', wanted a network such as \"192.0.2.0/24\" or a list of "
		  "networks" },
		{ PP_BOOL(struct conf, strict, .max = "1"), "strict: its type has no limits" },
		{ PP_TEXT(struct conf, label, .dflt = "long", .max = "3"),
		  "label: default: found 'long', wanted at most 3 characters" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		const pp_row_t one[] = { table[i].row, PP_END };
		g_autofree char *want = g_strdup_printf("example: %s", table[i].message), *got = NULL;
		struct call call;

		call_open(&call);
		call.error.file = NULL;
		call.error.where = "example";
		g_assert_false(param_defaults(one, &call.arena, &call.conf, &call.error));
		got = messages(&call);
		g_assert_cmpstr(got, ==, want);
		param_clear(one, &call.conf);
		memset(&call.conf, 0, sizeof(call.conf));
		call_close(&call);
	}
}

static void test_fail(void)
{
	const pp_value_t values = LIST({ "zones", { .kind = PP_LIST, .line = 9 } }, { "limit", WHOLE(1) });
	g_autofree char *got = NULL;
	struct call call;

	call_open(&call);
	memset(&call.conf, 0, sizeof(call.conf));
	call.error.values = &values;
	g_assert_false(pp_fail(&call.error, "zones", "found %d, wanted at least %d", 0, 1));
	g_assert_false(pp_fail(&call.error, "limit", "is odd"));
	g_assert_false(pp_fail(&call.error, "delay", "is longer than keep"));
	g_assert_false(pp_fail(&call.error, NULL, "a\nb"));
	param_fail(&call.error, 30, "%s", "more");
	call.error = (struct pp_error){ .messages = call.error.messages };
	param_fail(&call.error, 0, "bare");
	got = messages(&call);
	g_assert_cmpstr(got, ==,
	                "policy.lua:9: greylist: zones: found 0, wanted at least 1\n"
	                "policy.lua:7: greylist: limit: is odd\n"
	                "policy.lua:7: greylist: delay: is longer than keep\n"
	                "policy.lua:7: greylist: a b\n"
	                "policy.lua:30: greylist: more\n"
	                "bare");
	call_close(&call);
}

static void test_types(void)
{
	static const struct {
		const char *name, *type, *editor, *wanted;
	} table[] = {
		{ "strict", "true or false", "boolean", "true or false" },
		{ "limit", "whole number", "integer", "a whole number" },
		{ "weight", "number", "number", "a number" },
		{ "delay", "duration", "string", "a duration such as \"5m\"" },
		{ "search", "choice", "\"exact\"|\"cidr\"|\"mail\"|\"domain\"|\"regex\"",
		  "one of exact, cidr, mail, domain, regex" },
		{ "words", "texts", "string|string[]", "a text or a list of texts" },
		{ "zones", "table", "table", "a table" },
		{ "keep", "text or table", "string|table", "a text or a table" },
	};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		const pp_row_t *row = param_find(rows, table[i].name);

		g_assert_nonnull(row);
		g_assert_cmpstr(param_type_name(row), ==, table[i].type);
		g_assert_cmpstr(param_editor_type(row), ==, table[i].editor);
		g_assert_cmpstr(param_wanted(&arena, row), ==, table[i].wanted);
	}
	g_assert_null(param_find(rows, "dealy"));
	g_assert_null(param_find(NULL, "delay"));
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/param/defaults are read as if written", test_defaults);
	g_test_add_func("/param/values are read and printed as written", test_values);
	g_test_add_func("/param/values are copied", test_copied);
	g_test_add_func("/param/relative paths start at the folder", test_file);
	g_test_add_func("/param/each mistake has its sentence", test_wrong);
	g_test_add_func("/param/all mistakes are found, each with its line", test_lines);
	g_test_add_func("/param/names of others are left alone", test_others);
	g_test_add_func("/param/a row that is wrong itself is found", test_bad_rows);
	g_test_add_func("/param/a module's complaint names the parameter's line", test_fail);
	g_test_add_func("/param/types have names", test_types);
	return g_test_run();
}
