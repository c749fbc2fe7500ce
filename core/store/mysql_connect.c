/* store/mysql_connect.c - one attempt to connect to MySQL or MariaDB, within its time
 *
 * The library resolves the names of hosts with getaddrinfo(), which no timeout of its
 * covers, and only it can: it checks the name against the server's certificate. So it
 * connects in a thread of its own, for which nobody waits longer than the timeout.
 * One that is still at it then is left alone, and there is no other to that
 * host until it has ended.
 */
#include "store/mysql.h"

#include <string.h>
#include <time.h>
#include "service/loop.h"
#include "store/secret.h"

enum { GRACE = 500 }; /* ms: the library knows better what it waits for, so it comes first */

static pthread_once_t library_begun = PTHREAD_ONCE_INIT;

static void begin_library(void)
{
	mysql_library_init(0, NULL, NULL);
}

/* -- options ------------------------------------------------------------- */

unsigned mysql_seconds(pp_msec_t time)
{
	return (unsigned)MAX((time + 999) / 1000, 1);
}

/* The two libraries say it in different words. */
static void set_tls(MYSQL *handle, const struct remote *remote, bool wanted)
{
	if (wanted) {
		mysql_options(handle, MYSQL_OPT_SSL_CA, remote->ca);
		mysql_options(handle, MYSQL_OPT_SSL_CERT, remote->cert);
		mysql_options(handle, MYSQL_OPT_SSL_KEY, remote->key);
	}
#if HAVE_DECL_MYSQL_OPT_SSL_MODE
	if (wanted) {
		unsigned mode = remote->verify ? SSL_MODE_VERIFY_IDENTITY : SSL_MODE_REQUIRED;

		mysql_options(handle, MYSQL_OPT_SSL_MODE, &mode);
	}
#else
	{
		mysql_bool enforce = wanted, verify = wanted && remote->verify;

#if HAVE_DECL_MYSQL_OPT_SSL_ENFORCE
		mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &enforce);
#endif
#if HAVE_DECL_MYSQL_OPT_SSL_VERIFY_SERVER_CERT
		mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#endif
	}
#endif
}

/* Which ways to prove who we are do not hand the password to whoever asks for it in this way. Of these two
 * plugins, mysql_clear_password and dialog, either library would take the first one by itself or with the
 * environment's help. */
static void limit_plugins(MYSQL *handle, bool proven)
{
	mysql_bool clear = proven;

	mysql_options(handle, MYSQL_ENABLE_CLEARTEXT_PLUGIN, &clear);
#if HAVE_DECL_MARIADB_OPT_RESTRICTED_AUTH
	if (!proven)
		mysql_options(handle, MARIADB_OPT_RESTRICTED_AUTH,
		              "mysql_native_password,client_ed25519,parsec,caching_sha2_password,"
		              "sha256_password,auth_gssapi_client");
#endif
}

static void set_options(MYSQL *handle, const struct remote *remote, const struct remote_host *host,
                        unsigned answer_time)
{
	unsigned connect_time = mysql_seconds(remote->timeout), nothing = 0;
	unsigned protocol = host->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	bool tls = remote->tls && host->socket == NULL;

	mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &connect_time);
	mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &answer_time);
	mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &answer_time);
	mysql_options(handle, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &nothing); /* a server must not ask for our files */
	mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options4(handle, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "ppolicyd");
	set_tls(handle, remote, tls);
	limit_plugins(handle, tls && remote->verify);
#if HAVE_DECL_MYSQL_OPT_GET_SERVER_PUBLIC_KEY
	{
		mysql_bool yes = 1;

		mysql_options(handle, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &yes);
	}
#endif
}

/* -- connecting ---------------------------------------------------------- */

/* NULL: text (MYSQL_TEXT_SIZE bytes) is a sentence. */
static MYSQL *connect_now(const struct remote *remote, const struct remote_host *host, unsigned answer_time,
                          char *text)
{
	char *password = NULL, *error = NULL;
	MYSQL *handle = NULL;
	bool good = false;

	if (remote->password_file != NULL &&
	    (password = secret_read(remote->password_file, &error)) == NULL) {
		g_strlcpy(text, error, MYSQL_TEXT_SIZE);
		g_free(error);
		return NULL;
	}
	handle = mysql_init(NULL);
	if (handle != NULL) {
		set_options(handle, remote, host, answer_time);
		good = mysql_real_connect(handle, host->address, remote->user, password, remote->database,
		                          host->port, host->socket, 0) != NULL;
		/* The library keeps one to connect again by itself, which it is never asked to. */
		secret_wipe(handle->passwd);
		/* Of a connection that could not be made it has freed its copy already. */
		if (!good && password != NULL)
			secret_wipe_freed(strlen(password));
	}
	secret_free(password);
	if (!good && handle == NULL)
		g_strlcpy(text, "no memory left to connect", MYSQL_TEXT_SIZE);
	else if (!good)
		mysql_say_unconnected(remote, mysql_errno(handle), mysql_error(handle), text);
	else if (remote->tls && host->socket == NULL && mysql_get_ssl_cipher(handle) == NULL) {
		g_strlcpy(text, "it was asked for TLS, and answered without", MYSQL_TEXT_SIZE);
		good = false;
	}
	if (good)
		return handle;
	mysql_disconnect(handle);
	return NULL;
}

