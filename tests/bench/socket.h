/* bench/socket.h - addresses of rule files as sockets: unix:PATH, inet:HOST:PORT */
#ifndef BENCH_SOCKET_H
#define BENCH_SOCKET_H

#include <stdint.h>

/* A blocking, connected socket; ends the process with a sentence when there is
 * none. source: last two bytes of the loopback address to come from (TCP only),
 * 0 = let the system choose: a test that opens very many connections one after
 * the other runs out of ports of one address. */
int socket_connect(const char *address, unsigned source);
/* A non-blocking, listening socket; a file in its place is removed. */
int socket_listen(const char *address);
void socket_nonblocking(int fd);
/* Ends a connection without leaving a port behind in TIME_WAIT. */
void socket_reset(int fd);
/* As many descriptors as the system allows. */
void socket_raise_limit(void);

/* Monotonic time in nanoseconds. */
int64_t socket_clock(void);

#endif
