/* daemon/server.c - the running server: loops, ports, the world they use, reload, end */
#include "daemon/server.h"

#include <errno.h>
#include <glib-unix.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "daemon/control.h"
#include "daemon/notify.h"
#include "daemon/upkeep.h"

#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h */
#define DRAIN_SECONDS 10
#define FLUSH_SECONDS 5 /* for what is to be written, after that */

struct server {
	char *config, *state;
	bool log_more;
	GMainLoop *main;
	GMutex lock; /* of world */
	struct world *world;
	struct cache *cache;
	struct worker_pool *workers;
	unsigned count;
	struct loop **loops;
	struct desk **desks;
	struct ports *ports;
	struct control *control;
	struct upkeep *upkeep;
	bool terminating; /* main thread */
	int idle;         /* desks that have no connection left; atomic */
	pp_msec_t started;
};

/* -- what others may know ------------------------------------------------ */

struct world *server_world_ref(struct server *server)
{
	struct world *world;

	g_mutex_lock(&server->lock);
	world = world_ref(server->world);
	g_mutex_unlock(&server->lock);
	return world;
}

struct desk **server_desks(struct server *server, unsigned *count)
{
	*count = server->count;
	return server->desks;
}

struct cache *server_cache(struct server *server)
{
	return server->cache;
}

struct ports *server_ports(struct server *server)
{
	return server->ports;
}

const char *server_config_path(struct server *server)
{
	return server->config;
}

pp_msec_t server_started(struct server *server)
{
	return server->started;
}

/* -- starting ------------------------------------------------------------ */

static void open_log(const struct server *server, const struct world *world)
{
	struct log_settings settings = world->plan->log;

	if (server->log_more)
		settings.level = "debug";
	log_open(&settings);
}

static bool open_ports(struct server *server, const struct world *world, GPtrArray *errors)
{
	bool all = true;

	for (guint i = 0; i < world->plan->listeners->len; i++) {
		const struct plan_listener *listener = world->plan->listeners->pdata[i];
		g_autofree char *folder = g_path_get_dirname(listener->file);
		g_autofree char *whole = g_canonicalize_filename(folder, NULL);
		const struct port_wish wish = { listener->address, whole, listener->mode, listener->owner,
			                        listener->group };
		char *reason = NULL;

		if (ports_open(server->ports, &wish, &reason))
			continue;
		all = false;
		g_ptr_array_add(errors,
		                g_strdup_printf("%s:%d: listen: %s", listener->file, listener->line, reason));
		g_free(reason);
	}
	return all;
}

static void make_loops(struct server *server)
{
	server->count = server->world->loops;
	server->loops = g_new0(struct loop *, server->count);
	server->desks = g_new0(struct desk *, server->count);
	for (unsigned i = 0; i < server->count; i++) {
		g_autofree char *name = g_strdup_printf("loop %u", i + 1);

		server->loops[i] = loop_new(name);
		server->desks[i] = desk_new(i, server->loops[i], server->cache, server->workers,
		                            server->world);
	}
}

static struct server *server_new(const struct server_options *options)
{
	struct server *server = g_new0(struct server, 1);

	server->config = g_strdup(options->config);
	server->state = g_strdup(options->state);
	server->ports = options->ports;
	server->log_more = options->log_more;
	server->started = pp_time();
	server->main = g_main_loop_new(NULL, FALSE);
	g_mutex_init(&server->lock);
	return server;
}

static void server_free(struct server *server)
{
	if (server == NULL)
		return;
	control_close(server->control);
	for (unsigned i = 0; i < server->count; i++)
		loop_stop(server->loops[i]);
	worker_pool_free(server->workers); /* its last messages go to the loops */
	upkeep_free(server->upkeep);       /* and so do those of the stores */
	for (unsigned i = 0; i < server->count; i++) {
		desk_free(server->desks[i]);
		loop_free(server->loops[i]);
	}
	world_unref(server->world);
	ports_free(server->ports);
	cache_free(server->cache);
	g_free(server->loops);
	g_free(server->desks);
	g_free(server->config);
	g_free(server->state);
	g_main_loop_unref(server->main);
	g_free(server);
}

