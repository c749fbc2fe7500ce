/* rule/stores.c - databases that a rule file names, and those that its checks use */
#include <string.h>
#include "base/text.h"
#include "rule/plan.h"
#include "rule/remotes.h"

#define FILE_NAME "ppolicyd.db"
#define LOCK_WAIT 1000   /* ms: for somebody else's lock, a part of the usual timeout */
#define READ_LIMIT 10000 /* ms: enough to read a large table whole */

static char *state_folder;

void plan_use_state(const char *folder)
{
	g_free(state_folder);
	state_folder = g_strdup(folder);
}

char *plan_usual_path(void)
{
	return g_build_filename(state_folder != NULL ? state_folder : PP_STATE_FOLDER, FILE_NAME, NULL);
}

/* -- what is written ----------------------------------------------------- */

/* NULL: refused. */
static const char *read_driver(struct plan *plan, const pp_value_t *values, const struct plan_place *place)
{
	static const char *const known[] = { "sqlite", "mysql", NULL };
	const char *nearest;
	const pp_value_t *first = NULL;

	for (size_t i = 0; i < values->list.count && values->list.pairs[i].key == NULL; i++)
		if (i == 0)
			first = &values->list.pairs[i].value;
		else
			plan_fail(plan, place, "store", "found %s beside the kind of the database",
			          value_show(&plan->arena, &values->list.pairs[i].value));
	if (first == NULL)
		return "sqlite";
	if (first->kind == PP_STRING && database_driver_find(first->string) != NULL)
		return g_intern_string(first->string);
	nearest = first->kind == PP_STRING ? text_nearest(first->string, known) : NULL;
	plan_fail(plan, place, "store", "found %s, wanted \"sqlite\" or \"mysql\"%s%s%s",
	          value_show(&plan->arena, first), nearest != NULL ? " (did you mean '" : "",
	          nearest != NULL ? nearest : "", nearest != NULL ? "'?)" : "");
	return NULL;
}

static const char *shown_name(const struct plan_store *store)
{
	return store->name != NULL ? store->name : "store";
}

static struct plan_store *find(const struct plan *plan, const char *name)
{
	for (guint i = 0; i < plan->stores->len; i++)
		if (strcmp(shown_name(plan->stores->pdata[i]), name) == 0)
			return plan->stores->pdata[i];
	return NULL;
}

static bool is_remote(const struct plan_store *store)
{
	return g_strcmp0(store->driver, "mysql") == 0;
}

static void check_named(struct plan *plan, const struct plan_store *store, const pp_value_t *values,
                        const struct plan_place *place)
{
	static const char *const written[] = { "synchronous", "answers" };

	if (!plan_is_name(store->name) || strcmp(store->name, "store") == 0)
		plan_fail(plan, place, "store",
		          "name: found '%s', wanted letters, digits and '_', not 'store'", store->name);
	if (store->path == NULL && !is_remote(store))
		plan_fail(plan, place, "store",
		          "path: missing; a store with a name is a database that is "
		          "there already");
	for (unsigned i = 0; i < G_N_ELEMENTS(written); i++)
		if (value_get(values, written[i]) != NULL)
			plan_fail(plan, place, "store",
			          "%s is for the store without a name; this one is only read", written[i]);
}

void plan_store_set(struct plan *plan, const pp_row_t *rows, const pp_value_t *values,
                    const struct plan_place *place)
{
	static const char *const others[] = { "password", NULL };
	const struct param_options options = { .folder = place->source->folder,
		                               .others = others,
		                               .lists_first = true };
	struct pp_error error = plan_error_at(plan, place, "store", "setting", values);
	struct plan_store *store = arena_new0(&plan->arena, struct plan_store), *twin;
	guint before = plan->errors->len;

	param_read(rows, values, &options, &plan->arena, store, &error);
	store->driver = read_driver(plan, values, place);
	store->folder = place->source->folder;
	if (store->name != NULL)
		check_named(plan, store, values, place);
	remotes_check(plan, store, values, place);
	twin = find(plan, shown_name(store));
	if (twin != NULL && twin->written)
		plan_fail(plan, place, "store",
		          "%s%s%sset twice; put all of it in one place, or give a further database a name",
		          store->name != NULL ? "'" : "", store->name != NULL ? store->name : "",
		          store->name != NULL ? "' " : "");
	if (plan->errors->len > before)
		return;
	store->written = true;
	if (twin == NULL) {
		g_ptr_array_add(plan->stores, store);
		return;
	}
	store->store = twin->store; /* a rule test's: in memory, whatever is written */
	*twin = *store;
}

