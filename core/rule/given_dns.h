/* rule/given_dns.h - DNS as a rule test gives it, in place of servers */
#ifndef RULE_GIVEN_DNS_H
#define RULE_GIVEN_DNS_H

#include <glib.h>
#include <lua.h>
#include "service/dns.h"

struct given_dns {
	struct arena arena;
	GHashTable *answers; /* "TYPE name", or "* name" for all types -> struct given_answer */
	GHashTable *names;   /* those that there are */
};

void given_dns_init(struct given_dns *given);
void given_dns_clear(struct given_dns *given); /* nobody has an answer any longer */
void given_dns_free(struct given_dns *given);

/* For dns_new_given(): data is the struct given_dns. NULL: nothing was given of the name; one that
 * has records of other types is without data. */
const struct dns_answer *given_dns_find(void *data, pp_dns_type_t type, const struct dns_name *name,
                                        pp_msec_t *after);

/* The Lua function given_dns { ["NAME TYPE"] = "record", ["NAME TYPE"] = { "record", ..., ttl = "5m",
 * after = "100ms" }, ["NAME"] = { fault = "servfail" } }. A record is written as in a zone: an
 * address, a name, "10 mail.example.org" for MX; of TXT it is the text itself. An address stands
 * for its reverse name before PTR. */
int given_dns_call(lua_State *L);

#endif
