/* service/upstream.c - servers that answer alike: their life, and which of them is asked */
#include "service/upstream.h"

#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <xxhash.h>
#include "base/clock.h"
#include "service/upstream_inside.h"
#include "service/upstream_keeper.h"
#include "service/upstream_pool.h"

/* -- life ---------------------------------------------------------------- */

static const pp_upstream_server_t *copy_servers(struct arena *arena, const pp_upstream_settings_t *set)
{
	pp_upstream_server_t *servers = arena_alloc0(arena, (set->count + 1) * sizeof(*servers));

	for (size_t i = 0; i < set->count; i++) {
		servers[i] = set->servers[i];
		servers[i].name = arena_strdup(arena, set->servers[i].name);
		servers[i].address = arena_strdup(arena, set->servers[i].address);
	}
	return servers;
}

static bool wants_keeper(const struct upstream *upstream)
{
	bool wanted = upstream_checks(upstream);

	for (unsigned i = 0; i < upstream->count; i++)
		wanted |= upstream->server[i].address.host[0] != '\0';
	return wanted;
}

struct upstream *upstream_new(const char *name, const pp_upstream_settings_t *settings)
{
	struct upstream *upstream = g_new0(struct upstream, 1);

	g_assert(settings->count <= UPSTREAM_SERVERS_MAX);
	upstream->refs = 1;
	upstream->name = g_strdup(name);
	g_mutex_init(&upstream->lock);
	arena_init(&upstream->arena);
	upstream->set = *settings;
	upstream->set.probe = arena_strdup(&upstream->arena, settings->probe);
	upstream->set.servers = copy_servers(&upstream->arena, settings);
	upstream->count = (unsigned)settings->count;
	for (unsigned i = 0; i < upstream->count; i++) {
		struct upstream_server *server = &upstream->server[i];

		server->set = &upstream->set.servers[i];
		server->weight = server->set->weight;
		server->up = true;
		server->since = pp_time();
		upstream_address_parse(server->set->address, &server->address);
	}
	upstream_live(upstream);
	if (wants_keeper(upstream))
		upstream->keeper = upstream_keeper_new(upstream);
	return upstream;
}

struct upstream *upstream_ref(struct upstream *upstream)
{
	g_atomic_int_inc(&upstream->refs);
	return upstream;
}

void upstream_unref(struct upstream *upstream)
{
	if (upstream == NULL || !g_atomic_int_dec_and_test(&upstream->refs))
		return;
	g_mutex_clear(&upstream->lock);
	arena_free(&upstream->arena);
	g_free(upstream->name);
	g_free(upstream);
}

void upstream_close(struct upstream *upstream)
{
	if (upstream == NULL)
		return;
	upstream_live_no_more(upstream);
	upstream_keeper_free(upstream->keeper);
	g_mutex_lock(&upstream->lock);
	for (struct upstream_pool *pool = upstream->pools; pool != NULL; pool = pool->next_of_upstream) {
		pool->told = true;
		loop_post(pool->loop, &pool->end);
	}
	g_mutex_unlock(&upstream->lock);
	upstream_unref(upstream);
}

const pp_upstream_settings_t *upstream_settings(const struct upstream *upstream)
{
	return &upstream->set;
}

const char *upstream_name(const struct upstream *upstream)
{
	return upstream->name;
}

void upstream_await(struct upstream *upstream)
{
	if (upstream->keeper != NULL)
		upstream_keeper_await(upstream->keeper);
}

/* -- choosing ------------------------------------------------------------ */

static bool is_located(const struct upstream_server *server)
{
	return server->address.endpoint.size != 0;
}

bool upstream_may_be_asked(const struct upstream *upstream, const struct upstream_server *server,
                           pp_msec_t now)
{
	if (server->admin != UPSTREAM_READY || server->weight == 0 || !is_located(server))
		return false;
	return server->up || (!upstream_checks(upstream) && !server->trying && now >= server->try_again);
}

/* What counts first: lower ones are asked first. */
static int64_t rank(const struct upstream *upstream, const struct upstream_server *server, pp_msec_t now)
{
	return ((int64_t)upstream_is_doubtful(upstream, server, now) << 41) +
	       ((int64_t)server->set->backup << 40) + server->set->priority;
}

/* Those of the best rank but these, as bits. */
static uint64_t find_best(const struct upstream *upstream, uint64_t tried, pp_msec_t now)
{
	int64_t best = INT64_MAX;
	uint64_t found = 0;

	for (unsigned i = 0; i < upstream->count; i++) {
		const struct upstream_server *server = &upstream->server[i];
		uint64_t bit = UINT64_C(1) << i;
		int64_t mine;

		if ((tried & bit) != 0 || !upstream_may_be_asked(upstream, server, now))
			continue;
		mine = rank(upstream, server, now);
		if (mine < best) {
			best = mine;
			found = 0;
		}
		if (mine == best)
			found |= bit;
	}
	return found;
}

/* Smooth weighted round robin: each gains its weight, the one with most is asked and gives
 * back what all have gained. */
