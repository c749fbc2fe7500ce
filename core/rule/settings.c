/* rule/settings.c - settings and listeners: their rows, and what a file makes of them */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/plan.h"
#include "service/endpoint.h"

#define DNS_PATIENCE (60 * (pp_msec_t)1000)

/* -- the tables ---------------------------------------------------------- */

static const pp_row_t server_rows[] = {
	PP_TEXT(struct server_settings, name,
	        .help = "Name of this server, first part of each id; the host's name without its domain if "
	                "not given"),
	PP_TEXT(struct server_settings, user,
	        .help = "User to run as when started as root; listeners are bound before, modules loaded "
	                "after"),
	PP_DURATION(struct server_settings, deadline, .dflt = "10s", .min = "10ms", .max = "90s",
	            .help = "How long one request may take; open asks are unknown after it"),
	PP_INT(struct server_settings, loops, .dflt = "0", .min = "0", .max = "64",
	       .help = "Event-loop threads; 0 is one a processor, at most 4"),
	PP_FILE(struct server_settings, control,
	        .help = "Path of the control socket that ppolicyctl talks to; control.sock in the state "
	                "folder if not given"),
	PP_TEXTS(struct server_settings, modules, .help = "Folders with modules, before the installed one"),
	PP_TEXTS(struct server_settings, restriction_classes,
	         .help = "Names of Postfix's smtpd_restriction_classes that restriction() may give"),
	PP_END
};

static const pp_row_t cache_rows[] = { PP_BYTES(struct cache_settings, memory, .dflt = "64M", .min = "1M",
	                                        .max = "1024G",
	                                        .help = "Memory for kept answers; the oldest make room"),
	                               PP_END };

static const pp_row_t log_rows[] = {
	PP_CHOICE(struct log_settings, to, .dflt = "stderr", .choices = "stderr syslog",
	          .help = "Where log lines go"),
	PP_CHOICE(struct log_settings, level, .dflt = "info", .choices = "error warning notice info debug",
	          .help = "The least important lines that are written; info has one line a request"),
	PP_END
};

static const pp_row_t dns_rows[] = {
	PP_TEXTS(struct dns_settings, servers,
	         .help = "Addresses of resolvers, such as \"127.0.0.1\", \"192.0.2.1:5353\" or "
	                 "\"[2001:db8::1]:53\"; those of the system if not given. Best is a resolver on this "
	                 "machine that keeps answers"),
	PP_DURATION(struct dns_settings, timeout, .dflt = "500ms", .min = "10ms", .max = "30s",
	            .help = "How long a server may take at the first try; at each further one twice as long"),
	PP_INT(struct dns_settings, tries, .dflt = "2", .min = "1", .max = "10",
	       .help = "How often each server is asked"),
	PP_END
};

static const pp_row_t store_rows[] = {
	PP_FILE(struct plan_store, path,
	        .help = "The database; ppolicyd.db in the state folder if not given, and made if it is "
	                "not there"),
	PP_CHOICE(struct plan_store, synchronous, .dflt = "normal", .choices = "normal full",
	          .help = "What survives: with normal all that was committed survives the end of the "
	                  "server, with full a power cut too, and each commit waits for the disk"),
	PP_INT(struct plan_store, answers, .dflt = "1000000", .min = "1000", .max = "1000000000",
	       .help = "Most kept answers in it, of checks with keep_in = \"store\"; the oldest make room"),
	PP_TEXT(struct plan_store, name,
	        .help = "Name of a further database, which is only read; its path must be given, and the "
	                "file be there, or its hosts"),
	PP_TEXTS(
	        struct plan_store, hosts,
	        .help = "mysql: hosts of one database, tried in this order, such as \"db1\", "
	                "\"192.0.2.1:3307\", \"[2001:db8::1]\" or \"unix:/run/mysqld/mysqld.sock\"; one that "
	                "is read-only is for reading"),
	PP_TEXT(struct plan_store, user, .dflt = "ppolicyd", .min = "1", .max = "80",
	        .help = "mysql: who we are there"),
	PP_FILE(struct plan_store, password_file,
	        .help = "mysql: file with the user's password in its one line, which others may not read; "
	                "without it none is sent"),
	PP_TEXT(struct plan_store, database, .dflt = "ppolicyd", .min = "1", .max = "64",
	        .help = "mysql: name of the database, which is there already"),
	PP_TABLE(struct plan_store, tls,
	         .help = "mysql: connections over TCP are encrypted, or not made. In it are ca, file of the "
	                 "authorities that may vouch for a host; verify = false, if any host will do; cert "
	                 "and key, files of our own certificate, if the database asks for one"),
	PP_DURATION(struct plan_store, timeout, .dflt = "2s", .min = "1s", .max = "60s",
	            .help = "mysql: how long connecting and an answer may take; a statement is ended by the "
	                    "server after three quarters of it. Best is less than the timeout of checks"),
	PP_END
};

