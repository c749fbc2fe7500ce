/* dynamic_host.c - does the client's name look like that of a dynamically assigned address? */
#include <dlfcn.h>
#include <string.h>
#include "dynamic_host.h"

static const pp_param_t params[] = {
	PP_FILE(struct conf, patterns,
	        .help = "File of the patterns, read anew when it changes; the one that was installed with "
	                "the "
	                "module if not given"),
	PP_ATTR_NAME(struct conf, attribute,
	             .help = "Attribute that has the name, such as helo_name; if not given client_name, and "
	                     "reverse_client_name where Postfix could not confirm that"),
	PP_END,
};

struct fields {
	const char *name, *reason, *evidence;
	int64_t line;
};

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, name, .samples = "dsl-203-0-113-7.example.net",
	        .help = "Name that was judged, in lower case"),
	PP_TEXT(struct fields, reason, .samples = "a DSL line",
	        .help = "What the file says of the entry that decided; nothing if none did"),
	PP_TEXT(struct fields, evidence, .samples = "203-0-113-7|dsl",
	        .help = "Part of the name that it matched"),
	PP_INT(struct fields, line, .samples = "18",
	       .help = "Line of the entry in the file, 0 if none matched"),
	PP_END,
};

/* -- loading ------------------------------------------------------------------ */

/* In the folder where the module was built, else where it is installed. */
static char *installed_file(void)
{
	Dl_info info;

	if (dladdr(installed_file, &info) != 0 && info.dli_fname != NULL) {
		g_autofree char *folder = g_path_get_dirname(info.dli_fname);
		g_autofree char *beside = g_build_filename(folder, "share", "dynamic_host", "patterns.txt",
		                                           NULL);

		if (g_file_test(beside, G_FILE_TEST_IS_REGULAR))
			return g_steal_pointer(&beside);
	}
	return g_strdup(PATTERNS_FILE);
}

static void tell(const struct problems *problems, const char *file, pp_error_t *error)
{
	for (unsigned i = 0; i < problems->texts->len; i++)
		pp_fail(error, "patterns", "%s:%s", file, (const char *)problems->texts->pdata[i]);
	if (problems->count > PROBLEMS_SHOWN)
		pp_fail(error, "patterns", "%s: and %u more", file, problems->count - PROBLEMS_SHOWN);
}

static bool validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;
	g_autofree char *why = NULL;
	struct problems problems;
	struct stat status;

	conf->file = conf->patterns != NULL ? g_strdup(conf->patterns) : installed_file();
	problems_init(&problems);
	conf->first = watch_read(conf->file, &status, &problems, &why);
	tell(&problems, conf->file, error);
	problems_clear(&problems);
	if (why != NULL)
		pp_fail(error, "patterns", "%s: %s", conf->file, why);
	return conf->first != NULL;
}

static void invalidate(void *data)
{
	struct conf *conf = data;

	g_clear_pointer(&conf->file, g_free);
	g_clear_pointer(&conf->first, patterns_unref);
}

static void *open_watch(const void *conf, pp_error_t *error)
{
	(void)error;
	return watch_new(conf);
}

static void close_watch(void *handle)
{
	watch_free(handle);
}

static void upkeep(void *handle)
{
	watch_upkeep(handle);
}

/* -- answering ------------------------------------------------------------------ */

static void set_fields(pp_ask_t *a, const char *name, const struct verdict *verdict)
{
	struct fields *fields_of = pp_fields(a);

	fields_of->name = name;
	if (verdict->line == 0)
		return;
	fields_of->reason = pp_format(a, "%s", verdict->why);
	fields_of->evidence = pp_format(a, "%.*s", (int)verdict->length, name + verdict->start);
	fields_of->line = verdict->line;
}

static pp_step_t answer(pp_ask_t *a, const char *name, const struct verdict *verdict)
{
	const struct conf *conf = pp_conf(a);
	g_autofree char *file = g_path_get_basename(conf->file);
	bool dynamic = verdict->judgement == JUDGED_DYNAMIC;
	const char *looks = dynamic ? "dynamic" : "static";

	if (verdict->judgement == JUDGED_TOO_LONG)
		return pp_unknown(a, "%s:%u takes more steps than an entry may", file, verdict->line);
	set_fields(a, name, verdict);
	if (verdict->judgement == JUDGED_UNDECIDED)
		return pp_no(a, "nothing in %s looks dynamic", name);
	if (verdict->by_address)
		return pp_word(a, looks, "%s looks %s: %s, %.*s (%s:%u)", name, looks, verdict->why,
		               (int)verdict->length, name + verdict->start, file, verdict->line);
	return pp_word(a, looks, "%s looks %s: %s (%s:%u)", name, looks, verdict->why, file, verdict->line);
}

static pp_step_t judge(pp_ask_t *a, const char *name)
{
	struct patterns *patterns = watch_patterns(pp_handle(a));
	const char *client = pp_attr(a, PP_CLIENT_ADDRESS);
	struct verdict verdict;
	pp_address_t address;
	pp_step_t step;

	if (client == NULL || !pp_address_parse(client, &address))
		address.family = 0;
	verdict = patterns_judge(patterns, name, &address);
	step = answer(a, name, &verdict);
	patterns_unref(patterns);
	return step;
}

/* In lower case, without the dot at its end. */
static char *normalize(pp_ask_t *a, const char *value)
{
	char *name = pp_format(a, "%s", value);
	size_t length = strlen(name);

	for (char *c = name; *c != '\0'; c++)
		*c = g_ascii_tolower(*c);
	if (length > 1 && name[length - 1] == '.')
		name[length - 1] = '\0';
	return name;
}

static bool is_known(const char *value)
{
	return value != NULL && *value != '\0' && strcmp(value, "unknown") != 0;
}

/* The attribute to judge: what is configured, else the client's name, confirmed or not. */
static const char *attribute_of(pp_ask_t *a, const struct conf *conf)
{
	if (conf->attribute != NULL)
		return conf->attribute;
	if (!is_known(pp_attr(a, PP_CLIENT_NAME)) && is_known(pp_attr(a, PP_REVERSE_CLIENT_NAME)))
		return "reverse_client_name";
	return "client_name";
}

static pp_step_t ask(pp_ask_t *a)
{
	const char *attribute = attribute_of(a, pp_conf(a));
	const char *value = pp_attr_named(a, attribute), *name;
	pp_address_t address;

	if (value == NULL || *value == '\0')
		return pp_none(a, "the request has no %s", attribute);
	if (!is_known(value))
		return pp_none(a, "%s is unknown", attribute);
	if (*value == '[' || pp_address_parse(value, &address))
		return pp_none(a, "%s is an address, no name", attribute);
	name = normalize(a, value);
	if (strlen(name) > NAME_MAX_LENGTH)
		return pp_none(a, "%s is too long for a name", attribute);
	return judge(a, name);
}

static const pp_word_row_t words[] = {
	PP_WORD("dynamic", PP_CLASS_YES, "The name looks as names of dynamically assigned addresses do"),
	PP_WORD("static", PP_CLASS_NO, "It does not, or it says that it is none"),
	PP_WORDS_END,
};

PP_MODULE(.name = "dynamic_host", .question = "Does the client's name look like that of a dynamic address?",
          .words = words, .reads = PP_READS(PP_CLIENT_ADDRESS, PP_CLIENT_NAME, PP_REVERSE_CLIENT_NAME),
          .conf_size = sizeof(struct conf), .params = params, .fields_size = sizeof(struct fields),
          .fields = fields, .ask = ask, .validate = validate, .invalidate = invalidate, .open = open_watch,
          .close = close_watch, .upkeep = upkeep);
