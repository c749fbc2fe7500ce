/* list.c - is a value on a list?
 *
 * Threads: see list.h. An ask holds a snapshot only while its step runs.
 */
#include <string.h>
#include "list.h"

static const pp_param_t params[] = {
	PP_FILE(struct conf, file, .help = "Text file with an entry a line; read anew when it changes"),
	{ .name = "inline", /* a word of C, so no PP_TABLE() */
	  .type = PP_TYPE_TABLE,
	  .offset = PP_OFFSET(struct conf, entries, const pp_value_t *),
	  .help = "Entries in place of a file: texts, and [\"key\"] = what is said of it" },
	PP_CHOICE(struct conf, search, .dflt = "exact", .choices = "exact cidr mail domain regex",
	          .help = "How to search: the whole value, the smallest network that holds it, a mail "
	                  "address, a domain with its subdomains, the first pattern that matches"),
	PP_ATTR_NAME(struct conf, attribute,
	             .help = "Attribute to search where the ask has no argument value"),
	PP_BOOL(struct conf, ignore_case, .dflt = "false",
	        .help = "Take upper and lower case of ASCII as the same in exact and regex too"),
	PP_BOOL(struct conf, subdomains, .dflt = "false",
	        .help = "Let an entry example.org stand for its subdomains in mail too"),
	PP_TEXT(struct conf, extension, .dflt = "+",
	        .help = "Characters of which each begins an address extension in mail; empty for none"),
	PP_FIELD_NAMES(struct conf, fields,
	               .help = "Names for the words behind the key: name=word goes to its field, "
	                       "the other words to the fields that are left, in order"),
	PP_END,
};

struct args {
	const char *value;
};

static const pp_argument_t args[] = {
	PP_TEXT(struct args, value, .help = "Value to search in place of the attribute"),
	PP_END,
};

struct fields {
	const char *value;
	const char *key;
	int64_t line;
};

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, value, .when = "found",
	        .help = "All that stands behind the key; nil where nothing does"),
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

static bool validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;
	struct snapshot *snapshot;
	struct stamp stamp = { 0 };

	conf->method = search_named(conf->search);
	if ((conf->file == NULL) == (conf->entries == NULL))
		return pp_fail(error, NULL, "found %s, wanted either file or inline",
		               conf->file != NULL ? "both file and inline" : "neither file nor inline");
	if (conf->subdomains && conf->method != &search_mail)
		return pp_fail(error, "subdomains", "goes with search = 'mail' only%s",
		               conf->method == &search_domain ? "; a domain's subdomains are always found"
		                                              : "");
	snapshot = read_source(conf, &stamp, error);
	if (snapshot == NULL)
		return false;
	conf->seed = g_new0(struct seed, 1);
	atomic_init(&conf->seed->snapshot, snapshot);
	conf->seed->stamp = stamp;
	return true;
}

static void invalidate(void *data)
{
	struct conf *conf = data;

	if (conf->seed != NULL)
		snapshot_unref(atomic_exchange(&conf->seed->snapshot, NULL));
	g_clear_pointer(&conf->seed, g_free);
}

static void *list_open(const void *data, pp_error_t *error)
{
	const struct conf *conf = data;
	struct snapshot *snapshot = atomic_exchange(&conf->seed->snapshot, NULL);
	struct stamp stamp = conf->seed->stamp;

	if (snapshot == NULL)
		snapshot = read_source(conf, &stamp, error);
	return snapshot != NULL ? list_new(conf, snapshot, &stamp) : NULL;
}

static void list_close(void *handle)
{
	list_free(handle);
}

static void upkeep(void *handle)
{
	list_upkeep(handle);
}

/* -- asking --------------------------------------------------------------- */

/* NULL: the request has none. The null sender is on a list as "<>". */
static const char *searched_value(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const struct args *given = pp_args(a);
	const char *value = given->value;

	if (value == NULL && conf->attribute != NULL)
		value = pp_attr_named(a, conf->attribute);
	return value != NULL && *value == '\0' ? "<>" : value;
}

static bool begins_with(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=';
}

/* First the words with a name, then the others in order into what is left. */
static void set_named_fields(pp_ask_t *a, const pp_texts_t *names, const char *value)
{
	bool *set = memset(pp_alloc(a, names->count * sizeof(*set)), 0, names->count * sizeof(*set));
	g_auto(GStrv) words = g_strsplit_set(value, " \t", -1);
	size_t next = 0;

	for (char **word = words; *word != NULL; word++)
		for (size_t i = 0; i < names->count; i++)
			if (begins_with(*word, names->items[i])) {
				pp_field(a, names->items[i], *word + strlen(names->items[i]) + 1);
				set[i] = true;
				**word = '\0';
				break;
			}
	for (char **word = words; *word != NULL; word++) {
		while (next < names->count && set[next])
			next++;
		if (next < names->count && **word != '\0')
			pp_field(a, names->items[next++], *word);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static pp_step_t found(pp_ask_t *a, const struct snapshot *snapshot, uint32_t entry)
{
	const struct conf *conf = pp_conf(a);
	struct fields *answer = pp_fields(a);
	const char *value = snapshot_value(snapshot, entry);

	answer->key = pp_format(a, "%s", snapshot_key(snapshot, entry));
	answer->line = snapshot->entries[entry].line;
	if (*value != '\0') {
		answer->value = pp_format(a, "%s", value);
		if (conf->fields != NULL)
			set_named_fields(a, conf->fields, value);
	}
	if (conf->file == NULL)
		return pp_yes(a, "%s (inline)", answer->key);
	return pp_yes(a, "%s (%s:%lld)", answer->key, base_name(conf->file), (long long)answer->line);
}

static pp_step_t answer_of(pp_ask_t *a, const struct snapshot *snapshot, const struct result *result,
                           const char *value)
{
	const struct conf *conf = pp_conf(a);

	switch (result->outcome) {
	case OUTCOME_FOUND: return found(a, snapshot, result->entry);
	case OUTCOME_NONE: return pp_none(a, "'%s' %s", value, result->why);
	case OUTCOME_UNKNOWN:
		return pp_unknown(a, "%s (%s:%u) %s", snapshot_key(snapshot, result->entry),
		                  conf->file != NULL ? base_name(conf->file) : "inline",
		                  snapshot->entries[result->entry].line, result->why);
	default:
		return pp_no(a, "not on the list%s%s", conf->file != NULL ? " " : "",
		             conf->file != NULL ? base_name(conf->file) : "");
	}
}

static pp_step_t ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	const char *value = searched_value(a);
	struct snapshot *snapshot;
	struct result result;
	pp_step_t step;

	if (value == NULL && conf->attribute == NULL)
		return pp_none(a, "nothing to search: the check has no attribute and the ask no value");
	if (value == NULL)
		return pp_none(a, "the request has no %s", conf->attribute);
	snapshot = list_snapshot(pp_handle(a));
	result = conf->method->find(snapshot, conf, pp_format(a, "%s", value));
	step = answer_of(a, snapshot, &result, value);
	snapshot_unref(snapshot);
	return step;
}

PP_MODULE(.name = "list", .question = "Is the value on the list?", .yes = "found", .no = "absent",
          .conf_size = sizeof(struct conf), .params = params, .args_size = sizeof(struct args), .args = args,
          .fields_size = sizeof(struct fields), .fields = fields, .ask = ask, .key = searched_value,
          .validate = validate, .invalidate = invalidate, .open = list_open, .close = list_close,
          .upkeep = upkeep);
