/* daemon/upkeep.c - a thread that looks after the checks of a world, once a second */
#include "daemon/upkeep.h"

#include <glib.h>
#include "daemon/notices.h"

#define INTERVAL_USEC G_USEC_PER_SEC

struct upkeep {
	GMutex lock;
	GCond wake;
	GThread *thread;
	struct world *world;
	struct cache *cache;
	GPtrArray *replaced; /* of struct world: those before it that are still used */
	bool ending;
};

static void free_world(void *world)
{
	world_unref(world);
}

static bool wait_a_while(struct upkeep *upkeep)
{
	gint64 until = g_get_monotonic_time() + INTERVAL_USEC;

	while (!upkeep->ending && g_cond_wait_until(&upkeep->wake, &upkeep->lock, until))
		;
	return !upkeep->ending;
}

/* Those that nobody but us holds. */
static GPtrArray *take_ended(struct upkeep *upkeep)
{
	GPtrArray *ended = g_ptr_array_new_with_free_func(free_world);

	for (guint i = upkeep->replaced->len; i-- > 0;)
		if (world_is_unused(upkeep->replaced->pdata[i]))
			g_ptr_array_add(ended, g_ptr_array_steal_index(upkeep->replaced, i));
	return ended;
}

static void *run(void *data)
{
	struct upkeep *upkeep = data;

	g_mutex_lock(&upkeep->lock);
	while (wait_a_while(upkeep)) {
		struct world *world = world_ref(upkeep->world);
		GPtrArray *ended = take_ended(upkeep);

		g_mutex_unlock(&upkeep->lock);
		notices_upkeep(world, upkeep->cache);
		world_upkeep(world);
		world_unref(world);
		g_ptr_array_unref(ended);
		g_mutex_lock(&upkeep->lock);
	}
	g_mutex_unlock(&upkeep->lock);
	return NULL;
}

struct upkeep *upkeep_new(struct world *world, struct cache *cache)
{
	struct upkeep *upkeep = g_new0(struct upkeep, 1);

	g_mutex_init(&upkeep->lock);
	g_cond_init(&upkeep->wake);
	upkeep->world = world_ref(world);
	upkeep->cache = cache;
	upkeep->replaced = g_ptr_array_new_with_free_func(free_world);
	upkeep->thread = g_thread_new("upkeep", run, upkeep);
	return upkeep;
}

void upkeep_set_world(struct upkeep *upkeep, struct world *world)
{
	g_mutex_lock(&upkeep->lock);
	g_ptr_array_add(upkeep->replaced, upkeep->world);
	upkeep->world = world_ref(world);
	g_mutex_unlock(&upkeep->lock);
}

void upkeep_free(struct upkeep *upkeep)
{
	if (upkeep == NULL)
		return;
	g_mutex_lock(&upkeep->lock);
	upkeep->ending = true;
	g_cond_signal(&upkeep->wake);
	g_mutex_unlock(&upkeep->lock);
	g_thread_join(upkeep->thread);
	for (guint i = 0; i < upkeep->replaced->len; i++)
		world_flush(upkeep->replaced->pdata[i]);
	world_flush(upkeep->world);
	g_ptr_array_unref(upkeep->replaced);
	world_unref(upkeep->world);
	g_mutex_clear(&upkeep->lock);
	g_cond_clear(&upkeep->wake);
	g_free(upkeep);
}
