/* entry.h - one entry of a file of patterns */
#ifndef DYNAMIC_HOST_ENTRY_H
#define DYNAMIC_HOST_ENTRY_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "patterns.h"

/* What of a client an entry looks at. */
enum look {
	LOOK_HOST,        /* its name without the last two labels */
	LOOK_NAME,        /* its name */
	LOOK_ADDRESS,     /* whether its address stands in its name */
	LOOK_ADDRESS_PART /* whether a part of it does */
};

struct entry {
	unsigned line;
	bool dynamic;
	enum look look;
	pcre2_code *code; /* NULL with an address */
	char *why;
};

enum match { MATCH_NO, MATCH_YES, MATCH_TOO_LONG };

/* A name that entries are tried with. */
struct candidate {
	const char *name;
	size_t length, host_length; /* of the name; of what is before its last two labels, without the dot */
	struct evidence evidence;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

/* Compiles a pattern. NULL: a sentence is in wrong, which is to be freed. */
pcre2_code *entry_compile(const char *pattern, char **wrong);
/* NULL: no memory. */
pcre2_match_context *entry_limits(void);

/* Sets what is found about the name; address may be NULL. data and context are the caller's. */
void candidate_init(struct candidate *candidate, const char *name, const pp_address_t *address);
/* start and length: what of the name matched. */
enum match entry_match(const struct entry *entry, const struct candidate *candidate, size_t *start,
                       size_t *length);

#endif
