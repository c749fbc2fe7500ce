/* check/answer.h - what came back: a word, a text, fields; and as bytes, for the cache
 *
 * The bytes are: flags, word, length and bytes of the text, then each field that
 * the word sets, in the order of the rows. They are checked when read, since they
 * may come from a database.
 */
#ifndef CHECK_ANSWER_H
#define CHECK_ANSWER_H

#include "base/arena.h"
#include "check/module.h"

struct check;

enum answer_from { ANSWER_ASKED, ANSWER_MEMORY, ANSWER_STORE, ANSWER_STALE };
const char *answer_from_name(enum answer_from from);

struct answer {
	const uint8_t *bytes; /* NULL: no text, no fields */
	uint32_t size;
	uint8_t word;
	uint8_t from; /* enum answer_from */
	bool timed_out;
	const char *text; /* never NULL */
	uint32_t text_length;
};

#define ANSWER_TEXT_MAX 1000
#define ANSWER_BYTES_MAX 32768

/* Encodes into the arena. fields is the module's struct, extra the values of the
 * fields that parameters named; either may be NULL. */
void answer_encode(const struct check *check, struct arena *arena, unsigned word, const char *text,
                   const void *fields, const char *const *extra, struct answer *answer);

/* Reads bytes that answer_encode() made, which must live as long as the answer.
 * False: they are not such bytes. */
bool answer_decode(const struct check *check, const uint8_t *bytes, uint32_t size, struct answer *answer);
#define ANSWER_FLAG_STALE 1
bool answer_is_marked_stale(const uint8_t *bytes, uint32_t size);

/* A field's value: the answer's, or the row's default. */
struct answer_value {
	pp_kind_t kind; /* PP_NIL, PP_BOOLEAN, PP_INTEGER, PP_REAL, PP_STRING */
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct {
			const char *string;
			uint32_t length;
		};
	};
};
struct answer_value answer_field(const struct check *check, const struct answer *answer, unsigned field);
/* The module's own fields as its struct, in the arena; texts may be the answer's. */
void *answer_fields(const struct check *check, const struct answer *answer, struct arena *arena);

#endif
