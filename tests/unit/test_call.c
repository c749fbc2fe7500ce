/* unit/test_call.c - commands of modules: found, their words read, run for checks, their rows printed */
#include <glib.h>
#include <string.h>
#include "check/module.h"
#include "check/check.h"
#include "steer.h"

/* -- a module with commands ---------------------------------------------- */

struct args {
	const char *client, *sender, *how;
	pp_msec_t within;
	int64_t limit;
	bool whole;
};

static const pp_row_t args[] = {
	PP_TEXT(struct args, client, .help = "Of this client"),
	PP_TEXT(struct args, sender, .help = "Of this sender"),
	PP_CHOICE(struct args, how, .dflt = "long", .choices = "long short", .help = "How it is told"),
	PP_DURATION(struct args, within, .dflt = "1h", .max = "1d", .help = "Not older than this"),
	PP_INT(struct args, limit, .dflt = "10", .min = "1", .help = "At most this many"),
	PP_BOOL(struct args, whole, .dflt = "false", .help = "Show all of each"),
	PP_END,
};

struct row {
	const char *client, *none;
	pp_msec_t left, seen, never;
	int64_t size;
	double share;
	bool good;
};

static const pp_row_t rows[] = {
	PP_TEXT(struct row, client, .help = "Client"),
	PP_TEXT(struct row, none, .help = "Nothing"),
	PP_DURATION(struct row, left, .help = "Length"),
	PP_DURATION(struct row, seen, .unit = "time", .help = "Moment"),
	PP_DURATION(struct row, never, .unit = "time", .help = "Moment"),
	PP_BYTES(struct row, size, .help = "Size"),
	PP_NUMBER(struct row, share, .help = "Number"),
	PP_BOOL(struct row, good, .help = "Truth"),
	PP_END,
};

struct conf {
	const char *word;
};

static const pp_param_t params[] = { PP_TEXT(struct conf, word, .help = "What it answers"), PP_END };

static bool list(pp_call_t *call, void *handle)
{
	const struct args *given = pp_call_args(call);
	const struct row row = { .client = given->client,
		                 .left = given->within,
		                 .seen = 1700000000000,
		                 .size = 2048,
		                 .share = 0.5,
		                 .good = given->whole };

	g_assert_null(handle);
	g_assert_cmpstr(check_current()->name, ==, pp_call_check(call));
	g_assert_cmpstr(pp_call_user(call), ==, g_get_user_name());
	for (int64_t i = 0; i < MIN(given->limit, 2); i++)
		pp_call_row(call, rows, &row);
	pp_call_say(call, "%s of %s, %s", given->how, given->sender != NULL ? given->sender : "all",
	            pp_call_check(call));
	return given->limit != 7;
}

static bool forget(pp_call_t *call, void *handle)
{
	const struct conf *conf = pp_call_conf(call);

	(void)handle;
	pp_call_forget(call);
	if (g_strcmp0(conf->word, "never") == 0)
		return pp_call_fail(call, "it never\nforgets");
	return true;
}

static const pp_command_t commands[] = {
	{ .name = "list",
	  .args = args,
	  .args_size = sizeof(struct args),
	  .words = "client sender",
	  .help = "List them",
	  .run = list },
	{ .name = "forget", .changes = true, .help = "Forget all of them", .run = forget },
	PP_COMMANDS_END,
};

static pp_step_t ask(pp_ask_t *a)
{
	return pp_yes(a, "yes");
}

static const pp_module_t memo = { .abi = PP_ABI,
	                          .size = sizeof(pp_module_t),
	                          .name = "memo",
	                          .question = "Is it known?",
	                          .yes = "known",
	                          .no = "new",
	                          .reads = PP_READS(PP_SENDER),
	                          .conf_size = sizeof(struct conf),
	                          .params = params,
	                          .keep = "1h",
	                          .ask = ask,
	                          .commands = commands };

#define RULES                                                             \
	"server { name = 'mx1', loops = 1 }; log { level = 'error' }\n"   \
	"first = check.memo {}\n"                                         \
	"%s"                                                              \
	"function incoming(req)\n"                                        \
	"    if first(req).known then return reject('5.7.1', 'no') end\n" \
	"    return dunno()\n"                                            \
	"end\n"                                                           \
	"listen('unix:policy.sock', incoming)\n"
#define SECOND "second = check.memo { word = 'never' }\n"

/* -- tests --------------------------------------------------------------- */

