/* daemon/control_schema.c - ppolicyctl store schema: SQL for who may make tables */
#include <string.h>
#include "base/text.h"
#include "daemon/control_call.h"
#include "store/schema.h"
#include "store/store.h"

struct schema {
	struct control_call *call;
	const struct database_driver *driver;
	bool same; /* it is the kind of the store: what is there already need not be made */
	unsigned count;
};

static void say_lines(struct control_call *call, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line != NULL; line++)
		if (**line != '\0' || line[1] != NULL)
			control_say(call, "%s", *line);
}

static void say_statements(struct control_call *call, const char *sql)
{
	g_autofree char *text = g_strdup(sql);
	size_t length = strlen(g_strchomp(text));

	say_lines(call, text);
	if (length > 0 && text[length - 1] != ';')
		control_say(call, ";");
}

static void say_migration(struct schema *schema, const struct statement_set *set,
                          const struct migration *migration)
{
	g_autofree char *name = schema_name(set);

	if (schema->count++ == 0)
		say_statements(schema->call, schema->driver->versions);
	control_say(schema->call, "%s", "");
	say_statements(schema->call, migration->sql);
	control_say(
	        schema->call,
	        "REPLACE INTO ppolicyd_schema (name, version, changed) VALUES ('%s', %d, %" G_GINT64_FORMAT
	        ");",
	        name, migration->version, pp_time());
	control_row(schema->call, json_pack("{s:s, s:i, s:s}", "name", name, "version", migration->version,
	                                    "sql", migration->sql));
}

static void see_set(const struct statement_set *set, int version, void *data)
{
	const char *folders[] = { set->home, NULL };
	struct schema *schema = data;
	g_autofree char *error = NULL;
	struct statement_set *theirs = statement_set_load(folders, schema->driver->name, set->name,
	                                                  set->table, &error);

	if (theirs == NULL) {
		control_fail(schema->call, COMMAND_NO, "%s", error);
		return;
	}
	for (unsigned i = 0; i < theirs->migration_count; i++)
		if (!schema->same || theirs->migrations[i].version > version)
			say_migration(schema, theirs, &theirs->migrations[i]);
	statement_set_unref(theirs);
}

/* NULL: the call has failed. */
static const struct database_driver *find_driver(struct control_call *call, const struct store *store)
{
	const struct database_driver *driver = database_driver_find(
	        call->words[0] != NULL ? call->words[0] : store_driver(store));
	char shown[100];

	if (call->words[0] != NULL && call->words[1] != NULL) {
		control_fail(call, COMMAND_USAGE, "store schema: one kind of database is enough");
		return NULL;
	}
	if (driver != NULL)
		return driver;
	text_escape(shown, sizeof(shown), call->words[0], strlen(call->words[0]), true);
	control_fail(call, COMMAND_USAGE, "store schema: found '%s', wanted sqlite or mysql", shown);
	return NULL;
}

static void say_schema(struct control_call *call, struct store *store)
{
	struct schema schema = { .call = call, .driver = find_driver(call, store) };

	if (schema.driver == NULL)
		return;
	schema.same = strcmp(schema.driver->name, store_driver(store)) == 0;
	store_each_set(store, see_set, &schema);
	if (schema.count == 0 && call->status == COMMAND_DONE)
		control_say(call, "-- nothing is missing");
}

void control_store_schema(struct control_call *call)
{
	struct world *world = server_world_ref(call->server);
	g_autoptr(GPtrArray) stores = world_stores(world);
	bool found = false;

	for (guint i = 0; i < stores->len && !found; i++) {
		found = strcmp(store_name(stores->pdata[i]), "store") == 0;
		if (found)
			say_schema(call, stores->pdata[i]);
	}
	world_unref(world);
	if (!found)
		control_say(call, "-- no check uses a store that has tables of ours");
}
