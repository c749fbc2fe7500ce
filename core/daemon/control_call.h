/* daemon/control_call.h - one command being carried out: its words, and its reply
 *
 * The wire: a client sends one line of JSON, at most CALL_REQUEST_MAX bytes,
 *
 *     { "command": ["cache", "list", "check=zen"], "json": true }
 *
 * and gets lines of JSON, of which the last has the exit code of ppolicyctl:
 *
 *     { "row": { "check": "zen", "key": "192.0.2.1", ... } }
 *     { "out": "a line for people, in place of rows when json is not true" }
 *     { "err": "a remark or what is wrong" }
 *     { "exit": 0 }
 *
 * Then the connection is closed. Texts are clean: what came from strangers is escaped.
 */
#ifndef DAEMON_CONTROL_CALL_H
#define DAEMON_CONTROL_CALL_H

#include <jansson.h>
#include <sys/socket.h>
#include "daemon/commands.h"
#include "daemon/server.h"

#define CALL_REQUEST_MAX (64 * 1024)
#define CALL_REPLY_MAX (16 * 1024 * 1024)

struct control;

struct control_call {
	struct server *server;
	struct control *control;
	const struct ucred *peer; /* who gave it */
	const struct command *command;
	char **all;   /* the words as they came, NULL-terminated */
	char **words; /* those behind the command's name, NULL-terminated */
	bool json;
	GString *reply; /* what is sent */
	bool cut;       /* the reply has become too long */
	int status;     /* exit code */
	int fd;         /* of the client */
};

/* Reads a request. False: it is none (garbage), or an unknown command: the reply and the
 * status say so. Clear it in any case. */
bool control_call_read(struct control_call *call, const char *bytes, size_t size);
void control_call_clear(struct control_call *call);
void control_call_end(struct control_call *call); /* the last line of the reply */

/* The name of who gave it; "uid1000" for one without. */
const char *control_user(const struct control_call *call, char name[64]);
/* Logs the command, since it changes something, with who gave it. */
void control_log(const struct control_call *call);

/* A line for people, nothing with json. Texts in it must be clean. */
void control_say(struct control_call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* To standard error, in any case. */
void control_remark(struct control_call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* What is wrong, and with which exit code the command ends. */
void control_fail(struct control_call *call, int status, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* An object for programs, nothing without json. Takes it over. */
void control_row(struct control_call *call, json_t *row);

/* A JSON text of whatever bytes, cleaned by text_escape(), but < and > stay. */
json_t *control_text(const char *text, size_t length);
json_t *control_string(const char *text); /* NULL: null */
/* The same for text of ours that is only cleaned, as an action. */
json_t *control_plain(const char *text);
/* The fields of an answer, an object. */
json_t *control_fields(const struct check *check, const struct answer *answer);
/* The same for people, a line each. */
void control_say_fields(struct control_call *call, const json_t *fields);

/* A table for people, of rows that control_row() takes as well. What a row does not
 * have, or has as null, is "-". */
enum control_kind {
	CONTROL_TEXT,
	CONTROL_COUNT,
	CONTROL_MSEC,  /* a length of time; "-" if it is 0 */
	CONTROL_BYTES, /* in the unit that keeps three digits */
	CONTROL_MEAN   /* a number with one decimal */
};
struct control_column {
	const char *key, *title;
	enum control_kind kind;
};
/* Prints the rows (an array, taken over) one by one, or the table with its titles; the
 * columns end with a NULL key. */
void control_table(struct control_call *call, json_t *rows, const struct control_column *columns);
const char *control_bytes(int64_t bytes, char buffer[32]);
/* A moment of pp_time() as "2026-01-31T23:59:59Z"; null for 0. */
json_t *control_moment(pp_msec_t time);

/* Sends what was said up to now, for commands that take long. False: nobody waits for the rest, or
 * the server is ending. */
bool control_progress(struct control_call *call);

/* Runs it in the main thread and waits. False: the server is ending, and it did not run. */
bool control_in_main(struct control_call *call, void (*function)(struct control_call *call, void *data),
                     void *data);

/* The commands, by the ids of COMMAND_TABLE. They run in a client's own thread. */
#define COMMAND_FUNCTION(id, name, synopsis, admin, help) void control_##id(struct control_call *call);
COMMAND_TABLE(COMMAND_FUNCTION)
#undef COMMAND_FUNCTION

#endif
