/* unit/asker.h - who looks names up in tests, and waits for what comes */
#ifndef UNIT_ASKER_H
#define UNIT_ASKER_H

#include <glib.h>
#include "nameserver.h"
#include "service/dns.h"

#define TIMEOUT 80  /* ms */
#define GUARD 20000 /* ms: something hangs */

struct look_up {
	struct dns_wish wish; /* first */
	struct asker *asker;
	struct arena arena;
	pp_msec_t took;
	bool done;
};

struct asker {
	bool patient; /* its look-ups are; of asker_begin() */
	struct loop *loop;
	struct dns *dns;
	struct loop_timer guard;
	unsigned open;
	pp_msec_t started;
};

/* The test runs twice: with look-ups that are not patient, and with such as are. */
void asker_add_test(const char *path, void (*test)(void));

void asker_begin(struct asker *asker, const char *const *servers, size_t count);
void asker_begin_with(struct asker *asker, const struct nameserver *server);
void asker_finish(struct asker *asker);

/* look_up needs no preparation; its arena is to be freed. NULL: it is under way, else why not. */
const char *asker_start(struct asker *asker, struct look_up *look_up, pp_dns_type_t type, const char *name);
void asker_wait(struct asker *asker); /* for all of them */

/* "found for 300 s: 10 mx.example.org, ..." */
char *asker_print(const struct dns_answer *answer, pp_dns_type_t type);

#endif
