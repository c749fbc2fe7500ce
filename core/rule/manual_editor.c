/* rule/manual_editor.c - types of everything in rule files, for the Lua language server */
#include "rule/manual_editor.h"

#include <string.h>
#include "request/attribute.h"
#include "rule/manual_module.h"
#include "rule/manual_names.h"
#include "rule/manual_rows.h"
#include "rule/manual_rules.h"
#include "rule/plan.h"

#define WIDTH 100

static void add_comment(GString *out, const char *text, const char *more)
{
	g_autofree char *whole = g_strconcat(text, more, NULL);
	g_autoptr(GString) filled = g_string_new(NULL);

	page_fill(filled, whole, "", WIDTH - 3);
	for (const char *line = filled->str; *line != '\0';) {
		size_t length = strcspn(line, "\n");

		g_string_append_printf(out, "---%.*s\n", (int)length, line);
		line += length + 1;
	}
}

static void add_field(GString *out, const char *name, bool optional, const char *type)
{
	g_string_append_printf(out, "---@field %s%s %s\n", name, optional ? "?" : "", type);
}

/* -- rows ---------------------------------------------------------------- */

static void add_row(GString *out, const pp_row_t *row, const char *dflt)
{
	g_autofree char *limits = manual_rows_limits(row, dflt);
	g_autofree char *more = *limits == '\0' ? NULL
	                                        : g_strdup_printf(" (%s)", limits + strspn(limits, "; "));

	add_comment(out, row->help, more);
	add_field(out, row->name, !row->required, param_editor_type(row));
}

static void add_rows(GString *out, const pp_row_t *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		add_row(out, rows, rows->dflt);
}

static void add_actions_of(GString *out, const char *owner)
{
	for (const struct manual_rules_action *each = manual_rules_actions(); each->owner != NULL; each++) {
		g_autofree char *more = g_strdup_printf(" (default %s)", each->dflt);

		if (strcmp(each->owner, owner) != 0)
			continue;
		add_comment(out, each->help, more);
		add_field(out, each->name, true, "pp.Action|\"close\"");
	}
}

/* -- functions ----------------------------------------------------------- */

static void add_function(GString *out, const char *name, const struct manual_parameter *params,
                         const char *returns, const char *help)
{
	g_autoptr(GString) names = g_string_new(NULL);

	add_comment(out, help, NULL);
	for (; params->name != NULL; params++) {
		g_string_append_printf(out, "---@param %s%s %s\n", params->name, params->optional ? "?" : "",
		                       params->type);
		g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", params->name);
	}
	if (returns != NULL)
		g_string_append_printf(out, "---@return %s\n", returns);
	g_string_append_printf(out, "function %s(%s) end\n\n", name, names->str);
}

static void add_functions(GString *out)
{
	for (enum action_verb verb = 0; verb < ACTION_VERBS; verb++)
		add_function(out, action_name(verb), manual_names_action_params(verb), "pp.Action",
		             manual_names_action_help(verb));
	for (const struct manual_function *each = manual_names_functions(); each->name != NULL; each++)
		add_function(out, each->name, each->params, each->returns, each->help);
}

static void add_settings(GString *out)
{
	for (const struct plan_setting *setting = plan_settings(); setting->name != NULL; setting++) {
		if (setting->rows == NULL)
			continue;
		g_string_append_printf(out, "---@class pp.%s\n", setting->name);
		add_rows(out, setting->rows);
		add_actions_of(out, setting->name);
		g_string_append_c(out, '\n');
		if (strcmp(setting->name, "log") == 0)
			continue;
		add_comment(out, setting->help, NULL);
		g_string_append_printf(out, "---@param settings pp.%s\nfunction %s(settings) end\n\n",
		                       setting->name, setting->name);
	}
	g_string_append(out, "---@class pp.proxy\n");
	add_rows(out, plan_proxy_rows());
	g_string_append(out, "\n---@class pp.listen\n");
	add_rows(out, plan_listen_rows());
	add_actions_of(out, "listen");
	add_comment(out, "Clients are proxies, and send a PROXY header first", NULL);
	add_field(out, "proxy", true, "pp.proxy");
	g_string_append_c(out, '\n');
}

/* -- requests and answers ------------------------------------------------ */

