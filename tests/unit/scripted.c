/* unit/scripted.c - a database driver that does what a test says */
#include "scripted.h"

#include <string.h>

struct database {
	unsigned generation;
	unsigned rows; /* of this transaction */
};

struct script {
	int times;
	struct database_error error;
	unsigned calls;
};

static struct {
	GMutex lock;
	GCond changed;
	struct script spots[SPOTS];
	enum scripted_rows rows;
	GHashTable *counts;
	unsigned generation, largest, committed, connections, stuck;
	int version;
	bool shut;
} script;

static const char *const arg_names[] = { "client", "sender", "now" };
static const unsigned key[] = { 0, 1 };
static const struct migration migrations[] = { { 1, "001_first.sql", "" }, { 2, "002_second.sql", "" } };

struct statement_set scripted_set = { .refs = 1000, .name = "scripted", .table = "scripted" };
struct statement_set scripted_tables = {
	.refs = 1000, .name = "tables", .table = "tables", .migration_count = 2, .migrations = migrations
};

#define ARGS .arg_count = 3, .args = arg_names
#define KEY .key_count = 2, .keys = key
const struct statement scripted_touch = { .set = &scripted_set, .name = "touch", .writes = true, ARGS, KEY };
const struct statement scripted_add = {
	.set = &scripted_set, .name = "add", .index = 1, .writes = true, ARGS
};
const struct statement scripted_read = { .set = &scripted_set, .name = "read", .index = 2, ARGS, KEY };
const struct statement scripted_tabled = {
	.set = &scripted_tables, .name = "tabled", .writes = true, ARGS, KEY
};

const struct statement scripted_tabled_read = {
	.set = &scripted_tables, .name = "read", .index = 1, ARGS, KEY
};

/* -- the script ---------------------------------------------------------- */

void scripted_reset(void)
{
	g_mutex_lock(&script.lock);
	memset(script.spots, 0, sizeof(script.spots));
	script.rows = ROWS_IN_ORDER;
	g_clear_pointer(&script.counts, g_hash_table_unref);
	script.counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	script.largest = script.committed = script.stuck = 0;
	script.version = 0;
	script.shut = false;
	g_mutex_unlock(&script.lock);
}

void scripted_fail(enum scripted_spot spot, int times, enum database_fault fault, const char *text)
{
	g_mutex_lock(&script.lock);
	script.spots[spot].times = times;
	script.spots[spot].error.fault = fault;
	g_strlcpy(script.spots[spot].error.text, text, sizeof(script.spots[spot].error.text));
	g_mutex_unlock(&script.lock);
}

void scripted_return(enum scripted_rows rows)
{
	g_mutex_lock(&script.lock);
	script.rows = rows;
	g_mutex_unlock(&script.lock);
}

void scripted_replace(void)
{
	g_mutex_lock(&script.lock);
	script.generation++;
	g_mutex_unlock(&script.lock);
}

void scripted_version(int version)
{
	g_mutex_lock(&script.lock);
	script.version = version;
	g_mutex_unlock(&script.lock);
}

static unsigned read_counter(const unsigned *counter)
{
	unsigned value;

	g_mutex_lock(&script.lock);
	value = *counter;
	g_mutex_unlock(&script.lock);
	return value;
}

unsigned scripted_calls(enum scripted_spot spot)
{
	return read_counter(&script.spots[spot].calls);
}

unsigned scripted_largest(void)
{
	return read_counter(&script.largest);
}

unsigned scripted_committed(void)
{
	return read_counter(&script.committed);
}

bool scripted_is_ended(void)
{
	return read_counter(&script.connections) == 0;
}

void scripted_gate(bool shut)
{
	g_mutex_lock(&script.lock);
	script.shut = shut;
	g_cond_broadcast(&script.changed);
	g_mutex_unlock(&script.lock);
}

void scripted_await_stuck(void)
{
	g_mutex_lock(&script.lock);
	while (script.stuck == 0)
		g_cond_wait(&script.changed, &script.lock);
	g_mutex_unlock(&script.lock);
}

