/* base/log.c - where log lines go
 *
 * Threads: a lock around the sink, held for one write that does not wait.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sendmmsg() */
#endif
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
#include "base/text.h"

enum {
	LINE = 1024,            /* of pp_log() */
	LONG_LINE = 4096,       /* of a loop's buffer */
	BUFFER_FIRST = 4096,    /* first size of a loop's buffer ... */
	BUFFER_MUCH = 32 << 10, /* so much is worth a write ... */
	BUFFER_FULL = 64 << 10, /* ... and so much does not wait for the end of the turn */
	LIMIT_TIME = 1000       /* ms */
};

static const char *const level_names[] = { "error", "warning", "notice", "info", "debug", NULL };
static atomic_int wanted = PP_LOG_INFO;
static atomic_bool to_file;

/* How to write to standard error without ever waiting. */
enum way {
	WAY_NONE,   /* not looked at yet */
	WAY_SOCKET, /* send() with MSG_DONTWAIT */
	WAY_DIRECT, /* a file, or our own non-blocking description of it */
	WAY_POLL    /* shared and blocking: ask first, write little */
};

static struct {
	pthread_mutex_t lock;
	/* standard error */
	enum way way;
	int fd;
	struct stat is;            /* what fd was when it was opened */
	char rest[LONG_LINE + 64]; /* end of a line that was taken in part */
	size_t rest_length;
	/* syslog */
	bool to_syslog;
	int syslog;      /* -1 = not connected */
	gint64 again;    /* when to try next, monotonic microseconds */
	bool complained; /* of not being connected */
	struct sockaddr_un address;
	/* both */
	uint64_t lost, lost_said; /* lines */
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .syslog = -1 };

/* -- standard error ------------------------------------------------------ */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_rdev == b->st_rdev;
}

/* O_NONBLOCK belongs to the open description, which others share: a pipe or a
 * terminal is opened anew. A file is not: it never blocks, and a second
 * description would write over what comes through the first. */
static void stderr_open(void)
{
	struct stat now;
	bool closed = fstat(STDERR_FILENO, &now) != 0;

	if (closed)
		memset(&now, 0, sizeof(now));
	if (sink.way != WAY_NONE && same_file(&now, &sink.is))
		return;
	if (sink.fd > STDERR_FILENO)
		close(sink.fd);
	sink.fd = STDERR_FILENO;
	sink.is = now;
	sink.rest_length = 0;
	if (closed) {
		/* The next file opened gets the number, and must not get the lines. */
		sink.way = WAY_DIRECT;
		sink.fd = -1;
	} else if (S_ISSOCK(now.st_mode)) {
		sink.way = WAY_SOCKET;
	} else if (S_ISREG(now.st_mode)) {
		sink.way = WAY_DIRECT;
	} else {
		int own = open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

		sink.way = own < 0 ? WAY_POLL : WAY_DIRECT;
		if (own >= 0)
			sink.fd = own;
	}
	atomic_store(&to_file, !closed && S_ISREG(now.st_mode));
}

