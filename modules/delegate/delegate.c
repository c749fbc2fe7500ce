/* delegate.c - what does another policy server say? */
#include <stdlib.h>
#include <string.h>
#include "delegate.h"

struct fields {
	const char *verb, *verb_text, *server, *address, *raw;
	int64_t tries, priority, weight, queries, answers, failed;
	pp_msec_t delay;
};

struct state {
	pp_work_t *work;
};

static const pp_param_t params[] = {
	PP_TABLE(struct conf, servers, .required = true,
	         .help = "The servers, each a text \"NAME=ADDRESS:PORT[:PRIORITY[:WEIGHT[:TIMEOUT]]]\" or a "
	                 "table { name =, address =, priority =, weight =, timeout =, backup =, "
	                 "send_proxy = }"),
	{ .name = "default",
	  .type = PP_TYPE_ACTION,
	  .offset = PP_OFFSET(struct conf, otherwise, const pp_action_t *),
	  .required = true,
	  .help = "What action() gives when no server answered" },
	PP_TEXTS(struct conf, actions,
	         .dflt = "dunno reject reply defer defer_if_permit defer_if_reject prepend warn info hold",
	         .help = "Names of the actions that action() hands on; any other becomes DUNNO. Those of the "
	                 "permit class (ok, filter, redirect, bcc, discard, restriction) must also stand in "
	                 "may "
	                 "of the listen()"),
	PP_BOOL(struct conf, verbatim, .dflt = "false",
	        .help = "An action leaves as it came: no enhanced code is added to it, and no id"),
	PP_ATTR_NAME(struct conf, stick,
	             .help = "Attribute by which requests stay on one server, such as instance: those of one "
	                     "message"),
	PP_CHOICE(struct conf, retry, .dflt = "unsent", .choices = "unsent unanswered",
	          .help = "When the next server is asked: where the request was not sent, as no connection "
	                  "could be made; or also where it was and no answer came, so that two servers may "
	                  "count it"),
	PP_ATTR_NAMES(struct conf, keep_key,
	              .help = "Attributes of which kept answers depend; without it none is kept"),
	PP_DURATION(struct conf, connect, .dflt = "1s", .min = "10ms", .max = "90s", .inert = true,
	            .help = "How long connecting to a server may take, within its timeout"),
	PP_DURATION(
	        struct conf, inter, .dflt = "2s", .max = "1h", .inert = true,
	        .help = "How often each server is checked; \"0s\" is never, and then a request now and then "
	                "tries one that is down"),
	PP_DURATION(struct conf, fastinter, .dflt = "500ms", .min = "10ms", .max = "1h", .inert = true,
	            .help = "The same while a server is about to go down or to come up"),
	PP_INT(struct conf, rise, .dflt = "2", .min = "1", .max = "100", .unit = "checks", .inert = true,
	       .help = "Good checks in a row that bring a server up"),
	PP_INT(struct conf, fall, .dflt = "3", .min = "1", .max = "100", .unit = "checks", .inert = true,
	       .help = "Failed checks in a row, or requests in a row without an answer in time, that take it "
	               "down"),
	PP_INT(struct conf, error_limit, .dflt = "10", .min = "1", .max = "10000", .unit = "requests",
	       .inert = true, .help = "Failed requests in a row, of whatever kind, that take it down"),
	PP_TABLE(
	        struct conf, probe, .inert = true,
	        .help = "Attributes of the request that checks send, in place of those of a client that only "
	                "connects"),
	PP_DURATION(struct conf, idle, .dflt = "30s", .max = "1h", .inert = true,
	            .help = "How long an unused connection is kept; \"0s\" is not at all"),
	PP_INT(struct conf, pool, .dflt = "64", .min = "0", .max = "10000", .unit = "connections",
	       .inert = true, .help = "Unused connections that are kept to each server, in each event loop"),
	PP_END
};

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, verb, .samples = "DUNNO|REJECT|450|HOLD",
	        .help = "The first word of the server's action, in capitals if Postfix knows it: DUNNO, 450"),
	PP_TEXT(struct fields, verb_text, .dflt = "", .help = "What stands behind it"),
	PP_TEXT(struct fields, server, .dflt = "", .help = "Name of the server that answered"),
	PP_TEXT(struct fields, address, .dflt = "", .help = "Its address, as it was configured"),
	PP_INT(struct fields, tries, .dflt = "0", .samples = "1|2", .help = "How many servers were asked"),
	PP_DURATION(struct fields, delay, .dflt = "0s", .samples = "1ms|5s",
	            .help = "How long all of that took, in milliseconds"),
	PP_INT(struct fields, priority, .dflt = "0", .samples = "10", .help = "Priority of the server"),
	PP_INT(struct fields, weight, .dflt = "0", .samples = "1", .help = "Weight of the server"),
	PP_INT(struct fields, queries, .dflt = "0", .samples = "1", .help = "Requests it got so far"),
	PP_INT(struct fields, answers, .dflt = "0", .samples = "1", .help = "Those it answered"),
	PP_INT(struct fields, failed, .dflt = "0", .samples = "0", .help = "Those it did not"),
	PP_TEXT(struct fields, raw, .dflt = "", .help = "The server's action as it came"),
	PP_END
};

