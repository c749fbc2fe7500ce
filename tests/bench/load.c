/* bench/load.c - asks a policy server as fast as it answers, and measures
 *
 *   load [-c CONNECTIONS] [-t THREADS] [-s SECONDS] [-w WARM-UP SECONDS] [-k SENDERS] [-p PID] ADDRESS
 *   load -i CONNECTIONS ADDRESS
 *
 * Each connection sends a request when the reply to the last one, which must be
 * DUNNO, has come. Requests are those of Postfix 3.7: 29 attributes, 790 bytes;
 * client, sender, recipient and instance vary. It prints one line of JSON. -p: the
 * server's CPU time is read from the scheduler's statistics, before and after,
 * while nothing is under way.
 * -i: opens connections, has one request answered on each, prints "ready" and holds
 * them idle until its standard input ends.
 */
#include "socket.h"

#include <dirent.h>
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

enum { EVENTS = 256, REPLY_MAX = 1500, REQUEST_MAX = 1024 };

/* A histogram of nanoseconds with 32 steps to each doubling: 3 % is its finest. */
enum { STEPS = 32, SLOTS = 60 * STEPS };
struct histogram {
	uint64_t slots[SLOTS];
	uint64_t count;
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
	uint64_t replies, wrong;
	uint32_t serial;
	unsigned senders;
	double warm, seconds; /* how long each phase is */
	int64_t length;       /* how long the measured one was in the end */
	char request[REQUEST_MAX];
	size_t request_size;
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

/* -- requests -------------------------------------------------------------- */

static const char template[] =
        "request=smtpd_access_policy\n"
        "protocol_state=RCPT\n"
        "protocol_name=ESMTP\n"
        "client_address=192.0.2.@0\n"
        "client_name=mail-out@0.outbound-pool.relay.sender-domain.example.net\n"
        "client_port=5@2\n"
        "reverse_client_name=mail-out@0.outbound-pool.relay.sender-domain.example.net\n"
        "server_address=198.51.100.25\n"
        "server_port=25\n"
        "helo_name=mail-out@0.outbound-pool.relay.sender-domain.example.net\n"
        "sender=user@1@sender-domain.example.net\n"
        "recipient=recipient@0@department.example.org\n"
        "recipient_count=0\n"
        "queue_id=\n"
        "instance=6c1a.68a5d3f2.@1.0\n"
        "size=4821398\n"
        "etrn_domain=\n"
        "stress=\n"
        "sasl_method=\n"
        "sasl_username=\n"
        "sasl_sender=\n"
        "ccert_subject=\n"
        "ccert_issuer=\n"
        "ccert_fingerprint=\n"
        "ccert_pubkey_fingerprint=\n"
        "encryption_protocol=TLSv1.3\n"
        "encryption_cipher=TLS_AES_256_GCM_SHA384\n"
        "encryption_keysize=256\n"
        "policy_context=inbound\n"
        "\n";

/* Writes the request of this serial number: @0 is three digits, @1 the number of
 * the sender, @2 four digits. All requests are of one size. */
static void make_request(struct worker *worker)
{
	unsigned serial = worker->serial++;
	unsigned sender = worker->senders == 0 ? 0 : serial % worker->senders;
	char *out = worker->request;

	for (const char *in = template; *in != '\0'; in++) {
		if (in[0] != '@' || in[1] < '0' || in[1] > '2') {
			*out++ = *in;
			continue;
		}
		unsigned value = in[1] == '1'   ? sender
		                 : in[1] == '0' ? 100 + serial % 150
		                                : 1000 + serial % 9000;
		unsigned digits = in[1] == '1' ? 7 : in[1] == '0' ? 3 : 4;

		for (unsigned i = digits; i-- > 0; value /= 10)
			out[i] = (char)('0' + value % 10);
		out += digits;
		in++;
	}
	worker->request_size = (size_t)(out - worker->request);
}

static void ask(struct worker *worker, struct client *client)
{
	make_request(worker);
	client->sent = socket_clock();
	if (send(client->fd, worker->request, worker->request_size, MSG_NOSIGNAL) !=
	    (ssize_t)worker->request_size)
		err(1, "send");
	worker->waiting++;
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

static void run_phase(struct worker *worker, double seconds, struct histogram *latency)
{
	struct epoll_event events[EVENTS];
	int64_t start = socket_clock(), now = start, end = start + (int64_t)(seconds * 1e9);

	for (unsigned i = 0; i < worker->count; i++)
		ask(worker, &worker->clients[i]);
	while (worker->waiting > 0) {
		int count = epoll_wait(worker->epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;

			if (!replied(worker, client))
				continue;
			now = socket_clock();
			if (latency != NULL) {
				latency->slots[slot_of((uint64_t)(now - client->sent))]++;
				latency->count++;
			}
			if (now < end)
				ask(worker, client);
		}
	}
	worker->length = now - start;
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
	if (worker->clients == NULL)
		err(1, "calloc");
	for (unsigned i = 0; i < worker->count; i++) {
		struct client *client = &worker->clients[i];
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

		client->fd = socket_connect(address, 0);
		if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
			err(1, "epoll_ctl");
	}
}

/* -- the server's CPU time -------------------------------------------------- */

/* The time on a processor of all threads, in nanoseconds; -1 = not to be had. */
static int64_t cpu_time(int pid)
{
	char path[128];
	int64_t sum = 0;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *tasks = opendir(path);

	if (pid == 0 || tasks == NULL)
		return -1;
	for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
		long long run;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, entry->d_name);
		FILE *file = fopen(path, "r");

		if (file == NULL || fscanf(file, "%lld", &run) != 1)
			sum = -1;
		if (file != NULL)
			fclose(file);
		if (sum < 0)
			break;
		sum += run;
	}
	closedir(tasks);
	return sum;
}

