/* store/schema.c - brings the tables of a statement set to their version */
#include "store/schema.h"
#include <glib.h>
#include <string.h>

char *schema_name(const struct statement_set *set)
{
	if (strcmp(set->name, set->table) == 0)
		return g_strdup(set->name);
	return g_strconcat(set->name, "/", set->table, NULL);
}

/* Whether we can bring the tables on from there. */
static bool check_version(const char *name, int found, int newest, struct database_error *error)
{
	if (found >= 0 && found <= newest)
		return true;
	if (found < 0) {
		error->fault = DATABASE_DATA;
		g_snprintf(error->text, sizeof(error->text),
		           "the version of the tables of %s is %d, which ppolicyd never writes: restore a "
		           "backup",
		           name, found);
		return false;
	}
	error->fault = DATABASE_DENIED;
	g_snprintf(error->text, sizeof(error->text),
	           "the tables of %s have version %d, and this ppolicyd knows versions up to %d only: run "
	           "the newer "
	           "one that made them, or restore a backup from before",
	           name, found, newest);
	return false;
}

static void name_file(const struct migration *migration, struct database_error *error)
{
	g_autofree char *text = g_strdup(error->text);

	g_snprintf(error->text, sizeof(error->text), "%s: %s", migration->file, text);
}

/* A version each: where a database commits by itself when it makes a table, what is done stays done. */
static bool run_scripts(const struct database_driver *driver, struct database *database,
                        const struct statement_set *set, const char *name, int from,
                        struct database_error *error)
{
	for (unsigned i = (unsigned)from; i < set->migration_count; i++) {
		const struct migration *migration = &set->migrations[i];

		if (!driver->script(database, migration->sql, error)) {
			name_file(migration, error);
			return false;
		}
		if (!driver->set_version(database, name, migration->version, error))
			return false;
	}
	return true;
}

bool schema_migrate(const struct database_driver *driver, struct database *database,
                    const struct statement_set *set, int *from, int *to, struct database_error *error)
{
	g_autofree char *name = schema_name(set);
	int newest = (int)set->migration_count;

	*from = *to = 0;
	if (newest == 0)
		return true;
	if (!driver->begin(database, error))
		return false;
	if (driver->version(database, name, from, error)) {
		*to = newest;
		if (check_version(name, *from, newest, error) &&
		    run_scripts(driver, database, set, name, *from, error) && driver->commit(database, error))
			return true;
		*to = MIN(*from, newest);
	}
	driver->rollback(database);
	return false;
}
