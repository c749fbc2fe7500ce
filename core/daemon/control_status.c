/* daemon/control_status.c - ppolicyctl status and reload */
#include "daemon/control_store.h"

#include <unistd.h>
#include "base/clock.h"
#include "base/quantity.h"
#include "service/cache.h"

/* -- reload -------------------------------------------------------------- */

static void reload(struct control_call *call, void *data)
{
	g_autoptr(GString) report = g_string_new(NULL);
	bool good = server_reload(call->server, report);
	g_auto(GStrv) lines = g_strsplit(report->str, "\n", -1);

	(void)data;
	for (char **line = lines; *line != NULL; line++) {
		json_t *row = json_object();

		if (**line == '\0') {
			json_decref(row);
			continue;
		}
		json_object_set_new(row, good ? "message" : "error", control_plain(*line));
		control_row(call, row);
		control_say(call, "%s", *line);
		pp_log(good ? PP_LOG_NOTICE : PP_LOG_ERROR, "%s", *line);
	}
	call->status = good ? COMMAND_DONE : COMMAND_NO;
}

void control_reload(struct control_call *call)
{
	control_in_main(call, reload, NULL);
	server_settle(call->server);
}

/* -- status -------------------------------------------------------------- */

static void add_up(uint64_t *sum, const uint64_t *part)
{
	*sum += __atomic_load_n(part, __ATOMIC_RELAXED);
}

static struct desk_stats sum_stats(struct desk **desks, unsigned count)
{
	struct desk_stats sum = { 0 };

	for (unsigned i = 0; i < count; i++) {
		const struct desk_stats *stats = &desks[i]->stats;

		add_up(&sum.requests, &stats->requests);
		add_up(&sum.failed, &stats->failed);
		add_up(&sum.usec, &stats->usec);
		for (unsigned verb = 0; verb <= ACTION_VERBS; verb++)
			add_up(&sum.verbs[verb], &stats->verbs[verb]);
	}
	return sum;
}

static const char *verb_name(unsigned verb)
{
	return verb == ACTION_CLOSE ? "close" : action_name((enum action_verb)verb);
}

static json_t *count_actions(const struct desk_stats *stats)
{
	json_t *actions = json_object();

	for (unsigned verb = 0; verb <= ACTION_VERBS; verb++)
		if (stats->verbs[verb] > 0)
			json_object_set_new(actions, verb_name(verb),
			                    json_integer((json_int_t)stats->verbs[verb]));
	return actions;
}

static json_t *mean_ms(uint64_t usec, uint64_t count)
{
	return count > 0 ? json_real((double)usec / (double)count / 1000) : json_null();
}

static json_t *describe_dns(struct desk **desks, unsigned count, const struct plan *plan)
{
	static const char *const names[PP_DNS_OPEN] = { "found",     "nxdomain", "nodata",      "servfail",
		                                        "refused",   "timeout",  "unreachable", "broken",
		                                        "too_large", "bad_name", "dropped" };
	json_t *row = json_object(), *servers = json_array();
	struct dns_stats sum = { 0 };
	uint64_t answered = 0;

	for (unsigned i = 0; i < count; i++)
		dns_stats_add(desks[i]->dns, &sum);
	for (size_t i = 0; plan->dns.servers != NULL && i < plan->dns.servers->count; i++)
		json_array_append_new(servers, control_string(plan->dns.servers->items[i]));
	json_object_set_new(row, "servers", servers);
	json_object_set_new(row, "look_ups", json_integer((json_int_t)sum.asked));
	json_object_set_new(row, "merged", json_integer((json_int_t)sum.merged));
	json_object_set_new(row, "not_asked", json_integer((json_int_t)sum.refused));
	json_object_set_new(row, "canceled", json_integer((json_int_t)sum.canceled));
	json_object_set_new(row, "open", json_integer((json_int_t)sum.open));
	for (unsigned i = 0; i < PP_DNS_OPEN; i++) {
		json_object_set_new(row, names[i], json_integer((json_int_t)sum.status[i]));
		answered += sum.status[i];
	}
	json_object_set_new(row, "mean_ms", mean_ms(sum.usec, answered));
	return row;
}

