/* rule/objects.c - what rules hold: checks and answers (requests: rule/requests.c) */
#include "rule/objects.h"

#include <lauxlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/handed.h"
#include "rule/run.h"
#include "rule/values.h"

static const char check_meta; /* its address names the metatable in the registry */

struct lua_check *objects_check(lua_State *L, int index)
{
	return objects_get(L, index, OBJECT_CHECK);
}

/* -- answers ------------------------------------------------------------- */

enum { ANSWER_WORD = 1000, ANSWER_TEXT, ANSWER_FROM, ANSWER_ACTION, ANSWER_FIELD = 2000 };

static void push_value(lua_State *L, const struct answer_value *value)
{
	switch (value->kind) {
	case PP_BOOLEAN: lua_pushboolean(L, value->boolean); break;
	case PP_INTEGER: lua_pushinteger(L, (lua_Integer)value->integer); break;
	case PP_REAL: lua_pushnumber(L, value->real); break;
	case PP_STRING: lua_pushlstring(L, value->string, value->length); break;
	default: lua_pushnil(L); break;
	}
}

static int push_of_answer(lua_State *L, struct run *run, struct rule_ask *ask, int code)
{
	const struct answer *answer = &ask->wish.answer;
	struct program_hooks *hooks = run->order.program->hooks;
	struct answer_value value;

	ask->read = true;
	if (code < ANSWER_WORD) {
		lua_pushboolean(L, answer->word == code - 1);
		return 1;
	}
	switch (code) {
	case ANSWER_WORD: lua_pushstring(L, ask->check->check->module->word[answer->word].word); return 1;
	case ANSWER_TEXT: lua_pushlstring(L, answer->text, answer->text_length); return 1;
	case ANSWER_FROM: lua_pushstring(L, answer_from_name(answer->from)); return 1;
	default: break;
	}
	if (hooks != NULL && hooks->field != NULL)
		value = hooks->field(hooks, run, ask, (unsigned)(code - ANSWER_FIELD));
	else
		value = answer_field(ask->check->check, answer, (unsigned)(code - ANSWER_FIELD));
	push_value(L, &value);
	return 1;
}

static int no_such_field(lua_State *L, const struct check *check, const char *name)
{
	g_autofree const char **names = g_new0(const char *, check->module->words + check->fields + 5);
	unsigned count = 0;
	const char *nearest;

	for (unsigned i = 0; i < check->module->words; i++)
		names[count++] = check->module->word[i].word;
	for (unsigned i = 0; i < check->fields; i++)
		names[count++] = check->field[i].name;
	names[count++] = "word";
	names[count++] = "text";
	names[count++] = "from";
	if (check->module->desc->action != NULL)
		names[count++] = "action()";
	nearest = text_nearest(name, names);
	if (nearest != NULL)
		lua_pushfstring(L, "an answer of '%s' has no '%s' (did you mean '%s'?)", check->name, name,
		                nearest);
	else
		lua_pushfstring(L, "an answer of '%s' has no '%s'", check->name, name);
	return 1;
}

static int answer_code(lua_State *L, struct rule_ask *ask)
{
	int code;

	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	code = (int)lua_tointeger(L, -1);
	lua_pop(L, 1);
	if (code == 0) {
		no_such_field(L, ask->check->check, program_text(L, 2));
		luaL_error(L, "%s", lua_tostring(L, -1));
	}
	return code;
}

static int answer_continued(lua_State *L, int status, lua_KContext context)
{
	struct lua_answer *object = lua_touserdata(L, 1);

	(void)status;
	return push_of_answer(L, object->run, object->ask, (int)context);
}

static struct run *run_of_answer(lua_State *L, const struct lua_answer *object)
{
	if (object->run == NULL)
		luaL_error(L, "the request of this answer is over; a rule cannot keep it");
	return object->run;
}

/* What goes on does so at once, or when the answer is there. */
static int read_answer(lua_State *L, struct lua_answer *object, int field, lua_KContext context,
                       lua_KFunction go_on)
{
	struct run *run = object->run;
	struct program_hooks *hooks = run->order.program->hooks;

	if (hooks != NULL && hooks->read != NULL)
		hooks->read(hooks, run, object->ask, field);
	if (object->ask->wish.done)
		return go_on(L, LUA_OK, context);
	if (!lua_isyieldable(L))
		return luaL_error(L, "an answer cannot be waited for within a function that gsub, sort or a "
		                     "metamethod calls; "
		                     "read it before, into a local");
	run->waiting = object->ask;
	return lua_yieldk(L, 0, context, go_on);
}

static int action_continued(lua_State *L, int status, lua_KContext context)
{
	struct lua_answer *object = lua_touserdata(L, 1);

	(void)status;
	(void)context;
	object->ask->read = true;
	handed_push(L, object->run, object->ask);
	return 1;
}

