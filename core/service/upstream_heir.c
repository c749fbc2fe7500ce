/* service/upstream_heir.c - what is known of servers goes on to who takes their place in a reload */
#include <string.h>
#include "service/upstream_inside.h"

static struct {
	GMutex lock;
	struct upstream *all; /* those not closed, the last one made first */
} living;

static const struct upstream_server *find_same(const struct upstream *earlier,
                                               const struct upstream_server *server)
{
	int index = upstream_find(earlier, server->set->name);

	return index >= 0 && strcmp(earlier->server[index].set->address, server->set->address) == 0
	               ? &earlier->server[index]
	               : NULL;
}

/* A weight that was given by command counts until that of the configuration changes. */
static void inherit(struct upstream_server *server, const struct upstream_server *earlier)
{
	server->admin = earlier->admin;
	if (server->set->weight == earlier->set->weight)
		server->weight = earlier->weight;
	server->usual = earlier->usual;
	server->crowd = earlier->crowd;
	server->up = earlier->up;
	server->since = earlier->since;
	server->pause = earlier->pause;
	server->try_again = earlier->try_again;
	if (!server->up)
		g_strlcpy(server->why, earlier->why, sizeof(server->why));
}

void upstream_live(struct upstream *upstream)
{
	struct upstream *earlier;

	g_mutex_lock(&living.lock);
	for (earlier = living.all; earlier != NULL && strcmp(earlier->name, upstream->name) != 0;)
		earlier = earlier->next_living;
	if (earlier != NULL)
		g_mutex_lock(&earlier->lock);
	for (unsigned i = 0; earlier != NULL && i < upstream->count; i++) {
		const struct upstream_server *same = find_same(earlier, &upstream->server[i]);

		if (same != NULL)
			inherit(&upstream->server[i], same);
	}
	if (earlier != NULL)
		g_mutex_unlock(&earlier->lock);
	upstream->next_living = living.all;
	living.all = upstream;
	g_mutex_unlock(&living.lock);
}

void upstream_live_no_more(struct upstream *upstream)
{
	struct upstream **link = &living.all;

	g_mutex_lock(&living.lock);
	while (*link != upstream)
		link = &(*link)->next_living;
	*link = upstream->next_living;
	g_mutex_unlock(&living.lock);
}
