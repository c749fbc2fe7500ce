/* unit/nameserver.h - a DNS server on loopback that says what a label of the name tells it
 *
 * nameserver_says.c lists the labels. It answers in a thread of its own, on UDP and TCP.
 */
#ifndef UNIT_NAMESERVER_H
#define UNIT_NAMESERVER_H

#include <stdint.h>

struct nameserver;

/* always: what it says whatever it is asked; NULL: what the names tell. */
struct nameserver *nameserver_new(const char *always);
void nameserver_free(struct nameserver *server);
const char *nameserver_address(const struct nameserver *server); /* "127.0.0.1:PORT" */
unsigned nameserver_asked(const struct nameserver *server);      /* questions it got */

#endif
