/* fuzz/fuzz_spf.c - whatever a sender and its DNS say, both engines of SPF end within bounds, with
 * one result
 *
 * The first three lines are the client's address, its HELO name and the sender; each
 * other is "NAME TYPE DATA", where "^" in DATA stands for a NUL and DATA "!" for no
 * answer. zone.c sees to it that the result is the same whichever answers come first, and
 * that the engines differ in nothing but what is known.
 */
#include <glib.h>
#include <string.h>
#include "../../modules/spf/receiver.h"
#include "../unit/zone.h"
#include "fuzz.h"

static void add_record(struct zone *zone, const char *line)
{
	static const char *const types[] = { "TXT", "A", "AAAA", "MX", "PTR" };
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	size_t length;

	if (g_strv_length(words) < 3)
		return;
	length = strlen(words[2]);
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		if (strcmp(words[1], types[i]) != 0)
			continue;
		if (strcmp(words[2], "!") == 0)
			zone_fail(zone, words[0], (enum spf_type)i);
		else
			zone_add(zone, words[0], (enum spf_type)i, g_strdelimit(words[2], "^", '\0'), length);
	}
}

static void check_printable(const char *text, size_t size)
{
	g_assert_cmpuint(strlen(text), <, size);
	for (; *text != '\0'; text++)
		g_assert_true(g_ascii_isprint(*text));
}

static void check_outcome(const struct spf_question *question, const struct spf_outcome *outcome)
{
	char line[RECEIVER_SIZE];

	check_printable(outcome->domain, sizeof(outcome->domain));
	check_printable(outcome->mechanism, sizeof(outcome->mechanism));
	check_printable(outcome->problem, sizeof(outcome->problem));
	check_printable(outcome->explanation, sizeof(outcome->explanation));
	g_assert_true(*outcome->explanation == '\0' || outcome->result == SPF_FAIL);
	g_assert_true(*outcome->domain != '\0' || outcome->result == SPF_NONE);
	receiver_print(question, outcome, line);
	check_printable(line, sizeof(line));
	g_assert_true(g_str_has_prefix(line, "Received-SPF: "));
	receiver_print_results(question, outcome, line);
	check_printable(line, sizeof(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct spf_question question = { .receiver = "mx.example.net", .now = 1700000000, .explain = true };
	struct spf_outcome outcomes[2];
	struct zone *zone;

	if (g_strv_length(lines) < 3 || !pp_address_parse(lines[0], &question.client))
		return 0;
	question.helo = lines[1];
	question.sender = lines[2];
	zone = zone_new();
	for (char **line = lines + 3; *line != NULL; line++)
		add_record(zone, *line);
	zone_difference(zone, question, outcomes);
	check_outcome(&question, &outcomes[SPF_STRICT]);
	check_outcome(&question, &outcomes[SPF_LIBSPF2]);
	zone_free(zone);
	return 0;
}
