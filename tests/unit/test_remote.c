/* unit/test_remote.c - databases on other hosts: names, attempts, the password, the door that is shut */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include "scripted.h"
#include "store/mysql.h"
#include "store/remote.h"
#include "store/secret.h"

/* -- hosts --------------------------------------------------------------- */

static const struct {
	const char *text, *address, *socket; /* both NULL: refused */
	unsigned port;
} hosts[] = {
	{ "db1", "db1", NULL, 3306 },
	{ "db1.example.org:3307", "db1.example.org", NULL, 3307 },
	{ "192.0.2.1", "192.0.2.1", NULL, 3306 },
	{ "192.0.2.1:65535", "192.0.2.1", NULL, 65535 },
	{ "[2001:db8::1]", "2001:db8::1", NULL, 3306 },
	{ "[2001:db8::1]:3307", "2001:db8::1", NULL, 3307 },
	{ "2001:db8::1", "2001:db8::1", NULL, 3306 },
	{ "unix:/run/mysqld/mysqld.sock", NULL, "/run/mysqld/mysqld.sock", 3306 },
	{ "", NULL, NULL, 0 },
	{ "db 1", NULL, NULL, 0 },
	{ "db1:", NULL, NULL, 0 },
	{ "db1:0", NULL, NULL, 0 },
	{ "db1:65536", NULL, NULL, 0 },
	{ "db1:33x", NULL, NULL, 0 },
	{ "db1:-1", NULL, NULL, 0 },
	{ ":3306", NULL, NULL, 0 },
	{ "[2001:db8::1", NULL, NULL, 0 },
	{ "[]", NULL, NULL, 0 },
	{ "[2001:db8::1]3307", NULL, NULL, 0 },
	{ "unix:mysqld.sock", NULL, NULL, 0 },
	{ "unix:", NULL, NULL, 0 },
	{ "mysql://db1", NULL, NULL, 0 },
};

static void test_hosts(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
		bool wanted = hosts[i].address != NULL || hosts[i].socket != NULL;
		struct remote_host host;
		const char *sentence;

		g_test_message("%s", hosts[i].text);
		g_assert_cmpint(remote_host_parse(hosts[i].text, &host, &sentence), ==, wanted);
		g_assert_true(g_str_has_prefix(sentence, "wanted a host such as"));
		if (wanted) {
			g_assert_cmpstr(host.shown, ==, hosts[i].text);
			g_assert_cmpstr(host.address, ==, hosts[i].address);
			g_assert_cmpstr(host.socket, ==, hosts[i].socket);
			g_assert_cmpuint(host.port, ==, hosts[i].port);
		}
		remote_host_clear(&host);
	}
}

static struct remote *make(void)
{
	struct remote_host two[] = { { .shown = "db1", .address = "db1", .port = 3306 },
		                     { .shown = "unix:/s", .socket = "/s" } };
	struct remote remote = {
		.hosts = two, .host_count = 2, .user = "u", .database = "d", .timeout = 2000
	};

	return remote_copy(&remote);
}

static void test_copies(void)
{
	struct remote *a = make(), *b = make();

	g_assert_true(remote_equal(a, b) && remote_equal(NULL, NULL));
	g_assert_false(remote_equal(a, NULL) || remote_equal(NULL, a));
	b->verify = true;
	g_assert_false(remote_equal(a, b));
	b->verify = false;
	g_free((char *)b->hosts[1].shown);
	b->hosts[1].shown = g_strdup("unix:/t");
	g_assert_false(remote_equal(a, b));
	remote_free(a);
	remote_free(b);
	remote_free(NULL);
}

/* -- attempts ------------------------------------------------------------ */

