/* daemon/control.h - the control socket, which ppolicyctl talks to
 *
 * A unix socket of mode 0600. The main thread accepts; each client has a thread of
 * its own that reads one command, carries it out and replies (control_call.h), with
 * limits of size and time, so that no client holds up the server. Root and the
 * server's own user are served, CONTROL_CLIENTS at a time.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "daemon/server.h"

#define CONTROL_CLIENTS 4

struct control;

/* Makes the folder of the path if it is missing; a stale socket is replaced, a live one
 * or another file is not. NULL: *error is a sentence. Main thread. */
struct control *control_open(struct server *server, const char *path, char **error);
/* Waits for commands under way, trials to their deadline at most; then removes the
 * socket. While the loops run still; main thread, but not within server_reload(). */
void control_close(struct control *control);
/* Removes the socket from the file system, for a process that ends without control_close(). */
void control_unlink(struct control *control);

#endif
