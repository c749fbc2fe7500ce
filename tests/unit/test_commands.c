/* unit/test_commands.c - what ppolicyctl can be told: found, explained, printed */
#include <glib.h>
#include <string.h>
#include "daemon/control_call.h"

static void a_command_is_found_by_its_words(void)
{
	static const struct {
		const char *words;
		const char *name; /* NULL: there is none, and the error is */
		const char *error;
		unsigned used;
	} cases[] = {
		{ "status", "status", NULL, 1 },
		{ "ask a=b c=d", "ask", NULL, 1 },
		{ "cache list check=zen", "cache list", NULL, 2 },
		{ "cache", NULL, "cache: list, get, drop or stats?" },
		{ "cache stat", NULL, "no command 'cache stat' (did you mean 'cache stats'?)" },
		{ "store", NULL, "store: status, schema or copy?" },
		{ "store statsu", NULL, "no command 'store statsu' (did you mean 'store status'?)" },
		{ "store status", "store status", NULL, 2 },
		{ "reload now", "reload", NULL, 1 },
		{ "\x1b[2J", NULL, "no command '\\x1b[2J'" },
		{ "upstream drian", NULL, "no command 'upstream drian' (did you mean 'upstream drain'?)" },
		{ "greylist list", "MODULE COMMAND", NULL, 0 },
		{ "reloaded", "MODULE COMMAND", NULL, 0 },
		{ "9lives", NULL, "no command '9lives'" },
		{ "", NULL, "no command ''" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) words = *cases[i].words != '\0' ? g_strsplit(cases[i].words, " ", -1)
		                                              : g_strsplit("/", "/", -1);
		g_autofree char *error = NULL;
		unsigned used = 0;
		const struct command *command = command_find((const char *const *)words, &used, &error);

		g_assert_cmpstr(command != NULL ? command->name : NULL, ==, cases[i].name);
		g_assert_cmpstr(error, ==, cases[i].error);
		g_assert_true(command == NULL || used == cases[i].used);
	}
}

static void no_words_are_no_command(void)
{
	const char *const words[] = { NULL };
	g_autofree char *error = NULL;
	unsigned used;

	g_assert_null(command_find(words, &used, &error));
	g_assert_cmpstr(error, ==, "no command is given");
}

static void help_and_man_page_name_all(void)
{
	g_autofree char *help = commands_help(), *page = commands_man_page();
	g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

	for (unsigned i = 0; i < COMMANDS; i++) {
		g_autofree char *term = g_strdup_printf("\\fB%s\\fR", commands_all()[i].name);

		g_assert_nonnull(strstr(help, commands_all()[i].name));
		g_assert_nonnull(strstr(page, term));
	}
	for (unsigned i = 0; i < FILTERS; i++) {
		g_autofree char *term = g_strdup_printf("\\fB%s\\fR=", commands_filters()[i].name);

		g_assert_nonnull(strstr(help, commands_filters()[i].name));
		g_assert_nonnull(strstr(page, term));
	}
	for (char **line = lines; *line != NULL; line++)
		g_assert_cmpuint(strlen(*line), <, 80);
}

static void sizes_keep_two_digits(void)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = { { 0, "0" },          { 1023, "1023" },    { 1024, "1.0K" },      { 10240, "10K" },
		      { 1048575, "1.0M" }, { 67108864, "64M" }, { 1610612736, "1.5G" } };
	char buffer[32];

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(control_bytes(cases[i].bytes, buffer), ==, cases[i].text);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/commands/a command is found by its words", a_command_is_found_by_its_words);
	g_test_add_func("/commands/no words are no command", no_words_are_no_command);
	g_test_add_func("/commands/help and man page name all", help_and_man_page_name_all);
	g_test_add_func("/commands/sizes keep two digits", sizes_keep_two_digits);
	return g_test_run();
}