static const pp_row_t listen_rows[] = {
	PP_TEXT(struct plan_listener, mode, .help = "Permissions of a unix socket, such as \"0660\""),
	PP_TEXT(struct plan_listener, owner, .help = "Owner of a unix socket"),
	PP_TEXT(struct plan_listener, group, .help = "Group of a unix socket"),
	PP_NETWORKS(struct plan_listener, allow,
	            .help = "Networks that may connect over TCP; loopback only if not given. With proxy: "
	                    "networks of the clients that it names; all if not given"),
	{ .name = "may",
	  .type = PP_TYPE_TEXTS,
	  .offset = PP_OFFSET(struct plan_listener, may_names, const pp_texts_t *),
	  .help = "Actions of the permit class that rules of this listener may give: ok, filter, redirect, "
	          "bcc, "
	          "discard, restriction" },
	PP_BOOL(struct plan_listener, observe, .dflt = "false",
	        .help = "Postfix gets DUNNO, and the log says what the rule said"),
	PP_DURATION(struct plan_listener, deadline, .min = "10ms", .max = "90s",
	            .help = "How long one request may take, instead of the server's deadline"),
	PP_INT(struct plan_listener, max_connections, .dflt = "10000", .min = "1", .max = "1000000",
	       .help = "Connections at a time; those over it get the overload action and are closed"),
	PP_INT(struct plan_listener, max_peer_connections, .min = "1", .max = "1000000",
	       .help = "The same for those of one address, which with proxy is the one that the header "
	               "names; no limit if not given"),
	PP_END
};

static const pp_row_t proxy_rows[] = {
	PP_NETWORKS(struct plan_proxy, networks,
	            .help = "Networks of the proxies: only they may connect, and nobody if not given. For a "
	                    "unix socket it is \"unix\": who may open it is believed"),
	PP_DURATION(struct plan_proxy, timeout, .dflt = "3s", .min = "10ms", .max = "90s",
	            .help = "How long a proxy may take until its header is whole"),
	PP_END
};

static const struct plan_setting settings[] = {
	{ "server", server_rows, offsetof(struct plan, server), "The server as a whole" },
	{ "cache", cache_rows, offsetof(struct plan, cache), "Kept answers" },
	{ "log", log_rows, offsetof(struct plan, log), "The log" },
	{ "store", store_rows, offsetof(struct plan, store),
	  "The database for what lasts, such as greylisting; what stands first, without a name, is its kind: "
	  "\"sqlite\", or \"mysql\" for MySQL and MariaDB. Made again with a name of its own, it is a "
	  "database that lists are read from. It is "
	  "opened if a check uses it" },
	{ "dns", dns_rows, offsetof(struct plan, dns), "Look-ups in DNS" },
	{ NULL, NULL, 0, NULL },
};

const struct plan_setting *plan_settings(void)
{
	return settings;
}

const pp_row_t *plan_listen_rows(void)
{
	return listen_rows;
}

const pp_row_t *plan_proxy_rows(void)
{
	return proxy_rows;
}

/* -- calls --------------------------------------------------------------- */

bool plan_is_mild(const struct action *action)
{
	return action->verb == ACTION_CLOSE || action->verb == ACTION_DUNNO || action->verb == ACTION_DEFER ||
	       action->verb == ACTION_DEFER_IF_PERMIT || action->verb == ACTION_DEFER_IF_REJECT ||
	       (action->verb == ACTION_REPLY && action->code < 500);
}

/* The text of an action belongs to Lua. */
static struct action own_action(struct plan *plan, const struct action *action)
{
	struct action copy = *action;

	copy.text = arena_strdup(&plan->arena, action->text);
	return copy;
}

static void check_classes(struct plan *plan, const struct plan_place *place)
{
	const pp_texts_t *classes = plan->server.restriction_classes;

	for (size_t i = 0; classes != NULL && i < classes->count; i++) {
		const char *const one[] = { classes->items[i], NULL };
		struct action action;
		const char *reason;

		if (!action_make(&plan->arena, ACTION_RESTRICTION, NULL, classes->items[i], one, &action,
		                 &reason))
			plan_fail(plan, place, "server", "restriction_classes: %s", reason);
	}
}

