/* store/database.c - finds a driver by its name */
#include "store/database.h"

#include <string.h>

const struct database_driver *database_driver_find(const char *name)
{
	static const struct database_driver *const drivers[] = { &database_sqlite, &database_mysql };

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}
