/* source.c - reading a list from a file or from an inline table
 *
 * A line of a file is a key and, after blanks, what is said of it. '#' begins a
 * comment at the start of a line and behind a blank. A key with blanks stands in
 * double quotes; a pattern with blanks stands between slashes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "list.h"

#define PROBLEMS_SHOWN 20

/* -- problems ------------------------------------------------------------- */

void problems_add(struct problems *problems, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	problems->count++;
	if (problems->count > (problems->error != NULL ? PROBLEMS_SHOWN : 1))
		return;
	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	if (problems->error != NULL)
		pp_fail(problems->error, problems->param, "%s", message);
	else
		problems->first = g_steal_pointer(&message);
}

static void problems_end(struct problems *problems, const char *path)
{
	if (problems->error != NULL && problems->count > PROBLEMS_SHOWN)
		pp_fail(problems->error, problems->param, "%s: and %u more", path,
		        problems->count - PROBLEMS_SHOWN);
}

void problems_clear(struct problems *problems)
{
	g_clear_pointer(&problems->first, g_free);
	problems->count = 0;
	problems->passing = false;
}

/* -- stamps --------------------------------------------------------------- */

static struct stamp stamp_from(const struct stat *status)
{
	return (struct stamp){ status->st_dev, status->st_ino, status->st_size, status->st_mtim,
		               status->st_ctim };
}

bool stamp_of(const char *path, struct stamp *stamp)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	*stamp = stamp_from(&status);
	return true;
}

