/* service/dns_channel.h - c-ares on a loop: questions out, messages in
 *
 * One channel has one set of servers, for good; when they change a new one is made and
 * the old one answers what it was asked. A server that says SERVFAIL or REFUSED has not
 * answered: the others are asked too, and only if none knows better is it the answer.
 * Patient queries have a lane of their own: sockets that are read and written when all else
 * is done.
 */
#ifndef SERVICE_DNS_CHANNEL_H
#define SERVICE_DNS_CHANNEL_H

#include "service/dns_answer.h"
#include "service/loop.h"

struct dns_settings {
	const pp_texts_t *servers; /* NULL: those of the system */
	pp_msec_t timeout;         /* of the first try; of each further one twice as much */
	int64_t tries;             /* of each server */
};

struct dns_server {
	pp_address_t address;
	uint16_t port;
};
/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53". */
bool dns_server_parse(const char *text, struct dns_server *server);

/* A question. Embed it, zeroed. */
struct dns_query {
	pp_dns_type_t type;
	struct dns_name name;
	void (*answered)(struct dns_query *query); /* within dns_channel_ask() too */
	uint8_t *message; /* to be freed with g_free(); NULL: there is none, and status says why */
	size_t size;
	pp_dns_status_t status;
	struct dns_channel *channel;
	bool patient; /* others come first */
	bool again;   /* it is asked without EDNS */
};

struct dns_channel;
/* NULL: c-ares cannot be used, and *reason says why. */
struct dns_channel *dns_channel_new(struct loop *loop, const struct dns_settings *settings, char **reason);
/* Queries still open are answered: NOT_ASKED. */
void dns_channel_free(struct dns_channel *channel);
void dns_channel_ask(struct dns_channel *channel, struct dns_query *query);
unsigned dns_channel_open(const struct dns_channel *channel); /* queries not answered yet */

#endif
