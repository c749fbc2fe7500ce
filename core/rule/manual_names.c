/* rule/manual_names.c - what functions and actions of rule files take and mean */
#include "rule/manual_names.h"

#include <glib.h>

#define RULE "pp.Rule"
#define ATTRIBUTES "table<string, string|integer>"

static const struct manual_function functions[] = {
	{ "listen",
	  MANUAL_LOADING,
	  { { "address", "string", false }, { "rule", RULE, false }, { "options", "pp.listen", true } },
	  NULL,
	  "Serves requests at inet:HOST:PORT, inet:[V6]:PORT or unix:PATH with a rule" },
	{ "route",
	  MANUAL_LOADING,
	  { { "attribute", "string", false }, { "rules", "table<string, " RULE ">", false } },
	  RULE,
	  "A rule of rules: the value of the attribute chooses one; a value without a rule gives on_error" },
	{ "include",
	  MANUAL_LOADING,
	  { { "file", "string", false } },
	  NULL,
	  "Loads another file in this place; its path is relative to this one's" },
	{ "now",
	  MANUAL_RULES,
	  { { "format", "string", true } },
	  "number|string",
	  "Seconds since 1970; with a format such as \"%H:%M\" the local time as text" },
	{ "note",
	  MANUAL_RULES,
	  { { "key", "string", false }, { "value", "string|number|boolean|nil", false } },
	  NULL,
	  "Adds key=value to the request's line in the log" },
	{ "log",
	  MANUAL_RULES,
	  { { "text", "string|pp.log", false } },
	  NULL,
	  "Writes a line to the log; with a table it is the setting" },
	{ "test",
	  MANUAL_TESTS,
	  { { "sentence", "string", false }, { "body", "fun()", false } },
	  NULL,
	  "Runs a test at once; kept and given answers start anew in each" },
	{ "answers",
	  MANUAL_TESTS,
	  { { "answers", "table<string, string|table>", false } },
	  NULL,
	  "From now on these checks, by name, are not asked: they answer this word, or { word, field = value "
	  "}" },
	{ "given_dns",
	  MANUAL_TESTS,
	  { { "records", "table<string, string|table>", false } },
	  NULL,
	  "From now on DNS has these records, written \"NAME TYPE\" = record, or { record, ..., ttl = "
	  "\"5m\", "
	  "after = \"100ms\" }, or { fault = \"servfail\" } for what is no answer: nxdomain, nodata, "
	  "servfail, "
	  "refused, timeout, unreachable, broken, too_large. Types are A, AAAA, MX (\"10 "
	  "mail.example.org\"), "
	  "PTR, TXT, NS; before PTR an address may stand; a fault needs no type. Nothing else is there: "
	  "tests ask no server" },
	{ "expect",
	  MANUAL_TESTS,
	  { { "action", "string|pp.Action", false },
	    { "request", ATTRIBUTES, false },
	    { "rule", RULE, true } },
	  NULL,
	  "Runs the rule, else that of the first listen(), and compares its action: with a text such as "
	  "\"dunno\" or "
	  "\"reject 5.7.1\", which may go on differently, or exactly with an action made; \"error\" and a "
	  "part of the "
	  "message expects the rule to fail. Attributes that are not given are those of a usual request in "
	  "state RCPT" },
	{ "ask",
	  MANUAL_TESTS,
	  { { "check", "function", false },
	    { "request", ATTRIBUTES, false },
	    { "arguments", "table", true } },
	  "table",
	  "Asks a check for real and returns its answer" },
	{ "equal",
	  MANUAL_TESTS,
	  { { "got", "any", false }, { "want", "any", false }, { "what", "string", true } },
	  NULL,
	  "Fails, showing both, if two values differ; tables are compared by content" },
	{ "contains",
	  MANUAL_TESTS,
	  { { "text", "string", false }, { "part", "string", false } },
	  NULL,
	  "Fails, showing both, if the text does not contain the part" },
	{ "refused",
	  MANUAL_TESTS,
	  { { "part", "string", false }, { "body", "fun()", false } },
	  NULL,
	  "Expects that a check or setting made in the function is refused, with a message that contains the "
	  "part" },
	{ "after",
	  MANUAL_TESTS,
	  { { "length", "string", false } },
	  NULL,
	  "Turns the clock forward by a duration; nothing takes real time" },
	{ "write",
	  MANUAL_TESTS,
	  { { "name", "string", false }, { "text", "string", false } },
	  "string",
	  "Writes a file in a temporary folder of the test and returns its path" },
	{ NULL, MANUAL_LOADING, { { NULL, NULL, false } }, NULL, NULL },
};

