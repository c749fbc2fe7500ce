/* daemon/control_store.c - ppolicyctl store status: how the databases do */
#include "daemon/control_store.h"

#include <string.h>
#include "store/store.h"

/* -- what is known ------------------------------------------------------- */

static void add_set(const struct statement_set *set, int version, void *data)
{
	json_array_append_new(data, json_pack("{s:s, s:s, s:i}", "name", set->name, "table", set->table,
	                                      "version", version));
}

static json_t *count(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *mean(double sum, uint64_t number)
{
	return number > 0 ? json_real(sum / (double)number) : json_null();
}

static json_t *bytes(int64_t number)
{
	return number >= 0 ? json_integer(number) : json_null();
}

static const char *state_of(const struct store_status *status)
{
	if (status->good)
		return "good";
	return status->open ? "failing" : "closed";
}

static void add_counts(json_t *row, const struct store_status *status)
{
	json_object_set_new(row, "asks", count(status->asks));
	json_object_set_new(row, "failed", count(status->failed));
	json_object_set_new(row, "refused", count(status->refused));
	json_object_set_new(row, "waiting", count(status->waiting));
	json_object_set_new(row, "reads", count(status->reads));
	json_object_set_new(row, "rows_written", count(status->rows_written));
	json_object_set_new(row, "transactions", count(status->transactions));
	json_object_set_new(row, "rows_a_transaction",
	                    mean((double)status->rows_written, status->transactions));
	json_object_set_new(row, "mean_ms", mean((double)status->write_usec / 1000, status->transactions));
	json_object_set_new(row, "bytes", bytes(status->health.bytes));
	json_object_set_new(row, "log_bytes", bytes(status->health.log_bytes));
}

/* Where there are hosts: what runs where it is connected to, and of each what is known of it. */
static void add_hosts(json_t *row, const struct store *store, const struct store_status *status)
{
	struct remote *remote = store_settings(store)->target.remote;
	json_t *hosts = json_array();
	struct remote_report report;

	json_object_set_new(row, "server",
	                    control_plain(status->health.server[0] != '\0' ? status->health.server : NULL));
	json_object_set_new(row, "tls",
	                    control_plain(status->health.tls[0] != '\0' ? status->health.tls : NULL));
	for (unsigned i = 0; remote != NULL && i < remote->host_count; i++) {
		const struct remote_host *host = &remote->hosts[i];
		bool used = strcmp(host->shown, status->place) == 0;

		remote_report(remote, host, &report);
		json_array_append_new(
		        hosts, json_pack("{s:o, s:s, s:o}", "host", control_string(host->shown), "state",
		                         report.failing     ? "failing"
		                         : report.read_only ? "read-only"
		                         : used             ? "used"
		                                            : "spare",
		                         "trouble", control_plain(report.failing ? report.trouble : NULL)));
	}
	json_object_set_new(row, "hosts", remote != NULL ? hosts : json_null());
	if (remote == NULL)
		json_decref(hosts);
}

/* What checks that use it gave to be written later, and was not. */
static uint64_t count_lost(const struct world *world, struct store *store)
{
	uint64_t lost = 0;

	for (guint i = 0; i < world->plan->checks->len; i++) {
		const struct check *check = ((const struct plan_check *)world->plan->checks->pdata[i])->check;

		if (check->stores != NULL && g_ptr_array_find(check->stores, store, NULL))
			lost += check_stats_sum(check).lost;
	}
	return lost;
}

static json_t *describe(const struct world *world, struct store *store)
{
	struct store_status status;
	json_t *row = json_pack("{s:s, s:s}", "store", store_name(store), "driver", store_driver(store));
	json_t *sets = json_array();

	store_status(store, &status);
	store_each_set(store, add_set, sets);
	json_object_set_new(row, "path", control_string(store_path(store)));
	json_object_set_new(row, "host", control_string(status.place[0] != '\0' ? status.place : NULL));
	json_object_set_new(row, "state", json_string(state_of(&status)));
	json_object_set_new(row, "trouble",
	                    control_string(status.trouble[0] != '\0' ? status.trouble : NULL));
	json_object_set_new(row, "since", control_moment(status.since));
	json_object_set_new(row, "last_trouble",
	                    control_plain(status.last_trouble[0] != '\0' ? status.last_trouble : NULL));
	json_object_set_new(row, "last_trouble_at", control_moment(status.last_trouble_at));
	add_hosts(row, store, &status);
	json_object_set_new(row, "lost", count(count_lost(world, store)));
	add_counts(row, &status);
	json_object_set_new(row, "sets", sets);
	return row;
}

json_t *control_stores(const struct world *world)
{
	g_autoptr(GPtrArray) stores = world_stores(world);
	json_t *rows = json_array();

	for (guint i = 0; i < stores->len; i++)
		json_array_append_new(rows, describe(world, stores->pdata[i]));
	return rows;
}

/* -- for people ---------------------------------------------------------- */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "-";
}

