/* unit/policy.c - rule files in tests: the modules of DESIGN.md's example, which nobody can ask, and loading
 */
#include "policy.h"

#include <glib/gstdio.h>
#include "check/module.h"

static pp_step_t ask_never(pp_ask_t *a)
{
	(void)a;
	g_assert_not_reached();
	return (pp_step_t){ 0 };
}

struct dnsbl_conf {
	const pp_value_t *zones;
	int64_t threshold;
};
struct dnsbl_fields {
	int64_t score;
};
static const pp_row_t dnsbl_params[] = {
	PP_TABLE(struct dnsbl_conf, zones, .help = "Zones"),
	PP_INT(struct dnsbl_conf, threshold, .dflt = "1", .help = "Threshold"),
	PP_END,
};
static const pp_row_t dnsbl_fields[] = {
	PP_INT(struct dnsbl_fields, score, .dflt = "0", .samples = "0|3|10", .help = "Score"),
	PP_END,
};
static const pp_word_row_t spf_words[] = {
	PP_WORD("pass", PP_CLASS_YES, "Pass"),          PP_WORD("fail", PP_CLASS_NO, "Fail"),
	PP_WORD("softfail", PP_CLASS_NO, "Soft fail"),  PP_WORD("neutral", PP_CLASS_NO, "Neutral"),
	PP_WORD("permerror", PP_CLASS_NO, "Permerror"), PP_WORDS_END,
};
struct spf_fields {
	const char *domain;
};
static const pp_row_t spf_fields[] = {
	PP_TEXT(struct spf_fields, domain, .when = "pass", .samples = "example.org", .help = "Domain"),
	PP_END,
};
struct greylist_conf {
	pp_msec_t delay;
};
struct greylist_args {
	const char *domain;
};
static const pp_row_t greylist_params[] = {
	PP_DURATION(struct greylist_conf, delay, .dflt = "5m", .help = "Delay"),
	PP_END,
};
static const pp_row_t greylist_args[] = {
	PP_TEXT(struct greylist_args, domain, .help = "Domain"),
	PP_END,
};
struct list_conf {
	const char *file, *search;
	const pp_texts_t *fields;
};
struct list_args {
	const char *value;
};
struct list_fields {
	bool exact;
	const char *comment;
	pp_msec_t age;
};
static const pp_row_t list_params[] = {
	PP_TEXT(struct list_conf, file, .help = "File"),
	PP_TEXT(struct list_conf, search, .help = "Search"),
	PP_FIELD_NAMES(struct list_conf, fields, .help = "Fields"),
	PP_END,
};
static const pp_row_t list_args[] = {
	PP_TEXT(struct list_args, value, .help = "Value"),
	PP_END,
};
static const pp_row_t list_fields[] = {
	PP_BOOL(struct list_fields, exact, .when = "found", .help = "Exact"),
	PP_TEXT(struct list_fields, comment, .when = "found", .help = "Comment"),
	PP_DURATION(struct list_fields, age, .when = "found", .max = "10d", .help = "Age"),
	PP_END,
};

static const pp_module_t modules[] = {
	{ .abi = PP_ABI,
	  .size = sizeof(pp_module_t),
	  .name = "dnsbl",
	  .question = "Listed?",
	  .yes = "listed",
	  .no = "clean",
	  .conf_size = sizeof(struct dnsbl_conf),
	  .params = dnsbl_params,
	  .fields_size = sizeof(struct dnsbl_fields),
	  .fields = dnsbl_fields,
	  .ask = ask_never },
	{ .abi = PP_ABI,
	  .size = sizeof(pp_module_t),
	  .name = "spf",
	  .question = "May it?",
	  .words = spf_words,
	  .fields_size = sizeof(struct spf_fields),
	  .fields = spf_fields,
	  .ask = ask_never },
	{ .abi = PP_ABI,
	  .size = sizeof(pp_module_t),
	  .name = "greylist",
	  .question = "Seen?",
	  .yes = "pass",
	  .no = "wait",
	  .conf_size = sizeof(struct greylist_conf),
	  .params = greylist_params,
	  .args_size = sizeof(struct greylist_args),
	  .args = greylist_args,
	  .ask = ask_never,
	  .effects = true },
	{ .abi = PP_ABI,
	  .size = sizeof(pp_module_t),
	  .name = "list",
	  .question = "On it?",
	  .yes = "found",
	  .no = "absent",
	  .conf_size = sizeof(struct list_conf),
	  .params = list_params,
	  .args_size = sizeof(struct list_args),
	  .args = list_args,
	  .fields_size = sizeof(struct list_fields),
	  .fields = list_fields,
	  .ask = ask_never },
	{ .abi = PP_ABI,
	  .size = sizeof(pp_module_t),
	  .name = "record",
	  .question = "Noted?",
	  .yes = "noted",
	  .no = "refused",
	  .ask = ask_never,
	  .unread = true },
};

static char *folder;
static GPtrArray *files;

void policy_write(const char *name, const char *text)
{
	g_assert_true(g_file_set_contents(name, text, -1, NULL));
	g_ptr_array_add(files, g_strdup(name));
}

void policy_begin(void)
{
	folder = g_dir_make_tmp("policy-XXXXXX", NULL);
	g_assert_cmpint(g_chdir(folder), ==, 0);
	files = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; i < G_N_ELEMENTS(modules); i++) {
		g_autofree char *error = NULL;

		module_adopt(&modules[i], &error);
		g_assert_cmpstr(error, ==, NULL);
	}
}

void policy_end(void)
{
	for (guint i = 0; i < files->len; i++)
		g_remove(files->pdata[i]);
	g_ptr_array_unref(files);
	g_rmdir(folder);
	g_free(folder);
}

struct program *policy_load(const char *text, struct plan **plan)
{
	struct program *program;

	policy_write("policy.lua", text);
	*plan = plan_new(NULL);
	program = program_new(*plan);
	program_load(program, "policy.lua");
	plan_finish(*plan, NULL);
	for (guint i = 0; i < (*plan)->errors->len; i++)
		g_test_message("%s", (char *)(*plan)->errors->pdata[i]);
	g_assert_cmpuint((*plan)->errors->len, ==, 0);
	program_bind(program);
	return program;
}

void policy_unload(struct program *program, struct plan *plan)
{
	g_assert_null(program->hooks);
	program_free(program);
	plan_free(plan);
}
