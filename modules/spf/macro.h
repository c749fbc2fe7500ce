/* macro.h - the macros of SPF (RFC 7208 7): their syntax and what they expand to */
#ifndef SPF_MACRO_H
#define SPF_MACRO_H

#include "name.h"

/* Where a macro-string stands. */
enum macro_place {
	MACRO_IN_NAME,       /* a domain-spec: %{c}, %{r} and %{t} are wrong */
	MACRO_IN_MODIFIER,   /* the value of a modifier that is not known */
	MACRO_IN_EXPLANATION /* spaces are good */
};

/* Checks a macro-string. NULL, or a static sentence that says what is wrong. *tail is set to what
 * stands behind the last macro-expand, or to the whole text. */
const char *macro_check(struct span text, enum macro_place place, struct span *tail);

/* Whether a text that was checked has %{p}. */
bool macro_wants_validated(struct span text);

struct macro_values {
	const char *local, *sender_domain; /* of the sender */
	const char *helo;
	const char *receiver; /* name of the host that checks */
	int64_t now;          /* seconds since 1970 */
	pp_address_t client;
	const char *domain;    /* whose record it is */
	const char *validated; /* %{p} */
};

/* Expands a checked domain-spec: a dot at the end is taken away, and labels from the left of a
 * name of more than 253 bytes (7.3). False: what comes out is no name that DNS can be asked for. */
bool macro_expand_name(struct span text, const struct macro_values *values, char name[NAME_SIZE]);

/* Expands a checked explanation and cuts it at size: printable ASCII, any other byte is '?'. */
void macro_expand_text(struct span text, const struct macro_values *values, char *expanded, size_t size);

#endif
