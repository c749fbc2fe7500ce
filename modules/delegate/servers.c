/* servers.c - the parameter servers: tables, or hapolicy's text form, read into settings of an upstream */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "delegate.h"

#define SERVERS_MAX 64
#define PART_MAX 300

static const pp_row_t rows[] = {
	PP_TEXT(pp_upstream_server_t, name, .required = true, .min = "1", .max = "64", .help = "Name"),
	PP_TEXT(pp_upstream_server_t, address, .required = true, .help = "Address"),
	PP_INT(pp_upstream_server_t, priority, .dflt = "10", .min = "0", .max = "1000000",
	       .help = "Priority"),
	PP_INT(pp_upstream_server_t, weight, .dflt = "1", .min = "1", .max = "256", .help = "Weight"),
	PP_DURATION(pp_upstream_server_t, timeout, .dflt = "5s", .min = "10ms", .max = "24h",
	            .help = "Timeout"),
	PP_BOOL(pp_upstream_server_t, backup, .dflt = "false", .help = "Backup"),
	PP_INT(pp_upstream_server_t, send_proxy, .dflt = "0", .min = "0", .max = "2", .help = "PROXY"),
	PP_END
};

/* -- NAME=ADDRESS:PORT[:PRIORITY[:WEIGHT[:TIMEOUT]]] ---------------------- */

struct parts {
	char name[PART_MAX], address[PART_MAX], priority[PART_MAX], weight[PART_MAX], timeout[PART_MAX];
};

/* The length of what stands before the port's colon, or of a unix socket's whole address. */
static size_t host_length(const char *text)
{
	size_t before = strncmp(text, "inet:", 5) == 0 ? 5 : 0;

	if (strncmp(text, "unix:", 5) == 0)
		return 5 + strcspn(text + 5, ":");
	if (text[before] == '[')
		return before + strcspn(text + before, "]") + (strchr(text, ']') != NULL);
	return before + strcspn(text + before, ":");
}

static bool take(const char **text, size_t length, char part[PART_MAX])
{
	if (length >= PART_MAX)
		return false;
	memcpy(part, *text, length);
	part[length] = '\0';
	*text += length;
	return true;
}

/* The next of the numbers behind a colon; "" if it is not given. */
static bool take_number(const char **text, char part[PART_MAX])
{
	part[0] = '\0';
	if (**text == '\0')
		return true;
	if (**text != ':')
		return false;
	++*text;
	if (!take(text, strcspn(*text, ":"), part))
		return false;
	/* hapolicy takes 0 for not given. */
	if (strspn(part, "0") == strlen(part))
		part[0] = '\0';
	return true;
}

static bool split(const char *text, struct parts *parts)
{
	size_t length = strcspn(text, "="), host;
	bool is_unix;

	if (text[length] != '=' || !take(&text, length, parts->name))
		return false;
	text++;
	host = host_length(text);
	is_unix = strncmp(text, "unix:", 5) == 0;
	if (!is_unix && text[host] == ':')
		host += 1 + strcspn(text + host + 1, ":");
	return take(&text, host, parts->address) && take_number(&text, parts->priority) &&
	       take_number(&text, parts->weight) && take_number(&text, parts->timeout) && *text == '\0';
}

static pp_value_t number_of(const char *text, const char *otherwise)
{
	const char *digits = *text != '\0' ? text : otherwise;

	if (strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 10)
		return (pp_value_t){ .kind = PP_INTEGER, .integer = atoll(digits) };
	return (pp_value_t){ .kind = PP_STRING, .string = text };
}

static pp_value_t string_of(const char *text)
{
	return (pp_value_t){ .kind = PP_STRING, .string = text };
}

/* Bare seconds, or a duration with its unit. */
static void add_unit(char timeout[PART_MAX])
{
	size_t length = strlen(timeout);

	if (length == 0)
		strcpy(timeout, "30s");
	else if (strspn(timeout, "0123456789") == length && length < 10)
		strcpy(timeout + length, "s");
}