static void open_control(struct server *server)
{
	const char *path = server->world->plan->server.control;
	g_autofree char *usual = g_build_filename(server->state, "control.sock", NULL);
	g_autofree char *reason = NULL;

	server->control = control_open(server, path != NULL ? path : usual, &reason);
	if (server->control == NULL)
		pp_log(PP_LOG_WARNING, "no control socket: %s; ppolicyctl will not work", reason);
}

struct server *server_start(const struct server_options *options, GPtrArray *errors, int *status)
{
	struct server *server = server_new(options);

	*status = EXIT_CONFIG;
	signal(SIGHUP, SIG_IGN); /* until server_run() */
	server->world = world_new(server->config, UINT_MAX, NULL, errors);
	if (server->world == NULL) {
		server_free(server);
		return NULL;
	}
	if (server->world->plan->listeners->len == 0)
		g_ptr_array_add(errors,
		                g_strdup_printf("%s: no listen(); the server would have nothing to do",
		                                server->config));
	*status = errors->len > 0 ? EXIT_CONFIG : 1;
	open_log(server, server->world);
	if (errors->len == 0)
		world_open(server->world, WORKERS);
	if (errors->len > 0 || !open_ports(server, server->world, errors)) {
		server_free(server);
		return NULL;
	}
	server->cache = cache_new(server->world->plan->cache.memory);
	server->workers = worker_pool_new(WORKERS, WORKER_QUEUE);
	make_loops(server);
	for (unsigned i = 0; i < server->count; i++)
		loop_start(server->loops[i]);
	if (!options->no_control)
		open_control(server);
	server->upkeep = upkeep_new(server->world, server->cache);
	ports_serve(server->ports, server->world, server->desks, server->count);
	if (ports_unused(server->ports) > 0)
		pp_log(PP_LOG_WARNING,
		       "%u sockets from systemd have no listen() with their address; ignoring them",
		       ports_unused(server->ports));
	return server;
}

/* -- reload -------------------------------------------------------------- */

static void report_errors(GString *report, GPtrArray *errors)
{
	for (guint i = 0; i < errors->len; i++)
		g_string_append_printf(report, "%s\n", (const char *)errors->pdata[i]);
}

static void swap(struct server *server, struct world *world)
{
	struct world *old = server->world;

	world_open(world, WORKERS);
	open_log(server, world);
	if (world->plan->cache.memory != old->plan->cache.memory)
		cache_resize(server->cache, world->plan->cache.memory);
	for (unsigned i = 0; i < server->count; i++)
		desk_give_world(server->desks[i], world);
	g_mutex_lock(&server->lock);
	server->world = world;
	g_mutex_unlock(&server->lock);
	upkeep_set_world(server->upkeep, world);
	ports_serve(server->ports, world, server->desks, server->count);
	world_unref(old);
}

static void say_what_needs_restart(struct server *server, const struct world *world, GString *report)
{
	if (world_wanted_loops(world->plan) != server->count)
		g_string_append(report, "; another number of loops needs a restart");
	if (g_strcmp0(world->plan->server.user, server->world->plan->server.user) != 0)
		g_string_append(report, "; another user needs a restart");
	if (g_strcmp0(world->plan->server.control, server->world->plan->server.control) != 0)
		g_string_append(report, "; another control socket needs a restart");
}

bool server_reload(struct server *server, GString *report)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	struct world *world = world_new(server->config, server->count, server->world, errors);

	if (world != NULL && world->plan->listeners->len == 0)
		g_ptr_array_add(errors,
		                g_strdup_printf("%s: no listen(); the server would have nothing to do",
		                                server->config));
	if (world == NULL || errors->len > 0 || !open_ports(server, world, errors)) {
		ports_close_unserved(server->ports);
		world_unref(world);
		report_errors(report, errors);
		g_string_append_printf(report, "%u %s; the running server keeps configuration %s",
		                       errors->len, errors->len == 1 ? "error" : "errors",
		                       server->world->plan->conf);
		return false;
	}
	g_string_append_printf(report, "reloaded: configuration %s -> %s", server->world->plan->conf,
	                       world->plan->conf);
	say_what_needs_restart(server, world, report);
	swap(server, world);
	return true;
}

