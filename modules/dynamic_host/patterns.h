/* patterns.h - what names of dynamically assigned addresses look like: a file of entries
 *
 * Patterns never change once they are read; asks of all threads use them together.
 */
#ifndef DYNAMIC_HOST_PATTERNS_H
#define DYNAMIC_HOST_PATTERNS_H

#include <glib.h>
#include "evidence.h"

enum { NAME_MAX_LENGTH = 253 };

/* Problems of a file, the first PROBLEMS_SHOWN as texts: "LINE: what was found, what is wanted". */
enum { PROBLEMS_SHOWN = 20 };
struct problems {
	GPtrArray *texts;
	unsigned count;
};
void problems_init(struct problems *problems);
void problems_clear(struct problems *problems);
void problems_add(struct problems *problems, unsigned line, const char *format, ...) PP_PRINTF(3, 4);

struct patterns;

/* Reads the bytes of a file and does the tests in it. One user; NULL: there is at least one
 * problem. */
struct patterns *patterns_parse(const char *text, size_t length, struct problems *problems);
struct patterns *patterns_ref(struct patterns *patterns);
void patterns_unref(struct patterns *patterns); /* accepts NULL */
unsigned patterns_count(const struct patterns *patterns);
/* Whether they were read from these bytes. */
bool patterns_equal(const struct patterns *patterns, const char *text, size_t length);

enum judgement {
	JUDGED_UNDECIDED, /* no entry matches */
	JUDGED_DYNAMIC,
	JUDGED_STATIC,
	JUDGED_TOO_LONG /* an entry takes more steps than it may, so nobody knows */
};

struct verdict {
	enum judgement judgement;
	unsigned line;        /* of the entry that decided, or takes too long; 0: none */
	const char *why;      /* what stands behind it in the file; as the patterns live */
	bool by_address;      /* the address stands in the name */
	size_t start, length; /* what of the name matched */
};

/* Finds the first entry that matches. The name is in lower case, without a dot at the end, of at
 * most NAME_MAX_LENGTH bytes; the address may be NULL. */
struct verdict patterns_judge(const struct patterns *patterns, const char *name, const pp_address_t *address);

#endif
