/* daemon/commands.c - what ppolicyctl can be told: a row a command, of which help and man page are made */
#include "daemon/commands.h"

#include <string.h>
#include "base/text.h"

#define HELP_WIDTH 79

static const struct command commands[] = {
#define COMMAND_ROW(id, name, synopsis, admin, help) { COMMAND_##id, name, synopsis, admin, help },
	COMMAND_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
};

static const struct filter_row filters[] = {
#define FILTER_ROW(id, name, value, help) { name, value, help },
	FILTER_TABLE(FILTER_ROW)
#undef FILTER_ROW
};

static const struct filter_row options[] = {
	{ "-s, --socket", "SOCKET", "the server's control socket, if not " PP_RUN_FOLDER "/control.sock" },
	{ "--json", "", "print JSON Lines, an object a line; ignore members you do not know" },
	{ "-h, --help", "", "print this" },
	{ "-V, --version", "", "print the version" },
};

static const struct filter_row exits[] = {
	{ "0", "", "it is done" },
	{ "1", "", "the answer is no: nothing was found, the reload was refused, or it could not be done" },
	{ "2", "", "the command is wrong" },
	{ "3", "", "the server cannot be reached" },
};

const struct command *commands_all(void)
{
	return commands;
}

const struct filter_row *commands_filters(void)
{
	return filters;
}

/* -- finding ------------------------------------------------------------- */

/* How many of the words are the name; 0: it is another command. */
static unsigned words_of_name(const char *name, const char *const *words)
{
	const char *blank = strchr(name, ' ');
	size_t first = blank != NULL ? (size_t)(blank - name) : strlen(name);

	if (strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
		return 0;
	if (blank == NULL)
		return 1;
	return words[1] != NULL && strcmp(words[1], blank + 1) == 0 ? 2 : 0;
}

/* "list, get, drop or stats": the second words of names with this first one; NULL: there are none. */
static char *second_words(const char *first)
{
	g_autoptr(GPtrArray) seconds = g_ptr_array_new();
	size_t length = strlen(first);
	GString *text = NULL;

	for (unsigned i = 0; i < COMMANDS; i++)
		if (strncmp(commands[i].name, first, length) == 0 && commands[i].name[length] == ' ')
			g_ptr_array_add(seconds, (char *)commands[i].name + length + 1);
	for (guint i = 0; i < seconds->len; i++) {
		if (text == NULL)
			text = g_string_new(NULL);
		else
			g_string_append(text, i + 1 < seconds->len ? ", " : " or ");
		g_string_append(text, seconds->pdata[i]);
	}
	return text != NULL ? g_string_free(text, FALSE) : NULL;
}

static const char *nearest_name(const char *given)
{
	const char *names[COMMANDS + 1] = { NULL };
	unsigned count = 0;

	for (unsigned i = 0; i < COMMANDS; i++)
		if (commands[i].id != COMMAND_module)
			names[count++] = commands[i].name;
	return text_nearest(given, names);
}

const char *command_nearest(const char *const *words)
{
	return nearest_name(words[0]);
}

static char *no_such_command(const char *given)
{
	const char *nearest = nearest_name(given);
	char shown[100];

	text_escape(shown, sizeof(shown), given, strlen(given), true);
	return g_strdup_printf("no command '%s'%s%s%s", shown, nearest != NULL ? " (did you mean '" : "",
	                       nearest != NULL ? nearest : "", nearest != NULL ? "'?)" : "");
}

static bool may_be_module(const char *word)
{
	size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return length > 0 && length <= 64 && word[length] == '\0' && !g_ascii_isdigit(*word);
}

const struct command *command_find(const char *const *words, unsigned *used, char **error)
{
	g_autofree char *seconds = words[0] != NULL ? second_words(words[0]) : NULL;
	g_autofree char *both = NULL;

	*used = 0;
	if (words[0] == NULL) {
		*error = g_strdup("no command is given");
		return NULL;
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (commands[i].id != COMMAND_module && (*used = words_of_name(commands[i].name, words)) > 0)
			return &commands[i];
	if (seconds == NULL && may_be_module(words[0]))
		return &commands[COMMAND_module];
	both = g_strjoin(" ", words[0], seconds != NULL ? words[1] : NULL, NULL);
	if (seconds != NULL && words[1] == NULL)
		*error = g_strdup_printf("%s: %s?", words[0], seconds);
	else
		*error = no_such_command(both);
	return NULL;
}

/* -- help ---------------------------------------------------------------- */

/* A sentence in lines, each behind a margin; the first one's is there already. */
static void append_folded(GString *out, const char *sentence, size_t margin)
{
	size_t column = margin;

	while (*sentence != '\0') {
		size_t length = strcspn(sentence, " ");

		if (column > margin && column + 1 + length > HELP_WIDTH) {
			g_string_append_printf(out, "\n%*s", (int)margin, "");
			column = margin;
		} else if (column > margin) {
			g_string_append_c(out, ' ');
			column++;
		}
		g_string_append_len(out, sentence, (gssize)length);
		column += length;
		sentence += length + (sentence[length] == ' ');
	}
	g_string_append_c(out, '\n');
}

static void append_rows(GString *out, const struct filter_row *rows, size_t count, const char *link)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *term = g_strconcat(rows[i].name, *rows[i].value != '\0' ? link : "",
		                                    rows[i].value, NULL);

		g_string_append_printf(out, "  %-21s ", term);
		append_folded(out, rows[i].help, 24);
	}
}

