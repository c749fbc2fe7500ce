/* spf.c - may the client send mail of this domain? (RFC 7208) */
#include <string.h>
#include <glib.h>
#include "look_up.h"
#include "receiver.h"

enum { EARLY_ROUNDS = 16 }; /* that run when some answers have come, and not all */

struct conf {
	const char *identity, *engine;
	const pp_networks_t *skip;
	const char *receiver;
	bool explain;

	/* Made by validate() */
	bool helo;    /* the identity is */
	bool libspf2; /* the engine is */
	char *host;
};

static const pp_param_t params[] = {
	PP_CHOICE(struct conf, identity, .dflt = "mail_from", .choices = "mail_from helo",
	          .help = "What is checked: the domain of the sender (mail_from; of the null sender the HELO "
	                  "name), or the HELO name (helo)"),
	PP_CHOICE(struct conf, engine, .dflt = "strict", .choices = "strict libspf2",
	          .help = "What evaluates records: our own code (strict), or the library libspf2 behind "
	                  "checks of ours"),
	PP_NETWORKS(
	        struct conf, skip,
	        .help = "Clients that are not checked, since they hand on mail of others: trusted relays, "
	                "backup MX"),
	PP_TEXT(struct conf, receiver,
	        .help = "Name of this host in header fields and explanations; the system's if not given"),
	PP_BOOL(struct conf, explain, .dflt = "true",
	        .help = "Look up the explanation of a fail, if the domain has one"),
	PP_END,
};

struct fields {
	const char *result, *domain, *identity, *mechanism, *explanation;
	int64_t lookups;
	const char *received_spf, *authentication_results;
};

#define ALL_WORDS "pass fail softfail neutral permerror none unknown"

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, result, .dflt = "temperror", .when = ALL_WORDS,
	        .samples = "pass|fail|softfail|neutral|permerror|none|temperror",
	        .help = "The result, as the RFC names it: the word, but 'temperror' for unknown"),
	PP_TEXT(struct fields, domain, .when = "pass", .samples = "example.org",
	        .help = "Domain that permits the client, in lower case; nothing unless it passes"),
	PP_TEXT(struct fields, identity, .when = ALL_WORDS, .samples = "mail_from|helo",
	        .help = "What was checked; helo for the null sender, too"),
	PP_TEXT(struct fields, mechanism, .when = "pass fail softfail neutral",
	        .samples = "ip4:192.0.2.0/24|-all|include:example.net",
	        .help = "Mechanism that matched, as it stands in the record; 'default': none did"),
	PP_TEXT(struct fields, explanation, .when = "fail", .samples = "See https://example.org/why",
	        .help = "What the domain says of a fail, in printable ASCII; nothing if it says nothing"),
	PP_INT(struct fields, lookups, .unit = "terms", .samples = "1|10",
	       .help = "Terms that made look-ups; 10 are allowed"),
	PP_TEXT(struct fields, received_spf, .when = ALL_WORDS,
	        .samples = "Received-SPF: pass receiver=mx.example.net",
	        .help = "Header field for the mail (RFC 7208 9.1); nothing if nothing was checked"),
	PP_TEXT(struct fields, authentication_results, .when = ALL_WORDS,
	        .samples = "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=a@example.org",
	        .help = "Header field for the mail (RFC 8601); nothing if nothing was checked"),
	PP_END,
};

struct state {
	struct spf_question question;
	struct look_ups look_ups;
	unsigned rounds;
};

/* -- loading --------------------------------------------------------------- */

static bool is_host(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (!g_ascii_isalnum(*text) && strchr(".-_", *text) == NULL)
			return false;
	return true;
}

static bool validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;

	if (conf->receiver != NULL && !is_host(conf->receiver))
		return pp_fail(error, "receiver", "found '%s', wanted the name of a host", conf->receiver);
	conf->helo = strcmp(conf->identity, "helo") == 0;
	conf->libspf2 = strcmp(conf->engine, "libspf2") == 0;
	conf->host = g_strdup(conf->receiver != NULL       ? conf->receiver
	                      : is_host(g_get_host_name()) ? g_get_host_name()
	                                                   : "unknown");
	return true;
}

static void invalidate(void *data)
{
	struct conf *conf = data;

	g_free(conf->host);
}

/* -- answering ------------------------------------------------------------- */

static void set_fields(pp_ask_t *a, const struct spf_question *question, const struct spf_outcome *outcome)
{
	struct fields *answer = pp_fields(a);
	char line[RECEIVER_SIZE];

	answer->result = spf_result_name(outcome->result);
	answer->identity = *question->sender == '\0' ? "helo" : "mail_from";
	answer->lookups = outcome->lookups;
	answer->mechanism = pp_format(a, "%s", *outcome->mechanism == '\0' ? "default" : outcome->mechanism);
	if (*outcome->explanation != '\0')
		answer->explanation = pp_format(a, "%s", outcome->explanation);
	if (outcome->result == SPF_PASS) {
		g_autofree char *lower = g_ascii_strdown(outcome->domain, -1);

		answer->domain = pp_format(a, "%s", lower);
	}
	receiver_print(question, outcome, line);
	answer->received_spf = pp_format(a, "%s", line);
	receiver_print_results(question, outcome, line);
	answer->authentication_results = pp_format(a, "%s", line);
}

