/* daemon/logline.h - the line that says what was decided about a request, and why */
#ifndef DAEMON_LOGLINE_H
#define DAEMON_LOGLINE_H

#include "base/log.h"
#include "rule/run.h"

/* Appends the line of a run that is ending, after usec microseconds. observed: Postfix
 * gets DUNNO instead. */
void logline_write(struct log_buffer *log, const struct run *run, const struct verdict *verdict,
                   bool observed, int64_t usec);

#endif