static void test_attempts(void)
{
	struct remote *remote = make();
	struct remote_host *host = &remote->hosts[0];
	char trouble[sizeof(host->trouble)];
	int64_t again, now;

	/* Of one that works as many as anybody likes. */
	g_assert_true(remote_begin(remote, host, &again, trouble));
	g_assert_true(remote_begin(remote, host, &again, trouble));
	now = g_get_monotonic_time();
	again = remote_bad(remote, host, "it is away");
	g_assert_cmpint(again, >=, now + 75000);
	g_assert_cmpint(again, <=, g_get_monotonic_time() + 100000);
	g_assert_false(remote_begin(remote, host, &again, trouble));
	g_assert_cmpstr(trouble, ==, "it is away");
	g_assert_true(remote_begin(remote, &remote->hosts[1], &again, trouble));
	g_usleep((gulong)MAX(host->again - g_get_monotonic_time(), 0) + 1000);
	/* Then one attempt, until it is known what came of it. */
	g_assert_true(remote_begin(remote, host, &again, trouble));
	g_assert_false(remote_begin(remote, host, &again, trouble));
	g_assert_cmpint(again, >, g_get_monotonic_time());
	remote_good(remote, host);
	g_assert_true(remote_begin(remote, host, &again, trouble));
	for (int i = 0; i < 20; i++)
		again = remote_bad(remote, host, "it is away");
	now = g_get_monotonic_time();
	g_assert_cmpint(again - now, >, 1400000);
	g_assert_cmpint(again - now, <=, 2000000);
	remote_free(remote);
}

static void test_sentences(void)
{
	const struct remote_host host = { .shown = "db1:3307" };

	g_assert_cmpstr(mysql_without_host(&host, "db1:3307: it is away"), ==, "it is away");
	g_assert_cmpstr(mysql_without_host(&host, "it is away"), ==, "it is away");
	g_assert_cmpstr(mysql_without_host(&host, "db1:3307"), ==, "db1:3307");
	g_assert_cmpstr(mysql_without_host(&host, ""), ==, "");
}

/* -- the password -------------------------------------------------------- */

static const struct {
	const char *content;
	int mode;
	const char *password, *error; /* password NULL: refused */
} secrets[] = {
	{ "hush", 0600, "hush", NULL },
	{ "hush\n", 0400, "hush", NULL },
	{ "hush hush\r\n", 0640, "hush hush", NULL },
	{ "hush\n", 0644, NULL, "others may read or change it" },
	{ "hush\n", 0660, NULL, "others may read or change it" },
	{ "hush\n", 0601, NULL, "others may read or change it" },
	{ "", 0600, NULL, "it is empty" },
	{ "\n", 0600, NULL, "it is empty" },
	{ "hush\nhush\n", 0600, NULL, "more than one line" },
	{ "\xff\xfe", 0600, NULL, "not text in UTF-8" },
};

static void test_secrets(void)
{
	g_autofree char *folder = g_dir_make_tmp("secret-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "password", NULL), *none = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++) {
		g_autofree char *error = NULL;
		char *secret;

		g_assert_true(g_file_set_contents(path, secrets[i].content, -1, NULL));
		g_assert_cmpint(chmod(path, (mode_t)secrets[i].mode), ==, 0);
		secret = secret_read(path, &error);
		g_assert_cmpstr(secret, ==, secrets[i].password);
		g_assert_cmpint(error == NULL, ==, secret != NULL);
		if (error != NULL) {
			g_assert_true(g_str_has_prefix(error, path));
			g_assert_nonnull(strstr(error, secrets[i].error));
			g_assert_null(strstr(error, "hush"));
		}
		secret_free(secret);
	}
	g_unlink(path);
	g_assert_false(secret_check(path, &none));
	g_assert_nonnull(strstr(none, "No such file"));
	g_clear_pointer(&none, g_free);
	g_assert_false(secret_check(folder, &none));
	g_assert_nonnull(strstr(none, "it is no file"));
	g_rmdir(folder);
}

/* -- the door ------------------------------------------------------------ */

static void test_door(void)
{
	struct door door;
	char text[sizeof(door.text)];

	door_init(&door);
	g_assert_true(door_enter(&door, text) && door_enter(&door, text));
	door_ajar(&door); /* it is open: that stays so */
	g_assert_true(door_enter(&door, text) && door_enter(&door, text));
	door_shut(&door, "away");
	g_assert_false(door_enter(&door, text));
	g_assert_cmpstr(text, ==, "away");
	door_ajar(&door);
	g_assert_true(door_enter(&door, text));
	g_assert_false(door_enter(&door, text));
	door_open(&door);
	g_assert_true(door_enter(&door, text) && door_enter(&door, text));
	door_clear(&door);
}

