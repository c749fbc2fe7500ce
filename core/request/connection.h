/* request/connection.h - a conversation with one client: bytes in, replies out, in order
 *
 * A connection lives in one loop. It hands each whole request to its listener's
 * handler and takes exactly one reply for it before it looks at the next.
 */
#ifndef REQUEST_CONNECTION_H
#define REQUEST_CONNECTION_H

#include <glib.h>
#include "base/log.h"
#include "request/action.h"
#include "request/request.h"
#include "service/loop.h"

struct connection;

#define CONNECTION_BATCH 16 /* requests, and replies, that wait for each other, at most */

struct connection_request {
	struct connection *connection;
	struct request *request; /* a reference */
};

/* What a loop's connections share. It lives as long as the loop runs. */
struct connection_host {
	struct loop *loop;
	struct request_pool *requests;
	/* Asks for the reply to a request, which the callee references as long as it
	 * needs it. connection_reply() is called once, now or later. */
	void (*handle)(struct connection_host *host, struct connection *connection, struct request *request);
	/* A PROXY header named connection_peer(), or named nobody and that is the proxy:
	 * may it ask? NULL: all may. Not called for the proxy's own connections. */
	bool (*admit)(struct connection_host *host, struct connection *connection);
	/* The connection is gone; nothing of it is used afterwards. */
	void (*closed)(struct connection_host *host, struct connection *connection);
	struct connection *all; /* list of this loop's connections */
	unsigned count;
	uint64_t opened;                                   /* connections, ever */
	struct connection_request queue[CONNECTION_BATCH]; /* to be handled */
	struct connection *unsent[CONNECTION_BATCH];       /* with replies to send */
	GByteArray *spare[CONNECTION_BATCH];               /* buffers for replies, recycled */
	unsigned queued, unsent_count, spares;
	bool handling;                     /* the queue */
	struct log_limit refused, unnamed; /* lines about PROXY headers */
	char *scratch;                     /* the read buffer all idle connections share */
	pp_msec_t request_timeout;         /* from a request's first byte: 30 s */
	pp_msec_t idle_timeout;            /* 600 s */
};

/* Sets every member; handle, closed and other timeouts are the caller's to set after it. */
void connection_host_init(struct connection_host *host, struct loop *loop);
/* Closes all connections at once. No request may be referenced any more. */
void connection_host_clear(struct connection_host *host);

/* Takes over fd (non-blocking). listener: the address as written in listen, of
 * static life (interned); peer, an address or other text, is copied; user is the caller's. NULL: could not
 * be watched, fd is closed. */
struct connection *connection_open(struct connection_host *host, int fd, const char *listener,
                                   const char *peer, void *user);
/* Right after connection_open(): the client is a proxy, and first it sends a PROXY
 * header, whole within the time; else it is closed. The peer is then the source that
 * the header names, if it names one. */
void connection_await_header(struct connection *connection, pp_msec_t timeout);
/* Right after connection_open(): the peer's port, 0 if there is none. */
void connection_set_port(struct connection *connection, uint16_t port);
/* The reply to the request in hand (bytes of action_encode()), sent at the end of the
 * turn at the latest; length 0: closes without a reply. */
void connection_reply(struct connection *connection, const char *bytes, size_t length);
/* Ends it after the request in hand, at once when there is none. */
void connection_drain(struct connection *connection);

const char *connection_peer(const struct connection *connection);
const char *connection_listener(const struct connection *connection);
void *connection_user(const struct connection *connection);
struct connection *connection_next(const struct connection *connection);

#endif
