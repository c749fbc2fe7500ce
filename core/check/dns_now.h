/* check/dns_now.h - look-ups for who may wait: upkeep and commands */
#ifndef CHECK_DNS_NOW_H
#define CHECK_DNS_NOW_H

#include "service/dns.h"

/* From now on pp_dns_now() asks these servers; settings are copied. Main thread, the first time
 * while there are descriptors to be had. */
void dns_now_use(const struct dns_settings *settings);
/* In place of servers, for rule tests, in their thread; give NULL: there is no DNS. */
void dns_now_give(dns_give_fn give, void *data);
/* Frees what pp_dns_now() has answered in this thread. */
void dns_now_forget(void);

#endif
