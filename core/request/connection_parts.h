/* request/connection_parts.h - what the parts of a connection share; nobody else includes it
 *
 * connection.c: its life and what moves it; connection_header.c: who it is from;
 * connection_take.c: bytes in, requests out to the handler; connection_send.c: replies
 * out.
 */
#ifndef REQUEST_CONNECTION_PARTS_H
#define REQUEST_CONNECTION_PARTS_H

#include "request/connection.h"
#include "request/wire.h"

enum {
	CONNECTION_SCRATCH = 65536,
	CONNECTION_KEPT_MAX = 65536 /* then no more is read while a request is in hand */
};

struct connection {
	struct loop_watch watch; /* first, so that it is the connection */
	struct loop_timer timer;
	struct connection_host *host;
	struct connection *next, *before;
	const char *listener;
	char *peer;
	uint16_t peer_port; /* 0 = none */
	char *via;          /* the proxy whose header named the peer; NULL = none */
	void *user;
	uint64_t number; /* of the host's */

	GByteArray *in;        /* read and not handed over; NULL = nothing */
	struct wire_scan scan; /* of its first request */
	int64_t began;         /* clock_usec() when its first byte came */
	GByteArray *out;       /* not sent; NULL = nothing */
	bool listed;           /* in host->unsent */
	pp_msec_t stuck_since;

	pp_msec_t header_due; /* of awaits_header */

	bool awaits_header; /* a PROXY header comes before all else */
	bool watched;       /* the loop has the descriptor */
	bool in_hand;       /* a request is with the handler */
	bool busy;          /* take() is running: it goes on after a reply */
	bool stuck;         /* the kernel does not take what is in out */
	bool eof;           /* the client sends no more */
	bool ending;        /* no more is taken; closed when out is sent */
	bool dead;          /* nothing is sent any more; closed when the handler has replied */
};

/* "client PEER [via PROXY] on LISTENER: WHAT; closing" */
void connection_note(const struct connection *c, pp_level_t level, const char *what);

/* -- connection_take.c -- */

/* Reads what has come, and hands over the requests that are whole. */
void connection_receive(struct connection *c);
/* Hands over those that were kept. */
void connection_take_kept(struct connection *c);

/* -- connection_header.c -- */

/* A header is awaited. Returns its size if the bytes begin with a whole one; 0: they
 * do not, or the connection is refused. */
size_t connection_take_header(struct connection *c, const char *bytes, size_t length);

/* -- connection_send.c -- */

/* For the client; sent by connection_flush(). */
void connection_put(struct connection *c, const char *bytes, size_t length);
/* There is something to send. True if nothing is left. */
bool connection_flush(struct connection *c);
/* It is not sent any more. */
void connection_drop_out(struct connection *c);
/* So much is to be sent, and the kernel takes so little, that no more is taken. */
bool connection_is_full(struct connection *c);

#endif
