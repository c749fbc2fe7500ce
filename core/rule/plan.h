/* rule/plan.h - what a rule file declares: settings, checks, listeners
 *
 * The first Lua state to load the file makes the plan; the states of the loops
 * load the same bytes and must declare the same.
 */
#ifndef RULE_PLAN_H
#define RULE_PLAN_H

#include "base/log.h"
#include "base/param.h"
#include "check/binding.h"
#include "request/action.h"
#include "service/dns.h"

struct plan_source { /* a file, read once */
	char *path, *folder, *bytes;
	size_t size;
	bool loading;  /* its text is running */
	GArray *lines; /* of size_t: where each line begins; made when first needed */
};

struct server_settings {
	const char *name, *user, *control;
	pp_msec_t deadline;
	int64_t loops; /* 0 = by the number of processors */
	const pp_texts_t *modules, *restriction_classes;
	struct action on_error;
};

struct cache_settings {
	int64_t memory;
};

struct plan_store {
	const char *name;   /* NULL: the one for what lasts; others are only read */
	const char *driver; /* as written first, or "sqlite" */
	const char *path, *synchronous;
	int64_t answers; /* most kept answers in it */
	/* mysql: */
	const pp_texts_t *hosts;
	const char *user, *password_file, *database;
	const pp_value_t *tls; /* as written; NULL = none */
	pp_msec_t timeout;
	const char *folder; /* that paths in tls are relative to */

	bool written;        /* else it is there because checks may use it */
	struct store *store; /* a reference; NULL until plan_make_stores() */
};

/* Listeners whose clients are proxies, which send a PROXY header first. */
struct plan_proxy {
	bool given;
	const pp_networks_t *networks; /* that may connect over TCP; NULL: none */
	bool has_unix;                 /* who may open the unix socket may connect */
	bool is_closed;                /* nobody may connect */
	pp_msec_t timeout;             /* until the header is whole */
};

struct plan_listener {
	const char *address; /* as written in listen */
	const char *mode, *owner, *group;
	/* NULL: loopback for TCP, all for a unix socket, and all that a PROXY header names. */
	const pp_networks_t *allow;
	struct plan_proxy proxy;
	const pp_texts_t *may_names;
	uint32_t may; /* bits 1 << verb */
	bool observe;
	struct action on_error, overload;
	pp_msec_t deadline;
	int64_t max_connections;
	int64_t max_peer_connections; /* 0: as many */
	int line;
	const char *file;
};

struct plan_check {
	const struct module *module;
	const pp_value_t *values;
	struct plan_source *source; /* where it stands */
	int line;
	const char *name;
	bool named_by_parameter;
	char *identity;
	struct check *check; /* a reference; NULL until plan_finish(), or refused */
};

struct plan {
	struct arena arena;
	bool bare;      /* only server and listen count: no module is loaded */
	bool rehearsal; /* stores are in memory, whatever is written */
	/* Reads a file in place of the file system; NULL: *error. May be NULL. */
	char *(*read)(void *data, const char *path, size_t *size, char **error);
	void *read_data;
	const struct plan *leader; /* of a state that follows: the plan of the first one */
	const char *main_path;     /* of the rule file, as given */
	const char *server_folder; /* of the file that has server{} */
	GPtrArray *sources;        /* of struct plan_source */
	struct server_settings server;
	struct cache_settings cache;
	struct log_settings log;
	struct dns_settings dns;
	struct plan_store store; /* defaults */
	GPtrArray *stores;       /* of struct plan_store, by name each once */
	GPtrArray *checks;       /* of struct plan_check, in the order of the file */
	GPtrArray *listeners;    /* of struct plan_listener */
	GPtrArray *errors;       /* of char *: all that is wrong */
	GPtrArray *folders;      /* of modules, NULL-terminated */
	GString *declared;       /* canonical text of all that was declared */
	unsigned settings_seen;  /* bits of the rows of plan_settings() */
	char conf[8];            /* "9c1e": names this configuration in logs */
};

