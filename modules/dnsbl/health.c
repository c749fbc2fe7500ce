/* health.c - how lists do: in service or in quarantine, what they said, how often */
#include <string.h>
#include "dnsbl.h"

#define MARKED (INT64_C(7) * 86400000) /* ms after a change; hardly a kept answer of before is left then */

struct dnsbl *dnsbl_new(const struct conf *conf)
{
	struct dnsbl *dnsbl = g_new0(struct dnsbl, 1);

	dnsbl->conf = conf;
	dnsbl->health = g_new0(struct health, conf->list->count);
	pthread_mutex_init(&dnsbl->testing, NULL);
	pthread_mutex_init(&dnsbl->lock, NULL);
	return dnsbl;
}

void dnsbl_free(struct dnsbl *dnsbl)
{
	if (dnsbl == NULL)
		return;
	for (unsigned i = 0; i < dnsbl->conf->list->count; i++)
		g_free(dnsbl->health[i].why);
	pthread_mutex_destroy(&dnsbl->testing);
	pthread_mutex_destroy(&dnsbl->lock);
	g_free(dnsbl->health);
	g_free(dnsbl);
}

bool health_serves(struct dnsbl *dnsbl, unsigned zone, enum subject subject, const pp_address_t *address)
{
	struct health *health = &dnsbl->health[zone];

	if (atomic_load_explicit(&health->standing, memory_order_relaxed) == STANDING_QUARANTINED)
		return false;
	return subject != SUBJECT_CLIENT_ADDRESS || address->family == 4 ||
	       atomic_load_explicit(&health->ipv6, memory_order_relaxed) != SERVICE_NO;
}

void health_note_broken(struct dnsbl *dnsbl, unsigned zone, const char *reply, const char *subject)
{
	struct health *health = &dnsbl->health[zone];

	atomic_fetch_add_explicit(&health->broken, 1, memory_order_relaxed);
	atomic_store(&health->hurry, true);
	if (!atomic_exchange(&health->complained, true))
		pp_log(PP_LOG_WARNING,
		       "dnsbl: %s: it says %s of %s, so it is broken, or refuses to answer us; that counts "
		       "as no answer",
		       dnsbl->conf->list->zone[zone].name, reply, subject);
}

const char *health_mark(pp_ask_t *a, struct dnsbl *dnsbl)
{
	long long changed = atomic_load(&dnsbl->changed);

	if (changed == 0 || (atomic_load(&dnsbl->quarantined) == 0 && pp_time() - changed >= MARKED))
		return "";
	return pp_format(a, " @%lld", changed);
}

void health_set(struct dnsbl *dnsbl, unsigned zone, enum standing standing, char *why)
{
	struct health *health = &dnsbl->health[zone];
	enum standing before = (enum standing)atomic_load(&health->standing);

	pthread_mutex_lock(&dnsbl->lock);
	g_free(health->why);
	health->why = why;
	health->tested = pp_time();
	pthread_mutex_unlock(&dnsbl->lock);
	if ((standing == STANDING_QUARANTINED) == (before == STANDING_QUARANTINED)) {
		atomic_store(&health->standing, (int)standing);
		return;
	}
	atomic_store(&health->standing, (int)standing);
	atomic_store(&dnsbl->changed, pp_time());
	if (standing == STANDING_QUARANTINED) {
		atomic_fetch_add(&dnsbl->quarantined, 1);
		pp_log(PP_LOG_WARNING, "dnsbl: %s: quarantined: %s", dnsbl->conf->list->zone[zone].name, why);
	} else {
		atomic_fetch_sub(&dnsbl->quarantined, 1);
		pp_log(PP_LOG_NOTICE, "dnsbl: %s: in service again", dnsbl->conf->list->zone[zone].name);
	}
}
