/* commands.c - ppolicyctl dnsbl status, test */
#include "dnsbl.h"

struct shown {
	const char *zone, *state, *ipv6;
	int64_t asked, listed, broken, failed;
	pp_msec_t tested;
	const char *reason;
};

static const pp_row_t shown_rows[] = {
	PP_TEXT(struct shown, zone, .help = "The list"),
	PP_TEXT(struct shown, state, .help = "untested, good, quarantined, or off: it is never tested"),
	PP_TEXT(struct shown, ipv6,
	        .help = "Whether it lists IPv6 addresses: yes, no, or - where it is not asked or not known"),
	PP_INT(struct shown, asked, .help = "Look-ups"),
	PP_INT(struct shown, listed, .help = "... with a reply that means something"),
	PP_INT(struct shown, broken, .help = "... with one that means the list is broken, or refuses us"),
	PP_INT(struct shown, failed, .help = "... that DNS did not answer"),
	PP_DURATION(struct shown, tested, .unit = "time", .help = "When its self-test was answered last"),
	PP_TEXT(struct shown, reason, .help = "What is wrong with it"),
	PP_END,
};

static int64_t count_of(const atomic_ullong *counter)
{
	return (int64_t)atomic_load_explicit(counter, memory_order_relaxed);
}

static void show(pp_call_t *call, struct dnsbl *dnsbl, unsigned index)
{
	static const char *const states[] = { "untested", "good", "quarantined" };
	static const char *const services[] = { "-", "yes", "no" };
	const struct zone *zone = &dnsbl->conf->list->zone[index];
	struct health *health = &dnsbl->health[index];
	bool tested = zone->self_test && dnsbl->conf->self_test > 0;
	struct shown shown = {
		.zone = zone->name,
		.state = tested ? states[atomic_load(&health->standing)] : "off",
		.ipv6 = services[atomic_load(&health->ipv6)],
		.asked = count_of(&health->asked),
		.listed = count_of(&health->listed),
		.broken = count_of(&health->broken),
		.failed = count_of(&health->failed),
	};

	g_autofree char *why = NULL;

	pthread_mutex_lock(&dnsbl->lock);
	shown.tested = health->tested;
	shown.reason = why = g_strdup(health->why);
	pthread_mutex_unlock(&dnsbl->lock);
	pp_call_row(call, shown_rows, &shown);
}

static bool status(pp_call_t *call, void *handle)
{
	struct dnsbl *dnsbl = handle;

	for (unsigned i = 0; i < dnsbl->conf->list->count; i++)
		show(call, dnsbl, i);
	return true;
}

static bool test(pp_call_t *call, void *handle)
{
	const struct conf *conf = pp_call_conf(call);

	if (conf->self_test == 0)
		return pp_call_fail(call, "its lists are not tested (self_test = \"0s\")");
	self_test_run(handle, true);
	return status(call, handle);
}

const pp_command_t dnsbl_commands[] = {
	{ .name = "status",
	  .words = "check",
	  .help = "Show how the lists do, and how often they were asked",
	  .run = status },
	{ .name = "test", .words = "check", .help = "Test the lists now, and show how they do", .run = test },
	PP_COMMANDS_END,
};
