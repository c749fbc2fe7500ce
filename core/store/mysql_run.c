/* store/mysql_run.c - prepared statements of MySQL and MariaDB: arguments in, rows out */
#include "store/mysql.h"

#include <limits.h>
#include <string.h>
#include "base/text.h"

enum { ROOM_FIRST = 128 }; /* bytes of a text */

/* -- prepared statements ------------------------------------------------- */

struct prepared {
	const struct statement *statement; /* may be gone */
	const struct statement_set *set;
	enum statement_part part;
	unsigned rows;
	MYSQL_STMT *handle;
	unsigned *places, place_count; /* which value each ? is */
};

static unsigned prepared_hash(const void *key)
{
	const struct prepared *prepared = key;

	return (g_direct_hash(prepared->statement) * 31 + prepared->rows) * 3 + prepared->part;
}

static int prepared_equal(const void *a, const void *b)
{
	const struct prepared *left = a, *right = b;

	return left->statement == right->statement && left->rows == right->rows && left->part == right->part;
}

static void prepared_free(void *data)
{
	struct prepared *prepared = data;

	if (prepared->handle != NULL)
		mysql_stmt_close(prepared->handle);
	g_free(prepared->places);
	g_free(prepared);
}

GHashTable *mysql_prepared_new(void)
{
	return g_hash_table_new_full(prepared_hash, prepared_equal, prepared_free, NULL);
}

/* What comes while rows are fetched libmariadb notes with the connection only. */
static bool fail(struct database *database, MYSQL_STMT *handle, int64_t since, bool writes,
                 struct database_error *error)
{
	unsigned code = mysql_stmt_errno(handle);

	if (code != 0)
		return mysql_fail(database, code, mysql_stmt_error(handle), since, writes, error);
	return mysql_fail(database, mysql_errno(database->handle), mysql_error(database->handle), since,
	                  writes, error);
}

/* NULL: failed. */
static MYSQL_STMT *prepare_sql(struct database *database, const char *sql, unsigned count,
                               struct database_error *error)
{
	MYSQL_STMT *handle = mysql_stmt_init(database->handle);
	int64_t since = g_get_monotonic_time();

	if (handle == NULL) {
		mysql_refuse(error, DATABASE_LOST, "no memory left to prepare a statement");
		return NULL;
	}
	if (mysql_stmt_prepare(handle, sql, strlen(sql)) != 0)
		fail(database, handle, since, false, error);
	else if (mysql_stmt_param_count(handle) != count)
		mysql_refuse(error, DATABASE_DATA, "a ? in it is no argument");
	else
		return handle;
	mysql_stmt_close(handle);
	return NULL;
}

/* Found or made; NULL: failed. */
static struct prepared *prepare(struct database *database, const struct statement *statement,
                                enum statement_part part, unsigned rows, struct database_error *error)
{
	struct prepared key = { .statement = statement, .part = part, .rows = rows };
	struct prepared *prepared = g_hash_table_lookup(database->prepared, &key);
	g_autofree char *sql = NULL;

	if (prepared != NULL)
		return prepared;
	prepared = g_new0(struct prepared, 1);
	*prepared = key;
	prepared->set = statement->set;
	sql = statement_render(statement, part, rows, &prepared->places, &prepared->place_count);
	prepared->handle = prepare_sql(database, sql, prepared->place_count, error);
	if (prepared->handle != NULL) {
		g_hash_table_add(database->prepared, prepared);
		return prepared;
	}
	prepared_free(prepared);
	return NULL;
}

static int is_of_set(void *key, void *value, void *data)
{
	const struct prepared *prepared = key;

	(void)value;
	return prepared->set == data;
}

void mysql_forget(struct database *database, const struct statement_set *set)
{
	g_hash_table_foreach_remove(database->prepared, is_of_set, (void *)set);
}

/* -- arguments ----------------------------------------------------------- */

/* The server refuses what is not UTF-8, and with it a whole batch; whoever may choose an address would
 * get around greylisting so. */
static void bind_text(struct database *database, MYSQL_BIND *bind, const struct database_value *value)
{
	char *cleaned;

	bind->buffer_type = MYSQL_TYPE_STRING;
	bind->buffer = (void *)value->string;
	bind->buffer_length = value->length;
	if (text_is_utf8(value->string, value->length))
		return;
	cleaned = g_utf8_make_valid(value->string, value->length);
	g_ptr_array_add(database->cleaned, cleaned);
	bind->buffer = cleaned;
	bind->buffer_length = strlen(cleaned);
}

/* The values outlive the run, so they need not be copied. */
static void bind_value(struct database *database, MYSQL_BIND *bind, const struct database_value *value)
{
	memset(bind, 0, sizeof(*bind));
	switch (value->kind) {
	case PP_INTEGER:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = (void *)&value->integer;
		break;
	case PP_REAL:
		bind->buffer_type = MYSQL_TYPE_DOUBLE;
		bind->buffer = (void *)&value->real;
		break;
	case PP_STRING: bind_text(database, bind, value); break;
	default: bind->buffer_type = MYSQL_TYPE_NULL;
	}
}

