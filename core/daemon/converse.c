/* daemon/converse.c - --stdio: one conversation on descriptors, as for Postfix's spawn(8)
 *
 * The descriptors may be files, which epoll does not take: two threads carry the
 * bytes to and from a connection like any other.
 */
#include "daemon/converse.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>
#include "daemon/desk.h"
#include "daemon/upkeep.h"

#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h */

struct pump {
	int from, to;
};

static void *pump(void *data)
{
	struct pump *pump = data;
	char bytes[16384];
	ssize_t got;

	while ((got = read(pump->from, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR)) {
		ssize_t done = 0, sent = 0;

		while (done < got &&
		       ((sent = write(pump->to, bytes + done, (size_t)(got - done))) > 0 || errno == EINTR))
			done += MAX(sent, 0);
		if (done < got)
			break;
	}
	shutdown(pump->to, SHUT_WR);
	return NULL;
}

static const char *choose_listener(const struct world *world, const char *listener, GPtrArray *errors)
{
	unsigned index;

	if (world->plan->listeners->len == 0) {
		g_ptr_array_add(errors, g_strdup_printf("%s: no listen(), so there is no rule to run",
		                                        world->plan->main_path));
		return NULL;
	}
	if (listener == NULL)
		return ((struct plan_listener *)world->plan->listeners->pdata[0])->address;
	listener = g_intern_string(listener);
	if (world_listener(world, listener, &index) != NULL)
		return listener;
	g_ptr_array_add(errors,
	                g_strdup_printf("%s: nothing listens on %s", world->plan->main_path, listener));
	return NULL;
}

static void conversation_over(struct desk *desk, void *data)
{
	(void)data;
	loop_stop(desk->loop);
}

static void carry(struct desk *desk, const char *listener, int in, int out)
{
	struct desk_port port = { .address = listener, .connections = 1 };
	struct pump to_us, from_us;
	GThread *writer;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		g_error("no descriptors");
	g_unix_set_fd_nonblocking(pair[1], TRUE, NULL);
	to_us = (struct pump){ in, pair[0] };
	from_us = (struct pump){ pair[0], out };
	desk->idle = conversation_over;
	desk_give_connection(desk, &(struct desk_guest){ .fd = pair[1], .port = &port, .peer = "stdio" });
	g_thread_unref(g_thread_new("stdin", pump, &to_us));
	writer = g_thread_new("stdout", pump, &from_us);
	loop_run(desk->loop);
	g_thread_join(writer);
	desk_flush(desk);
}

int converse(const char *config, const char *listener, int in, int out, GPtrArray *errors)
{
	struct world *world = world_new(config, 1, NULL, errors);
	const char *address = world != NULL ? choose_listener(world, listener, errors) : NULL;
	struct cache *cache;
	struct loop *loop;

	if (address == NULL) {
		world_unref(world);
		return EXIT_CONFIG;
	}
	log_open(&world->plan->log);
	world_open(world, WORKERS);
	cache = cache_new(world->plan->cache.memory);
	loop = loop_new("stdio");
	upkeep_new(world, cache);
	carry(desk_new(0, loop, cache, worker_pool_new(WORKERS, WORKER_QUEUE), world), address, in, out);
	world_flush(world);
	/* A thread may still wait for input that nobody wants: there is no orderly end. */
	_exit(0);
}
