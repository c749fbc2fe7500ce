/* rule/manual_module.c - the manual page of a module */
#include "rule/manual_module.h"

#include <string.h>
#include "base/text.h"
#include "check/check.h"
#include "request/attribute.h"
#include "rule/manual_rows.h"

/* -- what it says of itself ---------------------------------------------- */

char *manual_module_words(const struct module *module)
{
	GString *words = g_string_new(NULL);

	for (unsigned i = WORD_FIRST; i < module->words; i++)
		g_string_append_printf(words, "%s%s", i > WORD_FIRST ? ", " : "", module->word[i].word);
	return g_string_free(words, FALSE);
}

static void append_name(GString *text, const char *name)
{
	g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", name);
}

char *manual_module_reads(const struct module *module)
{
	const pp_attribute_t *read = module->desc->reads;
	GString *text = g_string_new(NULL);

	for (; read != NULL && *read != PP_ATTRIBUTE_NONE; read++)
		append_name(text, attribute_info(*read)->name);
	for (const pp_row_t *row = module->desc->params; row != NULL && row->name != NULL; row++)
		if (row->type == PP_TYPE_ATTRIBUTE || row->type == PP_TYPE_ATTRIBUTES) {
			g_autofree char *named = g_strdup_printf("what `%s` names", row->name);

			append_name(text, named);
		}
	if (text->len == 0)
		g_string_append(text, "nothing of a request");
	return g_string_free(text, FALSE);
}

const char *manual_module_common_default(const struct module *module, const pp_row_t *row)
{
	const pp_module_t *desc = module->desc;

	if (strcmp(row->name, "keep") == 0)
		return check_default_keep(module);
	if (strcmp(row->name, "stale") == 0 && desc->stale != NULL)
		return desc->stale;
	if (strcmp(row->name, "timeout") == 0 && desc->timeout != NULL)
		return desc->timeout;
	return row->dflt;
}

bool manual_module_takes(const struct module *module, const pp_row_t *row)
{
	if (module->desc->keep_with != NULL && strcmp(row->name, "keep_in") != 0)
		return true;
	return !module->desc->effects || (strcmp(row->name, "keep") != 0 && strcmp(row->name, "stale") != 0 &&
	                                  strcmp(row->name, "keep_in") != 0);
}

const char *manual_module_word_help(const struct module *module, unsigned word)
{
	const pp_word_row_t *row = &module->word[word];

	if (word == WORD_UNKNOWN)
		return "It could not be found out";
	if (word == WORD_NONE)
		return "The question does not apply, or nobody answers it";
	if (row->help != NULL)
		return row->help;
	return row->outcome == PP_CLASS_YES ? "Yes" : "No";
}

/* -- the parts of its page ----------------------------------------------- */

/* NAME.md lies beside the module, or where the documentation is installed. */
static char *read_text(const struct module *module)
{
	g_autofree char *folder = module->path != NULL ? g_path_get_dirname(module->path) : NULL;
	g_autofree char *file = g_strdup_printf("%s.md", module->desc->name);
	g_autofree char *beside = folder != NULL ? g_build_filename(folder, file, NULL) : NULL;
	g_autofree char *installed = g_build_filename(PP_DOC_FOLDER, "modules", file, NULL);
	char *text = NULL;

	if ((beside == NULL || !g_file_get_contents(beside, &text, NULL, NULL)) &&
	    !g_file_get_contents(installed, &text, NULL, NULL))
		return NULL;
	return text;
}

static void add_description(struct page *page, const struct module *module)
{
	g_autofree char *text = read_text(module);

	if (text == NULL)
		return;
	page_heading(page, "DESCRIPTION");
	page_markdown(page, text);
}

static void add_words(struct page *page, const struct module *module)
{
	page_heading(page, "ANSWERS");
	for (unsigned i = WORD_FIRST; i < module->words; i++)
		page_item(page, module->word[i].word, "", manual_module_word_help(module, i));
	page_item(page, module->word[WORD_NONE].word, "", manual_module_word_help(module, WORD_NONE));
	page_item(page, module->word[WORD_UNKNOWN].word, "", manual_module_word_help(module, WORD_UNKNOWN));
}

static void add_reads(struct page *page, const struct module *module)
{
	g_autofree char *reads = manual_module_reads(module);
	g_autofree char *text = g_strdup_printf("It reads %s.", reads);

	page_heading(page, "REQUEST");
	page_text(page, text);
	if (module->desc->effects)
		page_text(page,
		          module->desc->keep_with != NULL
		                  ? "Asking changes something: each ask counts, and two are never merged."
		                  : "Asking changes something: each ask counts, two are never merged, and "
		                    "answers are not kept.");
}