/* With the lock held: whether this call succeeds. */
static bool pass(enum scripted_spot spot, struct database_error *error)
{
	struct script *here = &script.spots[spot];

	here->calls++;
	if (here->times == 0)
		return true;
	if (here->times > 0)
		here->times--;
	*error = here->error;
	return false;
}

static bool pass_locked(enum scripted_spot spot, struct database_error *error)
{
	bool passed;

	g_mutex_lock(&script.lock);
	passed = pass(spot, error);
	g_mutex_unlock(&script.lock);
	return passed;
}

/* -- the driver ---------------------------------------------------------- */

static struct database *open_database(const struct database_target *target, struct database_error *error)
{
	struct database *database = NULL;

	g_assert_cmpstr(target->path, ==, "scripted");
	g_mutex_lock(&script.lock);
	if (pass(SPOT_OPEN, error)) {
		database = g_new0(struct database, 1);
		database->generation = script.generation;
		script.connections++;
	}
	g_mutex_unlock(&script.lock);
	return database;
}

static void close_database(struct database *database)
{
	if (database == NULL)
		return;
	g_mutex_lock(&script.lock);
	script.connections--;
	g_mutex_unlock(&script.lock);
	g_free(database);
}

static bool begin(struct database *database, struct database_error *error)
{
	database->rows = 0;
	return pass_locked(SPOT_BEGIN, error);
}

static bool commit(struct database *database, struct database_error *error)
{
	bool passed;

	g_mutex_lock(&script.lock);
	passed = pass(SPOT_COMMIT, error);
	if (passed)
		script.committed += database->rows;
	g_mutex_unlock(&script.lock);
	return passed;
}

static void rollback(struct database *database)
{
	database->rows = 0;
}

static bool succeed(struct database *database, struct database_error *error)
{
	(void)database;
	(void)error;
	return true;
}

static void await_gate(const struct statement *statement)
{
	if (!statement->writes || !script.shut)
		return;
	script.stuck++;
	g_cond_broadcast(&script.changed);
	while (script.shut)
		g_cond_wait(&script.changed, &script.lock);
	script.stuck--;
}

/* How often this key was run. */
static int64_t count(const struct database_value *row)
{
	g_autofree char *name = g_strdup_printf("%s %s", row[0].string, row[1].string);
	int64_t times = (int64_t)GPOINTER_TO_SIZE(g_hash_table_lookup(script.counts, name)) + 1;

	g_hash_table_insert(script.counts, g_steal_pointer(&name), GSIZE_TO_POINTER((size_t)times));
	return times;
}

static void deliver(const struct database_value *from, database_row_fn row, void *data)
{
	struct database_value out[3] = { from[0], from[1], { .kind = PP_INTEGER, .integer = count(from) } };

	if (script.rows == ROWS_OF_STRANGERS)
		out[0] = (struct database_value){ .kind = PP_STRING, .string = "x", .length = 1 };
	row(out, data);
}

static bool has(const char *client, unsigned rows, const struct database_value *values)
{
	for (unsigned i = 0; i < rows; i++)
		if (g_str_has_prefix(values[3 * i].string, client))
			return true;
	return false;
}

/* A database may do what it likes with a key that is twice in a statement. */
static void assert_keys_differ(const struct statement *statement, unsigned rows,
                               const struct database_value *values)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (unsigned i = 0; i < rows && statement->key_count > 0; i++)
		g_assert_true(g_hash_table_add(
		        seen, g_strconcat(values[3 * i].string, " ", values[3 * i + 1].string, NULL)));
}

