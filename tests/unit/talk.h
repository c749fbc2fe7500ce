/* unit/talk.h - a client and a connection in a loop of its own, for tests of conversations
 *
 * One talk at a time. The clock is a fake one, set by the test's main().
 */
#ifndef TALK_H
#define TALK_H

#include <stdatomic.h>
#include "request/connection.h"

struct talk {
	struct loop *loop;
	struct connection_host host;
	struct connection *connection;
	int client;                        /* our end, blocking; -1 = closed */
	atomic_int handled, closed, turns; /* requests, connections, turns of the loop */
	atomic_bool hold;                  /* the handler does not reply; talk_reply() does */
	atomic_int width;                  /* replies have at least so many bytes of text */
	struct request *held;
	const char *peer;        /* that requests must have */
	atomic_bool refuse;      /* whom a PROXY header names */
	_Atomic int64_t started; /* of the last request; clock_usec() */
	atomic_int admitted;     /* how often that was asked */
};
extern struct talk talk;

void talk_start(void);
/* The client, 192.0.2.7, is a proxy that has this time for its header; requests are
 * of the peer. */
void talk_start_behind_proxy(pp_msec_t timeout, const char *peer);
void talk_stop(void);    /* the connection has been closed once, now or before */
void talk_let_run(void); /* what was readable before is handled afterwards */
void talk_advance(pp_msec_t length);

/* In the loop: to the request held back, or to the connection. */
void talk_reply(void);
void talk_close(void);
void talk_drain(void);

void talk_put(const char *bytes, size_t length);
void talk_put_request(int number);
char *talk_request(int number); /* free with g_free() */

void talk_expect_reply(int number);
void talk_expect_nothing(void); /* and the connection is open */
void talk_expect_end(void);
void talk_expect_sleep(void); /* the loop does not spin */

/* Between the two one line is logged, and it has the text. */
void talk_log_start(void);
void talk_log_expect(const char *text);

#endif