static json_t *describe_server(struct control_call *call, const struct world *world)
{
	unsigned count;
	struct desk **desks = server_desks(call->server, &count);
	const struct desk_stats stats = sum_stats(desks, count);
	struct cache_stats cache;
	json_t *row = json_pack("{s:s, s:i, s:o, s:s, s:i}", "version", PACKAGE_VERSION, "pid", (int)getpid(),
	                        "since", control_moment(server_started(call->server)), "configuration",
	                        world->plan->conf, "loops", (int)count);

	cache_stats(server_cache(call->server), &cache);
	json_object_set_new(row, "up_ms", json_integer(pp_time() - server_started(call->server)));
	json_object_set_new(row, "file", control_string(server_config_path(call->server)));
	json_object_set_new(row, "requests", json_integer((json_int_t)stats.requests));
	json_object_set_new(row, "actions", count_actions(&stats));
	json_object_set_new(row, "rule_errors", json_integer((json_int_t)stats.failed));
	json_object_set_new(row, "mean_ms", mean_ms(stats.usec, stats.requests));
	json_object_set_new(row, "cache_entries", json_integer((json_int_t)cache.entries));
	json_object_set_new(row, "cache_bytes", json_integer(cache.bytes));
	json_object_set_new(row, "cache_bytes_max", json_integer(cache.bytes_max));
	json_object_set_new(row, "log_lines_lost", json_integer((json_int_t)log_lost()));
	json_object_set_new(row, "dns", describe_dns(desks, count, world->plan));
	json_object_set_new(row, "stores", control_stores(world));
	return row;
}

static json_int_t count_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static void say_requests(struct control_call *call, const json_t *row)
{
	json_t *mean = json_object_get(row, "mean_ms"), *number;
	g_autoptr(GString) text = g_string_new(NULL);
	const char *verb;

	g_string_printf(text, "%" JSON_INTEGER_FORMAT " requests", count_of(row, "requests"));
	if (json_is_real(mean))
		g_string_append_printf(text, ", %.2f ms each", json_real_value(mean));
	json_object_foreach(json_object_get(row, "actions"), verb, number) g_string_append_printf(
	        text, ", %" JSON_INTEGER_FORMAT " %s", json_integer_value(number), verb);
	control_say(call, "%s; %" JSON_INTEGER_FORMAT " rule errors", text->str,
	            count_of(row, "rule_errors"));
}

static void say_dns(struct control_call *call, const json_t *row)
{
	static const char *const shown[] = { "found",   "nxdomain",    "nodata", "servfail",  "refused",
		                             "timeout", "unreachable", "broken", "too_large", "not_asked" };
	json_t *mean = json_object_get(row, "mean_ms"), *server;
	g_autoptr(GString) text = g_string_new("dns:");
	size_t index;

	json_array_foreach(json_object_get(row, "servers"), index, server)
	        g_string_append_printf(text, "%s %s", index > 0 ? "," : "", json_string_value(server));
	if (json_array_size(json_object_get(row, "servers")) == 0)
		g_string_append(text, " servers of the system");
	g_string_append_printf(text, "; %" JSON_INTEGER_FORMAT " look-ups", count_of(row, "look_ups"));
	if (json_is_real(mean))
		g_string_append_printf(text, ", %.2f ms each", json_real_value(mean));
	if (count_of(row, "merged") > 0)
		g_string_append_printf(text, ", %" JSON_INTEGER_FORMAT " merged", count_of(row, "merged"));
	for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
		if (count_of(row, shown[i]) > 0)
			g_string_append_printf(text, ", %" JSON_INTEGER_FORMAT " %s", count_of(row, shown[i]),
			                       shown[i]);
	control_say(call, "%s; %" JSON_INTEGER_FORMAT " under way", text->str, count_of(row, "open"));
}

