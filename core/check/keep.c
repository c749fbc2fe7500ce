/* check/keep.c - which answers are kept in memory, how long, and what they are good for later */
#include "check/keep.h"

#include <string.h>
#include "check/stored.h"

#define HELD_MAX (INT64_C(100) * 366 * 86400 * 1000) /* ms: as good as forever, and no overflow */

/* Where a parameter lets answers be kept nonetheless, they are kept as any others. */
static bool has_effects(const struct check *check)
{
	return check->module->desc->effects && !check->keeps;
}

bool keep_is_wanted(const struct check *check)
{
	return has_effects(check) ? check->module->desc->key != NULL : check->keeps;
}

/* -- finding ------------------------------------------------------------- */

bool keep_recall(struct ask_host *host, struct ask_wish *wish, struct pp_ask *ask, const GString *key)
{
	struct cache_hit hit;
	uint8_t *bytes;

	ask->drops = host->cache != NULL ? cache_drops(host->cache) : 0;
	if (host->cache == NULL || !keep_is_wanted(wish->check) ||
	    !cache_get(host->cache, key->str, key->len, host->buffer, ANSWER_BYTES_MAX, &hit) ||
	    hit.size > ANSWER_BYTES_MAX)
		return false;
	if (!hit.good) {
		ask->stale = memcpy(arena_alloc(&ask->arena, hit.size), host->buffer, hit.size);
		ask->stale_size = (uint32_t)hit.size;
		ask->stale_until = hit.stale_until;
		return false;
	}
	bytes = memcpy(arena_alloc(&wish->request->arena, hit.size), host->buffer, hit.size);
	if (!answer_decode(wish->check, bytes, (uint32_t)hit.size, &wish->answer))
		return false;
	wish->answer.from = answer_is_marked_stale(bytes, (uint32_t)hit.size) ? ANSWER_STALE : ANSWER_MEMORY;
	return true;
}

const char *pp_kept(pp_ask_t *ask, const void **fields)
{
	const pp_module_t *desc = ask->check->module->desc;
	struct answer answer;

	if (!desc->effects || ask->stale == NULL ||
	    !answer_decode(ask->check, ask->stale, ask->stale_size, &answer))
		return NULL;
	if (fields != NULL)
		*fields = answer_fields(ask->check, &answer, &ask->arena);
	return ask->check->module->word[answer.word].word;
}

/* -- keeping ------------------------------------------------------------- */

void pp_keep(pp_ask_t *ask, pp_msec_t good, pp_msec_t held)
{
	ask->good = CLAMP(good, 0, HELD_MAX);
	ask->held = CLAMP(held, ask->good, HELD_MAX);
}

bool keep_is_current(const struct pp_ask *ask)
{
	struct cache *cache = ask->host->cache;

	return cache != NULL && cache_drops(cache) == ask->drops;
}

/* How long it is good, and how long it is there. */
static pp_msec_t lengths(const struct pp_ask *ask, const struct answer *answer, pp_msec_t *there)
{
	const struct check *check = ask->check;
	bool known = answer->word != WORD_UNKNOWN;
	pp_msec_t good = check->keep[answer->word];

	if (has_effects(check)) {
		*there = known ? ask->held : 0;
		return known ? ask->good : 0;
	}
	if (ask->keep_at_most >= 0)
		good = MIN(good, ask->keep_at_most);
	if (ask->dns_good >= 0)
		good = MIN(good, ask->dns_good);
	*there = good > 0 && known ? good + check->stale : good;
	return good;
}

static void keep(struct pp_ask *ask, const struct answer *answer)
{
	pp_msec_t there, good = lengths(ask, answer, &there), now;

	if (!keep_is_wanted(ask->check) || ask->key == NULL || ask->host->cache == NULL)
		return;
	if (!keep_is_current(ask))
		good = there = 0;
	now = pp_time();
	/* A known answer that is not kept still ends the older one it contradicts. */
	if (there <= 0 && (ask->stale == NULL || answer->word == WORD_UNKNOWN))
		return;
	cache_put(ask->host->cache, ask->key, ask->key_size, answer->bytes, answer->size, now + good,
	          now + there);
	if (ask->check->stored != NULL && keep_is_current(ask) && answer->word != WORD_UNKNOWN)
		stored_put(ask, answer, now + good, now + there);
}

/* The source failed: the kept answer goes on, and is asked again no sooner than an
 * unknown one would be. */
static void serve_stale(struct pp_ask *ask, struct answer *answer)
{
	pp_msec_t pause = ask->check->keep[WORD_UNKNOWN];
	uint8_t *bytes = arena_alloc(&ask->arena, ask->stale_size);
	bool timed_out = answer->timed_out;

	memcpy(bytes, ask->stale, ask->stale_size);
	bytes[0] |= ANSWER_FLAG_STALE;
	if (!answer_decode(ask->check, bytes, ask->stale_size, answer))
		return;
	answer->from = ANSWER_STALE;
	answer->timed_out = timed_out;
	if (pause > 0 && ask->key != NULL && keep_is_current(ask))
		cache_put(ask->host->cache, ask->key, ask->key_size, bytes, ask->stale_size,
		          MIN(pp_time() + pause, ask->stale_until), ask->stale_until);
}

void keep_conclude(struct pp_ask *ask, struct answer *answer)
{
	bool stale = answer->word == WORD_UNKNOWN && ask->stale != NULL && !has_effects(ask->check) &&
	             ask->stale_until > pp_time();

	if (stale)
		serve_stale(ask, answer);
	else
		keep(ask, answer);
}
