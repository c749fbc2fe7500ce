/* rule/manual_rules.c - manual pages about rule files */
#include "rule/manual_rules.h"

#include <string.h>
#include "request/attribute.h"
#include "rule/manual_names.h"
#include "rule/manual_rows.h"
#include "rule/plan.h"

#define PROXY_HELP                                                                                           \
	"Every connection begins with a header of the PROXY protocol, version 1 or 2, such as HAProxy's "    \
	"send-proxy and send-proxy-v2 write it; without one it is closed, and so is, before anything is "    \
	"read, one from elsewhere than the networks. The address in the header becomes the request's peer, " \
	"is asked of allow and stands in the log beside the proxy's own. It is the mail server's that "      \
	"connected to the proxy: client_address stays what Postfix sends. Where the header names no "        \
	"address (UNKNOWN, UNSPEC, unix sockets) the proxy itself is the peer; so it is for its own "        \
	"connections (LOCAL), of which allow is not asked."

static const struct manual_rules_action actions[] = {
	{ "server", "on_error", "dunno()", "What is answered where a rule fails or ends without an action" },
	{ "listen", "on_error", "the server's", "What is answered where a rule of this listener fails" },
	{ "listen", "overload", "dunno()", "What is answered where there are too many connections" },
	{ NULL, NULL, NULL, NULL },
};

const struct manual_rules_action *manual_rules_actions(void)
{
	return actions;
}

static void add_actions_of(struct page *page, const char *owner)
{
	for (const struct manual_rules_action *each = actions; each->owner != NULL; each++) {
		g_autofree char *rest = g_strdup_printf(
		        " = dunno(), an action that defers, or \"close\"; default %s", each->dflt);

		if (strcmp(each->owner, owner) == 0)
			page_item(page, each->name, rest, each->help);
	}
}

/* -- tables -------------------------------------------------------------- */

static void add_settings(struct page *page)
{
	page_heading(page, "SETTINGS");
	page_text(page, "Each is made at most once, store once for each name; server stands before the first "
	                "check.");
	for (const struct plan_setting *setting = plan_settings(); setting->name != NULL; setting++) {
		g_autofree char *title = g_strdup_printf("%s { ... }", setting->name);

		if (setting->rows == NULL)
			continue;
		page_subheading(page, title);
		page_text(page, setting->help);
		manual_rows_add(page, setting->rows);
		add_actions_of(page, setting->name);
	}
}

static void add_listeners(struct page *page)
{
	page_heading(page, "LISTENERS");
	page_text(page, "listen(address, rule, { ... }) serves the requests of an address with a rule. The "
	                "address is "
	                "inet:HOST:PORT, inet:[V6]:PORT or unix:PATH. The options:");
	manual_rows_add(page, plan_listen_rows());
	add_actions_of(page, "listen");
	page_item(page, "proxy", " = table; see below", "Clients are proxies, and send a PROXY header first");
	page_subheading(page, "proxy = { ... }");
	page_text(page, PROXY_HELP);
	manual_rows_add(page, plan_proxy_rows());
}

static void add_checks(struct page *page)
{
	page_heading(page, "CHECKS");
	page_text(page, "check.MODULE { ... } makes a check of a module with its parameters. It is named by "
	                "the global it is "
	                "assigned to. Besides the parameters of its module, which `ppolicyd --manual MODULE` "
	                "shows, each "
	                "takes:");
	manual_rows_add(page, check_common_rows());
}

static void add_asking(struct page *page)
{
	page_heading(page, "ASKING");
	page_text(page, "A check is called with the request and, where its module has arguments, a table of "
	                "them. Asking "
	                "starts, reading the answer waits: what is asked before the first answer is read "
	                "runs side by "
	                "side.");
	page_text(page, "An answer has the field `word`, which is one of the words of its module, `none` "
	                "(the question does "
	                "not apply, or nobody answers it) or `unknown` (it could not be found out); a field "
	                "of each of these "
	                "names, true or false; `text`, for people; `from` (asked, memory, store or stale); "
	                "and the fields of "
	                "its module. When the deadline of the request is over, what is still open is "
	                "`unknown` and the "
	                "rule runs to its end.");
}

static void add_actions(struct page *page, const char *heading, const char *text, enum action_class class,
                        bool equal)
{
	page_heading(page, heading);
	page_text(page, text);
	for (enum action_verb verb = 0; verb < ACTION_VERBS; verb++) {
		g_autofree char *signature = manual_names_signature(manual_names_action_params(verb));

		if ((action_class(verb) == class) == equal)
			page_item(page, action_name(verb), signature, manual_names_action_help(verb));
	}
}

