/* daemon/notices.c - answers dropped here, and on the other servers that share the store */
#include "daemon/notices.h"

#include <string.h>

#define WRITTEN_WITHIN 3000 /* ms behind a command: what was asked before it; and clocks differ */

struct hearing {
	const struct world *world;
	struct cache *cache;
};

static struct check *check_at(const struct world *world, guint index)
{
	return ((struct plan_check *)world->plan->checks->pdata[index])->check;
}

static bool uses_tables(const struct check *check, const char *tables)
{
	g_autofree char *theirs = gateways_tables(check);

	return g_strcmp0(theirs, tables) == 0;
}

/* -- commands to this server --------------------------------------------- */

static void tell(struct control_call *call, const struct world *world, const struct gateways_notice *notice,
                 struct notices_done *done)
{
	g_autofree char *error = NULL;
	char user[64];

	if (world->gateways == NULL)
		return;
	done->told = gateways_tell(world->gateways, notice, control_user(call, user), &error);
	if (!done->told)
		control_remark(call, "other servers that share the store were not told: %s", error);
}

static void drop(struct control_call *call, const struct world *world, const struct answers_filter *filter,
                 struct notices_done *done)
{
	g_autofree char *error = NULL;
	size_t dropped = 0;

	if (!answers_drop_stored(world, filter, &dropped, &error))
		control_fail(call, COMMAND_NO, "the store: %s", error);
	done->store += dropped;
	done->memory += answers_drop_memory(server_cache(call->server), world, filter);
}

/* The store first: an ask in between would fetch the answer from there into memory again. The same
 * holds for the others, so they are told last. */
struct notices_done notices_drop(struct control_call *call, const struct answers_filter *filter)
{
	struct world *world = server_world_ref(call->server);
	const struct gateways_notice notice = answers_notice(filter);
	struct notices_done done = { 0 };

	drop(call, world, filter, &done);
	if (!filter->here && g_strcmp0(filter->where, "store") != 0)
		tell(call, world, &notice, &done);
	world_unref(world);
	return done;
}

void notices_changed(struct control_call *call, const struct check *check)
{
	struct world *world = server_world_ref(call->server);
	g_autofree char *tables = gateways_tables(check);
	struct answers_filter filter = answers_filter_new();
	struct gateways_notice notice;
	struct notices_done done = { 0 };

	for (guint i = 0; i < world->plan->checks->len; i++) {
		const struct check *each = check_at(world, i);

		if (strcmp(each->name, check->name) != 0 && (tables == NULL || !uses_tables(each, tables)))
			continue;
		filter.check = each->name;
		drop(call, world, &filter, &done);
	}
	filter.check = tables == NULL ? check->name : NULL;
	notice = answers_notice(&filter);
	notice.tables = tables;
	tell(call, world, &notice, &done);
	world_unref(world);
}

/* -- commands to others -------------------------------------------------- */

static struct answers_filter filter_of(const struct gateways_notice *notice)
{
	struct answers_filter filter = answers_filter_new();

	filter.check = notice->check_name;
	filter.pattern = notice->pattern;
	filter.word = notice->word;
	filter.good_max = notice->good_max;
	filter.made_max = notice->made_max;
	return filter;
}

/* What another server had not written yet when the command dropped the rest, or was asking for: only the
 * server that was told looks for it, and only at what was made until shortly after the command. */
static void drop_rest(const struct hearing *hearing, struct answers_filter filter, pp_msec_t made)
{
	g_autofree char *error = NULL;
	size_t dropped;

	if (filter.made_max == 0)
		filter.made_max = made + WRITTEN_WITHIN;
	answers_drop_stored(hearing->world, &filter, &dropped, &error);
}

static void drop_heard(const struct hearing *hearing, const struct answers_filter *filter,
                       const struct gateways_notice *notice)
{
	answers_drop_memory(hearing->cache, hearing->world, filter);
	if (notice->ours && notice->again && notice->place == NULL)
		drop_rest(hearing, *filter, notice->made);
}

static void heard(const struct gateways_notice *notice, void *data)
{
	const struct hearing *hearing = data;
	struct answers_filter filter = filter_of(notice);

	if (notice->tables == NULL) {
		drop_heard(hearing, &filter, notice);
		return;
	}
	for (guint i = 0; i < hearing->world->plan->checks->len; i++) {
		struct check *check = check_at(hearing->world, i);

		if (!uses_tables(check, notice->tables))
			continue;
		if (!notice->again || notice->ours)
			gateways_changed(check);
		filter.check = check->name;
		drop_heard(hearing, &filter, notice);
	}
}

void notices_upkeep(struct world *world, struct cache *cache)
{
	struct hearing hearing = { world, cache };
	const struct answers_filter all = answers_filter_new();

	if (world->gateways != NULL && !gateways_listen(world->gateways, heard, &hearing))
		answers_drop_memory(cache, world, &all);
}
