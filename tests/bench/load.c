/* bench/load.c - asks a policy server as fast as it answers, and measures
 *
 *   load [-c CONNECTIONS] [-t THREADS] [-s SECONDS] [-w WARM-UP SECONDS] [-p PID] [-r RATE]
 *        [-k SENDERS | -n FIRST | -d COUNT | -e COUNT | -a CLIENTS | -z DOMAINS.ZONE] [-g NETWORKS] ADDRESS
 *   load -i CONNECTIONS ADDRESS
 *
 * Each connection sends a request when the reply to the last one, which must be
 * DUNNO, has come. Requests are those of Postfix 3.7: 29 attributes, 790 bytes;
 * client, sender, recipient and instance vary. It prints one line of JSON. -p: the
 * server's CPU time is read from the scheduler's statistics, before and after,
 * while nothing is under way. -r: so many requests a second, if it answers as many.
 * "next" is a number from which on all are new to the next run.
 * What is asked about (load_request.h): -k so many senders in turn; triplets: -n new
 * ones, from this number on; -d drawn of so many that passed; -e each of these once,
 * if the time is long enough. -a: so many clients of 198.18.0.0/15 in turn. -z: senders of n0.ZONE,
 * n1.ZONE, ..., so many domains in turn.
 * -i: opens connections, has one request answered on each, prints "ready" and holds
 * them idle until its standard input ends.
 */
#include "load_cpu.h"
#include "load_request.h"
#include "socket.h"

#include <err.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, REPLY_MAX = 1500 };

/* A histogram of nanoseconds with 32 steps to each doubling: 3 % is its finest. */
enum { STEPS = 32, SLOTS = 60 * STEPS };
struct histogram {
	uint64_t slots[SLOTS];
	uint64_t count, most;
};

struct client {
	int fd;
	int64_t sent;
	size_t have; /* of a reply that came in pieces */
	char reply[REPLY_MAX];
};

struct worker {
	pthread_t thread;
	int epoll;
	unsigned count, waiting; /* connections; those with a request under way */
	struct client *clients;
	struct histogram latency;
	uint64_t asked, wrong; /* in both phases */
	struct requests requests;
	struct client **free; /* those without a request under way, where there is a rate */
	unsigned free_count;
	double rate;          /* requests a second; 0 = as fast as they are answered */
	double warm, seconds; /* how long each phase is */
	int64_t length;       /* how long the measured one was in the end */
};

/* warm-up, its end, measuring, its end */
static pthread_barrier_t barrier;

/* -- latency --------------------------------------------------------------- */

static unsigned slot_of(uint64_t value)
{
	if (value < STEPS)
		return (unsigned)value;

	unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 5;
	unsigned slot = (shift + 1) * STEPS + (unsigned)(value >> shift) - STEPS;

	return slot < SLOTS ? slot : SLOTS - 1;
}

static double slot_value(unsigned slot)
{
	if (slot < STEPS)
		return slot;
	return (double)(slot % STEPS + STEPS + 0.5) * (double)(UINT64_C(1) << (slot / STEPS - 1));
}

/* In microseconds. */
static double percentile(const struct histogram *latency, double part)
{
	uint64_t seen = 0, wanted = (uint64_t)(part * (double)latency->count);

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		seen += latency->slots[slot];
		if (seen > wanted)
			return slot_value(slot) / 1e3;
	}
	return 0;
}

/* -- asking ---------------------------------------------------------------- */

