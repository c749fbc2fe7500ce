/* unit/test_mysql_connect.c - connecting to MySQL: no resolver of names holds up the store */
#include <glib.h>
#include <netdb.h>
#include <string.h>
#include "store/database.h"

/* The resolver, as the client library finds it: it waits until it is told not to. */
static GMutex lock;
static GCond changed;
static bool stuck, ended;
static unsigned asked;

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **result)
{
	(void)name;
	(void)service;
	(void)hints;
	*result = NULL;
	g_mutex_lock(&lock);
	asked++;
	while (stuck)
		g_cond_wait(&changed, &lock);
	ended = true;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
	return EAI_FAIL;
}

static void set_stuck(bool now)
{
	g_mutex_lock(&lock);
	stuck = now;
	ended = false;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

static unsigned count_asked(void)
{
	unsigned count;

	g_mutex_lock(&lock);
	count = asked;
	g_mutex_unlock(&lock);
	return count;
}

static void await_end(void)
{
	g_mutex_lock(&lock);
	while (!ended)
		g_cond_wait(&changed, &lock);
	g_mutex_unlock(&lock);
}

static struct remote *remote_new(const char *name)
{
	struct remote_host host;
	struct remote remote = { .hosts = &host,
		                 .host_count = 1,
		                 .user = "ppolicyd",
		                 .database = "ppolicyd",
		                 .timeout = 1000 },
	              *copy;
	const char *wanted;

	g_assert_true(remote_host_parse(name, &host, &wanted));
	copy = remote_copy(&remote);
	remote_host_clear(&host);
	return copy;
}

/* Returns how long it took, in ms; it does not succeed. */
static int64_t open_once(struct remote *remote, struct database_error *error)
{
	const struct database_target target = { .path = remote->hosts->shown, .remote = remote };
	int64_t begin = g_get_monotonic_time();

	remote->hosts->again = 0; /* now, not after the back-off */
	g_assert_null(database_mysql.open(&target, error));
	g_assert_cmpint(error->fault, ==, DATABASE_LOST);
	return (g_get_monotonic_time() - begin) / 1000;
}

static void test_dead(void)
{
	struct remote *remote = remote_new("db.example.org");
	struct database_error error;
	unsigned before = count_asked();
	int64_t took;

	set_stuck(true);
	took = open_once(remote, &error);
	g_assert_cmpint(took, >=, 1000);
	g_assert_cmpint(took, <, 10000);
	g_assert_nonnull(strstr(error.text, "db.example.org: no connection within 1 s"));
	g_assert_cmpuint(count_asked(), ==, before + 1);

	/* As long as that attempt is under way there is no other. */
	open_once(remote, &error);
	g_assert_nonnull(strstr(error.text, "has not ended yet"));
	g_assert_cmpuint(count_asked(), ==, before + 1);

	set_stuck(false);
	await_end();
	for (int i = 0; count_asked() == before + 1 && i < 1000; i++, g_usleep(10000))
		open_once(remote, &error);
	g_assert_cmpuint(count_asked(), >, before + 1);
	g_assert_null(strstr(error.text, "ended yet"));
	remote_free(remote);
}

/* The store may be gone when the attempt ends. */
static void test_left_alone(void)
{
	struct remote *remote = remote_new("db.example.org");
	struct database_error error;

	set_stuck(true);
	open_once(remote, &error);
	remote_free(remote);
	set_stuck(false);
	await_end();
	g_usleep(100000);
}

static void test_unknown(void)
{
	struct remote *remote = remote_new("db.example.org");
	struct database_error error;

	set_stuck(false);
	g_assert_cmpint(open_once(remote, &error), <, 10000);
	g_assert_true(g_str_has_prefix(error.text, "db.example.org: "));
	remote_free(remote);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mysql connect/a name that is not there is said", test_unknown);
	g_test_add_func("/mysql connect/a dead resolver costs the timeout, and one thread", test_dead);
	g_test_add_func("/mysql connect/an attempt may outlive its store", test_left_alone);
	return g_test_run();
}
