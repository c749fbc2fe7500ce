/* unit/test_control.c - the control socket of a server in this process, and the commands behind it */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check/module.h"
#include "daemon/control.h"
#include "daemon/control_call.h"
#include "steer.h"

/* -- a module that takes its time ---------------------------------------- */

struct conf {
	pp_msec_t time;
};

static const pp_param_t params[] = {
	PP_DURATION(struct conf, time, .dflt = "10ms", .help = "How long it takes"), PP_END
};

struct fields {
	const char *sender;
};

static const pp_field_t fields[] = { PP_TEXT(struct fields, sender, .help = "The sender, as it came"),
	                             PP_END };

static pp_step_t wake(pp_ask_t *a)
{
	struct fields *answer = pp_fields(a);

	answer->sender = pp_attr(a, PP_SENDER);
	return pp_yes(a, "it was %s", answer->sender);
}

static pp_step_t doze(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);

	pp_sleep(a, conf->time);
	return pp_wait(a, wake);
}

static const pp_module_t dozer = { .abi = PP_ABI,
	                           .size = sizeof(pp_module_t),
	                           .name = "dozer",
	                           .question = "Is it over?",
	                           .yes = "over",
	                           .no = "never",
	                           .reads = PP_READS(PP_SENDER),
	                           .conf_size = sizeof(struct conf),
	                           .params = params,
	                           .fields_size = sizeof(struct fields),
	                           .fields = fields,
	                           .keep = "1h",
	                           .ask = doze };

static pp_step_t strike(pp_ask_t *a)
{
	return pp_yes(a, "struck");
}

static const pp_module_t hammer = { .abi = PP_ABI,
	                            .size = sizeof(pp_module_t),
	                            .name = "hammer",
	                            .question = "Was it struck?",
	                            .yes = "struck",
	                            .no = "missed",
	                            .effects = true,
	                            .ask = strike };

/* -- its rules ----------------------------------------------------------- */

#define RULES                                                                             \
	"server { name = 'mx1', loops = 2 }; log { level = 'error' }\n"                   \
	"doze = check.dozer { time = '%s', keep = '1h', stale = '1h' }\n"                 \
	"hit = check.hammer {}\n"                                                         \
	"function incoming(req)\n"                                                        \
	"    note('state', req.protocol_state)\n"                                         \
	"    if req.sender == 'fail' then error('oh dear') end\n"                         \
	"    if req.sender == 'hit' and hit(req).struck then return hold() end\n"         \
	"    if req.helo_name and doze(req).over then return reject('5.7.1', 'no') end\n" \
	"    return dunno()\n"                                                            \
	"end\n"                                                                           \
	"listen('unix:policy.sock', incoming)\n"                                          \
	"listen('unix:watch.sock', incoming, { observe = true })\n"

static char *good_rules(const char *time)
{
	return g_strdup_printf(RULES, time);
}

static void write_good_rules(const char *time)
{
	g_autofree char *text = good_rules(time);

	steer_write(text);
}

/* -- requests ------------------------------------------------------------ */

static void garbage_is_refused(void)
{
	static const char *const texts[] = { "\n",
		                             "GET / HTTP/1.0\r\n\r\n",
		                             "status\n",
		                             "{}\n",
		                             "{\"command\":[]}\n",
		                             "{\"command\":\"status\"}\n",
		                             "{\"command\":[1]}\n",
		                             "{\"command\":[\"status\"]} x\n",
		                             "{\"command\":[\"status\"]",
		                             "{\"command\":[\"status\"],\"command\":[\"reload\"]}\n",
		                             "{\"command\":[\"sta\\u0000tus\"]}\n",
		                             "{\"command\":[\"\xff\"]}\n" };
	g_autofree char *deep = g_strnfill(60000, '[');
	g_autofree char *huge = g_strnfill(CALL_REQUEST_MAX + 2, ' ');
	g_autofree char *reply = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *answer = steer_exchange(texts[i], strlen(texts[i]));

		steer_assert_has(answer, "{\"exit\":2}\n");
	}
	reply = steer_exchange(deep, strlen(deep));
	steer_assert_has(reply, "{\"exit\":2}\n");
	g_free(reply);
	reply = steer_exchange(huge, strlen(huge));
	steer_assert_has(reply, "no whole request");
	steer_expect("status", "{\"exit\":0}\n");
}

