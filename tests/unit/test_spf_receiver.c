/* unit/test_spf_receiver.c - what of a check is written into the mail */
#include <glib.h>
#include <string.h>
#include "../../modules/spf/receiver.h"

struct line_case {
	const char *client, *helo, *sender;
	enum spf_result result;
	const char *domain, *mechanism, *problem;
	const char *received, *authentication;
};

static const struct line_case cases[] = {
	{ "192.0.2.1", "mx.example.org", "bob@example.org", SPF_PASS, "example.org", "a", "",
	  "Received-SPF: pass (mx.example.net: domain of example.org designates 192.0.2.1 as permitted "
	  "sender) "
	  "receiver=mx.example.net; client-ip=192.0.2.1; identity=mailfrom; "
	  "envelope-from=\"bob@example.org\"; "
	  "helo=mx.example.org; mechanism=a",
	  "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=bob@example.org" },
	{ "2001:db8::1", "mx.example.org", "", SPF_NEUTRAL, "mx.example.org", "", "",
	  "Received-SPF: neutral (mx.example.net: 2001:db8::1 is neither permitted nor denied by domain of "
	  "mx.example.org) receiver=mx.example.net; client-ip=\"2001:db8::1\"; identity=helo; "
	  "helo=mx.example.org; mechanism=default",
	  "Authentication-Results: mx.example.net; spf=neutral smtp.helo=mx.example.org" },
	{ "192.0.2.1", "a b", "\"x\\\n@b\xc3\xbc.example", SPF_NONE, "", "", "",
	  "Received-SPF: none (mx.example.net: domain of unknown does not designate permitted senders) "
	  "receiver=mx.example.net; client-ip=192.0.2.1; identity=mailfrom; "
	  "envelope-from=\"\\\"x\\\\?@b??.example\"; helo=\"a b\"",
	  "Authentication-Results: mx.example.net; spf=none smtp.mailfrom=\"\\\"x\\\\?@b??.example\"" },
	{ "192.0.2.1", "h.example", "bob@ex(a)mple.org", SPF_PERMERROR, "ex(a)mple.org", "",
	  "it has no domain",
	  "Received-SPF: permerror (mx.example.net: error in the SPF record of the domain of "
	  "ex\\(a\\)mple.org) receiver=mx.example.net; client-ip=192.0.2.1; identity=mailfrom; "
	  "envelope-from=\"bob@ex(a)mple.org\"; helo=h.example; problem=\"it has no domain\"",
	  "Authentication-Results: mx.example.net; spf=permerror smtp.mailfrom=\"bob@ex(a)mple.org\"" },
};

/* RFC 8601 2.2: what is no token and no address of letters, digits and marks of a dot-atom. */
static void test_results(void)
{
	static const struct {
		const char *helo, *sender, *value;
	} values[] = {
		{ "mx.example.org", "", "smtp.helo=mx.example.org" },
		{ "mx_1", "", "smtp.helo=mx_1" },
		{ "a=b", "", "smtp.helo=\"a=b\"" },
		{ "[192.0.2.1]", "", "smtp.helo=\"[192.0.2.1]\"" },
		{ "h", "a/b=c?d@example.org", "smtp.mailfrom=a/b=c?d@example.org" },
		{ "h", "@example.org", "smtp.mailfrom=\"@example.org\"" },
		{ "h", "bob@ex=ample.org", "smtp.mailfrom=\"bob@ex=ample.org\"" },
		{ "h", "bob@e_x.example.org", "smtp.mailfrom=\"bob@e_x.example.org\"" },
		{ "h", "bob@example..org", "smtp.mailfrom=\"bob@example..org\"" },
		{ "h", "bob@org", "smtp.mailfrom=\"bob@org\"" },
		{ "h", "bob@", "smtp.mailfrom=\"bob@\"" },
		{ "h", "bob", "smtp.mailfrom=bob" },
		{ "h", "b..b@example.org", "smtp.mailfrom=\"b..b@example.org\"" },
		{ "h", "b b@example.org", "smtp.mailfrom=\"b b@example.org\"" },
		{ "h", "a@b@example.org", "smtp.mailfrom=\"a@b@example.org\"" },
		{ "h", "x; spf=pass\r\nA: b@example.org", "smtp.mailfrom=\"x; spf=pass??A: b@example.org\"" },
		{ "h", "(x)@example.org", "smtp.mailfrom=\"(x)@example.org\"" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autofree char *wanted = g_strconcat("Authentication-Results: mx.example.net; spf=pass ",
		                                      values[i].value, NULL);
		struct spf_question question = { .helo = values[i].helo,
			                         .sender = values[i].sender,
			                         .receiver = "mx.example.net" };
		struct spf_outcome outcome = { .result = SPF_PASS };
		char line[RECEIVER_SIZE];

		receiver_print_results(&question, &outcome, line);
		g_assert_cmpstr(line, ==, wanted);
	}
}

static void prepare(const struct line_case *one, struct spf_question *question, struct spf_outcome *outcome)
{
	*question = (struct spf_question){ .helo = one->helo,
		                           .sender = one->sender,
		                           .receiver = "mx.example.net" };
	g_assert_true(pp_address_parse(one->client, &question->client));
	*outcome = (struct spf_outcome){ .result = one->result };
	g_strlcpy(outcome->domain, one->domain, sizeof(outcome->domain));
	g_strlcpy(outcome->mechanism, one->mechanism, sizeof(outcome->mechanism));
	g_strlcpy(outcome->problem, one->problem, sizeof(outcome->problem));
}

static void test_lines(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct spf_question question;
		struct spf_outcome outcome;
		char line[RECEIVER_SIZE];

		prepare(&cases[i], &question, &outcome);
		receiver_print(&question, &outcome, line);
		g_assert_cmpstr(line, ==, cases[i].received);
		receiver_print_results(&question, &outcome, line);
		g_assert_cmpstr(line, ==, cases[i].authentication);
	}
}

/* A value fits whole or is left out. */
static void test_long(void)
{
	for (size_t length = 1; length < 1200; length++) {
		g_autofree char *local = g_strnfill(length, '"'), *helo = g_strnfill(1200 - length, 'h');
		g_autofree char *sender = g_strconcat(local, "@example.org", NULL);
		struct line_case one = {
			"192.0.2.1", helo, sender, SPF_PASS, "example.org", "a", "", "", ""
		};
		struct spf_question question;
		struct spf_outcome outcome;
		char line[RECEIVER_SIZE];

		prepare(&one, &question, &outcome);
		receiver_print(&question, &outcome, line);
		g_assert_cmpuint(strlen(line), <, RECEIVER_SIZE);
		g_assert_true(strstr(line, "envelope-from") == NULL ||
		              strstr(line, "\\\"@example.org\"; ") != NULL ||
		              g_str_has_suffix(line, "\\\"@example.org\""));
		g_assert_true(strstr(line, "helo=") == NULL || strstr(line, helo) != NULL);
		receiver_print_results(&question, &outcome, line);
		g_assert_true(g_str_has_prefix(line, "Authentication-Results: mx.example.net; spf=pass"));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spf receiver/values are quoted where they must be, and cleaned", test_lines);
	g_test_add_func("/spf receiver/results are of tokens and addresses, or quoted", test_results);
	g_test_add_func("/spf receiver/a line is never longer than a header may have", test_long);
	return g_test_run();
}
