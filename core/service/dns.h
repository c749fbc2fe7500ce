/* service/dns.h - look-ups in DNS: side by side, merged, bounded; nothing is kept
 *
 * One for each loop, used in its thread.
 */
#ifndef SERVICE_DNS_H
#define SERVICE_DNS_H

#include "service/dns_answer.h"
#include "service/dns_channel.h"

#define DNS_OPEN_MAX 16384 /* questions under way in a loop */

struct dns;
struct dns_flight;

struct dns_stats {
	uint64_t asked;   /* look-ups, also those that follow */
	uint64_t merged;  /* that joined an equal one under way */
	uint64_t refused; /* not asked: no possible name, or too many */
	uint64_t canceled;
	uint64_t usec;                /* sum of the time of those answered */
	uint64_t status[PP_DNS_OPEN]; /* how those answered ended */
	uint64_t open;                /* questions under way */
};

/* A look-up. Embed it, zeroed. */
struct dns_wish {
	void (*ready)(struct dns_wish *wish); /* in the loop, never within dns_ask() */
	struct arena *arena;                  /* where the answer is made; it lives as long as the wish */
	size_t *room;              /* bytes of messages that may still come, counted down; NULL: no limit */
	bool patient;              /* of one who looks up much, or for long: others come first */
	struct dns_answer answer;  /* once ready */
	struct dns_flight *flight; /* NULL: not under way */
	struct dns_wish *next, *previous;
};

struct dns *dns_new(struct loop *loop, const struct dns_settings *settings);
/* From now on others are asked; what is under way goes on. Servers of the system are read anew. */
void dns_use(struct dns *dns, const struct dns_settings *settings);
/* Nobody is told any longer. */
void dns_free(struct dns *dns);

/* In place of servers, for rule tests: gives an answer that lives as long as anybody wants it, or
 * NULL, nothing being known of the name, which is NXDOMAIN; *after (0) is set to how long it
 * takes. */
typedef const struct dns_answer *(*dns_give_fn)(void *data, pp_dns_type_t type, const struct dns_name *name,
                                                pp_msec_t *after);
extern const struct dns_answer dns_no_name; /* good for an hour */
struct dns *dns_new_given(struct loop *loop, dns_give_fn give, void *data);

/* NULL: it is under way. Else why not, a static sentence; answer.status is set. */
const char *dns_ask(struct dns *dns, struct dns_wish *wish, pp_dns_type_t type, const char *name);
void dns_cancel(struct dns_wish *wish);
/* Half of the places for questions are taken: who has had many leaves the rest to others. */
bool dns_is_busy(const struct dns *dns);
/* Look-ups that are not answered yet, but for those that take time by will of the test. */
bool dns_is_open(const struct dns *dns);

/* Adds them up. Any thread. */
void dns_stats_add(const struct dns *dns, struct dns_stats *sum);

#endif
