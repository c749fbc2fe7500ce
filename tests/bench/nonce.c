/* bench/nonce.c - does every request get its own reply, once, in order?
 *
 *   nonce [-n REQUESTS] [-c CONNECTIONS] [-s SEED] ADDRESS...
 *
 * Each request carries a nonce that the rule sends back (tests/live/nonce.lua).
 * The connections ask in every manner a client can: one by one, pipelined, in
 * pieces, byte by byte, leaving in the middle of a request or before the reply,
 * closing one side, sending garbage. It prints one line of JSON; the exit status
 * is 1 when a reply was lost, doubled, swapped or not as it should be.
 */
#include "socket.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, BURST_MAX = 32, REQUEST_MAX = 1024, REPLY_MAX = 1500, TIMEOUT_SECONDS = 30 };
enum { OUT_MAX = BURST_MAX * REQUEST_MAX, IN_MAX = BURST_MAX * REPLY_MAX };

/* What the rule does with a request, told in policy_context. Of 1000. */
#define KIND_TABLE(X)                                                        \
	X(plain, 450)   /* DUNNO with the nonce */                           \
	X(refuse, 150)  /* 450 with the nonce and an id */                   \
	X(prepend, 100) /* a header with the nonce */                        \
	X(cached, 150)  /* asks a check whose answers are kept */            \
	X(sleep, 60)    /* waits for a check */                              \
	X(late, 30)     /* waits for a check that times out */               \
	X(failing, 20)  /* asks a check that fails */                        \
	X(deadline, 5)  /* waits for a check until the request's deadline */ \
	X(error, 20)    /* the rule fails: DUNNO without a nonce */          \
	X(nothing, 15)  /* the rule ends without an action: the same */

enum kind {
#define KIND_ROW(name, weight) KIND_##name,
	KIND_TABLE(KIND_ROW)
#undef KIND_ROW
	        KINDS
};
#define KIND_ROW(name, weight) #name,
static const char *const kind_names[] = { KIND_TABLE(KIND_ROW) };
#undef KIND_ROW
#define KIND_ROW(name, weight) weight,
static const unsigned kind_weights[] = { KIND_TABLE(KIND_ROW) };
#undef KIND_ROW

/* How a turn of a connection goes. Of 1000. */
#define MANNER_TABLE(X)                                                     \
	X(single, 620)                                                      \
	X(burst, 250)    /* several requests at once */                     \
	X(pieces, 60)    /* a burst, a few bytes at a time */               \
	X(bytes, 10)     /* a request byte by byte */                       \
	X(leave_mid, 15) /* gone in the middle of a request */              \
	X(leave, 20)     /* gone before the reply */                        \
	X(half, 15)      /* closes its sending side, waits for the reply */ \
	X(garbage, 10)   /* no request at all: closed without a reply */

enum manner {
#define MANNER_ROW(name, weight) MANNER_##name,
	MANNER_TABLE(MANNER_ROW)
#undef MANNER_ROW
	        MANNERS
};
#define MANNER_ROW(name, weight) weight,
static const unsigned manner_weights[] = { MANNER_TABLE(MANNER_ROW) };
#undef MANNER_ROW

struct slot {
	unsigned number;
	int fd;
	const char *address;
	enum manner manner;
	bool idle;             /* its turn is over, and no other began */
	uint32_t serial;       /* of the next request; never used twice */
	unsigned first, asked; /* requests under way: the first one's place, how many */
	struct {
		uint32_t serial;
		enum kind kind;
	} open[BURST_MAX];
	int64_t since; /* the last time something came */
	unsigned in_size, out_size, out_sent, piece;
	char in[IN_MAX];
	char out[OUT_MAX];
};

static struct {
	uint64_t answered, abandoned;
	uint64_t lost, doubled, swapped, mixed, malformed, unasked, closed, unclosed;
	uint64_t kinds[KINDS], unknown[KINDS];
	uint64_t connections;
} totals;

static int epoll_fd;
static uint64_t seed = 1;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 33) % below);
}

static unsigned draw_weighted(const unsigned *weights)
{
	unsigned left = draw(1000), i = 0;

	while (left >= weights[i])
		left -= weights[i++];
	return i;
}

/* -- asking ------------------------------------------------------------------ */

