/* daemon/options.c - the command line of ppolicyd */
#include "daemon/options.h"

#include <ares.h>
#include <jansson.h>
#include <lua.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include "ppolicyd/module.h"
#include "rule/plan.h"

#define EXIT_USAGE 2

const GOptionEntry *options_entries(struct options *options)
{
	static GOptionEntry entries[16];
	const GOptionEntry table[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config,
		  "Rule file (default " PP_CONFIG_FILE ")", "FILE" },
		{ "rules", 0, 0, G_OPTION_ARG_STRING, &options->rules,
		  "Rules given as a text, in place of a file; there is no control socket then", "TEXT" },
		{ "check", 't', 0, G_OPTION_ARG_NONE, &options->check,
		  "Check the rule file and walk its rules", NULL },
		{ "print", 'T', 0, G_OPTION_ARG_NONE, &options->print,
		  "Check the rule file and print it with what it includes", NULL },
		{ "stdio", 0, 0, G_OPTION_ARG_NONE, &options->stdio,
		  "One policy conversation on standard input and output, with the rule of the listener "
		  "ADDRESS or the first",
		  NULL },
		{ "test", 0, 0, G_OPTION_ARG_FILENAME, &options->test, "Run a file of rule tests",
		  "FILE.lua" },
		{ "manual", 0, 0, G_OPTION_ARG_NONE, &options->manual,
		  "Print the manual page of a MODULE, or of all in short", NULL },
		{ "state", 0, 0, G_OPTION_ARG_FILENAME, &options->state,
		  "Folder of the control socket (default " PP_RUN_FOLDER ") and of the database, if store {} "
		  "does not say where it is (default " PP_STATE_FOLDER ")",
		  "FOLDER" },
		{ "version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "Print version and ABI of modules",
		  NULL },
		{ "verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose, "Log at level debug", NULL },
		{ "generate", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &options->generate,
		  "Write a generated file", "WHAT" },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};

	memcpy(entries, table, sizeof(table));
	return entries;
}

static bool complain(int *status, const char *text)
{
	fprintf(stderr, "ppolicyd: %s; see ppolicyd --help\n", text);
	*status = EXIT_USAGE;
	return false;
}

static bool choose(struct options *options, int *status)
{
	int ways = (options->check || options->print) + options->stdio + (options->test != NULL) +
	           (options->manual || options->generate != NULL);

	if (ways > 1)
		return complain(status, "-t, --stdio, --test and --manual exclude each other");
	if (options->argument != NULL && !options->stdio && !options->manual)
		return complain(status, "arguments are taken by --stdio and --manual only");
	if (options->check || options->print)
		options->what = OPTIONS_CHECK;
	else if (options->stdio)
		options->what = OPTIONS_CONVERSE;
	else if (options->test != NULL)
		options->what = OPTIONS_TEST;
	else if (options->manual || options->generate != NULL)
		options->what = OPTIONS_MANUAL;
	return true;
}

static void print_version(void)
{
	printf("ppolicyd %s\nmodule ABI %d\n%s, GLib %u.%u.%u, jansson %s, SQLite %s, c-ares %s\nmodules in "
	       "%s\n",
	       PACKAGE_VERSION, PP_ABI, LUA_RELEASE, glib_major_version, glib_minor_version,
	       glib_micro_version, jansson_version_str(), sqlite3_libversion(), ares_version(NULL),
	       PP_MODULE_FOLDER);
}

bool options_read(struct options *options, int argc, char **argv, int *status)
{
	g_autoptr(GOptionContext) context = g_option_context_new("[ADDRESS | MODULE]");
	g_autoptr(GError) error = NULL;

	memset(options, 0, sizeof(*options));
	g_option_context_set_summary(context,
	                             "A policy server for Postfix: stays in the foreground and serves.");
	g_option_context_add_main_entries(context, options_entries(options), NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain(status, error->message);
	*status = 0;
	if (options->version) {
		print_version();
		return false;
	}
	if (argc > 2)
		return complain(status, "too many arguments");
	options->argument = g_strdup(argv[1]);
	if (options->rules != NULL && options->config != NULL)
		return complain(status, "-c and --rules exclude each other");
	if (options->rules != NULL)
		options->config = g_strdup(PLAN_TEXT);
	options->config_given = options->config != NULL;
	if (options->config == NULL)
		options->config = g_strdup(PP_CONFIG_FILE);
	options->state_given = options->state != NULL;
	if (options->state == NULL)
		options->state = g_strdup(PP_RUN_FOLDER);
	return choose(options, status);
}

void options_clear(struct options *options)
{
	g_free(options->config);
	g_free(options->rules);
	g_free(options->state);
	g_free(options->test);
	g_free(options->argument);
	g_free(options->generate);
}