static bool execute(struct database *database, MYSQL_STMT *handle, const unsigned *places, unsigned count,
                    const struct database_value *values, bool writes, struct database_error *error)
{
	int64_t since = g_get_monotonic_time();

	g_array_set_size(database->binds, count);
	g_ptr_array_set_size(database->cleaned, 0);
	for (unsigned i = 0; i < count; i++)
		bind_value(database, &g_array_index(database->binds, MYSQL_BIND, i),
		           &values[places != NULL ? places[i] : i]);
	if (count > 0 && mysql_stmt_bind_param(handle, (MYSQL_BIND *)database->binds->data) != 0)
		return fail(database, handle, since, writes, error);
	return mysql_stmt_execute(handle) == 0 || fail(database, handle, since, writes, error);
}

/* -- rows ---------------------------------------------------------------- */

/* Of one column of a result. */
struct mysql_column {
	unsigned long length, room; /* of the text */
	mysql_bool is_null, is_wrong;
	char *text;
	int64_t integer;
	double real;
};

struct result {
	unsigned count;
	MYSQL_BIND *binds;
	struct mysql_column *columns;
};

/* Sums of whole numbers are decimals without a fraction. */
static enum enum_field_types kind_of(const MYSQL_FIELD *field)
{
	switch (field->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR: return MYSQL_TYPE_LONGLONG;
	case MYSQL_TYPE_FLOAT:
	case MYSQL_TYPE_DOUBLE: return MYSQL_TYPE_DOUBLE;
	case MYSQL_TYPE_DECIMAL:
	case MYSQL_TYPE_NEWDECIMAL: return field->decimals == 0 ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_DOUBLE;
	default: return MYSQL_TYPE_STRING;
	}
}

static void bind_column(MYSQL_BIND *bind, struct mysql_column *column, const MYSQL_FIELD *field)
{
	bind->buffer_type = kind_of(field);
	bind->length = &column->length;
	bind->is_null = &column->is_null;
	bind->error = &column->is_wrong;
	switch (bind->buffer_type) {
	case MYSQL_TYPE_LONGLONG:
		bind->buffer = &column->integer;
		bind->is_unsigned = (field->flags & UNSIGNED_FLAG) != 0;
		break;
	case MYSQL_TYPE_DOUBLE: bind->buffer = &column->real; break;
	default:
		column->room = ROOM_FIRST;
		column->text = g_malloc(column->room);
		bind->buffer = column->text;
		bind->buffer_length = column->room - 1;
	}
}

static void result_init(struct result *result, const MYSQL_FIELD *fields, unsigned count)
{
	*result = (struct result){ .count = count };
	result->binds = g_new0(MYSQL_BIND, count);
	result->columns = g_new0(struct mysql_column, count);
	for (unsigned i = 0; i < count; i++)
		bind_column(&result->binds[i], &result->columns[i], &fields[i]);
}

static void result_clear(struct result *result)
{
	for (unsigned i = 0; i < result->count; i++)
		g_free(result->columns[i].text);
	g_free(result->columns);
	g_free(result->binds);
}

/* Fetches again what had no room. *grown: there is more room from now on. */
static bool make_room(MYSQL_STMT *handle, struct result *result, bool *grown)
{
	for (unsigned i = 0; i < result->count; i++) {
		struct mysql_column *column = &result->columns[i];

		if (column->text == NULL || column->is_null || column->length < column->room)
			continue;
		column->room = column->length + 1;
		column->text = g_realloc(column->text, column->room);
		result->binds[i].buffer = column->text;
		result->binds[i].buffer_length = column->length;
		*grown = true;
		if (mysql_stmt_fetch_column(handle, &result->binds[i], i, 0) != 0)
			return false;
	}
	return true;
}

static struct database_value value_of(const MYSQL_BIND *bind, struct mysql_column *column)
{
	struct database_value value = { .kind = PP_NIL };

	if (column->is_null)
		return value;
	if (bind->buffer_type == MYSQL_TYPE_LONGLONG) {
		value.kind = PP_INTEGER;
		/* No number of ours is that large. */
		value.integer = bind->is_unsigned && column->integer < 0 ? INT64_MAX : column->integer;
	} else if (bind->buffer_type == MYSQL_TYPE_DOUBLE) {
		value.kind = PP_REAL;
		value.real = column->real;
	} else {
		column->text[column->length] = '\0';
		value.kind = PP_STRING;
		value.string = column->text;
		value.length = (uint32_t)strlen(column->text);
	}
	return value;
}

/* To its end, else nothing else could be asked. */
static bool fetch(struct database *database, MYSQL_STMT *handle, struct result *result, database_row_fn row,
                  void *data)
{
	bool grown = true;
	int code;

	for (;;) {
		if (grown && mysql_stmt_bind_result(handle, result->binds) != 0)
			return false;
		grown = false;
		code = mysql_stmt_fetch(handle);
		if (code != 0 && code != MYSQL_DATA_TRUNCATED)
			return code == MYSQL_NO_DATA;
		if (!make_room(handle, result, &grown))
			return false;
		for (unsigned i = 0; i < result->count; i++)
			database->values[i] = value_of(&result->binds[i], &result->columns[i]);
		if (row != NULL)
			row(database->values, data);
	}
}

