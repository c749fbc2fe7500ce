/* check/dns.h - look-ups in DNS run for asks */
#ifndef CHECK_DNS_H
#define CHECK_DNS_H

#include "check/work.h"
#include "service/dns.h"

#define DNS_LOOK_UPS_OF_ASK 150
#define DNS_LOOK_UPS_OF_REQUEST 500
#define DNS_LOOK_UPS_AT_A_TIME 32     /* of an ask; further ones wait for these */
#define DNS_LOOK_UPS_WHEN_BUSY 16     /* of an ask, when half of the loop's places are taken */
#define DNS_LOOK_UPS_PROMPT 16        /* of an ask; its further ones come after those of others */
#define DNS_PROMPT_MSEC 100           /* from its first one: the same */
#define DNS_BYTES_OF_ASK (256 * 1024) /* of messages; decoded they take some five times as much */

struct dns_look_up {          /* of pp_dns(), in the ask's arena */
	struct dns_wish wish; /* first */
	struct pp_work *work;
	pp_dns_type_t type;
	const char *name;
	struct dns_look_up *next; /* of those that wait */
};

/* The ask looks up much, or for long: others go before. */
bool dns_is_patient(const struct pp_ask *ask);

#endif
