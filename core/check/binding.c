/* check/binding.c - the stores that a check uses, and its module's statements there */
#include "check/binding.h"

#include <string.h>
#include "base/text.h"
#include "check/dns_now.h"
#include "store/lexer.h"

/* -- whose turn it is ---------------------------------------------------- */

static _Thread_local struct check *current; /* in its open(), upkeep(), close() or a command */
static struct check *making;                /* in its validate(); main thread only */
static const struct check_stores *available;

void check_enter(struct check *check)
{
	current = check;
}

void check_leave(void)
{
	dns_now_forget();
	current = NULL;
}

struct check *check_current(void)
{
	return current;
}

pp_msec_t pp_time_limit(void)
{
	pp_msec_t deadline = available != NULL ? available->deadline : 0;

	if (making == NULL || (deadline > 0 && deadline < making->timeout))
		return deadline;
	return making->timeout;
}

bool pp_read_rows(pp_error_t *error, const char *where, const pp_row_t *rows, const pp_value_t *values,
                  void *structure)
{
	struct pp_error inner = *error;
	g_autofree char *place = g_strconcat(error->where != NULL ? error->where : "",
	                                     error->where != NULL ? ": " : "", where, NULL);

	inner.where = place;
	inner.noun = "setting";
	return param_read(rows, values, NULL, &making->arena, structure, &inner);
}

/* -- stores -------------------------------------------------------------- */

void binding_begin(struct check *check, const struct check_stores *stores)
{
	making = check;
	available = stores;
}

void binding_end(void)
{
	making = NULL;
	available = NULL;
}

static struct store *find_store(const struct check_stores *stores, const char *name)
{
	for (unsigned i = 0; stores != NULL && i < stores->count; i++)
		if (strcmp(store_name(stores->items[i]), name) == 0)
			return stores->items[i];
	return NULL;
}

static void use_store(struct check *check, struct store *store)
{
	if (!g_ptr_array_find(check->stores, store, NULL))
		g_ptr_array_add(check->stores, store_ref(store));
}

struct store *binding_use_store(struct check *check, const struct check_stores *stores)
{
	struct store *store = find_store(stores, "store");

	if (store != NULL)
		use_store(check, store);
	return store;
}

static char *no_such_store(const struct check_stores *stores, const char *name)
{
	g_autofree const char **names = g_new0(const char *, stores->count + 1);
	const char *nearest;

	for (unsigned i = 0; i < stores->count; i++)
		names[i] = store_name(stores->items[i]);
	nearest = text_nearest(name, names);
	return g_strdup_printf("no store { name = '%s' }%s%s%s", name,
	                       nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
	                       nearest != NULL ? "'?)" : "");
}

struct store *binding_store(const char *name, char **reason)
{
	static const struct check_stores none;
	struct store *store = find_store(available, name != NULL ? name : "store");

	if (store != NULL && making != NULL)
		use_store(making, store);
	else if (name != NULL)
		*reason = no_such_store(available != NULL ? available : &none, name);
	else
		*reason = g_strdup("there is no store here");
	return store;
}

void check_open_stores(const struct check *check)
{
	for (guint i = 0; i < check->stores->len; i++)
		store_open(check->stores->pdata[i]);
}

bool check_uses_only(const struct check *check, const struct check_stores *stores)
{
	for (guint i = 0; i < check->stores->len; i++)
		if (find_store(stores, store_name(check->stores->pdata[i])) != check->stores->pdata[i])
			return false;
	return true;
}

/* -- statements ---------------------------------------------------------- */

/* As modules, SQL is read once in the life of the process: statements of one name and
 * table are the same ones in every check and after every reload. */
static struct statement_set *load_set(const struct module *module, const char *driver, const char *table,
                                      char **reason)
{
	static GHashTable *loaded;
	const char *name = module->desc->name;
	const char *const beside[] = { module->sql, PP_SQL_FOLDER, NULL }, *const *folders = beside;
	g_autofree char *key = g_strdup_printf("%s\n%s\n%s\n%s", driver, name, table,
	                                       module->sql != NULL ? module->sql : "");
	struct statement_set *set;

	if (loaded == NULL)
		loaded = g_hash_table_new(g_str_hash, g_str_equal);
	set = g_hash_table_lookup(loaded, key);
	if (set != NULL)
		return set;
	set = statement_set_load(module->sql != NULL ? folders : folders + 1, driver, name, table, reason);
	if (set != NULL)
		g_hash_table_insert(loaded, g_steal_pointer(&key), set);
	return set;
}

