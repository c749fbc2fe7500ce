/* unit/nameserver_reply.h - how replies of the name server of tests are made */
#ifndef UNIT_NAMESERVER_REPLY_H
#define UNIT_NAMESERVER_REPLY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28
};

struct reply {
	const uint8_t *query;
	size_t question; /* bytes of the query up to the end of its question */
	bool tcp, edns;
	unsigned times;  /* asked for this name before */
	GByteArray *out; /* a header without error and the question; what is said stands behind */
	bool silent, drips, closes;
	bool elsewhere;      /* it comes from another port */
	unsigned before;     /* messages of a wrong id that come before it */
	unsigned length;     /* that TCP says it has; 0: as it is */
	bool is_empty_frame; /* a message of no bytes comes before it on TCP */
};

void reply_add(struct reply *reply, const void *bytes, size_t size);
void reply_add_16(struct reply *reply, unsigned number);
/* A number of 16 bits of the message is more by so many. */
void reply_bump(struct reply *reply, unsigned at, unsigned by);
/* "\3www\7example\0" and the like are written by hand; owner NULL: the name of the question. */
void reply_add_record(struct reply *reply, const char *owner, unsigned type, unsigned ttl, const void *data,
                      size_t size);
#define REPLY_RECORD(reply, type, ttl, data) reply_add_record(reply, NULL, type, ttl, data, sizeof(data) - 1)
void reply_set_code(struct reply *reply, unsigned code);
/* On UDP only what fits; else the bit that says so. */
bool reply_is_cut(struct reply *reply);

void reply_say_address(struct reply *reply);
/* On TCP. */
void reply_say_truncated(struct reply *reply);

#endif