static void mistakes_are_named_and_nothing_is_run(void)
{
	static const struct {
		const char *words, *part;
	} cases[] = {
		{ "mem list", "no command 'mem' (did you mean 'memo'?)" },
		{ "memo", "memo: list or forget? `ppolicyd --manual memo` tells more" },
		{ "memo lits", "memo: no command 'lits' (did you mean 'list'?)" },
		{ "memo xyz", "memo: no command 'xyz'; there is list or forget" },
		{ "memo list sendr=x", "memo list: no argument 'sendr' (did you mean 'sender'?)" },
		{ "memo list chek=x", "memo list: no argument 'chek' (did you mean 'check'?)" },
		{ "memo list a b c", "memo list: found 'c', wanted client=, sender=, how=, within=, limit=, "
		                     "whole= or check=" },
		{ "memo list client=a client=b", "memo list: client is given twice" },
		{ "memo list a --client b", "memo list: client is given twice" },
		{ "memo list --within", "memo list: --within wants a value behind it" },
		{ "memo list within=5", "within: found '5': a duration needs a unit" },
		{ "memo list within=2d", "within: found '2d'" },
		{ "memo list limit=many", "limit: found 'many', wanted" },
		{ "memo list limit=0", "limit: found 0" },
		{ "memo list how=wide", "how: found 'wide', wanted" },
		{ "memo list whole=perhaps", "whole: found 'perhaps', wanted true or false" },
		{ "memo list check=secnd", "no check 'secnd' of module memo (did you mean 'second'?)" },
		{ "memo forget now", "memo forget: found 'now', wanted check=" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *reply = steer_tell(cases[i].words, false);

		steer_assert_has(reply, cases[i].part);
		steer_assert_has(reply, "{\"exit\":2}\n");
		g_assert_null(strstr(reply, "\"out\""));
	}
}

static void words_are_read_in_every_form(void)
{
	static const struct {
		const char *words, *part;
	} cases[] = {
		{ "memo list check=first", "long of all, first" },
		{ "memo list c s check=first", "long of s, first" },
		{ "memo list sender=s c check=first", "long of s, first" },
		{ "memo list --sender s --check first", "long of s, first" },
		{ "memo list --sender=s --check=first", "long of s, first" },
		{ "memo list c a+b=c@example.org check=first", "long of a+b=c@example.org, first" },
		{ "memo list sender=a=b check=first", "long of a=b, first" },
		{ "memo list how=short check=first", "short of all, first" },
		{ "memo list --within 30m check=first", "      30m" },
		{ "memo list --whole check=first", " true\"}" },
		{ "memo list whole=no check=first", " false\"}" },
		{ "memo list limit=7 check=first", "{\"exit\":1}" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		steer_expect(cases[i].words, cases[i].part);
}

static void rows_are_a_table_or_objects(void)
{
	g_autofree char *table = steer_tell("memo list <c> limit=1 check=first", false);
	g_autofree char *objects = steer_tell("memo list <c> limit=1 check=first", true);

	steer_assert_has(table,
	                 "{\"out\":\"client  none  left  seen                  never  size  share  good\"}\n"
	                 "{\"out\":\"<c>     -       1h  2023-11-14T22:13:20Z  -      2.0K    0.5  "
	                 "false\"}\n");
	g_assert_cmpstr(objects, ==,
	                "{\"row\":{\"check\":\"first\",\"client\":\"<c>\",\"none\":null,\"left_"
	                "ms\":3600000,"
	                "\"seen\":\"2023-11-14T22:13:20Z\",\"never\":null,\"size\":2048,\"share\":0.5,"
	                "\"good\":false}}\n"
	                "{\"exit\":0}\n");
}

static void without_check_it_runs_for_all_of_the_module(void)
{
	g_autofree char *table = steer_tell("memo list limit=1", false);
	g_autofree char *objects = steer_tell("memo list limit=1", true);

	steer_assert_has(table, "{\"out\":\"check  client  ");
	steer_assert_has(table, "{\"out\":\"first  -  ");
	steer_assert_has(table, "{\"out\":\"long of all, first\"}\n{\"out\":\"check   client  ");
	steer_assert_has(table, "{\"out\":\"second  -  ");
	steer_assert_has(objects, "{\"row\":{\"check\":\"second\",");
}

static void a_failure_is_told_with_its_check(void)
{
	steer_expect("memo forget", "{\"err\":\"second: it never forgets\"}\n{\"exit\":1}");
	steer_expect("memo forget check=second", "{\"err\":\"it never forgets\"}\n{\"exit\":1}");
	steer_expect("memo forget check=first", "{\"exit\":0}");
}

static void what_is_kept_of_a_check_is_dropped(void)
{
	steer_expect("ask sender=a@example.org", "check first: known (asked");
	steer_expect("ask sender=a@example.org", "check first: known (memory");
	steer_expect("memo forget check=second", "{\"exit\":1}");
	steer_expect("ask sender=a@example.org", "check first: known (memory");
	steer_expect("memo forget check=first", "{\"exit\":0}");
	steer_expect("ask sender=a@example.org", "check first: known (asked");
}

static void a_reload_may_take_a_check_away(void)
{
	g_autofree char *fewer = g_strdup_printf(RULES, ""), *both = g_strdup_printf(RULES, SECOND);

	steer_write(fewer);
	steer_expect("reload", "{\"exit\":0}");
	steer_expect("memo forget", "{\"exit\":0}");
	steer_expect("memo forget check=second", "(did you mean 'first'?)\"}\n{\"exit\":2}");
	steer_write(both);
	steer_expect("reload", "{\"exit\":0}");
}

int main(int argc, char **argv)
{
	g_autofree char *text = g_strdup_printf(RULES, SECOND);
	char *error = NULL;
	int status;

	g_test_init(&argc, &argv, NULL);
	g_assert_nonnull(module_adopt(&memo, &error));
	steer_begin(text);
	g_test_add_func("/call/mistakes are named, and nothing is run",
	                mistakes_are_named_and_nothing_is_run);
	g_test_add_func("/call/words are read in every form", words_are_read_in_every_form);
	g_test_add_func("/call/rows are a table, or objects", rows_are_a_table_or_objects);
	g_test_add_func("/call/without check= it runs for all checks of the module",
	                without_check_it_runs_for_all_of_the_module);
	g_test_add_func("/call/a failure is told with its check", a_failure_is_told_with_its_check);
	g_test_add_func("/call/what is kept of a check is dropped", what_is_kept_of_a_check_is_dropped);
	g_test_add_func("/call/a reload may take a check away", a_reload_may_take_a_check_away);
	status = g_test_run();
	steer_end();
	return status;
}
