/* service/upstream_keeper.c - looks after an upstream's servers: health checks, and host names looked up
 * again */
#include "service/upstream_keeper.h"

#include <stdatomic.h>
#include <string.h>
#include "base/clock.h"
#include "service/dns.h"
#include "service/upstream_inside.h"
#include "service/upstream_pool.h"

#define NAME_GOOD_MIN 5   /* seconds, whatever the TTL */
#define NAME_GOOD_MAX 300 /* seconds */
#define NAME_FAILED 5     /* seconds until it is looked up again */
#define AWAIT_MAX 3000    /* ms */

/* -- the thread ----------------------------------------------------------- */

static struct {
	GMutex lock;
	unsigned keepers;
	struct loop *loop; /* NULL while there are no keepers */
	struct dns *dns;
	struct arena arena; /* of settings */
	struct dns_settings settings;
	bool told; /* settings are somebody's */
	bool forbidden;
} thread;

static void use_dns(void *data)
{
	(void)data;
	dns_use(thread.dns, &thread.settings);
}

static void keep_settings(const struct dns_settings *settings)
{
	const char **items;
	pp_texts_t *servers;

	if (!thread.told)
		arena_init(&thread.arena);
	arena_reset(&thread.arena);
	thread.told = true;
	thread.settings = *settings;
	if (settings->servers == NULL)
		return;
	servers = arena_new0(&thread.arena, pp_texts_t);
	items = arena_alloc0(&thread.arena, (settings->servers->count + 1) * sizeof(*items));
	for (size_t i = 0; i < settings->servers->count; i++)
		items[i] = arena_strdup(&thread.arena, settings->servers->items[i]);
	*servers = (pp_texts_t){ settings->servers->count, items };
	thread.settings.servers = servers;
}

void upstream_keeper_use_dns(const struct dns_settings *settings)
{
	g_mutex_lock(&thread.lock);
	keep_settings(settings);
	if (thread.loop != NULL)
		loop_call(thread.loop, use_dns, NULL);
	g_mutex_unlock(&thread.lock);
}

static struct loop *enter_thread(void)
{
	static const struct dns_settings usual = { .timeout = 500, .tries = 2 };

	g_mutex_lock(&thread.lock);
	if (thread.keepers++ == 0) {
		thread.loop = loop_new("upstreams");
		thread.dns = dns_new(thread.loop, thread.told ? &thread.settings : &usual);
		loop_start(thread.loop);
	}
	g_mutex_unlock(&thread.lock);
	return thread.loop;
}

static void leave_thread(void)
{
	g_mutex_lock(&thread.lock);
	if (--thread.keepers == 0) {
		loop_stop(thread.loop);
		dns_free(thread.dns);
		loop_free(thread.loop);
		thread.loop = NULL;
		thread.dns = NULL;
	}
	g_mutex_unlock(&thread.lock);
}

/* -- a keeper -------------------------------------------------------------- */

struct ward { /* a server that is looked after */
	struct upstream_keeper *keeper;
	unsigned server;
	struct upstream_call call;
	struct arena arena; /* of the call */
	struct loop_timer check_due, name_due;
	struct loop_message hurry;
	atomic_bool hurried; /* the message is on its way */
	struct dns_wish wish;
	struct arena names; /* of the wish */
	bool ipv6;          /* the second question */
	bool looked_up;     /* once */
};

struct upstream_keeper {
	struct upstream *upstream;
	struct loop *loop;
	struct upstream_pool *pools;
	struct upstream_pool *pool;
	bool ended;
	GMutex lock; /* of what follows */
	GCond looked_up;
	unsigned waiting; /* names that were not looked up yet */
	unsigned count;
	struct ward ward[];
};

static const pp_upstream_settings_t *settings_of(const struct ward *ward)
{
	return upstream_settings(ward->keeper->upstream);
}

/* -- checks ---------------------------------------------------------------- */

static void begin_check(struct ward *ward);

static void checked(struct ward *ward, bool good)
{
	pp_msec_t next = upstream_checked(ward->keeper->upstream, ward->server, good,
	                                  good ? "" : ward->call.error);

	loop_timer_set(ward->keeper->loop, &ward->check_due, MAX(ward->call.began + next, pp_now() + 1));
}

static void check_done(struct upstream_call *call)
{
	struct ward *ward = (struct ward *)((char *)call - offsetof(struct ward, call));
	const char *colon;

	/* The server's name stands in the line already. */
	if (call->error != NULL && (colon = strstr(call->error, ": ")) != NULL)
		call->error = colon + 2;
	checked(ward, call->action != NULL);
}

static void check_is_due(struct loop_timer *timer)
{
	begin_check((struct ward *)((char *)timer - offsetof(struct ward, check_due)));
}

static bool is_left_alone(const struct ward *ward)
{
	struct upstream_status status;

	upstream_status(ward->keeper->upstream, ward->server, &status);
	return status.admin == UPSTREAM_MAINT || status.at[0] == '\0';
}

static void begin_check(struct ward *ward)
{
	struct upstream_keeper *keeper = ward->keeper;
	const char *probe = settings_of(ward)->probe;

	if (is_left_alone(ward)) {
		loop_timer_set(keeper->loop, &ward->check_due, pp_now() + settings_of(ward)->inter);
		return;
	}
	arena_reset(&ward->arena);
	ward->call = (struct upstream_call){ .done = check_done,
		                             .arena = &ward->arena,
		                             .bytes = probe,
		                             .size = strlen(probe),
		                             .check = true,
		                             .server = ward->server };
	if (!upstream_call_start(keeper->pool, &ward->call))
		check_done(&ward->call);
}

