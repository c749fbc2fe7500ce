/* check/module_rows.c - what a module declares, checked when it is loaded */
#include "check/module_rows.h"

#include <string.h>
#include "base/text.h"
#include "check/check.h"

#define WORD_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"
#define BIT(type) (UINT32_C(1) << (type))
/* What one argument or field can hold. */
#define SINGLE_TYPES                                                                      \
	(BIT(PP_TYPE_BOOL) | BIT(PP_TYPE_INT) | BIT(PP_TYPE_NUMBER) | BIT(PP_TYPE_TEXT) | \
	 BIT(PP_TYPE_DURATION) | BIT(PP_TYPE_BYTES) | BIT(PP_TYPE_FILE) | BIT(PP_TYPE_CHOICE))
#define LIST_TYPES                                                                                  \
	(BIT(PP_TYPE_TEXTS) | BIT(PP_TYPE_TABLE) | BIT(PP_TYPE_NETWORKS) | BIT(PP_TYPE_ATTRIBUTE) | \
	 BIT(PP_TYPE_ATTRIBUTES) | BIT(PP_TYPE_FIELDS) | BIT(PP_TYPE_ACTION))
/* What a database can hold. */
#define SQL_TYPES                                                                         \
	(BIT(PP_TYPE_BOOL) | BIT(PP_TYPE_INT) | BIT(PP_TYPE_NUMBER) | BIT(PP_TYPE_TEXT) | \
	 BIT(PP_TYPE_DURATION) | BIT(PP_TYPE_BYTES))
#define ANY_SIZE 65536 /* of a struct whose size is not said */
#define AMOUNT_TYPES (BIT(PP_TYPE_INT) | BIT(PP_TYPE_NUMBER) | BIT(PP_TYPE_DURATION) | BIT(PP_TYPE_BYTES))

struct table {
	const char *noun;
	const pp_row_t *rows; /* may be NULL */
	size_t size;
	uint32_t types;
	const pp_row_t *taken; /* names that are somebody else's; may be NULL */
	const char *taker;     /* whose */
	bool helpless;         /* no help is wanted: people do not see them */
};

static bool has_type(const pp_row_t *row, uint32_t types)
{
	return row->type > PP_TYPE_END && row->type <= PP_TYPE_ACTION && (BIT(row->type) & types) != 0;
}

/* -- words ---------------------------------------------------------------- */

static char *check_words(const struct module *module)
{
	if (module->words == WORD_FIRST)
		return g_strdup("it has no words: .yes and .no, or .words");
	for (unsigned i = WORD_FIRST; i < module->words; i++) {
		const char *word = module->word[i].word;

		if (*word == '\0')
			return g_strdup("one of its words is empty");
		if (word[strspn(word, WORD_LETTERS)] != '\0')
			return g_strdup_printf("its word '%s' has other characters than a-z, 0-9 and _",
			                       word);
		if (text_has_word("unknown none word text from", word))
			return g_strdup_printf("its word '%s' is one that every answer has", word);
		if (module_word(module, word) != (int)i)
			return g_strdup_printf("its word '%s' stands twice", word);
	}
	return NULL;
}

/* -- rows ----------------------------------------------------------------- */

static char *check_name(const struct table *table, const pp_row_t *row)
{
	if (table->taken != NULL && param_find(table->taken, row->name) != NULL)
		return g_strdup_printf("its %s '%s' has the name of one that every %s has", table->noun,
		                       row->name, table->taker);
	if (param_find(table->rows, row->name) != row)
		return g_strdup_printf("its %s '%s' stands twice", table->noun, row->name);
	return NULL;
}

static char *check_row(const struct table *table, const pp_row_t *row)
{
	if (row->offset >= table->size || (row->help == NULL && !table->helpless))
		return g_strdup_printf("its %s '%s' lies outside of its struct (is the size given?) or "
		                       "has no help",
		                       table->noun, row->name);
	if (!has_type(row, table->types))
		return g_strdup_printf("its %s '%s' has a type that no %s can have", table->noun, row->name,
		                       table->noun);
	return check_name(table, row);
}