static void add_request(GString *out)
{
	g_string_append(out, "---@class pp.Request\n");
	for (int i = 1; i < PP_ATTRIBUTES; i++) {
		const struct attribute_info *info = attribute_info((pp_attribute_t)i);

		add_comment(out, info->help, NULL);
		add_field(out, info->name, true, info->kind == ATTRIBUTE_NUMBER ? "integer" : "string");
	}
	add_comment(out, "Address it came to, as written in listen()", NULL);
	add_field(out, "listener", false, "string");
	add_comment(out, "Who connected, or whom the PROXY header names", NULL);
	add_field(out, "peer", false, "string");
	add_comment(out, "An attribute by name; never fails", NULL);
	add_field(out, "attribute", false, "fun(self: pp.Request, name: string): string|integer|nil");
	g_string_append_c(out, '\n');
}

static bool names_fields(const pp_module_t *desc)
{
	for (const pp_row_t *row = desc->params; row != NULL && row->name != NULL; row++)
		if (row->type == PP_TYPE_FIELDS)
			return true;
	return false;
}

static void add_answer(GString *out, const struct module *module)
{
	const pp_module_t *desc = module->desc;
	g_autoptr(GString) words = g_string_new(NULL);

	g_string_append_printf(out, "---@class pp.%s.Answer\n", desc->name);
	for (unsigned i = 0; i < module->words; i++) {
		add_comment(out, manual_module_word_help(module, i), NULL);
		add_field(out, module->word[i].word, false, "boolean");
		g_string_append_printf(words, "%s\"%s\"", i > 0 ? "|" : "", module->word[i].word);
	}
	add_field(out, "word", false, words->str);
	add_comment(out, "What there is to say about it, for the log and for replies", NULL);
	add_field(out, "text", false, "string");
	add_field(out, "from", false, "\"asked\"|\"memory\"|\"store\"|\"stale\"");
	for (const pp_row_t *row = desc->fields; row != NULL && row->name != NULL; row++) {
		bool text = row->type == PP_TYPE_TEXT || row->type == PP_TYPE_FILE;

		add_comment(out, row->help, NULL);
		add_field(out, row->name, text && row->dflt == NULL, param_editor_type(row));
	}
	if (desc->action != NULL) {
		g_autofree char *type = g_strdup_printf("fun(self: pp.%s.Answer): pp.Action", desc->name);

		add_comment(out, MANUAL_ACTION_HELP, NULL);
		add_field(out, "action", false, type);
	}
	if (names_fields(desc))
		g_string_append(out, "---@field [string] string?\n");
	g_string_append_c(out, '\n');
}

static void add_module(GString *out, const struct module *module)
{
	const pp_module_t *desc = module->desc;

	g_string_append_printf(out, "---@class pp.%s.Parameters\n", desc->name);
	add_rows(out, desc->params);
	for (const pp_row_t *row = check_common_rows(); row->name != NULL; row++)
		if (manual_module_takes(module, row))
			add_row(out, row, manual_module_common_default(module, row));
	g_string_append_c(out, '\n');
	if (desc->args != NULL) {
		g_string_append_printf(out, "---@class pp.%s.Arguments\n", desc->name);
		add_rows(out, desc->args);
		g_string_append_c(out, '\n');
	}
	add_answer(out, module);
	add_comment(out, desc->question, NULL);
	g_string_append_printf(out, "---@alias pp.%s.Check fun(req: pp.Request", desc->name);
	if (desc->args != NULL)
		g_string_append_printf(out, ", args?: pp.%s.Arguments", desc->name);
	g_string_append_printf(out, "): pp.%s.Answer\n\n", desc->name);
}

static void add_checks(GString *out, const GPtrArray *modules)
{
	for (guint i = 0; i < modules->len; i++)
		add_module(out, modules->pdata[i]);
	g_string_append(out, "---@class pp.Checks\n");
	for (guint i = 0; i < modules->len; i++) {
		const pp_module_t *desc = ((const struct module *)modules->pdata[i])->desc;

		add_comment(out, desc->question, NULL);
		g_string_append_printf(out, "---@field %s fun(parameters: pp.%s.Parameters): pp.%s.Check\n",
		                       desc->name, desc->name, desc->name);
	}
	g_string_append(out, "---@field [string] fun(parameters: table): function\ncheck = {}\n\n");
}

void manual_editor_add(GString *out, const GPtrArray *modules)
{
	g_string_append(out,
	                "---@meta\n"
	                "-- ppolicyd.d.lua - what rule files have, for editors with the Lua language server\n"
	                "-- Made by `ppolicyd --generate editor`; do not edit.\n"
	                "\n"
	                "---Made only by dunno(), reject() and the others\n"
	                "---@class pp.Action\n\n"
	                "---@alias pp.Rule fun(req: pp.Request): pp.Action\n\n");
	add_request(out);
	add_settings(out);
	add_checks(out, modules);
	add_functions(out);
	g_string_truncate(out, out->len - 1);
}