/* A database that took an ask and did not answer: of those that come then one finds out, and the
 * others do not wait for it. */
static void test_one_finds_out(void)
{
	struct store_settings settings = { .driver = "scripted", .target.path = "scripted" };
	struct database_driver driver = scripted;
	struct store *store;
	struct stored first, others[20];
	gint64 limit = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	unsigned opens;

	scripted_reset();
	driver.remote = true;
	store = store_new_with(&settings, &driver);
	store_add(store, &scripted_set);
	stored_log_start();
	g_assert_true(store_open(store));
	/* Lost, opened again, and lost once more. */
	scripted_fail(SPOT_RUN, 2, DATABASE_LOST, "no answer");
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	opens = scripted_calls(SPOT_OPEN);
	/* At once, and without a word to the database. */
	g_assert_cmpint(scripted_run(store, "192.0.2.1"), ==, STORE_FAILED);
	g_assert_cmpuint(scripted_calls(SPOT_RUN), ==, 2);
	scripted_gate(true);
	while (scripted_calls(SPOT_OPEN) == opens)
		g_usleep(1000);
	do {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		stored_set(&first, &scripted_touch, "192.0.2.2", "a", 1);
		g_usleep(1000);
	} while (!stored_start(store, &first));
	scripted_await_stuck();
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
		stored_set(&others[i], &scripted_touch, "192.0.2.3", "a", 1);
		g_assert_false(stored_start(store, &others[i]));
		g_assert_cmpstr(others[i].ask.error, ==, "no answer");
	}
	scripted_gate(false);
	stored_await(&first, 1, 5000);
	g_assert_cmpint(first.ask.state, ==, STORE_DONE);
	stored_free(&first, 1);
	g_assert_cmpint(scripted_run(store, "192.0.2.4"), ==, STORE_DONE);
	stored_log_stop();
	store_unref(store);
	g_assert_true(scripted_is_ended());
}

/* Reads as soon as the door lets it. */
static enum store_state read_at_last(struct store *store)
{
	gint64 limit = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	enum store_state state;
	struct stored ask;

	for (;;) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		stored_set(&ask, &scripted_read, "192.0.2.1", "a", 1);
		if (stored_start(store, &ask))
			break;
		g_usleep(1000);
	}
	stored_await(&ask, 1, 5000);
	state = ask.ask.state;
	stored_free(&ask, 1);
	return state;
}

/* Of a statement that is wrong, or of a right that is missing, nobody learns whether the database
 * works; that must not keep the others out for ever. */
static void test_next_finds_out(void)
{
	static const enum database_fault faults[] = { DATABASE_DATA, DATABASE_DENIED };
	struct store_settings settings = { .driver = "scripted", .target.path = "scripted" };
	struct database_driver driver = scripted;

	driver.remote = true;
	driver.readers = 1;
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		struct store *store;

		scripted_reset();
		store = store_new_with(&settings, &driver);
		store_add(store, &scripted_set);
		stored_log_start();
		g_assert_true(store_open(store));
		/* Lost, opened again, and lost once more. */
		scripted_fail(SPOT_RUN, 2, DATABASE_LOST, "no answer");
		g_assert_cmpint(read_at_last(store), ==, STORE_FAILED);
		scripted_fail(SPOT_RUN, 1, faults[i], "refused");
		g_assert_cmpint(read_at_last(store), ==, STORE_FAILED);
		g_assert_cmpint(read_at_last(store), ==, STORE_DONE);
		stored_log_stop();
		store_unref(store);
		g_assert_true(scripted_is_ended());
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote/hosts are names, addresses and sockets, and nothing else", test_hosts);
	g_test_add_func("/remote/copies are compared with all they have", test_copies);
	g_test_add_func("/remote/of a host that failed one attempt is made at a time", test_attempts);
	g_test_add_func("/remote/a sentence loses the host it begins with, if it does", test_sentences);
	g_test_add_func("/remote/a password is a line of a file that others may not read", test_secrets);
	g_test_add_func("/remote/a door that is ajar lets one in", test_door);
	g_test_add_func("/remote/one ask finds out whether a database answers again", test_one_finds_out);
	g_test_add_func("/remote/who finds out nothing leaves it to the next one", test_next_finds_out);
	return g_test_run();
}
