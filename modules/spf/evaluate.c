/* evaluate.c - check_host() of SPF (RFC 7208): a function of what DNS says, without DNS */
#include <string.h>
#include <glib.h>
#include "round.h"

const char *spf_result_name(enum spf_result result)
{
	static const char *const names[] = {
		[SPF_NONE] = "none",          [SPF_NEUTRAL] = "neutral",   [SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",          [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror"
	};

	return names[result];
}

/* -- explanation (6.2) ----------------------------------------------------- */

/* Whatever is wrong with it, there is no explanation then. */
static void explain(struct round *round)
{
	char name[NAME_SIZE], validated[NAME_SIZE];
	const struct spf_answer *answer;
	struct macro_values values;
	struct span text;

	if (round_expand(round, round->explanation, round->explanation_domain, name) != ROUND_NAME_GOOD)
		return;
	answer = round_ask(round, SPF_TXT, name);
	if (answer == NULL || answer->count != 1)
		return;
	text = answer->data[0].text;
	if (grammar_check_explanation(text) == NULL &&
	    round_values(round, text, round->explanation_domain, &values, validated))
		macro_expand_text(text, &values, round->outcome->explanation, SPF_TEXT_SIZE);
}

/* -- beginning (4.1 to 4.3) ------------------------------------------------ */

/* The domain of the sender without the dot at its end, in A-labels; "": it is none. */
static void take_domain(const char *sent, char domain[NAME_SIZE])
{
	g_autofree char *ascii = NULL;
	size_t length;

	*domain = '\0';
	if (strlen(sent) >= 4 * NAME_SIZE)
		return;
	if (!g_str_is_ascii(sent)) {
		ascii = g_utf8_validate(sent, -1, NULL) ? g_hostname_to_ascii(sent) : NULL;
		sent = ascii == NULL ? "" : ascii;
	}
	length = strlen(sent);
	if (length > 0 && sent[length - 1] == '.')
		length--;
	if (length < NAME_SIZE) {
		memcpy(domain, sent, length);
		domain[length] = '\0';
	}
	if (!name_is_domain(domain))
		*domain = '\0';
}

/* Without a local part it is postmaster (4.3). */
static void begin(struct round *round)
{
	const struct spf_question *question = round->question;
	const char *sender = question->sender, *at = strrchr(sender, '@');
	const char *domain = *sender == '\0' ? question->helo : at == NULL ? "" : at + 1;

	if (at == NULL || at == sender)
		g_strlcpy(round->local, "postmaster", sizeof(round->local));
	else
		g_strlcpy(round->local, sender, MIN((size_t)(at - sender) + 1, sizeof(round->local)));
	take_domain(domain, round->outcome->domain);
	g_strlcpy(round->helo, question->helo, sizeof(round->helo));
	name_reverse(&question->client, round->reverse);
	round->values = (struct macro_values){ .local = round->local,
		                               .sender_domain = round->outcome->domain,
		                               .helo = round->helo,
		                               .receiver = question->receiver,
		                               .now = question->now,
		                               .client = question->client };
}

bool spf_evaluate(const struct spf_question *question, spf_look_fn look, void *data,
                  struct spf_outcome *outcome)
{
	struct round round = { .question = question, .look = look, .look_data = data, .outcome = outcome };
	struct record record;

	memset(outcome, 0, sizeof(*outcome));
	begin(&round);
	if (*outcome->domain == '\0' || question->client.family == 0)
		return true;
	outcome->result = round_find_record(&round, outcome->domain, &record);
	if (outcome->result == SPF_PASS)
		outcome->result = question->engine == SPF_LIBSPF2 ? libspf2_check(&round, &record)
		                                                  : strict_check(&round, &record);
	if (!round.missing && outcome->result == SPF_FAIL && round.explained && question->explain)
		explain(&round);
	return !round.missing;
}