static json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const char *size_of(const json_t *row, const char *key, char buffer[32])
{
	const json_t *value = json_object_get(row, key);

	return json_is_integer(value) ? control_bytes(json_integer_value(value), buffer) : "-";
}

void control_say_store(struct control_call *call, const json_t *store)
{
	const char *trouble = json_string_value(json_object_get(store, "trouble"));

	control_say(call,
	            "%s: %s, %s since %s; %" JSON_INTEGER_FORMAT " asks, %" JSON_INTEGER_FORMAT
	            " failed, %" JSON_INTEGER_FORMAT " rows written%s%s",
	            text_of(store, "store"), text_of(store, "driver"), text_of(store, "state"),
	            text_of(store, "since"), number_of(store, "asks"),
	            number_of(store, "failed") + number_of(store, "refused"),
	            number_of(store, "rows_written"), trouble != NULL ? "; " : "",
	            trouble != NULL ? trouble : "");
}

static void say_sets(struct control_call *call, const json_t *sets)
{
	g_autoptr(GString) line = g_string_new(NULL);
	size_t index;
	json_t *set;

	json_array_foreach((json_t *)sets, index, set)
	{
		const char *name = text_of(set, "name"), *table = text_of(set, "table");
		bool same = g_str_equal(name, table);

		g_string_append_printf(line, "%s%s%s%s%s version %d", index > 0 ? ", " : "", name,
		                       same ? "" : " (", same ? "" : table, same ? "" : ")",
		                       (int)number_of(set, "version"));
	}
	control_say(call, "    tables of    %s", line->len > 0 ? line->str : "nothing yet");
}

static void say_hosts(struct control_call *call, const json_t *row)
{
	const json_t *hosts = json_object_get(row, "hosts");
	size_t index;
	json_t *host;

	if (strcmp(text_of(row, "state"), "good") == 0 && json_is_string(json_object_get(row, "server")))
		control_say(call, "    connected    %s, %s, TLS: %s", text_of(row, "host"),
		            text_of(row, "server"), text_of(row, "tls"));
	json_array_foreach((json_t *)hosts, index, host)
	{
		const char *trouble = json_string_value(json_object_get(host, "trouble"));

		control_say(call, "    %-12s %s %s%s%s", index == 0 ? "hosts" : "", text_of(host, "host"),
		            text_of(host, "state"), trouble != NULL ? ": " : "",
		            trouble != NULL ? trouble : "");
	}
}

static void say_whole(struct control_call *call, const json_t *row)
{
	const json_t *mean_rows = json_object_get(row, "rows_a_transaction");
	const json_t *mean_ms = json_object_get(row, "mean_ms");
	char size[32], log[32];

	control_say(call, "%s: %s %s", text_of(row, "store"), text_of(row, "driver"), text_of(row, "path"));
	control_say(call, "    state        %s since %s", text_of(row, "state"), text_of(row, "since"));
	if (json_is_array(json_object_get(row, "hosts")))
		say_hosts(call, row);
	if (json_is_string(json_object_get(row, "trouble")))
		control_say(call, "    trouble      %s", text_of(row, "trouble"));
	else if (json_is_string(json_object_get(row, "last_trouble")))
		control_say(call, "    last trouble %s: %s", text_of(row, "last_trouble_at"),
		            text_of(row, "last_trouble"));
	control_say(call,
	            "    asks         %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
	            " failed, %" JSON_INTEGER_FORMAT " refused, %" JSON_INTEGER_FORMAT
	            " waiting, %" JSON_INTEGER_FORMAT " writes lost",
	            number_of(row, "asks"), number_of(row, "failed"), number_of(row, "refused"),
	            number_of(row, "waiting"), number_of(row, "lost"));
	control_say(call, "    read         %" JSON_INTEGER_FORMAT " times", number_of(row, "reads"));
	control_say(call,
	            "    rows written %" JSON_INTEGER_FORMAT " in %" JSON_INTEGER_FORMAT " transactions",
	            number_of(row, "rows_written"), number_of(row, "transactions"));
	if (json_is_real(mean_rows))
		control_say(call, "                 %.1f rows and %.2f ms each", json_real_value(mean_rows),
		            json_real_value(mean_ms));
	control_say(call, "    size         %s, log %s", size_of(row, "bytes", size),
	            size_of(row, "log_bytes", log));
	say_sets(call, json_object_get(row, "sets"));
}

void control_store_status(struct control_call *call)
{
	struct world *world = server_world_ref(call->server);
	json_t *rows = control_stores(world), *row;
	size_t index;

	world_unref(world);
	json_array_foreach(rows, index, row)
	{
		say_whole(call, row);
		control_row(call, json_incref(row));
	}
	if (json_array_size(rows) == 0)
		control_say(call, "no check uses a store");
	json_decref(rows);
}
