/* rule/globals.c - what files and rules may call: settings, check, listen, route, include, now, note, log */
#include "rule/globals.h"

#include <lauxlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/actions.h"
#include "rule/library.h"
#include "rule/objects.h"
#include "rule/routes.h"
#include "rule/run.h"
#include "rule/values.h"

#define INCLUDES_MAX 16
#define NOTE_KEY_MAX 32
#define LOG_TEXT_MAX 400
#define NOW_FORMAT_MAX 200

static const char names_key; /* its address names the table of functions to their names */

void globals_must_load(lua_State *L, const char *what)
{
	if (sandbox_is_running(program_of(L)->sandbox))
		luaL_error(L, "%s can only be used while the file is loaded", what);
}

/* -- settings ------------------------------------------------------------ */

static const pp_value_t *read_table(lua_State *L, struct program *program, int index, const char *const *skip,
                                    const char *where, const struct plan_place *place)
{
	const pp_value_t *values;
	const char *reason;

	if (!lua_istable(L, index)) {
		plan_fail(program->plan, place, where, "found %s, wanted a table: %s { ... }",
		          program_describe(L, index), where);
		return NULL;
	}
	values = values_read(L, index, &program->plan->arena, skip, place, &reason);
	if (values == NULL)
		plan_fail(program->plan, place, where, "%s", reason);
	return values;
}

static bool read_action(lua_State *L, struct program *program, int table, const char *name,
                        struct action *action, const char *where, const struct plan_place *place)
{
	int found;

	lua_getfield(L, table, name);
	found = actions_read_setting(L, -1, action);
	if (found < 0)
		plan_fail(program->plan, place, where,
		          "%s: found '%s', wanted an action such as dunno(), or \"close\"", name,
		          program_text(L, -1));
	lua_pop(L, 1);
	return found > 0;
}

static int set(lua_State *L, const struct plan_setting *setting)
{
	static const char *const skip[] = { "on_error", NULL };
	struct program *program = program_of(L);
	struct plan_place place = program_place(program, L);
	bool server = strcmp(setting->name, "server") == 0;
	const pp_value_t *values = read_table(L, program, 1, server ? skip : NULL, setting->name, &place);
	struct action on_error;

	if (values != NULL)
		plan_set(program->plan, setting, values,
		         server && read_action(L, program, 1, "on_error", &on_error, setting->name, &place)
		                 ? &on_error
		                 : NULL,
		         &place);
	if (server)
		program_set_classes(program);
	return 0;
}

static int call_setting(lua_State *L)
{
	const struct plan_setting *setting = lua_touserdata(L, lua_upvalueindex(1));

	globals_must_load(L, setting->name);
	return set(L, setting);
}

static int log_text(lua_State *L)
{
	struct program *program = program_of(L);
	struct run *run = program->current;
	size_t length;
	const char *text;
	char clean[LOG_TEXT_MAX + 1];

	if (lua_type(L, 1) != LUA_TSTRING)
		return luaL_error(L, "log: found %s, wanted one text", program_describe(L, 1));
	text = lua_tolstring(L, 1, &length);
	text_clean(clean, sizeof(clean), text, length);
	if (run != NULL && program->hooks == NULL && run->logs++ < RUN_LOGS_MAX)
		pp_log(PP_LOG_NOTICE, "rule %s: %s; id=%s", run->order.rule->name, clean,
		       run->order.request->id);
	else if (run == NULL && program->plan->leader == NULL && !program->plan->bare)
		pp_log(PP_LOG_NOTICE, "%s: %s", program->plan->main_path, clean);
	return 0;
}

/* log { ... } is a setting, log("text") writes a line. */
static int call_log(lua_State *L)
{
	if (lua_istable(L, 1) && sandbox_is_running(program_of(L)->sandbox))
		return luaL_error(
		        L,
		        "log { ... } is a setting, for when the file is loaded; log(\"text\") writes a line");
	return lua_istable(L, 1) ? set(L, lua_touserdata(L, lua_upvalueindex(1))) : log_text(L);
}

/* -- checks -------------------------------------------------------------- */

static int make_check(lua_State *L)
{
	struct program *program = program_of(L);
	const char *name = lua_tostring(L, lua_upvalueindex(1));
	struct plan_place place = program_place(program, L);
	const pp_value_t *values;
	struct plan_check *declared;

	globals_must_load(L, "check");
	if (program->hooks != NULL)
		return luaL_error(L, "a file that a rule test includes makes no checks; name it with -c");
	if (program->plan->bare) {
		lua_pushboolean(L, false);
		return 1;
	}
	values = read_table(L, program, 1, NULL, name, &place);
	declared = values != NULL ? plan_check(program->plan, name, values, &place) : NULL;
	if (declared == NULL) {
		lua_pushboolean(L, false);
		return 1;
	}
	g_ptr_array_add(program->checks, objects_new_check(L, declared));
	lua_pushvalue(L, -1);
	luaL_ref(L, LUA_REGISTRYINDEX);
	return 1;
}

