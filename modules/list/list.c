/* list.c - is a value on a list? The module's rows, and where its lists come from */
#include <string.h>
#include "list.h"

static const pp_param_t params[] = {
	PP_FILE(struct conf, file, .help = "Text file with an entry a line; read anew when it changes"),
	{ .name = "inline", /* a word of C, so no PP_TABLE() */
	  .type = PP_TYPE_TABLE,
	  .offset = PP_OFFSET(struct conf, entries, const pp_value_t *),
	  .help = "Entries in place of a file: texts, and [\"key\"] = what is said of it" },
	PP_TEXT(struct conf, table, .help = "Table of a database, whose column is searched; it is only read"),
	PP_TEXTS(struct conf, column,
	         .help = "Column of the table that holds the entries; or several, one for each attribute, "
	                 "which have to fit together in one row"),
	PP_TEXT(struct conf, query,
	        .help = "SELECT in place of a table: its result is not empty if :value, or the attributes "
	                "it names (:sender), are on the list; without either its first column has all "
	                "entries"),
	PP_TEXT(struct conf, managed,
	        .help = "Table of ours in the store, made if it is not there; entries come and go with "
	                "`ppolicyctl list add` and `remove`"),
	PP_TEXT(struct conf, store,
	        .help = "Name of the store { name = ... } that has the table; the store itself if not given"),
	PP_DURATION(struct conf, refresh, .min = "1s", .max = "30d",
	            .help = "Read all of the table this often, instead of looking up each value; where it "
	                    "has to be read whole and this is not given, every 5m, a managed one every 10s"),
	PP_DURATION(struct conf, max_age, .dflt = "1h", .min = "1s", .max = "365d",
	            .help = "How long what was read is good while it cannot be read again; then answers are "
	                    "unknown"),
	PP_CHOICE(struct conf, search, .dflt = "exact", .choices = "exact cidr mail domain regex",
	          .help = "How to search: the whole value, the smallest network that holds it, a mail "
	                  "address, a domain with its subdomains, the first pattern that matches"),
	PP_ATTR_NAMES(struct conf, attribute,
	              .help = "Attribute to search where the ask has no argument value; of several the first "
	                      "that is on the list counts; those that query names if not given"),
	PP_BOOL(struct conf, ignore_case, .dflt = "false",
	        .help = "Take upper and lower case of ASCII as the same in exact and regex too"),
	PP_BOOL(struct conf, subdomains, .dflt = "false",
	        .help = "Let an entry example.org stand for its subdomains in mail too"),
	PP_TEXT(struct conf, extension, .dflt = "+",
	        .help = "Characters of which each begins an address extension in mail; empty for none"),
	PP_FIELD_NAMES(struct conf, fields,
	               .help = "Names for the words behind the key: name=word goes to its field, "
	                       "the other words to the fields that are left, in order; of a database, "
	                       "names of columns"),
	PP_END,
};

static const pp_argument_t args[] = {
	PP_TEXT(struct args, value, .help = "Value to search in place of the attribute"),
	PP_END,
};

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, value, .when = "found",
	        .help = "All that stands behind the key, of a database the next column; nil where nothing "
	                "does"),
	PP_TEXT(struct fields, key, .when = "found", .samples = "example.org", .help = "Entry that matched"),
	PP_INT(struct fields, line, .when = "found", .samples = "18",
	       .help = "Line of the entry in the file, 0 in an inline table"),
	PP_END,
};

/* -- loading -------------------------------------------------------------- */

static const struct search *search_named(const char *name)
{
	static const struct search *const searches[] = { &search_exact, &search_mail, &search_domain,
		                                         &search_cidr, &search_regex };

	for (size_t i = 0; i < G_N_ELEMENTS(searches); i++)
		if (strcmp(searches[i]->name, name) == 0)
			return searches[i];
	g_assert_not_reached();
}

static struct snapshot *read_source(const struct conf *conf, struct stamp *stamp, pp_error_t *error)
{
	struct problems problems = { .error = error, .param = conf->file != NULL ? "file" : "inline" };