/* Where its author can be told already: a result's column stands in the SQL by its name. */
static bool names_column(const struct statement *statement, const char *column)
{
	g_autofree unsigned *places = NULL;
	enum statement_part part = statement->result != NULL ? STATEMENT_RESULT : STATEMENT_TEXT;
	unsigned count;
	g_autofree char *sql = statement_render(statement, part, 1, &places, &count);
	struct lexer reader;
	struct lexer_token token;
	bool named = false, in_call = false;

	lexer_init(&reader, g_strdelimit(sql, "?", ' ')); /* the arguments' places */
	while (!named && (token = lexer_next(&reader)).kind != LEXER_END && token.kind != LEXER_WRONG) {
		if (token.kind == LEXER_BLANK || token.kind == LEXER_COMMENT)
			continue;
		if (token.kind == LEXER_QUOTED)
			named = strncmp(token.text + 1, column, token.length - 2) == 0 &&
			        column[token.length - 2] == '\0';
		named |= lexer_is_word(&token, column) || (lexer_is_sign(&token, '*') && !in_call);
		in_call = lexer_is_sign(&token, '(');
	}
	return named;
}

static bool bind_args(struct check *check, struct check_statement *bound, struct pp_error *error)
{
	const struct statement *statement = bound->statement;
	bool good = true;

	bound->args = arena_alloc0(&check->arena, (statement->arg_count + 1) * sizeof(*bound->args));
	for (unsigned i = 0; i < statement->arg_count; i++) {
		bound->args[i] = bound->declared->args != NULL
		                         ? param_find(bound->declared->args, statement->args[i])
		                         : NULL;
		if (bound->args[i] != NULL)
			continue;
		param_fail(error, 0, "statement %s: its SQL has :%s, but the module has no such argument",
		           statement->name, statement->args[i]);
		good = false;
	}
	return good;
}

static bool bind_columns(struct check *check, struct check_statement *bound, struct pp_error *error)
{
	const pp_statement_t *declared = bound->declared;
	bool good = true;

	if (declared->columns == NULL)
		return true;
	bound->defaults = arena_alloc0(&check->arena, declared->columns_size + 1);
	param_defaults(declared->columns, &check->arena, bound->defaults, error);
	for (const pp_row_t *row = declared->columns; row->name != NULL; row++) {
		bound->column_count++;
		if (names_column(bound->statement, row->name))
			continue;
		param_fail(error, 0,
		           "statement %s: the module wants column '%s', which its SQL does not give",
		           declared->name, row->name);
		good = false;
	}
	return good;
}

static bool bind_all(struct check *check, const struct statement_set *set, struct pp_error *error)
{
	const pp_statement_t *declared = check->module->desc->statements;
	struct check_statement *bound;
	unsigned count = 0;
	bool good = true;

	while (declared[count].name != NULL)
		count++;
	bound = arena_alloc0(&check->arena, (count + 1) * sizeof(*bound));
	check->statements = bound;
	for (; declared->name != NULL; declared++, bound++) {
		bound->declared = declared;
		bound->statement = statement_find(set, declared->name);
		if (bound->statement == NULL) {
			param_fail(error, 0, "there is no file %s.sql with the statement of that name",
			           declared->name);
			good = false;
			continue;
		}
		good &= bind_args(check, bound, error);
		good &= bind_columns(check, bound, error);
	}
	return good;
}

/* NULL: the parameter that names it is not given, so the check uses no statement, or can be no name. */
static const char *table_of(const struct check *check, struct pp_error *error)
{
	const pp_module_t *desc = check->module->desc;
	const pp_row_t *row = desc->table != NULL ? param_find(desc->params, desc->table) : NULL;
	const char *table = row != NULL ? *(const char *const *)((const char *)check->conf + row->offset)
	                                : NULL;

	if (desc->table == NULL)
		return desc->name;
	if (table == NULL || statement_is_identifier(table))
		return table;
	pp_fail(error, desc->table, "found '%s', wanted letters, digits and '_', at most 64, no digit first",
	        table);
	return NULL;
}

void binding_make(struct check *check, const struct check_stores *stores, struct pp_error *error)
{
	const pp_module_t *desc = check->module->desc;
	const char *table = desc->statements != NULL ? table_of(check, error) : NULL;
	g_autofree char *reason = NULL;
	struct statement_set *set;
	struct store *store;

	if (table == NULL || (store = binding_use_store(check, stores)) == NULL)
		return;
	set = load_set(check->module, store_driver(store), table, &reason);
	if (set == NULL) {
		param_fail(error, 0, "%s", reason);
		return;
	}
	if (!bind_all(check, set, error))
		return;
	check->store = store;
	store_add(store, set);
}

void binding_free(struct check *check)
{
	for (guint i = 0; i < check->stores->len; i++)
		store_unref(check->stores->pdata[i]);
	g_ptr_array_unref(check->stores);
}

const struct check_statement *binding_find(const struct check *check, const char *name)
{
	const struct check_statement *bound = check->store != NULL ? check->statements : NULL;

	while (bound != NULL && bound->declared != NULL && strcmp(bound->declared->name, name) != 0)
		bound++;
	return bound != NULL && bound->declared != NULL ? bound : NULL;
}
