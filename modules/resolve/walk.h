/* walk.h - a path walked: its look-ups, begun as soon as it is known what to ask for */
#ifndef RESOLVE_WALK_H
#define RESOLVE_WALK_H

#include "path.h"
#include "subject.h"

enum {
	LIMIT_MAX = 30,   /* names, hosts or addresses of one answer that are looked up further */
	LOOK_UPS_MAX = 91 /* of a walk: ip->name->mx, LIMIT_MAX names without MX records */
};

/* What came of a look-up; of those that let the path fail, a later one got further. */
enum outcome {
	OUTCOME_OPEN,
	OUTCOME_FAILED, /* DNS failed, so nobody knows */
	OUTCOME_NXDOMAIN,
	OUTCOME_NODATA,
	OUTCOME_NULL_MX,
	OUTCOME_IGNORED,  /* only addresses that do not count */
	OUTCOME_MISMATCH, /* something else than where the path began */
	OUTCOME_PASSED,   /* the look-ups that follow from it will tell */
	OUTCOME_HOLDS
};

struct look_up {
	const struct look_up *parent; /* NULL: of the subject itself */
	enum hop hop;
	unsigned level;      /* number of the hop, from 0 */
	unsigned place;      /* in the order of the answers: the same whichever came first */
	bool implicit;       /* addresses in place of MX records (RFC 5321 5.1) */
	bool more;           /* there was more than may be looked up further */
	const char *subject; /* a name, or the text of an address */
	pp_work_t *work;
	enum outcome outcome;
	const char *found; /* holds: what lets it; mismatch, ignored: the first of what is there */
};

struct walk {
	pp_ask_t *ask;
	const struct path *path;
	const struct subject *subject;
	size_t limit;                /* at most LIMIT_MAX */
	bool implicit_mx;            /* a name with an address but no MX record is its own mail host */
	const pp_networks_t *ignore; /* addresses that do not count; NULL: all do */

	size_t count;
	struct look_up *look_ups[LOOK_UPS_MAX];
};

/* Starts the first look-ups. */
void walk_start(struct walk *walk);
/* Takes what has come, and starts what follows from it. NULL: it is still open. Else the look-up
 * that decides: it holds; or it failed, or has more than could be looked up (unknown); or it got
 * furthest of those that fail. */
const struct look_up *walk_on(struct walk *walk);

struct records {
	size_t count;
	const pp_dns_record_t **record;
};
/* What a look-up found, the preferred hosts first; none while it is open, or if it failed. */
struct records walk_records(const struct walk *walk, const struct look_up *look_up);

#endif
