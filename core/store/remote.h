/* store/remote.h - the hosts of a database that is reached by network or socket
 *
 * They are one database: a cluster, or a primary and its replicas. A host that failed
 * is left alone for a while, by all connections of a store together.
 */
#ifndef STORE_REMOTE_H
#define STORE_REMOTE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "ppolicyd/module.h"

struct remote_host {
	const char *shown;   /* as written: "db1", "db2:3307", "unix:/run/mysqld/mysqld.sock" */
	const char *address; /* name or address; NULL: a socket */
	const char *socket;  /* its path; NULL: by TCP */
	unsigned port;
	atomic_int *late; /* attempts that nobody waits for any more, of a copy; counted by reference */

	/* Of all connections to it, with the lock held; times are monotonic microseconds. */
	unsigned failures; /* one after another */
	int64_t again;     /* not tried before; 0: it works as far as we know */
	bool trying;       /* somebody makes an attempt after a failure */
	bool read_only;    /* when it was tried last for writing */
	char trouble[160]; /* a sentence without the host */
};

struct remote {
	struct remote_host *hosts; /* in the order in which they are tried */
	unsigned host_count;
	const char *user, *password_file, *database; /* password_file: NULL = without a password */
	bool tls, verify;                            /* verify: who answers has to prove who it is */
	const char *ca, *cert, *key;                 /* files; NULL = none */
	pp_msec_t timeout;                           /* of connecting, and of an answer */
	pthread_mutex_t lock;                        /* of a copy; of what changes in its hosts */
};

/* Reads what a user wrote. NULL: *wanted says what would do. */
bool remote_host_parse(const char *text, struct remote_host *host, const char **wanted);
void remote_host_clear(struct remote_host *host);

/* With all it points to; free it with remote_free(). */
struct remote *remote_copy(const struct remote *remote);
void remote_free(struct remote *remote);                           /* accepts NULL */
bool remote_equal(const struct remote *a, const struct remote *b); /* either may be NULL */

/* Whether a host is worth an attempt now; what comes of it is told by the two below. Of one that
 * failed only one attempt is made at a time. False: *again says when to ask next, trouble (160 bytes)
 * what was wrong with it last. */
bool remote_begin(struct remote *remote, struct remote_host *host, int64_t *again, char *trouble);
void remote_good(struct remote *remote, struct remote_host *host);
/* It was tried for writing, and may or may not be written to. */
void remote_note_read_only(struct remote *remote, struct remote_host *host, bool read_only);
struct remote_report {
	bool failing, read_only; /* when it was tried last */
	char trouble[160];       /* of failing */
};
void remote_report(struct remote *remote, const struct remote_host *host, struct remote_report *report);
/* Returns when to try it again. */
int64_t remote_bad(struct remote *remote, struct remote_host *host, const char *trouble);

#endif
