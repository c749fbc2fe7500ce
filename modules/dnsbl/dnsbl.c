/* dnsbl.c - is the client, or a domain it names, on lists in DNS? (RFC 5782) The module's rows */
#include "dnsbl.h"

#define SELF_TEST_MIN 10000           /* ms */
#define ALWAYS "listed clean unknown" /* set with these words */

static const pp_param_t params[] = {
	PP_TABLE(struct conf, zones, .required = true,
	         .help = "The lists: names of zones, [\"zone\"] = points, or [\"zone\"] = { weight = 5, "
	                 "replies = { ... }, subject = \"...\", self_test = false }; points may be negative"),
	PP_TEXTS(struct conf, subject, .dflt = "client_address",
	         .help = "What is looked up in lists that do not say it themselves: client_address, "
	                 "client_name, helo_name, sender_domain, recipient_domain, or several"),
	PP_NUMBER(struct conf, threshold, .dflt = "1", .unit = "points",
	          .help = "Points from which on the answer is listed"),
	PP_BOOL(struct conf, reason, .dflt = "false",
	        .help = "Look up what the lists that have it say of it (TXT), for the field reason"),
	PP_DURATION(struct conf, linger, .dflt = "100ms", .max = "30s", .inert = true,
	            .help = "How long, when the word is certain, the lists still missing are waited for, so "
	                    "that score and lists are whole"),
	PP_DURATION(struct conf, self_test, .dflt = "10m", .max = "1d", .inert = true,
	            .help = "How often each list is tested (RFC 5782); \"0s\": never"),
	PP_END,
};

static const pp_field_t fields[] = {
	PP_NUMBER(struct fields, score, .dflt = "0", .unit = "points", .samples = "0|1|5", .when = ALWAYS,
	          .help = "Sum of the points of the lists that answered"),
	PP_TEXT(struct fields, lists, .samples = "zen.example.org", .when = ALWAYS,
	        .help = "Zones that have it, with blanks between; nil: none has"),
	PP_TEXT(struct fields, labels, .samples = "label", .when = ALWAYS,
	        .help = "Labels of the replies that came, with blanks between; nil: none"),
	PP_TEXT(struct fields, missing, .samples = "bl.example.net", .when = ALWAYS,
	        .help = "Zones that did not answer, or were not waited for, with blanks between; nil: none"),
	PP_TEXT(struct fields, reason, .when = "listed", .samples = "See https://example.org/why",
	        .help = "What the lists say of it, in printable ASCII; nil where they say nothing"),
	PP_END,
};

static bool validate(void *data, pp_error_t *error)
{
	struct conf *conf = data;

	if (conf->self_test > 0 && conf->self_test < SELF_TEST_MIN)
		return pp_fail(error, "self_test", "wanted at least \"10s\", or \"0s\" for never");
	conf->list = zones_new(conf, error);
	return conf->list != NULL;
}

static void invalidate(void *data)
{
	struct conf *conf = data;

	g_clear_pointer(&conf->list, zones_free);
}

/* It may be meant so, by who wants the score only. */
static void warn_of_threshold(const struct zones *zones)
{
	char threshold[POINTS_TEXT_SIZE], most[POINTS_TEXT_SIZE];

	if (zones->most > 0 && zones->most < zones->threshold)
		pp_log(PP_LOG_WARNING,
		       "dnsbl: threshold %s cannot be reached: all lists together reach %s, so nobody is "
		       "listed",
		       points_print(zones->threshold, threshold), points_print(zones->most, most));
}

static void *dnsbl_open(const void *data, pp_error_t *error)
{
	const struct conf *conf = data;

	(void)error;
	warn_of_threshold(conf->list);
	return dnsbl_new(conf);
}

static void dnsbl_close(void *handle)
{
	dnsbl_free(handle);
}

static void upkeep(void *handle)
{
	struct dnsbl *dnsbl = handle;

	if (dnsbl->conf->self_test > 0)
		self_test_run(dnsbl, false);
}

static const pp_word_row_t words[] = {
	PP_WORD("listed", PP_CLASS_YES,
	        "The points reach the threshold, whatever lists that are missing may say"),
	PP_WORD("clean", PP_CLASS_NO, "They stay below it, whatever lists that are missing may say"),
	PP_WORDS_END,
};

PP_MODULE(.name = "dnsbl", .question = "Is the client, or a domain it names, on lists in DNS?",
          .words = words,
          .reads = PP_READS(PP_CLIENT_ADDRESS, PP_CLIENT_NAME, PP_HELO_NAME, PP_SENDER_DOMAIN,
                            PP_RECIPIENT_DOMAIN),
          .conf_size = sizeof(struct conf), .params = params, .fields_size = sizeof(struct fields),
          .fields = fields, .state_size = sizeof(struct state), .ask = dnsbl_ask, .key = dnsbl_key,
          .validate = validate, .invalidate = invalidate, .open = dnsbl_open, .close = dnsbl_close,
          .upkeep = upkeep, .keep = "1h", .stale = "1h", .commands = dnsbl_commands);
