/* evidence.h - does an address stand in a name? */
#ifndef DYNAMIC_HOST_EVIDENCE_H
#define DYNAMIC_HOST_EVIDENCE_H

#include <ppolicyd/module.h>

enum strength { EVIDENCE_NONE, EVIDENCE_PART, EVIDENCE_WHOLE };

struct evidence {
	enum strength strength;
	size_t start, length; /* where in the name it stands */
};

/* Looks for the digits of the address in the name (lower case, any bytes), in the forms that
 * providers use.
 *
 * IPv4, whole: its four numbers, with or without zeros before them, next to each other in any order
 * ("dsl-203-0-113-7", "7.red-203-0-113", "203000113007"); written one behind the other if they have
 * seven digits or more; as one number; eight hexadecimal digits, either way round, "-", "." or "_"
 * between octets or not. Part: three of them that are neighbors, either way round, with four digits
 * or more; the last two, with five digits or more and one of "-._x" or nothing between; six
 * hexadecimal digits of three neighbors.
 *
 * IPv6, whole: its groups with or without zeros, "-", "." or "_" in place of ":", "--" or "__" of
 * "::"; 32 nibbles, either way round. Part: the same of its first or last 64 bits, with eight digits
 * or more. */
struct evidence evidence_find(const char *name, const pp_address_t *address);

#endif
