/* daemon/desk.c - one loop's work: requests come in, rules run, replies go out */
#include "daemon/desk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "daemon/logline.h"
#include "daemon/peers.h"

#define LOG_DELAY_MAX 100 /* ms */
#define COUNT(stat, by) __atomic_store_n(&(stat), (stat) + (by), __ATOMIC_RELAXED)

/* What a connection is to us. */
struct seat {
	struct desk_port *port;
	bool overload;
	bool counted;                         /* among those of its peer */
	unsigned generation;                  /* of the shift that had the last request */
	const struct plan_listener *listener; /* there; NULL: it is gone */
	unsigned index;
};

/* -- worlds -------------------------------------------------------------- */

static void end_shift(struct desk *desk, struct shift *shift)
{
	world_drop_program(shift->world, desk->index);
	world_unref(shift->world);
	g_free(shift);
	desk->shifts--;
}

static struct desk *desk_of(const struct ask_host *host)
{
	return (struct desk *)((char *)host - offsetof(struct desk, asks));
}

struct shift *desk_enter(struct desk *desk)
{
	desk->shift->open++;
	return desk->shift;
}

void desk_leave(struct desk *desk, struct shift *shift)
{
	shift->open--;
	if (shift->open == 0 && shift != desk->shift)
		end_shift(desk, shift);
}

static void run_over(const struct run_order *order)
{
	desk_leave(desk_of(order->host), order->user2);
}

static void begin_shift(struct desk *desk, struct world *world)
{
	struct shift *old = desk->shift;

	desk->shift = g_new0(struct shift, 1);
	desk->shift->world = world;
	desk->shifts++;
	desk->generation++;
	world->programs[desk->index]->errors = &desk->stats.failed;
	if (old != NULL && old->open == 0)
		end_shift(desk, old);
}

struct world_message {
	struct loop_message message;
	struct desk *desk;
	struct world *world;
};

/* Connections of a listener that is gone end with their request in hand. */
static void drain_unlistened(struct desk *desk, const struct world *world)
{
	struct connection *connection = desk->connections.all, *next;
	unsigned index;

	for (; connection != NULL; connection = next) {
		next = connection_next(connection);
		if (world_listener(world, connection_listener(connection), &index) == NULL)
			connection_drain(connection);
	}
}

static void take_world(struct loop_message *message)
{
	struct world_message *given = (struct world_message *)message;

	begin_shift(given->desk, given->world);
	dns_use(given->desk->dns, &given->world->plan->dns);
	drain_unlistened(given->desk, given->world);
	g_free(given);
}

void desk_give_world(struct desk *desk, struct world *world)
{
	struct world_message *given = g_new0(struct world_message, 1);

	given->message.run = take_world;
	given->desk = desk;
	given->world = world_ref(world);
	loop_post(desk->loop, &given->message);
}

/* -- ids ----------------------------------------------------------------- */

#define ID_EPOCH 1577836800000 /* 2020-01-01, in ms */

