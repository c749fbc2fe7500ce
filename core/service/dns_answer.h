/* service/dns_answer.h - what a DNS server said, decoded within bounds */
#ifndef SERVICE_DNS_ANSWER_H
#define SERVICE_DNS_ANSWER_H

#include "base/arena.h"
#include "service/dns_name.h"

#define DNS_RECORDS_MAX 1000 /* in a message */
#define DNS_TEXTS_MAX 65536  /* bytes of all texts of an answer */
#define DNS_ALIASES_MAX 16

struct dns_answer {
	pp_dns_status_t status;
	int64_t ttl; /* seconds: the smallest, of aliases too; of a negative answer as its SOA says, 0
	              * without one; -1: it is no answer */
	size_t count;
	const pp_dns_record_t *records;
};

/* Decodes a message of any bytes, which is to be the answer to this question. */
void dns_answer_decode(const uint8_t *message, size_t size, pp_dns_type_t type, const struct dns_name *name,
                       struct arena *arena, struct dns_answer *answer);

/* What the first bytes of a message say: FOUND stands for no error. BROKEN: it is too short.
 * REFUSED: also of a server that does not have the name and asks nobody else for us. */
pp_dns_status_t dns_answer_peek(const uint8_t *message, size_t size);

const char *dns_type_name(pp_dns_type_t type); /* "MX" */
/* False: there is no such type here. */
bool dns_type_find(const char *name, pp_dns_type_t *type);

#endif
