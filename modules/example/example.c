/* example.c - the module to copy: is the HELO name suspiciously long? */
#include <string.h>
#include <ppolicyd/module.h>

/* What a rule file may set: check.example { limit = 40 }. Never changes after loading. */
struct conf {
	int64_t limit;
};

static const pp_param_t params[] = {
	PP_INT(struct conf, limit, .dflt = "64", .min = "1", .max = "255", .unit = "characters",
	       .help = "Longest HELO name that passes for normal"),
	PP_END,
};

/* What a rule may read of an answer, beside its word and text. */
struct fields {
	int64_t length;
};

static const pp_field_t fields[] = {
	PP_INT(struct fields, length, .unit = "characters", .samples = "12|200",
	       .help = "Length of the HELO name"),
	PP_END,
};

static pp_step_t ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	struct fields *answer = pp_fields(a);
	const char *helo = pp_attr(a, PP_HELO_NAME);

	if (helo == NULL)
		return pp_none(a, "the client sent no HELO name");
	answer->length = (int64_t)strlen(helo);
	if (answer->length > conf->limit)
		return pp_yes(a, "HELO name has %zu characters", strlen(helo));
	return pp_no(a, "HELO name is short enough");
}

PP_MODULE(.name = "example", /* as its folder and file are called */
          .question = "Is the HELO name suspiciously long?", .yes = "long", .no = "normal",
          .reads = PP_READS(PP_HELO_NAME), .conf_size = sizeof(struct conf), .params = params,
          .fields_size = sizeof(struct fields), .fields = fields, .ask = ask);
