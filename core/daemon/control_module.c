/* daemon/control_module.c - ppolicyctl MODULE COMMAND: what modules offer beside answering */
#include "daemon/control_call.h"

#include <string.h>
#include "base/text.h"
#include "daemon/control_words.h"
#include "daemon/notices.h"

#define ROWS_MAX 100000 /* of one table for people */

/* A command being run for a check. */
struct pp_call {
	struct control_call *call;
	const struct check *check;
	const void *args;
	bool several;         /* checks: a table tells which */
	bool failed;          /* pp_call_fail() said what is wrong */
	char user[64];        /* of pp_call_user() */
	const pp_row_t *rows; /* of the table that is being filled, NULL = none */
	json_t *table;
};

/* -- which command, of which checks -------------------------------------- */

static const struct check *check_at(const struct world *world, guint index)
{
	return ((const struct plan_check *)world->plan->checks->pdata[index])->check;
}

static const pp_module_t *module_at(const struct world *world, guint index)
{
	return check_at(world, index)->module->desc;
}

/* A module that a check uses; NULL: none does. */
static const pp_module_t *find_module(const struct world *world, const char *name)
{
	for (guint i = 0; i < world->plan->checks->len; i++)
		if (strcmp(module_at(world, i)->name, name) == 0)
			return module_at(world, i);
	return NULL;
}

/* " (did you mean 'greylist'?)" from modules with commands, and our own commands; or "". g_free() it. */
static char *suggest_module(const struct control_call *call, const struct world *world)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *nearest = command_nearest((const char *const *)call->all);

	for (guint i = 0; i < world->plan->checks->len; i++)
		if (module_at(world, i)->commands != NULL)
			g_ptr_array_add(names, (char *)module_at(world, i)->name);
	g_ptr_array_add(names, NULL);
	if (nearest == NULL)
		nearest = text_nearest(call->all[0], (const char *const *)names->pdata);
	return nearest != NULL ? g_strdup_printf(" (did you mean '%s'?)", nearest) : g_strdup("");
}

static void no_such_module(struct control_call *call, const struct world *world)
{
	const char *word = call->all[0];
	g_autofree char *suggestion = suggest_module(call, world);

	for (guint i = 0; i < world->plan->checks->len; i++)
		if (strcmp(check_at(world, i)->name, word) == 0) {
			control_fail(call, COMMAND_USAGE,
			             "'%s' is a check, not a module: say %s COMMAND check=%s", word,
			             module_at(world, i)->name, word);
			return;
		}
	control_fail(call, COMMAND_USAGE, "no command '%s'%s%s", word, suggestion,
	             *suggestion != '\0' ? "" : ", and no check that is in use has a module of this name");
}

/* "list, release, forget or stats". g_free() it. */
static char *name_commands(const pp_module_t *module)
{
	GString *text = g_string_new(NULL);

	for (const pp_command_t *command = module->commands; command->name != NULL; command++)
		g_string_append_printf(text, "%s%s",
		                       command == module->commands ? ""
		                       : command[1].name != NULL   ? ", "
		                                                   : " or ",
		                       command->name);
	return g_string_free(text, FALSE);
}

static const pp_command_t *no_such_command(struct control_call *call, const pp_module_t *module)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *all = name_commands(module);
	const char *given = call->all[1], *nearest;
	char shown[100];

	for (const pp_command_t *command = module->commands; command->name != NULL; command++)
		g_ptr_array_add(names, (char *)command->name);
	g_ptr_array_add(names, NULL);
	if (given == NULL) {
		control_fail(call, COMMAND_USAGE, "%s: %s? `ppolicyd --manual %s` tells more", module->name,
		             all, module->name);
		return NULL;
	}
	nearest = text_nearest(given, (const char *const *)names->pdata);
	text_escape(shown, sizeof(shown), given, strlen(given), true);
	if (nearest != NULL)
		control_fail(call, COMMAND_USAGE, "%s: no command '%s' (did you mean '%s'?)", module->name,
		             shown, nearest);
	else
		control_fail(call, COMMAND_USAGE, "%s: no command '%s'; there is %s", module->name, shown,
		             all);
	return NULL;
}

