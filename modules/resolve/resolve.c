/* resolve.c - does DNS lead from an address or a name to what it should? */
#include <string.h>
#include <glib.h>
#include "resolve.h"

struct conf {
	const char *attribute, *path;
	bool implicit_mx;
	const pp_networks_t *ignore;
	int64_t limit;

	/* Made by validate() */
	const struct path *way;
};

static const pp_param_t params[] = {
	PP_ATTR_NAME(struct conf, attribute, .required = true,
	             .help = "Attribute that has the address or the name; of a mail address its domain"),
	PP_CHOICE(struct conf, path, .required = true, .choices = PATH_NAMES,
	          .help = "What has to be found from there, step by step"),
	PP_BOOL(struct conf, implicit_mx, .dflt = "true",
	        .help = "Take a name without MX records as its own mail host if it has an address "
	                "(RFC 5321 5.1)"),
	PP_NETWORKS(struct conf, ignore,
	            .help = "Addresses that do not count where any would do, such as \"127.0.0.0/8\""),
	PP_INT(struct conf, limit, .dflt = "10", .min = "1", .max = "30",
	       .help = "How many names of an address, addresses of a name or mail hosts are looked up "
	               "further; if there are more, and none of these decides, the answer is unknown"),
	PP_END,
};

static const pp_field_t fields[] = {
	PP_TEXT(struct fields, status, .samples = "found|nxdomain|nodata|null_mx|ignored|mismatch",
	        .help = "found; or what the step that got furthest came to: nxdomain, nodata, null_mx, "
	                "ignored, mismatch"),
	PP_TEXT(struct fields, name, .when = "holds", .samples = "mail.example.org",
	        .help = "Name that lets the path hold: of an address its name, else the one that was asked "
	                "for; in lower case"),
	PP_TEXT(struct fields, names, .samples = "mail.example.org|a.example.org b.example.org",
	        .help = "Names found for addresses, with spaces between"),
	PP_TEXT(struct fields, addresses, .samples = "192.0.2.1|192.0.2.1 2001:db8::1",
	        .help = "Addresses found for names, with spaces between"),
	PP_TEXT(struct fields, hosts, .samples = "mx1.example.org mx2.example.org",
	        .help = "Mail hosts found for names, with spaces between, the preferred ones first"),
	PP_END,
};

/* -- loading ----------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *texts)
{
	while (*texts != NULL && strcmp(*texts, text) != 0)
		texts++;
	return *texts != NULL;
}

static bool validate(void *data, pp_error_t *error)
{
	static const char *const addresses[] = { "client_address", "server_address", NULL };
	static const char *const names[] = { "client_name", "reverse_client_name", "sender_domain",
		                             "recipient_domain", NULL };
	struct conf *conf = data;

	conf->way = path_named(conf->path);
	if (is_one_of(conf->attribute, conf->way->from_address ? names : addresses))
		return pp_fail(error, "path", "found '%s', which begins with %s, but %s is %s", conf->path,
		               conf->way->from_address ? "an address" : "a name", conf->attribute,
		               conf->way->from_address ? "a name" : "an address");
	return true;
}

/* -- answering --------------------------------------------------------------- */

static pp_step_t walked(pp_ask_t *a)
{
	struct walk *walk = &((struct state *)pp_state(a))->walk;
	const struct look_up *decisive = walk_on(walk);

	return decisive != NULL ? answer_walk(a, walk, decisive) : pp_wait_any(a, walked);
}

static pp_step_t walk(pp_ask_t *a, const struct conf *conf)
{
	struct state *state = pp_state(a);

	state->walk = (struct walk){ .ask = a,
		                     .path = conf->way,
		                     .subject = &state->subject,
		                     .limit = (size_t)conf->limit,
		                     .implicit_mx = conf->implicit_mx,
		                     .ignore = conf->ignore };
	walk_start(&state->walk);
	return walked(a);
}

static pp_step_t ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct subject *subject = &((struct state *)pp_state(a))->subject;
	bool from_address = conf->way->from_address;

	subject_read(conf->attribute, pp_attr_named(a, conf->attribute), subject);
	if (subject->kind == SUBJECT_NONE)
		return pp_none(a, "%s: %s", conf->attribute, subject->why);
	if (from_address != (subject->kind == SUBJECT_ADDRESS))
		return pp_none(a, "%s: '%s' is %s", conf->attribute, subject->name,
		               from_address ? "no address" : "an address, no name");
	if (subject->kind == SUBJECT_IMPOSSIBLE)
		return answer_impossible(a, subject);
	return walk(a, conf);
}

/* Of mail addresses with one domain there is one answer. */
static const char *key(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct subject *subject = &((struct state *)pp_state(a))->subject;

	subject_read(conf->attribute, pp_attr_named(a, conf->attribute), subject);
	if (subject->kind == SUBJECT_NONE || subject->kind == SUBJECT_IMPOSSIBLE)
		return NULL;
	return subject->name;
}

static const pp_word_row_t words[] = {
	PP_WORD("holds", PP_CLASS_YES, "DNS leads to the end of the path"),
	PP_WORD("fails", PP_CLASS_NO, "DNS says that it does not"),
	PP_WORDS_END,
};

PP_MODULE(.name = "resolve", .question = "Does DNS lead from the address or name to what it should?",
          .words = words, .conf_size = sizeof(struct conf), .params = params,
          .fields_size = sizeof(struct fields), .fields = fields, .state_size = sizeof(struct state),
          .ask = ask, .key = key, .validate = validate, .keep = "1h");
