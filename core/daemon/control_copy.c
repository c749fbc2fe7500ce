/* daemon/control_copy.c - ppolicyctl store copy: what is remembered, from one database into another */
#include <string.h>
#include <sys/stat.h>
#include "base/text.h"
#include "check/gateways.h"
#include "daemon/control_call.h"
#include "store/copy.h"
#include "store/schema.h"
#include "store/store.h"

#define SAY_EVERY 1000 /* ms: how far it is */

/* One of the two databases, as it is named. */
struct end {
	struct copy_end copy;
	char *path, *shown;
};

/* A set in both drivers. */
struct pair {
	struct statement_set *from, *to;
};

struct copying {
	struct control_call *call;
	struct end from, to;
	GArray *pairs; /* of struct pair */
	const struct statement_set *now;
	pp_msec_t begun, said;
	bool stopped;
};

/* -- which databases ----------------------------------------------------- */

static bool is_of(const struct plan_store *store, const char *driver, const char *name)
{
	if (g_strcmp0(store->driver, driver) != 0 || store->store == NULL)
		return false;
	return *name == '\0' || strcmp(store_name(store->store), name) == 0;
}

/* The store of this kind and name; of several without a name the one that is written. NULL: there
 * is none, or *several. */
static const struct plan_store *find_store(const struct world *world, const char *driver, const char *name,
                                           bool *several)
{
	const struct plan_store *found = NULL;

	*several = false;
	for (guint i = 0; i < world->plan->stores->len; i++) {
		const struct plan_store *store = world->plan->stores->pdata[i];

		if (!is_of(store, driver, name))
			continue;
		if (store->name == NULL)
			return store;
		*several = found != NULL;
		found = store;
	}
	return *several ? NULL : found;
}

static bool use_store(struct end *end, const struct plan_store *store)
{
	const struct store_settings *settings = store_settings(store->store);

	end->copy.target = settings->target;
	end->path = g_strdup(settings->target.path);
	end->copy.target.path = end->path;
	end->shown = g_strdup_printf("%s:%s", settings->driver, end->path);
	return true;
}

static bool use_file(struct end *end, char *path)
{
	end->path = path;
	end->copy.target.path = path;
	end->copy.target.lock_wait = 1000;
	end->shown = g_strdup_printf("sqlite:%s", path);
	return true;
}

static bool no_such_store(struct control_call *call, const char *word, const char *driver, bool several)
{
	char shown[100];

	text_escape(shown, sizeof(shown), word, strlen(word), true);
	if (several)
		control_fail(call, COMMAND_USAGE,
		             "store copy: several stores are of the kind %s: say which, %s:NAME", driver,
		             driver);
	else
		control_fail(call, COMMAND_USAGE,
		             "store copy: the rule file has no store '%s': add store { \"%s\", name = "
		             "\"next\", ... } to it and reload",
		             shown, driver);
	return false;
}

/* "sqlite:", "mysql:NAME", "sqlite:/PATH". False: it was said what is wrong. */
static bool read_end(struct control_call *call, const struct world *world, const char *word, struct end *end)
{
	const char *colon = strchr(word, ':');
	g_autofree char *driver = colon != NULL ? g_strndup(word, (size_t)(colon - word)) : NULL;
	const struct plan_store *store;
	bool several;
	char shown[100];

	end->copy.driver = driver != NULL ? database_driver_find(driver) : NULL;
	if (end->copy.driver == NULL) {
		text_escape(shown, sizeof(shown), word, strlen(word), true);
		control_fail(call, COMMAND_USAGE,
		             "store copy: found '%s', wanted sqlite: or mysql:, perhaps with the name of a "
		             "store behind it, or sqlite:/PATH",
		             shown);
		return false;
	}
	if (colon[1] == '/' && !end->copy.driver->remote)
		return use_file(end, g_strdup(colon + 1));
	store = find_store(world, driver, colon + 1, &several);
	if (store != NULL)
		return use_store(end, store);
	if (!several && colon[1] == '\0' && !end->copy.driver->remote)
		return use_file(end, plan_usual_path());
	return no_such_store(call, word, driver, several);
}

