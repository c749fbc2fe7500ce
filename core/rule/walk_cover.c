/* rule/walk_cover.c - ppolicyd -t: which lines run, and what answers and actions are called there */
#include "rule/walk_cover.h"

#include <ctype.h>
#include <string.h>

#define OBJECTS_MAX 64  /* of one run that are followed */
#define ENTRIES_MAX 100 /* of a table that are looked at */

/* A name that had, within one function, an object made at a place. */
struct held {
	const struct walk_place *place;
	char *name, *file;
	int first, last; /* lines: where the object was first seen, and the function's last one */
	int function;    /* where the function begins */
};

/* The lines of a file that ran. */
struct ran {
	const char *source; /* as Lua has it; for quick comparison only */
	char *file;
	GByteArray *lines; /* 1 = ran */
};

struct walk_cover {
	GPtrArray *files; /* of struct ran */
	GPtrArray *held;  /* of struct held */
	GHashTable *kept; /* places whose objects were put into a table */
	struct {
		const void *object;
		const struct walk_place *place;
	} object[OBJECTS_MAX]; /* of this run */
	unsigned objects;
	bool looking; /* at this run */
	int last_line;
};

static void free_held(void *data)
{
	struct held *held = data;

	g_free(held->name);
	g_free(held->file);
	g_free(held);
}

static void free_ran(void *data)
{
	struct ran *ran = data;

	g_free(ran->file);
	g_byte_array_unref(ran->lines);
	g_free(ran);
}

struct walk_cover *walk_cover_new(void)
{
	struct walk_cover *cover = g_new0(struct walk_cover, 1);

	cover->files = g_ptr_array_new_with_free_func(free_ran);
	cover->held = g_ptr_array_new_with_free_func(free_held);
	cover->kept = g_hash_table_new(NULL, NULL);
	return cover;
}

void walk_cover_free(struct walk_cover *cover)
{
	if (cover == NULL)
		return;
	g_ptr_array_unref(cover->files);
	g_ptr_array_unref(cover->held);
	g_hash_table_unref(cover->kept);
	g_free(cover);
}

/* -- looking on ---------------------------------------------------------- */

static const char *file_of(const lua_Debug *debug)
{
	return debug->source + (*debug->source == '@');
}

static struct ran *ran_of(const struct walk_cover *cover, const char *file)
{
	for (guint i = 0; i < cover->files->len; i++)
		if (strcmp(((struct ran *)cover->files->pdata[i])->file, file) == 0)
			return cover->files->pdata[i];
	return NULL;
}

static void add_line(struct walk_cover *cover, const lua_Debug *debug)
{
	guint line = (guint)MAX(debug->currentline, 0);
	struct ran *ran = NULL;

	for (guint i = 0; i < cover->files->len && ran == NULL; i++)
		if (((struct ran *)cover->files->pdata[i])->source == debug->source)
			ran = cover->files->pdata[i];
	if (ran == NULL)
		ran = ran_of(cover, file_of(debug));
	if (ran == NULL) {
		ran = g_new0(struct ran, 1);
		ran->file = g_strdup(file_of(debug));
		ran->lines = g_byte_array_new();
		g_ptr_array_add(cover->files, ran);
	}
	ran->source = debug->source;
	while (ran->lines->len <= line)
		g_byte_array_append(ran->lines, (const guint8 *)"", 1);
	ran->lines->data[line] = 1;
}

static void add_held(struct walk_cover *cover, const struct walk_place *place, const char *name,
                     const lua_Debug *debug)
{
	struct held *held;

	for (guint i = 0; i < cover->held->len; i++) {
		held = cover->held->pdata[i];
		if (held->place == place && held->function == debug->linedefined &&
		    strcmp(held->name, name) == 0 && strcmp(held->file, file_of(debug)) == 0) {
			held->first = MIN(held->first, debug->currentline);
			return;
		}
	}
	held = g_new0(struct held, 1);
	*held = (struct held){ .place = place,
		               .name = g_strdup(name),
		               .file = g_strdup(file_of(debug)),
		               .first = debug->currentline,
		               .last = debug->lastlinedefined,
		               .function = debug->linedefined };
	g_ptr_array_add(cover->held, held);
}

static const struct walk_place *place_of(const struct walk_cover *cover, lua_State *L, int index)
{
	const void *object = lua_touserdata(L, index);

	for (unsigned i = 0; object != NULL && i < cover->objects; i++)
		if (cover->object[i].object == object)
			return cover->object[i].place;
	return NULL;
}