/* Ten base32 characters: 41 bits of milliseconds, 9 bits counted on. */
static void make_id(struct request *request, const char *server)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	static uint64_t last;
	uint64_t before = __atomic_load_n(&last, __ATOMIC_RELAXED), id;
	uint64_t now = (uint64_t)(pp_time() - ID_EPOCH) << 9;
	size_t length = strlen(server);

	do
		id = MAX(now, before + 1);
	while (!__atomic_compare_exchange_n(&last, &before, id, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	memcpy(request->id, server, length);
	request->id[length] = '-';
	for (unsigned i = 0; i < 10; i++)
		request->id[length + 1 + i] = digits[id >> (45 - 5 * i) & 31];
	request->id[length + 11] = '\0';
}

/* -- requests ------------------------------------------------------------ */

static void count(struct desk *desk, const struct verdict *verdict, int64_t usec)
{
	COUNT(desk->stats.requests, 1);
	COUNT(desk->stats.verbs[verdict->action.verb], 1);
	COUNT(desk->stats.usec, (uint64_t)usec);
}

static const struct action dunno = { .verb = ACTION_DUNNO, .text = "" };

static void reply(struct connection *connection, const struct action *action, const char *id)
{
	char bytes[ACTION_REPLY_MAX];

	if (action->verb == ACTION_CLOSE)
		connection_reply(connection, "", 0);
	else
		connection_reply(connection, bytes, action_encode(action, id, bytes));
}

static void decided(struct run *run, const struct verdict *verdict)
{
	struct connection *connection = run->order.user;
	const struct seat *seat = connection_user(connection);
	struct desk *desk = desk_of(run->order.host);
	bool observed = seat->listener->observe && verdict->action.verb != ACTION_DUNNO;
	int64_t usec = MAX(clock_usec() - run->order.request->started, 0);

	if (log_wants(PP_LOG_INFO))
		logline_write(&desk->log, run, verdict, observed, usec);
	count(desk, verdict, usec);
	reply(connection, observed ? &dunno : &verdict->action, run->order.request->id);
}

static void run_rule(struct desk *desk, const struct seat *seat, struct connection *connection,
                     struct request *request)
{
	struct shift *shift = desk_enter(desk);
	const struct plan_listener *listener = seat->listener;
	struct program *program = shift->world->programs[desk->index];
	const struct run_order order = {
		.program = program,
		.host = &desk->asks,
		.request = request,
		.rule = &g_array_index(program->rules, struct program_rule, seat->index),
		.deadline = listener->deadline,
		.on_error = listener->on_error,
		.may = listener->may,
		.done = decided,
		.over = run_over,
		.user = connection,
		.user2 = shift,
	};

	run_start(&order);
}

/* One too many: it gets its answer and its line in the log, and goes. */
static void turn_away(struct desk *desk, const struct plan_listener *listener, struct connection *connection,
                      struct request *request)
{
	const struct run none = { .order = { .program = desk->shift->world->programs[desk->index],
		                             .request = request } };
	const struct verdict verdict = { .action = listener->overload, .rule = "overload" };
	bool observed = listener->observe && verdict.action.verb != ACTION_DUNNO;
	int64_t usec = MAX(clock_usec() - request->started, 0);

	if (log_wants(PP_LOG_INFO))
		logline_write(&desk->log, &none, &verdict, observed, usec);
	count(desk, &verdict, usec);
	reply(connection, observed ? &dunno : &verdict.action, request->id);
	connection_drain(connection);
}

/* In the current world; NULL: there it is not. */
static const struct plan_listener *listener_of(struct desk *desk, struct connection *connection)
{
	struct seat *seat = connection_user(connection);

	if (seat->generation != desk->generation) {
		seat->generation = desk->generation;
		seat->listener = world_listener(desk->shift->world, connection_listener(connection),
		                                &seat->index);
	}
	return seat->listener;
}

static void handle(struct connection_host *host, struct connection *connection, struct request *request)
{
	struct desk *desk = (struct desk *)((char *)host - offsetof(struct desk, connections));
	const struct seat *seat = connection_user(connection);
	const struct plan_listener *listener = listener_of(desk, connection);

	make_id(request, desk->shift->world->plan->server.name);
	if (listener == NULL) {
		connection_reply(connection, "", 0);
		return;
	}
	if (seat->overload) {
		turn_away(desk, listener, connection, request);
		return;
	}
	run_rule(desk, seat, connection, request);
}

/* -- connections --------------------------------------------------------- */

/* Those without an address are processes of this machine, each of its own. */
static void count_peer(struct desk *desk, struct connection *connection)
{
	const struct plan_listener *listener = listener_of(desk, connection);
	struct seat *seat = connection_user(connection);
	const char *peer = connection_peer(connection);
	char more[LOG_LIMIT_TEXT];
	pp_address_t address;

	if (listener == NULL || listener->max_peer_connections == 0 || seat->overload ||
	    !pp_address_parse(peer, &address))
		return;
	seat->counted = true;
	if (peers_enter(connection_listener(connection), peer) <= listener->max_peer_connections)
		return;
	seat->overload = true;
	if (log_limit_pass(&desk->crowded, more))
		pp_log(PP_LOG_WARNING, "client %s on %s: it has more than %d connections%s", peer,
		       connection_listener(connection), (int)listener->max_peer_connections, more);
}

/* Whom a PROXY header names is not who connected: now allow and limits are about them. */
static bool admit(struct connection_host *host, struct connection *connection)
{
	struct desk *desk = (struct desk *)((char *)host - offsetof(struct desk, connections));
	const struct plan_listener *listener = listener_of(desk, connection);
	pp_address_t address;

	if (listener != NULL && listener->allow != NULL &&
	    !(pp_address_parse(connection_peer(connection), &address) &&
	      pp_networks_find(listener->allow, &address, NULL)))
		return false;
	count_peer(desk, connection);
	return true;
}

static void tell_if_idle(struct desk *desk)
{
	if (desk->idle != NULL && desk->connections.count == 0)
		desk->idle(desk, desk->data);
}

static void closed(struct connection_host *host, struct connection *connection)
{
	struct desk *desk = (struct desk *)((char *)host - offsetof(struct desk, connections));
	struct seat *seat = connection_user(connection);

	if (seat->counted)
		peers_leave(connection_listener(connection), connection_peer(connection));
	g_atomic_int_add(&seat->port->connections, -1);
	g_atomic_int_add(&desk->load, -1);
	g_free(seat);
	tell_if_idle(desk);
}

struct connection_message {
	struct loop_message message;
	struct desk *desk;
	struct desk_guest guest;
	char peer[];
};

static void seat_guest(struct desk *desk, struct connection *connection, const struct desk_guest *guest)
{
	connection_set_port(connection, guest->peer_port);
	if (desk->draining)
		connection_drain(connection);
	else if (guest->header_timeout > 0)
		connection_await_header(connection, guest->header_timeout);
	else
		count_peer(desk, connection);
}

static void take_connection(struct loop_message *message)
{
	struct connection_message *given = (struct connection_message *)message;
	const struct desk_guest *guest = &given->guest;
	struct desk *desk = given->desk;
	struct seat *seat = g_new0(struct seat, 1);
	struct connection *connection;

	seat->port = guest->port;
	seat->overload = guest->overload;
	connection = connection_open(&desk->connections, guest->fd,
	                             g_atomic_pointer_get(&guest->port->address), given->peer, seat);
	if (connection == NULL) {
		g_atomic_int_add(&seat->port->connections, -1);
		g_atomic_int_add(&desk->load, -1);
		g_free(seat);
	} else {
		seat_guest(desk, connection, guest);
	}
	g_free(given);
}

void desk_give_connection(struct desk *desk, const struct desk_guest *guest)
{
	size_t length = strlen(guest->peer) + 1;
	struct connection_message *given = g_malloc0(sizeof(*given) + length);

	given->message.run = take_connection;
	given->desk = desk;
	given->guest = *guest;
	memcpy(given->peer, guest->peer, length);
	g_atomic_int_inc(&desk->load);
	loop_post(desk->loop, &given->message);
}

/* -- draining ------------------------------------------------------------ */

struct drain_message {
	struct loop_message message;
	struct desk *desk;
	void (*idle)(struct desk *desk, void *data);
	void *data;
};

static void begin_drain(struct loop_message *message)
{
	struct drain_message *given = (struct drain_message *)message;
	struct desk *desk = given->desk;
	struct connection *connection = desk->connections.all, *next;

	desk->idle = given->idle;
	desk->data = given->data;
	for (; connection != NULL; connection = next) {
		next = connection_next(connection);
		connection_drain(connection);
	}
	desk->draining = true;
	tell_if_idle(desk);
	g_free(given);
}

void desk_drain(struct desk *desk, void (*idle)(struct desk *desk, void *data), void *data)
{
	struct drain_message *given = g_new0(struct drain_message, 1);

	given->message.run = begin_drain;
	given->desk = desk;
	given->idle = idle;
	given->data = data;
	loop_post(desk->loop, &given->message);
}

/* -- a desk -------------------------------------------------------------- */

void desk_flush(struct desk *desk)
{
	if (desk->log.length > 0)
		log_buffer_flush(&desk->log);
	desk->flushed = loop_now(desk->loop);
}

static void rest(struct loop_message *message)
{
	struct desk *desk = (struct desk *)((char *)message - offsetof(struct desk, rest));

	desk->resting = false;
	desk_flush(desk);
}

static void end_turn(void *data)
{
	struct desk *desk = data;

	if (desk->log.length == 0)
		return;
	if (!log_buffer_can_wait(&desk->log) || loop_now(desk->loop) - desk->flushed >= LOG_DELAY_MAX) {
		desk_flush(desk);
	} else if (!desk->resting) {
		desk->resting = true;
		loop_before_sleep(desk->loop, &desk->rest);
	}
}

struct desk *desk_new(unsigned index, struct loop *loop, struct cache *cache, struct worker_pool *workers,
                      struct world *world)
{
	struct desk *desk = g_new0(struct desk, 1);

	desk->index = index;
	desk->loop = loop;
	desk->rest.run = rest;
	connection_host_init(&desk->connections, loop);
	desk->connections.handle = handle;
	desk->connections.closed = closed;
	desk->connections.admit = admit;
	ask_host_init(&desk->asks, loop, index, cache, workers);
	ask_host_init(&desk->trials, loop, index, cache, workers);
	desk->trials.no_effects = true;
	desk->dns = dns_new(loop, &world->plan->dns);
	desk->asks.dns = desk->trials.dns = desk->dns;
	begin_shift(desk, world_ref(world));
	loop_at_turn_end(loop, end_turn, desk);
	return desk;
}

void desk_free(struct desk *desk)
{
	if (desk == NULL)
		return;
	desk->idle = NULL;
	ask_host_clear(&desk->asks);
	ask_host_clear(&desk->trials);
	dns_free(desk->dns);
	connection_host_clear(&desk->connections);
	desk_flush(desk);
	end_shift(desk, desk->shift);
	log_buffer_free(&desk->log);
	g_free(desk);
}