static void add_functions(struct page *page, const char *heading, enum manual_when when)
{
	page_heading(page, heading);
	for (const struct manual_function *each = manual_names_functions(); each->name != NULL; each++) {
		g_autofree char *signature = manual_names_signature(each->params);

		if (each->when == when)
			page_item(page, each->name, signature, each->help);
	}
}

static const char *kind_of(const struct attribute_info *info)
{
	return info->kind == ATTRIBUTE_NUMBER ? ", a whole number" : "";
}

static void add_attributes(struct page *page)
{
	page_heading(page, "REQUESTS");
	page_text(page, "A request has the attributes Postfix sends, by their names; those that are absent "
	                "or empty are nil, "
	                "except `sender`, which is the empty text for the null sender. A name that neither "
	                "Postfix knows "
	                "nor was sent is an error; `request:attribute(\"NAME\")` never fails.");
	for (int i = 1; i < PP_ATTRIBUTES; i++) {
		const struct attribute_info *info = attribute_info((pp_attribute_t)i);
		g_autofree char *rest = info->kind == ATTRIBUTE_DERIVED
		                                ? g_strdup(" (made from it)")
		                                : g_strdup_printf(" (Postfix %s%s)", info->since,
		                                                  kind_of(info));

		page_item(page, info->name, rest, info->help);
	}
	page_item(page, "listener", " (of ppolicyd)", "Address it came to, as written in listen()");
	page_item(page, "peer", " (of ppolicyd)", "Who connected, or whom the PROXY header names");
}

/* -- pages --------------------------------------------------------------- */

static const char example[] =
        "server { name = \"mx1\" }\n"
        "\n"
        "partners = check.list { file = \"partners.txt\", search = \"mail\", attribute = \"sender\" }\n"
        "\n"
        "function incoming(req)\n"
        "    if req.sasl_username then return dunno() end\n"
        "    local partner = partners(req)\n"
        "    if partner.found then return dunno(partner.text) end\n"
        "    if partner.unknown then return defer_if_permit(\"4.3.0\", \"try again later\") end\n"
        "    return reject(\"5.7.1\", \"only partners write to us\")\n"
        "end\n"
        "\n"
        "listen(\"inet:127.0.0.1:10031\", incoming)\n";

void manual_rules_add(struct page *page)
{
	page_begin(page, "ppolicyd.lua", 5, "ppolicyd.lua", "rule file of ppolicyd");
	page_heading(page, "DESCRIPTION");
	page_text(page, "A rule file is Lua 5.4. It is run when ppolicyd starts or reloads, makes settings, "
	                "checks and "
	                "listeners, and holds the rules: functions that are called with a request and return "
	                "an action. "
	                "Of Lua's libraries there are string, table, math and utf8; rules set no globals, "
	                "and run within "
	                "limits of time and memory.");
	page_text(page, "Lengths of time are texts with a unit: \"250ms\", \"5s\", \"5m\", \"2h\", \"1d\", "
	                "\"4w\"; so are sizes: \"64K\", "
	                "\"64M\", \"1G\". Relative paths are relative to the file they stand in.");
	page_heading(page, "EXAMPLE");
	page_code(page, example);
	add_settings(page);
	add_listeners(page);
	add_checks(page);
	add_asking(page);
	add_attributes(page);
	add_actions(page, "ACTIONS",
	            "Rules return one of these. Texts are sent as they are, cleaned and cut; a code stands "
	            "before its text.",
	            ACTION_PERMIT, false);
	add_actions(page, "ACTIONS THAT PERMIT",
	            "Only on a listener that names them, as in `may = { \"ok\" }`. See access(5) for what "
	            "Postfix does.",
	            ACTION_PERMIT, true);
	add_functions(page, "FUNCTIONS WHILE THE FILE IS LOADED", MANUAL_LOADING);
	add_functions(page, "FUNCTIONS FOR RULES", MANUAL_RULES);
	add_functions(page, "FUNCTIONS OF RULE TESTS", MANUAL_TESTS);
	page_text(page, "`ppolicyd -c RULES --test FILE` loads the rule file, then runs the test file, which "
	                "may use its rules "
	                "and checks.");
	page_heading(page, "SEE ALSO");
	page_text(page, "ppolicyd(8), access(5), postconf(5); `ppolicyd --manual` lists the modules");
}

void manual_rules_add_overview(struct page *page)
{
	page_begin(page, "ppolicyd.lua", 5, "ppolicyd.lua",
	           "settings, options and checks in short; all of it is in ppolicyd.lua(5)");
	add_settings(page);
	add_listeners(page);
	add_checks(page);
}
