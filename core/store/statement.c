/* store/statement.c - the folders of statements and migrations, and statements as a driver wants them */
#include "store/statement.h"
#include <errno.h>
#include <glib.h>
#include <string.h>
#include "store/statement_parse.h"

enum { MIGRATION_DIGITS = 3 };

bool statement_is_identifier(const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);

	if (length == 0 || length > 64 || g_ascii_isdigit(*text))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && text[i] != '_')
			return false;
	return true;
}

/* -- sets -------------------------------------------------------------------- */

static struct statement_set *set_new(const char *name, const char *table)
{
	struct statement_set *set = g_new0(struct statement_set, 1);

	set->refs = 1;
	arena_init(&set->arena);
	set->name = arena_strdup(&set->arena, name);
	set->table = arena_strdup(&set->arena, table);
	return set;
}

struct statement_set *statement_set_ref(struct statement_set *set)
{
	g_atomic_int_inc(&set->refs);
	return set;
}

void statement_set_unref(struct statement_set *set)
{
	if (set == NULL || !g_atomic_int_dec_and_test(&set->refs))
		return;
	arena_free(&set->arena);
	g_free(set);
}

const struct statement *statement_find(const struct statement_set *set, const char *name)
{
	for (unsigned i = 0; i < set->statement_count; i++)
		if (strcmp(set->statements[i]->name, name) == 0)
			return set->statements[i];
	return NULL;
}

struct statement_set *statement_set_of_query(const char *sql, char **error)
{
	struct statement_set *set = set_new("query", "query");
	struct statement *statement = arena_new0(&set->arena, struct statement);
	const struct statement **statements = arena_new0(&set->arena, const struct statement *);
	struct statement_source source = { STATEMENT_QUERY, "query", sql, strlen(sql), "", true };

	statement->set = set;
	statement->name = set->name;
	statements[0] = statement;
	set->statements = statements;
	set->statement_count = 1;
	if (statement_parse(statement, &set->arena, &source, error))
		return set;
	statement_set_unref(set);
	return NULL;
}

/* -- folders ----------------------------------------------------------------- */