static void add_params(struct page *page, const struct module *module)
{
	if (module->desc->params != NULL && module->desc->params->name != NULL) {
		page_heading(page, "PARAMETERS");
		manual_rows_add(page, module->desc->params);
	}
	page_heading(page, "PARAMETERS OF EVERY CHECK");
	for (const pp_row_t *row = check_common_rows(); row->name != NULL; row++)
		if (manual_module_takes(module, row))
			manual_rows_add_one(page, row, manual_module_common_default(module, row));
}

static void add_fields(struct page *page, const struct module *module)
{
	page_heading(page, "FIELDS OF AN ANSWER");
	page_item(page, "word", " = text", "The answer's word; each word is a field as well, true or false");
	page_item(page, "text", " = text", "What there is to say about it, for the log and for replies");
	page_item(page, "from", " = text", "Where it is from: asked, memory, store or stale");
	for (const pp_row_t *row = module->desc->fields; row != NULL && row->name != NULL; row++) {
		g_autofree char *limits = manual_rows_limits(row, row->dflt);
		g_autofree char *rest = g_strdup_printf(" = %s%s%s%s", param_type_name(row), limits,
		                                        row->when != NULL ? ", set with " : "",
		                                        row->when != NULL ? row->when : "");

		page_item(page, row->name, rest, row->help);
	}
	if (module->desc->action != NULL)
		page_item(page, "action()", " = action", MANUAL_ACTION_HELP);
	for (const pp_row_t *row = module->desc->params; row != NULL && row->name != NULL; row++)
		if (row->type == PP_TYPE_FIELDS) {
			g_autofree char *text = g_strdup_printf(
			        "And those that the parameter `%s` names, all text or nil.", row->name);

			page_text(page, text);
		}
}

static bool is_bare(const pp_command_t *command, const char *name)
{
	return command->words != NULL && text_has_word(command->words, name);
}

/* " [[sender=]SENDER]": what may be left out stands in brackets. */
static void append_use(GString *use, const pp_command_t *command, const char *name, bool required)
{
	bool bare = is_bare(command, name);
	g_autofree char *value = g_ascii_strup(name, -1);

	g_string_append_printf(use, " %s%s%s=%s%s%s", required ? "" : "[", bare ? "[" : "", name,
	                       bare ? "]" : "", value, required ? "" : "]");
}

/* "greylist forget [[sender=]SENDER] ...": those that may stand without their names first, in order. */
static char *show_use(const pp_module_t *desc, const pp_command_t *command)
{
	g_auto(GStrv) words = g_strsplit(command->words != NULL ? command->words : "", " ", -1);
	GString *use = g_string_new(NULL);

	g_string_append_printf(use, "%s %s", desc->name, command->name);
	for (char **word = words; *word != NULL; word++) {
		const pp_row_t *row = param_find(command->args, *word);

		append_use(use, command, *word, row != NULL && row->required);
	}
	for (const pp_row_t *row = command->args; row != NULL && row->name != NULL; row++)
		if (!is_bare(command, row->name))
			append_use(use, command, row->name, row->required);
	return g_string_free(use, FALSE);
}

static void add_commands(struct page *page, const pp_module_t *desc)
{
	if (desc->commands == NULL || desc->commands->name == NULL)
		return;
	page_heading(page, "COMMANDS");
	page_text(page,
	          "Of `ppolicyctl`, on a running server. In place of NAME=VALUE may stand --NAME VALUE; "
	          "`check=CHECK` chooses one of several checks of the module.");
	for (const pp_command_t *command = desc->commands; command->name != NULL; command++) {
		g_autofree char *use = show_use(desc, command);
		g_autofree char *help = g_strconcat(command->help, ".", NULL);

		page_subheading(page, use);
		page_text(page, help);
		manual_rows_add(page, command->args);
	}
}

void manual_module_add(struct page *page, const struct module *module)
{
	const pp_module_t *desc = module->desc;
	g_autofree char *title = g_strdup_printf("ppolicyd-%s", desc->name);
	g_autofree char *use = g_strdup_printf("NAME = check.%s { ... }\nanswer = NAME(request%s)",
	                                       desc->name, desc->args != NULL ? ", { ... }" : "");

	page_begin(page, title, 5, desc->name, desc->question);
	page_heading(page, "SYNOPSIS");
	page_code(page, use);
	add_description(page, module);
	add_words(page, module);
	add_reads(page, module);
	add_params(page, module);
	if (desc->args != NULL && desc->args->name != NULL) {
		page_heading(page, "ARGUMENTS");
		manual_rows_add(page, desc->args);
	}
	add_fields(page, module);
	add_commands(page, desc);
	if (desc->version != NULL) {
		page_heading(page, "VERSION");
		page_text(page, desc->version);
	}
}
