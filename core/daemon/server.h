/* daemon/server.h - the running server: loops, ports, the world they use, reload, end
 *
 * The main thread runs GLib's loop: signals, control, reload, accepting.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "daemon/desk.h"
#include "daemon/ports.h"

struct server;

struct server_options {
	const char *config;  /* path of the rule file */
	const char *state;   /* folder of the control socket */
	struct ports *ports; /* with sockets bound as root; the server's from now on */
	bool no_control;     /* there is no control socket */
	bool log_more;       /* -v */
};

/* Loads, opens, listens. NULL: messages were added to errors; *status is the exit code. */
struct server *server_start(const struct server_options *options, GPtrArray *errors, int *status);
/* Until SIGTERM; then drains and frees all. The exit code. */
int server_run(struct server *server);

/* Builds the new world and swaps if all of it is good. report gets a sentence, or all
 * errors. Main thread. */
bool server_reload(struct server *server, GString *report);

/* Returns when every loop uses the newest world: what is asked from now on meets it. Not
 * from the main thread or a loop. */
void server_settle(struct server *server);

struct world *server_world_ref(struct server *server); /* any thread; unref it */
struct desk **server_desks(struct server *server, unsigned *count);
struct cache *server_cache(struct server *server);
struct ports *server_ports(struct server *server); /* main thread */
const char *server_config_path(struct server *server);
pp_msec_t server_started(struct server *server); /* pp_time() */

#endif
