/* daemon/privileges.h - starting as root: what must be done as root, then no longer being it
 *
 * Nothing of the rule file runs as root: a child without privileges reads server{}
 * and listen() from it in a bare Lua state, where modules are not loaded.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <glib.h>
#include <sys/types.h>
#include "daemon/ports.h"

struct bare_settings {
	char *user;       /* NULL: not set */
	GPtrArray *ports; /* of struct port_wish, with strings of their own */
};

/* Before any thread is started. False: *error is a sentence; errors in the file are not
 * its business, they are found again when it is loaded. */
bool privileges_read_settings(const char *path, struct bare_settings *settings, char **error);
void privileges_clear(struct bare_settings *settings);

bool privileges_is_user(const char *user, char **error);
/* Becomes the user, with its groups, for good. */
bool privileges_drop(const char *user, char **error);
/* Gives a folder to the user, and makes it when it is not there; before privileges_drop(). */
bool privileges_make_folder(const char *folder, const char *user, char **error);

#endif
