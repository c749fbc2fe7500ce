/* daemon/peers.h - how many connections each address has to each listener, in all loops */
#ifndef DAEMON_PEERS_H
#define DAEMON_PEERS_H

/* One more; how many there are now. Both texts are copied. Any thread. */
unsigned peers_enter(const char *listener, const char *peer);
/* The same one less. */
void peers_leave(const char *listener, const char *peer);

#endif