static void nothing(void *data)
{
	(void)data;
}

void server_settle(struct server *server)
{
	for (unsigned i = 0; i < server->count; i++)
		loop_call(server->loops[i], nothing, NULL);
}

static void log_report(bool good, const char *report)
{
	g_auto(GStrv) lines = g_strsplit(report, "\n", -1);

	for (char **line = lines; *line != NULL; line++)
		if (**line != '\0')
			pp_log(good ? PP_LOG_NOTICE : PP_LOG_ERROR, "%s", *line);
}

static gboolean hang_up(gpointer data)
{
	struct server *server = data;
	g_autoptr(GString) report = g_string_new(NULL);
	bool good;

	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)g_get_monotonic_time());
	good = server_reload(server, report);
	log_report(good, report->str);
	notify_send("READY=1");
	return G_SOURCE_CONTINUE;
}

/* -- ending -------------------------------------------------------------- */

static gboolean quit(gpointer data)
{
	g_main_loop_quit(((struct server *)data)->main);
	return G_SOURCE_REMOVE;
}

static void desk_is_idle(struct desk *desk, void *data)
{
	struct server *server = data;

	desk->idle = NULL;
	if (g_atomic_int_add(&server->idle, 1) + 1 == (int)server->count)
		g_idle_add(quit, server);
}

/* Without waiting, but leaving no socket behind. */
static void end_at_once(struct server *server)
{
	control_unlink(server->control);
	ports_free(server->ports);
	_exit(0);
}

static void exit_now(int number)
{
	(void)number;
	_exit(0);
}

/* Threads that are stuck are waited for no longer than requests, nor after a second signal. */
static void limit_the_end(struct server *server)
{
	control_unlink(server->control);
	ports_free(server->ports);
	server->ports = NULL;
	signal(SIGTERM, exit_now);
	signal(SIGINT, exit_now);
	signal(SIGALRM, exit_now);
	alarm(DRAIN_SECONDS);
}

static gboolean out_of_patience(gpointer data)
{
	struct server *server = data;

	pp_log(PP_LOG_WARNING, "some requests did not end in %d s; stopping without them", DRAIN_SECONDS);
	signal(SIGALRM, exit_now);
	alarm(FLUSH_SECONDS);
	world_flush(server->world);
	end_at_once(server);
	return G_SOURCE_REMOVE;
}

static gboolean terminate(gpointer data)
{
	struct server *server = data;

	if (server->terminating)
		end_at_once(server);
	server->terminating = true;
	notify_send("STOPPING=1");
	pp_log(PP_LOG_NOTICE, "stopping");
	ports_stop(server->ports);
	for (unsigned i = 0; i < server->count; i++)
		desk_drain(server->desks[i], desk_is_idle, server);
	g_timeout_add_seconds(DRAIN_SECONDS, out_of_patience, server);
	return G_SOURCE_CONTINUE;
}

/* -- running ------------------------------------------------------------- */

static gboolean still_alive(gpointer data)
{
	(void)data;
	notify_send("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

static void say_ready(struct server *server)
{
	for (guint i = 0; i < server->world->plan->listeners->len; i++)
		pp_log(PP_LOG_NOTICE, "listening on %s",
		       ((struct plan_listener *)server->world->plan->listeners->pdata[i])->address);
	pp_log(PP_LOG_NOTICE, "ready: %s, configuration %s, %u loops, %u checks", server->config,
	       server->world->plan->conf, server->count, server->world->plan->checks->len);
	notify_send("READY=1\nSTATUS=configuration %s", server->world->plan->conf);
}

int server_run(struct server *server)
{
	pp_msec_t interval = notify_watchdog_interval();

	g_unix_signal_add(SIGHUP, hang_up, server);
	g_unix_signal_add(SIGTERM, terminate, server);
	g_unix_signal_add(SIGINT, terminate, server);
	if (interval > 0)
		g_timeout_add((guint)interval, still_alive, NULL);
	say_ready(server);
	g_main_loop_run(server->main);
	limit_the_end(server);
	server_free(server);
	return 0;
}
