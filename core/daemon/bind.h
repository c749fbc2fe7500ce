/* daemon/bind.h - a listening socket is made: address, mode, owner, group */
#ifndef DAEMON_BIND_H
#define DAEMON_BIND_H

#include "service/endpoint.h"

/* What a listening socket needs, without the rest of a plan. */
struct port_wish {
	const char *address;              /* interned */
	const char *folder;               /* relative paths of unix sockets */
	const char *mode, *owner, *group; /* may be NULL */
};

/* A non-blocking socket that listens; a stale unix socket is replaced, a live one or
 * another file is not. -1: *error is a sentence. */
int bind_listen(const struct port_wish *wish, const struct endpoint *endpoint, char **error);
/* Sets mode, owner and group of a unix socket. NULL, or a sentence. */
char *bind_set_access(const struct port_wish *wish, const char *path);
/* Equal texts: the same mode, owner and group. */
char *bind_name_access(const struct port_wish *wish);

#endif