static const pp_word_row_t words[] = {
	PP_WORD("passed", PP_CLASS_YES, "It lets the mail pass: DUNNO, OK, RELAY"),
	PP_WORD("refused", PP_CLASS_NO,
	        "It refuses, for now or for good: 4NN, 5NN, REJECT, DEFER, DEFER_IF_PERMIT, "
	        "DEFER_IF_REJECT"),
	PP_WORD("other", PP_CLASS_NO, "It says something else: HOLD, PREPEND, WARN, a restriction, ..."),
	PP_WORDS_END,
};

/* -- asking --------------------------------------------------------------- */

static const char *fill_fields(pp_ask_t *a, const pp_upstream_reply_t *reply)
{
	const char *value = reply->action + strspn(reply->action, " \t"), *known;
	size_t length = strcspn(value, " \t");
	const char *word = verb_word(value, length, &known), *rest = value + length;
	struct fields *out = pp_fields(a);

	out->verb = known != NULL ? known : pp_format(a, "%.*s", (int)length, value);
	out->verb_text = rest + strspn(rest, " \t");
	out->server = reply->server;
	out->address = reply->address;
	out->raw = reply->action;
	out->tries = reply->tries;
	out->delay = reply->delay;
	out->priority = reply->priority;
	out->weight = reply->weight;
	out->queries = reply->queries;
	out->answers = reply->answers;
	out->failed = reply->failed;
	return word;
}

static pp_step_t answered(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	const pp_upstream_reply_t *reply = pp_upstream_reply(state->work);
	const char *word;

	if (reply != NULL) {
		word = fill_fields(a, reply);
		return pp_word(a, word, "%s: %s", reply->server, reply->action);
	}
	if (pp_work_state(state->work) == PP_WORK_TIMED_OUT)
		return pp_unknown(a, "no server answered in time");
	return pp_unknown(a, "no server answered; %s", pp_work_error(state->work));
}

static pp_step_t ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);

	state->work = pp_upstream(a, pp_handle(a), pp_attr_named(a, conf->stick));
	return pp_wait(a, answered);
}

/* Values hold no newline. */
static const char *key(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const char *text = "";

	if (conf->keep_key == NULL)
		return NULL;
	for (size_t i = 0; i < conf->keep_key->count; i++) {
		const char *value = pp_attr_named(a, conf->keep_key->items[i]);

		text = pp_format(a, "%s%s%s%s", text, i > 0 ? "\n" : "", value != NULL ? "+" : "-",
		                 value != NULL ? value : "");
	}
	return text;
}

/* -- action() ------------------------------------------------------------- */

/* With the word alone, as where a rule is walked: what a server would say most likely. */
static const char *usual_action(const char *word)
{
	if (strcmp(word, "passed") == 0)
		return "DUNNO";
	return strcmp(word, "refused") == 0 ? "REJECT" : "HOLD";
}

static void hand_on(const void *data, const char *word, const void *found, pp_handed_t *handed)
{
	const struct conf *conf = data;
	const struct fields *in = found;

	*handed = (pp_handed_t){ .otherwise = conf->otherwise,
		                 .actions = conf->actions,
		                 .verbatim = conf->verbatim,
		                 .server = in->server };
	if (strcmp(word, "unknown") == 0 || strcmp(word, "none") == 0)
		return;
	if (*in->raw != '\0')
		handed->value = in->raw;
	else
		handed->value = in->verb != NULL ? in->verb : usual_action(word);
	handed->verb_text = *in->raw == '\0' && in->verb != NULL ? in->verb_text : "";
}

/* -- the check ------------------------------------------------------------ */

static bool check_actions(const struct conf *conf, pp_error_t *error)
{
	for (size_t i = 0; conf->actions != NULL && i < conf->actions->count; i++)
		if (!pp_is_action(conf->actions->items[i]))
			return pp_fail(
			        error, "actions",
			        "found '%s', wanted names of actions such as dunno, reject, reply (4NN and "
			        "5NN), prepend, ok",
			        conf->actions->items[i]);
	return true;
}

static bool validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;

	conf->set = (pp_upstream_settings_t){ .retry = strcmp(conf->retry, "unanswered") == 0,
		                              .connect = conf->connect,
		                              .inter = conf->inter,
		                              .fastinter = conf->fastinter,
		                              .rise = conf->rise,
		                              .fall = conf->fall,
		                              .error_limit = conf->error_limit,
		                              .idle = conf->idle,
		                              .pool = conf->pool };
	return servers_read(conf, error) && probe_read(conf, error) && check_actions(conf, error);
}

static void invalidate(void *data)
{
	struct conf *conf = data;

	free((void *)conf->set.servers);
	free((void *)conf->set.probe);
}

static void *open_servers(const void *data, pp_error_t *error)
{
	const struct conf *conf = data;

	(void)error;
	return pp_upstream_open(&conf->set);
}

static void close_servers(void *handle)
{
	pp_upstream_close(handle);
}

PP_MODULE(.name = "delegate", .question = "What does another policy server say?", .words = words,
          .effects = true, .timeout = "9s", .conf_size = sizeof(struct conf), .params = params,
          .fields_size = sizeof(struct fields), .fields = fields, .state_size = sizeof(struct state),
          .ask = ask, .key = key, .keep_with = "keep_key", .validate = validate, .invalidate = invalidate,
          .open = open_servers, .close = close_servers, .action = hand_on);
