/* daemon/converse.h - --stdio: one conversation on descriptors, as for Postfix's spawn(8) */
#ifndef DAEMON_CONVERSE_H
#define DAEMON_CONVERSE_H

#include <glib.h>

/* Answers the requests read from in with the rule of a listener (NULL: the first),
 * until its end; without listeners, control socket and privileges. The exit code;
 * when it is not 0, errors has messages. */
int converse(const char *config, const char *listener, int in, int out, GPtrArray *errors);

#endif
