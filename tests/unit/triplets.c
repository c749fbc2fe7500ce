/* unit/triplets.c - for tests of the store: a folder with SQL, a database, a store of triplets */
#include "triplets.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <mysql.h>

#define DATABASE "triplets_test"

static const char *const mysql_files[][2] = {
	{ "001_triplets.sql",
	  "CREATE TABLE IF NOT EXISTS {table} (client VARCHAR(100) NOT NULL, sender VARCHAR(100),\n"
	  "  first BIGINT NOT NULL CHECK (first >= 0), passes BIGINT NOT NULL,\n"
	  "  UNIQUE KEY (client, sender)) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE "
	  "utf8mb4_bin;\n" },
	{ "touch.sql", "-- key: client sender\n"
	               "INSERT INTO {table} (client, sender, first, passes)\n"
	               "VALUES (:client, :sender, :now, 0)\n"
	               "ON DUPLICATE KEY UPDATE passes = passes + 1;\n"
	               "SELECT client, sender, first, passes FROM {table}\n"
	               "WHERE (client, sender) IN ((:client, :sender))\n" },
	{ "look_up.sql", "SELECT first, passes, sender FROM {table}\n"
	                 "WHERE client = :client AND sender = :sender AND :now >= 0\n" },
	{ "count.sql", "SELECT count(*) AS n FROM {table}\n" },
	{ "forget.sql",
	  "SELECT sender FROM {table} WHERE client = :client AND sender <> :sender AND first < :now\n"
	  "FOR UPDATE;\n"
	  "DELETE FROM {table} WHERE client = :client AND sender <> :sender AND first < :now\n" },
	{ "fail.sql", "SELECT abs(-9223372036854775807 - 1) AS n\n" },
};

static const char *const files[][2] = {
	{ "001_triplets.sql", "CREATE TABLE {table} (client TEXT NOT NULL, sender TEXT,\n"
	                      "  first INTEGER NOT NULL CHECK (first >= 0), passes INTEGER NOT NULL,\n"
	                      "  PRIMARY KEY (client, sender));\n" },
	{ "touch.sql", "-- key: client sender\n"
	               "INSERT INTO {table} (client, sender, first, passes)\n"
	               "VALUES (:client, :sender, :now, 0)\n"
	               "ON CONFLICT (client, sender) DO UPDATE SET passes = passes + 1\n"
	               "RETURNING client, sender, first, passes\n" },
	{ "look_up.sql", "SELECT first, passes, sender FROM {table}\n"
	                 "WHERE client = :client AND sender = :sender AND :now >= 0\n" },
	{ "count.sql", "SELECT count(*) AS n FROM {table}\n" },
	{ "forget.sql", "DELETE FROM {table} WHERE client = :client AND sender <> :sender AND first < :now\n"
	                "RETURNING sender\n" },
	{ "fail.sql", "SELECT abs(-9223372036854775807 - 1) AS n\n" },
};

static const char *remote_socket(void)
{
	return g_getenv("TEST_MYSQL");
}

bool triplets_are_remote(void)
{
	return remote_socket() != NULL;
}

static const char *driver(void)
{
	return triplets_are_remote() ? "mysql" : "sqlite";
}

/* An empty database, in place of the one there was. */
static void make_database(void)
{
	MYSQL *handle = mysql_init(NULL);

	if (mysql_real_connect(handle, NULL, "root", NULL, NULL, 0, remote_socket(), 0) == NULL ||
	    mysql_query(handle, "DROP DATABASE IF EXISTS " DATABASE) != 0 ||
	    mysql_query(handle, "CREATE DATABASE " DATABASE) != 0)
		g_error("%s", mysql_error(handle));
	mysql_close(handle);
}

void triplets_write(const struct triplets *f, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(f->sql, name, NULL);

	if (text == NULL)
		g_assert_cmpint(g_unlink(path), ==, 0);
	else
		g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static struct statement_set *load_set(const struct triplets *f)
{
	const char *folders[] = { f->folder, NULL };
	g_autofree char *error = NULL;
	struct statement_set *set = statement_set_load(folders, driver(), "triplets", NULL, &error);

	g_assert_cmpstr(error, ==, NULL);
	return set;
}

void triplets_load(struct triplets *f)
{
	f->set = load_set(f);
	f->touch = statement_find(f->set, "touch");
	f->look_up = statement_find(f->set, "look_up");
	f->count = statement_find(f->set, "count");
	f->forget = statement_find(f->set, "forget");
	f->fail = statement_find(f->set, "fail");
}

void triplets_make_store(struct triplets *f, bool on_disk)
{
	struct remote_host host = { .shown = "the socket", .socket = remote_socket() };
	struct remote remote = { &host, 1, .user = "root", .database = DATABASE, .timeout = 5000 };
	const struct store_settings settings = {
		.driver = driver(),
		.target = { .path = on_disk || triplets_are_remote() ? f->path : NULL,
		            .remote = triplets_are_remote() ? &remote : NULL,
		            .lock_wait = 100 }
	};

	f->store = store_new(&settings);
	store_add(f->store, f->set);
}

void triplets_begin(struct triplets *f)
{
	bool mysql = triplets_are_remote();

	*f = (struct triplets){ .folder = g_dir_make_tmp("store-XXXXXX", NULL),
		                .overflow = mysql ? "out of range" : "overflow",
		                .refused = mysql ? "CONSTRAINT" : "CHECK" };
	f->sql = g_build_filename(f->folder, driver(), "triplets", NULL);
	f->path = g_build_filename(f->folder, "test.db", NULL);
	g_assert_cmpint(g_mkdir_with_parents(f->sql, 0700), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(files); i++)
		triplets_write(f, files[i][0], mysql ? mysql_files[i][1] : files[i][1]);
	if (mysql)
		make_database();
	triplets_load(f);
}

static void remove_folder(const char *path)
{
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
		g_autofree char *inside = g_build_filename(path, name, NULL);

		if (g_unlink(inside) != 0)
			remove_folder(inside);
	}
	g_rmdir(path);
}

void triplets_close_store(struct triplets *f)
{
	g_clear_pointer(&f->store, store_unref);
}

void triplets_end(struct triplets *f)
{
	triplets_close_store(f);
	statement_set_unref(f->set);
	remove_folder(f->folder);
	g_free(f->folder);
	g_free(f->sql);
	g_free(f->path);
}

void triplets_begin_open(struct triplets *f, bool on_disk)
{
	triplets_begin(f);
	triplets_make_store(f, on_disk);
	g_assert_true(store_open(f->store));
}

enum store_state triplets_touch(struct triplets *f, const char *client)
{
	struct stored ask;
	enum store_state state = stored_run(f->store, &ask, f->touch, client, "a@example.org", 1);

	stored_free(&ask, 1);
	return state;
}

int64_t triplets_count(struct triplets *f)
{
	struct stored ask;
	int64_t rows;

	stored_run(f->store, &ask, f->count, "", "", 0);
	rows = stored_integer(&ask, "n");
	stored_free(&ask, 1);
	return rows;
}