static void say_server(struct control_call *call, const json_t *row)
{
	char up[32], bytes[32], most[32];
	size_t index;
	json_t *store;

	control_say(call, "ppolicyd %s, process %d, up %s since %s", text_of(row, "version"),
	            (int)count_of(row, "pid"), duration_say(count_of(row, "up_ms"), up),
	            text_of(row, "since"));
	control_say(call, "configuration %s, %s, %d %s", text_of(row, "configuration"), text_of(row, "file"),
	            (int)count_of(row, "loops"), count_of(row, "loops") == 1 ? "loop" : "loops");
	say_requests(call, row);
	control_say(call,
	            "cache: %" JSON_INTEGER_FORMAT " entries, %s of %s bytes; %" JSON_INTEGER_FORMAT
	            " log lines lost",
	            count_of(row, "cache_entries"), control_bytes(count_of(row, "cache_bytes"), bytes),
	            control_bytes(count_of(row, "cache_bytes_max"), most), count_of(row, "log_lines_lost"));
	say_dns(call, json_object_get(row, "dns"));
	json_array_foreach(json_object_get(row, "stores"), index, store) control_say_store(call, store);
}

static void add_port(const struct desk_port *port, void *data)
{
	json_t *row = json_object();

	json_object_set_new(row, "listener", control_string(port->address));
	json_object_set_new(row, "connections", json_integer(g_atomic_int_get(&port->connections)));
	json_array_append_new(data, row);
}

static void list_ports(struct control_call *call, void *data)
{
	ports_each(server_ports(call->server), add_port, data);
}

static json_t *list_checks(const struct world *world)
{
	json_t *rows = json_array();

	for (guint i = 0; i < world->plan->checks->len; i++) {
		const struct check *check = ((const struct plan_check *)world->plan->checks->pdata[i])->check;
		const struct check_stats stats = check_stats_sum(check);
		json_t *row = json_pack("{s:s, s:s}", "check", check->name, "module",
		                        check->module->desc->name);

		json_object_set_new(row, "asked", json_integer((json_int_t)stats.asked));
		json_object_set_new(row, "memory", json_integer((json_int_t)stats.memory));
		json_object_set_new(row, "store", json_integer((json_int_t)stats.store));
		json_object_set_new(row, "stale", json_integer((json_int_t)stats.stale));
		json_object_set_new(row, "unknown", json_integer((json_int_t)stats.unknown));
		json_object_set_new(row, "timeouts", json_integer((json_int_t)stats.timeouts));
		json_object_set_new(row, "merged", json_integer((json_int_t)stats.merged));
		json_object_set_new(row, "lost", json_integer((json_int_t)stats.lost));
		json_object_set_new(row, "mean_ms",
		                    mean_ms(stats.usec, stats.asked - MIN(stats.memory, stats.asked)));
		json_array_append_new(rows, row);
	}
	return rows;
}

void control_status(struct control_call *call)
{
	static const struct control_column port_columns[] = { { "listener", "listener", CONTROL_TEXT },
		                                              { "connections", "connections", CONTROL_COUNT },
		                                              { NULL } };
	static const struct control_column check_columns[] = {
		{ "check", "check", CONTROL_TEXT },      { "module", "module", CONTROL_TEXT },
		{ "asked", "asked", CONTROL_COUNT },     { "memory", "memory", CONTROL_COUNT },
		{ "store", "store", CONTROL_COUNT },     { "stale", "stale", CONTROL_COUNT },
		{ "unknown", "unknown", CONTROL_COUNT }, { "timeouts", "timeouts", CONTROL_COUNT },
		{ "merged", "merged", CONTROL_COUNT },   { "lost", "lost", CONTROL_COUNT },
		{ "mean_ms", "mean ms", CONTROL_MEAN },  { NULL }
	};
	struct world *world = server_world_ref(call->server);
	json_t *ports = json_array(), *checks = list_checks(world), *server = describe_server(call, world);

	if (control_in_main(call, list_ports, ports)) {
		say_server(call, server);
		control_row(call, json_incref(server));
		control_say(call, "%s", "");
		control_table(call, json_incref(ports), port_columns);
		if (json_array_size(checks) > 0)
			control_say(call, "%s", "");
		control_table(call, json_incref(checks), check_columns);
	}
	json_decref(server);
	json_decref(checks);
	json_decref(ports);
	world_unref(world);
}
