/* name.h - names of domains as SPF uses them: bytes between dots, nothing escaped */
#ifndef SPF_NAME_H
#define SPF_NAME_H

#include <ppolicyd/module.h>

enum { NAME_SIZE = 254 }; /* bytes of a name without the dot at its end, with the NUL */

/* Bytes of anything; not NUL-terminated. */
struct span {
	const char *bytes;
	size_t length;
};

/* Whether DNS can be asked for the name: labels of 1 to 63 bytes (RFC 1035 2.3.4), printable ASCII. */
bool name_is_valid(const char *name);
/* Whether it can be a name of a host, as an answer has it: moreover nothing is escaped. */
bool name_is_host(const char *name);
/* Whether a check can begin with it (RFC 7208 4.3): moreover two labels, no spaces, no address. */
bool name_is_domain(const char *name);
/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ),
 * RFC 7208 7.1 */
bool name_is_toplabel(struct span label);

/* Whether name is the domain or below it. Case does not count. */
bool name_is_within(const char *name, const char *domain);

/* The name that has the PTR records of an address. */
void name_reverse(const pp_address_t *address, char name[NAME_SIZE]);

#endif
