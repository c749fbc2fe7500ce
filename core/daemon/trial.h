/* daemon/trial.h - a rule run for a request that nobody sent, without effects */
#ifndef DAEMON_TRIAL_H
#define DAEMON_TRIAL_H

#include <jansson.h>
#include "daemon/desk.h"

/* Embed it; the caller keeps it and what it points to until done. */
struct trial {
	struct loop_message message; /* the rest of it is ours until done */
	struct desk *desk;
	const char *const *pairs; /* name, value, ..., NULL-terminated */
	const char *listener;     /* as written in listen; NULL: the first */
	/* In the loop, when it is over. */
	void (*done)(struct trial *trial);
	void *data;  /* the caller's */
	char *error; /* it could not be run: a sentence, the caller's to free */
	/* What happened, an array, the caller's to free: first { "reply": "DEFER ..." or null
	 * when the connection is closed instead, "action": what the rule says (differs under
	 * observe), "observe": false, "listener": ..., "rule": ..., "line": 12, "failed": text or null,
	 * "conf": ..., "ms": 0.1 }, then a { "note": key, "value": text } a note, then a
	 * { "check": name, "word": ..., "from": ..., "ms": ..., "text": ..., "fields": {} }
	 * a check, in the order asked; word is null while it is open. */
	json_t *result;
};

/* Runs it in the loop of the desk. From any thread; done is called in any case. */
void trial_start(struct trial *trial);

#endif