static bool read_text(const pp_value_t *value, pp_upstream_server_t *server, pp_error_t *error)
{
	struct parts parts;
	pp_pair_t pairs[5];
	const pp_value_t list = { .kind = PP_LIST, .line = value->line, .list = { 5, pairs } };
	char where[PART_MAX + 16];

	if (!split(value->string, &parts))
		return pp_fail(error, "servers",
		               "found '%s', wanted \"NAME=ADDRESS:PORT[:PRIORITY[:WEIGHT[:TIMEOUT]]]\"",
		               value->string);
	add_unit(parts.timeout);
	pairs[0] = (pp_pair_t){ "name", string_of(parts.name) };
	pairs[1] = (pp_pair_t){ "address", string_of(parts.address) };
	pairs[2] = (pp_pair_t){ "priority", number_of(parts.priority, "10") };
	pairs[3] = (pp_pair_t){ "weight", number_of(parts.weight, "1") };
	pairs[4] = (pp_pair_t){ "timeout", string_of(parts.timeout) };
	snprintf(where, sizeof(where), "servers: %s", parts.name);
	return pp_read_rows(error, where, rows, &list, server);
}

/* -- all of them ---------------------------------------------------------- */

static bool is_name(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] ==
	       '\0';
}

static bool check_server(const pp_upstream_server_t *servers, size_t index, pp_error_t *error)
{
	const pp_upstream_server_t *server = &servers[index];

	if (!is_name(server->name))
		return pp_fail(error, "servers",
		               "found the name '%s', wanted letters, digits, '_', '.' and '-'", server->name);
	if (!pp_upstream_is_address(server->address))
		return pp_fail(error, "servers",
		               "%s: found the address '%s', wanted \"192.0.2.1:10031\", "
		               "\"[2001:db8::1]:10031\", \"mail.example.org:10031\" or "
		               "\"unix:/run/policy.sock\"",
		               server->name, server->address);
	for (size_t i = 0; i < index; i++)
		if (strcmp(servers[i].name, server->name) == 0)
			return pp_fail(error, "servers", "two servers are called '%s'", server->name);
	return true;
}

static bool read_server(const pp_pair_t *pair, pp_upstream_server_t *server, pp_error_t *error)
{
	if (pair->key == NULL && pair->value.kind == PP_STRING)
		return read_text(&pair->value, server, error);
	if (pair->key == NULL && pair->value.kind == PP_LIST)
		return pp_read_rows(error, "servers", rows, &pair->value, server);
	return pp_fail(error, "servers", "%s%swanted texts or tables, such as \"grey1=192.0.2.1:10031\"",
	               pair->key != NULL ? "found the key " : "", pair->key != NULL ? pair->key : "");
}

/* A server cannot take longer than there is time. */
static void clip(struct conf *conf, pp_upstream_server_t *servers)
{
	pp_msec_t limit = pp_time_limit();
	const char *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < conf->set.count; i++) {
		if (limit <= 0 || servers[i].timeout <= limit)
			continue;
		servers[i].timeout = limit;
		first = first != NULL ? first : servers[i].name;
		count++;
	}
	if (count > 0)
		pp_log(PP_LOG_WARNING,
		       "delegate: the timeout of %s%s is over what an ask may take, so it is cut to %.1f s",
		       first, count > 1 ? " and others" : "", (double)limit / 1000);
}

bool servers_read(struct conf *conf, pp_error_t *error)
{
	size_t count = conf->servers->list.count;
	pp_upstream_server_t *servers;

	if (count == 0 || count > SERVERS_MAX)
		return pp_fail(error, "servers", "found %zu servers, wanted 1 to %d", count, SERVERS_MAX);
	servers = calloc(count, sizeof(*servers));
	conf->set.servers = servers;
	conf->set.count = count;
	if (servers == NULL)
		return pp_fail(error, "servers", "no memory");
	for (size_t i = 0; i < count; i++)
		if (!read_server(&conf->servers->list.pairs[i], &servers[i], error) ||
		    !check_server(servers, i, error))
			return false;
	clip(conf, servers);
	return true;
}