static int check_of_name(lua_State *L)
{
	luaL_checkstring(L, 2);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, make_check, 1);
	return 1;
}

static int no_such_thing(lua_State *L)
{
	return luaL_error(L, "check cannot be changed, nor called; check.NAME { ... } makes a check");
}

static const char *number_of(struct program *program, const struct lua_check *check)
{
	guint number = 0;

	while (number < program->checks->len && program->checks->pdata[number] != check)
		number++;
	return arena_printf(&program->plan->arena, "%u", number);
}

/* A check is called by the first global it is assigned to; so is a rule. */
static void assigned(lua_State *L, const char *name, void *data)
{
	struct lua_check *check = objects_check(L, -1);
	struct program *program = data;

	plan_declare(program->plan, check != NULL ? "global check" : "global", name, NULL);
	if (check != NULL)
		plan_declare(program->plan, "is number", number_of(program, check), NULL);
	if (check != NULL && check->declared->name == NULL && plan_is_name(name))
		check->declared->name = arena_strdup(&program->plan->arena, name);
	if (!lua_isfunction(L, -1))
		return;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
	lua_pushvalue(L, -2);
	if (lua_rawget(L, -2) == LUA_TNIL) {
		lua_pushvalue(L, -3);
		lua_pushstring(L, name);
		lua_rawset(L, -4);
	}
	lua_pop(L, 2);
}

/* -- listeners ----------------------------------------------------------- */

/* Which function the rule is, as far as can be told: every loop must see the same. */
static void declare_rule(lua_State *L, struct program *program, const struct action *on_error,
                         const struct action *overload)
{
	struct arena *arena = &program->plan->arena;
	lua_Debug debug;

	lua_pushvalue(L, 2);
	lua_getinfo(L, ">S", &debug);
	plan_declare(program->plan, "rule", arena_printf(arena, "%s:%d", debug.source, debug.linedefined),
	             NULL);
	plan_declare(program->plan, "on_error", on_error != NULL ? action_print(on_error, arena) : "", NULL);
	plan_declare(program->plan, "overload", overload != NULL ? action_print(overload, arena) : "", NULL);
}

static int call_listen(lua_State *L)
{
	static const char *const skip[] = { "on_error", "overload", NULL };
	struct program *program = program_of(L);
	struct plan_place place = program_place(program, L);
	struct program_rule rule = { LUA_NOREF, NULL };
	struct action on_error, overload;
	const pp_value_t *options = NULL;
	bool has_on_error = false, has_overload = false;

	globals_must_load(L, "listen");
	if (lua_type(L, 1) != LUA_TSTRING || !lua_isfunction(L, 2)) {
		plan_fail(program->plan, &place, "listen",
		          "found %s and %s, wanted an address and a rule: "
		          "listen(\"inet:127.0.0.1:10031\", rule)",
		          program_describe(L, 1), program_describe(L, 2));
		return 0;
	}
	if (!lua_isnoneornil(L, 3)) {
		options = read_table(L, program, 3, skip, "listen", &place);
		if (options == NULL)
			return 0;
		has_on_error = read_action(L, program, 3, "on_error", &on_error, "listen", &place);
		has_overload = read_action(L, program, 3, "overload", &overload, "listen", &place);
	}
	if (plan_listen(program->plan, lua_tostring(L, 1), options, has_on_error ? &on_error : NULL,
	                has_overload ? &overload : NULL, &place) == NULL)
		return 0;
	declare_rule(L, program, has_on_error ? &on_error : NULL, has_overload ? &overload : NULL);
	lua_pushvalue(L, 2);
	rule.function = luaL_ref(L, LUA_REGISTRYINDEX);
	g_array_append_val(program->rules, rule);
	return 0;
}

/* -- include ------------------------------------------------------------- */

static char *path_beside(const struct plan_source *source, const char *path)
{
	g_autofree char *folder = g_path_get_dirname(source->path);

	if (g_path_is_absolute(path) || strcmp(folder, ".") == 0)
		return g_strdup(path);
	return g_build_filename(folder, path, NULL);
}

static int call_include(lua_State *L)
{
	struct program *program = program_of(L);
	struct plan_source *outer = program->source;
	struct plan_place place = program_place(program, L);
	const char *path = luaL_checkstring(L, 1);
	g_autofree char *beside = NULL, *reason = NULL;
	struct plan_source *source;
	int status;

	globals_must_load(L, "include");
	beside = path_beside(outer, path);
	source = plan_read(program->plan, beside, &reason);
	if (source == NULL || source->loading || program->includes == INCLUDES_MAX) {
		plan_fail(program->plan, &place, "include", "%s: %s", path,
		          source == NULL    ? reason
		          : source->loading ? "it is being loaded: files include each other"
		                            : "files include each other too deeply");
		return 0;
	}
	g_clear_pointer(&beside, g_free);
	if (!sandbox_load(L, source->path, source->bytes, source->size)) {
		g_ptr_array_add(program->plan->errors, g_strdup(lua_tostring(L, -1)));
		return 0;
	}
	program->source = source;
	program->includes++;
	source->loading = true;
	status = lua_pcall(L, 0, 0, 0);
	source->loading = false;
	program->includes--;
	program->source = outer;
	if (status != LUA_OK && sandbox_is_ended(L))
		return lua_error(L);
	if (status != LUA_OK)
		g_ptr_array_add(program->plan->errors, g_strdup(program_text(L, -1)));
	return 0;
}

