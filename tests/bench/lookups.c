/* bench/lookups.c - asks a DNS server with c-ares and nothing else, as fast as it answers
 *
 *   lookups [-c MAILS] [-a CLIENTS] [-l LISTS] [-s SECONDS] [-w WARM-UP SECONDS] SERVER
 *
 * The least that ten lists a mail can cost: one channel on an epoll descriptor, MAILS under way, each
 * of which asks all LISTS about its client at once and, when all have answered, makes room for the
 * next. The names are those that ppolicyd asks with dns.lua when load.c runs with -a. It prints one
 * line of JSON.
 */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "load_request.h"
#include "socket.h"

enum { EVENTS = 64, CLASS_IN = 1, TYPE_A = 1, BUFFER = 1 << 20, EDNS_SIZE = 1232 };

struct asker {
	ares_channel channel;
	int epoll;
	unsigned lists;
	uint32_t clients, next;
	bool over; /* no further mail is begun */
	uint64_t answered, failed;
	unsigned open;      /* mails */
	struct mail *ready; /* of which all is answered */
};

struct mail {
	struct asker *asker;
	struct mail *next;
	unsigned open; /* look-ups */
};

static void answered(void *data, int status, int timeouts, unsigned char *message, int size)
{
	struct mail *mail = data;

	(void)timeouts;
	(void)message;
	(void)size;
	mail->asker->answered++;
	mail->asker->failed += status != ARES_SUCCESS && status != ARES_ENOTFOUND && status != ARES_ENODATA;
	if (--mail->open > 0)
		return;
	mail->next = mail->asker->ready;
	mail->asker->ready = mail;
}

static void begin(struct mail *mail)
{
	struct asker *asker = mail->asker;
	uint8_t client[4];
	char name[128];

	requests_client(asker->next++ % asker->clients, client);
	mail->open = asker->lists;
	for (unsigned i = 0; i < asker->lists; i++) {
		snprintf(name, sizeof name, "%u.%u.%u.%u.z%u.now.list.example.org", client[3], client[2],
		         client[1], client[0], i);
		ares_query(asker->channel, name, CLASS_IN, TYPE_A, answered, mail);
	}
}

static void socket_changed(void *data, ares_socket_t fd, int readable, int writable)
{
	struct asker *asker = data;
	struct epoll_event event = { .data.fd = fd };

	event.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
	if (event.events == 0)
		epoll_ctl(asker->epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(asker->epoll, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST)
		epoll_ctl(asker->epoll, EPOLL_CTL_MOD, fd, &event);
}

static void open_channel(struct asker *asker, const char *server)
{
	static char lookups[] = "b";
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = 1000,
		.tries = 2,
		.ednspsz = EDNS_SIZE,
		.socket_receive_buffer_size = BUFFER,
		.lookups = lookups,
		.sock_state_cb = socket_changed,
		.sock_state_cb_data = asker,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
	           ARES_OPT_SOCK_RCVBUF | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
	    ares_init_options(&asker->channel, &options, mask) != ARES_SUCCESS ||
	    ares_set_servers_ports_csv(asker->channel, server) != ARES_SUCCESS)
		errx(1, "c-ares cannot be used");
	asker->epoll = epoll_create1(EPOLL_CLOEXEC);
}

static void turn(struct asker *asker)
{
	struct epoll_event events[EVENTS];
	struct mail *mail;
	struct timeval most = { 1, 0 }, left, *wait = ares_timeout(asker->channel, &most, &left);
	int count = epoll_wait(asker->epoll, events, EVENTS,
	                       (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));

	for (int i = 0; i < count; i++)
		ares_process_fd(asker->channel,
		                (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ? events[i].data.fd
		                                                                          : ARES_SOCKET_BAD,
		                (events[i].events & EPOLLOUT) != 0 ? events[i].data.fd : ARES_SOCKET_BAD);
	if (count == 0)
		ares_process_fd(asker->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	/* Not before c-ares has returned: it reads as long as there are answers. */
	while ((mail = asker->ready) != NULL) {
		asker->ready = mail->next;
		if (asker->over)
			asker->open--;
		else
			begin(mail);
	}
}

static int64_t cpu_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void run(struct asker *asker, double seconds)
{
	int64_t end = socket_clock() + (int64_t)(seconds * 1e9);

	while (socket_clock() < end)
		turn(asker);
}

static void measure(struct asker *asker, double seconds)
{
	uint64_t before = asker->answered;
	int64_t started = socket_clock(), cpu = cpu_clock();
	double look_ups, length, used;

	run(asker, seconds);
	used = (double)(cpu_clock() - cpu);
	length = (double)(socket_clock() - started);
	look_ups = (double)(asker->answered - before);
	printf("{\"look_ups\": %.0f, \"failed\": %llu, \"rate\": %.1f, \"cpu_us\": %.4f}\n", look_ups,
	       (unsigned long long)asker->failed, look_ups / length * 1e9, used / 1e3 / look_ups);
}

int main(int argc, char **argv)
{
	struct asker asker = { .lists = 10, .clients = 1 << 17, .open = 20 };
	double seconds = 1, warm = 0.2;
	struct mail *mails;
	int option;

	while ((option = getopt(argc, argv, "c:a:l:s:w:")) != -1)
		switch (option) {
		case 'c': asker.open = (unsigned)atoi(optarg); break;
		case 'a': asker.clients = (uint32_t)atoi(optarg); break;
		case 'l': asker.lists = (unsigned)atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 'w': warm = atof(optarg); break;
		default: errx(2, "usage: lookups [options] SERVER");
		}
	if (optind + 1 != argc || asker.clients == 0 || asker.lists == 0)
		errx(2, "usage: lookups [options] SERVER");
	open_channel(&asker, argv[optind]);
	mails = calloc(asker.open, sizeof *mails);
	if (mails == NULL)
		err(1, "calloc");
	for (unsigned i = 0, count = asker.open; i < count; i++) {
		mails[i].asker = &asker;
		begin(&mails[i]);
	}
	run(&asker, warm);
	measure(&asker, seconds);
	asker.over = true;
	while (asker.open > 0)
		turn(&asker);
	ares_destroy(asker.channel);
	return 0;
}
