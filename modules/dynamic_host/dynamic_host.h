/* dynamic_host.h - what the files of the dynamic_host module share */
#ifndef DYNAMIC_HOST_DYNAMIC_HOST_H
#define DYNAMIC_HOST_DYNAMIC_HOST_H

#include <pthread.h>
#include <sys/stat.h>
#include "patterns.h"

struct conf {
	const char *patterns, *attribute;

	/* Made by validate() */
	char *file;             /* patterns, or the file that is installed */
	struct patterns *first; /* as they were when the configuration was loaded */
};

/* -- watch.c ------------------------------------------------------------------ */

/* The handle of a check. */
struct watch {
	const struct conf *conf;
	pthread_mutex_t lock; /* guards current while its users are counted up */
	struct patterns *current;

	/* Of upkeep() alone */
	struct stat tried; /* of the file that was read last */
	bool settled;      /* it has not been written for so long that it cannot change and look the same */
	unsigned held;     /* turns it has been left alone because it is being written */
	char *trouble;     /* why the file is not used now; NULL when it is */
};

/* Reads a file. NULL: there is at least one problem, or it cannot be read (*why is set, and to be
 * freed). */
struct patterns *watch_read(const char *file, struct stat *status, struct problems *problems, char **why);

struct watch *watch_new(const struct conf *conf);
void watch_free(struct watch *watch); /* accepts NULL */
/* The patterns of now, with one user more. */
struct patterns *watch_patterns(struct watch *watch);
/* Reads the file anew if it has changed. Logs a line for each change of state. */
void watch_upkeep(struct watch *watch);

#endif