/* The value on top of the stack goes by this name. Pops it. */
static void look_at(struct walk_cover *cover, lua_State *L, const char *name, const lua_Debug *debug)
{
	const struct walk_place *place = place_of(cover, L, -1);

	if (place != NULL)
		add_held(cover, place, name, debug);
	if (lua_istable(L, -1)) {
		lua_pushnil(L);
		for (int i = 0; lua_next(L, -2) != 0; i++) {
			place = place_of(cover, L, -1);
			if (place != NULL)
				g_hash_table_add(cover->kept, (void *)place);
			lua_pop(L, i < ENTRIES_MAX ? 1 : 2);
			if (i == ENTRIES_MAX)
				break;
		}
	}
	lua_pop(L, 1);
}

/* The hook, in the place of the sandbox's that counts instructions. */
static void look_on(lua_State *L, lua_Debug *debug)
{
	struct walk_cover *cover = ((struct walker *)program_of(L)->hooks)->cover;
	const char *name;

	if (debug->event == LUA_HOOKCOUNT)
		sandbox_abort(L, "too many instructions");
	lua_getinfo(L, "Sl", debug);
	cover->last_line = debug->currentline;
	add_line(cover, debug);
	if (cover->objects == 0 || !lua_checkstack(L, 8))
		return;
	lua_getinfo(L, "f", debug);
	for (int i = 1; (name = lua_getupvalue(L, -1, i)) != NULL; i++)
		look_at(cover, L, name, debug);
	lua_pop(L, 1);
	for (int i = 1; (name = lua_getlocal(L, debug, i)) != NULL; i++)
		look_at(cover, L, name, debug);
}

void walk_cover_watch(struct walk_cover *cover, lua_State *L, const void *object,
                      const struct walk_place *place)
{
	if (!cover->looking) {
		lua_sethook(L, look_on, LUA_MASKLINE | LUA_MASKCOUNT, WALK_INSTRUCTIONS_MAX);
		cover->last_line = program_line(L);
		cover->looking = true;
	}
	if (place == NULL || place->used || cover->objects == OBJECTS_MAX)
		return;
	cover->object[cover->objects].object = object;
	cover->object[cover->objects++].place = place;
}

void walk_cover_end(struct walk_cover *cover)
{
	cover->objects = 0;
	cover->looking = false;
}

int walk_cover_last_line(const struct walk_cover *cover)
{
	return cover->last_line;
}

/* -- judging ------------------------------------------------------------- */

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* True if the name stands in the code of a line, but not as the name of a field. */
static bool mentions(const char *line, size_t length, const char *name)
{
	g_autofree char *code = g_strndup(line, length);
	size_t size = strlen(name);
	char *comment = strstr(code, "--");

	if (comment != NULL)
		*comment = '\0';
	for (const char *at = code; (at = strstr(at, name)) != NULL; at++)
		if (!is_word_char(at[size]) &&
		    (at == code || (!is_word_char(at[-1]) && at[-1] != '.' && at[-1] != ':')))
			return true;
	return false;
}

static const struct plan_source *source_of(const struct plan *plan, const char *file)
{
	for (guint i = 0; i < plan->sources->len; i++) {
		const struct plan_source *source = plan->sources->pdata[i];

		if (strcmp(source->path, file) == 0)
			return source;
	}
	return NULL;
}

static bool stands_where_nothing_ran(const struct walk_cover *cover, const struct plan *plan,
                                     const struct held *held)
{
	const struct plan_source *source = source_of(plan, held->file);
	const struct ran *ran = ran_of(cover, held->file);
	const char *at = source != NULL && ran != NULL ? source->bytes : "";

	for (guint line = 1; *at != '\0' && line <= (guint)held->last; line++) {
		bool has_run = line < ran->lines->len && ran->lines->data[line] != 0;
		size_t length = strcspn(at, "\n");

		if (line >= (guint)held->first && !has_run && mentions(at, length, held->name))
			return true;
		at += length + (at[length] == '\n');
	}
	return false;
}

bool walk_cover_excuses(const struct walk_cover *cover, const struct plan *plan,
                        const struct walk_place *place)
{
	if (g_hash_table_contains(cover->kept, place))
		return true;
	for (guint i = 0; i < cover->held->len; i++) {
		const struct held *held = cover->held->pdata[i];

		if (held->place == place && stands_where_nothing_ran(cover, plan, held))
			return true;
	}
	return false;
}
