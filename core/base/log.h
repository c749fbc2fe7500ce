/* base/log.h - where log lines go
 *
 * Before log_open() lines go to standard error. A line never blocks: what the
 * sink does not take at once is dropped and counted, and the count is logged
 * when it takes lines again. pp_log() is the public form, safe in any thread.
 *
 * A loop collects its request lines in a buffer of its own and hands it over once
 * a turn or less often: a write a line would cost as much as the request.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <glib.h>
#include "ppolicyd/module.h"

struct log_settings {
	const char *to;     /* "stderr" or "syslog" */
	const char *level;  /* "error" "warning" "notice" "info" "debug"; NULL = "info" */
	const char *socket; /* of syslog; NULL = "/dev/log" */
};

/* Takes hold of the sink while the process may still do so. Errors: a line to
 * standard error, and that is where the log goes on. Again after a reload.
 * While syslog's socket takes no connection lines go to standard error; it is
 * tried again once a second, when there is a line. */
void log_open(const struct log_settings *settings);
bool log_wants(pp_level_t level);

/* One line without its newline. "warning: " and "error: " are set before those. */
void log_line(pp_level_t level, const char *line);

/* Whole lines, each with its newline, of level info. */
struct log_buffer {
	char *bytes;
	size_t length, size;
};
void log_buffer_free(struct log_buffer *buffer);
/* At least room bytes to write at bytes + length. */
char *log_buffer_reserve(struct log_buffer *buffer, size_t room);
void log_buffer_flush(struct log_buffer *buffer);
/* True if it costs less to flush it later, with more lines: they go to a file, which
 * takes a lot at once for little more than a line. */
bool log_buffer_can_wait(const struct log_buffer *buffer);

uint64_t log_lost(void);

/* Keeps lines that strangers can cause from being many: one a second. Zeroed at first;
 * of one thread. */
struct log_limit {
	pp_msec_t next; /* when there may be one again; pp_now()'s clock */
	unsigned held;  /* since the last one */
};
#define LOG_LIMIT_TEXT 48
/* True if a line may be written now; more is then what ends it: "", or how many were not. */
bool log_limit_pass(struct log_limit *limit, char more[LOG_LIMIT_TEXT]);

#endif