/* answer:action() */
static int answer_action(lua_State *L)
{
	struct lua_answer *object = objects_get(L, 1, OBJECT_ANSWER);

	if (object == NULL)
		return luaL_error(L, "action: found %s, wanted an answer: answer:action()",
		                  program_describe(L, 1));
	run_of_answer(L, object);
	if (object->ask->check->check->module->desc->action == NULL)
		return luaL_error(L, "an answer of '%s' has no action()", object->ask->check->check->name);
	lua_settop(L, 1);
	return read_answer(L, object, -1, 0, action_continued);
}

/* Upvalue: table of names to codes. */
static int answer_index(lua_State *L)
{
	struct lua_answer *object = lua_touserdata(L, 1);
	int code;

	run_of_answer(L, object);
	code = answer_code(L, object->ask);
	if (code == ANSWER_ACTION) {
		lua_pushcfunction(L, answer_action);
		return 1;
	}
	return read_answer(L, object, code >= ANSWER_FIELD ? code - ANSWER_FIELD : -1, code,
	                   answer_continued);
}

static int answer_newindex(lua_State *L)
{
	return luaL_error(L, "an answer cannot be changed");
}

static int answer_tostring(lua_State *L)
{
	lua_pushliteral(L, "answer");
	return 1;
}

static void push_codes(lua_State *L, const struct check *check)
{
	lua_newtable(L);
	for (unsigned i = 0; i < check->module->words; i++) {
		lua_pushinteger(L, (lua_Integer)i + 1);
		lua_setfield(L, -2, check->module->word[i].word);
	}
	lua_pushinteger(L, ANSWER_WORD);
	lua_setfield(L, -2, "word");
	lua_pushinteger(L, ANSWER_TEXT);
	lua_setfield(L, -2, "text");
	lua_pushinteger(L, ANSWER_FROM);
	lua_setfield(L, -2, "from");
	if (check->module->desc->action != NULL) {
		lua_pushinteger(L, ANSWER_ACTION);
		lua_setfield(L, -2, "action");
	}
	for (unsigned i = 0; i < check->fields; i++) {
		lua_pushinteger(L, ANSWER_FIELD + (lua_Integer)i);
		lua_setfield(L, -2, check->field[i].name);
	}
}

static const char *key_of_arguments(struct arena *arena, const pp_module_t *desc, const void *args,
                                    size_t *size)
{
	GString *text = g_string_new("+");
	char *key;

	param_canonical(text, desc->args, args, true);
	for (char *at = text->str; at < text->str + text->len; at++)
		if (*at == '\0')
			*at = '\1';
	*size = text->len + 1;
	key = arena_strndup(arena, text->str, text->len);
	g_string_free(text, TRUE);
	return key;
}

static void set_default_arguments(struct lua_check *check, struct arena *arena)
{
	const pp_module_t *desc = check->check->module->desc;
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	struct pp_error error = { .messages = messages };

	if (desc->args == NULL)
		return;
	check->default_args = arena_alloc0(arena, desc->args_size + 1);
	param_defaults(desc->args, arena, check->default_args, &error);
	check->default_key = key_of_arguments(arena, desc, check->default_args, &check->default_key_size);
}

void objects_bind_check(lua_State *L, struct lua_check *check)
{
	check->check = check->declared->check;
	if (check->check == NULL)
		return;
	set_default_arguments(check, &program_of(L)->plan->arena);
	lua_newtable(L);
	push_codes(L, check->check);
	lua_pushcclosure(L, answer_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, answer_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, answer_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, "answer");
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	check->answer_meta = luaL_ref(L, LUA_REGISTRYINDEX);
}

void objects_give_answer(struct rule_ask *ask, unsigned word, const char *text)
{
	ask->wish.check = ask->check->check;
	ask->wish.answer = (struct answer){ .word = (uint8_t)word,
		                            .text = text,
		                            .text_length = (uint32_t)strlen(text) };
	ask->wish.done = true;
}

/* -- checks -------------------------------------------------------------- */

struct lua_check *objects_new_check(lua_State *L, struct plan_check *declared)
{
	struct lua_check *check = lua_newuserdatauv(L, sizeof(*check), 0);

	*check = (struct lua_check){ .kind = OBJECT_CHECK, .declared = declared, .answer_meta = LUA_NOREF };
	lua_rawgetp(L, LUA_REGISTRYINDEX, &check_meta);
	lua_setmetatable(L, -2);
	return check;
}

static void read_arguments(lua_State *L, struct run *run, struct lua_check *check, int index, void *args)
{
	struct arena *arena = &run->order.request->arena;
	const pp_module_t *desc = check->check->module->desc;
	struct plan_place place = { NULL, 0 };
	g_autoptr(GPtrArray) messages = NULL;
	struct pp_error error = { .where = check->check->name, .noun = "argument" };
	static const pp_row_t no_rows[] = { PP_END };
	const char *reason = NULL;
	const pp_value_t *values;

	values = values_read(L, index, arena, NULL, &place, &reason);
	if (values != NULL && values->kind == PP_LIST) {
		error.messages = messages = g_ptr_array_new_with_free_func(g_free);
		error.values = values;
		if (param_read(desc->args != NULL ? desc->args : no_rows, values, NULL, arena, args, &error))
			return;
		reason = arena_strdup(arena, messages->pdata[0]);
	}
	g_clear_pointer(&messages, g_ptr_array_unref);
	luaL_error(L, "%s", reason != NULL ? reason : "wanted a table of arguments");
}