static void add_request(struct slot *slot, enum kind kind)
{
	uint32_t serial = slot->serial++;
	char *out = slot->out + slot->out_size;
	int size = snprintf(out, REQUEST_MAX,
	                    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
	                    "helo_name=n%04x.%08x.example.net\ninstance=n%04x.%08x\n"
	                    "sender=user%u@example.net\nrecipient=n%04x.%08x@example.org\n"
	                    "client_address=192.0.2.%u\nclient_name=unknown\nqueue_id=\nsize=%u\n"
	                    "policy_context=%s\nfiller=%.*s\n\n",
	                    slot->number, serial, slot->number, serial, serial % 512, slot->number, serial,
	                    1 + serial % 254, draw(100000), kind_names[kind], (int)draw(300),
	                    "....................................................................."
	                    "....................................................................."
	                    "....................................................................."
	                    "....................................................................."
	                    ".....................");

	slot->out_size += (unsigned)size;
	slot->open[slot->asked].serial = serial;
	slot->open[slot->asked].kind = kind;
	slot->asked++;
}

static void want(struct slot *slot, uint32_t events, int operation)
{
	struct epoll_event event = { .events = events, .data.ptr = slot };

	if (epoll_ctl(epoll_fd, operation, slot->fd, &event) != 0)
		err(1, "epoll_ctl");
}

static void connect_slot(struct slot *slot)
{
	/* Each slot comes from an address of its own: no shortage of ports. */
	slot->fd = socket_connect(slot->address, 0x0100 + slot->number);
	socket_nonblocking(slot->fd);
	slot->in_size = slot->out_size = slot->out_sent = slot->first = slot->asked = 0;
	want(slot, EPOLLIN, EPOLL_CTL_ADD);
	totals.connections++;
}

static void leave(struct slot *slot)
{
	totals.abandoned += slot->asked - slot->first;
	slot->first = slot->asked;
	/* In both ways a client can be gone. */
	if (draw(2) == 0)
		socket_reset(slot->fd);
	else
		close(slot->fd);
	connect_slot(slot);
	slot->idle = true;
}

static unsigned make_piece(enum manner manner)
{
	switch (manner) {
	case MANNER_bytes: return 1;
	case MANNER_pieces: return 1 + draw(600);
	default: return OUT_MAX;
	}
}