static pp_step_t answer_with(pp_ask_t *a, const struct spf_question *question,
                             const struct spf_outcome *outcome)
{
	const char *domain = outcome->domain, *word = spf_result_name(outcome->result);
	char buffer[64];
	const char *client = pp_address_print(&question->client, -1, buffer);
	const char *mechanism = *outcome->mechanism == '\0' ? "default" : outcome->mechanism;

	switch (outcome->result) {
	case SPF_PASS: return pp_word(a, word, "%s may send mail of %s (%s)", client, domain, mechanism);
	case SPF_FAIL: return pp_word(a, word, "%s may not send mail of %s (%s)", client, domain, mechanism);
	case SPF_SOFTFAIL:
		return pp_word(a, word, "%s probably may not send mail of %s (%s)", client, domain,
		               mechanism);
	case SPF_NEUTRAL:
		return pp_word(a, word, "%s does not say whether %s may send its mail (%s)", domain, client,
		               mechanism);
	case SPF_PERMERROR: return pp_word(a, word, "SPF of %s is wrong: %s", domain, outcome->problem);
	case SPF_TEMPERROR: return pp_unknown(a, "SPF of %s: %s", domain, outcome->problem);
	default: break;
	}
	if (*domain == '\0')
		return pp_none(a, "there is no domain to check in %s",
		               *question->sender == '\0' ? "the HELO name" : "the sender");
	return pp_none(a, "%s has no SPF record", domain);
}

/* There is no more time for what is not known. */
static void give_up(struct spf_outcome *outcome)
{
	outcome->result = SPF_TEMPERROR;
	*outcome->mechanism = '\0';
	g_strlcpy(outcome->problem, "DNS took too long", sizeof(outcome->problem));
}

/* Whatever comes in may be all that is wanted, or lead on. */
static pp_step_t evaluate(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	struct spf_outcome outcome;
	bool late = pp_time_left(a) == 0, over;

	if (!late && state->rounds > 0 && !look_up_news(&state->look_ups))
		return pp_wait_any(a, evaluate);
	/* A fail without its explanation is one. */
	if (late)
		state->question.explain = false;
	over = spf_evaluate(&state->question, look_up, &state->look_ups, &outcome);
	if (late && !over)
		give_up(&outcome);
	if (late || over) {
		if (outcome.guessed)
			pp_keep_at_most(a, 0);
		set_fields(a, &state->question, &outcome);
		return answer_with(a, &state->question, &outcome);
	}
	/* A first term may be all that is wanted. But a round takes as long as the records are long, and
	 * a stranger's answers may come one after another. */
	return state->rounds++ < EARLY_ROUNDS ? pp_wait_any(a, evaluate) : pp_wait(a, evaluate);
}

/* There is nothing to check. */
static pp_step_t not_checked(pp_ask_t *a, const char *why)
{
	struct fields *answer = pp_fields(a);

	answer->result = spf_result_name(SPF_NONE);
	return pp_none(a, "%s", why);
}

static pp_step_t ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct state *state = pp_state(a);
	struct spf_question *question = &state->question;
	const char *client = pp_attr(a, PP_CLIENT_ADDRESS), *helo = pp_attr(a, PP_HELO_NAME);
	const char *sender = conf->helo ? "" : pp_attr(a, PP_SENDER);

	if (client == NULL || !pp_address_parse(client, &question->client))
		return not_checked(a, "the client has no IP address");
	if (sender == NULL)
		return not_checked(a, "there is no sender yet");
	if (conf->skip != NULL && pp_networks_find(conf->skip, &question->client, NULL))
		return not_checked(a, pp_format(a, "%s is not checked (skip)", client));
	question->engine = conf->libspf2 ? SPF_LIBSPF2 : SPF_STRICT;
	question->helo = helo == NULL ? "" : helo;
	question->sender = sender;
	question->receiver = conf->host;
	question->now = pp_time() / 1000;
	question->explain = conf->explain;
	state->look_ups.ask = a;
	return evaluate(a);
}

static const pp_word_row_t words[] = {
	PP_WORD("pass", PP_CLASS_YES, "The domain permits the client"),
	PP_WORD("fail", PP_CLASS_NO, "The domain says that the client may not send its mail"),
	PP_WORD("softfail", PP_CLASS_NO, "The same, but the domain is not sure of it"),
	PP_WORD("neutral", PP_CLASS_NO, "The domain does not say"),
	PP_WORD("permerror", PP_CLASS_NO, "The domain's records are wrong"),
	PP_WORDS_END,
};

/* The timeout: RFC 7208 4.6.4. */
PP_MODULE(.name = "spf", .question = "May the client send mail of this domain?", .words = words,
          .reads = PP_READS(PP_CLIENT_ADDRESS, PP_SENDER, PP_HELO_NAME), .conf_size = sizeof(struct conf),
          .params = params, .fields_size = sizeof(struct fields), .fields = fields,
          .state_size = sizeof(struct state), .ask = ask, .validate = validate, .invalidate = invalidate,
          .keep = "10m", .timeout = "20s");