void mysql_disconnect(MYSQL *handle)
{
	if (handle == NULL)
		return;
	mysql_close(handle);
	mysql_thread_end();
}

/* -- a thread for it ----------------------------------------------------- */

/* Belongs to two: who waits, and the thread. */
struct attempt {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned holders;
	bool done;
	struct remote *remote; /* a copy */
	const struct remote_host *host;
	unsigned answer_time;
	atomic_int *late; /* those of this host nobody waits for any more; NULL: somebody does */
	MYSQL *handle;
	char text[MYSQL_TEXT_SIZE];
};

static struct attempt *attempt_new(const struct remote *remote, const struct remote_host *host,
                                   unsigned answer_time)
{
	struct attempt *attempt = g_new0(struct attempt, 1);
	pthread_condattr_t monotonic;

	attempt->holders = 2;
	attempt->remote = remote_copy(remote);
	attempt->host = &attempt->remote->hosts[host - remote->hosts];
	attempt->answer_time = answer_time;
	pthread_mutex_init(&attempt->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&attempt->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return attempt;
}

/* With the lock held, which is released. */
static void leave(struct attempt *attempt)
{
	bool last = --attempt->holders == 0;

	pthread_mutex_unlock(&attempt->lock);
	if (!last)
		return;
	pthread_cond_destroy(&attempt->ended);
	pthread_mutex_destroy(&attempt->lock);
	remote_free(attempt->remote);
	if (attempt->late != NULL)
		g_atomic_rc_box_release(attempt->late);
	g_free(attempt);
}

static void *run_attempt(void *data)
{
	struct attempt *attempt = data;

	attempt->handle = connect_now(attempt->remote, attempt->host, attempt->answer_time, attempt->text);
	pthread_mutex_lock(&attempt->lock);
	if (attempt->late != NULL) {
		mysql_disconnect(attempt->handle);
		atomic_fetch_sub(attempt->late, 1);
	}
	mysql_thread_end();
	attempt->done = true;
	pthread_cond_signal(&attempt->ended);
	leave(attempt);
	return NULL;
}

/* With the lock held; false: it takes too long. */
static bool await(struct attempt *attempt)
{
	int64_t until = g_get_monotonic_time() +
	                (mysql_seconds(attempt->remote->timeout) * INT64_C(1000) + GRACE) * 1000;
	struct timespec end = { until / G_USEC_PER_SEC, until % G_USEC_PER_SEC * 1000 };

	while (!attempt->done && g_get_monotonic_time() < until)
		pthread_cond_timedwait(&attempt->ended, &attempt->lock, &end);
	return attempt->done;
}

static MYSQL *reach_in_time(const struct remote *remote, struct remote_host *host, unsigned answer_time,
                            char *text)
{
	struct attempt *attempt = attempt_new(remote, host, answer_time);
	MYSQL *handle = NULL;

	pthread_detach(loop_spawn("store connects", run_attempt, attempt));
	pthread_mutex_lock(&attempt->lock);
	if (await(attempt)) {
		handle = attempt->handle;
		g_strlcpy(text, attempt->text, MYSQL_TEXT_SIZE);
	} else {
		attempt->late = g_atomic_rc_box_acquire(host->late);
		atomic_fetch_add(attempt->late, 1);
		g_snprintf(text, MYSQL_TEXT_SIZE, "no connection within %u s: is its name resolved?",
		           mysql_seconds(remote->timeout));
	}
	leave(attempt);
	return handle;
}

MYSQL *mysql_reach(const struct remote *remote, struct remote_host *host, unsigned answer_time, char *text)
{
	pthread_once(&library_begun, begin_library);
	if (host->socket != NULL)
		return connect_now(remote, host, answer_time, text);
	if (atomic_load(host->late) == 0)
		return reach_in_time(remote, host, answer_time, text);
	g_strlcpy(text, "an attempt to connect has not ended yet: is its name resolved?", MYSQL_TEXT_SIZE);
	return NULL;
}
