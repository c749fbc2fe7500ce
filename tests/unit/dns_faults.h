/* unit/dns_faults.h - what the name server of tests says, and what is to come of it
 *
 * The same for the look-up alone (test_dns_faults.c) and for the whole way, from a policy request
 * to a module and back (tests/live/test_dns.py).
 */
#ifndef UNIT_DNS_FAULTS_H
#define UNIT_DNS_FAULTS_H

#include <stdbool.h>
#include "service/dns_answer.h"

struct dns_fault {
	const char *name; /* NULL: the last row */
	pp_dns_type_t type;
	const char *wanted; /* as asker_print() has it */
	bool alone;         /* c-ares gives such a connection up with all its queries */
};
extern const struct dns_fault dns_faults[];

#endif