static void check_server(struct plan *plan, const struct plan_place *place)
{
	const char *name = plan->server.name;

	check_classes(plan, place);

	if (name != NULL &&
	    (strlen(name) > 16 || *name == '\0' ||
	     strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
	             strlen(name)))
		plan_fail(plan, place, "server",
		          "name: found '%s', wanted 1 to 16 letters, digits, '-' or '_'", name);
}

/* How long a server that says nothing is asked: each try takes twice as long as the one before. */
static void check_dns_patience(struct plan *plan, const struct plan_place *place)
{
	pp_msec_t longest = plan->dns.timeout * ((INT64_C(1) << plan->dns.tries) - 1);

	if (longest > DNS_PATIENCE)
		plan_fail(plan, place, "dns",
		          "timeout, tries: a server that says nothing is asked for %" G_GINT64_FORMAT
		          " seconds, since each try takes twice as long as the one before; wanted at most %d",
		          longest / 1000, (int)(DNS_PATIENCE / 1000));
}

static void check_dns(struct plan *plan, const struct plan_place *place)
{
	const pp_texts_t *servers = plan->dns.servers;
	struct dns_server server;

	check_dns_patience(plan, place);
	for (size_t i = 0; servers != NULL && i < servers->count; i++)
		if (!dns_server_parse(servers->items[i], &server))
			plan_fail(plan, place, "dns",
			          "servers: found '%s', wanted an address, with or without a port, such as "
			          "\"127.0.0.1\", \"192.0.2.1:53\" or \"[2001:db8::1]:53\"",
			          servers->items[i]);
	if (servers != NULL && servers->count == 0)
		plan_fail(plan, place, "dns",
		          "servers: the list is empty; leave it out for those of the system");
}

void plan_set(struct plan *plan, const struct plan_setting *setting, const pp_value_t *values,
              const struct action *on_error, const struct plan_place *place)
{
	static const char *const others[] = { "on_error", NULL };
	const bool server = strcmp(setting->name, "server") == 0;
	const struct param_options options = { .folder = place->source->folder,
		                               .others = server ? others : NULL };
	struct pp_error error = plan_error_at(plan, place, setting->name, "setting", values);
	unsigned bit = 1u << (setting - settings);

	plan_declare(plan, "set", setting->name, values);
	if (setting->rows == NULL) {
		plan_fail(plan, place, setting->name, "not in this version of ppolicyd");
		return;
	}
	if (strcmp(setting->name, "store") == 0) {
		plan_store_set(plan, setting->rows, values, place);
		return;
	}
	if ((plan->settings_seen & bit) != 0)
		plan_fail(plan, place, setting->name, "set twice; put all of it in one place");
	plan->settings_seen |= bit;
	if (server && plan->folders->len > 0)
		plan_fail(plan, place, setting->name,
		          "server stands before the first check, which may need its modules");
	param_clear(setting->rows, (char *)plan + setting->offset);
	param_read(setting->rows, values, &options, &plan->arena, (char *)plan + setting->offset, &error);
	if (on_error != NULL && plan_is_mild(on_error))
		plan->server.on_error = own_action(plan, on_error);
	else if (on_error != NULL)
		plan_fail(plan, place, setting->name,
		          "on_error: found %s, wanted dunno(), a defer action or \"close\"",
		          action_name(on_error->verb));
	if (server) {
		plan->server_folder = place->source->folder;
		check_server(plan, place);
	}
	if (setting->rows == dns_rows)
		check_dns(plan, place);
}

static void read_may(struct plan *plan, struct plan_listener *listener, const struct plan_place *place)
{
	for (size_t i = 0; listener->may_names != NULL && i < listener->may_names->count; i++) {
		const char *name = listener->may_names->items[i];
		enum action_verb verb;

		if (action_find(name, &verb) && action_class(verb) == ACTION_PERMIT)
			listener->may |= 1u << verb;
		else
			plan_fail(plan, place, "listen",
			          "may: found '%s', wanted ok, filter, redirect, bcc, discard or restriction",
			          name);
	}
}

/* A unix socket has no networks, but who may open it can be believed. */
static bool is_just_unix(const pp_value_t *networks)
{
	if (networks->kind == PP_LIST && networks->list.count == 1 && networks->list.pairs->key == NULL)
		networks = &networks->list.pairs->value;
	return networks->kind == PP_STRING && strcmp(networks->string, "unix") == 0;
}

