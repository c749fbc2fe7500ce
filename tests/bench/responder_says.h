/* bench/responder_says.h - what the name server of the benchmarks says */
#ifndef BENCH_RESPONDER_SAYS_H
#define BENCH_RESPONDER_SAYS_H

#include <stddef.h>
#include <stdint.h>

enum { SAID_MAX = 1024 };

enum when { SAID_NOW, SAID_LATE, SAID_NEVER };

/* Makes the answer to a query, whose labels say what it is; 0: that is no query. */
size_t say(const uint8_t *query, size_t size, uint8_t message[SAID_MAX], enum when *when);

#endif