/* NULL: it was said what is wrong. */
static const pp_command_t *find_command(struct control_call *call, const struct world *world)
{
	const pp_module_t *module = find_module(world, call->all[0]);

	if (module == NULL) {
		no_such_module(call, world);
		return NULL;
	}
	if (module->commands == NULL || module->commands->name == NULL) {
		control_fail(call, COMMAND_USAGE, "module %s has no commands", module->name);
		return NULL;
	}
	for (const pp_command_t *command = module->commands; command->name != NULL; command++)
		if (call->all[1] != NULL && strcmp(command->name, call->all[1]) == 0)
			return command;
	return no_such_command(call, module);
}

/* The checks that are meant; NULL: it was said what is wrong. */
static GPtrArray *find_checks(struct control_call *call, const struct world *world, const char *name)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *nearest;
	char shown[100];

	for (guint i = 0; i < world->plan->checks->len; i++) {
		if (strcmp(module_at(world, i)->name, call->all[0]) != 0)
			continue;
		g_ptr_array_add(names, (char *)check_at(world, i)->name);
		if (name == NULL || strcmp(check_at(world, i)->name, name) == 0)
			g_ptr_array_add(found, (void *)check_at(world, i));
	}
	if (found->len > 0)
		return g_steal_pointer(&found);
	g_ptr_array_add(names, NULL);
	nearest = text_nearest(name, (const char *const *)names->pdata);
	text_escape(shown, sizeof(shown), name, strlen(name), true);
	control_fail(call, COMMAND_USAGE, "no check '%s' of module %s (did you mean '%s'?)", shown,
	             call->all[0], nearest != NULL ? nearest : (const char *)names->pdata[0]);
	return NULL;
}

/* -- its result ---------------------------------------------------------- */

static bool is_moment(const pp_row_t *row)
{
	return row->type == PP_TYPE_DURATION && g_strcmp0(row->unit, "time") == 0;
}

static bool is_length(const pp_row_t *row)
{
	return row->type == PP_TYPE_DURATION && !is_moment(row);
}

/* Lengths of time end in _ms, as in our own rows. g_free() it. */
static char *key_of(const pp_row_t *row)
{
	return g_strconcat(row->name, is_length(row) ? "_ms" : "", NULL);
}

static json_t *json_of(const pp_row_t *row, const void *structure)
{
	const void *member = (const char *)structure + row->offset;

	switch (row->type) {
	case PP_TYPE_BOOL: return json_boolean(*(const bool *)member);
	case PP_TYPE_NUMBER: return json_real(*(const double *)member);
	case PP_TYPE_INT:
	case PP_TYPE_BYTES: return json_integer(*(const int64_t *)member);
	case PP_TYPE_DURATION:
		return is_moment(row) ? control_moment(*(const pp_msec_t *)member)
		                      : json_integer(*(const pp_msec_t *)member);
	case PP_TYPE_TEXT:
	case PP_TYPE_FILE:
	case PP_TYPE_CHOICE: return control_string(*(const char *const *)member);
	default: return json_null();
	}
}

static enum control_kind kind_of(const pp_row_t *row)
{
	if (is_length(row))
		return CONTROL_MSEC;
	if (row->type == PP_TYPE_BYTES)
		return CONTROL_BYTES;
	return row->type == PP_TYPE_INT || row->type == PP_TYPE_NUMBER ? CONTROL_COUNT : CONTROL_TEXT;
}