static struct rule_ask *asked_before(struct run *run, const struct lua_check *check, const char *key,
                                     size_t size)
{
	struct rule_ask *ask = run->first;

	while (ask != NULL && (ask->check != check || ask->args_key_size != size ||
	                       (size > 0 && memcmp(ask->args_key, key, size) != 0)))
		ask = ask->next;
	return ask;
}

static void push_again(lua_State *L, int request, const struct rule_ask *wanted)
{
	lua_getiuservalue(L, request, 1);
	while (((struct lua_answer *)lua_touserdata(L, -1))->ask != wanted) {
		lua_getiuservalue(L, -1, 1);
		lua_remove(L, -2);
	}
}

/* Pushes the object of an ask. */
static void new_answer(lua_State *L, struct run *run, struct rule_ask *ask, int request)
{
	ask->object = lua_newuserdatauv(L, sizeof(*ask->object), 1);
	*ask->object = (struct lua_answer){ OBJECT_ANSWER, run, ask };
	lua_rawgeti(L, LUA_REGISTRYINDEX, ask->check->answer_meta);
	lua_setmetatable(L, -2);
	lua_getiuservalue(L, request, 1);
	lua_setiuservalue(L, -2, 1);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, request, 1);
}

static void set_place(lua_State *L, struct program *program, struct rule_ask *ask)
{
	lua_Debug debug;

	ask->file = "";
	if (program->hooks == NULL || !lua_getstack(L, 1, &debug) || !lua_getinfo(L, "Sl", &debug))
		return;
	ask->line = debug.currentline;
	ask->file = g_intern_string(debug.source + (*debug.source == '@'));
}

void objects_ask(lua_State *L, struct run *run, struct lua_check *check, int request, int index)
{
	const pp_module_t *desc = check->check->module->desc;
	struct arena *arena = &run->order.request->arena;
	const char *key = check->default_key;
	size_t size = check->default_key_size;
	void *args = check->default_args;
	struct rule_ask *ask;

	run_check_memory(run, L);
	if (!lua_isnoneornil(L, index)) {
		args = arena_alloc0(arena, desc->args_size + 1);
		read_arguments(L, run, check, index, args);
		if (desc->args != NULL)
			key = key_of_arguments(arena, desc, args, &size);
	}
	ask = asked_before(run, check, key, size);
	if (ask != NULL) {
		push_again(L, request, ask);
		return;
	}
	ask = arena_new0(arena, struct rule_ask);
	ask->check = check;
	ask->run = run;
	ask->args_key = key;
	ask->args_key_size = size;
	set_place(L, run->order.program, ask);
	new_answer(L, run, ask, request);
	run_ask(run, ask, args);
}

static int check_call(lua_State *L)
{
	struct lua_check *check = lua_touserdata(L, 1);
	struct lua_request *object;

	if (check->check == NULL)
		return luaL_error(L, "check '%s' is asked in a rule, not while the file is loaded",
		                  check->declared->module->desc->name);
	object = objects_request(L, 2);
	if (object == NULL)
		return luaL_error(L, "%s: found %s, wanted the request: %s(req)", check->check->name,
		                  program_describe(L, 2), check->check->name);
	if (object->run == NULL)
		return luaL_error(L, "this request is over; a rule cannot keep it");
	if (!lua_isnoneornil(L, 3) && !lua_istable(L, 3))
		return luaL_error(L, "%s: found %s, wanted a table of arguments", check->check->name,
		                  program_describe(L, 3));
	lua_settop(L, 3);
	objects_ask(L, object->run, check, 2, 3);
	return 1;
}

static int check_index(lua_State *L)
{
	struct lua_check *check = lua_touserdata(L, 1);
	const char *name = check->check != NULL ? check->check->name : check->declared->module->desc->name;

	return luaL_error(L, "'%s' is a check; ask it first: %s(req).%s", name, name, program_text(L, 2));
}

static int check_newindex(lua_State *L)
{
	return luaL_error(L, "a check cannot be changed");
}

static int check_tostring(lua_State *L)
{
	struct lua_check *check = lua_touserdata(L, 1);

	lua_pushfstring(L, "check %s",
	                check->check != NULL ? check->check->name : check->declared->module->desc->name);
	return 1;
}

static void register_check(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "__call", check_call },
		{ "__index", check_index },
		{ "__newindex", check_newindex },
		{ "__tostring", check_tostring },
		{ NULL, NULL },
	};

	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_pushliteral(L, "check");
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &check_meta);
}

void objects_register(struct program *program)
{
	objects_register_request(program);
	register_check(program->L);
}