/* A running thread's time is not up to date: let it fall asleep. */
static int64_t settled_cpu_time(int pid)
{
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	return cpu_time(pid);
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
	uint64_t wrong = 0;

	for (unsigned t = 0; t < threads; t++) {
		wrong += workers[t].wrong;
		if (workers[t].length > 0)
			rate += (double)workers[t].latency.count * 1e9 / (double)workers[t].length;
		if (t == 0)
			continue;
		for (unsigned slot = 0; slot < SLOTS; slot++)
			all->latency.slots[slot] += workers[t].latency.slots[slot];
		all->latency.count += workers[t].latency.count;
	}
	printf("{\"replies\": %llu, \"wrong\": %llu, \"rate\": %.1f, ",
	       (unsigned long long)all->latency.count, (unsigned long long)wrong, rate);
	if (cpu >= 0 && all->latency.count > 0)
		printf("\"cpu_us\": %.4f, ", (double)cpu / 1e3 / (double)all->latency.count);
	else
		printf("\"cpu_us\": null, ");
	printf("\"p50_us\": %.2f, \"p99_us\": %.2f}\n", percentile(&all->latency, 0.5),
	       percentile(&all->latency, 0.99));
}

int main(int argc, char **argv)
{
	unsigned connections = 1, threads = 1, idle = 0, senders = 64;
	double seconds = 1, warm = 0.2;
	int option, pid = 0;

	while ((option = getopt(argc, argv, "c:t:s:w:k:p:i:")) != -1) {
		switch (option) {
		case 'c': connections = (unsigned)atoi(optarg); break;
		case 't': threads = (unsigned)atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 'w': warm = atof(optarg); break;
		case 'k': senders = (unsigned)atoi(optarg); break;
		case 'p': pid = atoi(optarg); break;
		case 'i': idle = (unsigned)atoi(optarg); break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || threads == 0 || connections == 0)
		errx(2, "usage: load [options] ADDRESS");
	threads = threads > connections ? connections : threads;
	socket_raise_limit();

	struct worker *workers = calloc(threads, sizeof *workers);

	if (workers == NULL)
		err(1, "calloc");
	if (idle > 0) {
		workers[0].count = idle;
		workers[0].senders = senders;
		hold_idle(&workers[0], argv[optind]);
		return 0;
	}
	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (unsigned t = 0; t < threads; t++) {
		workers[t].count = connections / threads + (t < connections % threads);
		workers[t].warm = warm;
		workers[t].seconds = seconds;
		workers[t].senders = senders;
		workers[t].serial = t * (senders / threads);
		open_clients(&workers[t], argv[optind]);
	}
	for (unsigned t = 0; t < threads; t++)
		pthread_create(&workers[t].thread, NULL, work, &workers[t]);
	pthread_barrier_wait(&barrier);
	int64_t before = settled_cpu_time(pid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	int64_t after = settled_cpu_time(pid);

	report(workers, threads, before < 0 || after < 0 ? -1 : after - before);
	return 0;
}