/* -- for rules ----------------------------------------------------------- */

/* Nothing is left to free when Lua has no memory for the text. */
static void format_time(pp_msec_t time, const char *format, char *buffer, size_t size)
{
	g_autoptr(GDateTime) local = g_date_time_new_from_unix_local(time / 1000);
	g_autofree char *text = g_date_time_format(local, format);

	g_strlcpy(buffer, text != NULL ? text : "", size);
}

static int call_now(lua_State *L)
{
	char text[64 * NOW_FORMAT_MAX];
	pp_msec_t now = pp_time();
	const char *format;
	size_t length;

	if (lua_isnoneornil(L, 1)) {
		lua_pushnumber(L, (lua_Number)now / 1000);
		return 1;
	}
	format = luaL_checklstring(L, 1, &length);
	if (length > NOW_FORMAT_MAX)
		return luaL_error(L, "now: found a format of %d bytes, wanted at most %d", (int)length,
		                  NOW_FORMAT_MAX);
	format_time(now, format, text, sizeof(text));
	lua_pushstring(L, text);
	return 1;
}

static bool is_note_key(const char *key)
{
	size_t length = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return length > 0 && length <= NOTE_KEY_MAX && key[length] == '\0';
}

/* The keys of the line itself. */
static bool is_key_of_line(const char *key)
{
	return text_has_word("id rule checks from to sasl proto helo context instance conf ms error", key);
}

static int call_note(lua_State *L)
{
	struct program *program = program_of(L);
	const char *key = luaL_checkstring(L, 1);

	if (program->current == NULL)
		return luaL_error(L, "note is for rules, not for when the file is loaded");
	if (!is_note_key(key))
		return luaL_error(
		        L, "note: found '%s', wanted a key of at most %d lower-case letters, digits and '_'",
		        key, NOTE_KEY_MAX);
	if (is_key_of_line(key))
		return luaL_error(L, "note: '%s' is a key of the log line already", key);
	if (!lua_isnil(L, 2) && !lua_isboolean(L, 2) && !lua_isnumber(L, 2) && !lua_isstring(L, 2))
		return luaL_error(L, "note: found %s, wanted text, a number, true or false",
		                  program_describe(L, 2));
	run_add_note(program->current, key, library_tostring(L, 2, NULL));
	return 0;
}

/* -- registering --------------------------------------------------------- */

static void register_settings(struct program *program)
{
	lua_State *L = program->L;

	for (const struct plan_setting *setting = plan_settings(); setting->name != NULL; setting++) {
		bool is_log = strcmp(setting->name, "log") == 0;

		lua_pushlightuserdata(L, (void *)setting);
		lua_pushcclosure(L, is_log ? call_log : call_setting, 1);
		if (is_log)
			sandbox_set_global(program->sandbox, setting->name);
		else
			sandbox_set_loading_global(program->sandbox, setting->name);
	}
}

static void register_check_table(struct program *program)
{
	lua_State *L = program->L;

	lua_newtable(L);
	lua_newtable(L);
	lua_pushcfunction(L, check_of_name);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, no_such_thing);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, no_such_thing);
	lua_setfield(L, -2, "__call");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	sandbox_set_loading_global(program->sandbox, "check");
}

void globals_register(struct program *program)
{
	static const struct {
		const char *name;
		lua_CFunction function;
		bool loading;
	} functions[] = {
		{ "listen", call_listen, true },
		{ "include", call_include, true },
		{ "now", call_now, false },
		{ "note", call_note, false },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
		lua_pushcfunction(program->L, functions[i].function);
		if (functions[i].loading)
			sandbox_set_loading_global(program->sandbox, functions[i].name);
		else
			sandbox_set_global(program->sandbox, functions[i].name);
	}
	register_settings(program);
	register_check_table(program);
	actions_register(program);
	routes_register(program);
	lua_newtable(program->L);
	lua_rawsetp(program->L, LUA_REGISTRYINDEX, &names_key);
	sandbox_on_assigned(program->sandbox, assigned, program);
}

const char *globals_name_of(struct program *program, int function)
{
	lua_State *L = program->L;
	const char *name = NULL;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
	lua_rawgeti(L, LUA_REGISTRYINDEX, function);
	if (lua_rawget(L, -2) == LUA_TSTRING)
		name = arena_strdup(&program->plan->arena, lua_tostring(L, -1));
	lua_pop(L, 2);
	return name;
}
