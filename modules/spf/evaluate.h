/* evaluate.h - check_host() of SPF (RFC 7208): a function of what DNS says, without DNS
 *
 * It is run with what is known so far. What it asks and is not known is noted by the
 * function it is given, and taken for what does not match, so that it goes on and asks
 * all that is sure or likely to be wanted; the caller finds that out and runs it again.
 * It takes as much time as the records it is given have bytes, and no memory; the library
 * libspf2, where that is the engine, has given back what it took when it ends.
 */
#ifndef SPF_EVALUATE_H
#define SPF_EVALUATE_H

#include "name.h"

enum {
	SPF_TERMS_MAX = 10,       /* that make look-ups (4.6.4) */
	SPF_VOIDS_MAX = 2,        /* of those, that find nothing (4.6.4) */
	SPF_NAMES_MAX = 10,       /* hosts of an mx, names of an address (4.6.4) */
	SPF_TEXT_SIZE = 512,      /* of an explanation, with the NUL */
	SPF_MECHANISM_SIZE = 256, /* with the NUL */
	SPF_LOCAL_SIZE = 256 /* of a local part, and of HELO in macros, with the NUL; the rest is cut off */
};

enum spf_result { SPF_NONE, SPF_NEUTRAL, SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_TEMPERROR, SPF_PERMERROR };

/* "none", "neutral", ... (2.6) */
const char *spf_result_name(enum spf_result result);

/* -- DNS ------------------------------------------------------------------- */

enum spf_type { SPF_TXT, SPF_A, SPF_AAAA, SPF_MX, SPF_PTR };

enum spf_status {
	SPF_FOUND,
	SPF_NOTHING,    /* no such name, or no record of the type */
	SPF_UNANSWERED, /* it could not be found out */
};

struct spf_datum {
	struct span text;     /* TXT: its strings, joined */
	const char *name;     /* MX and PTR: a name without a dot at its end */
	pp_address_t address; /* A and AAAA */
};

struct spf_answer {
	enum spf_status status;
	size_t count; /* 0 unless found */
	const struct spf_datum *data;
};

/* Returns what is known; NULL: nothing is, and the question is noted. name is in lower case, valid
 * (name.h), and its bytes are not escaped. ahead: a term of a record may turn out to be wanted, but need
 * not. The answer stays as it is until the evaluation ends. */
typedef const struct spf_answer *(*spf_look_fn)(void *data, enum spf_type type, const char *name, bool ahead);

/* -- evaluation ------------------------------------------------------------ */

enum spf_engine {
	SPF_STRICT, /* ours */
	SPF_LIBSPF2 /* the library, behind our grammar, macros and limits (libspf2.h) */
};

struct spf_question {
	enum spf_engine engine;
	pp_address_t client;
	const char *helo;     /* never NULL */
	const char *sender;   /* MAIL FROM; "": the HELO identity, postmaster@HELO */
	const char *receiver; /* the name of the host that checks */
	int64_t now;          /* seconds since 1970 */
	bool explain;         /* the explanation of a fail is wanted, which is one look-up more */
};

struct spf_outcome {
	enum spf_result result;
	bool guessed;     /* DNS did not answer for names of the client, which are left out then (5.5, 7.3) */
	unsigned lookups; /* terms that made look-ups: at most 11, the last one too many */
	char domain[NAME_SIZE];             /* that was checked, in A-labels; "" where there is none */
	char mechanism[SPF_MECHANISM_SIZE]; /* that matched, as it stands in the record; "": none did */
	char problem[SPF_TEXT_SIZE];     /* why temperror or permerror, half a sentence; "" for the others */
	char explanation[SPF_TEXT_SIZE]; /* of a fail; "": the domain has none */
};

/* True: outcome is set. False: ask for all that was noted, which is at least one question, and call
 * it again. */
bool spf_evaluate(const struct spf_question *question, spf_look_fn look, void *data,
                  struct spf_outcome *outcome);

#endif