static unsigned next_in_turn(struct upstream *upstream, uint64_t of)
{
	int64_t sum = 0, most = INT64_MIN;
	unsigned chosen = 0;

	for (unsigned i = 0; i < upstream->count; i++) {
		struct upstream_server *server = &upstream->server[i];

		if ((of & UINT64_C(1) << i) == 0)
			continue;
		server->turn += server->weight;
		sum += server->weight;
		if (server->turn > most) {
			most = server->turn;
			chosen = i;
		}
	}
	upstream->server[chosen].turn -= sum;
	return chosen;
}

/* Weighted rendezvous hashing: every loop finds the same server, and when one goes only what
 * it had moves. */
static unsigned stuck_to(const struct upstream *upstream, uint64_t of, uint64_t stick)
{
	double best = -1;
	unsigned chosen = 0;

	for (unsigned i = 0; i < upstream->count; i++) {
		const struct upstream_server *server = &upstream->server[i];
		uint64_t hash = XXH3_64bits_withSeed(server->set->name, strlen(server->set->name), stick);
		double unit = ((double)(hash >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
		double score = (double)server->weight / -log(unit);

		if ((of & UINT64_C(1) << i) != 0 && score > best) {
			best = score;
			chosen = i;
		}
	}
	return chosen;
}

static void describe(const struct upstream *upstream, unsigned index, struct upstream_pick *pick)
{
	pick->server = index;
	pick->endpoint = upstream->server[index].address.endpoint;
	pick->generation = upstream->server[index].generation;
}

bool upstream_choose(struct upstream *upstream, uint64_t tried, uint64_t stick, struct upstream_pick *pick)
{
	pp_msec_t now = pp_now();
	uint64_t best;

	g_mutex_lock(&upstream->lock);
	best = find_best(upstream, tried, now);
	if (best != 0) {
		unsigned index = stick != 0 ? stuck_to(upstream, best, stick) : next_in_turn(upstream, best);
		struct upstream_server *server = &upstream->server[index];

		describe(upstream, index, pick);
		server->trying = !server->up;
		server->tried_at = now;
		server->queries++;
		if (server->open++ == 0 || server->trying)
			server->silent = now;
	}
	g_mutex_unlock(&upstream->lock);
	return best != 0;
}

bool upstream_locate(struct upstream *upstream, unsigned server, struct upstream_pick *pick)
{
	bool located;

	g_mutex_lock(&upstream->lock);
	located = is_located(&upstream->server[server]);
	describe(upstream, server, pick);
	g_mutex_unlock(&upstream->lock);
	return located;
}

/* -- for people ----------------------------------------------------------- */

unsigned upstream_count(const struct upstream *upstream)
{
	return upstream->count;
}

int upstream_find(const struct upstream *upstream, const char *server)
{
	for (unsigned i = 0; i < upstream->count; i++)
		if (strcmp(upstream->set.servers[i].name, server) == 0)
			return (int)i;
	return -1;
}

void upstream_status(struct upstream *upstream, unsigned index, struct upstream_status *status)
{
	const struct upstream_server *server = &upstream->server[index];

	g_mutex_lock(&upstream->lock);
	*status = (struct upstream_status){ .name = server->set->name,
		                            .address = server->set->address,
		                            .admin = server->admin,
		                            .up = server->up && is_located(server),
		                            .backup = server->set->backup,
		                            .priority = server->set->priority,
		                            .weight = server->weight,
		                            .open = server->open,
		                            .queries = server->queries,
		                            .answers = server->answers,
		                            .failed = server->failed,
		                            .checks = server->checks,
		                            .checks_failed = server->checks_failed,
		                            .downs = server->downs,
		                            .since = server->since };
	if (is_located(server))
		endpoint_print((const struct sockaddr *)&server->address.endpoint.address, status->at);
	g_strlcpy(status->why, server->why, sizeof(status->why));
	g_mutex_unlock(&upstream->lock);
}

void upstream_set_admin(struct upstream *upstream, unsigned index, enum upstream_admin admin)
{
	struct upstream_server *server = &upstream->server[index];
	enum upstream_admin before;

	g_mutex_lock(&upstream->lock);
	before = server->admin;
	server->admin = admin;
	if (before == UPSTREAM_MAINT && admin != before) {
		server->changing = server->errors = server->hangs = 0;
		server->try_again = 0;
	}
	g_mutex_unlock(&upstream->lock);
	if (before == admin)
		return;
	pp_log(PP_LOG_NOTICE, "upstream %s: server %s is %s", upstream->name, server->set->name,
	       admin == UPSTREAM_READY   ? "ready again"
	       : admin == UPSTREAM_DRAIN ? "drained: it gets no new requests"
	                                 : "in maintenance: it is neither asked nor checked");
}

void upstream_set_weight(struct upstream *upstream, unsigned index, int64_t weight)
{
	struct upstream_server *server = &upstream->server[index];
	int64_t before;

	g_mutex_lock(&upstream->lock);
	before = server->weight;
	server->weight = weight;
	for (unsigned i = 0; i < upstream->count; i++)
		upstream->server[i].turn = 0;
	g_mutex_unlock(&upstream->lock);
	if (before != weight)
		pp_log(PP_LOG_NOTICE, "upstream %s: server %s has weight %d, it had %d", upstream->name,
		       server->set->name, (int)weight, (int)before);
}