static bool same_time(struct timespec one, struct timespec other)
{
	return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

bool stamp_equal(const struct stamp *one, const struct stamp *other)
{
	return one->device == other->device && one->inode == other->inode && one->size == other->size &&
	       same_time(one->modified, other->modified) && same_time(one->changed, other->changed);
}

/* -- lines ---------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

/* Cuts a key off the line; NULL and a sentence in wrong if it has no end. */
static char *cut_quoted(char **rest, char quote, char *wrong)
{
	char *key = *rest + 1, *to = key, *from = key;

	for (; *from != '\0' && *from != quote; from++) {
		/* A pattern keeps its backslashes. */
		if (*from == '\\' && from[1] != '\0') {
			if (quote == '/')
				*to++ = '\\';
			from++;
		}
		*to++ = *from;
	}
	if (*from == '\0') {
		g_snprintf(wrong, LIST_WRONG_SIZE, "the %c at the start is never closed", quote);
		return NULL;
	}
	if (from[1] != '\0' && !is_blank(from[1])) {
		g_snprintf(wrong, LIST_WRONG_SIZE, "a blank is wanted behind the closing %c%s", quote,
		           quote == '/' ? "; for upper and lower case write (?i) in the pattern" : "");
		return NULL;
	}
	*to = '\0';
	*rest = from + 1;
	return key;
}

/* "john doe"@example.org is no quoted key but an address. */
static bool is_quoted(const char *line)
{
	const char *c = line + 1;

	if (*line != '"')
		return false;
	while (*c != '\0' && *c != '"')
		c += *c == '\\' && c[1] != '\0' ? 2 : 1;
	return *c == '\0' || c[1] == '\0' || is_blank(c[1]);
}

/* Blanks within quotes do not end it where quotes count. */
static char *cut_word(char **rest, bool quotes)
{
	char *key = *rest, *c = key;
	bool quoted = false;

	for (; *c != '\0' && (quoted || !is_blank(*c)); c++) {
		if (quotes && *c == '"')
			quoted = !quoted;
		else if (quoted && *c == '\\' && c[1] != '\0')
			c++;
	}
	*rest = c;
	if (*c != '\0') {
		*c = '\0';
		*rest = c + 1;
	}
	return key;
}

/* What is left of a line: no blanks around it, no comment. */
static char *cut_value(char *rest)
{
	char *value = skip_blanks(rest), *end = value;

	for (; *end != '\0'; end++)
		if (*end == '#' && (end == value || is_blank(end[-1])))
			break;
	while (end > value && is_blank(end[-1]))
		end--;
	*end = '\0';
	return value;
}

static void add_line(struct snapshot *snapshot, const struct conf *conf, char *line, uint32_t number,
                     struct problems *problems)
{
	char *rest = skip_blanks(line), *key;
	bool pattern = snapshot->search->pattern;
	char wrong[LIST_WRONG_SIZE];

	if (*rest == '\0' || *rest == '#')
		return;
	if (pattern ? *rest == '/' : is_quoted(rest))
		key = cut_quoted(&rest, *rest, wrong);
	else
		key = cut_word(&rest, *rest == '"' && !pattern);
	if (key == NULL)
		problems_add(problems, "%s:%u: %s", conf->file, number, wrong);
	else if (!snapshot_add(snapshot, conf, key, cut_value(rest), number, wrong))
		problems_add(problems, "%s:%u: '%.100s': %s", conf->file, number, key, wrong);
}

/* -- files ---------------------------------------------------------------- */

struct reader {
	FILE *stream;
	int64_t bytes;
	uint64_t digest;
	const char *wrong; /* of the line, whose text is then useless */
	char line[LIST_LINE_SIZE];
};

/* False at the end of the file. */
static bool reader_next(struct reader *reader)
{
	size_t length = 0;
	int c;

	reader->wrong = NULL;
	while ((c = getc_unlocked(reader->stream)) != EOF) {
		reader->bytes++;
		reader->digest = (reader->digest ^ (unsigned)c) * 0x100000001b3u;
		if (c == '\n')
			break;
		if (length == sizeof(reader->line) - 1)
			reader->wrong = "the line is longer than 8191 bytes";
		else
			reader->line[length++] = (char)c;
	}
	if (c == EOF && length == 0)
		return false;
	if (length > 0 && reader->line[length - 1] == '\r')
		length--;
	reader->line[length] = '\0';
	for (size_t i = 0; i < length && reader->wrong == NULL; i++)
		if (((unsigned char)reader->line[i] < ' ' && reader->line[i] != '\t') ||
		    reader->line[i] == '\x7f')
			reader->wrong = "the line has a control character";
	return true;
}

/* Editors on some systems begin a file with U+FEFF. */
static char *without_mark(char *line)
{
	return g_str_has_prefix(line, "\xef\xbb\xbf") ? line + 3 : line;
}

static void read_lines(struct reader *reader, const struct conf *conf, struct snapshot *snapshot,
                       struct problems *problems)
{
	for (uint32_t number = 1; reader_next(reader); number++) {
		char *line = number == 1 ? without_mark(reader->line) : reader->line;

		if (number > LIST_LINES_MAX || reader->bytes > LIST_FILE_MAX) {
			problems_add(problems, "%s: the file has more than %d lines or 1 GiB", conf->file,
			             LIST_LINES_MAX);
			return;
		}
		if (reader->wrong != NULL)
			problems_add(problems, "%s:%u: %s", conf->file, number, reader->wrong);
		else
			add_line(snapshot, conf, line, number, problems);
	}
}

/* Without waiting, as a FIFO would make us, and regular files only. -1: *why. */
static int open_regular(const char *path, struct stamp *stamp, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	*why = NULL;
	if (fd < 0 || fstat(fd, &status) < 0)
		*why = g_strerror(errno);
	else if (!S_ISREG(status.st_mode))
		*why = "it is no regular file";
	else if (status.st_size > LIST_FILE_MAX)
		*why = "it is larger than 1 GiB";
	if (*why == NULL) {
		*stamp = stamp_from(&status);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static FILE *open_file(const char *path, struct stamp *stamp, struct problems *problems)
{
	const char *why;
	int fd = open_regular(path, stamp, &why);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (stream != NULL)
		return stream;
	if (fd >= 0) {
		why = g_strerror(errno);
		close(fd);
	}
	problems->passing = true;
	problems_add(problems, "%s: cannot be read: %s", path, why);
	return NULL;
}

struct snapshot *source_read_file(const struct conf *conf, struct stamp *stamp, struct problems *problems)
{
	g_autofree struct reader *reader = g_new0(struct reader, 1);
	struct snapshot *snapshot;

	reader->stream = open_file(conf->file, stamp, problems);
	if (reader->stream == NULL)
		return NULL;
	snapshot = snapshot_new(conf->method);
	read_lines(reader, conf, snapshot, problems);
	if (ferror(reader->stream)) {
		problems->passing = true;
		problems_add(problems, "%s: cannot be read: %s", conf->file, g_strerror(errno));
	}
	fclose(reader->stream);
	problems_end(problems, conf->file);
	snapshot->digest = reader->digest;
	snapshot_finish(snapshot);
	if (problems->count > 0)
		g_clear_pointer(&snapshot, snapshot_unref);
	return snapshot;
}

/* -- inline tables -------------------------------------------------------- */

#define SCRATCH_SIZE 64

/* NULL if it is of a kind that says nothing. The text may be scratch. */
static const char *text_of(const pp_value_t *value, char scratch[SCRATCH_SIZE])
{
	switch (value->kind) {
	case PP_STRING: return value->string;
	case PP_INTEGER: g_snprintf(scratch, SCRATCH_SIZE, "%lld", (long long)value->integer); return scratch;
	case PP_REAL: return g_ascii_formatd(scratch, SCRATCH_SIZE, "%.14g", value->real);
	case PP_BOOLEAN: return value->boolean ? "" : NULL;
	default: return NULL;
	}
}

static void add_pair(struct snapshot *snapshot, const struct conf *conf, const pp_pair_t *pair,
                     struct problems *problems)
{
	char wrong[LIST_WRONG_SIZE], scratch[SCRATCH_SIZE];
	const char *value = pair->key != NULL ? text_of(&pair->value, scratch) : "";
	const char *key = pair->key;
	g_autofree char *copy = NULL;

	if (key == NULL && pair->value.kind == PP_STRING)
		key = pair->value.string;
	if (key == NULL || value == NULL) {
		problems_add(problems,
		             "'%.100s': an entry is a text, or [\"key\"] = a text, a number or true",
		             key != NULL ? key : "{...}");
		return;
	}
	copy = g_strdup(key);
	if (!snapshot_add(snapshot, conf, copy, value, 0, wrong))
		problems_add(problems, "'%.100s': %s", key, wrong);
}

struct snapshot *source_read_inline(const struct conf *conf, struct problems *problems)
{
	struct snapshot *snapshot = snapshot_new(conf->method);

	if (conf->entries->kind != PP_LIST)
		problems_add(problems, "a table such as { \"a@example.org\" } is wanted");
	for (size_t i = 0; conf->entries->kind == PP_LIST && i < conf->entries->list.count; i++)
		add_pair(snapshot, conf, &conf->entries->list.pairs[i], problems);
	problems_end(problems, "inline");
	snapshot_finish(snapshot);
	if (problems->count > 0)
		g_clear_pointer(&snapshot, snapshot_unref);
	return snapshot;
}
