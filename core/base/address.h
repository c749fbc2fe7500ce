/* base/address.h - IP addresses and sets of networks
 *
 * The functions are public (ppolicyd/module.h): pp_address_*, pp_network_*,
 * pp_networks_*. This header adds what only the core needs.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <sys/socket.h>
#include "ppolicyd/module.h"

/* The IP address of a socket address; family 0 for a unix socket. */
pp_address_t address_of_sockaddr(const struct sockaddr *sockaddr);

/* Calls each once for every network of the fewest that make up the set, in order:
 * equal sets give equal calls. A range of several networks with the same number
 * is one range. */
typedef void (*networks_each_fn)(const pp_address_t *address, int prefix, uint32_t number, void *data);
void networks_each(const pp_networks_t *networks, networks_each_fn each, void *data);

#endif
