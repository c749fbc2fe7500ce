/* path.h - the paths from an address or a name to what DNS has of it */
#ifndef RESOLVE_PATH_H
#define RESOLVE_PATH_H

#include <stdbool.h>

enum { HOPS_MAX = 2 };

enum hop {
	HOP_NAMES,     /* of an address: PTR */
	HOP_ADDRESSES, /* of a name: A, AAAA */
	HOP_HOSTS      /* of a name: MX */
};

struct path {
	const char *name;
	bool from_address;
	bool same; /* it has to end where it began; else anything there will do */
	unsigned hops;
	enum hop hop[HOPS_MAX];
};

/* The names of all paths, with spaces between: choices of a parameter. */
#define PATH_NAMES                                                                                    \
	"ip->name ip->name->ip ip1->name->ip2 ip->name->mx name->ip name->ip->name name1->ip->name2 " \
	"name->mx name->mx->ip"

const struct path *path_named(const char *name); /* one of PATH_NAMES */

#endif
