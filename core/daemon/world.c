/* daemon/world.c - one loaded configuration: a plan, and a program for each loop */
#include "daemon/world.h"

#include <string.h>
#include <unistd.h>
#include "check/dns_now.h"
#include "check/gateways.h"
#include "check/stored.h"
#include "service/upstream_keeper.h"

#define LOOPS_DEFAULT_MAX 4

static void move_errors(struct plan *plan, GPtrArray *errors)
{
	for (guint i = 0; i < plan->errors->len; i++)
		g_ptr_array_add(errors, g_strdup(plan->errors->pdata[i]));
}

/* A further state loads the same bytes, and must declare the same. */
static struct program *follow(const struct plan *leader, const char *path, GPtrArray *errors)
{
	struct plan *plan = plan_new(leader);
	struct program *program = program_new(plan);

	program_load(program, path);
	if (plan_follow(plan)) {
		program_bind(program);
		return program;
	}
	move_errors(plan, errors);
	program_free(program);
	plan_free(plan);
	return NULL;
}

unsigned world_wanted_loops(const struct plan *plan)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (plan->server.loops > 0)
		return (unsigned)MIN(plan->server.loops, CHECK_LOOPS_MAX);
	return (unsigned)CLAMP(processors, 1, LOOPS_DEFAULT_MAX);
}

static bool add_programs(struct world *world, const char *path, GPtrArray *errors)
{
	world->programs = g_new0(struct program *, world->loops);
	for (unsigned i = 0; i < world->loops; i++) {
		world->programs[i] = follow(world->plan, path, errors);
		if (world->programs[i] == NULL)
			return false;
	}
	return true;
}

/* The store for what lasts; NULL: no check uses it. */
static struct store *store_in_use(const struct world *world)
{
	g_autoptr(GPtrArray) stores = world_stores(world);

	for (guint i = 0; i < stores->len; i++)
		if (strcmp(store_name(stores->pdata[i]), "store") == 0)
			return stores->pdata[i];
	return NULL;
}

/* As modules are found, so is the SQL beside them. */
static struct gateways *make_gateways(const struct world *world, struct store *store, char **error)
{
	const char *const *modules = plan_module_folders(world->plan);
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);

	for (; *modules != NULL; modules++)
		g_ptr_array_add(folders, g_build_filename(*modules, "sql", NULL));
	g_ptr_array_add(folders, g_strdup(PP_SQL_FOLDER));
	g_ptr_array_add(folders, NULL);
	return gateways_new(store, (const char *const *)folders->pdata, world->plan->server.name, error);
}

/* With the same store they are the same as before. */
static bool find_gateways(struct world *world, const struct world *earlier, GPtrArray *errors)
{
	struct store *store = store_in_use(world);
	char *error = NULL;

	if (store == NULL)
		return true;
	if (earlier != NULL && earlier->gateways != NULL && gateways_store(earlier->gateways) == store)
		world->gateways = gateways_ref(earlier->gateways);
	else
		world->gateways = make_gateways(world, store, &error);
	if (world->gateways == NULL)
		g_ptr_array_add(errors, error);
	return world->gateways != NULL;
}

struct world *world_new(const char *path, unsigned loops, const struct world *earlier, GPtrArray *errors)
{
	struct world *world = g_new0(struct world, 1);

	world->refs = 1;
	world->plan = plan_new(NULL);
	world->first = program_new(world->plan);
	program_load(world->first, path);
	if (!plan_finish(world->plan, earlier != NULL ? earlier->plan : NULL)) {
		move_errors(world->plan, errors);
		world_unref(world);
		return NULL;
	}
	program_bind(world->first);
	world->loops = loops == UINT_MAX ? world_wanted_loops(world->plan) : loops;
	if (add_programs(world, path, errors) && find_gateways(world, earlier, errors))
		return world;
	world_unref(world);
	return NULL;
}

static struct check *check_at(const struct world *world, guint index)
{
	return ((struct plan_check *)world->plan->checks->pdata[index])->check;
}

void world_open(struct world *world, unsigned workers)
{
	upstream_keeper_use_dns(&world->plan->dns);
	plan_open_stores(world->plan);
	dns_now_use(&world->plan->dns);
	for (guint i = 0; i < world->plan->checks->len; i++) {
		check_set_workers(check_at(world, i), workers);
		check_open(check_at(world, i));
	}
}

static int64_t most_answers(const struct world *world, const struct store *store)
{
	for (guint i = 0; i < world->plan->stores->len; i++) {
		const struct plan_store *each = world->plan->stores->pdata[i];

		if (each->store == store)
			return each->answers;
	}
	return INT64_MAX;
}

struct stored *world_stored(const struct world *world)
{
	for (guint i = 0; i < world->plan->checks->len; i++)
		if (check_at(world, i)->stored != NULL)
			return check_at(world, i)->stored;
	return NULL;
}

void world_upkeep(struct world *world)
{
	struct stored *stored = world_stored(world);

	for (guint i = 0; i < world->plan->checks->len; i++)
		check_upkeep(check_at(world, i));
	if (stored != NULL && gateways_have_duty(world->gateways, "core"))
		stored_upkeep(stored, most_answers(world, stored->store));
}

GPtrArray *world_stores(const struct world *world)
{
	GPtrArray *stores = g_ptr_array_new();

	for (guint i = 0; i < world->plan->checks->len; i++) {
		const struct check *check = check_at(world, i);

		for (guint j = 0; check->stores != NULL && j < check->stores->len; j++)
			if (!g_ptr_array_find(stores, check->stores->pdata[j], NULL))
				g_ptr_array_add(stores, check->stores->pdata[j]);
	}
	return stores;
}

void world_flush(struct world *world)
{
	g_autoptr(GPtrArray) stores = world_stores(world);

	for (guint i = 0; i < stores->len; i++)
		store_flush(stores->pdata[i]);
}

bool world_is_unused(const struct world *world)
{
	return g_atomic_int_get(&world->refs) == 1;
}

struct world *world_ref(struct world *world)
{
	g_atomic_int_inc(&world->refs);
	return world;
}

/* Programs that were given to a loop are freed by it, before it lets go of the world. */
void world_unref(struct world *world)
{
	if (world == NULL || !g_atomic_int_dec_and_test(&world->refs))
		return;
	for (unsigned i = 0; i < world->loops && world->programs != NULL; i++)
		world_drop_program(world, i);
	gateways_unref(world->gateways);
	program_free(world->first);
	plan_free(world->plan);
	g_free(world->programs);
	g_free(world);
}

void world_drop_program(struct world *world, unsigned loop)
{
	struct program *program = world->programs[loop];
	struct plan *plan;

	if (program == NULL)
		return;
	world->programs[loop] = NULL;
	plan = program->plan;
	program_free(program);
	plan_free(plan);
}

const struct plan_listener *world_listener(const struct world *world, const char *address, unsigned *index)
{
	for (guint i = 0; i < world->plan->listeners->len; i++) {
		const struct plan_listener *listener = world->plan->listeners->pdata[i];

		if (listener->address == address) {
			*index = i;
			return listener;
		}
	}
	return NULL;
}