static void mistakes_are_named(void)
{
	static const struct {
		const char *words, *part;
	} cases[] = {
		{ "stats", "no command 'stats' (did you mean 'status'?)\"}\n{\"exit\":2}" },
		{ "cache lst", "no command 'cache lst' (did you mean 'cache list'?)" },
		{ "cache", "cache: list, get, drop or stats?" },
		{ "upstream", "upstream: show, drain, maint, ready or weight?\"}\n{\"exit\":2}" },
		{ "greylist list", "no command 'greylist', and no check that is in use has a module of this "
		                   "name\"}\n{\"exit\":2}" },
		{ "hammer list", "module hammer has no commands\"}\n{\"exit\":2}" },
		{ "hit list", "'hit' is a check, not a module: say hammer COMMAND check=hit" },
		{ "store", "store: status, schema or copy?" },
		{ "status now", "status takes no arguments\"}\n{\"exit\":2}" },
		{ "cache list zen", "found 'zen', wanted a filter" },
		{ "cache list limit=0", "limit: found '0'" },
		{ "cache list left=5", "left: found '5'" },
		{ "cache list age=5", "age: found '5'" },
		{ "cache drop check=x on=that", "on: found 'that', wanted this or all" },
		{ "cache drop on=this where=store", "on=this is the memory of this server" },
		{ "store copy sqlite:", "store copy: wanted two databases: sqlite: mysql:" },
		{ "store copy db: mysql:", "found 'db:', wanted sqlite: or mysql:" },
		{ "store copy sqlite: mysql:", "the rule file has no store 'mysql:'" },
		{ "store copy sqlite: sqlite:", " is both of them" },
		{ "cache list where=here", "where: found 'here', wanted memory or store" },
		{ "cache get", "wanted a check and a key" },
		{ "cache drop", "wanted a filter, such as check=zen, or all" },
		{ "cache drop all check=x", "found 'all'" },
		{ "cache drop limit=5", "limit is for list and get" },
		{ "ask helo_name", "found 'helo_name', wanted NAME=VALUE" },
		{ "ask", "wanted attributes" },
		{ "ask listener=unix:polcy.sock a=b", "(did you mean 'unix:policy.sock'?)\"}\n{\"exit\":2}" },
		{ "ask request=other", "that makes no request" },
		{ "ask helo_nam=x", "no attribute 'helo_nam' (did you mean 'helo_name'?)" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		steer_expect(cases[i].words, cases[i].part);
}

static void four_are_served_at_a_time(void)
{
	int held[CONTROL_CLIENTS];
	g_autofree char *reply = NULL;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		held[i] = steer_connect();
	for (unsigned i = 0; i < 100; i++) {
		g_free(reply);
		reply = steer_reply(steer_connect());
		steer_assert_has(reply, "try again\"}\n{\"exit\":3}\n");
	}
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		close(held[i]);
	/* Their threads see it soon, not at once. */
	do {
		g_free(reply);
		reply = steer_tell("status", false);
	} while (strstr(reply, "try again") != NULL);
	steer_assert_has(reply, "{\"exit\":0}");
}

static void the_socket_is_its_owners(void)
{
	struct stat st;

	g_assert_cmpint(lstat(steer_socket, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0600);
}

static void a_live_socket_or_a_file_is_not_replaced(void)
{
	g_autofree char *file = g_build_filename(steer_folder(), "file", NULL);
	g_autofree char *error = NULL;

	g_assert_null(control_open(steer_server, steer_socket, &error));
	steer_assert_has(error, "another server listens there");
	g_free(error);
	g_assert_true(g_file_set_contents(file, "", 0, NULL));
	g_assert_null(control_open(steer_server, file, &error));
	steer_assert_has(error, "a file that is no socket stands there");
	g_remove(file);
}

/* -- commands ------------------------------------------------------------ */

static void status_tells_all(void)
{
	g_autofree char *text = steer_tell("status", false), *rows = steer_tell("status", true);

	steer_assert_has(text, "ppolicyd " PACKAGE_VERSION ", process ");
	steer_assert_has(text, "2 loops");
	steer_assert_has(text, "rule errors");
	steer_assert_has(text, "unix:watch.sock");
	steer_assert_has(text, "doze");
	steer_assert_has(rows, "{\"row\":{\"listener\":\"unix:policy.sock\",\"connections\":0}}");
	steer_assert_has(rows, "\"check\":\"hit\",\"module\":\"hammer\"");
	g_assert_null(strstr(rows, "\"out\""));
	g_assert_null(strstr(text, "\"row\""));
}

static void a_trial_tells_what_happens_and_why(void)
{
	static const struct {
		const char *words, *part;
	} cases[] = {
		{ "ask helo_name=x sender=a@example.org", "action=REJECT 5.7.1 no\"" },
		{ "ask helo_name=x sender=a@example.org", "check doze: over (memory, " },
		{ "ask helo_name=x sender=a@example.org", "    sender = a@example.org" },
		{ "ask helo_name=x sender=a@example.org", "note state=RCPT" },
		{ "ask protocol_state=DATA sender=b", "note state=DATA" },
		{ "ask sender=b", "rule incoming, line 9, listener unix:policy.sock" },
		{ "ask listener=unix:watch.sock helo_name=x sender=b", "action=DUNNO\"" },
		{ "ask listener=unix:watch.sock helo_name=x sender=b",
		  "observed, the rule says REJECT 5.7.1 no" },
		{ "ask sender=fail", "it is on_error's action: " },
		{ "ask sender=fail", "rules.lua:6: oh dear" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		steer_expect(cases[i].words, cases[i].part);
}

static void a_trial_has_no_effects(void)
{
	steer_expect("ask sender=hit", "check hit: unknown (not asked, ");
	steer_expect("ask sender=hit", "action=DUNNO");
	steer_expect("ask sender=fail", "{\"exit\":0}");
	steer_expect("status", "0 requests; 0 rule errors");
}

static void *ask_slowly(void *unused)
{
	(void)unused;
	return steer_tell("ask helo_name=x sender=slow@example.org", false);
}

static void a_trial_outlives_reloads(void)
{
	g_autofree char *reply = NULL;
	GThread *thread;

	write_good_rules("300ms");
	steer_expect("reload", "{\"exit\":0}");
	thread = g_thread_new("trial", ask_slowly, NULL);
	g_usleep(100 * 1000);
	write_good_rules("11ms");
	steer_expect("reload", "reloaded: configuration ");
	steer_expect("reload", "{\"exit\":0}");
	reply = g_thread_join(thread);
	steer_assert_has(reply, "action=REJECT");
	write_good_rules("10ms");
	steer_expect("reload", "{\"exit\":0}");
}

static void a_reload_with_errors_changes_nothing(void)
{
	g_autofree char *reply = NULL;

	steer_write("doze = check.dozr {}\nhit = check.hammer { deph = 1 }\n");
	reply = steer_tell("reload", false);
	steer_assert_has(reply, "rules.lua:1: ");
	steer_assert_has(reply, "rules.lua:2: ");
	steer_assert_has(reply, "the running server keeps configuration ");
	steer_assert_has(reply, "{\"exit\":1}");
	steer_expect("ask sender=b", "action=DUNNO");
	write_good_rules("10ms");
}

/* -- kept answers -------------------------------------------------------- */

static void kept_answers_are_listed_shown_and_dropped(void)
{
	static const struct {
		const char *words, *part;
	} cases[] = {
		{ "cache drop all", "dropped " },
		{ "cache list", "no such answer is kept\"}\n{\"exit\":1}" },
		{ "ask helo_name=x sender=a@example.org", "REJECT" },
		{ "ask helo_name=x sender=b@example.org", "REJECT" },
		{ "ask helo_name=x sender=c@example.net", "REJECT" },
		{ "cache list",
		  "doze   a@example.org  over        1h          1h  memory\"}\n{\"out\":\"doze   b@" },
		{ "cache list limit=2", "1 more; limit=3 shows more of them\"}\n{\"exit\":0}" },
		{ "cache list check=hit", "{\"exit\":1}" },
		{ "cache list check=doz", "{\"exit\":1}" },
		{ "cache list word=over key=*.net", "\"}\n{\"out\":\"doze   c@example.net  over" },
		{ "cache list word=never", "{\"exit\":1}" },
		{ "cache list where=memory", "doze   a@example.org  over" },
		{ "cache list where=store", "no such answer is kept\"}\n{\"exit\":1}" },
		{ "cache list left=59m", "{\"exit\":1}" },
		{ "cache list left=61m", "{\"exit\":0}" },
		{ "cache list age=1m", "{\"exit\":1}" },
		{ "cache list age=0s", "{\"exit\":0}" },
		{ "cache stats key=*.org", "doze   over        2       0\"}\n{\"exit\":0}" },
		{ "cache stats key=*.com", "no such answer is kept\"}\n{\"exit\":1}" },
		{ "cache drop on=this", "wanted a filter, such as check=zen, or all" },
		{ "cache get doze a@example.org", "    over: it was a@example.org\"}" },
		{ "cache get doze a@example.org", "    good for 1h, then stale for 1h" },
		{ "cache get key=c@*", "    sender = c@example.net" },
		{ "cache get doze a@example", "{\"exit\":1}" },
		{ "cache drop key=*.org", "dropped 2\"}\n{\"exit\":0}" },
		{ "cache list", "doze   c@example.net" },
		{ "cache stats", "entries   1\"" },
		{ "cache drop key=*.org", "dropped 0\"}\n{\"exit\":1}" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		steer_expect(cases[i].words, cases[i].part);
}

static void answers_of_an_earlier_configuration_are_told_apart(void)
{
	steer_expect("cache drop all", "");
	steer_expect("ask helo_name=x sender=a", "REJECT");
	write_good_rules("12ms");
	steer_expect("reload", "{\"exit\":0}");
	steer_expect("cache list", "doze   a    -");
	steer_expect("cache get doze a", "of an earlier configuration, not used");
	write_good_rules("10ms");
	steer_expect("reload", "{\"exit\":0}");
	steer_expect("cache get doze a", "    over: it was a");
}

static void what_strangers_sent_is_escaped(void)
{
	g_autofree char *asked = steer_tell("ask helo_name=x sender=<\x1b[2J\xc2\x85\\\t>@example.org",
	                                    false);
	g_autofree char *list = steer_tell("cache list", false),
	                *rows = steer_tell("cache get check=doze", true);

	steer_assert_has(asked, "sender = <\\\\x1b[2J\\\\xc2\\\\x85\\\\x5c\\\\x09>@example.org");
	steer_assert_has(list, "\\\\x3c\\\\x1b[2J");
	steer_assert_has(rows, "\\\\x3c\\\\x1b[2J");
	for (const char *byte = rows; *byte != '\0'; byte++)
		g_assert_true(*byte == '\n' || (*byte >= ' ' && *byte < 0x7f));
}

static void add_tests(void)
{
	g_test_add_func("/control/garbage is refused", garbage_is_refused);
	g_test_add_func("/control/mistakes are named", mistakes_are_named);
	g_test_add_func("/control/four are served at a time", four_are_served_at_a_time);
	g_test_add_func("/control/the socket is its owner's", the_socket_is_its_owners);
	g_test_add_func("/control/a live socket or a file is not replaced",
	                a_live_socket_or_a_file_is_not_replaced);
	g_test_add_func("/control/status tells all", status_tells_all);
	g_test_add_func("/control/a trial tells what happens and why", a_trial_tells_what_happens_and_why);
	g_test_add_func("/control/a trial has no effects", a_trial_has_no_effects);
	g_test_add_func("/control/a trial outlives reloads", a_trial_outlives_reloads);
	g_test_add_func("/control/a reload with errors changes nothing",
	                a_reload_with_errors_changes_nothing);
	g_test_add_func("/control/kept answers are listed, shown and dropped",
	                kept_answers_are_listed_shown_and_dropped);
	g_test_add_func("/control/answers of an earlier configuration are told apart",
	                answers_of_an_earlier_configuration_are_told_apart);
	g_test_add_func("/control/what strangers sent is escaped", what_strangers_sent_is_escaped);
}

int main(int argc, char **argv)
{
	g_autofree char *rules = good_rules("10ms");
	char *error = NULL;
	int status;

	g_test_init(&argc, &argv, NULL);
	g_assert_nonnull(module_adopt(&dozer, &error));
	g_assert_nonnull(module_adopt(&hammer, &error));
	steer_begin(rules);
	add_tests();
	status = g_test_run();
	steer_end();
	return status;
}