/* How much was taken; 0 if nothing, for whatever reason. */
static size_t stderr_write_some(const char *bytes, size_t length)
{
	struct pollfd ready = { .fd = sink.fd, .events = POLLOUT };
	ssize_t taken;

	do {
		if (sink.way == WAY_SOCKET)
			taken = send(sink.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (sink.way == WAY_DIRECT)
			taken = write(sink.fd, bytes, length);
		else if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
			taken = 0;
		else
			taken = write(sink.fd, bytes, MIN(length, PIPE_BUF));
	} while (taken < 0 && errno == EINTR);
	return taken < 0 ? 0 : (size_t)taken;
}

static size_t stderr_write_all(const char *bytes, size_t length)
{
	size_t done = 0, taken;

	do {
		taken = stderr_write_some(bytes + done, length - done);
		done += taken;
	} while (taken > 0 && done < length);
	return done;
}

static size_t count_lines(const char *bytes, size_t length)
{
	const char *end = bytes + length;
	size_t count = 0;

	while (bytes < end && (bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		count++;
		bytes++;
	}
	return count;
}

/* Writes whole lines. What is missing of a line that was taken in part is kept, for
 * the next time. Returns how many bytes are written or kept: whole lines. */
static size_t stderr_write_lines(const char *bytes, size_t length)
{
	size_t done = stderr_write_all(bytes, length), end = done;

	if (done == 0 || bytes[done - 1] == '\n')
		return done;
	while (end < length && bytes[end] != '\n')
		end++;
	sink.rest_length = MIN(end - done, sizeof(sink.rest) - 1);
	memcpy(sink.rest, bytes + done, sink.rest_length);
	sink.rest[sink.rest_length++] = '\n';
	return MIN(end + 1, length);
}

/* False: there is still something before the next line. */
static bool stderr_write_rest(void)
{
	size_t done;

	if (sink.rest_length == 0)
		return true;
	done = stderr_write_all(sink.rest, sink.rest_length);
	sink.rest_length -= done;
	memmove(sink.rest, sink.rest + done, sink.rest_length);
	return sink.rest_length == 0;
}

/* The line that says so, "" if none is lost of which it is not said. */
static size_t lost_print(char *out, size_t size)
{
	uint64_t lost = sink.lost - sink.lost_said;

	if (lost == 0)
		return 0;
	return (size_t)g_snprintf(out, size, "warning: %" G_GUINT64_FORMAT " log line%s lost\n", lost,
	                          lost == 1 ? "" : "s");
}

static void stderr_put(const char *bytes, size_t length)
{
	char said[64];
	size_t size, done = 0;

	if (sink.way == WAY_NONE)
		stderr_open();
	if (stderr_write_rest()) {
		size = lost_print(said, sizeof(said));
		if (size == 0 || stderr_write_lines(said, size) > 0) {
			sink.lost_said = sink.lost;
			if (sink.rest_length == 0)
				done = stderr_write_lines(bytes, length);
		}
	}
	sink.lost += count_lines(bytes + done, length - done);
}

static void G_GNUC_PRINTF(1, 2) stderr_printf(const char *format, ...)
{
	char line[LINE];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	stderr_put(line, MIN((size_t)length, sizeof(line) - 1));
}

/* -- syslog -------------------------------------------------------------- */

static void syslog_close(void)
{
	if (sink.syslog >= 0)
		close(sink.syslog);
	sink.syslog = -1;
}

static bool syslog_connect(void)
{
	gint64 now;
	int problem;

	if (sink.syslog >= 0)
		return true;
	now = g_get_monotonic_time();
	if (now < sink.again)
		return false;
	sink.again = now + G_USEC_PER_SEC;
	sink.syslog = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sink.syslog >= 0 &&
	    connect(sink.syslog, (struct sockaddr *)&sink.address, sizeof(sink.address)) == 0) {
		sink.complained = false;
		return true;
	}
	problem = errno;
	syslog_close();
	if (!sink.complained)
		stderr_printf("warning: %s: %s, lines go to standard error, trying again\n",
		              sink.address.sun_path, g_strerror(problem));
	sink.complained = true;
	return false;
}

enum { BATCH = 32 };

/* Sends the first lines, a datagram each, in one call. Returns how many bytes are
 * sent; 0 and errno if none. */
static size_t syslog_send(const char *head, const char *bytes, size_t length)
{
	struct iovec parts[BATCH][2];
	struct mmsghdr messages[BATCH];
	size_t done = 0;
	unsigned count = 0;
	int sent;

	memset(messages, 0, sizeof(messages));
	for (; count < BATCH && done < length; count++) {
		const char *end = memchr(bytes + done, '\n', length - done);
		size_t size = end == NULL ? length - done : (size_t)(end - bytes) - done;

		parts[count][0] = (struct iovec){ (char *)head, strlen(head) };
		parts[count][1] = (struct iovec){ (char *)bytes + done, size };
		messages[count].msg_hdr.msg_iov = parts[count];
		messages[count].msg_hdr.msg_iovlen = 2;
		done += size + (end != NULL);
	}
	do {
		sent = sendmmsg(sink.syslog, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent <= 0)
		return 0;
	if (sent == (int)count)
		return done;
	return (size_t)((char *)parts[sent][1].iov_base - bytes);
}

/* Returns how many bytes are sent or lost: the others are for standard error. */
static size_t syslog_put(pp_level_t level, const char *bytes, size_t length)
{
	static const int severities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
	char head[64], said[64];
	size_t done = 0, size, sent;

	g_snprintf(head, sizeof(head), "<%d>ppolicyd[%d]: ", LOG_MAIL | severities[level], (int)getpid());
	while (done < length && syslog_connect()) {
		size = lost_print(said, sizeof(said));
		if (size > 0) {
			sent = syslog_send(head, said, size);
			if (sent > 0)
				sink.lost_said = sink.lost;
		} else {
			sent = syslog_send(head, bytes + done, length - done);
			done += sent;
		}
		if (sent > 0)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EMSGSIZE) {
			sink.lost += count_lines(bytes + done, length - done);
			return length;
		}
		syslog_close();
	}
	return done;
}

/* -- lines --------------------------------------------------------------- */

static void put(pp_level_t level, const char *bytes, size_t length)
{
	size_t done = 0;

	pthread_mutex_lock(&sink.lock);
	if (sink.to_syslog)
		done = syslog_put(level, bytes, length);
	if (done < length)
		stderr_put(bytes + done, length - done);
	pthread_mutex_unlock(&sink.lock);
}

static int level_parse(const char *name)
{
	for (int level = 0; level_names[level] != NULL; level++)
		if (g_strcmp0(level_names[level], name) == 0)
			return level;
	return -1;
}

void log_open(const struct log_settings *settings)
{
	const char *path = settings->socket != NULL ? settings->socket : "/dev/log";
	bool to_syslog = g_strcmp0(settings->to, "syslog") == 0;
	int level = settings->level == NULL ? PP_LOG_INFO : level_parse(settings->level);

	pthread_mutex_lock(&sink.lock);
	stderr_open();
	syslog_close();
	sink.to_syslog = to_syslog && strlen(path) < sizeof(sink.address.sun_path);
	sink.complained = false;
	sink.again = 0;
	if (sink.to_syslog) {
		sink.address.sun_family = AF_UNIX;
		g_strlcpy(sink.address.sun_path, path, sizeof(sink.address.sun_path));
		syslog_connect();
	} else if (to_syslog) {
		stderr_printf("error: log: the name of the socket is too long\n");
	} else if (settings->to != NULL && strcmp(settings->to, "stderr") != 0) {
		stderr_printf("error: log: found to = '%s', wanted stderr or syslog\n", settings->to);
	}
	if (level < 0)
		stderr_printf("error: log: no level '%s'\n", settings->level);
	atomic_store(&to_file, !sink.to_syslog && sink.way == WAY_DIRECT && S_ISREG(sink.is.st_mode));
	pthread_mutex_unlock(&sink.lock);
	atomic_store(&wanted, level < 0 ? PP_LOG_INFO : level);
}

bool log_wants(pp_level_t level)
{
	return (int)level <= atomic_load_explicit(&wanted, memory_order_relaxed);
}

/* Cleaned, and cut so that all of it has size bytes at most. */
static void line_put(pp_level_t level, const char *text, size_t length, size_t size)
{
	char line[LONG_LINE];
	size_t used = 0;

	if (level <= PP_LOG_WARNING)
		used = (size_t)g_snprintf(line, sizeof(line), "%s: ", level_names[level]);
	used += text_clean(line + used, size - used, text, length);
	line[used++] = '\n';
	put(level, line, used);
}

void log_line(pp_level_t level, const char *line)
{
	if (log_wants(level))
		line_put(level, line, strlen(line), LONG_LINE);
}

void pp_log(pp_level_t level, const char *format, ...)
{
	/* Room for a character that the end would cut in two. */
	char text[LINE + 4];
	va_list args;
	int length;

	if (!log_wants(level))
		return;
	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		return;
	line_put(level, text, text_cut(text, MIN((size_t)length, sizeof(text) - 1), LINE - 1), LINE);
}

/* -- a loop's lines ------------------------------------------------------ */

void log_buffer_free(struct log_buffer *buffer)
{
	g_free(buffer->bytes);
	*buffer = (struct log_buffer){ 0 };
}

char *log_buffer_reserve(struct log_buffer *buffer, size_t room)
{
	if (buffer->length + room > BUFFER_FULL && buffer->length > 0 &&
	    buffer->bytes[buffer->length - 1] == '\n')
		log_buffer_flush(buffer);
	if (buffer->size - buffer->length < room) {
		buffer->size = MAX(buffer->size * 2, BUFFER_FIRST);
		while (buffer->size - buffer->length < room)
			buffer->size *= 2;
		buffer->bytes = g_realloc(buffer->bytes, buffer->size);
	}
	return buffer->bytes + buffer->length;
}

void log_buffer_flush(struct log_buffer *buffer)
{
	if (buffer->length > 0 && log_wants(PP_LOG_INFO))
		put(PP_LOG_INFO, buffer->bytes, buffer->length);
	buffer->length = 0;
}

bool log_buffer_can_wait(const struct log_buffer *buffer)
{
	return buffer->length < BUFFER_MUCH && atomic_load_explicit(&to_file, memory_order_relaxed);
}

uint64_t log_lost(void)
{
	uint64_t lost;

	pthread_mutex_lock(&sink.lock);
	lost = sink.lost;
	pthread_mutex_unlock(&sink.lock);
	return lost;
}

bool log_limit_pass(struct log_limit *limit, char more[LOG_LIMIT_TEXT])
{
	pp_msec_t now = pp_now();

	if (now < limit->next) {
		limit->held++;
		return false;
	}
	more[0] = '\0';
	if (limit->held > 0)
		g_snprintf(more, LOG_LIMIT_TEXT, " (and %u before, not logged)", limit->held);
	limit->held = 0;
	limit->next = now + LIMIT_TIME;
	return true;
}
