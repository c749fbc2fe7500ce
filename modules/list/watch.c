/* watch.c - the snapshot of now, its file being watched, its database read again
 *
 * Whatever happens to the file, the snapshot of before stays until a good one can
 * take its place. A file that is replaced by rename is read at once; one that is
 * written in place is left alone until nobody has written for a moment.
 */
#include <errno.h>
#include <string.h>
#include "list.h"

#define QUIET 500  /* ms nobody has written to a file that is good to read */
#define HELD_MAX 5 /* turns one waits for that */

/* Says once which rows of a database cannot be searched. */
static void say_skipped(struct list *list, const struct snapshot *snapshot)
{
	if (g_strcmp0(list->skipped, snapshot->skipped) == 0)
		return;
	if (snapshot->skipped != NULL)
		pp_log(PP_LOG_WARNING, "list: %s", snapshot->skipped);
	g_free(list->skipped);
	list->skipped = g_strdup(snapshot->skipped);
}

struct list *list_new(const struct conf *conf, struct snapshot *snapshot, const struct stamp *stamp)
{
	struct list *list = g_new0(struct list, 1);

	list->conf = conf;
	pthread_mutex_init(&list->lock, NULL);
	list->current = snapshot;
	list->tried = *stamp;
	list->tried_any = !stamp->fresh;
	list->read_at = pp_now();
	atomic_init(&list->good_at, list->read_at);
	atomic_init(&list->changed, false);
	if (snapshot != NULL)
		say_skipped(list, snapshot);
	return list;
}

void list_free(struct list *list)
{
	if (list == NULL)
		return;
	snapshot_unref(list->current);
	snapshot_unref(list->retired);
	pthread_mutex_destroy(&list->lock);
	g_free(list->trouble);
	g_free(list->skipped);
	g_free(list);
}

struct snapshot *list_snapshot(struct list *list)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&list->lock);
	snapshot = snapshot_ref(list->current);
	pthread_mutex_unlock(&list->lock);
	return snapshot;
}

static void publish(struct list *list, struct snapshot *snapshot)
{
	snapshot_unref(list->retired);
	list->retired = list->current;
	pthread_mutex_lock(&list->lock);
	list->current = snapshot;
	pthread_mutex_unlock(&list->lock);
}

bool list_is_too_old(struct list *list)
{
	return list->conf->whole && pp_now() - atomic_load(&list->good_at) > list->conf->max_age;
}

/* Takes over why, and logs it unless it is known already. */
static void set_trouble(struct list *list, char *why)
{
	if (g_strcmp0(list->trouble, why) != 0)
		pp_log(PP_LOG_WARNING, "list: %s; what was read before stays (entries: %u)", why,
		       list->current->count);
	g_free(list->trouble);
	list->trouble = why;
}

/* The same file, and somebody may be in the middle of writing it. */
static bool is_being_written(const struct list *list, const struct stamp *stamp)
{
	pp_msec_t written = (pp_msec_t)stamp->modified.tv_sec * 1000 + stamp->modified.tv_nsec / 1000000;
	pp_msec_t age = pp_time() - written;

	return list->held < HELD_MAX && stamp->inode == list->tried.inode &&
	       stamp->device == list->tried.device && age >= 0 && age < QUIET;
}

static void use(struct list *list, struct snapshot *snapshot, const char *source)
{
	if (snapshot->digest == list->current->digest) {
		if (list->trouble != NULL)
			pp_log(PP_LOG_NOTICE, "list: %s: good again (entries: %u)", source, snapshot->count);
		snapshot_unref(snapshot);
	} else {
		pp_log(PP_LOG_NOTICE, "list: %s: read anew (entries: %u)", source, snapshot->count);
		publish(list, snapshot);
	}
	g_clear_pointer(&list->trouble, g_free);
}

static char *describe(const struct problems *problems)
{
	if (problems->count == 1)
		return g_strdup(problems->first);
	return g_strdup_printf("%s (and %u more)", problems->first, problems->count - 1);
}

/* Notes what was read. False if it was written meanwhile, and better left alone. */
static bool note_stamp(struct list *list, const struct stamp *stamp, const struct problems *problems)
{
	struct stamp after;
	bool moved;

	list->tried_any = false;
	if (problems->passing)
		return true;
	moved = !stamp_of(list->conf->file, &after) || !stamp_equal(stamp, &after);
	if (moved && list->held++ < HELD_MAX)
		return false;
	list->held = 0;
	list->tried = *stamp;
	list->tried_any = !moved && !stamp->fresh;
	return true;
}

static void read_anew(struct list *list)
{
	struct problems problems = { 0 };
	struct stamp stamp = { 0 };
	struct snapshot *snapshot = source_read_file(list->conf, &stamp, &problems);

	if (!note_stamp(list, &stamp, &problems)) {
		snapshot_unref(snapshot);
	} else if (snapshot == NULL) {
		set_trouble(list, describe(&problems));
	} else if (stamp.size == 0 && list->current->count > 0) {
		snapshot_unref(snapshot);
		set_trouble(list, g_strdup_printf("%s: the file is empty (write a comment for an empty list)",
		                                  list->conf->file));
	} else {
		use(list, snapshot, list->conf->file);
	}
	problems_clear(&problems);
}

/* -- databases ------------------------------------------------------------ */

/* An empty table where there was a full one may be a mistake of somebody's: it is believed when
 * the entries of before are too old to be. */
static bool is_doubtful(struct list *list, const struct snapshot *snapshot)
{
	return snapshot->count == 0 && list->current->count > 0 && list->conf->managed == NULL &&
	       !list_is_too_old(list);
}

static void read_database(struct list *list)
{
	g_autofree char *source = list_source(list->conf);
	const char *reason;
	struct snapshot *snapshot;

	list->read_at = pp_now();
	snapshot = database_read_all(list->conf, &reason);
	if (snapshot == NULL) {
		set_trouble(list, g_strdup_printf("%s: cannot be read: %s", source, reason));
	} else if (is_doubtful(list, snapshot)) {
		snapshot_unref(snapshot);
		set_trouble(list, g_strdup_printf("%s: it is empty now", source));
	} else {
		say_skipped(list, snapshot);
		use(list, snapshot, source);
		atomic_store(&list->good_at, pp_now());
	}
}

static bool has_ended(const struct snapshot *snapshot)
{
	return snapshot != NULL && snapshot->ends != 0 && pp_time() >= snapshot->ends;
}

static void look_after_database(struct list *list)
{
	bool changed = atomic_exchange(&list->changed, false) || has_ended(list->current);

	if (list->conf->whole && (changed || pp_now() - list->read_at >= list->conf->refresh))
		read_database(list);
	if (list->conf->managed != NULL)
		managed_expire(list);
}

/* -- each turn ------------------------------------------------------------ */

void list_upkeep(struct list *list)
{
	const char *path = list->conf->file;
	struct stamp stamp;

	g_clear_pointer(&list->retired, snapshot_unref);
	if (path == NULL) {
		look_after_database(list);
		return;
	}
	if (!stamp_of(path, &stamp)) {
		list->tried_any = false;
		set_trouble(list, g_strdup_printf("%s: cannot be read: %s", path, g_strerror(errno)));
	} else if (list->tried_any && stamp_equal(&stamp, &list->tried)) {
		return;
	} else if (is_being_written(list, &stamp)) {
		list->held++;
	} else {
		read_anew(list);
	}
}