static void ask(struct worker *worker, struct client *client)
{
	char request[REQUEST_MAX];
	size_t size = requests_next(&worker->requests, request);

	if (size == 0)
		return;
	client->sent = socket_clock();
	if (send(client->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
		err(1, "send");
	worker->waiting++;
	worker->asked++;
}

/* Reads; true when a whole reply has come. */
static bool replied(struct worker *worker, struct client *client)
{
	static const char wanted[] = "action=DUNNO\n\n";
	ssize_t got = recv(client->fd, client->reply + client->have, sizeof client->reply - client->have, 0);

	if (got <= 0)
		errx(1, "the server closed a connection");
	client->have += (size_t)got;
	if (client->have < 2 || memcmp(client->reply + client->have - 2, "\n\n", 2) != 0)
		return false;
	if (client->have != sizeof wanted - 1 || memcmp(client->reply, wanted, sizeof wanted - 1) != 0)
		worker->wrong++;
	client->have = 0;
	worker->waiting--;
	return true;
}

/* -- a thread -------------------------------------------------------------- */

/* Sends what is due by now at a rate; false: it is over. */
static bool keep_pace(struct worker *worker, int64_t start, int64_t end, uint64_t *sent)
{
	int64_t now = socket_clock();

	if (now >= end)
		return worker->waiting > 0;
	uint64_t due = (uint64_t)((double)(now - start) / 1e9 * worker->rate);

	for (; *sent < due && worker->free_count > 0; (*sent)++)
		ask(worker, worker->free[--worker->free_count]);
	return true;
}

/* Takes a reply, if all of it has come, and asks again at once or leaves that to keep_pace(). */
static void take_reply(struct worker *worker, struct client *client, struct histogram *latency, int64_t end)
{
	if (!replied(worker, client))
		return;

	int64_t now = socket_clock();

	if (latency != NULL) {
		uint64_t took = (uint64_t)(now - client->sent);

		latency->slots[slot_of(took)]++;
		latency->count++;
		latency->most = took > latency->most ? took : latency->most;
	}
	if (worker->rate > 0)
		worker->free[worker->free_count++] = client;
	else if (now < end)
		ask(worker, client);
}

static void run_phase(struct worker *worker, double seconds, struct histogram *latency)
{
	struct epoll_event events[EVENTS];
	int64_t start = socket_clock(), end = start + (int64_t)(seconds * 1e9);
	bool paced = worker->rate > 0;
	uint64_t sent = 0;

	for (unsigned i = 0; i < worker->count && !paced; i++)
		ask(worker, &worker->clients[i]);
	while (paced ? keep_pace(worker, start, end, &sent) : worker->waiting > 0) {
		int count = epoll_wait(worker->epoll, events, EVENTS, paced ? 1 : -1);

		for (int i = 0; i < count; i++)
			take_reply(worker, events[i].data.ptr, latency, end);
	}
	worker->length = socket_clock() - start;
}

static void *work(void *data)
{
	struct worker *worker = data;

	run_phase(worker, worker->warm, NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	run_phase(worker, worker->seconds, &worker->latency);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void open_clients(struct worker *worker, const char *address)
{
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	worker->clients = calloc(worker->count + 1, sizeof *worker->clients);
	worker->free = calloc(worker->count + 1, sizeof(struct client *));
	if (worker->clients == NULL || worker->free == NULL)
		err(1, "calloc");
	for (unsigned i = 0; i < worker->count; i++) {
		struct client *client = &worker->clients[i];
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

		client->fd = socket_connect(address, 0);
		worker->free[worker->free_count++] = client;
		if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
			err(1, "epoll_ctl");
	}
}

/* -- the program ------------------------------------------------------------ */

static void hold_idle(struct worker *worker, const char *address)
{
	char byte;

	open_clients(worker, address);
	for (unsigned i = 0; i < worker->count; i++) {
		ask(worker, &worker->clients[i]);
		while (!replied(worker, &worker->clients[i]))
			continue;
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		continue;
	for (unsigned i = 0; i < worker->count; i++)
		socket_reset(worker->clients[i].fd);
}

static void report(struct worker *workers, unsigned threads, int64_t cpu)
{
	struct worker *all = &workers[0];
	double rate = 0;
	uint64_t wrong = 0, asked = 0;
	uint32_t next = 0;

	for (unsigned t = 0; t < threads; t++) {
		wrong += workers[t].wrong;
		asked += workers[t].asked;
		if (workers[t].requests.next > next)
			next = workers[t].requests.next;
		if (workers[t].length > 0)
			rate += (double)workers[t].latency.count * 1e9 / (double)workers[t].length;
		if (t == 0)
			continue;
		for (unsigned slot = 0; slot < SLOTS; slot++)
			all->latency.slots[slot] += workers[t].latency.slots[slot];
		all->latency.count += workers[t].latency.count;
		if (all->latency.most < workers[t].latency.most)
			all->latency.most = workers[t].latency.most;
	}
	printf("{\"replies\": %llu, \"asked\": %llu, \"wrong\": %llu, \"rate\": %.1f, ",
	       (unsigned long long)all->latency.count, (unsigned long long)asked, (unsigned long long)wrong,
	       rate);
	printf("\"next\": %lu, ", (unsigned long)next);
	if (cpu >= 0 && all->latency.count > 0)
		printf("\"cpu_us\": %.4f, ", (double)cpu / 1e3 / (double)all->latency.count);
	else
		printf("\"cpu_us\": null, ");
	printf("\"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f}\n", percentile(&all->latency, 0.5),
	       percentile(&all->latency, 0.99), (double)all->latency.most / 1e3);
}

struct options {
	unsigned connections, threads, idle;
	double seconds, warm, rate;
	int pid;
	struct requests requests;
};

static void choose(struct options *options, enum about about, const char *number)
{
	unsigned value = (unsigned)atoi(number);

	options->requests.about = about;
	if (about == ABOUT_NEW)
		options->requests.next = value;
	else
		options->requests.count = value;
}

/* DOMAINS.ZONE */
static void choose_domains(struct options *options, const char *text)
{
	char *dot;

	options->requests.about = ABOUT_DOMAINS;
	options->requests.count = (uint32_t)strtoul(text, &dot, 10);
	options->requests.zone = *dot == '.' ? dot + 1 : "";
}

static bool read_options(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "c:t:s:w:r:p:i:k:g:n:d:e:a:z:")) != -1) {
		switch (option) {
		case 'c': options->connections = (unsigned)atoi(optarg); break;
		case 't': options->threads = (unsigned)atoi(optarg); break;
		case 's': options->seconds = atof(optarg); break;
		case 'w': options->warm = atof(optarg); break;
		case 'r': options->rate = atof(optarg); break;
		case 'p': options->pid = atoi(optarg); break;
		case 'i': options->idle = (unsigned)atoi(optarg); break;
		case 'k': choose(options, ABOUT_SENDERS, optarg); break;
		case 'g': options->requests.networks = (unsigned)atoi(optarg); break;
		case 'n': choose(options, ABOUT_NEW, optarg); break;
		case 'd': choose(options, ABOUT_PASSED, optarg); break;
		case 'e': choose(options, ABOUT_EACH, optarg); break;
		case 'a': choose(options, ABOUT_CLIENTS, optarg); break;
		case 'z': choose_domains(options, optarg); break;
		default: return false;
		}
	}
	if (options->threads > options->connections)
		options->threads = options->connections;
	return optind + 1 == argc && options->threads > 0 && options->requests.networks > 0 &&
	       (options->requests.count > 0 || options->requests.about == ABOUT_SENDERS ||
	        options->requests.about == ABOUT_NEW);
}

/* Threads ask about triplets in turn, but about the same senders at different times. */
static void prepare(struct worker *worker, const struct options *options, unsigned t)
{
	unsigned threads = options->threads, count = options->connections;
	struct requests *requests = &worker->requests;

	*requests = options->requests;
	requests->random = (uint64_t)socket_clock() * (t + 1) | 1;
	if (requests->about == ABOUT_SENDERS) {
		requests->next = t * (requests->count / threads);
	} else {
		requests->next += t;
		requests->step = threads;
	}
	worker->count = count / threads + (t < count % threads);
	worker->warm = options->warm;
	worker->seconds = options->seconds;
	worker->rate = options->rate / threads;
}

static void measure(const struct options *options, const char *address, struct worker *workers)
{
	unsigned threads = options->threads;

	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (unsigned t = 0; t < threads; t++) {
		prepare(&workers[t], options, t);
		open_clients(&workers[t], address);
	}
	for (unsigned t = 0; t < threads; t++)
		pthread_create(&workers[t].thread, NULL, work, &workers[t]);
	pthread_barrier_wait(&barrier);
	int64_t before = settled_cpu_time(options->pid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	int64_t after = settled_cpu_time(options->pid);

	report(workers, threads, before < 0 || after < 0 ? -1 : after - before);
}

int main(int argc, char **argv)
{
	struct options options = {
		.connections = 1,
		.threads = 1,
		.seconds = 1,
		.warm = 0.2,
		.requests = { .step = 1, .count = 64, .networks = 250000 },
	};

	if (!read_options(argc, argv, &options))
		errx(2, "usage: load [options] ADDRESS");
	socket_raise_limit();

	struct worker *workers = calloc(options.threads, sizeof *workers);

	if (workers == NULL)
		err(1, "calloc");
	if (options.idle > 0) {
		workers[0].count = options.idle;
		workers[0].requests = options.requests;
		hold_idle(&workers[0], argv[optind]);
	} else {
		measure(&options, argv[optind], workers);
	}
	return 0;
}
