/* request/request.h - one question of Postfix's: its attributes
 *
 * A request owns a copy of its bytes and an arena, is counted by reference and
 * recycled by its loop's pool. It belongs to one thread.
 */
#ifndef REQUEST_REQUEST_H
#define REQUEST_REQUEST_H

#include "base/arena.h"
#include "request/attribute.h"

#define REQUEST_LINE_MAX 8192 /* with the newline: Postfix's 4 * line_length_limit */
#define REQUEST_ATTRIBUTES_MAX 128
#define REQUEST_BYTES_MAX 65536

struct request_slot {
	uint32_t name, value; /* offsets into bytes, each NUL-terminated */
	uint32_t length;      /* of the value */
};

struct derived {
	bool made;        /* on demand */
	const char *text; /* NULL = none */
	size_t length;
};

struct request {
	int refs;
	struct request_pool *pool;
	struct arena arena;           /* whatever lives as long as the request */
	char *bytes;                  /* the lines, '=' and newline made NUL */
	size_t bytes_size;            /* allocated */
	size_t length;                /* used, for passing it on as it came */
	uint8_t known[PP_ATTRIBUTES]; /* which line, from 1; of duplicates the first; 0 = not sent */
	uint16_t count;               /* lines */
	struct request_slot lines[REQUEST_ATTRIBUTES_MAX]; /* in the order sent, known ones too */
	struct derived derived[4];                         /* sender_domain ... */
	const char *listener;  /* as written in listen; of the world that holds it */
	const char *peer;      /* who connected */
	uint16_t peer_port;    /* from there; 0 = none */
	int64_t started;       /* clock_usec() */
	uint64_t conversation; /* the connection it came by, of this loop; 0 = none */
	unsigned look_ups;     /* in DNS, that were started for it */
	char id[32];           /* "mx1-0F3K9Q7T2M" */
};

struct request_pool *request_pool_new(void);
void request_pool_free(struct request_pool *pool); /* all requests were given back */

struct request *request_new(struct request_pool *pool); /* one reference, empty */
struct request *request_ref(struct request *request);
void request_unref(struct request *request);

/* Parses the request that the bytes begin with, if it is whole. Returns its size, its
 * empty line included; 0: more bytes are needed, or *wrong (else NULL) is a static
 * sentence, as of request_parse() and of a line over REQUEST_LINE_MAX. */
size_t request_take(struct request *request, const char *bytes, size_t length, const char **wrong);
/* Parses the size bytes of one whole request, its empty line included. NULL, or a
 * static sentence that says what is wrong (NUL, CR, no '=', no
 * request=smtpd_access_policy, too many attributes). */
const char *request_parse(struct request *request, const char *bytes, size_t size);
/* For tests, -t and ppolicyctl ask: pairs of name and value, NULL-terminated. */
const char *request_from_pairs(struct request *request, const char *const *pairs);

/* The value as rules see it: NULL when absent or empty, but sender "" for the
 * null sender (sent empty, protocol_state MAIL or later). Derived ones included. */
const char *request_get(struct request *request, pp_attribute_t attribute, size_t *length);
/* By name, whatever was sent; known names behave as above. */
const char *request_get_named(struct request *request, const char *name, size_t *length);
/* True if an attribute of this name was sent, even empty. */
bool request_was_sent(const struct request *request, const char *name);
/* The whole value as a number: digits only, within int64. */
bool request_get_number(struct request *request, pp_attribute_t attribute, int64_t *number);

#endif