/* Whether the rows' own defaults and limits are what a user might write. */
static char *check_defaults(const char *file, const char *where, const pp_row_t *rows, size_t size)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	struct pp_error error = { .file = file, .where = where, .messages = messages };
	g_autofree void *scratch = g_malloc0(size + 1);
	struct arena arena;

	arena_init(&arena);
	param_defaults(rows, &arena, scratch, &error);
	param_clear(rows, scratch);
	arena_free(&arena);
	return messages->len > 0 ? g_strdup(messages->pdata[0]) : NULL;
}

static char *check_table(const struct module *module, const struct table *table)
{
	for (const pp_row_t *row = table->rows; row != NULL && row->name != NULL; row++) {
		char *reason = check_row(table, row);

		if (reason != NULL)
			return reason;
	}
	return table->rows != NULL ? check_defaults(module->desc->name, table->noun, table->rows, table->size)
	                           : NULL;
}

/* -- fields --------------------------------------------------------------- */

static char *check_when(const struct module *module, const pp_row_t *row)
{
	g_auto(GStrv) words = g_strsplit(row->when, " ", -1);

	if (words[0] == NULL)
		return g_strdup_printf("the .when of its field '%s' names no word", row->name);
	for (char **word = words; *word != NULL; word++)
		if (module_word(module, *word) < 0)
			return g_strdup_printf("the .when of its field '%s' names '%s', which is none of its "
			                       "words",
			                       row->name, *word);
	return NULL;
}

static char *check_samples(const struct module *module, const pp_row_t *row)
{
	g_auto(GStrv) samples = g_strsplit(row->samples, "|", -1);

	for (char **sample = samples; *sample != NULL; sample++) {
		pp_row_t rows[] = { *row, PP_END };
		g_autofree char *reason = NULL;

		rows[0].dflt = *sample;
		reason = check_defaults(module->desc->name, "", rows, module->desc->fields_size);
		if (reason != NULL)
			return g_strdup_printf("the sample '%s' of its field '%s' is no value of it", *sample,
			                       row->name);
	}
	return NULL;
}

static char *check_fields(const struct module *module)
{
	char *reason = NULL;

	for (const pp_row_t *row = module->desc->fields; row != NULL && row->name != NULL && reason == NULL;
	     row++) {
		if (row->when != NULL)
			reason = check_when(module, row);
		if (reason == NULL && row->samples != NULL && has_type(row, AMOUNT_TYPES))
			reason = check_samples(module, row);
	}
	return reason;
}

/* -- statements ----------------------------------------------------------- */

static char *check_statement(const struct module *module, const pp_statement_t *statement)
{
	const pp_statement_t *first = module->desc->statements;
	g_autofree char *arg = g_strdup_printf("argument of statement %s", statement->name);
	g_autofree char *column = g_strdup_printf("column of statement %s", statement->name);
	const struct table args = {
		.noun = arg, .rows = statement->args, .size = ANY_SIZE, .types = SQL_TYPES, .helpless = true
	};
	const struct table columns = { .noun = column,
		                       .rows = statement->columns,
		                       .size = statement->columns_size,
		                       .types = SQL_TYPES,
		                       .helpless = true };
	char *reason;

	while (strcmp(first->name, statement->name) != 0)
		first++;
	if (first != statement)
		return g_strdup_printf("its statement '%s' stands twice", statement->name);
	reason = check_table(module, &args);
	return reason != NULL ? reason : check_table(module, &columns);
}

static char *check_statements(const struct module *module)
{
	const pp_module_t *desc = module->desc;
	const pp_row_t *table = desc->table != NULL && desc->params != NULL
	                                ? param_find(desc->params, desc->table)
	                                : NULL;
	char *reason = NULL;

	if (desc->table != NULL && desc->statements == NULL)
		return g_strdup("it has .table, which is for statements, but no .statements");
	if (desc->table != NULL && (table == NULL || table->type != PP_TYPE_TEXT))
		return g_strdup_printf("its .table names '%s', which is no parameter made by PP_TEXT()",
		                       desc->table);
	for (const pp_statement_t *each = desc->statements;
	     each != NULL && each->name != NULL && reason == NULL; each++)
		reason = check_statement(module, each);
	return reason;
}

/* -- commands ------------------------------------------------------------- */