	return conf->file != NULL ? source_read_file(conf, stamp, &problems)
	                          : source_read_inline(conf, &problems);
}

static const char *const sources = "one of file, inline, table, query and managed";

static bool check_sources(const struct conf *conf, pp_error_t *error)
{
	const char *const names[] = { conf->file != NULL ? "file" : NULL,
		                      conf->entries != NULL ? "inline" : NULL,
		                      conf->table != NULL ? "table" : NULL,
		                      conf->query != NULL ? "query" : NULL,
		                      conf->managed != NULL ? "managed" : NULL };
	const char *first = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (names[i] != NULL && first != NULL)
			return pp_fail(error, NULL, "found both %s and %s, wanted %s", first, names[i],
			               sources);
		first = first != NULL ? first : names[i];
	}
	return first != NULL || pp_fail(error, NULL, "found no source, wanted %s", sources);
}

static bool is_local(const struct conf *conf)
{
	return conf->file != NULL || conf->entries != NULL;
}

static bool make_seed(struct conf *conf, pp_error_t *error)
{
	struct stamp stamp = { 0 };
	struct snapshot *snapshot = read_source(conf, &stamp, error);

	if (snapshot == NULL)
		return false;
	conf->seed = g_new0(struct seed, 1);
	atomic_init(&conf->seed->snapshot, snapshot);
	conf->seed->stamp = stamp;
	return true;
}

static bool validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;

	conf->method = search_named(conf->search);
	if (!check_sources(conf, error))
		return false;
	if (conf->subdomains && conf->method != &search_mail)
		return pp_fail(error, "subdomains", "goes with search = 'mail' only%s",
		               conf->method == &search_domain ? "; a domain's subdomains are always found"
		                                              : "");
	if (!database_validate(conf, error))
		return false;
	return !is_local(conf) || make_seed(conf, error);
}

static void invalidate(void *data)
{
	struct conf *conf = data;

	if (conf->seed != NULL)
		snapshot_unref(atomic_exchange(&conf->seed->snapshot, NULL));
	g_clear_pointer(&conf->seed, g_free);
	g_clear_pointer(&conf->sql, pp_query_free);
	g_clear_pointer(&conf->asked, g_free);
}

static void *open_local(const struct conf *conf, pp_error_t *error)
{
	struct snapshot *snapshot = atomic_exchange(&conf->seed->snapshot, NULL);
	struct stamp stamp = conf->seed->stamp;

	if (snapshot == NULL)
		snapshot = read_source(conf, &stamp, error);
	return snapshot != NULL ? list_new(conf, snapshot, &stamp) : NULL;
}

/* A database that cannot be read is tried again, and until then the check is unknown. */
static void *open_database(const struct conf *conf, pp_error_t *error)
{
	const struct stamp stamp = { 0 };
	struct snapshot *snapshot = NULL;
	const char *reason;

	if (conf->whole && (snapshot = database_read_all(conf, &reason)) == NULL) {
		pp_fail(error, NULL, "cannot be read: %s", reason);
		return NULL;
	}
	return list_new(conf, snapshot, &stamp);
}

static void *list_open(const void *data, pp_error_t *error)
{
	const struct conf *conf = data;

	return is_local(conf) ? open_local(conf, error) : open_database(conf, error);
}

static void list_close(void *handle)
{
	list_free(handle);
}

static void upkeep(void *handle)
{
	list_upkeep(handle);
}

/* To be read at the next turn. */
static void changed(void *handle)
{
	struct list *list = handle;

	atomic_store(&list->changed, true);
}

PP_MODULE(.name = "list", .question = "Is the value on the list?", .yes = "found", .no = "absent",
          .conf_size = sizeof(struct conf), .params = params, .args_size = sizeof(struct args), .args = args,
          .fields_size = sizeof(struct fields), .fields = fields, .state_size = sizeof(struct look_up),
          .ask = list_ask, .key = list_key, .validate = validate, .invalidate = invalidate, .open = list_open,
          .close = list_close, .upkeep = upkeep, .statements = managed_statements, .table = "managed",
          .commands = list_commands, .changed = changed);
