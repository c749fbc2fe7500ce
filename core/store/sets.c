/* store/sets.c - the statement sets a store knows, and whether their tables are there */
#include "store/sets.h"

#include <string.h>

#define AGAIN_AFTER ((int64_t)G_USEC_PER_SEC) /* a refused set is tried again */

/* The tables of one name, shared by equal sets. */
struct tables {
	unsigned refs;
	char *set, *table; /* names */
	enum sets_state state;
	int version;   /* found or made; -1 = not known */
	int newer;     /* the last version that was too new, and said to be */
	bool worked;   /* with the version of this program, in this database */
	int64_t again; /* refused: when to try again, monotonic microseconds */
	char error[240], said[240];
};

struct set_known {
	struct statement_set *set;
	struct tables *tables;
	uint32_t remember; /* it goes when these connections have forgotten it; 0 = it stays */
};

static void known_free(void *data)
{
	struct set_known *known = data;

	if (--known->tables->refs == 0) {
		g_free(known->tables->set);
		g_free(known->tables->table);
		g_free(known->tables);
	}
	statement_set_unref(known->set);
	g_free(known);
}

void sets_init(struct sets *sets, const char *who, bool quiet)
{
	*sets = (struct sets){ .who = who,
		               .quiet = quiet,
		               .known = g_ptr_array_new_with_free_func(known_free) };
	pthread_mutex_init(&sets->lock, NULL);
}

void sets_clear(struct sets *sets)
{
	g_ptr_array_unref(sets->known);
	pthread_mutex_destroy(&sets->lock);
}

static struct set_known *known_at(const struct sets *sets, unsigned index)
{
	return g_ptr_array_index(sets->known, index);
}

static struct set_known *find(const struct sets *sets, const struct statement_set *set)
{
	for (unsigned i = 0; i < sets->known->len; i++)
		if (known_at(sets, i)->set == set)
			return known_at(sets, i);
	return NULL;
}

static bool is_behind(const struct set_known *known)
{
	const struct statement_set *set = known->set;

	return set->migration_count > 0 &&
	       set->migrations[set->migration_count - 1].version > known->tables->version;
}

static struct tables *tables_of(const struct sets *sets, const struct statement_set *set)
{
	struct tables *tables;

	for (unsigned i = 0; i < sets->known->len; i++) {
		tables = known_at(sets, i)->tables;
		if (strcmp(tables->set, set->name) == 0 && g_strcmp0(tables->table, set->table) == 0) {
			tables->refs++;
			return tables;
		}
	}
	tables = g_new0(struct tables, 1);
	tables->refs = 1;
	tables->set = g_strdup(set->name);
	tables->table = g_strdup(set->table);
	tables->version = -1;
	return tables;
}

void sets_add(struct sets *sets, struct statement_set *set)
{
	struct set_known *known;

	pthread_mutex_lock(&sets->lock);
	if (find(sets, set) == NULL) {
		known = g_new0(struct set_known, 1);
		known->set = statement_set_ref(set);
		known->tables = tables_of(sets, set);
		g_ptr_array_add(sets->known, known);
		if (known->tables->state == SETS_READY && is_behind(known))
			known->tables->state = SETS_WAITING;
		if (known->tables->state == SETS_WAITING)
			atomic_store(&sets->waiting, true);
	}
	pthread_mutex_unlock(&sets->lock);
}

enum sets_state sets_state(struct sets *sets, const struct statement_set *set, char *error)
{
	enum sets_state state = SETS_READY;
	const struct set_known *known;

	if (set->migration_count == 0)
		return SETS_READY;
	pthread_mutex_lock(&sets->lock);
	known = find(sets, set);
	if (known != NULL)
		state = known->tables->state;
	if (state == SETS_REFUSED && error != NULL)
		g_strlcpy(error, known->tables->error, sizeof(known->tables->error));
	pthread_mutex_unlock(&sets->lock);
	return state;
}

void sets_each(struct sets *sets, void (*visit)(const struct statement_set *set, int version, void *data),
               void *data)
{
	pthread_mutex_lock(&sets->lock);
	for (unsigned i = 0; i < sets->known->len; i++) {
		const struct set_known *known = known_at(sets, i);
		bool first = known->set->migration_count > 0;

		for (unsigned j = 0; j < i && first; j++)
			first = known_at(sets, j)->tables != known->tables;
		if (first)
			visit(known->set, MAX(known->tables->version, 0), data);
	}
	pthread_mutex_unlock(&sets->lock);
}

/* -- tables -------------------------------------------------------------- */

/* Of equal sets the one that wants most: for an older one the tables may be too new. Not one that
 * goes: another thread may drop it while its tables are looked at. */
static struct statement_set *newest(const struct sets *sets, const struct tables *tables)
{
	struct statement_set *best = NULL;

	for (unsigned i = 0; i < sets->known->len; i++) {
		struct set_known *known = known_at(sets, i);

		if (known->tables == tables && known->remember == 0 &&
		    (best == NULL || known->set->migration_count > best->migration_count))
			best = known->set;
	}
	return best;
}

/* The next set whose tables are to be looked at, with a reference; NULL: none. */
static struct statement_set *next_waiting(struct sets *sets)
{
	int64_t now = g_get_monotonic_time();
	struct statement_set *set = NULL;
	bool refused = false;

