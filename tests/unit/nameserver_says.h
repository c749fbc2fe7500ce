/* unit/nameserver_says.h - what the name server of tests says, by a label of the name */
#ifndef UNIT_NAMESERVER_SAYS_H
#define UNIT_NAMESERVER_SAYS_H

#include "nameserver_reply.h"

struct saying {
	const char *label; /* NULL: the last row */
	void (*say)(struct reply *reply);
};
extern const struct saying nameserver_sayings[]; /* records, and what is wrong with them */
extern const struct saying nameserver_breaks[];  /* what is wrong with messages and streams */

#endif
