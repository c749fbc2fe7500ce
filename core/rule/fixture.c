/* rule/fixture.c - functions of rule tests: checks made at once, files written */
#include "rule/fixture.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <lauxlib.h>
#include <string.h>
#include "rule/stage.h"
#include "rule/values.h"

/* -- checks -------------------------------------------------------------- */

/* Raises what was refused since. */
static int raise_refused(lua_State *L, GPtrArray *errors, guint before)
{
	luaL_Buffer text;

	luaL_buffinit(L, &text);
	for (guint i = before; i < errors->len; i++) {
		if (i > before)
			luaL_addchar(&text, '\n');
		luaL_addstring(&text, errors->pdata[i]);
	}
	luaL_pushresult(&text);
	g_ptr_array_set_size(errors, (int)before);
	return lua_error(L);
}

/* A check of a test is made at once. Its name is that of the module until it is
 * assigned to a global. */
static struct plan_check *declare_check(struct plan *plan, const char *module, const pp_value_t *values,
                                        const struct plan_place *place)
{
	struct plan_check *declared = plan_check(plan, module, values, place);
	struct pp_error error = { .file = place->source->path,
		                  .line = place->line,
		                  .messages = plan->errors };
	struct check_stores stores;

	if (declared == NULL)
		return NULL;
	plan_make_stores(plan, NULL);
	stores = plan_stores(plan);
	declared->check = check_new_with_stores(declared->module,
	                                        declared->name != NULL ? declared->name : module, values,
	                                        place->source->folder, &stores, &error);
	return declared->check != NULL ? declared : NULL;
}

/* Upvalues: the stage, the module's name. */
static int make_check(lua_State *L)
{
	struct stage *stage = stage_of(L);
	struct program *program = stage->program;
	struct plan *plan = program->plan;
	struct plan_place place = program_place(program, L);
	const char *module = lua_tostring(L, lua_upvalueindex(2)), *reason;
	guint before = plan->errors->len;
	struct plan_check *declared;
	struct lua_check *check;
	const pp_value_t *values;

	if (program->current != NULL)
		return luaL_error(L, "check can only be used while the file is loaded");
	if (!lua_istable(L, 1))
		return stage_fail(L, "%s: found %s, wanted a table: check.%s { ... }", module,
		                  program_describe(L, 1), module);
	values = values_read(L, 1, &plan->arena, NULL, &place, &reason);
	if (values == NULL)
		return stage_fail(L, "%s: %s", module, reason);
	declared = declare_check(plan, module, values, &place);
	if (declared == NULL)
		return raise_refused(L, plan->errors, before);
	stage_open_check(stage, declared->check);
	check = objects_new_check(L, declared);
	objects_bind_check(L, check);
	g_ptr_array_add(program->checks, check);
	lua_pushvalue(L, -1);
	luaL_ref(L, LUA_REGISTRYINDEX);
	return 1;
}

static int check_of_name(lua_State *L)
{
	luaL_checkstring(L, 2);
	lua_pushlightuserdata(L, stage_of(L));
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, make_check, 2);
	return 1;
}

void fixture_push_check(lua_State *L, struct stage *stage)
{
	lua_newtable(L);
	lua_newtable(L);
	lua_pushlightuserdata(L, stage);
	lua_pushcclosure(L, check_of_name, 1);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

int fixture_refused(lua_State *L)
{
	GPtrArray *errors = stage_of(L)->program->plan->errors;
	guint before = errors->len;
	const char *part = luaL_checkstring(L, 1), *message;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	if (lua_pcall(L, 0, 0, 0) == LUA_OK)
		lua_pushliteral(L, "");
	else if (sandbox_is_ended(L))
		return lua_error(L);
	message = luaL_tolstring(L, 3, NULL);
	for (; errors->len > before; g_ptr_array_remove_index(errors, before))
		message = lua_pushfstring(L, "%s%s%s", message, *message != '\0' ? "\n" : "",
		                          errors->pdata[before]);
	if (*message == '\0')
		return stage_fail(L, "nothing was refused, wanted an error with '%s'", part);
	if (strstr(message, part) == NULL)
		return stage_fail(L, "refused with '%s', wanted an error with '%s'", message, part);
	return 0;
}

/* -- files --------------------------------------------------------------- */

/* Each test has a folder of its own. */
static const char *folder_of_test(lua_State *L, struct stage *stage)
{
	struct files *files = &stage->files;
	const char *folder;

	if (files->folder == NULL)
		files->folder = g_dir_make_tmp("ppolicyd-test.XXXXXX", NULL);
	if (files->folder == NULL)
		stage_fail(L, "write: no temporary folder can be made: %s", g_strerror(errno));
	files->count += !files->made;
	folder = arena_printf(&stage->scratch, "%s/%u", files->folder, files->count);
	if (!files->made && g_mkdir(folder, 0700) != 0)
		stage_fail(L, "write: %s: %s", folder, g_strerror(errno));
	files->made = true;
	return folder;
}

int fixture_write(lua_State *L)
{
	struct stage *stage = stage_of(L);
	size_t length;
	const char *name = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &length), *path;
	GError *error = NULL;

	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL)
		return stage_fail(L, "write: found '%s', wanted the name of a file without a folder", name);
	path = arena_printf(&stage->scratch, "%s/%s", folder_of_test(L, stage), name);
	if (!g_file_set_contents(path, text, (gssize)length, &error)) {
		lua_pushstring(L, error->message);
		g_error_free(error);
		return stage_fail(L, "write: %s", lua_tostring(L, -1));
	}
	lua_pushstring(L, path);
	return 1;
}

static void remove_folder(const char *path, int depth)
{
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
		g_autofree char *inner = g_build_filename(path, name, NULL);

		if (depth > 0)
			remove_folder(inner, depth - 1);
		else
			g_unlink(inner);
	}
	g_rmdir(path);
}

void fixture_next(struct files *files)
{
	files->made = false;
}

void fixture_remove(struct files *files)
{
	if (files->folder != NULL)
		remove_folder(files->folder, 1);
	g_clear_pointer(&files->folder, g_free);
}
