/* subject.h - what a path begins with: the address or the name that an attribute holds */
#ifndef RESOLVE_SUBJECT_H
#define RESOLVE_SUBJECT_H

#include <ppolicyd/module.h>

/* Bytes of a name in the text form of DNS, each escaped as \DDD, with the NUL. */
enum { SUBJECT_SIZE = 4 * 253 + 4 };

enum subject_kind {
	SUBJECT_NONE,      /* the question does not apply, why says it */
	SUBJECT_ADDRESS,   /* address, and name is its text */
	SUBJECT_NAME,      /* name, in lower case, no dot at its end; it may be none that DNS can have */
	SUBJECT_IMPOSSIBLE /* there can be no such name, why says it; name is how it begins */
};

struct subject {
	enum subject_kind kind;
	pp_address_t address;
	char name[SUBJECT_SIZE];
	const char *why; /* static */
};

/* Reads the value of an attribute (NULL: it is absent): an address, also as [192.0.2.1] or
 * [IPv6:2001:db8::1] (RFC 5321 4.1.3), a name, or a mail address, of which the domain counts.
 * A name outside ASCII is converted (RFC 5890). */
void subject_read(const char *attribute, const char *value, struct subject *subject);

#endif
