/* lib/spf_check.c - checks SPF against records it is told, for lib/spf_suite.py
 *
 * The engine is the one argument, strict or libspf2. Reads lines of words; xHEX stands for bytes:
 *     record xNAME TYPE xDATA
 *     fail xNAME TYPE           DNS does not answer
 *     check xADDRESS xHELO xSENDER
 *     clear                     forgets all records
 * For each check it prints RESULT LOOKUPS ROUNDS QUESTIONS xMECHANISM xEXPLANATION xPROBLEM
 * xRECEIVED xRESULTS.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../modules/spf/receiver.h"
#include "../unit/zone.h"

static GBytes *bytes_of(const char *word)
{
	size_t length = word == NULL || *word != 'x' ? 0 : (strlen(word) - 1) / 2;
	char *bytes = g_malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(g_ascii_xdigit_value(word[2 * i + 1]) << 4 |
		                  g_ascii_xdigit_value(word[2 * i + 2]));
	bytes[length] = '\0';
	return g_bytes_new_take(bytes, length);
}

static char *text_of(const char *word)
{
	g_autoptr(GBytes) bytes = bytes_of(word);

	return g_strdup(g_bytes_get_data(bytes, NULL));
}

static enum spf_type type_of(const char *word)
{
	static const char *const names[] = {
		[SPF_TXT] = "TXT", [SPF_A] = "A", [SPF_AAAA] = "AAAA", [SPF_MX] = "MX", [SPF_PTR] = "PTR"
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (word != NULL && strcmp(names[i], word) == 0)
			return (enum spf_type)i;
	g_printerr("there is no type %s\n", word == NULL ? "" : word);
	exit(2);
}

static void print_text(const char *text)
{
	fputs(" x", stdout);
	for (; *text != '\0'; text++)
		printf("%02x", (unsigned char)*text);
}

static void check(struct zone *zone, enum spf_engine engine, char **words)
{
	g_autofree char *address = text_of(words[1]), *helo = text_of(words[2]), *sender = text_of(words[3]);
	struct spf_question question = { .engine = engine,
		                         .helo = helo,
		                         .sender = sender,
		                         .receiver = "mx.example.net",
		                         .now = 1700000000,
		                         .explain = true };
	char received[RECEIVER_SIZE], results[RECEIVER_SIZE];
	struct spf_outcome outcome;
	struct zone_counts counts;

	if (!pp_address_parse(address, &question.client))
		exit(2);
	zone_evaluate(zone, &question, &outcome, &counts);
	receiver_print(&question, &outcome, received);
	receiver_print_results(&question, &outcome, results);
	printf("%s %u %u %u", spf_result_name(outcome.result), outcome.lookups, counts.rounds,
	       counts.questions);
	print_text(outcome.mechanism);
	print_text(outcome.explanation);
	print_text(outcome.problem);
	print_text(received);
	print_text(results);
	putchar('\n');
}

static void record(struct zone *zone, char **words)
{
	g_autofree char *name = text_of(words[1]);
	g_autoptr(GBytes) bytes = bytes_of(words[3]);
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);

	if (!zone_add(zone, name, type_of(words[2]), data, size)) {
		g_printerr("%s is no address\n", data);
		exit(2);
	}
}

static enum spf_engine engine_of(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "strict") == 0)
		return SPF_STRICT;
	if (argc == 2 && strcmp(argv[1], "libspf2") == 0)
		return SPF_LIBSPF2;
	g_printerr("spf_check strict|libspf2\n");
	exit(2);
}

int main(int argc, char **argv)
{
	enum spf_engine engine = engine_of(argc, argv);
	struct zone *zone = zone_new();
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", -1);
		unsigned count = g_strv_length(words);

		if (count == 4 && strcmp(words[0], "record") == 0) {
			record(zone, words);
		} else if (count == 3 && strcmp(words[0], "fail") == 0) {
			g_autofree char *name = text_of(words[1]);

			zone_fail(zone, name, type_of(words[2]));
		} else if (count == 4 && strcmp(words[0], "check") == 0) {
			check(zone, engine, words);
		} else {
			zone_free(zone);
			zone = zone_new();
		}
	}
	free(line);
	zone_free(zone);
	return 0;
}