static void hurry(struct loop_message *message)
{
	struct ward *ward = (struct ward *)((char *)message - offsetof(struct ward, hurry));
	pp_msec_t soon = pp_now() + settings_of(ward)->fastinter;

	atomic_store(&ward->hurried, false);
	if (ward->keeper->ended || ward->call.line != NULL || ward->check_due.place == 0 ||
	    ward->check_due.due <= soon)
		return;
	loop_timer_set(ward->keeper->loop, &ward->check_due, soon);
}

void upstream_keeper_hurry(struct upstream_keeper *keeper, unsigned server)
{
	struct ward *ward = &keeper->ward[server];

	if (settings_of(ward)->inter > 0 && !atomic_exchange(&ward->hurried, true))
		loop_post(keeper->loop, &ward->hurry);
}

/* -- names ----------------------------------------------------------------- */

static void ask_name(struct ward *ward);

static void was_looked_up(struct ward *ward)
{
	struct upstream_keeper *keeper = ward->keeper;

	if (ward->looked_up)
		return;
	ward->looked_up = true;
	g_mutex_lock(&keeper->lock);
	keeper->waiting--;
	g_cond_broadcast(&keeper->looked_up);
	g_mutex_unlock(&keeper->lock);
}

static void name_known(struct dns_wish *wish)
{
	struct ward *ward = (struct ward *)((char *)wish - offsetof(struct ward, wish));
	const struct dns_answer *answer = &wish->answer;
	bool found = answer->status == PP_DNS_FOUND;
	int64_t good = NAME_FAILED;

	if (!found && !ward->ipv6) {
		ward->ipv6 = true;
		ask_name(ward);
		return;
	}
	ward->ipv6 = false;
	if (found)
		good = CLAMP(answer->ttl, NAME_GOOD_MIN, NAME_GOOD_MAX);
	upstream_resolved(ward->keeper->upstream, ward->server, answer->records, found ? answer->count : 0,
	                  pp_dns_status_name(answer->status));
	loop_timer_set(ward->keeper->loop, &ward->name_due, pp_now() + good * 1000);
	was_looked_up(ward);
}

static void ask_name(struct ward *ward)
{
	pp_dns_type_t type = ward->ipv6 ? PP_DNS_AAAA : PP_DNS_A;
	const char *host = ward->keeper->upstream->server[ward->server].address.host;

	arena_reset(&ward->names);
	ward->wish = (struct dns_wish){ .ready = name_known, .arena = &ward->names };
	if (dns_ask(thread.dns, &ward->wish, type, host) != NULL)
		name_known(&ward->wish);
}

static void name_is_due(struct loop_timer *timer)
{
	ask_name((struct ward *)((char *)timer - offsetof(struct ward, name_due)));
}

/* -- life ------------------------------------------------------------------ */

static void begin(void *data)
{
	struct upstream_keeper *keeper = data;
	pp_msec_t first = upstream_settings(keeper->upstream)->fastinter;

	keeper->pool = upstream_pool_get(&keeper->pools, keeper->loop, keeper->upstream);
	for (unsigned i = 0; i < keeper->count; i++) {
		struct ward *ward = &keeper->ward[i];

		if (keeper->upstream->server[i].address.host[0] != '\0')
			ask_name(ward);
		/* Not all at the same time. */
		if (settings_of(ward)->inter > 0)
			loop_timer_set(keeper->loop, &ward->check_due,
			               pp_now() + first * (i + 1) / keeper->count);
	}
}

static void end(void *data)
{
	struct upstream_keeper *keeper = data;

	keeper->ended = true;
	for (unsigned i = 0; i < keeper->count; i++) {
		struct ward *ward = &keeper->ward[i];

		upstream_call_cancel(&ward->call, false);
		dns_cancel(&ward->wish);
		loop_timer_cancel(keeper->loop, &ward->check_due);
		loop_timer_cancel(keeper->loop, &ward->name_due);
	}
	upstream_pool_clear_all(&keeper->pools);
}

void upstream_keeper_forbid(void)
{
	thread.forbidden = true;
}

struct upstream_keeper *upstream_keeper_new(struct upstream *upstream)
{
	struct upstream_keeper *keeper;

	if (thread.forbidden)
		return NULL;
	keeper = g_malloc0(sizeof(*keeper) + upstream->count * sizeof(keeper->ward[0]));
	keeper->upstream = upstream;
	keeper->count = upstream->count;
	g_mutex_init(&keeper->lock);
	g_cond_init(&keeper->looked_up);
	for (unsigned i = 0; i < keeper->count; i++) {
		struct ward *ward = &keeper->ward[i];

		ward->keeper = keeper;
		ward->server = i;
		ward->check_due.expired = check_is_due;
		ward->name_due.expired = name_is_due;
		ward->hurry.run = hurry;
		arena_init(&ward->arena);
		arena_init(&ward->names);
		keeper->waiting += upstream->server[i].address.host[0] != '\0';
	}
	keeper->loop = enter_thread();
	loop_call(keeper->loop, begin, keeper);
	return keeper;
}

void upstream_keeper_free(struct upstream_keeper *keeper)
{
	if (keeper == NULL)
		return;
	loop_call(keeper->loop, end, keeper);
	leave_thread();
	for (unsigned i = 0; i < keeper->count; i++) {
		arena_free(&keeper->ward[i].arena);
		arena_free(&keeper->ward[i].names);
	}
	g_mutex_clear(&keeper->lock);
	g_cond_clear(&keeper->looked_up);
	g_free(keeper);
}

void upstream_keeper_await(struct upstream_keeper *keeper)
{
	gint64 end = g_get_monotonic_time() + AWAIT_MAX * 1000;

	g_mutex_lock(&keeper->lock);
	while (keeper->waiting > 0 && g_cond_wait_until(&keeper->looked_up, &keeper->lock, end))
		;
	g_mutex_unlock(&keeper->lock);
}