/* What a result's columns are called; it lives until the next one. */
static const MYSQL_FIELD *take_names(struct database *database, MYSQL_RES *result, unsigned count)
{
	const MYSQL_FIELD *fields = mysql_fetch_fields(result);

	if (count > database->columns) {
		database->columns = count;
		database->names = g_renew(const char *, database->names, count);
		database->values = g_renew(struct database_value, database->values, count);
	}
	for (unsigned i = 0; i < count; i++)
		database->names[i] = fields[i].name;
	if (database->described != NULL)
		mysql_free_result(database->described);
	database->described = result;
	return fields;
}

/* Where a result goes; each may be NULL. */
struct sink {
	const char *const **columns;
	unsigned *column_count;
	database_row_fn row;
	void *data;
};

/* What was executed: its rows, if it has any. Whoever takes them knows their columns before. */
static bool take_result(struct database *database, MYSQL_STMT *handle, const struct sink *sink, bool writes,
                        struct database_error *error)
{
	MYSQL_RES *described = mysql_stmt_result_metadata(handle);
	unsigned count = described != NULL ? mysql_num_fields(described) : 0;
	int64_t since = g_get_monotonic_time();
	struct result result;
	bool good;

	if (sink->column_count != NULL)
		*sink->column_count = count;
	if (described == NULL)
		return mysql_stmt_errno(handle) == 0 || fail(database, handle, since, writes, error);
	result_init(&result, take_names(database, described, count), count);
	if (sink->columns != NULL)
		*sink->columns = database->names;
	good = fetch(database, handle, &result, sink->row, sink->data) ||
	       fail(database, handle, since, writes, error);
	result_clear(&result);
	mysql_stmt_free_result(handle);
	return good;
}

/* -- running ------------------------------------------------------------- */

struct run {
	const struct statement *statement;
	unsigned rows;
	const struct database_value *values;
	struct sink sink;
};

static bool run_part(struct database *database, const struct run *run, enum statement_part part,
                     const struct sink *sink, struct database_error *error)
{
	bool writes = run->statement->writes;
	struct prepared *prepared = prepare(database, run->statement, part, run->rows, error);

	return prepared != NULL &&
	       execute(database, prepared->handle, prepared->places, prepared->place_count, run->values,
	               writes, error) &&
	       take_result(database, prepared->handle, sink, writes, error);
}

static bool run_pair(struct database *database, const struct run *run, struct database_error *error)
{
	static const struct sink nowhere;

	if (run->statement->returning != NULL && database->has_returning)
		return run_part(database, run, STATEMENT_RETURNING, &run->sink, error);
	if (run->statement->result_first)
		return run_part(database, run, STATEMENT_RESULT, &run->sink, error) &&
		       run_part(database, run, STATEMENT_TEXT, &nowhere, error);
	return run_part(database, run, STATEMENT_TEXT, &nowhere, error) &&
	       run_part(database, run, STATEMENT_RESULT, &run->sink, error);
}

/* Says whose fault it was, where it was that of a statement. Returns false. */
static bool blame(const struct statement *statement, struct database_error *error)
{
	g_autofree char *text = g_strdup(error->text);

	if (error->fault == DATABASE_DATA)
		mysql_refuse(error, DATABASE_DATA, "statement %s: %s", statement->name, text);
	return false;
}

bool mysql_run(struct database *database, const struct statement *statement, unsigned rows,
               const struct database_value *values, const char *const **columns, unsigned *column_count,
               database_row_fn row, void *data, struct database_error *error)
{
	const struct run run = { statement, rows, values, { columns, column_count, row, data } };
	bool good;

	if (database->broken)
		return mysql_refuse(error, DATABASE_LOST, "%s: the connection broke", database->host->shown);
	if (database->read_only && statement->writes)
		return mysql_refuse(error, DATABASE_DATA,
		                    "statement %s: it writes, and this database is only read",
		                    statement->name);
	good = statement->result != NULL ? run_pair(database, &run, error)
	                                 : run_part(database, &run, STATEMENT_TEXT, &run.sink, error);
	database->missing |= !good && database->code == MYSQL_NO_TABLE;
	return good || blame(statement, error);
}

/* -- words of the driver's own -------------------------------------------- */

static void take_number(const struct database_value *values, void *data)
{
	int64_t *number = data;

	if (values[0].kind == PP_INTEGER)
		*number = values[0].integer;
	else if (values[0].kind == PP_REAL)
		*number = (int64_t)values[0].real;
}

bool mysql_once(struct database *database, const char *sql, const struct database_value *values,
                unsigned count, int64_t *number, struct database_error *error)
{
	const struct sink sink = { .row = number != NULL ? take_number : NULL, .data = number };
	MYSQL_STMT *handle = prepare_sql(database, sql, count, error);
	bool good;

	if (handle == NULL)
		return false;
	good = execute(database, handle, NULL, count, values, true, error) &&
	       take_result(database, handle, &sink, true, error);
	mysql_stmt_close(handle);
	return good;
}
