/* daemon/control_store.c - ppolicyctl store status: how the databases do */
#include "daemon/control_store.h"

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

static json_t *describe(struct store *store)
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
	add_counts(row, &status);
	json_object_set_new(row, "sets", sets);
	return row;
}

json_t *control_stores(const struct world *world)
{
	g_autoptr(GPtrArray) stores = world_stores(world);
	json_t *rows = json_array();

	for (guint i = 0; i < stores->len; i++)
		json_array_append_new(rows, describe(stores->pdata[i]));
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

static void say_whole(struct control_call *call, const json_t *row)
{
	const json_t *mean_rows = json_object_get(row, "rows_a_transaction");
	const json_t *mean_ms = json_object_get(row, "mean_ms");
	char size[32], log[32];

	control_say(call, "%s: %s %s", text_of(row, "store"), text_of(row, "driver"), text_of(row, "path"));
	control_say(call, "    state        %s since %s", text_of(row, "state"), text_of(row, "since"));
	if (json_is_string(json_object_get(row, "host")))
		control_say(call, "    host         %s", text_of(row, "host"));
	if (json_is_string(json_object_get(row, "trouble")))
		control_say(call, "    trouble      %s", text_of(row, "trouble"));
	control_say(call,
	            "    asks         %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
	            " failed, %" JSON_INTEGER_FORMAT " refused, %" JSON_INTEGER_FORMAT " waiting",
	            number_of(row, "asks"), number_of(row, "failed"), number_of(row, "refused"),
	            number_of(row, "waiting"));
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
