/* libspf2.h - how libspf2 is used: it evaluates terms, of records that we make for it
 *
 * A record is found and checked by us (round.c, grammar.c) and then written anew: terms that
 * cannot match the client are left out, so is what stands behind one that surely does, and
 * modifiers; redirect stands last; each domain is a stand-in, "OFFSET.FRAME.t", which says
 * the term it comes from. So libspf2 reads nothing but what we wrote: no macro, no byte of a
 * stranger. By a stand-in it asks for what the term is about: there macros are expanded and
 * limits counted, by what the other engine has for it (round.h).
 *
 * A term that libspf2 matches without a stand-in (ip4, ip6, all, ptr) has "?exists:" of its
 * stand-in in front of it, a mark that never matches: it tells that libspf2 got there.
 */
#ifndef SPF_LIBSPF2_H
#define SPF_LIBSPF2_H

#include <setjmp.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <spf2/spf.h>
#include "round.h"

enum {
	LIBSPF2_FRAMES_MAX = SPF_TERMS_MAX + 1, /* records under way or done: each include counts as a term */
	LIBSPF2_TEXT_SIZE = 2048,               /* of a record written anew: more than libspf2 has room for */
	LIBSPF2_NAME_SIZE = 80                  /* of a stand-in */
};
#define LIBSPF2_NO_HOST SIZE_MAX

/* A record that was handed over. */
struct frame {
	struct record record;
	char domain[NAME_SIZE];
	bool included; /* by an include, or redirected to from such a record */
};

/* An evaluation under way. */
struct libspf2 {
	struct round *round;
	struct frame frames[LIBSPF2_FRAMES_MAX];
	size_t frame_count;

	bool ended; /* with a result that libspf2 has not: it is told to give up */
	enum spf_result result;

	/* Where libspf2 is: the term that it asked for last, and the one of those that are not included. */
	const struct frame *frame, *outer_frame;
	struct term term, outer_term;
	const char *hosts[SPF_NAMES_MAX]; /* of an mx, or the names of a ptr */
	size_t host_count, hosts_asked, hosts_found;

	SPF_dns_server_t layer;
	jmp_buf escape;
	char failure[SPF_TEXT_SIZE]; /* what the library said when it gave up */
};

/* -- libspf2_record.c ------------------------------------------------------ */

struct handed {
	char text[LIBSPF2_TEXT_SIZE]; /* the record */
	unsigned terms;               /* that it has, or would have if it were longer */
};

/* The stand-in for a term's domain. */
const char *libspf2_stand_in(const struct libspf2 *run, const struct frame *frame, const struct term *term,
                             char name[LIBSPF2_NAME_SIZE]);
/* Writes the record of a frame for libspf2. */
void libspf2_hand_over(const struct libspf2 *run, const struct frame *frame, struct handed *handed);
/* Finds the term of a stand-in, and which of its hosts; false: it is none. */
bool libspf2_find_term(const struct libspf2 *run, const char *name, const struct frame **frame,
                       struct term *term, size_t *host);

/* -- libspf2_answer.c ------------------------------------------------------ */

/* That libspf2 is at a term. */
void libspf2_arrive(struct libspf2 *run, const struct frame *frame, const struct term *term);
/* Ends the evaluation. */
void libspf2_end(struct libspf2 *run, enum spf_result result);
/* The DNS of libspf2, a SPF_dns_lookup_t: there is nothing but what terms are about; type 99, for
 * one, is never asked for. */
SPF_dns_rr_t *libspf2_answer(SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache);

#endif