/* -- stores -------------------------------------------------------------- */

static struct store *carried_over(const struct plan *earlier, const struct store_settings *settings)
{
	for (guint i = 0; earlier != NULL && i < earlier->stores->len; i++) {
		struct store *store = ((const struct plan_store *)earlier->stores->pdata[i])->store;

		if (store != NULL && store_equal(store, settings))
			return store_ref(store);
	}
	return NULL;
}

/* Of rule tests: in memory, whatever is written. */
static void make_rehearsed(struct plan_store *store, struct store_settings *settings)
{
	settings->driver = "sqlite";
	store->store = store_new(settings);
}

static void make(const struct plan *plan, struct plan_store *store, const struct plan *earlier)
{
	g_autofree char *usual = plan_usual_path();
	struct store_settings settings = { .name = store->name, .driver = store->driver };
	g_autofree char *shown = NULL;

	settings.target.lock_wait = LOCK_WAIT;
	settings.target.read_limit = READ_LIMIT;
	if (plan->rehearsal) {
		make_rehearsed(store, &settings);
		return;
	}
	settings.target.path = store->path != NULL ? store->path : usual;
	settings.target.read_only = store->name != NULL;
	settings.target.full_sync = strcmp(store->synchronous, "full") == 0;
	if (is_remote(store)) {
		settings.target.remote = remotes_make(store);
		settings.target.path = shown = remotes_show(store);
	}
	store->store = carried_over(earlier, &settings);
	if (store->store == NULL)
		store->store = store_new(&settings);
	remote_free(settings.target.remote);
}

void plan_make_stores(struct plan *plan, const struct plan *earlier)
{
	if (find(plan, "store") == NULL) {
		struct plan_store *store = arena_new0(&plan->arena, struct plan_store);

		*store = plan->store;
		store->driver = "sqlite";
		g_ptr_array_add(plan->stores, store);
	}
	for (guint i = 0; i < plan->stores->len; i++) {
		struct plan_store *store = plan->stores->pdata[i];

		if (store->store == NULL)
			make(plan, store, earlier);
	}
}

static pp_msec_t longest_deadline(const struct plan *plan)
{
	pp_msec_t longest = plan->listeners->len > 0 ? 0 : plan->server.deadline;

	for (guint i = 0; i < plan->listeners->len; i++) {
		const struct plan_listener *listener = plan->listeners->pdata[i];

		longest = MAX(longest, listener->deadline != 0 ? listener->deadline : plan->server.deadline);
	}
	return longest;
}

struct check_stores plan_stores(struct plan *plan)
{
	struct store **stores = arena_alloc(&plan->arena, (plan->stores->len + 1) * sizeof(struct store *));
	unsigned count = 0;

	for (guint i = 0; i < plan->stores->len; i++)
		if (((struct plan_store *)plan->stores->pdata[i])->store != NULL)
			stores[count++] = ((struct plan_store *)plan->stores->pdata[i])->store;
	return (struct check_stores){ stores, count, longest_deadline(plan) };
}

void plan_open_stores(const struct plan *plan)
{
	for (guint i = 0; i < plan->checks->len; i++) {
		const struct check *check = ((const struct plan_check *)plan->checks->pdata[i])->check;

		if (check != NULL)
			check_open_stores(check);
	}
}