/* Prints the table, if there is one. */
static void end_table(struct pp_call *call)
{
	g_autoptr(GArray) columns = g_array_new(TRUE, FALSE, sizeof(struct control_column));
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct control_column column = { "check", "check", CONTROL_TEXT };

	if (call->rows == NULL)
		return;
	if (call->several)
		g_array_append_val(columns, column);
	for (const pp_row_t *row = call->rows; row->name != NULL; row++) {
		g_ptr_array_add(names, key_of(row));
		column.key = names->pdata[names->len - 1];
		g_ptr_array_add(names, g_strdelimit(g_strdup(row->name), "_", ' '));
		column.title = names->pdata[names->len - 1];
		column.kind = kind_of(row);
		g_array_append_val(columns, column);
	}
	control_table(call->call, call->table, (const struct control_column *)(void *)columns->data);
	call->rows = NULL;
	call->table = NULL;
}

void pp_call_row(pp_call_t *call, const pp_row_t *rows, const void *structure)
{
	json_t *row = json_object();

	json_object_set_new(row, "check", json_string(call->check->name));
	for (const pp_row_t *member = rows; member->name != NULL; member++) {
		g_autofree char *key = key_of(member);

		json_object_set_new(row, key, json_of(member, structure));
	}
	if (call->call->json) {
		control_row(call->call, row);
		return;
	}
	if (call->rows != rows)
		end_table(call);
	if (call->rows == NULL)
		call->table = json_array();
	call->rows = rows;
	if (json_array_size(call->table) == ROWS_MAX)
		control_remark(call->call, "there are more than %d rows; the rest is left out", ROWS_MAX);
	if (json_array_size(call->table) <= ROWS_MAX)
		json_array_append_new(call->table, row);
	else
		json_decref(row);
}

void pp_call_say(pp_call_t *call, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	end_table(call);
	control_say(call->call, "%s", text);
}

bool pp_call_fail(pp_call_t *call, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	end_table(call);
	control_fail(call->call, COMMAND_NO, "%s%s%s", call->several ? call->check->name : "",
	             call->several ? ": " : "", text);
	call->failed = true;
	return false;
}

const void *pp_call_args(pp_call_t *call)
{
	return call->args;
}

const void *pp_call_conf(pp_call_t *call)
{
	return call->check->conf;
}

const char *pp_call_check(pp_call_t *call)
{
	return call->check->name;
}

const char *pp_call_user(pp_call_t *call)
{
	return control_user(call->call, call->user);
}

void pp_call_forget(pp_call_t *call)
{
	notices_changed(call->call, call->check);
}

/* -- running it ---------------------------------------------------------- */

static bool run_for(struct pp_call *call, const pp_command_t *command, struct check *check)
{
	void *handle = g_atomic_pointer_get(&check->handle);
	bool done;

	call->check = check;
	if (handle == NULL && check->module->desc->open != NULL && !check->module->desc->blocking)
		return pp_call_fail(call, "it could not be opened, the log says why");
	check_enter(check);
	done = command->run(call, handle);
	check_leave();
	return done;
}

static void run_for_each(struct pp_call *call, const pp_command_t *command, const GPtrArray *checks)
{
	bool any = false;

	call->several = checks->len > 1;
	for (guint i = 0; i < checks->len; i++)
		any = run_for(call, command, checks->pdata[i]) || any;
	end_table(call);
	if (!any && !call->failed)
		control_fail(call->call, COMMAND_NO, "nothing found");
}

static void run(struct control_call *call, const struct world *world, const pp_command_t *command)
{
	struct arena arena;
	struct control_words words = { .call = call, .command = command, .arena = &arena };
	struct pp_call own = { .call = call };
	g_autoptr(GPtrArray) checks = NULL;
	void *args;

	arena_init(&arena);
	words.where = arena_printf(&arena, "%s %s", call->all[0], command->name);
	args = control_words_read(&words);
	if (args != NULL && (checks = find_checks(call, world, words.check)) != NULL) {
		own.args = args;
		if (command->changes)
			control_log(call);
		run_for_each(&own, command, checks);
	}
	if (args != NULL && command->args != NULL)
		param_clear(command->args, args);
	arena_free(&arena);
}

void control_module(struct control_call *call)
{
	struct world *world = server_world_ref(call->server);
	const pp_command_t *command = find_command(call, world);

	if (command != NULL)
		run(call, world, command);
	world_unref(world);
}
