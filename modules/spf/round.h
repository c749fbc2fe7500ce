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
/* What is known; NULL: nothing is, and the round does not count. */
const struct spf_answer *round_ask(struct round *round, enum spf_type type, const char *name);

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

/* Whether a mechanism of the record of domain, but for include and all, fits the client. */
enum match mechanism_match(struct round *round, const struct term *term, const char *domain);

/* The name for %{p} in the record of domain: "unknown" without one (7.3). False: it is not known. */
bool mechanism_validated_name(struct round *round, const char *domain, char name[NAME_SIZE]);

#endif
