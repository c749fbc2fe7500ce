/* request/action.h - what is done with a mail: the actions of access(5), checked and encoded
 *
 * An action is made only by action_make(), which refuses what Postfix would
 * misread (reliability: an empty or all-digits action permits). The encoder
 * cannot emit anything that harms.
 */
#ifndef REQUEST_ACTION_H
#define REQUEST_ACTION_H

#include "base/arena.h"
#include "ppolicyd/module.h"

/* X(ENUMERATOR, constructor, word on the wire, class, text use) */
#define ACTION_TABLE(X)                                                       \
	X(DUNNO, dunno, "DUNNO", NEUTRAL, OPTIONAL)                           \
	X(REJECT, reject, "REJECT", REFUSE, CODED)                            \
	X(DEFER, defer, "DEFER", REFUSE, CODED)                               \
	X(DEFER_IF_PERMIT, defer_if_permit, "DEFER_IF_PERMIT", REFUSE, CODED) \
	X(DEFER_IF_REJECT, defer_if_reject, "DEFER_IF_REJECT", REFUSE, CODED) \
	X(REPLY, reply, "", REFUSE, REPLY)                                    \
	X(HOLD, hold, "HOLD", NEUTRAL, OPTIONAL)                              \
	X(PREPEND, prepend, "PREPEND", NEUTRAL, HEADER)                       \
	X(WARN, warn, "WARN", NEUTRAL, OPTIONAL)                              \
	X(INFO, info, "INFO", NEUTRAL, OPTIONAL)                              \
	X(OK, ok, "OK", PERMIT, OPTIONAL)                                     \
	X(FILTER, filter, "FILTER", PERMIT, TRANSPORT)                        \
	X(REDIRECT, redirect, "REDIRECT", PERMIT, ADDRESS)                    \
	X(BCC, bcc, "BCC", PERMIT, ADDRESS)                                   \
	X(DISCARD, discard, "DISCARD", PERMIT, OPTIONAL)                      \
	X(RESTRICTION, restriction, "", PERMIT, RESTRICTION)

enum action_verb {
#define ACTION_ROW(upper, lower, wire, class, text) ACTION_##upper,
	ACTION_TABLE(ACTION_ROW)
#undef ACTION_ROW
	        ACTION_VERBS,
	ACTION_CLOSE = ACTION_VERBS /* on_error = "close": no reply, the connection ends */
};
enum action_class { ACTION_NEUTRAL, ACTION_REFUSE, ACTION_PERMIT };

struct action {
	enum action_verb verb;
	uint16_t code;        /* REPLY: 4xx or 5xx; else 0 */
	char enhanced[12];    /* "5.7.1", "" = none */
	const char *text;     /* cleaned, cut; "" = none */
	bool code_added;      /* enhanced is the constructor's own */
	bool text_added;      /* and so is text */
	const char *verbatim; /* goes out in place of all that, without the id; NULL = it does not */
};

const char *action_name(enum action_verb verb); /* the constructor's name */
const char *action_word(enum action_verb verb); /* Postfix's, "" for REPLY and RESTRICTION */
bool action_find(const char *name, enum action_verb *verb);
enum action_class action_class(enum action_verb verb);
/* For -t: how hard it is on the mail: 0 passes (dunno, warn, info, prepend, hold),
 * 1 refused for now, 2 refused for good (reject, reply 5xx), 3 permit class. */
int action_severity(const struct action *action);

/* Checks and cleans. enhanced and text may be NULL. classes: restriction classes
 * of the settings, NULL-terminated, may be NULL. Text that cleaning empties is
 * replaced by the constructor's own words, never by a weaker action. False: *error
 * (in the arena) says what was found and what is wanted.
 *
 * enhanced: "5.7.1"; for reply "521" or "521 5.7.1". Without it a text that is an
 * enhanced code of the right class and nothing else is taken for one, and reply's
 * text begins with its codes. What else a text says may be a stranger's words, so
 * it is never an error: a code of the wrong class is sent as text. */
bool action_make(struct arena *arena, enum action_verb verb, const char *enhanced, const char *text,
                 const char *const *classes, struct action *action, const char **error);

/* The value of action= as another policy server wrote it, made as action_make() makes one. A reply
 * code without a text, which Postfix would take for OK, gets one of ours. False: *error. */
bool action_read(struct arena *arena, const char *value, const char *const *classes, struct action *action,
                 const char **error);
/* The same, but it goes out as it came: no code is added, no id, and any restrictions do. False:
 * cleaning leaves nothing of it. */
bool action_read_verbatim(struct arena *arena, const char *value, struct action *action, const char **error);
/* From now on it goes out as it was written: without what its constructor added, and without the id. */
void action_set_verbatim(struct arena *arena, struct action *action);

/* The value of action= as it goes out, without the id; for logs and tests. */
const char *action_print(const struct action *action, struct arena *arena);

/* "action=...\n\n" with the id, "; id=mx1-0F3K9Q7T2M", at the end of refusing text; NULL
 * or "" = none. Returns the length; a reply always fits ACTION_REPLY_MAX. 0 for
 * ACTION_CLOSE, and for a struct that action_make() would not have made. */
#define ACTION_REPLY_MAX 1200
size_t action_encode(const struct action *action, const char *id, char out[ACTION_REPLY_MAX]);

/* The text of a reply as the log has it, with the code ("4.7.1 greylisted"). Written
 * cleaned and escaped; returns the length. */
size_t action_log_text(const struct action *action, char *out, size_t size);

#endif
