/* rule/walk_cover.c - ppolicyd -t: what answers and actions are called while a rule runs */
#include "rule/walk_cover.h"

#include <limits.h>
#include <string.h>
#include "rule/run.h"
#include "rule/walk_uses.h"

#define OBJECTS_MAX 64  /* of one run that are followed */
#define ENTRIES_MAX 100 /* of a table that are looked at */
#define CLOSELY 32      /* instructions that are looked at one by one once an object is made */

/* A name that had, within one function, an object made at a place. */
struct held {
	const struct walk_place *place;
	char *name, *file;
	int first, last; /* lines: where the object was first seen, and the function's last one */
	int function;    /* where the function begins; 0 = any */
};

struct walk_cover {
	GPtrArray *held;  /* of struct held */
	GHashTable *seen; /* places that were watched */
	GHashTable *kept; /* places whose objects were put into a table, or are too many */
	struct {
		const void *object;
		const struct walk_place *place;
	} object[OBJECTS_MAX]; /* of this run */
	unsigned objects;
	bool looking; /* at this run */
	unsigned closely;
	char *last_file;
	int last_line;
};

static void free_held(void *data)
{
	struct held *held = data;

	g_free(held->name);
	g_free(held->file);
	g_free(held);
}

struct walk_cover *walk_cover_new(void)
{
	struct walk_cover *cover = g_new0(struct walk_cover, 1);

	cover->held = g_ptr_array_new_with_free_func(free_held);
	cover->seen = g_hash_table_new(NULL, NULL);
	cover->kept = g_hash_table_new(NULL, NULL);
	return cover;
}

void walk_cover_free(struct walk_cover *cover)
{
	if (cover == NULL)
		return;
	g_ptr_array_unref(cover->held);
	g_hash_table_unref(cover->seen);
	g_hash_table_unref(cover->kept);
	g_free(cover->last_file);
	g_free(cover);
}

/* -- looking on ---------------------------------------------------------- */

static const char *file_of(const lua_Debug *debug)
{
	return debug->source + (*debug->source == '@');
}

static void note_line(struct walk_cover *cover, const lua_Debug *debug)
{
	if (cover->last_file == NULL || strcmp(cover->last_file, file_of(debug)) != 0) {
		g_free(cover->last_file);
		cover->last_file = g_strdup(file_of(debug));
	}
	cover->last_line = debug->currentline;
}

/* Others than the function may have an upvalue too. */
static void add_held(struct walk_cover *cover, const struct walk_place *place, const char *name,
                     const lua_Debug *debug, bool upvalue)
{
	int first = upvalue ? 1 : debug->currentline, function = upvalue ? 0 : debug->linedefined;
	struct held *held;

	for (guint i = 0; i < cover->held->len; i++) {
		held = cover->held->pdata[i];
		if (held->place == place && held->function == function && strcmp(held->name, name) == 0 &&
		    strcmp(held->file, file_of(debug)) == 0) {
			held->first = MIN(held->first, first);
			return;
		}
	}
	held = g_new0(struct held, 1);
	*held = (struct held){ .place = place,
		               .name = g_strdup(name),
		               .file = g_strdup(file_of(debug)),
		               .first = first,
		               .last = upvalue ? INT_MAX : debug->lastlinedefined,
		               .function = function };
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
static void look_at(struct walk_cover *cover, lua_State *L, const char *name, const lua_Debug *debug,
                    bool upvalue)
{
	const struct walk_place *place = place_of(cover, L, -1);

	if (place != NULL)
		add_held(cover, place, name, debug, upvalue);
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

static void look_on(lua_State *L, lua_Debug *debug);

/* At each line, and at each instruction where the object may get its first name. */
static void look_closely(struct walk_cover *cover, lua_State *L, unsigned instructions)
{
	cover->looking = true;
	cover->closely = instructions;
	lua_sethook(L, look_on, LUA_MASKLINE | LUA_MASKCOUNT, instructions > 0 ? 1 : WALK_INSTRUCTIONS_MAX);
}

/* The hook, in the place of the sandbox's that counts instructions. */
static void look_on(lua_State *L, lua_Debug *debug)
{
	struct walk_cover *cover = ((struct walker *)program_of(L)->hooks)->cover;
	const char *name;

	if (debug->event == LUA_HOOKCOUNT && cover->closely == 0)
		sandbox_abort(L, "too many instructions");
	if (debug->event == LUA_HOOKCOUNT && --cover->closely == 0)
		look_closely(cover, L, 0);
	lua_getinfo(L, "Sl", debug);
	note_line(cover, debug);
	if (cover->objects == 0 || !lua_checkstack(L, 8))
		return;
	lua_getinfo(L, "f", debug);
	for (int i = 1; (name = lua_getupvalue(L, -1, i)) != NULL; i++)
		look_at(cover, L, name, debug, true);
	lua_pop(L, 1);
	for (int i = 1; (name = lua_getlocal(L, debug, i)) != NULL; i++)
		look_at(cover, L, name, debug, false);
	for (int i = -1; lua_getlocal(L, debug, i) != NULL; i--)
		look_at(cover, L, "...", debug, false);
}

void walk_cover_begin(struct walk_cover *cover, struct program *program)
{
	if (program->spare != NULL)
		look_closely(cover, program->spare->thread, 0);
}

void walk_cover_watch(struct walk_cover *cover, lua_State *L, const void *object,
                      const struct walk_place *place)
{
	if (!cover->looking) {
		look_closely(cover, L, 0);
		cover->last_line = program_line(L);
	}
	if (place == NULL)
		return;
	g_hash_table_add(cover->seen, (void *)place);
	if (place->used)
		return;
	if (cover->objects == OBJECTS_MAX) {
		g_hash_table_add(cover->kept, (void *)place);
		return;
	}
	cover->object[cover->objects].object = object;
	cover->object[cover->objects++].place = place;
	look_closely(cover, L, CLOSELY);
}

void walk_cover_end(struct walk_cover *cover)
{
	cover->objects = 0;
	cover->looking = false;
}

int walk_cover_last_line(const struct walk_cover *cover, const char **file)
{
	*file = cover->last_file;
	return cover->last_line;
}

/* -- judging ------------------------------------------------------------- */

bool walk_cover_excuses(const struct walk_cover *cover, const struct plan *plan,
                        const struct walk_place *place)
{
	if (g_hash_table_contains(cover->kept, place) || !g_hash_table_contains(cover->seen, place))
		return true;
	for (guint i = 0; i < cover->held->len; i++) {
		const struct held *held = cover->held->pdata[i];
		const struct plan_source *source = held->place == place ? plan_source(plan, held->file)
		                                                        : NULL;

		if (source != NULL && walk_uses(source, held->name, held->first, held->last))
			return true;
	}
	return false;
}
