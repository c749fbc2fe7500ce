/* store/statement_parse.c - what one file of SQL says
 *
 * A file has one SQL statement. For a database without RETURNING there will be a
 * second one, which reads the result of the first: behind the ';' another
 * statement_text begins then (sql/README says how such a file is to look).
 */
#include "store/statement_parse.h"
#include <glib.h>
#include <string.h>
#include "base/text.h"
#include "store/lexer.h"

enum {
	SHOWN_MAX = 40,  /* bytes of a file that a message repeats */
	PLACES_MAX = 127 /* times STATEMENT_ROWS_MAX: what SQLite can bind in one statement */
};

/* Where we are in the parenthesized lists behind VALUES. */
enum list { LIST_NONE, LIST_OPEN, LIST_CLOSED, LIST_COMMA };

struct parser {
	const struct statement_source *source;
	struct arena *arena;
	char *error;
	struct lexer_token last; /* that is neither blank nor comment */
	GString *text;           /* since the last piece */
	GArray *pieces;
	GPtrArray *args;
	char *key; /* what stands behind -- key: */
	unsigned key_line;
	unsigned places, depth; /* depth: of parentheses */
	bool begun, ended, verb_found, writes;

	enum list list;
	bool list_follows;                                /* another one and a comma */
	unsigned list_first, list_depth, list_places;     /* when it was opened */
	unsigned list_line;                               /* of the newest */
	unsigned row_count, row_line, row_first, row_end; /* lists that are rows */
};

