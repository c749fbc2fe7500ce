/* service/upstream_mark.c - what came of requests and checks: servers marked down and up, one line a change
 */
#include <netinet/in.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "service/upstream_inside.h"
#include "service/upstream_keeper.h"

#define PAUSE_FIRST 2000 /* ms, before a request tries a server that no check looks at */
#define PAUSE_MAX 60000

/* ms, of waiting requests that none of is answered */
#define SILENT_LEAST 200
#define SILENT_MOST 2000
#define SILENT_CROWD 20 /* the least when they are more than usual */

void upstream_set_why(struct upstream_server *server, const char *why)
{
	text_clean(server->why, sizeof(server->why), why, strlen(why));
}

/* What is said when the lock is given back. */
struct change {
	enum { NO_CHANGE, GONE_DOWN, COME_UP } what;
	bool trouble; /* a check should look at it soon */
	unsigned left, all;
	char why[UPSTREAM_WHY_MAX];
	pp_msec_t length; /* of being down */
};

static void count_left(const struct upstream *upstream, struct change *change)
{
	change->all = upstream->count;
	for (unsigned i = 0; i < upstream->count; i++)
		change->left += upstream->server[i].up && upstream->server[i].admin == UPSTREAM_READY &&
		                upstream->server[i].address.endpoint.size != 0;
}

static void turn(struct upstream *upstream, struct upstream_server *server, bool up, struct change *change)
{
	pp_msec_t now = pp_time();

	server->up = up;
	server->trying = false;
	server->changing = server->errors = server->hangs = 0;
	server->turn = 0;
	server->pause = PAUSE_FIRST;
	server->try_again = pp_now() + PAUSE_FIRST;
	server->downs += !up;
	change->what = up ? COME_UP : GONE_DOWN;
	change->length = now - server->since;
	server->since = now;
	g_strlcpy(change->why, server->why, sizeof(change->why));
	count_left(upstream, change);
	if (up)
		server->why[0] = '\0';
}

static void say(const struct upstream *upstream, unsigned index, const struct change *change)
{
	const char *name = upstream->server[index].set->name;

	if (change->what == GONE_DOWN)
		pp_log(PP_LOG_WARNING, "upstream %s: server %s is down: %s; %u of %u left%s", upstream->name,
		       name, change->why, change->left, change->all,
		       change->left == 0 ? ", the default is given" : "");
	else if (change->what == COME_UP)
		pp_log(PP_LOG_NOTICE, "upstream %s: server %s is up after %.1f s; %u of %u", upstream->name,
		       name, (double)change->length / 1000, change->left, change->all);
	if (change->trouble && upstream->keeper != NULL)
		upstream_keeper_hurry(upstream->keeper, index);
}

/* -- requests ------------------------------------------------------------ */

static void request_answered(struct upstream *upstream, struct upstream_server *server, struct change *change)
{
	server->answers++;
	server->errors = server->hangs = 0;
	if (server->up || upstream_checks(upstream))
		return;
	server->try_again = 0;
	if (++server->changing >= upstream->set.rise)
		turn(upstream, server, true, change);
}

/* The request that tried it was in vain. */
static void try_later(struct upstream_server *server)
{
	server->changing = 0;
	server->pause = MIN(MAX(server->pause, PAUSE_FIRST) * 2, PAUSE_MAX);
	server->try_again = pp_now() + server->pause;
}

/* Whether it is the one that tries a server that is down, and no older one. Both are pp_now(). */
static bool is_attempt(const struct upstream_server *server, pp_msec_t began)
{
	return server->trying && began >= server->tried_at;
}

/* began: pp_now(). */
static void request_failed(struct upstream *upstream, struct upstream_server *server, bool hung,
                           pp_msec_t began, const char *why, struct change *change)
{
	server->failed++;
	server->errors++;
	server->hangs = hung ? server->hangs + 1 : 0;
	upstream_set_why(server, why);
	if (!server->up) {
		/* Those under way when it went down are no new attempts. */
		if (began >= server->try_again)
			try_later(server);
		return;
	}
	change->trouble = true;
	if (server->errors >= upstream->set.error_limit || server->hangs >= upstream->set.fall)
		turn(upstream, server, false, change);
}

void upstream_report(struct upstream *upstream, unsigned index, enum upstream_result result, pp_msec_t took,
                     const char *why)
{
	struct upstream_server *server = &upstream->server[index];
	pp_msec_t began = pp_now() - took;
	struct change change = { 0 };

	g_mutex_lock(&upstream->lock);
	server->open--;
	server->trying &= !is_attempt(server, began);
	if (result == UPSTREAM_ANSWERED) {
		server->silent = pp_now();
		server->usual += took - server->usual / 16;
		server->crowd = MAX((server->open + 1) * 16, server->crowd - server->crowd / 16);
		request_answered(upstream, server, &change);
	} else if (result != UPSTREAM_ABANDONED) {
		request_failed(upstream, server, result == UPSTREAM_TIMED_OUT, began, why, &change);
	}
	g_mutex_unlock(&upstream->lock);
	say(upstream, index, &change);
}

/* -- those that wait ------------------------------------------------------- */

/* How long it may answer nobody who waits: eight times as long as usual. One that a request tries may be
 * slow as ever. */
static pp_msec_t patience(const struct upstream_server *server)
{
	return CLAMP(server->usual / 2, SILENT_LEAST, server->up ? SILENT_MOST : G_MAXINT);
}