/* What is being read. */
struct reading {
	struct statement_set *set;
	bool alone; /* a file has one statement */
	char *folder;
	GPtrArray *files;      /* their names, sorted */
	GArray *migrations;    /* struct migration */
	GPtrArray *statements; /* struct statement, in the arena */
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_files(struct reading *reading, GDir *dir, char **error)
{
	const char *file;

	/* Hidden files and what editors leave behind are not ours. */
	while ((file = g_dir_read_name(dir)) != NULL)
		if (*file != '.' && g_str_has_suffix(file, ".sql"))
			g_ptr_array_add(reading->files, g_strdup(file));
	g_ptr_array_sort(reading->files, compare_names);
	if (reading->files->len == 0)
		*error = g_strdup_printf("%s: no .sql file lies here", reading->folder);
	return reading->files->len > 0;
}

static bool find_files(struct reading *reading, const char *const *folders, const char *driver, char **error)
{
	g_autofree char *all = g_strjoinv(", ", (char **)folders);

	for (; *folders != NULL; folders++) {
		g_autoptr(GError) trouble = NULL;
		g_autoptr(GDir) dir = NULL;

		g_free(reading->folder);
		reading->folder = g_build_filename(*folders, driver, reading->set->name, NULL);
		dir = g_dir_open(reading->folder, 0, &trouble);
		reading->set->home = arena_strdup(&reading->set->arena, *folders);
		if (dir != NULL)
			return list_files(reading, dir, error);
		if (!g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
			*error = g_strdup(trouble->message);
			return false;
		}
	}
	*error = g_strdup_printf("there is no folder %s/%s with SQL files in %s", driver, reading->set->name,
	                         all);
	return false;
}

/* The number of a migration's name, 0 if it is not one. */
static int migration_number(const char *file)
{
	int number = 0;

	for (int i = 0; i < MIGRATION_DIGITS; i++) {
		if (!g_ascii_isdigit(file[i]))
			return 0;
		number = number * 10 + (file[i] - '0');
	}
	return file[MIGRATION_DIGITS] == '_' ? number : 0;
}

static bool read_migration(struct reading *reading, const char *file, const struct statement_source *source,
                           char **error)
{
	struct arena *arena = &reading->set->arena;
	struct migration migration = { .version = migration_number(file), .file = arena_strdup(arena, file) };
	int wanted = (int)reading->migrations->len + 1;
	const char *last = wanted == 1
	                           ? ""
	                           : g_array_index(reading->migrations, struct migration, wanted - 2).file;

	if (migration.version == 0)
		*error = g_strdup_printf("%s: a migration is named 001_what_it_does.sql, from 001 on",
		                         source->file);
	else if (migration.version < wanted)
		*error = g_strdup_printf("%s: %s has the same number", source->file, last);
	else if (migration.version > wanted)
		*error = g_strdup_printf("%s: there is no migration %03d before it", source->file, wanted);
	else
		migration.sql = statement_parse_migration(arena, source, error);
	g_array_append_val(reading->migrations, migration);
	return migration.sql != NULL;
}

static bool read_statement(struct reading *reading, const char *file, const struct statement_source *source,
                           char **error)
{
	struct arena *arena = &reading->set->arena;
	struct statement *statement = arena_new0(arena, struct statement);

	statement->set = reading->set;
	statement->name = arena_strndup(arena, file, strlen(file) - strlen(".sql"));
	statement->index = reading->statements->len;
	g_ptr_array_add(reading->statements, statement);
	if (statement_is_identifier(statement->name))
		return statement_parse(statement, arena, source, error);
	*error = g_strdup_printf("%s: a statement's name has letters, digits and '_', at most 64",
	                         source->file);
	return false;
}

static bool read_file(struct reading *reading, const char *file, char **error)
{
	g_autofree char *path = g_build_filename(reading->folder, file, NULL), *sql = NULL;
	struct statement_source source = { .file = path,
		                           .table = reading->set->table,
		                           .alone = reading->alone };
	g_autoptr(GError) trouble = NULL;

	if (!g_file_get_contents(path, &sql, &source.length, &trouble)) {
		*error = g_strdup(trouble->message);
		return false;
	}
	source.sql = sql;
	if (g_ascii_isdigit(*file))
		return read_migration(reading, file, &source, error);
	return read_statement(reading, file, &source, error);
}

static void fill(struct reading *reading)
{
	struct statement_set *set = reading->set;
	size_t migrations = reading->migrations->len * sizeof(struct migration);
	size_t statements = reading->statements->len * sizeof(struct statement *);

	set->migration_count = reading->migrations->len;
	set->statement_count = reading->statements->len;
	if (migrations > 0)
		set->migrations = memcpy(arena_alloc(&set->arena, migrations), reading->migrations->data,
		                         migrations);
	if (statements > 0)
		set->statements = memcpy(arena_alloc(&set->arena, statements), reading->statements->pdata,
		                         statements);
}

static bool read_all(struct reading *reading, const char *const *folders, const char *driver, char **error)
{
	if (!find_files(reading, folders, driver, error))
		return false;
	for (guint i = 0; i < reading->files->len; i++)
		if (!read_file(reading, g_ptr_array_index(reading->files, i), error))
			return false;
	fill(reading);
	return true;
}

struct statement_set *statement_set_load(const char *const *folders, const char *driver, const char *name,
                                         const char *table, char **error)
{
	struct reading reading = { .set = NULL };
	bool good;

	*error = NULL;
	table = table == NULL ? name : table;
	if (!statement_is_identifier(name) || !statement_is_identifier(driver) ||
	    !statement_is_identifier(table)) {
		*error = g_strdup_printf(
		        "'%s' cannot name SQL files or a table: letters, digits and '_', not first a "
		        "digit, at most 64",
		        !statement_is_identifier(table) ? table : name);
		return NULL;
	}
	reading.set = set_new(name, table);
	reading.alone = strcmp(driver, "sqlite") == 0;
	reading.files = g_ptr_array_new_with_free_func(g_free);
	reading.migrations = g_array_new(FALSE, FALSE, sizeof(struct migration));
	reading.statements = g_ptr_array_new();
	good = read_all(&reading, folders, driver, error);
	g_ptr_array_unref(reading.files);
	g_array_unref(reading.migrations);
	g_ptr_array_unref(reading.statements);
	g_free(reading.folder);
	if (!good)
		g_clear_pointer(&reading.set, statement_set_unref);
	return reading.set;
}

/* -- rendering --------------------------------------------------------------- */

unsigned statement_rows(unsigned left, bool finely)
{
	unsigned rows = STATEMENT_ROWS_MAX;

	while (rows > left)
		rows /= 2;
	if (finely && rows >= 2 && rows + rows / 2 <= MIN(left, STATEMENT_ROWS_MAX))
		rows += rows / 2;
	return rows;
}

struct render {
	GString *sql;
	unsigned *places, count;
};

static void render_pieces(struct render *render, const struct statement_text *text, unsigned first,
                          unsigned end, unsigned base)
{
	for (unsigned i = first; i < end; i++) {
		const struct statement_piece *piece = &text->pieces[i];

		if (piece->sql != NULL) {
			g_string_append(render->sql, piece->sql);
			continue;
		}
		g_string_append_c(render->sql, '?');
		render->places[render->count++] = base + piece->arg;
	}
}

char *statement_render(const struct statement *statement, enum statement_part part, unsigned rows,
                       unsigned **places, unsigned *place_count)
{
	const struct statement_text *text = part == STATEMENT_RESULT ? statement->result : statement->text;
	struct render render = { .sql = g_string_new(NULL) };

	g_assert(rows == 1 || (rows > 1 && rows <= STATEMENT_ROWS_MAX && statement->key_count > 0));
	render.places = g_new(unsigned, (gsize)text->place_count *rows);
	render_pieces(&render, text, 0, text->row_first, 0);
	for (unsigned row = 0; row < rows && text->row_end > text->row_first; row++) {
		if (row > 0)
			g_string_append(render.sql, text->between);
		render_pieces(&render, text, text->row_first, text->row_end, row * statement->arg_count);
	}
	render_pieces(&render, text, text->row_end, text->piece_count, 0);
	if (part == STATEMENT_RETURNING)
		g_string_append_printf(render.sql, " RETURNING %s", statement->returning);
	*places = render.places;
	*place_count = render.count;
	return g_string_free(render.sql, FALSE);
}
