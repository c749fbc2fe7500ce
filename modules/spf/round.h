/* round.h - what the files of the evaluation share: one round of it */
#ifndef SPF_ROUND_H
#define SPF_ROUND_H

#include "evaluate.h"
#include "grammar.h"
#include "macro.h"

struct round {
	const struct spf_question *question;
	spf_look_fn look;
	void *look_data;
	struct spf_outcome *outcome;

	struct macro_values values; /* of what stays the same: the sender, the client */
	char local[SPF_LOCAL_SIZE], helo[SPF_LOCAL_SIZE];
	char reverse[NAME_SIZE];

	unsigned voids;
	bool missing;   /* something is: whatever comes of the round does not count */
	bool unsettled; /* a record is, so it may be that terms behind it are over the limit: what they
	                 * name is asked for, but not each of the hosts that this has */

	bool explained; /* the record whose term matched has these: */
	struct span explanation;
	char explanation_domain[NAME_SIZE];
};

/* What a term did. */
enum match { MATCH_NO, MATCH_YES, MATCH_TEMPERROR, MATCH_PERMERROR };

/* Sets the problem, unless there is one or the round does not count. */
void round_problem(struct round *round, const char *format, ...) PP_PRINTF(2, 3);
/* Counts a term that makes look-ups. False: it is one too many. */
bool round_count(struct round *round);
/* What is known of the name that a term is about, or of one of a host or the client; NULL: nothing is,
 * and the round does not count. */
const struct spf_answer *round_ask(struct round *round, enum spf_type type, const char *name);
const struct spf_answer *round_ask_host(struct round *round, enum spf_type type, const char *name);

enum round_name {
	ROUND_NAME_GOOD,
	ROUND_NAME_BAD,    /* it cannot be in DNS */
	ROUND_NAME_MISSING /* %{p} is not known */
};

/* The name of a domain-spec in the record of domain. */
enum round_name round_expand(struct round *round, struct span text, const char *domain, char name[NAME_SIZE]);
/* The values of a macro-string in the record of domain; validated is filled in where the text
 * wants it. False: it is not known. */
bool round_values(struct round *round, struct span text, const char *domain, struct macro_values *values,
                  char validated[NAME_SIZE]);

/* The record of a domain (4.4, 4.5). SPF_PASS: there is one; SPF_NEUTRAL: it is not known; else the
 * result. */
enum spf_result round_find_record(struct round *round, const char *domain, struct record *record);
/* The record that an include or a redirect of the record of domain names; domain is set to where it
 * is. As above, but that there is none is an error. */
enum spf_result round_enter(struct round *round, const struct term *term, char domain[NAME_SIZE],
                            struct record *record);

/* A term of the record of domain matched that the result of all comes from. */
void round_hold(struct round *round, const struct record *record, const struct term *term,
                const char *domain);

/* -- mechanisms ------------------------------------------------------------ */

/* The bits that count of the client's address. */
unsigned mechanism_prefix(const struct round *round, const struct term *term);
/* ip4, ip6: whether it is the client's network. */
bool mechanism_network(const struct round *round, const struct term *term);
bool mechanism_holds_client(const struct round *round, const struct spf_answer *answer, unsigned prefix);
enum spf_type mechanism_address_type(const struct round *round);

/* These return MATCH_YES where there is what was asked for, MATCH_NO where the term cannot match. */

/* Counts a term and finds the name that it is about. */
enum match mechanism_name(struct round *round, const struct term *term, const char *domain,
                          char name[NAME_SIZE]);
/* Records of the name a term is about. */
enum match mechanism_find(struct round *round, enum spf_type type, const char *name,
                          const struct spf_answer **answer);
enum match mechanism_find_hosts(struct round *round, const char *name, const struct spf_answer **hosts);
/* Addresses of one of these hosts. */
enum match mechanism_find_host(struct round *round, const char *host, const struct spf_answer **answer);
/* Names of the client below the target; they are still to be validated. */
enum match mechanism_find_names(struct round *round, const char *target, const char *names[SPF_NAMES_MAX],
                                size_t *count);
/* Addresses of such a name; NULL: not known. Where DNS does not answer it has none. */
const struct spf_answer *mechanism_name_addresses(struct round *round, const char *name);
bool mechanism_is_validated(struct round *round, const char *name);
/* Counts a term whose look-ups found nothing (4.6.4). Never MATCH_YES. */
enum match mechanism_void(struct round *round);

/* The name for %{p} in the record of domain: "unknown" without one (7.3). False: it is not known. */
bool mechanism_validated_name(struct round *round, const char *domain, char name[NAME_SIZE]);

/* -- engines --------------------------------------------------------------- */

/* The result of the record of the outcome's domain. */
enum spf_result strict_check(struct round *round, const struct record *record);
enum spf_result libspf2_check(struct round *round, const struct record *record);

#endif
