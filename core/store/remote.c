/* store/remote.c - the hosts of a database that is reached by network or socket */
#include "store/remote.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include "store/inside.h"

enum { PORT = 3306, PORT_MAX = 65535, SOCKET_MAX = 107 };

#define LOOK_AGAIN (STORE_SECOND / 20) /* whether the attempt of another connection succeeded */

/* -- what is written ----------------------------------------------------- */

static bool parse_port(const char *text, unsigned *port)
{
	char *end;
	unsigned long number;

	if (!g_ascii_isdigit(*text))
		return false;
	number = strtoul(text, &end, 10);
	*port = (unsigned)MIN(number, (unsigned long)PORT_MAX);
	return *end == '\0' && number > 0 && number <= PORT_MAX;
}

static bool is_host(const char *text, size_t length, const char *others)
{
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && strchr(others, text[i]) == NULL)
			return false;
	return length > 0 && length <= 255;
}

static bool set_address(struct remote_host *host, const char *text, size_t length)
{
	host->address = g_strndup(text, length);
	return true;
}

static bool parse_bracketed(const char *text, struct remote_host *host)
{
	const char *end = strchr(text, ']');

	if (end == NULL || !is_host(text + 1, (size_t)(end - text - 1), ":.%"))
		return false;
	if (end[1] != '\0' && (end[1] != ':' || !parse_port(end + 2, &host->port)))
		return false;
	return set_address(host, text + 1, (size_t)(end - text - 1));
}

static bool parse_tcp(const char *text, struct remote_host *host)
{
	const char *colon = strchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);

	if (*text == '[')
		return parse_bracketed(text, host);
	/* An IPv6 address without brackets has no port. */
	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		return is_host(text, strlen(text), ":.%") && set_address(host, text, strlen(text));
	if (!is_host(text, length, "-_.") || (colon != NULL && !parse_port(colon + 1, &host->port)))
		return false;
	return set_address(host, text, length);
}

bool remote_host_parse(const char *text, struct remote_host *host, const char **wanted)
{
	bool good;

	*wanted =
	        "wanted a host such as \"db1\", \"192.0.2.1:3307\" or \"[2001:db8::1]\", or a socket such as "
	        "\"unix:/run/mysqld/mysqld.sock\"";
	memset(host, 0, sizeof(*host));
	host->port = PORT;
	if (g_str_has_prefix(text, "unix:")) {
		good = text[5] == '/' && strlen(text + 5) <= SOCKET_MAX;
		host->socket = good ? g_strdup(text + 5) : NULL;
	} else {
		good = parse_tcp(text, host);
	}
	host->shown = good ? g_strdup(text) : NULL;
	return good;
}

void remote_host_clear(struct remote_host *host)
{
	g_free((char *)host->shown);
	g_free((char *)host->address);
	g_free((char *)host->socket);
	if (host->late != NULL)
		g_atomic_rc_box_release(host->late);
	memset(host, 0, sizeof(*host));
}

/* -- copies -------------------------------------------------------------- */

static void copy_host(const struct remote_host *from, struct remote_host *to)
{
	to->shown = g_strdup(from->shown);
	to->address = g_strdup(from->address);
	to->socket = g_strdup(from->socket);
	to->port = from->port;
	to->late = g_atomic_rc_box_new0(atomic_int);
}

struct remote *remote_copy(const struct remote *remote)
{
	struct remote *copy = g_new0(struct remote, 1);

	*copy = *remote;
	copy->hosts = g_new0(struct remote_host, remote->host_count);
	for (unsigned i = 0; i < remote->host_count; i++)
		copy_host(&remote->hosts[i], &copy->hosts[i]);
	copy->user = g_strdup(remote->user);
	copy->password_file = g_strdup(remote->password_file);
	copy->database = g_strdup(remote->database);
	copy->ca = g_strdup(remote->ca);
	copy->cert = g_strdup(remote->cert);
	copy->key = g_strdup(remote->key);
	pthread_mutex_init(&copy->lock, NULL);
	return copy;
}

void remote_free(struct remote *remote)
{
	if (remote == NULL)
		return;
	for (unsigned i = 0; i < remote->host_count; i++)
		remote_host_clear(&remote->hosts[i]);
	g_free(remote->hosts);
	g_free((char *)remote->user);
	g_free((char *)remote->password_file);
	g_free((char *)remote->database);
	g_free((char *)remote->ca);
	g_free((char *)remote->cert);
	g_free((char *)remote->key);
	pthread_mutex_destroy(&remote->lock);
	g_free(remote);
}

static bool equal_hosts(const struct remote *a, const struct remote *b)
{
	if (a->host_count != b->host_count)
		return false;
	for (unsigned i = 0; i < a->host_count; i++)
		if (strcmp(a->hosts[i].shown, b->hosts[i].shown) != 0)
			return false;
	return true;
}

bool remote_equal(const struct remote *a, const struct remote *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return equal_hosts(a, b) && g_strcmp0(a->user, b->user) == 0 &&
	       g_strcmp0(a->password_file, b->password_file) == 0 &&
	       g_strcmp0(a->database, b->database) == 0 && a->tls == b->tls && a->verify == b->verify &&
	       g_strcmp0(a->ca, b->ca) == 0 && g_strcmp0(a->cert, b->cert) == 0 &&
	       g_strcmp0(a->key, b->key) == 0 && a->timeout == b->timeout;
}

/* -- attempts ------------------------------------------------------------ */

bool remote_begin(struct remote *remote, struct remote_host *host, int64_t *again, char *trouble)
{
	int64_t now = g_get_monotonic_time();
	bool go;

	pthread_mutex_lock(&remote->lock);
	go = !host->trying && now >= host->again;
	host->trying |= go && host->failures > 0;
	*again = host->trying ? now + LOOK_AGAIN : host->again;
	g_strlcpy(trouble, host->trouble, sizeof(host->trouble));
	pthread_mutex_unlock(&remote->lock);
	return go;
}

void remote_good(struct remote *remote, struct remote_host *host)
{
	pthread_mutex_lock(&remote->lock);
	host->failures = 0;
	host->again = 0;
	host->trying = false;
	pthread_mutex_unlock(&remote->lock);
}

int64_t remote_bad(struct remote *remote, struct remote_host *host, const char *trouble)
{
	int64_t again;

	pthread_mutex_lock(&remote->lock);
	again = host->again = g_get_monotonic_time() + store_backoff(++host->failures);
	host->trying = false;
	g_strlcpy(host->trouble, trouble, sizeof(host->trouble));
	pthread_mutex_unlock(&remote->lock);
	return again;
}

void remote_note_read_only(struct remote *remote, struct remote_host *host, bool read_only)
{
	pthread_mutex_lock(&remote->lock);
	host->read_only = read_only;
	pthread_mutex_unlock(&remote->lock);
}

void remote_report(struct remote *remote, const struct remote_host *host, struct remote_report *report)
{
	pthread_mutex_lock(&remote->lock);
	report->failing = host->failures > 0;
	report->read_only = host->read_only;
	g_strlcpy(report->trouble, host->trouble, sizeof(report->trouble));
	pthread_mutex_unlock(&remote->lock);
}