const struct manual_function *manual_names_functions(void)
{
	return functions;
}

enum text_use { OPTIONAL, CODED, REPLY, HEADER, TRANSPORT, ADDRESS, RESTRICTION };

static const struct manual_parameter params[][3] = {
	[OPTIONAL] = { { "text", "string", true } },
	[CODED] = { { "code", "string", true }, { "text", "string", true } },
	[REPLY] = { { "codes", "string", false }, { "text", "string", true } },
	[HEADER] = { { "header", "string", false } },
	[TRANSPORT] = { { "destination", "string", false } },
	[ADDRESS] = { { "address", "string", false } },
	[RESTRICTION] = { { "name", "string", false } },
};

static const enum text_use uses[ACTION_VERBS] = {
#define USE_ROW(upper, lower, wire, class, text) text,
	ACTION_TABLE(USE_ROW)
#undef USE_ROW
};

static const char *const help[ACTION_VERBS] = {
	[ACTION_DUNNO] = "No opinion: Postfix goes on with its next restriction",
	[ACTION_REJECT] = "Refuses for good; the code is 5.X.Y, such as \"5.7.1\"",
	[ACTION_DEFER] = "Refuses for now; the code is 4.X.Y",
	[ACTION_DEFER_IF_PERMIT] = "Refuses for now if nothing later refuses for good; the code is 4.X.Y",
	[ACTION_DEFER_IF_REJECT] =
	        "Refuses for now if something later would refuse for good; the code is 4.X.Y",
	[ACTION_REPLY] = "Refuses with a reply code of its own, such as \"521 5.7.1\"",
	[ACTION_HOLD] = "Puts the mail on hold in the queue",
	[ACTION_PREPEND] = "Puts a header before the mail, such as \"X-Checked: yes\"",
	[ACTION_WARN] = "Writes a warning to Postfix's log, no more",
	[ACTION_INFO] = "Writes a line to Postfix's log, no more",
	[ACTION_OK] = "Permits: what stands behind it in Postfix's restrictions is not asked",
	[ACTION_FILTER] = "Hands the mail to a content filter, TRANSPORT:DESTINATION",
	[ACTION_REDIRECT] = "Sends the mail to this address in place of its recipients",
	[ACTION_BCC] = "Sends a copy to this address",
	[ACTION_DISCARD] = "Takes the mail and throws it away",
	[ACTION_RESTRICTION] =
	        "Goes on with a restriction of Postfix's, such as \"reject_unverified_sender\"",
};
_Static_assert(sizeof(help) / sizeof(help[0]) == ACTION_VERBS, "each action is explained");

const struct manual_parameter *manual_names_action_params(enum action_verb verb)
{
	return params[uses[verb]];
}

const char *manual_names_action_help(enum action_verb verb)
{
	return help[verb] != NULL ? help[verb] : "";
}

char *manual_names_signature(const struct manual_parameter *each)
{
	GString *text = g_string_new("(");

	for (bool first = true; each->name != NULL; each++, first = false) {
		if (each->optional)
			g_string_append(text, first ? "[" : " [");
		g_string_append_printf(text, "%s%s%s", first ? "" : ", ", each->name,
		                       each->optional ? "]" : "");
	}
	g_string_append_c(text, ')');
	return g_string_free(text, FALSE);
}
