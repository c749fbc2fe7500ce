/* bench/load_request.h - the requests that load.c sends */
#ifndef BENCH_LOAD_REQUEST_H
#define BENCH_LOAD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUEST_MAX = 1024 };

/* What requests are about. */
enum about {
	ABOUT_SENDERS, /* some senders in turn; client and recipient vary a little */
	ABOUT_NEW,     /* triplets one after the other, each once */
	ABOUT_PASSED,  /* triplets drawn at random of those that passed */
	ABOUT_EACH,    /* those that passed, each once, then nothing more */
	ABOUT_CLIENTS, /* so many clients in turn, of 198.18.0.0/15 */
	ABOUT_DOMAINS  /* senders in turn, who are all others, of so many domains of a zone */
};

/* Triplet number N is of network N % networks, and of sender N. The first 4 * networks are those
 * that store.py puts into the table; of each network it lets one of its four pass. */
struct requests {
	enum about about;
	uint32_t next, step; /* the number of the next one, from there to the one after */
	uint32_t count;      /* senders, or triplets to choose from */
	uint32_t networks;
	uint64_t random;  /* not 0 */
	const char *zone; /* of ABOUT_DOMAINS */
};

/* The address of a client of ABOUT_CLIENTS. */
void requests_client(uint32_t number, uint8_t bytes[4]);

/* Writes one and returns its size; 0: there are no more. */
size_t requests_next(struct requests *requests, char request[REQUEST_MAX]);

#endif