static bool same_file(const char *a, const char *b)
{
	struct stat one, other;

	return strcmp(a, b) == 0 || (stat(a, &one) == 0 && stat(b, &other) == 0 &&
	                             one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

static bool are_two(struct control_call *call, const struct end *from, const struct end *to)
{
	bool same = from->copy.driver == to->copy.driver;

	if (same && from->copy.driver->remote)
		same = remote_equal(from->copy.target.remote, to->copy.target.remote);
	else if (same)
		same = same_file(from->path, to->path);
	if (same)
		control_fail(call, COMMAND_USAGE, "store copy: %s is both of them", from->shown);
	return !same;
}

/* The state of hosts is that of the stores that use them: these connections have their own. */
static void finish_end(struct end *end)
{
	if (end->copy.target.remote != NULL)
		end->copy.target.remote = remote_copy(end->copy.target.remote);
	end->copy.target.read_limit = 0;
	end->copy.shown = end->shown;
}

static void clear_end(struct end *end)
{
	if (end->copy.shown != NULL)
		remote_free(end->copy.target.remote);
	g_free(end->path);
	g_free(end->shown);
}

/* -- which tables -------------------------------------------------------- */

static void add_pair(const struct statement_set *set, int version, void *data)
{
	const char *folders[] = { set->home, NULL };
	struct copying *copying = data;
	g_autofree char *wrong_from = NULL, *wrong_to = NULL;
	struct pair pair;

	(void)version;
	pair.from = statement_set_load(folders, copying->from.copy.driver->name, set->name, set->table,
	                               &wrong_from);
	pair.to = statement_set_load(folders, copying->to.copy.driver->name, set->name, set->table,
	                             &wrong_to);
	if (pair.from != NULL && pair.to != NULL && copy_is_possible(pair.from) &&
	    copy_is_possible(pair.to)) {
		g_array_append_val(copying->pairs, pair);
		return;
	}
	if (pair.from == NULL || pair.to == NULL)
		control_fail(copying->call, COMMAND_NO, "%s", pair.from == NULL ? wrong_from : wrong_to);
	else if (strcmp(set->name, GATEWAYS_SET) != 0) /* which are of the servers, not of checks */
		control_fail(copying->call, COMMAND_NO,
		             "%s: not copied: it brings no statement copy_out, which says how", set->table);
	statement_set_unref(pair.from);
	statement_set_unref(pair.to);
}

static void unref_pair(void *data)
{
	struct pair *pair = data;

	statement_set_unref(pair->from);
	statement_set_unref(pair->to);
}

/* What the checks of the configuration remember. False: nothing. */
static bool find_pairs(struct copying *copying, const struct world *world)
{
	copying->pairs = g_array_new(FALSE, FALSE, sizeof(struct pair));
	g_array_set_clear_func(copying->pairs, unref_pair);
	for (guint i = 0; i < world->plan->stores->len; i++) {
		const struct plan_store *store = world->plan->stores->pdata[i];

		if (store->name == NULL && store->store != NULL)
			store_each_set(store->store, add_pair, copying);
	}
	if (copying->pairs->len == 0 && copying->call->status == COMMAND_DONE)
		control_fail(copying->call, COMMAND_NO, "no check of this configuration has tables");
	return copying->pairs->len > 0;
}

/* -- telling ------------------------------------------------------------- */

static void add_row(const struct copying *copying, const struct copy_count *count, bool done)
{
	g_autofree char *name = schema_name(copying->now);

	control_row(copying->call, json_pack("{s:s, s:I, s:o, s:I, s:I, s:I, s:I, s:b}", "tables", name,
	                                     "read", (json_int_t)count->read, "of",
	                                     count->total >= 0 ? json_integer(count->total) : json_null(),
	                                     "new", (json_int_t)count->fresh, "newer",
	                                     (json_int_t)count->newer, "left", (json_int_t)count->left,
	                                     "refused", (json_int_t)count->refused, "done", (int)done));
}

static bool goes_on(const struct copy_count *count, void *data)
{
	struct copying *copying = data;
	g_autofree char *name = NULL;
	g_autofree char *of = NULL;

	copying->stopped = !control_progress(copying->call);
	if (copying->stopped || pp_now() - copying->said < SAY_EVERY)
		return !copying->stopped;
	copying->said = pp_now();
	name = schema_name(copying->now);
	if (count->total > 0)
		of = g_strdup_printf(" of %lld (%d %%)", (long long)count->total,
		                     (int)(MIN(count->read, count->total) * 100 / count->total));
	control_say(copying->call, "%s: %lld rows%s ...", name, (long long)count->read, of != NULL ? of : "");
	add_row(copying, count, false);
	return true;
}

static void tell(struct copying *copying, const struct copy_count *count)
{
	g_autofree char *name = schema_name(copying->now);

	control_say(copying->call,
	            "%s: %lld rows read: %lld new, %lld newer than there, %lld left alone, %lld refused",
	            name, (long long)count->read, (long long)count->fresh, (long long)count->newer,
	            (long long)count->left, (long long)count->refused);
	add_row(copying, count, true);
	if (count->refused > 0)
		control_fail(copying->call, COMMAND_NO, "%s: the first that was refused: %s", name,
		             count->refusal);
	control_progress(copying->call);
}

/* -- copying ------------------------------------------------------------- */

/* False: the others would fail as well. */
static bool copy_pair(struct copying *copying, struct copy *copy, const struct pair *pair)
{
	g_autofree char *error = NULL;
	struct copy_count count;
	bool good;

	copying->now = pair->from;
	good = copy_run(copy, pair->from, pair->to, goes_on, copying, &count, &error);
	tell(copying, &count);
	if (!good)
		control_fail(copying->call, COMMAND_NO, "%s: %s%s", pair->from->table, error,
		             count.read > 0 ? "; what was copied before is there, say it again to go on"
		                            : "");
	return good;
}

static void copy_all(struct copying *copying)
{
	g_autofree char *error = NULL;
	struct copy *copy = copy_open(&copying->from.copy, &copying->to.copy, &error);
	bool good = copy != NULL;

	if (!good)
		control_fail(copying->call, COMMAND_NO, "%s", error);
	for (guint i = 0; good && i < copying->pairs->len; i++)
		good = copy_pair(copying, copy, &g_array_index(copying->pairs, struct pair, i));
	copy_close(copy);
	if (good)
		control_say(copying->call, "copied %s to %s in %.1f s", copying->from.shown,
		            copying->to.shown, (double)(pp_now() - copying->begun) / 1000);
	pp_log(PP_LOG_NOTICE, "control: copying %s to %s %s", copying->from.shown, copying->to.shown,
	       good               ? "is done"
	       : copying->stopped ? "was stopped"
	                          : "failed");
}

void control_store_copy(struct control_call *call)
{
	struct copying copying = { .call = call, .begun = pp_now(), .said = pp_now() - SAY_EVERY };
	struct world *world = server_world_ref(call->server);

	if (call->words[0] == NULL || call->words[1] == NULL || call->words[2] != NULL) {
		control_fail(call, COMMAND_USAGE, "store copy: wanted two databases: sqlite: mysql:");
	} else if (read_end(call, world, call->words[0], &copying.from) &&
	           read_end(call, world, call->words[1], &copying.to) &&
	           are_two(call, &copying.from, &copying.to) && find_pairs(&copying, world)) {
		finish_end(&copying.from);
		finish_end(&copying.to);
		world_flush(world); /* what was to be written later */
		copy_all(&copying);
	}
	if (copying.pairs != NULL)
		g_array_unref(copying.pairs);
	clear_end(&copying.from);
	clear_end(&copying.to);
	world_unref(world);
}
