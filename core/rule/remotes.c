/* rule/remotes.c - what a rule file says of a database on other hosts */
#include "rule/remotes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "store/secret.h"

struct tls {
	const char *ca, *cert, *key;
	bool verify;
};

static const pp_row_t tls_rows[] = {
	PP_FILE(struct tls, ca, .help = "Certificates of the authorities that may vouch for a host"),
	PP_FILE(struct tls, cert, .help = "Our own certificate"), PP_FILE(struct tls, key, .help = "Its key"),
	PP_BOOL(struct tls, verify, .dflt = "true", .help = "Whether a host has to prove who it is"), PP_END
};

/* -- checking ------------------------------------------------------------ */

/* Settings of the other kind of database. */
static void check_kind(struct plan *plan, const struct plan_store *store, const pp_value_t *values,
                       const struct plan_place *place)
{
	static const char *const of_sqlite[] = { "path", "synchronous", NULL };
	static const char *const of_mysql[] = { "hosts",   "user", "password_file", "database", "tls",
		                                "timeout", NULL };
	bool mysql = g_strcmp0(store->driver, "mysql") == 0;

	for (const char *const *name = mysql ? of_sqlite : of_mysql; *name != NULL; name++)
		if (value_get(values, *name) != NULL)
			plan_fail(plan, place, "store",
			          "%s is for a store of the kind \"%s\"; this one is \"%s\"", *name,
			          mysql ? "sqlite" : "mysql", store->driver);
}

static void check_hosts(struct plan *plan, const struct plan_store *store, const struct plan_place *place)
{
	const pp_texts_t *hosts = store->hosts;
	struct remote_host host;
	const char *wanted;

	if (hosts == NULL || hosts->count == 0)
		plan_fail(plan, place, "store",
		          "hosts: missing; where the database is, such as { \"db1\", "
		          "\"unix:/run/mysqld/mysqld.sock\" }");
	for (size_t i = 0; hosts != NULL && i < hosts->count; i++) {
		if (!remote_host_parse(hosts->items[i], &host, &wanted))
			plan_fail(plan, place, "store", "hosts: found '%s', %s", hosts->items[i], wanted);
		remote_host_clear(&host);
		for (size_t j = 0; j < i; j++)
			if (strcmp(hosts->items[i], hosts->items[j]) == 0)
				plan_fail(plan, place, "store", "hosts: '%s' stands there twice",
				          hosts->items[i]);
	}
}

static void check_password(struct plan *plan, const struct plan_store *store, const struct plan_place *place)
{
	g_autofree char *reason = NULL;

	if (store->password_file != NULL && !secret_check(store->password_file, &reason))
		plan_fail(plan, place, "store", "password_file: %s", reason);
}

static void check_file(struct plan *plan, const char *name, const char *path, const struct plan_place *place)
{
	if (path != NULL && access(path, R_OK) != 0)
		plan_fail(plan, place, "store", "tls: %s: %s: %s", name, path, g_strerror(errno));
}

static void check_tls(struct plan *plan, const struct plan_store *store, const struct plan_place *place)
{
	const struct param_options options = { .folder = place->source->folder };
	struct pp_error error = plan_error_at(plan, place, "store: tls", "setting", store->tls);
	struct tls tls;

	if (store->tls == NULL || !param_read(tls_rows, store->tls, &options, &plan->arena, &tls, &error))
		return;
	if (tls.verify && tls.ca == NULL)
		plan_fail(plan, place, "store",
		          "tls: ca: missing; without it nobody vouches for a host (verify = false: any host "
		          "will do)");
	if ((tls.cert == NULL) != (tls.key == NULL))
		plan_fail(plan, place, "store", "tls: cert and key are given both, or neither");
	if (plan->rehearsal)
		return;
	check_file(plan, "ca", tls.ca, place);
	check_file(plan, "cert", tls.cert, place);
	check_file(plan, "key", tls.key, place);
}

void remotes_check(struct plan *plan, const struct plan_store *store, const pp_value_t *values,
                   const struct plan_place *place)
{
	if (value_get(values, "password") != NULL)
		plan_fail(plan, place, "store",
		          "password: does not belong here, where it is shown and copied: write it into a "
		          "file of "
		          "its own, and name that with password_file");
	if (store->driver == NULL)
		return;
	check_kind(plan, store, values, place);
	if (strcmp(store->driver, "mysql") != 0)
		return;
	check_hosts(plan, store, place);
	check_tls(plan, store, place);
	/* Those that follow a plan read the same; rule tests need no password. */
	if (plan->leader == NULL && !plan->rehearsal && !plan->bare)
		check_password(plan, store, place);
}

/* -- making -------------------------------------------------------------- */

struct remote *remotes_make(const struct plan_store *store)
{
	struct remote remote = { .user = store->user,
		                 .password_file = store->password_file,
		                 .database = store->database,
		                 .tls = store->tls != NULL,
		                 .timeout = store->timeout };
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	struct pp_error error = { .messages = messages }; /* there are none: it was checked */
	struct tls tls = { 0 };
	struct remote *copy;
	struct arena arena;
	const char *wanted;

	arena_init(&arena);
	if (store->tls != NULL)
		param_read(tls_rows, store->tls, &(struct param_options){ .folder = store->folder }, &arena,
		           &tls, &error);
	remote.ca = tls.ca;
	remote.cert = tls.cert;
	remote.key = tls.key;
	remote.verify = tls.verify;
	remote.host_count = (unsigned)store->hosts->count;
	remote.hosts = g_new0(struct remote_host, remote.host_count);
	for (unsigned i = 0; i < remote.host_count; i++)
		remote_host_parse(store->hosts->items[i], &remote.hosts[i], &wanted);
	copy = remote_copy(&remote);
	for (unsigned i = 0; i < remote.host_count; i++)
		remote_host_clear(&remote.hosts[i]);
	g_free(remote.hosts);
	arena_free(&arena);
	return copy;
}

char *remotes_show(const struct plan_store *store)
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < store->hosts->count; i++)
		g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", store->hosts->items[i]);
	g_string_append_printf(text, ": %s", store->database);
	return g_string_free(text, FALSE);
}