static bool run_locked(struct database *database, const struct statement *statement, unsigned rows,
                       const struct database_value *values, database_row_fn row, void *data,
                       struct database_error *error)
{
	await_gate(statement);
	assert_keys_differ(statement, rows, values);
	script.largest = MAX(script.largest, rows);
	if (!pass(SPOT_RUN, error))
		return false;
	if (has("locked", rows, values)) {
		*error = (struct database_error){ .fault = DATABASE_BUSY, .text = "it is locked" };
		g_usleep(LOCKED_WAIT * 1000);
		return false;
	}
	if (has("slow", rows, values)) {
		*error = (struct database_error){ .fault = DATABASE_DATA, .text = "it took too long" };
		g_usleep(SLOW_WAIT * 1000);
		return false;
	}
	if (has("poison", rows, values)) {
		*error = (struct database_error){ .fault = DATABASE_DATA, .text = "poison is refused" };
		return false;
	}
	if (script.rows == ROWS_REVERSED)
		for (unsigned i = rows; i-- > 0;)
			deliver(values + 3 * i, row, data);
	else
		for (unsigned i = 0; i < rows - (script.rows == ROWS_LAST_MISSING && rows > 1); i++)
			deliver(values + 3 * i, row, data);
	if (script.rows == ROWS_LAST_TWICE)
		deliver(values + 3 * (rows - 1), row, data);
	database->rows += rows;
	return true;
}

static bool run(struct database *database, const struct statement *statement, unsigned rows,
                const struct database_value *values, const char *const **columns, unsigned *column_count,
                database_row_fn row, void *data, struct database_error *error)
{
	static const char *const names[] = { "client", "sender", "times" };
	bool good;

	*columns = names;
	*column_count = 3;
	g_mutex_lock(&script.lock);
	good = run_locked(database, statement, rows, values, row, data, error);
	g_mutex_unlock(&script.lock);
	return good;
}

static void forget(struct database *database, const struct statement_set *set)
{
	(void)database;
	(void)set;
}

static bool get_version(struct database *database, const char *name, int *version,
                        struct database_error *error)
{
	bool passed;

	(void)database;
	(void)name;
	g_mutex_lock(&script.lock);
	*version = script.version;
	passed = pass(SPOT_VERSION, error);
	g_mutex_unlock(&script.lock);
	return passed;
}

static bool run_script(struct database *database, const char *sql, struct database_error *error)
{
	(void)sql;
	return succeed(database, error);
}

static bool set_version(struct database *database, const char *name, int version,
                        struct database_error *error)
{
	(void)name;
	scripted_version(version);
	return succeed(database, error);
}

static enum database_presence still_there(struct database *database, struct database_error *error)
{
	(void)error;
	return read_counter(&script.generation) == database->generation ? DATABASE_THERE : DATABASE_REPLACED;
}

static void health(struct database *database, struct database_health *out)
{
	(void)database;
	*out = (struct database_health){ 4096, 0 };
}

const struct database_driver scripted = {
	.name = "scripted",
	.readers = 2,
	.open = open_database,
	.close = close_database,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.savepoint = succeed,
	.release = succeed,
	.undo = succeed,
	.run = run,
	.forget = forget,
	.version = get_version,
	.script = run_script,
	.set_version = set_version,
	.still_there = still_there,
	.health = health,
};

/* -- stores of it -------------------------------------------------------- */

static struct store *store_with(const struct database_driver *driver)
{
	static const struct store_settings settings = { .driver = "scripted", .target.path = "scripted" };
	struct store *store;

	scripted_reset();
	store = store_new_with(&settings, driver);
	store_add(store, &scripted_set);
	return store;
}

struct store *scripted_store(void)
{
	return store_with(&scripted);
}

struct store *scripted_remote_store(void)
{
	static struct database_driver remote;

	remote = scripted;
	remote.remote = true;
	return store_with(&remote);
}

struct store *scripted_open(void)
{
	struct store *store = scripted_store();

	stored_log_start();
	g_assert_true(store_open(store));
	return store;
}

void scripted_end(struct store *store)
{
	store_unref(store);
	stored_log_stop();
	g_assert_true(scripted_is_ended());
}

enum store_state scripted_run(struct store *store, const char *client)
{
	struct stored ask;
	enum store_state state = stored_run(store, &ask, &scripted_touch, client, "a@example.org", 1);

	stored_free(&ask, 1);
	return state;
}

struct stored *scripted_many(struct store *store, const struct statement *statement, unsigned count)
{
	struct stored *asks = g_new0(struct stored, count);

	for (unsigned i = 0; i < count; i++) {
		g_autofree char *client = g_strdup_printf("client %u", i);

		stored_set(&asks[i], statement, client, "a@example.org", i);
		g_assert_true(stored_start(store, &asks[i]));
	}
	return asks;
}
