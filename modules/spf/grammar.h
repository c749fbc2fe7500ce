/* grammar.h - records of SPF (RFC 7208 4.5, 4.6, 5, 6 and 12): what is one, and its terms
 *
 * A record is checked as a whole and then read term by term, so that it takes no memory.
 */
#ifndef SPF_GRAMMAR_H
#define SPF_GRAMMAR_H

#include "name.h"

enum {
	GRAMMAR_RECORD_MAX = 16384, /* bytes; the RFC has no limit, one of ours is a wrong record */
	GRAMMAR_DOMAIN_MAX = 1000   /* bytes of a domain-spec, the same */
};

enum term_kind {
	TERM_ALL,
	TERM_INCLUDE,
	TERM_A,
	TERM_MX,
	TERM_PTR,
	TERM_IP4,
	TERM_IP6,
	TERM_EXISTS,
	TERM_REDIRECT,
	TERM_EXP,
	TERM_UNKNOWN /* a modifier */
};

struct term {
	enum term_kind kind;
	char qualifier;           /* + - ? ~ of a mechanism */
	struct span text;         /* the term as it stands */
	struct span domain;       /* its domain-spec; length 0: none */
	pp_address_t network;     /* ip4, ip6; the latter is of family 6 though it may be IPv4-mapped */
	uint8_t prefix4, prefix6; /* bits */
};

struct record {
	struct span terms;
	bool has_redirect, has_exp;
	struct term redirect, exp;
};

/* Whether a TXT record is a record of SPF, good or wrong. */
bool grammar_is_record(struct span text);

/* Checks a record of SPF. NULL, or a static sentence that says what is wrong; where is then set
 * to the term that it is said of. */
const char *grammar_check(struct span text, struct record *record, struct span *where);

/* Reads the next term of a checked record and moves terms behind it. False: there is none. */
bool grammar_next(struct span *terms, struct term *term);

/* Checks the text of an explanation, as grammar_check(). */
const char *grammar_check_explanation(struct span text);

#endif
