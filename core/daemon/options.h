/* daemon/options.h - the command line of ppolicyd */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <glib.h>
#include <stdbool.h>

enum options_what { OPTIONS_SERVE, OPTIONS_CHECK, OPTIONS_CONVERSE, OPTIONS_TEST, OPTIONS_MANUAL };

struct options {
	enum options_what what;
	char *config, *rules, *state, *test, *argument, *generate;
	gboolean config_given, state_given, check, print, stdio, manual, version, verbose;
};

/* False: all is done, or wrong and said; *status is the exit code. */
bool options_read(struct options *options, int argc, char **argv, int *status);
void options_clear(struct options *options);
/* The table of options, for man page and tests. Ends with a NULL name. */
const GOptionEntry *options_entries(struct options *options);

#endif