struct plan *plan_new(const struct plan *leader);
void plan_free(struct plan *plan);

/* From now on the file of the name PLAN_TEXT is this text; for the whole process, before any plan. */
#define PLAN_TEXT "--rules"
void plan_use_text(const char *text);

/* Reads a file once; later calls give the same bytes. NULL: *error is a sentence. */
struct plan_source *plan_read(struct plan *plan, const char *path, char **error);

/* The settings a file may make: server, cache, log, dns ..., and what they write to; store may be made
 * several times, and is made by plan_store_set(). */
struct plan_setting {
	const char *name;
	const pp_row_t *rows; /* NULL: refused, not in this version */
	size_t offset;        /* in struct plan */
	const char *help;
};
const struct plan_setting *plan_settings(void); /* ends with a NULL name */
const pp_row_t *plan_listen_rows(void);
const pp_row_t *plan_proxy_rows(void); /* of listen's proxy = { ... }; of struct plan_proxy */

/* A file read already, by its path as messages show it; NULL: none. */
struct plan_source *plan_source(const struct plan *plan, const char *path);
/* Whether a text can name a check. */
bool plan_is_name(const char *text);

/* Where a call stands, for messages. */
struct plan_place {
	struct plan_source *source; /* NULL: unknown */
	int line;
};
void plan_fail(struct plan *plan, const struct plan_place *place, const char *where, const char *format, ...)
        G_GNUC_PRINTF(4, 5);

/* For those who read a call: where errors go, and what was declared. */
struct pp_error plan_error_at(struct plan *plan, const struct plan_place *place, const char *where,
                              const char *noun, const pp_value_t *values);
void plan_declare(struct plan *plan, const char *what, const char *name, const pp_value_t *values);

/* One call of a setting. on_error: the action or NULL. */
void plan_set(struct plan *plan, const struct plan_setting *setting, const pp_value_t *values,
              const struct action *on_error, const struct plan_place *place);
void plan_store_set(struct plan *plan, const pp_row_t *rows, const pp_value_t *values,
                    const struct plan_place *place);
/* NULL: refused. */
struct plan_listener *plan_listen(struct plan *plan, const char *address, const pp_value_t *options,
                                  const struct action *on_error, const struct action *overload,
                                  const struct plan_place *place);
/* NULL: refused. */
struct plan_check *plan_check(struct plan *plan, const char *module, const pp_value_t *values,
                              const struct plan_place *place);

/* Where modules are found, NULL-terminated: the folders of server { modules }, the one
 * beside this program, and the installed one. From then on server {} comes too late. */
const char *const *plan_module_folders(struct plan *plan);

/* -- stores -- */

/* The folder where a store is that has no path; NULL: the installed one. Copied, for the whole
 * process, before any plan is made. */
void plan_use_state(const char *folder);
/* Where it is then. g_free() it. */
char *plan_usual_path(void);
/* Makes those that are not there yet, and the one without a name; those of an earlier plan (may be
 * NULL) with equal settings are carried over. Nothing is opened. */
void plan_make_stores(struct plan *plan, const struct plan *earlier);
/* For checks: what has been made, in the plan's arena. */
struct check_stores plan_stores(struct plan *plan);
/* Opens those that its checks use, and waits for the first attempt, good or failed. */
void plan_open_stores(const struct plan *plan);

/* -- finishing -- */

/* Makes the checks: those of an earlier plan (may be NULL) with equal name and
 * identity, and the same stores, are carried over. True: nothing was wrong. */
bool plan_finish(struct plan *plan, const struct plan *earlier);

/* For a plan with a leader: takes over its stores and checks. False: it declared other things. */
bool plan_follow(struct plan *plan);

/* Where on_error and overload may lead: dunno, defer, "close". */
bool plan_is_mild(const struct action *action);

/* The line of a parameter that is written within the call that begins at line, or 0. */
int plan_line_of(struct plan_source *source, int line, const char *name);

#endif
