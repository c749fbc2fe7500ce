/* service/dns_sockets.h - the sockets of c-ares on a loop, a slice at a time
 *
 * c-ares sends what it is asked at once, sends again all whose time is over, and reads as long as
 * there is something. Where there is much, the loop has its turn in between.
 */
#ifndef SERVICE_DNS_SOCKETS_H
#define SERVICE_DNS_SOCKETS_H

#include <ares.h>
#include "service/loop.h"

struct dns_socket;
struct dns_datagram;

/* Those of one channel of c-ares. Embed it. */
struct dns_sockets {
	struct loop *loop;
	/* c-ares is to look at them; ARES_SOCKET_BAD: there is none. */
	void (*ready)(struct dns_sockets *sockets, ares_socket_t readable, ares_socket_t writable);
	struct dns_socket *first;
	struct loop_task reader, sender; /* these are set while there is something to read, to send */
	unsigned received;               /* messages, by this run of the reader */
	struct dns_datagram *ring;       /* to be sent */
	unsigned room, next, waiting;
};

/* With the rank of a patient task nothing is read or sent before all others are served. */
void dns_sockets_init(struct dns_sockets *sockets, struct loop *loop, enum loop_rank rank,
                      void (*ready)(struct dns_sockets *, ares_socket_t, ares_socket_t));
/* For struct ares_options: sock_state_cb, with the sockets for its data. */
void dns_sockets_changed(void *sockets, ares_socket_t fd, int readable, int writable);
/* c-ares sends and receives by them from now on. */
void dns_sockets_use(struct dns_sockets *sockets, ares_channel ares);
/* When c-ares has closed them. */
void dns_sockets_clear(struct dns_sockets *sockets);

#endif