char *commands_help(void)
{
	GString *out = g_string_new("Usage: ppolicyctl [-s SOCKET] [--json] COMMAND ...\n\n"
	                            "Asks a running ppolicyd, or tells it something.\n\nCommands:\n");

	for (unsigned i = 0; i < COMMANDS; i++) {
		const struct command *command = &commands[i];

		g_string_append_printf(out, "  %s%s%s\n      ", command->name,
		                       *command->synopsis != '\0' ? " " : "", command->synopsis);
		append_folded(out, command->help, 6);
	}
	g_string_append(out, "\nFilters of kept answers; an answer has to pass all of them:\n");
	append_rows(out, filters, G_N_ELEMENTS(filters), "=");
	g_string_append(out, "\nOptions:\n");
	append_rows(out, options, G_N_ELEMENTS(options), " ");
	g_string_append(out, "\nExit status:\n");
	append_rows(out, exits, G_N_ELEMENTS(exits), " ");
	return g_string_free(out, FALSE);
}

/* -- man page ------------------------------------------------------------ */

/* Text for roff: its own characters do not count. */
static void append_plain(GString *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '-')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *text);
	}
}

static void append_term(GString *out, const char *name, const char *link, const char *value, const char *help)
{
	g_string_append(out, ".TP\n\\fB");
	append_plain(out, name);
	if (*value != '\0') {
		g_string_append_printf(out, "\\fR%s\\fI", link);
		append_plain(out, value);
	}
	g_string_append(out, "\\fR\n");
	append_plain(out, help);
	g_string_append(out, ".\n");
}

static void append_section(GString *out, const char *title, const struct filter_row *rows, size_t count,
                           const char *link)
{
	g_string_append_printf(out, ".SH %s\n", title);
	for (size_t i = 0; i < count; i++)
		append_term(out, rows[i].name, link, rows[i].value, rows[i].help);
}

char *commands_man_page(void)
{
	GString *out = g_string_new(
	        ".\\\" made by ppolicyctl --man\n"
	        ".TH PPOLICYCTL 8 \"\" \"ppolicyd " PACKAGE_VERSION "\"\n"
	        ".SH NAME\nppolicyctl \\- ask a running ppolicyd, or tell it something\n"
	        ".SH SYNOPSIS\n.B ppolicyctl\n[\\fB\\-s\\fR \\fISOCKET\\fR] [\\fB\\-\\-json\\fR] "
	        "\\fICOMMAND\\fR ...\n"
	        ".SH DESCRIPTION\nTalks to the control socket of a running server, which serves root "
	        "and its own user only, four at a time. What comes from strangers is printed with "
	        "control characters, blanks, < and > as \\exHH.\n.SH COMMANDS\n");

	for (unsigned i = 0; i < COMMANDS; i++)
		append_term(out, commands[i].name, " ", commands[i].synopsis, commands[i].help);
	append_section(out, "FILTERS", filters, FILTERS, "=");
	append_section(out, "OPTIONS", options, G_N_ELEMENTS(options), " ");
	append_section(out, "EXIT STATUS", exits, G_N_ELEMENTS(exits), " ");
	g_string_append(
	        out, ".SH EXAMPLES\n.nf\n"
	             "ppolicyctl ask client_address=192.0.2.1 sender=a@example.net recipient=b@example.org\n"
	             "ppolicyctl cache drop check=zen key='192.0.2.*'\n"
	             "ppolicyctl greylist list client=192.0.2.0/24\n"
	             "ppolicyctl store copy sqlite: mysql:\n"
	             ".fi\n.SH SEE ALSO\n.BR ppolicyd (8)\n");
	return g_string_free(out, FALSE);
}