static bool is_silent(const struct upstream_server *server, pp_msec_t now)
{
	return now - server->silent > patience(server);
}

/* Twice as many wait as have been seen to be answered of late, and take longer: it may be known sooner. */
static bool is_crowded(const struct upstream_server *server, pp_msec_t now)
{
	return server->crowd > 0 && server->open * 8 >= server->crowd &&
	       now - server->silent > CLAMP(server->usual / 2, SILENT_CROWD, SILENT_MOST);
}

bool upstream_is_doubtful(const struct upstream *upstream, const struct upstream_server *server,
                          pp_msec_t now)
{
	return server->up && server->open + server->hangs >= upstream->set.fall &&
	       (server->hangs > 0 || is_crowded(server, now) || is_silent(server, now));
}

static bool is_stuck(const struct upstream *upstream, const struct upstream_server *server, pp_msec_t now)
{
	if (server->open == 0)
		return false;
	if (server->up)
		return server->open + server->hangs > upstream->set.fall && is_silent(server, now);
	return !server->trying || is_silent(server, now);
}

uint64_t upstream_find_stuck(struct upstream *upstream)
{
	pp_msec_t now = pp_now();
	uint64_t stuck = 0;

	g_mutex_lock(&upstream->lock);
	for (unsigned i = 0; i < upstream->count; i++)
		stuck |= (uint64_t)is_stuck(upstream, &upstream->server[i], now) << i;
	g_mutex_unlock(&upstream->lock);
	for (unsigned i = 0; i < upstream->count && upstream->keeper != NULL; i++)
		if ((stuck >> i & 1) != 0)
			upstream_keeper_hurry(upstream->keeper, i);
	return stuck;
}

/* A server that is better off than one that is stuck. */
static bool has_other(const struct upstream *upstream, uint64_t tried, pp_msec_t now)
{
	for (unsigned i = 0; i < upstream->count; i++) {
		const struct upstream_server *server = &upstream->server[i];

		if ((tried >> i & 1) == 0 && server->up && upstream_may_be_asked(upstream, server, now) &&
		    !upstream_is_doubtful(upstream, server, now))
			return true;
	}
	return false;
}

bool upstream_leave(struct upstream *upstream, unsigned index, uint64_t tried)
{
	struct upstream_server *server = &upstream->server[index];
	pp_msec_t now = pp_now();
	bool leaves;

	g_mutex_lock(&upstream->lock);
	leaves = is_stuck(upstream, server, now) && has_other(upstream, tried, now);
	if (leaves) {
		server->open--;
		server->failed++;
		if (server->trying)
			try_later(server);
		server->trying = false;
	}
	g_mutex_unlock(&upstream->lock);
	return leaves;
}

/* -- checks -------------------------------------------------------------- */

pp_msec_t upstream_checked(struct upstream *upstream, unsigned index, bool good, const char *why)
{
	struct upstream_server *server = &upstream->server[index];
	struct change change = { 0 };
	pp_msec_t next;

	g_mutex_lock(&upstream->lock);
	server->checks++;
	server->checks_failed += !good;
	if (!good)
		upstream_set_why(server, why);
	if (good == server->up)
		server->changing = 0;
	else if (++server->changing >= (good ? upstream->set.rise : upstream->set.fall))
		turn(upstream, server, good, &change);
	/* Faster while it is about to change. */
	next = server->changing > 0 ? upstream->set.fastinter : upstream->set.inter;
	g_mutex_unlock(&upstream->lock);
	say(upstream, index, &change);
	return next;
}

/* -- names --------------------------------------------------------------- */

static struct endpoint endpoint_of(const struct upstream_server *server, const pp_address_t *address)
{
	struct endpoint endpoint = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint.address;

	if (address->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(server->address.port);
		memcpy(&v4->sin_addr, address->bytes, 4);
		endpoint.size = sizeof(*v4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(server->address.port);
		memcpy(&v6->sin6_addr, address->bytes, 16);
		endpoint.size = sizeof(*v6);
	}
	return endpoint;
}

/* True: it is at another address than before. */
static bool set_address(struct upstream_server *server, const pp_dns_record_t *records, size_t count)
{
	struct endpoint *used = &server->address.endpoint;

	for (size_t i = 0; i < count; i++) {
		struct endpoint each = endpoint_of(server, &records[i].address);

		if (each.size == used->size && memcmp(&each.address, &used->address, each.size) == 0)
			return false;
	}
	if (count == 0)
		return false;
	*used = endpoint_of(server, &records[0].address);
	server->generation++;
	server->why[0] = '\0';
	return true;
}

void upstream_resolved(struct upstream *upstream, unsigned index, const pp_dns_record_t *records,
                       size_t count, const char *why)
{
	struct upstream_server *server = &upstream->server[index];
	bool lost, moved;
	char text[160];

	g_mutex_lock(&upstream->lock);
	moved = set_address(server, records, count);
	lost = server->address.endpoint.size == 0 && server->why[0] == '\0';
	if (lost)
		upstream_set_why(server, why);
	endpoint_print((const struct sockaddr *)&server->address.endpoint.address, text);
	g_mutex_unlock(&upstream->lock);
	if (lost)
		pp_log(PP_LOG_WARNING, "upstream %s: server %s has no address: %s", upstream->name,
		       server->set->name, why);
	if (moved)
		pp_log(PP_LOG_NOTICE, "upstream %s: server %s is at %s", upstream->name, server->set->name,
		       text);
}