	pthread_mutex_lock(&sets->lock);
	for (unsigned i = 0; i < sets->known->len && set == NULL; i++) {
		struct set_known *known = known_at(sets, i);

		if (known->remember != 0)
			continue;
		if (known->tables->state == SETS_WAITING ||
		    (known->tables->state == SETS_REFUSED && now >= known->tables->again))
			set = statement_set_ref(newest(sets, known->tables));
		refused = refused || known->tables->state == SETS_REFUSED;
	}
	if (set == NULL)
		atomic_store(&sets->waiting, refused);
	pthread_mutex_unlock(&sets->lock);
	return set;
}

static void say_migrated(const struct sets *sets, const struct tables *tables, int from, int to)
{
	if (tables->said[0] != '\0')
		pp_log(PP_LOG_NOTICE, "%s: %s works again", sets->who, tables->set);
	if (sets->quiet || from == to)
		return;
	if (from == 0)
		pp_log(PP_LOG_NOTICE, "%s: made the tables of %s, version %d", sets->who, tables->set, to);
	else
		pp_log(PP_LOG_NOTICE, "%s: brought the tables of %s from version %d to %d", sets->who,
		       tables->set, from, to);
}

static void decided(struct sets *sets, const struct statement_set *set, bool good, int from, int to,
                    const struct database_error *error)
{
	struct tables *tables;

	pthread_mutex_lock(&sets->lock);
	tables = find(sets, set)->tables;
	if (good) {
		say_migrated(sets, tables, from, to);
		tables->state = SETS_READY;
		tables->version = to;
		tables->worked = true;
		tables->said[0] = '\0';
	} else {
		tables->state = SETS_REFUSED;
		tables->version = from;
		tables->again = g_get_monotonic_time() + AGAIN_AFTER;
		g_strlcpy(tables->error, error->text, sizeof(tables->error));
		if (strcmp(tables->error, tables->said) != 0)
			pp_log(PP_LOG_WARNING, "%s: %s: %s; what needs it fails, others do not", sets->who,
			       tables->set, error->text);
		g_strlcpy(tables->said, error->text, sizeof(tables->said));
	}
	pthread_mutex_unlock(&sets->lock);
}

/* A newer program has brought the tables on while this one used them, as when servers that share them are
 * upgraded one after the other: migrations only add, so it goes on. */
static bool goes_on(struct sets *sets, const struct statement_set *set, int found)
{
	struct tables *tables;
	bool worked;

	pthread_mutex_lock(&sets->lock);
	tables = find(sets, set)->tables;
	worked = tables->worked;
	if (worked && tables->newer != found) {
		tables->newer = found;
		pp_log(PP_LOG_NOTICE,
		       "%s: a newer ppolicyd has brought the tables of %s to version %d; this one goes on "
		       "with "
		       "them as long as it runs",
		       sets->who, tables->set, found);
	}
	pthread_mutex_unlock(&sets->lock);
	return worked;
}

static bool migrate(struct sets *sets, const struct database_driver *driver, struct database *database,
                    const struct statement_set *set, struct database_error *error)
{
	int from = 0, to = 0;

	error->text[0] = '\0';
	if (set->migration_count == 0 || schema_migrate(driver, database, set, &from, &to, error)) {
		decided(sets, set, true, from, to, NULL);
		return true;
	}
	if (error->fault != DATABASE_DATA && !(error->fault == DATABASE_DENIED && from > to))
		return false;
	if (error->fault == DATABASE_DENIED && goes_on(sets, set, from))
		decided(sets, set, true, from, from, NULL);
	else
		decided(sets, set, false, from, to, error);
	return true;
}

bool sets_migrate(struct sets *sets, const struct database_driver *driver, struct database *database,
                  struct database_error *error)
{
	struct statement_set *set;
	bool good = true;

	if (!atomic_load_explicit(&sets->waiting, memory_order_acquire))
		return true;
	while (good && (set = next_waiting(sets)) != NULL) {
		good = migrate(sets, driver, database, set, error);
		statement_set_unref(set);
	}
	return good;
}

void sets_reopened(struct sets *sets, bool replaced)
{
	pthread_mutex_lock(&sets->lock);
	for (unsigned i = 0; i < sets->known->len; i++) {
		struct tables *tables = known_at(sets, i)->tables;

		tables->state = SETS_WAITING;
		tables->version = -1;
		tables->worked = tables->worked && !replaced;
	}
	atomic_store(&sets->waiting, sets->known->len > 0);
	pthread_mutex_unlock(&sets->lock);
}

/* -- going --------------------------------------------------------------- */

bool sets_sweep(struct sets *sets, uint32_t connections)
{
	pthread_mutex_lock(&sets->lock);
	for (unsigned i = 0; i < sets->known->len; i++) {
		struct set_known *known = known_at(sets, i);

		if (known->remember != 0 || g_atomic_int_get(&known->set->refs) > 1)
			continue;
		known->remember = connections;
		atomic_fetch_add(&sets->departing, 1);
	}
	pthread_mutex_unlock(&sets->lock);
	return atomic_load(&sets->departing) > 0;
}

void sets_forget(struct sets *sets, uint32_t connection, const struct database_driver *driver,
                 struct database *database)
{
	if (atomic_load_explicit(&sets->departing, memory_order_acquire) == 0)
		return;
	pthread_mutex_lock(&sets->lock);
	for (unsigned i = sets->known->len; i-- > 0;) {
		struct set_known *known = known_at(sets, i);

		if ((known->remember & connection) == 0)
			continue;
		if (database != NULL)
			driver->forget(database, known->set);
		known->remember &= ~connection;
		if (known->remember == 0) {
			g_ptr_array_remove_index(sets->known, i);
			atomic_fetch_sub(&sets->departing, 1);
		}
	}
	pthread_mutex_unlock(&sets->lock);
}
