/* daemon/control_words.c - the words of a module's command, read as its rows say */
#include "daemon/control_words.h"

#include <string.h>
#include "base/text.h"

static bool is_given(const struct control_words *reader, const char *name)
{
	for (size_t i = 0; i < reader->count; i++)
		if (strcmp(reader->pairs[i].key, name) == 0)
			return true;
	return strcmp(name, "check") == 0 && reader->check != NULL;
}

/* The value as it would stand in a rule file. */
static pp_value_t value_of(const pp_row_t *row, const char *text)
{
	pp_value_t value = { .kind = PP_STRING, .string = text };

	if (row == NULL)
		return value;
	if (row->type == PP_TYPE_BOOL && text_has_word("true yes false no", text))
		value = (pp_value_t){ .kind = PP_BOOLEAN, .boolean = text_has_word("true yes", text) };
	else if (row->type == PP_TYPE_INT || row->type == PP_TYPE_NUMBER)
		value_number(text, &value);
	return value;
}

static bool add_value(struct control_words *reader, const char *name, const char *text)
{
	if (is_given(reader, name)) {
		control_fail(reader->call, COMMAND_USAGE, "%s: %s is given twice", reader->where, name);
		return false;
	}
	if (strcmp(name, "check") == 0)
		reader->check = text;
	else
		reader->pairs[reader->count++] = (pp_pair_t){
			.key = name, .value = value_of(param_find(reader->command->args, name), text)
		};
	return true;
}

/* The length of the name that the word begins with: what stands before '=', if that may be a name. */
static size_t name_length(const char *word)
{
	size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return word[length] == '=' ? length : 0;
}

/* --name VALUE, --name=VALUE. */
static bool read_option(struct control_words *reader, char ***word)
{
	const char *text = **word + 2;
	size_t length = strcspn(text, "=");
	char *name = g_strdelimit(arena_strndup(reader->arena, text, length), "-", '_');
	const pp_row_t *row = param_find(reader->command->args, name);

	if (text[length] == '=')
		return add_value(reader, name, text + length + 1);
	if (row != NULL && row->type == PP_TYPE_BOOL)
		return add_value(reader, name, "true");
	if ((*word)[1] == NULL) {
		control_fail(reader->call, COMMAND_USAGE, "%s: --%s wants a value behind it", reader->where,
		             name);
		return false;
	}
	++*word;
	return add_value(reader, name, **word);
}

/* A word without a name: it has that of the next of .words. */
static bool read_bare(struct control_words *reader, const char *word)
{
	g_auto(GStrv)
	        names = g_strsplit(reader->command->words != NULL ? reader->command->words : "", " ", -1);
	g_autofree const char **all = param_names(reader->command->args, NULL);
	g_autofree char *wanted = NULL;

	for (char **name = names; *name != NULL; name++)
		if (**name != '\0' && !is_given(reader, *name))
			return add_value(reader, arena_strdup(reader->arena, *name), word);
	wanted = g_strjoinv("=, ", (char **)all);
	control_fail(reader->call, COMMAND_USAGE, "%s: found '%.100s', wanted %s%scheck=", reader->where,
	             word, wanted, *wanted != '\0' ? "= or " : "");
	return false;
}

static bool read_words(struct control_words *reader)
{
	char **word = reader->call->all + 2;

	reader->pairs = arena_alloc0(reader->arena, (g_strv_length(word) + 1) * sizeof(*reader->pairs));
	for (; *word != NULL; word++) {
		size_t length = name_length(*word);
		bool good;

		if (strncmp(*word, "--", 2) == 0 && (*word)[2] != '\0')
			good = read_option(reader, &word);
		else if (length > 0)
			good = add_value(reader, arena_strndup(reader->arena, *word, length),
			                 *word + length + 1);
		else
			good = read_bare(reader, *word);
		if (!good)
			return false;
	}
	return true;
}

void *control_words_read(struct control_words *reader)
{
	static const pp_row_t no_rows[] = { PP_END };
	static const char *const others[] = { "check", NULL };
	const pp_row_t *rows = reader->command->args != NULL ? reader->command->args : no_rows;
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	struct pp_error error = { .where = reader->where, .noun = "argument", .messages = messages };
	const struct param_options options = { .others = others };
	void *args = arena_alloc0(reader->arena, reader->command->args_size + 1);
	pp_value_t values = { .kind = PP_LIST };

	if (!read_words(reader))
		return NULL;
	values.list.pairs = reader->pairs;
	values.list.count = reader->count;
	if (param_read(rows, &values, &options, reader->arena, args, &error))
		return args;
	for (guint i = 0; i < messages->len; i++)
		control_fail(reader->call, COMMAND_USAGE, "%s", (const char *)messages->pdata[i]);
	param_clear(rows, args);
	return NULL;
}
