/* store/health.c - whether a store works, and one line in the log when that changes
 *
 * A trouble that comes and goes is not told each time: when the same one is back
 * within a minute it has to stay away for a while, twice as long each time, before
 * the log says that it is over.
 */
#include "store/health.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#define SECOND ((int64_t)G_USEC_PER_SEC)
#define READ_LASTS (3 * SECOND / 2) /* trouble with reading is spoken of after it */
#define OTHER_AFTER (SECOND / 2)    /* another reason is spoken of no sooner than this after the last */
#define BACK_WITHIN (60 * SECOND)
#define CALM_MAX (60 * SECOND)

void health_init(struct health *health, const char *who, bool writes)
{
	*health = (struct health){ .who = who, .writes = writes, .changed = pp_time() };
	atomic_init(&health->uneasy, true);
	atomic_init(&health->failed, 0);
	pthread_mutex_init(&health->lock, NULL);
}

void health_clear(struct health *health)
{
	pthread_mutex_destroy(&health->lock);
}

/* What there is to speak of; NULL: all is well. */
static const struct health_trouble *trouble(const struct health *health, int64_t now)
{
	const struct health_trouble *read = &health->parts[HEALTH_READ];

	if (health->parts[HEALTH_WRITE].bad)
		return &health->parts[HEALTH_WRITE];
	if (read->bad && (!health->writes || now - read->since >= READ_LASTS))
		return read;
	return NULL;
}

static void say_bad(struct health *health, const char *text, int64_t now)
{
	if (health->said[0] == '\0') {
		bool back = strcmp(text, health->said_last) == 0 && now - health->said_at < BACK_WITHIN;

		health->calm = back ? CLAMP(health->calm * 2, SECOND, CALM_MAX) : 0;
		health->began = now;
		health->failed_before = atomic_load(&health->failed);
	} else if (now - health->said_at < OTHER_AFTER) {
		return;
	}
	g_strlcpy(health->said, text, sizeof(health->said));
	g_strlcpy(health->said_last, text, sizeof(health->said_last));
	health->said_at = now;
	pp_log(PP_LOG_WARNING, "%s: %s; trying again", health->who, text);
}

static void say_good(struct health *health, int64_t now)
{
	uint64_t failed = atomic_load(&health->failed) - health->failed_before;

	health->said[0] = '\0';
	health->said_at = now;
	pp_log(PP_LOG_NOTICE, "%s: works again after %.1f s, %" PRIu64 " ask%s failed", health->who,
	       (double)(now - health->began) / (double)SECOND, failed, failed == 1 ? "" : "s");
}

/* With the lock held. */
static void look(struct health *health)
{
	int64_t now = g_get_monotonic_time();
	const struct health_trouble *bad = trouble(health, now);

	if (bad != NULL) {
		health->well_since = 0;
		if (strcmp(bad->text, health->said) != 0)
			say_bad(health, bad->text, now);
	} else if (health->said[0] != '\0') {
		if (health->well_since == 0)
			health->well_since = now;
		if (now - health->well_since >= health->calm)
			say_good(health, now);
	}
	atomic_store(&health->uneasy, health->parts[HEALTH_WRITE].bad || health->parts[HEALTH_READ].bad ||
	                                      health->said[0] != '\0');
}

static void judge(struct health *health)
{
	const struct health_trouble *main = &health->parts[health->writes ? HEALTH_WRITE : HEALTH_READ];

	if (!health->tried || health->good == main->bad)
		health->changed = pp_time();
	health->tried = true;
	health->good = !main->bad;
}

void health_bad(struct health *health, enum health_part part, const char *text)
{
	struct health_trouble *bad = &health->parts[part];

	pthread_mutex_lock(&health->lock);
	if (!bad->bad)
		bad->since = g_get_monotonic_time();
	bad->bad = true;
	g_strlcpy(bad->text, text, sizeof(bad->text));
	g_strlcpy(health->last, text, sizeof(health->last));
	health->last_at = pp_time();
	judge(health);
	look(health);
	pthread_mutex_unlock(&health->lock);
}

void health_good(struct health *health, enum health_part part)
{
	if (!atomic_load_explicit(&health->uneasy, memory_order_acquire))
		return;
	pthread_mutex_lock(&health->lock);
	health->parts[part].bad = false;
	judge(health);
	look(health);
	pthread_mutex_unlock(&health->lock);
}

bool health_is_bad(struct health *health, enum health_part part)
{
	bool bad;

	pthread_mutex_lock(&health->lock);
	bad = health->parts[part].bad;
	pthread_mutex_unlock(&health->lock);
	return bad;
}

void health_count(struct health *health, unsigned failed)
{
	atomic_fetch_add(&health->failed, failed);
}

void health_tick(struct health *health)
{
	if (!atomic_load_explicit(&health->uneasy, memory_order_acquire))
		return;
	pthread_mutex_lock(&health->lock);
	look(health);
	pthread_mutex_unlock(&health->lock);
}

void health_report(struct health *health, struct health_report *report)
{
	const struct health_trouble *bad;

	pthread_mutex_lock(&health->lock);
	bad = trouble(health, INT64_MAX);
	report->good = health->good && bad == NULL;
	report->since = health->changed;
	g_strlcpy(report->last, health->last, sizeof(report->last));
	report->last_at = health->last_at;
	g_strlcpy(report->trouble, bad != NULL ? bad->text : "", sizeof(report->trouble));
	pthread_mutex_unlock(&health->lock);
}