/* The options without this one. */
static pp_value_t leave_out(struct arena *arena, const pp_value_t *options, const char *name)
{
	pp_pair_t *pairs = arena_alloc0(arena, (options->list.count + 1) * sizeof(*pairs));
	pp_value_t rest = { .kind = PP_LIST, .line = options->line, .list.pairs = pairs };

	for (size_t i = 0; i < options->list.count; i++)
		if (g_strcmp0(options->list.pairs[i].key, name) != 0)
			pairs[rest.list.count++] = options->list.pairs[i];
	return rest;
}

static void read_proxy(struct plan *plan, struct plan_listener *listener, const pp_value_t *given,
                       const struct plan_place *place)
{
	struct pp_error error = plan_error_at(plan, place, "listen: proxy", "option", given);
	const pp_value_t *networks = value_get(given, "networks");
	struct plan_proxy *proxy = &listener->proxy;
	pp_value_t options;

	if (given == NULL || given->kind == PP_NIL)
		return;
	proxy->given = true;
	proxy->is_closed = networks == NULL || (networks->kind == PP_LIST && networks->list.count == 0);
	proxy->has_unix = networks != NULL && is_just_unix(networks);
	options = *given;
	if (g_str_has_prefix(listener->address, "unix:") && given->kind == PP_LIST) {
		options = leave_out(&plan->arena, given, "networks");
		if (!proxy->is_closed && !proxy->has_unix)
			param_fail(&error, networks->line,
			           "networks: found %s, wanted \"unix\": a unix socket has no networks, who "
			           "may open it is believed",
			           value_show(&plan->arena, networks));
	}
	param_read(proxy_rows, &options, NULL, &plan->arena, proxy, &error);
}

static void check_listener(struct plan *plan, struct plan_listener *listener, const struct plan_place *place)
{
	const bool is_unix = g_str_has_prefix(listener->address, "unix:");
	struct endpoint endpoint;
	const char *wanted;
	char *end;

	if (!endpoint_parse(listener->address, place->source->folder, &endpoint, &wanted))
		plan_fail(plan, place, "listen", "found '%s', %s", listener->address, wanted);
	if (listener->mode != NULL &&
	    (strtoul(listener->mode, &end, 8) > 0777 || *end != '\0' || *listener->mode == '\0'))
		plan_fail(plan, place, "listen", "mode: found '%s', wanted an octal number such as \"0660\"",
		          listener->mode);
	if (!is_unix && (listener->mode != NULL || listener->owner != NULL || listener->group != NULL))
		plan_fail(plan, place, "listen", "mode, owner and group are for unix sockets; %s is none",
		          listener->address);
	if (is_unix && listener->allow != NULL && !listener->proxy.given)
		plan_fail(plan, place, "listen",
		          "allow is for TCP; mode, owner and group say who may use a unix socket");
	for (guint i = 0; i < plan->listeners->len; i++)
		if (strcmp(((struct plan_listener *)plan->listeners->pdata[i])->address, listener->address) ==
		    0)
			plan_fail(plan, place, "listen", "%s is listened on already", listener->address);
}

struct plan_listener *plan_listen(struct plan *plan, const char *address, const pp_value_t *options,
                                  const struct action *on_error, const struct action *overload,
                                  const struct plan_place *place)
{
	static const char *const others[] = { "on_error", "overload", "proxy", NULL };
	const struct param_options how = { .folder = place->source->folder, .others = others };
	struct pp_error error = plan_error_at(plan, place, "listen", "option", options);
	struct plan_listener *listener = arena_new0(&plan->arena, struct plan_listener);
	guint before = plan->errors->len;

	plan_declare(plan, "listen", address, options);
	listener->address = g_intern_string(address);
	listener->file = place->source->path;
	listener->line = place->line;
	param_read(listen_rows, options, &how, &plan->arena, listener, &error);
	listener->on_error = on_error != NULL ? own_action(plan, on_error)
	                                      : (struct action){ .verb = ACTION_VERBS + 1, .text = "" };
	listener->overload = overload != NULL ? own_action(plan, overload)
	                                      : (struct action){ .verb = ACTION_DUNNO, .text = "" };
	if ((on_error != NULL && !plan_is_mild(on_error)) || (overload != NULL && !plan_is_mild(overload)))
		plan_fail(plan, place, "listen", "%s: wanted dunno(), a defer action or \"close\"",
		          on_error != NULL && !plan_is_mild(on_error) ? "on_error" : "overload");
	read_may(plan, listener, place);
	read_proxy(plan, listener, value_get(options, "proxy"), place);
	check_listener(plan, listener, place);
	if (plan->errors->len > before) {
		param_clear(listen_rows, listener);
		param_clear(proxy_rows, &listener->proxy);
		return NULL;
	}
	g_ptr_array_add(plan->listeners, listener);
	return listener;
}