static char *check_command_words(const pp_command_t *command)
{
	g_auto(GStrv) words = g_strsplit(command->words, " ", -1);

	for (char **word = words; *word != NULL; word++)
		if (strcmp(*word, "check") != 0 &&
		    (command->args == NULL || param_find(command->args, *word) == NULL))
			return g_strdup_printf("the .words of its command '%s' name '%s', which is none of "
			                       "its arguments",
			                       command->name, *word);
	return NULL;
}

static char *check_command(const struct module *module, const pp_command_t *command)
{
	static const pp_row_t taken[] = { { .name = "check" }, PP_END };
	const pp_command_t *first = module->desc->commands;
	g_autofree char *arg = g_strdup_printf("argument of command %s", command->name);
	const struct table args = { .noun = arg,
		                    .rows = command->args,
		                    .size = command->args_size,
		                    .types = SINGLE_TYPES,
		                    .taken = taken,
		                    .taker = "command" };
	char *reason;

	while (strcmp(first->name, command->name) != 0)
		first++;
	if (first != command)
		return g_strdup_printf("its command '%s' stands twice", command->name);
	if (command->name[strspn(command->name, WORD_LETTERS)] != '\0' || *command->name == '\0')
		return g_strdup_printf("its command '%s' has other characters than a-z, 0-9 and _",
		                       command->name);
	if (command->run == NULL || command->help == NULL)
		return g_strdup_printf("its command '%s' has nothing to run, or no help", command->name);
	reason = check_table(module, &args);
	return reason == NULL && command->words != NULL ? check_command_words(command) : reason;
}

static char *check_commands(const struct module *module)
{
	char *reason = NULL;

	for (const pp_command_t *each = module->desc->commands;
	     each != NULL && each->name != NULL && reason == NULL; each++)
		reason = check_command(module, each);
	return reason;
}

/* -- the rest ------------------------------------------------------------- */

static char *check_read(const pp_module_t *desc)
{
	for (const pp_attribute_t *read = desc->reads; read != NULL && *read != PP_ATTRIBUTE_NONE; read++)
		if ((unsigned)*read >= PP_ATTRIBUTES)
			return g_strdup_printf(
			        "its .reads has %d, which is no attribute; PP_READS() makes one", (int)*read);
	return NULL;
}

/* With the limits that a user's own value has. */
static char *check_lengths(const pp_module_t *desc)
{
	const pp_row_t *timeout = param_find(check_common_rows(), "timeout");
	const pp_row_t *stale = param_find(check_common_rows(), "stale");
	const pp_row_t rows[] = {
		{ .name = ".timeout",
		  .type = PP_TYPE_DURATION,
		  .dflt = desc->timeout,
		  .min = timeout->min,
		  .max = timeout->max },
		{ .name = ".keep", .type = PP_TYPE_DURATION, .dflt = desc->keep },
		{ .name = ".stale", .type = PP_TYPE_DURATION, .dflt = desc->stale, .max = stale->max },
		PP_END,
	};

	return check_defaults(desc->name, "descriptor", rows, sizeof(pp_msec_t));
}

char *module_check(const struct module *module)
{
	const pp_module_t *desc = module->desc;
	const struct table tables[] = {
		{ .noun = "parameter",
		  .rows = desc->params,
		  .size = desc->conf_size,
		  .types = SINGLE_TYPES | LIST_TYPES,
		  .taken = check_common_rows(),
		  .taker = "check" },
		{ .noun = "argument", .rows = desc->args, .size = desc->args_size, .types = SINGLE_TYPES },
		{ .noun = "field", .rows = desc->fields, .size = desc->fields_size, .types = SINGLE_TYPES },
	};
	char *reason = check_words(module);

	for (unsigned i = 0; i < G_N_ELEMENTS(tables) && reason == NULL; i++)
		reason = check_table(module, &tables[i]);
	if (reason == NULL)
		reason = check_fields(module);
	if (reason == NULL)
		reason = check_read(desc);
	if (reason == NULL)
		reason = check_lengths(desc);
	if (reason == NULL)
		reason = check_statements(module);
	if (reason == NULL)
		reason = check_commands(module);
	if (reason == NULL && desc->upkeep != NULL && desc->open == NULL)
		reason = g_strdup("it has .upkeep, which is for a handle, but no .open to make one");
	return reason;
}
