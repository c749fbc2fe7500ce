/* path.c - the paths from an address or a name to what DNS has of it */
#include <string.h>
#include <glib.h>
#include "path.h"

static const struct path paths[] = {
	{ "ip->name", .from_address = true, .hops = 1, .hop = { HOP_NAMES } },
	{ "ip->name->ip", .from_address = true, .same = true, .hops = 2,
	  .hop = { HOP_NAMES, HOP_ADDRESSES } },
	{ "ip1->name->ip2", .from_address = true, .hops = 2, .hop = { HOP_NAMES, HOP_ADDRESSES } },
	{ "ip->name->mx", .from_address = true, .hops = 2, .hop = { HOP_NAMES, HOP_HOSTS } },
	{ "name->ip", .hops = 1, .hop = { HOP_ADDRESSES } },
	{ "name->ip->name", .same = true, .hops = 2, .hop = { HOP_ADDRESSES, HOP_NAMES } },
	{ "name1->ip->name2", .hops = 2, .hop = { HOP_ADDRESSES, HOP_NAMES } },
	{ "name->mx", .hops = 1, .hop = { HOP_HOSTS } },
	{ "name->mx->ip", .hops = 2, .hop = { HOP_HOSTS, HOP_ADDRESSES } },
};

const struct path *path_named(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		if (strcmp(paths[i].name, name) == 0)
			return &paths[i];
	g_assert_not_reached();
}
