/* service/upstream_pool.c - the connections of one loop to an upstream's servers, kept alive */
#include "service/upstream_pool.h"

#include "service/upstream_inside.h"

static void link_upstream(struct upstream_pool *pool)
{
	struct upstream *upstream = pool->upstream;

	g_mutex_lock(&upstream->lock);
	pool->next_of_upstream = upstream->pools;
	upstream->pools = pool;
	g_mutex_unlock(&upstream->lock);
}

/* False: its end is on its way, and will free it. */
static bool unlink_upstream(struct upstream_pool *pool, bool ended)
{
	struct upstream *upstream = pool->upstream;
	struct upstream_pool **link = &upstream->pools;
	bool own;

	g_mutex_lock(&upstream->lock);
	own = ended || !pool->told;
	while (own && *link != pool)
		link = &(*link)->next_of_upstream;
	if (own)
		*link = pool->next_of_upstream;
	g_mutex_unlock(&upstream->lock);
	return own;
}

static void unlink_list(struct upstream_pool *pool)
{
	struct upstream_pool **link = pool->list;

	if (link == NULL)
		return;
	while (*link != pool)
		link = &(*link)->next;
	*link = pool->next;
	pool->list = NULL;
}

static void close_pool(struct upstream_pool *pool, bool ended)
{
	upstream_line_close_idle(pool);
	upstream_patience_clear(pool);
	unlink_list(pool);
	if (!unlink_upstream(pool, ended))
		return;
	upstream_unref(pool->upstream);
	g_free(pool);
}

/* Runs when the loop is freed, if not before. */
static void told_to_end(struct loop_message *message)
{
	close_pool((struct upstream_pool *)message, true);
}

struct upstream_pool *upstream_pool_get(struct upstream_pool **list, struct loop *loop,
                                        struct upstream *upstream)
{
	struct upstream_pool *pool = *list;

	while (pool != NULL && pool->upstream != upstream)
		pool = pool->next;
	if (pool != NULL)
		return pool;
	pool = g_new0(struct upstream_pool, 1);
	pool->end.run = told_to_end;
	pool->upstream = upstream_ref(upstream);
	pool->loop = loop;
	pool->list = list;
	pool->next = *list;
	*list = pool;
	link_upstream(pool);
	return pool;
}

void upstream_pool_clear_all(struct upstream_pool **list)
{
	while (*list != NULL)
		close_pool(*list, false);
}