static bool fail(struct parser *parser, unsigned line, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool fail(struct parser *parser, unsigned line, const char *format, ...)
{
	const struct statement_source *source = parser->source;
	g_autofree char *sentence = NULL;
	va_list args;

	va_start(args, format);
	sentence = g_strdup_vprintf(format, args);
	va_end(args);
	if (source->origin == STATEMENT_FILE)
		parser->error = g_strdup_printf("%s:%u: %s", source->file, line, sentence);
	else if (strchr(source->sql, '\n') != NULL)
		parser->error = g_strdup_printf("line %u: %s", line, sentence);
	else
		parser->error = g_steal_pointer(&sentence);
	return false;
}

static int shown(const struct lexer_token *token)
{
	return (int)text_cut(token->text, token->length, SHOWN_MAX);
}

static bool is_one_of(const struct lexer_token *token, const char *const *words)
{
	while (*words != NULL && !lexer_is_word(token, *words))
		words++;
	return *words != NULL;
}

/* -- the text ---------------------------------------------------------------- */

/* With {table} replaced by a plain identifier, which does no harm in quotes either. */
static void append(struct parser *parser, const struct lexer_token *token)
{
	static const char mark[] = "{table}";
	const char *sql = token->text, *end = sql + token->length, *found;

	while (parser->source->origin == STATEMENT_FILE &&
	       (found = g_strstr_len(sql, end - sql, mark)) != NULL) {
		g_string_append_len(parser->text, sql, found - sql);
		g_string_append(parser->text, parser->source->table);
		sql = found + strlen(mark);
	}
	g_string_append_len(parser->text, sql, end - sql);
}

static void append_blank(struct parser *parser)
{
	const GString *text = parser->text;

	if (parser->begun && (text->len == 0 || text->str[text->len - 1] != ' '))
		g_string_append_c(parser->text, ' ');
}

static void flush(struct parser *parser)
{
	struct statement_piece piece = { 0 };

	if (parser->text->len == 0)
		return;
	piece.sql = arena_strndup(parser->arena, parser->text->str, parser->text->len);
	g_array_append_val(parser->pieces, piece);
	g_string_truncate(parser->text, 0);
}

static unsigned arg_index(struct parser *parser, const char *name, size_t length)
{
	for (guint i = 0; i < parser->args->len; i++) {
		const char *arg = g_ptr_array_index(parser->args, i);

		if (strlen(arg) == length && memcmp(arg, name, length) == 0)
			return i;
	}
	g_ptr_array_add(parser->args, arena_strndup(parser->arena, name, length));
	return parser->args->len - 1;
}

static bool take_argument(struct parser *parser, const struct lexer_token *token)
{
	struct statement_piece piece = { .line = token->line };

	if (++parser->places > PLACES_MAX)
		return fail(parser, token->line, "a statement has at most %d arguments", PLACES_MAX);
	piece.arg = arg_index(parser, token->text + 1, token->length - 1);
	flush(parser);
	g_array_append_val(parser->pieces, piece);
	return true;
}

static bool take_brace(struct parser *parser, const struct lexer_token *token)
{
	if (parser->source->origin == STATEMENT_QUERY)
		return fail(parser, token->line,
		            "a query of the configuration has no %.*s: name the table itself", shown(token),
		            token->text);
	if (token->length != strlen("{table}") || !g_str_has_prefix(token->text, "{table}"))
		return fail(parser, token->line, "unknown %.*s; there is {table} only", shown(token),
		            token->text);
	append(parser, token);
	return true;
}

/* -- the row ----------------------------------------------------------------- */

static void list_open(struct parser *parser, unsigned line)
{
	flush(parser);
	parser->list_follows = parser->list == LIST_COMMA;
	parser->list = LIST_OPEN;
	parser->list_first = parser->pieces->len;
	parser->list_depth = parser->depth;
	parser->list_places = parser->places;
	parser->list_line = line;
}

/* MySQL has a function VALUES(column) too: a list without arguments is no row unless one stands
 * before it. */
static void list_close(struct parser *parser)
{
	flush(parser);
	parser->list = LIST_CLOSED;
	if (parser->places == parser->list_places && !parser->list_follows)
		return;
	parser->row_count += parser->list_follows && parser->row_count == 0 ? 2 : 1;
	if (parser->row_count <= 2)
		parser->row_line = parser->list_line;
	parser->row_first = parser->list_first;
	parser->row_end = parser->pieces->len;
}

static bool take_sign(struct parser *parser, const struct lexer_token *token)
{
	bool follows = lexer_is_word(&parser->last, "VALUES") || parser->list == LIST_COMMA;

	if (lexer_is_sign(token, '(')) {
		if (parser->list != LIST_OPEN && follows)
			list_open(parser, token->line);
		parser->depth++;
	}
	if (lexer_is_sign(token, ')') && parser->depth == 0)
		return fail(parser, token->line, "a ')' too many");
	append(parser, token);
	if (lexer_is_sign(token, ')') && --parser->depth == parser->list_depth && parser->list == LIST_OPEN)
		list_close(parser);
	else if (parser->list != LIST_OPEN)
		parser->list = lexer_is_sign(token, ',') && parser->list == LIST_CLOSED ? LIST_COMMA
		                                                                        : LIST_NONE;
	return true;
}

/* -- the verb ---------------------------------------------------------------- */

static bool first_word(struct parser *parser, const struct lexer_token *token)
{
	if (lexer_is_word(token, "WITH") || parser->verb_found)
		return true;
	if (parser->source->origin == STATEMENT_QUERY)
		return fail(parser, token->line, "a query begins with SELECT or WITH, not with %.*s",
		            shown(token), token->text);
	return fail(parser, token->line,
	            "a statement begins with SELECT, INSERT, UPDATE, DELETE, REPLACE or WITH, not with %.*s "
	            "(tables are made by migrations: 001_what_it_does.sql)",
	            shown(token), token->text);
}

static bool take_verb(struct parser *parser, const struct lexer_token *token)
{
	static const char *const writing[] = { "INSERT", "UPDATE", "DELETE", "REPLACE", NULL };
	static const char *const never[] = { "INTO", "UPDATE", "DELETE", NULL };
	bool query = parser->source->origin == STATEMENT_QUERY;

	if (!parser->verb_found &&
	    (!parser->begun || (parser->depth == 0 && lexer_is_sign(&parser->last, ')')))) {
		parser->writes = is_one_of(token, writing);
		parser->verb_found = parser->writes || lexer_is_word(token, "SELECT");
	}
	if (query && (parser->writes || is_one_of(token, never)))
		return fail(parser, token->line,
		            "a query only reads: %.*s must not stand in it (as a name: in quotes)",
		            shown(token), token->text);
	return parser->begun || first_word(parser, token);
}

/* -- all of it --------------------------------------------------------------- */

static bool take_comment(struct parser *parser, const struct lexer_token *token)
{
	static const char mark[] = "key:";
	g_autofree char *comment = g_strndup(token->text, token->length);
	const char *text = g_strstrip(comment + strlen("--"));

	append_blank(parser);
	if (*token->text != '-' || !g_str_has_prefix(text, mark))
		return true;
	if (parser->source->origin == STATEMENT_QUERY)
		return fail(parser, token->line, "a query of the configuration has no key");
	if (parser->key != NULL)
		return fail(parser, token->line, "a second key; the first is in line %u", parser->key_line);
	parser->key = g_strdup(text + strlen(mark));
	parser->key_line = token->line;
	return true;
}

static bool take(struct parser *parser, const struct lexer_token *token)
{
	bool good = true;

	if (parser->ended)
		return fail(parser, token->line, "a second statement begins here; %s",
		            parser->source->origin == STATEMENT_QUERY
		                    ? "a query is one SELECT"
		                    : "this version of ppolicyd wants one (a result is asked for with "
		                      "RETURNING)");
	if (lexer_is_sign(token, ';')) {
		parser->ended = true;
		return true;
	}
	if (!take_verb(parser, token))
		return false;
	if (token->kind != LEXER_SIGN && parser->list != LIST_OPEN)
		parser->list = LIST_NONE;
	switch (token->kind) {
	case LEXER_ARGUMENT: good = take_argument(parser, token); break;
	case LEXER_BRACE: good = take_brace(parser, token); break;
	case LEXER_SIGN: good = take_sign(parser, token); break;
	default: append(parser, token);
	}
	parser->begun = true;
	parser->last = *token;
	return good;
}

static bool take_all(struct parser *parser)
{
	struct lexer reader;
	bool good = true;

	lexer_init(&reader, parser->source->sql);
	while (good) {
		struct lexer_token token = lexer_next(&reader);

		switch (token.kind) {
		case LEXER_END: return true;
		case LEXER_WRONG: return fail(parser, token.line, "%s", reader.wrong);
		case LEXER_BLANK: append_blank(parser); break;
		case LEXER_COMMENT: good = take_comment(parser, &token); break;
		default: good = take(parser, &token);
		}
	}
	return false;
}

/* Whether it is text at all; the reader stops at a NUL. */
static bool check_bytes(struct parser *parser)
{
	const struct statement_source *source = parser->source;

	if (strlen(source->sql) != source->length || !text_is_utf8(source->sql, source->length))
		return fail(parser, 1, "this is not text in UTF-8");
	return true;
}

static bool check_whole(struct parser *parser)
{
	if (!parser->begun)
		return fail(parser, 1, "no statement stands here");
	if (parser->depth > 0)
		return fail(parser, parser->last.line, "a '(' is not closed");
	if (!parser->verb_found)
		return fail(parser, parser->last.line,
		            "behind WITH there is no SELECT, INSERT, UPDATE or DELETE");
	return true;
}

static bool check_row(struct parser *parser)
{
	if (parser->row_count == 0)
		return fail(parser, parser->key_line,
		            "a statement with a key wants one row with arguments "
		            "behind VALUES, to be repeated; there is none");
	if (parser->row_count > 1)
		return fail(parser, parser->row_line,
		            "a second row behind VALUES; of a statement with a key the "
		            "one row is repeated");
	for (unsigned i = 0; i < parser->pieces->len; i++) {
		const struct statement_piece *piece = &g_array_index(parser->pieces, struct statement_piece,
		                                                     i);

		if (piece->sql == NULL && (i < parser->row_first || i >= parser->row_end))
			return fail(
			        parser, piece->line,
			        ":%s stands outside of the row behind VALUES; with a key each row has values "
			        "of its own (name it there: WITH asked(%s) AS (VALUES (:%s)) ...)",
			        (const char *)g_ptr_array_index(parser->args, piece->arg),
			        (const char *)g_ptr_array_index(parser->args, piece->arg),
			        (const char *)g_ptr_array_index(parser->args, piece->arg));
	}
	return true;
}

static bool key_fails(struct parser *parser, const char *word)
{
	const char *nearest;

	g_ptr_array_add(parser->args, NULL);
	nearest = text_nearest(word, (const char *const *)parser->args->pdata);
	return fail(parser, parser->key_line, "'%.*s' of the key is no argument of the statement%s%s%s",
	            (int)text_cut(word, strlen(word), SHOWN_MAX), word,
	            nearest == NULL ? "" : " (did you mean '", nearest == NULL ? "" : nearest,
	            nearest == NULL ? "" : "'?)");
}

static bool take_key(struct parser *parser, struct statement *statement)
{
	g_auto(GStrv) words = g_strsplit_set(parser->key, " \t\r", -1);
	unsigned *keys = arena_alloc0(parser->arena, sizeof(*keys) * g_strv_length(words));

	for (char **word = words; *word != NULL; word++) {
		guint index = 0;

		if (**word == '\0')
			continue;
		if (!g_ptr_array_find_with_equal_func(parser->args, *word, g_str_equal, &index))
			return key_fails(parser, *word);
		for (unsigned i = 0; i < statement->key_count; i++)
			if (keys[i] == index)
				return fail(parser, parser->key_line, "'%s' stands twice in the key", *word);
		keys[statement->key_count++] = index;
	}
	if (statement->key_count == 0)
		return fail(parser, parser->key_line, "the key names no argument");
	statement->keys = keys;
	return check_row(parser);
}

static void fill(struct parser *parser, struct statement *statement)
{
	struct statement_text *text = arena_new0(parser->arena, struct statement_text);
	size_t pieces = sizeof(struct statement_piece) * parser->pieces->len;
	size_t args = sizeof(char *) * parser->args->len;

	text->piece_count = parser->pieces->len;
	text->pieces = memcpy(arena_alloc(parser->arena, pieces), parser->pieces->data, pieces);
	text->place_count = parser->places;
	if (statement->key_count > 0) {
		text->row_first = parser->row_first;
		text->row_end = parser->row_end;
	}
	statement->text = text;
	statement->writes = parser->writes;
	statement->arg_count = parser->args->len;
	if (args > 0)
		statement->args = memcpy(arena_alloc(parser->arena, args), parser->args->pdata, args);
}

static bool parse(struct parser *parser, struct statement *statement)
{
	if (!check_bytes(parser) || !take_all(parser) || !check_whole(parser))
		return false;
	g_string_truncate(parser->text, parser->text->len - g_str_has_suffix(parser->text->str, " "));
	flush(parser);
	if (parser->key != NULL && !take_key(parser, statement))
		return false;
	fill(parser, statement);
	return true;
}

static struct parser parser_new(struct arena *arena, const struct statement_source *source)
{
	return (struct parser){
		.source = source,
		.arena = arena,
		.text = g_string_new(NULL),
		.pieces = g_array_new(FALSE, FALSE, sizeof(struct statement_piece)),
		.args = g_ptr_array_new(),
	};
}

static void parser_free(struct parser *parser, char **error)
{
	*error = parser->error;
	g_string_free(parser->text, TRUE);
	g_array_unref(parser->pieces);
	g_ptr_array_unref(parser->args);
	g_free(parser->key);
}

bool statement_parse(struct statement *statement, struct arena *arena, const struct statement_source *source,
                     char **error)
{
	struct parser parser = parser_new(arena, source);
	bool good;

	statement->key_count = 0;
	statement->keys = NULL;
	statement->args = NULL;
	good = parse(&parser, statement);
	parser_free(&parser, error);
	return good;
}

/* -- migrations -------------------------------------------------------------- */

static bool take_script(struct parser *parser, const struct lexer_token *token)
{
	static const char *const never[] = { "BEGIN",  "START",  "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE",
		                             "ATTACH", "DETACH", "PRAGMA", "VACUUM",   "USE",       NULL };

	if (token->kind == LEXER_ARGUMENT)
		return fail(parser, token->line, "a migration has no arguments, such as %.*s", shown(token),
		            token->text);
	if (token->kind == LEXER_BRACE)
		return take_brace(parser, token);
	if ((!parser->begun || lexer_is_sign(&parser->last, ';')) && is_one_of(token, never))
		return fail(parser, token->line,
		            "%.*s does not go into a migration: ppolicyd runs each within a transaction",
		            shown(token), token->text);
	append(parser, token);
	return true;
}

static bool take_scripts(struct parser *parser)
{
	struct lexer reader;
	struct lexer_token token;

	lexer_init(&reader, parser->source->sql);
	while ((token = lexer_next(&reader)).kind != LEXER_END) {
		if (token.kind == LEXER_WRONG)
			return fail(parser, token.line, "%s", reader.wrong);
		if (token.kind == LEXER_BLANK || token.kind == LEXER_COMMENT) {
			append(parser, &token);
			continue;
		}
		if (!take_script(parser, &token))
			return false;
		parser->begun = true;
		parser->last = token;
	}
	return parser->begun || fail(parser, 1, "no statement stands here");
}

const char *statement_parse_migration(struct arena *arena, const struct statement_source *source,
                                      char **error)
{
	struct parser parser = parser_new(arena, source);
	const char *sql = NULL;

	if (check_bytes(&parser) && take_scripts(&parser))
		sql = arena_strndup(arena, parser.text->str, parser.text->len);
	parser_free(&parser, error);
	return sql;
}