static void begin_turn(struct slot *slot)
{
	static const char *const garbage[] = { "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		                               "request=smtpd_access_policy\r\nsender=\r\n\r\n",
		                               "sender=a@example.net\nrecipient=b@example.org\n\n" };
	unsigned count = 1;

	slot->manner = draw_weighted(manner_weights);
	slot->idle = false;
	slot->first = slot->asked = slot->in_size = slot->out_size = slot->out_sent = 0;
	slot->piece = make_piece(slot->manner);
	slot->since = socket_clock();
	if (slot->manner == MANNER_garbage) {
		slot->out_size = (unsigned)snprintf(slot->out, OUT_MAX, "%s", garbage[draw(3)]);
	} else {
		if (slot->manner == MANNER_burst || slot->manner == MANNER_pieces)
			count = 2 + draw(BURST_MAX - 1);
		else if (slot->manner == MANNER_leave)
			count = 1 + draw(4);
		for (unsigned i = 0; i < count; i++)
			add_request(slot, draw_weighted(kind_weights));
	}
	if (slot->manner == MANNER_leave_mid) {
		slot->out_size -= 2 + draw(slot->out_size - 2);
		slot->first = slot->asked;
	}
	want(slot, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

/* One piece; the next when the others have had their turn. */
static void write_piece(struct slot *slot)
{
	unsigned left = slot->out_size - slot->out_sent;
	unsigned piece = slot->piece < left ? slot->piece : left;
	ssize_t sent = send(slot->fd, slot->out + slot->out_sent, piece, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && slot->manner != MANNER_garbage) {
		/* What was answered already is read first; reading tells of the end. */
		want(slot, EPOLLIN, EPOLL_CTL_MOD);
		return;
	}
	if (sent > 0)
		slot->out_sent += (unsigned)sent;
	if (slot->out_sent < slot->out_size && (sent >= 0 || errno == EAGAIN))
		return;
	want(slot, EPOLLIN, EPOLL_CTL_MOD);
	if (slot->manner == MANNER_leave_mid || slot->manner == MANNER_leave)
		leave(slot);
	else if (slot->manner == MANNER_half)
		shutdown(slot->fd, SHUT_WR);
}

/* -- judging ----------------------------------------------------------------- */

static void complain(struct slot *slot, const char *what, const char *reply, uint64_t *counter)
{
	if (*counter < 5)
		warnx("%s: slot n%04x on %s, serial %08x to %08x open, got: %.200s", what, slot->number,
		      slot->address, slot->open[slot->first].serial, slot->serial, reply);
	++*counter;
}

/* Whether the action is what the rule gives for this kind. */
static bool as_expected(enum kind kind, const char *reply, const char *nonce)
{
	switch (kind) {
	case KIND_error:
	case KIND_nothing: return strcmp(reply, "action=DUNNO") == 0;
	case KIND_refuse: return strncmp(reply, "action=450 4.7.1 ", 17) == 0 && strstr(nonce, "id=") != NULL;
	case KIND_prepend: return strncmp(reply, "action=PREPEND X-Nonce: ", 24) == 0;
	default: return strncmp(reply, "action=DUNNO ", 13) == 0;
	}
}

static void judge(struct slot *slot, const char *reply)
{
	const char *nonce = strstr(reply, "nonce=");
	unsigned number = 0, serial = 0, place = slot->first;

	if (place == slot->asked) {
		complain(slot, "a reply nobody asked for", reply, &totals.unasked);
		return;
	}
	enum kind kind = slot->open[place].kind;
	bool silent = kind == KIND_error || kind == KIND_nothing;

	if (silent != (nonce == NULL)) {
		/* A shift by one shows here too: what came belongs to another. */
		complain(slot, "not this request's reply", reply, &totals.swapped);
	} else if (nonce != NULL && sscanf(nonce, "nonce=n%4x.%8x", &number, &serial) != 2) {
		complain(slot, "malformed", reply, &totals.malformed);
	} else if (nonce != NULL && (number != slot->number || serial != slot->open[place].serial)) {
		bool old = number == slot->number && serial < slot->open[place].serial;

		complain(slot, old ? "doubled" : "swapped", reply, old ? &totals.doubled : &totals.swapped);
	} else if (!as_expected(kind, reply, nonce)) {
		complain(slot, strstr(reply, "mixed") ? "mixed" : "malformed", reply,
		         strstr(reply, "mixed") ? &totals.mixed : &totals.malformed);
	} else {
		totals.kinds[kind]++;
		totals.unknown[kind] += nonce != NULL && strstr(nonce, "word=unknown") != NULL;
	}
	slot->first++;
	totals.answered++;
}

static void ended(struct slot *slot)
{
	unsigned open = slot->asked - slot->first;

	if (open > 0) {
		complain(slot, "closed before the reply", "", &totals.lost);
		totals.lost += open - 1;
	} else if (slot->manner != MANNER_garbage && slot->manner != MANNER_half) {
		complain(slot, "closed without a reason", "", &totals.closed);
	}
	close(slot->fd);
	connect_slot(slot);
	slot->idle = true;
}

static void read_replies(struct slot *slot)
{
	ssize_t got = recv(slot->fd, slot->in + slot->in_size, IN_MAX - 1 - slot->in_size, 0);
	char *at = slot->in;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		ended(slot);
		return;
	}
	slot->in_size += (unsigned)got;
	slot->in[slot->in_size] = '\0';
	slot->since = socket_clock();
	for (char *end; (end = strstr(at, "\n\n")) != NULL; at = end + 2) {
		*end = '\0';
		judge(slot, at);
	}
	slot->in_size -= (unsigned)(at - slot->in);
	memmove(slot->in, at, slot->in_size);
	if (slot->in_size == IN_MAX - 1)
		errx(1, "a reply without end");
	if (slot->first == slot->asked && slot->manner != MANNER_garbage && slot->manner != MANNER_half)
		slot->idle = slot->out_sent == slot->out_size;
}

/* -- the program ------------------------------------------------------------- */

/* A slot that hears nothing for long has lost its replies. */
static void look_for_lost(struct slot *slots, unsigned count)
{
	int64_t now = socket_clock();

	for (unsigned i = 0; i < count; i++) {
		struct slot *slot = &slots[i];

		if (slot->idle || now - slot->since < TIMEOUT_SECONDS * INT64_C(1000000000))
			continue;
		if (slot->first < slot->asked)
			complain(slot, "no reply", "", &totals.lost);
		else
			complain(slot, "not closed", "", &totals.unclosed);
		slot->first = slot->asked;
		close(slot->fd);
		connect_slot(slot);
		slot->idle = true;
	}
}

static void run(struct slot *slots, unsigned count, uint64_t wanted)
{
	struct epoll_event events[EVENTS];
	int64_t looked = socket_clock(), quiet = 0;
	unsigned busy = count;

	/* When all is answered it listens a little longer, for replies nobody asked for. */
	while (busy > 0 || socket_clock() - quiet < INT64_C(500000000)) {
		int ready = epoll_wait(epoll_fd, events, EVENTS, 100);

		for (int i = 0; i < ready; i++) {
			struct slot *slot = events[i].data.ptr;
			int fd = slot->fd;

			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				read_replies(slot);
			if ((events[i].events & EPOLLOUT) && slot->fd == fd && !slot->idle)
				write_piece(slot);
		}
		bool more = totals.answered + totals.abandoned < wanted;

		for (unsigned i = busy = 0; i < count; i++) {
			if (slots[i].idle && more)
				begin_turn(&slots[i]);
			busy += !slots[i].idle;
		}
		if (busy > 0)
			quiet = socket_clock();
		if (quiet - looked > INT64_C(1000000000)) {
			looked = quiet;
			look_for_lost(slots, count);
		}
	}
}

static bool report(double seconds)
{
	printf("{\"answered\": %llu, \"abandoned\": %llu, \"connections\": %llu, \"seconds\": %.1f, ",
	       (unsigned long long)totals.answered, (unsigned long long)totals.abandoned,
	       (unsigned long long)totals.connections, seconds);
	printf("\"lost\": %llu, \"doubled\": %llu, \"swapped\": %llu, \"mixed\": %llu, ",
	       (unsigned long long)totals.lost, (unsigned long long)totals.doubled,
	       (unsigned long long)totals.swapped, (unsigned long long)totals.mixed);
	printf("\"malformed\": %llu, \"unasked\": %llu, \"closed\": %llu, \"unclosed\": %llu, \"kinds\": {",
	       (unsigned long long)totals.malformed, (unsigned long long)totals.unasked,
	       (unsigned long long)totals.closed, (unsigned long long)totals.unclosed);
	for (unsigned kind = 0; kind < KINDS; kind++)
		printf("%s\"%s\": [%llu, %llu]", kind == 0 ? "" : ", ", kind_names[kind],
		       (unsigned long long)totals.kinds[kind], (unsigned long long)totals.unknown[kind]);
	printf("}}\n");
	return totals.lost + totals.doubled + totals.swapped + totals.mixed + totals.malformed +
	               totals.unasked + totals.closed + totals.unclosed ==
	       0;
}

int main(int argc, char **argv)
{
	uint64_t wanted = 2000000;
	unsigned count = 200;
	int option;

	while ((option = getopt(argc, argv, "n:c:s:")) != -1) {
		switch (option) {
		case 'n': wanted = strtoull(optarg, NULL, 10); break;
		case 'c': count = (unsigned)atoi(optarg); break;
		case 's': seed = strtoull(optarg, NULL, 10) * 2 + 1; break;
		default: return 2;
		}
	}
	if (optind == argc || count == 0 || count > 0xffff)
		errx(2, "usage: nonce [-n REQUESTS] [-c CONNECTIONS] [-s SEED] ADDRESS...");
	socket_raise_limit();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	struct slot *slots = calloc(count, sizeof *slots);

	if (slots == NULL)
		err(1, "calloc");
	for (unsigned i = 0; i < count; i++) {
		slots[i].number = i;
		slots[i].address = argv[optind + (int)i % (argc - optind)];
		connect_slot(&slots[i]);
		slots[i].idle = true;
	}
	int64_t start = socket_clock();

	run(slots, count, wanted);
	return report((double)(socket_clock() - start) / 1e9) ? 0 : 1;
}
