/* rule/manual.c - manual pages, editor types and tables, all made from rows */
#include "rule/manual.h"

#include <string.h>
#include "rule/manual_editor.h"
#include "rule/manual_module.h"
#include "rule/manual_rules.h"
#include "rule/program.h"

#define MODULE_PAGE "module.5:"

/* -- modules ------------------------------------------------------------- */

/* A plan that knows where the modules of a rule file are. NULL: *error. */
static struct plan *plan_of(const char *config_path, char **error)
{
	struct plan *plan = plan_new(NULL);
	struct program *program;

	plan->bare = true;
	if (config_path == NULL)
		return plan;
	/* Where the rest of the file is wrong, the folders are good all the same. */
	program = program_new(plan);
	program_load(program, config_path);
	program_free(program);
	if (plan->sources->len > 0)
		return plan;
	*error = g_strdup(plan->errors->pdata[0]);
	plan_free(plan);
	return NULL;
}

/* All modules in the folders; one that cannot be loaded is left out. */
static GPtrArray *load_all(const char *const *folders)
{
	g_auto(GStrv) names = module_names(folders);
	GPtrArray *modules = g_ptr_array_new();

	for (char **name = names; *name != NULL; name++) {
		g_autofree char *error = NULL;
		const struct module *module = module_load(*name, folders, &error);

		if (module != NULL)
			g_ptr_array_add(modules, (void *)module);
		else
			pp_log(PP_LOG_WARNING, "%s", error);
	}
	return modules;
}

static void add_modules(struct page *page, const GPtrArray *modules)
{
	page_heading(page, "MODULES");
	page_text(page, "`ppolicyd --manual MODULE` shows parameters, answers and how to use it.");
	for (guint i = 0; i < modules->len; i++) {
		const struct module *module = modules->pdata[i];
		g_autofree char *words = manual_module_words(module);
		g_autofree char *rest = g_strdup_printf(" (%s)", words);

		page_item(page, module->desc->name, rest, module->desc->question);
	}
}

static bool add_module(struct page *page, const char *name, const char *const *folders, char **error)
{
	const struct module *module = module_load(name, folders, error);

	if (module != NULL)
		manual_module_add(page, module);
	return module != NULL;
}

bool manual_print(FILE *out, const char *config_path, const char *name, char **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct page page = { .out = text };
	struct plan *plan = plan_of(config_path, error);
	const char *const *folders;
	bool done = true;

	if (plan == NULL)
		return false;
	folders = plan_module_folders(plan);
	if (name != NULL) {
		done = add_module(&page, name, folders, error);
	} else {
		g_autoptr(GPtrArray) modules = load_all(folders);

		manual_rules_add_overview(&page);
		add_modules(&page, modules);
	}
	plan_free(plan);
	fputs(text->str, out);
	return done;
}

/* -- generated files ----------------------------------------------------- */

static void add_table(GString *out, const GPtrArray *modules)
{
	g_string_append(
	        out, "modules - the questions that can be asked about a mail\n"
	             "\n"
	             "Made by `ppolicyd --generate modules`; do not edit. `ppolicyd --manual NAME` is the\n"
	             "manual page of a module, NAME/NAME.md how to use it. A new one begins as a copy of\n"
	             "example: scripts/new-module NAME.\n\n");
	for (guint i = 0; i < modules->len; i++) {
		const struct module *module = modules->pdata[i];
		g_autofree char *words = manual_module_words(module);
		g_autofree char *reads = manual_module_reads(module);
		g_autofree char *line = g_strdup_printf(
		        "Answers: %s. Reads %s.%s", words, g_strdelimit(reads, "`", '\''),
		        module->desc->effects ? " Asking changes something." : "");

		g_string_append_printf(out, "%-14s%s\n", module->desc->name, module->desc->question);
		page_fill(out, line, "              ", 88);
	}
}

static bool generate(GString *out, const char *what, const char *const *folders, char **error)
{
	g_autoptr(GPtrArray) modules = load_all(folders);
	struct page page = { .out = out, .man = true };

	if (strcmp(what, "editor") == 0)
		manual_editor_add(out, modules);
	else if (strcmp(what, "modules") == 0)
		add_table(out, modules);
	else if (strcmp(what, "rules.5") == 0)
		manual_rules_add(&page);
	else if (strncmp(what, MODULE_PAGE, strlen(MODULE_PAGE)) == 0)
		return add_module(&page, what + strlen(MODULE_PAGE), folders, error);
	else
		*error = g_strdup_printf(
		        "cannot generate '%s'; there are editor, modules, rules.5 and module.5:NAME", what);
	return *error == NULL;
}

bool manual_generate(FILE *out, const char *what, char **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct plan *plan = plan_of(NULL, error);
	/* The first folder is the one beside the program; what is installed does not count. */
	const char *const folders[] = { plan_module_folders(plan)[0], NULL };
	bool done = generate(text, what, folders, error);

	plan_free(plan);
	fputs(text->str, out);
	return done;
}
