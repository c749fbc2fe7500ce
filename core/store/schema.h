/* store/schema.h - brings the tables of a statement set to their version */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/database.h"

/* The name under which the version of its tables is kept: the set's, and behind a '/' that of its
 * table where it is another. g_free() it. */
char *schema_name(const struct statement_set *set);

/* In one transaction, under a lock: two servers that start at once do not both do it. A set
 * without migrations is not looked at. *from and *to: the versions (equal: nothing to do). False:
 * nothing was changed; when the tables are newer than this program *from is greater than *to, and
 * error is DATABASE_DENIED with a sentence. */
bool schema_migrate(const struct database_driver *driver, struct database *database,
                    const struct statement_set *set, int *from, int *to, struct database_error *error);

#endif
