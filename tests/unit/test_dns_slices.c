/* unit/test_dns_slices.c - many look-ups at a time leave the loop to others in between */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "asker.h"
#include "base/clock.h"

#define MANY 200      /* fewer than a socket holds */
#define SPIN 300      /* us that somebody takes who is told */
#define AT_ONCE 100   /* questions of a turn: how many go into a slice depends on the machine */
#define PATIENCE 8000 /* ms */

static unsigned turns, told;
static unsigned received, received_most; /* datagrams, in this turn, in any */
static unsigned sent_most;               /* at once */
static __thread bool counts;             /* not in the thread of the name server */

/* In place of the C library's: what c-ares receives is counted. */
ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *from_size)
{
	struct iovec vec = { buffer, size };
	struct msghdr message = { .msg_iov = &vec, .msg_iovlen = 1, .msg_name = from };
	ssize_t length;

	if (from_size != NULL)
		message.msg_namelen = *from_size;
	length = recvmsg(fd, &message, flags);
	if (from_size != NULL)
		*from_size = message.msg_namelen;
	if (counts && length > 0) {
		received++;
		received_most = MAX(received_most, received);
	}
	return length;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (counts)
		sent_most = MAX(sent_most, count);
	return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

static void count_turn(void *data)
{
	(void)data;
	turns++;
	received = 0;
}

static void begin_patient(struct asker *asker, const struct nameserver *server)
{
	const char *address = nameserver_address(server);
	const pp_texts_t texts = { 1, &address };
	const struct dns_settings settings = { &texts, PATIENCE, 1 };

	asker_begin_with(asker, server);
	dns_free(asker->dns);
	asker->dns = dns_new(asker->loop, &settings);
	loop_at_turn_end(asker->loop, count_turn, NULL);
	counts = true;
	turns = told = received = received_most = sent_most = 0;
}

static void start_many(struct asker *asker, struct look_up *look_ups, const char *label)
{
	char name[64];

	for (unsigned i = 0; i < MANY; i++) {
		g_snprintf(name, sizeof(name), "n%u.%s.example.org", i, label);
		g_assert_cmpstr(asker_start(asker, &look_ups[i], PP_DNS_A, name), ==, NULL);
	}
}

static void free_many(struct look_up *look_ups)
{
	for (unsigned i = 0; i < MANY; i++)
		arena_free(&look_ups[i].arena);
}

static void ask_many(void (*ready)(struct dns_wish *))
{
	struct nameserver *server = nameserver_new(NULL);
	static struct look_up look_ups[MANY];
	struct asker asker;

	begin_patient(&asker, server);
	start_many(&asker, look_ups, "address");
	for (unsigned i = 0; i < MANY; i++)
		look_ups[i].wish.ready = ready;
	asker_wait(&asker);
	g_assert_cmpuint(told, ==, MANY);
	free_many(look_ups);
	asker_finish(&asker);
	nameserver_free(server);
}

static void spin(struct dns_wish *wish)
{
	struct asker *asker = ((struct look_up *)wish)->asker;
	int64_t end = clock_usec() + SPIN;

	g_assert_cmpint(wish->answer.status, ==, PP_DNS_FOUND);
	while (clock_usec() < end)
		continue;
	told++;
	if (--asker->open == 0)
		loop_stop(asker->loop);
}

/* Else they would be told of as many in a turn as one read brings. */
static void test_telling(void)
{
	ask_many(spin);
	g_assert_cmpuint(turns, >=, MANY / 4);
}

static void stand_still(struct dns_wish *wish)
{
	struct asker *asker = ((struct look_up *)wish)->asker;

	if (told++ == 0)
		g_usleep(200000);
	if (--asker->open == 0)
		loop_stop(asker->loop);
}

/* All that came while the loop stood still are there at once. */
static void test_receiving(void)
{
	ask_many(stand_still);
	g_assert_cmpuint(received_most, >, 0);
	g_assert_cmpuint(received_most, <=, 8 * 2); /* of each socket; newer c-ares has two */
}

/* They come over one stream, some of them in pieces. */
static void test_large(void)
{
	enum { LARGE = 12 };
	struct nameserver *server = nameserver_new(NULL);
	struct look_up look_ups[LARGE];
	struct asker asker;
	char name[64];

	begin_patient(&asker, server);
	for (unsigned i = 0; i < LARGE; i++) {
		g_snprintf(name, sizeof(name), "large.n%u.example.org", i);
		g_assert_cmpstr(asker_start(&asker, &look_ups[i], PP_DNS_TXT, name), ==, NULL);
	}
	asker_wait(&asker);
	for (unsigned i = 0; i < LARGE; i++) {
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, PP_DNS_FOUND);
		g_assert_cmpuint(look_ups[i].wish.answer.records[0].length, >, 60000);
		arena_free(&look_ups[i].arena);
	}
	asker_finish(&asker);
	nameserver_free(server);
}

static void test_sending(void)
{
	struct nameserver *server = nameserver_new(NULL);
	static struct look_up look_ups[MANY];
	struct asker asker;

	begin_patient(&asker, server);
	start_many(&asker, look_ups, "address");
	g_usleep(100000);
	g_assert_cmpuint(nameserver_asked(server), <=, AT_ONCE);
	asker_wait(&asker);
	for (unsigned i = 0; i < MANY; i++)
		g_assert_cmpint(look_ups[i].wish.answer.status, ==, PP_DNS_FOUND);
	g_assert_cmpuint(nameserver_asked(server), ==, MANY);
	g_assert_cmpuint(turns, >=, MANY / AT_ONCE);
	g_assert_cmpuint(sent_most, >, 1);
	g_assert_cmpuint(sent_most, <=, asker.patient ? 4 : 16);
	free_many(look_ups);
	asker_finish(&asker);
	nameserver_free(server);
}

/* What is not sent yet when all ends is not sent. */
static void test_ending(void)
{
	struct nameserver *server = nameserver_new(NULL);
	static struct look_up look_ups[MANY];
	struct asker asker;

	begin_patient(&asker, server);
	start_many(&asker, look_ups, "address");
	asker_finish(&asker);
	g_usleep(20000);
	g_assert_cmpuint(nameserver_asked(server), <=, AT_ONCE);
	free_many(look_ups);
	nameserver_free(server);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	asker_add_test("/dns/who is told of many answers leaves turns to others", test_telling);
	asker_add_test("/dns/answers are received a few at a time", test_receiving);
	asker_add_test("/dns/many large answers come over a stream", test_large);
	asker_add_test("/dns/many questions are sent in several turns", test_sending);
	asker_add_test("/dns/what was not sent when all ends is not sent", test_ending);
	return g_test_run();
}
