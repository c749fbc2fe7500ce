/* check/stored.h - answers that outlive a restart: keep_in = "store"
 *
 * What is kept in memory is written behind into the table answers. It is looked up
 * there after memory and before the module is asked, for a small part of the ask's
 * time; a database may hold anything, so what is read is checked.
 */
#ifndef CHECK_STORED_H
#define CHECK_STORED_H

#include "check/binding.h"
#include "check/step.h"

/* Where a check's answers are. In the check's arena. */
struct stored {
	struct store *store;
	const struct statement *get, *put, *list, *drop, *expire, *beyond, *stats;
	pp_msec_t fitted; /* when there was room for all of them, pp_now(); upkeep only */
};

/* A row of the table. */
struct stored_row {
	const char *id, *check_name, *fingerprint, *key, *word, *text, *fields;
	int64_t made, good_until, stale_until;
};

#define STORED_ID_SIZE 33 /* with the NUL */
#define STORED_FINGERPRINT_SIZE 17

/* Binds the check to the store for what lasts. What is wrong is added to error. */
void stored_make(struct check *check, const struct check_stores *stores, struct pp_error *error);

/* -- asking -------------------------------------------------------------- */

/* The first step of an ask with a key; the module's own come behind it. */
pp_step_t stored_look_up(pp_ask_t *ask);
/* What was answered in that step, and kept in memory now. False: nothing. */
bool stored_conclude(struct pp_ask *ask, struct answer *answer);
/* Writes behind what is kept in memory until then. Not for unknown. */
void stored_put(struct pp_ask *ask, const struct answer *answer, pp_msec_t good_until, pp_msec_t stale_until);

/* -- rows ---------------------------------------------------------------- */

void stored_id(const void *key, size_t size, char id[STORED_ID_SIZE]);
void stored_fingerprint(const struct check *check, char text[STORED_FINGERPRINT_SIZE]);
/* The fields of an answer as JSON, in the arena; NULL: one of them is no text in UTF-8. */
const char *stored_fields(const struct check *check, const struct answer *answer, struct arena *arena);
/* The row as an answer of the check, in the arena. False: it is none. */
bool stored_read(const struct check *check, const struct stored_row *row, struct arena *arena,
                 struct answer *answer);

/* -- for people, and upkeep; they wait ----------------------------------- */

/* Calls for each row that serves still; false from visit ends it. False: *error is a sentence
 * (g_free() it). */
bool stored_each(const struct stored *stored, bool (*visit)(const struct stored_row *row, void *data),
                 void *data, char **error);
/* Calls for each check that rows are of, with how many there are and what key, text and fields take.
 * False: *error is a sentence (g_free() it). */
bool stored_count(const struct stored *stored,
                  void (*visit)(const char *check_name, int64_t rows, int64_t bytes, void *data), void *data,
                  char **error);
/* Deletes the rows of these ids (of char *). False: *error is a sentence (g_free() it), and some of
 * them may be there still. */
bool stored_drop(const struct stored *stored, const GPtrArray *ids, char **error);
/* About once a second, in one thread: deletes, in small batches, what serves no longer and what is
 * beyond most. A failure is the store's to tell. */
void stored_upkeep(struct stored *stored, int64_t most);

#endif
