/* watch.c - the patterns of now, their file being watched
 *
 * Whatever happens to the file, the patterns of before stay until good ones can take
 * their place. A file that is replaced by rename is read at once; one that is written in
 * place is left alone until nobody has written for a moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "dynamic_host.h"

#define FILE_MAX (1 << 20) /* bytes */
#define QUIET 500          /* ms nobody has written to a file that is good to read */
#define SETTLED 3000       /* ms after which a change cannot be missed */
#define HELD_MAX 5         /* turns one waits for QUIET */

/* -- reading ------------------------------------------------------------------- */

static bool read_all(int fd, char *bytes, size_t size, size_t *length)
{
	*length = 0;
	while (*length < size) {
		ssize_t got = read(fd, bytes + *length, size - *length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		*length += (size_t)got;
	}
	return true;
}

/* The bytes of a regular file, opened without waiting as a FIFO would make us. NULL: *why. */
static char *read_file(const char *file, struct stat *status, size_t *length, char **why)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	g_autofree char *bytes = NULL;
	const char *wrong = NULL;

	if (fd < 0 || fstat(fd, status) < 0)
		wrong = g_strerror(errno);
	else if (!S_ISREG(status->st_mode))
		wrong = "it is no regular file";
	else {
		bytes = g_malloc(FILE_MAX + 1);
		if (!read_all(fd, bytes, FILE_MAX + 1, length))
			wrong = g_strerror(errno);
		else if (*length > FILE_MAX)
			wrong = "it is larger than 1 MiB";
	}
	if (fd >= 0)
		close(fd);
	if (wrong == NULL)
		return g_steal_pointer(&bytes);
	*why = g_strdup_printf("cannot be read: %s", wrong);
	return NULL;
}

struct patterns *watch_read(const char *file, struct stat *status, struct problems *problems, char **why)
{
	size_t length;
	g_autofree char *bytes = read_file(file, status, &length, why);

	return bytes != NULL ? patterns_parse(bytes, length, problems) : NULL;
}

/* -- the patterns of now --------------------------------------------------------- */

struct watch *watch_new(const struct conf *conf)
{
	struct watch *watch = g_new0(struct watch, 1);

	watch->conf = conf;
	pthread_mutex_init(&watch->lock, NULL);
	watch->current = patterns_ref(conf->first);
	return watch;
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	patterns_unref(watch->current);
	pthread_mutex_destroy(&watch->lock);
	g_free(watch->trouble);
	g_free(watch);
}

struct patterns *watch_patterns(struct watch *watch)
{
	struct patterns *patterns;

	pthread_mutex_lock(&watch->lock);
	patterns = patterns_ref(watch->current);
	pthread_mutex_unlock(&watch->lock);
	return patterns;
}

static void publish(struct watch *watch, struct patterns *patterns)
{
	struct patterns *before = watch->current;

	pthread_mutex_lock(&watch->lock);
	watch->current = patterns;
	pthread_mutex_unlock(&watch->lock);
	patterns_unref(before);
}

/* -- each turn ------------------------------------------------------------------- */

static bool same_time(struct timespec one, struct timespec other)
{
	return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

static bool same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
	       one->st_size == other->st_size && same_time(one->st_mtim, other->st_mtim) &&
	       same_time(one->st_ctim, other->st_ctim);
}

/* Since it was written, in ms; negative where clocks differ. */
static pp_msec_t age_of(const struct stat *status)
{
	return pp_time() - ((pp_msec_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000);
}

/* The same file, and somebody may be in the middle of writing it. */
static bool is_being_written(const struct watch *watch, const struct stat *status)
{
	pp_msec_t age = age_of(status);

	return watch->held < HELD_MAX && status->st_ino == watch->tried.st_ino &&
	       status->st_dev == watch->tried.st_dev && age >= 0 && age < QUIET;
}

/* Takes over why, and logs it unless it is known already. */
static void set_trouble(struct watch *watch, char *why)
{
	if (g_strcmp0(watch->trouble, why) != 0)
		pp_log(PP_LOG_WARNING, "dynamic_host: %s; what was read before stays (entries: %u)", why,
		       patterns_count(watch->current));
	g_free(watch->trouble);
	watch->trouble = why;
}

static void use(struct watch *watch, struct patterns *patterns)
{
	const char *file = watch->conf->file;

	pp_log(PP_LOG_NOTICE, "dynamic_host: %s: read anew (entries: %u)", file, patterns_count(patterns));
	publish(watch, patterns);
	g_clear_pointer(&watch->trouble, g_free);
}

static char *describe(const char *file, const struct problems *problems)
{
	const char *first = problems->texts->pdata[0];

	if (problems->count == 1)
		return g_strdup_printf("%s:%s", file, first);
	return g_strdup_printf("%s:%s (and %u more)", file, first, problems->count - 1);
}

static void parse_anew(struct watch *watch, const char *bytes, size_t length)
{
	struct problems problems;
	struct patterns *patterns;

	problems_init(&problems);
	patterns = patterns_parse(bytes, length, &problems);
	if (patterns != NULL)
		use(watch, patterns);
	else
		set_trouble(watch, describe(watch->conf->file, &problems));
	problems_clear(&problems);
}

static void read_anew(struct watch *watch)
{
	const char *file = watch->conf->file;
	g_autofree char *why = NULL;
	size_t length;
	g_autofree char *bytes = read_file(file, &watch->tried, &length, &why);

	watch->held = 0;
	watch->settled = bytes != NULL && age_of(&watch->tried) > SETTLED;
	if (bytes == NULL) {
		set_trouble(watch, g_strdup_printf("%s: %s", file, why));
	} else if (!patterns_equal(watch->current, bytes, length)) {
		parse_anew(watch, bytes, length);
	} else if (watch->trouble != NULL) {
		pp_log(PP_LOG_NOTICE, "dynamic_host: %s: good again (entries: %u)", file,
		       patterns_count(watch->current));
		g_clear_pointer(&watch->trouble, g_free);
	}
}

void watch_upkeep(struct watch *watch)
{
	const char *file = watch->conf->file;
	struct stat status;

	if (stat(file, &status) < 0) {
		watch->settled = false;
		set_trouble(watch, g_strdup_printf("%s: cannot be read: %s", file, g_strerror(errno)));
	} else if (watch->settled && same_file(&status, &watch->tried)) {
		return;
	} else if (is_being_written(watch, &status)) {
		watch->held++;
	} else {
		read_anew(watch);
	}
}
