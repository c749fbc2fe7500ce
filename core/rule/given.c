/* rule/given.c - answers that a rule test gives in place of asking */
#include "rule/given.h"

#include <lauxlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/stage.h"
#include "rule/values.h"

#define DEFAULT_TEXT "given by the test"

void given_init(struct given *given)
{
	arena_init(&given->arena);
	given->answers = g_hash_table_new(NULL, NULL);
}

void given_clear(struct given *given)
{
	g_hash_table_remove_all(given->answers);
	arena_reset(&given->arena);
}

void given_free(struct given *given)
{
	g_hash_table_destroy(given->answers);
	arena_free(&given->arena);
}

bool given_put(const struct given *given, struct rule_ask *ask)
{
	const struct answer *answer = g_hash_table_lookup(given->answers, ask->check->check);

	if (answer == NULL)
		return false;
	ask->wish.check = ask->check->check;
	ask->wish.answer = *answer;
	ask->wish.done = true;
	return true;
}

/* -- finding the check --------------------------------------------------- */

static const char *name_of(const struct lua_check *check)
{
	return check->declared->name != NULL ? check->declared->name : check->check->name;
}

/* Of equal names the one made last. */
static struct check *find_check(lua_State *L, const struct program *program, const char *name)
{
	struct arena *arena = &stage_of(L)->scratch;
	const char **names = arena_alloc0(arena, (program->checks->len + 1) * sizeof(*names));
	const char *nearest;

	for (guint i = program->checks->len; i > 0; i--) {
		const struct lua_check *check = program->checks->pdata[i - 1];

		names[program->checks->len - i] = name_of(check);
		if (strcmp(name_of(check), name) == 0)
			return check->check;
	}
	nearest = text_nearest(name, names);
	if (nearest != NULL)
		stage_fail(L, "answers: no check '%s' (did you mean '%s'?)", name, nearest);
	stage_fail(L, "answers: no check '%s'", name);
	return NULL;
}

/* -- reading an answer --------------------------------------------------- */

static unsigned read_word(lua_State *L, const struct check *check, const pp_value_t *values)
{
	const pp_value_t *value = values;
	GString *words;
	int word;

	if (values->kind == PP_LIST && values->list.count > 0 && values->list.pairs[0].key == NULL)
		value = &values->list.pairs[0].value;
	if (value->kind != PP_STRING)
		return (unsigned)stage_fail(L, "answers: %s: wanted a word, or a table that begins with one",
		                            check->name);
	word = module_word(check->module, value->string);
	if (word >= 0)
		return (unsigned)word;
	words = g_string_new(NULL);
	for (unsigned i = WORD_FIRST; i < check->module->words; i++)
		g_string_append_printf(words, "%s, ", check->module->word[i].word);
	g_string_append(words, "none or unknown");
	lua_pushstring(L, words->str);
	g_string_free(words, TRUE);
	return (unsigned)stage_fail(L, "answers: %s: found '%s', wanted one of its words: %s", check->name,
	                            value->string, lua_tostring(L, -1));
}

/* Texts of the fields that parameters named. Fields that the word does not set are refused. */
static const char **read_extra(lua_State *L, struct arena *arena, const struct check *check, unsigned word,
                               const pp_value_t *values)
{
	const char **extra = arena_alloc0(arena, (check->fields - check->own_fields + 1) * sizeof(*extra));

	for (unsigned i = 0; i < check->fields; i++) {
		const struct check_field *field = &check->field[i];
		const pp_value_t *value = value_get(values, field->name);

		if (value == NULL)
			continue;
		if (!module_sets(check->module, word, field->row))
			stage_fail(L, "answers: %s: %s is never set with the word '%s'", check->name,
			           field->name, check->module->word[word].word);
		if (field->row == NULL && value->kind != PP_STRING)
			stage_fail(L, "answers: %s: %s: found %s, wanted a text", check->name, field->name,
			           value_show(arena, value));
		if (field->row == NULL)
			extra[i - check->own_fields] = value->string;
	}
	return extra;
}

static void *read_fields(lua_State *L, struct arena *arena, const struct check *check,
                         const pp_value_t *values)
{
	static const pp_row_t no_rows[] = { PP_END };
	const pp_module_t *desc = check->module->desc;
	void *fields = arena_alloc0(arena, desc->fields_size + 1);
	const char **others = arena_alloc0(arena, (check->fields - check->own_fields + 2) * sizeof(*others));
	const struct param_options options = { .others = others, .lists_first = true };
	struct pp_error error = { .where = check->name, .noun = "field" };
	const char *reason = NULL;

	for (unsigned i = check->own_fields; i < check->fields; i++)
		others[i - check->own_fields] = check->field[i].name;
	others[check->fields - check->own_fields] = "text";
	error.messages = g_ptr_array_new_with_free_func(g_free);
	if (!param_read(desc->fields != NULL ? desc->fields : no_rows, values, &options, arena, fields,
	                &error))
		reason = arena_strdup(arena, error.messages->pdata[0]);
	g_ptr_array_unref(error.messages);
	if (reason != NULL)
		stage_fail(L, "answers: %s", reason);
	return fields;
}

static const char *read_text(lua_State *L, const struct check *check, const pp_value_t *values)
{
	const pp_value_t *text = value_get(values, "text");

	if (text != NULL && text->kind != PP_STRING)
		stage_fail(L, "answers: %s: text: wanted a text", check->name);
	return text != NULL ? text->string : DEFAULT_TEXT;
}

static void give(lua_State *L, struct given *given, const struct check *check, const pp_value_t *values)
{
	struct arena *arena = &given->arena;
	unsigned word = read_word(L, check, values);
	const pp_value_t *list = values->kind == PP_LIST ? values : NULL;
	const char **extra = read_extra(L, arena, check, word, list);
	void *fields = read_fields(L, arena, check, list);
	struct answer *answer = arena_new0(arena, struct answer);

	answer_encode(check, arena, word, read_text(L, check, list), fields, extra, answer);
	g_hash_table_replace(given->answers, (void *)check, answer);
}

int given_each(lua_State *L, struct arena *arena, const char *what, const char *wanted, const char *of,
               void (*take)(lua_State *L, const char *name, const pp_value_t *values))
{
	const struct plan_place place = { NULL, 0 };

	if (!lua_istable(L, 1))
		return stage_fail(L, "%s: found %s, wanted a table: %s", what, program_describe(L, 1),
		                  wanted);
	lua_settop(L, 1);
	lua_pushnil(L);
	while (lua_next(L, 1)) {
		const pp_value_t *values;
		const char *reason;

		if (lua_type(L, 2) != LUA_TSTRING)
			return stage_fail(L, "%s: found a value without %s", what, of);
		values = values_read(L, 3, arena, NULL, &place, &reason);
		if (values == NULL)
			return stage_fail(L, "%s: %s: %s", what, lua_tostring(L, 2), reason);
		take(L, lua_tostring(L, 2), values);
		lua_settop(L, 2);
	}
	return 0;
}

static void give_answer(lua_State *L, const char *name, const pp_value_t *values)
{
	struct stage *stage = stage_of(L);

	give(L, &stage->given, find_check(L, stage->program, name), values);
}

int given_call(lua_State *L)
{
	return given_each(L, &stage_of(L)->given.arena, "answers", "answers { zen = \"listed\" }",
	                  "the name of a check", give_answer);
}
