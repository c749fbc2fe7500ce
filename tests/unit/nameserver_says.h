/* unit/nameserver_says.h - what the name server of tests says, by the first label of the name */
#ifndef UNIT_NAMESERVER_SAYS_H
#define UNIT_NAMESERVER_SAYS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct reply {
	const uint8_t *query;
	size_t question; /* bytes of the query up to the end of its question */
	bool tcp, edns;
	unsigned times;  /* asked for this name before */
	GByteArray *out; /* a header without error and the question; what is said stands behind */
	bool silent, drips, closes;
};

/* A name that is none of those it knows does not exist. */
void nameserver_say(struct reply *reply, const char *label);

#endif
