/* daemon/ports.h - listening sockets: opened, taken from systemd, accepting in the main thread
 *
 * A port lives as long as its address is listened on, through reloads; its
 * connections go to the loop with the fewest.
 */
#ifndef DAEMON_PORTS_H
#define DAEMON_PORTS_H

#include <glib.h>
#include "daemon/bind.h"
#include "daemon/desk.h"

struct ports;

struct ports *ports_new(void);
void ports_free(struct ports *ports); /* closes the sockets, removes those in the file system */

/* Takes the sockets that systemd hands over (LISTEN_FDS), each for the address it
 * is bound to. Once, before the first ports_open(). */
void ports_adopt(struct ports *ports);

/* Binds and listens, unless the address is open already. False: *error is a
 * sentence. A stale unix socket is replaced, a live one or another file is not. */
bool ports_open(struct ports *ports, const struct port_wish *wish, char **error);

/* Begins to accept for the listeners of a world, and closes other ports. */
void ports_serve(struct ports *ports, const struct world *world, struct desk **desks, unsigned count);
/* Closes what was opened for a configuration that is not used after all. */
void ports_close_unserved(struct ports *ports);
void ports_stop(struct ports *ports);             /* no more accepting; sockets of systemd stay open */
unsigned ports_unused(const struct ports *ports); /* sockets of systemd that no listen names */

/* For status: calls for each port. */
void ports_each(struct ports *ports, void (*visit)(const struct desk_port *port, void *data), void *data);

#endif
