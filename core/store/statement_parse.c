/* store/statement_parse.c - what one file of SQL says
 *
 * A file has one SQL statement, or two: one that writes and a SELECT of what it
 * writes, for a database without RETURNING. Both are read in the same way, each
 * into a half of its own.
 */
#include "store/statement_parser.h"

#include <string.h>
#include "base/text.h"

enum {
	SHOWN_MAX = 40,  /* bytes of a file that a message repeats */
	PLACES_MAX = 127 /* times STATEMENT_ROWS_MAX: what SQLite can bind in one statement */
};

bool parser_fail(struct parser *parser, unsigned line, const char *format, ...)
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

int parser_shown(const struct lexer_token *token)
{
	return (int)text_cut(token->text, token->length, SHOWN_MAX);
}

bool parser_is_one_of(const struct lexer_token *token, const char *const *words)
{
	while (*words != NULL && !lexer_is_word(token, *words))
		words++;
	return *words != NULL;
}

void parser_init(struct parser *parser, struct arena *arena, const struct statement_source *source)
{
	*parser = (struct parser){ .source = source,
		                   .arena = arena,
		                   .text = g_string_new(NULL),
		                   .args = g_ptr_array_new(),
		                   .half = parser->halves };
	for (unsigned i = 0; i < G_N_ELEMENTS(parser->halves); i++) {
		parser->halves[i].pieces = g_array_new(FALSE, FALSE, sizeof(struct statement_piece));
		parser->halves[i].columns = g_string_new(NULL);
	}
}

void parser_clear(struct parser *parser, char **error)
{
	*error = parser->error;
	for (unsigned i = 0; i < G_N_ELEMENTS(parser->halves); i++) {
		g_array_unref(parser->halves[i].pieces);
		g_string_free(parser->halves[i].columns, TRUE);
	}
	g_string_free(parser->text, TRUE);
	g_ptr_array_unref(parser->args);
	g_free(parser->key);
}

/* -- the text ---------------------------------------------------------------- */

/* With {table} replaced by a plain identifier, which does no harm in quotes either. */
static void append_to(GString *text, const struct parser *parser, const struct lexer_token *token)
{
	static const char mark[] = "{table}";
	const char *sql = token->text, *end = sql + token->length, *found;

	while (parser->source->origin == STATEMENT_FILE &&
	       (found = g_strstr_len(sql, end - sql, mark)) != NULL) {
		g_string_append_len(text, sql, found - sql);
		g_string_append(text, parser->source->table);
		sql = found + strlen(mark);
	}
	g_string_append_len(text, sql, end - sql);
}

void parser_append(struct parser *parser, const struct lexer_token *token)
{
	append_to(parser->text, parser, token);
}

static void append_blank(struct parser *parser)
{
	const GString *text = parser->text;

	if (parser->half->begun && (text->len == 0 || text->str[text->len - 1] != ' '))
		g_string_append_c(parser->text, ' ');
	if (parser->half->listing)
		g_string_append_c(parser->half->columns, ' ');
}

static void flush(struct parser *parser)
{
	struct statement_piece piece = { 0 };

	if (parser->text->len == 0)
		return;
	piece.sql = arena_strndup(parser->arena, parser->text->str, parser->text->len);
	g_array_append_val(parser->half->pieces, piece);
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

	if (++parser->half->places > PLACES_MAX)
		return parser_fail(parser, token->line, "a statement has at most %d arguments", PLACES_MAX);
	piece.arg = arg_index(parser, token->text + 1, token->length - 1);
	flush(parser);
	g_array_append_val(parser->half->pieces, piece);
	return true;
}

static bool is_brace(const struct lexer_token *token, const char *text)
{
	return token->length == strlen(text) && g_str_has_prefix(token->text, text);
}

bool parser_take_brace(struct parser *parser, const struct lexer_token *token)
{
	if (parser->source->origin == STATEMENT_QUERY)
		return parser_fail(parser, token->line,
		                   "a query of the configuration has no %.*s: name the table itself",
		                   parser_shown(token), token->text);
	if (!is_brace(token, "{table}"))
		return parser_fail(parser, token->line, "unknown %.*s; there is {table} only",
		                   parser_shown(token), token->text);
	parser_append(parser, token);
	return true;
}

/* -- the row ----------------------------------------------------------------- */

static void list_open(struct parser *parser, unsigned line)
{
	flush(parser);
	parser->list_follows = parser->list == LIST_COMMA;
	parser->list = LIST_OPEN;
	parser->list_first = parser->half->pieces->len;
	parser->list_depth = parser->depth;
	parser->list_places = parser->half->places;
	parser->list_line = line;
	parser->list_united = false;
}

/* MySQL has a function VALUES(column) too: a list without arguments is no row unless one stands
 * before it. */
static void list_close(struct parser *parser)
{
	struct parser_half *half = parser->half;

	flush(parser);
	parser->list = LIST_CLOSED;
	if (half->places == parser->list_places && !parser->list_follows)
		return;
	half->row_count += parser->list_follows && half->row_count == 0 ? 2 : 1;
	if (half->row_count <= 2)
		half->row_line = parser->list_line;
	half->row_first = parser->list_first;
	half->row_end = half->pieces->len;
	half->united = parser->list_united;
}

/* What {each} stands in front of is a row without its parentheses. */
static bool take_each(struct parser *parser, const struct lexer_token *token)
{
	if (!lexer_is_sign(&parser->last, '(') || parser->list == LIST_OPEN)
		return parser_fail(parser, token->line,
		                   "{each} stands behind the ( of a SELECT that is repeated for each row: "
		                   "JOIN ({each} SELECT :id AS id) AS asked");
	list_open(parser, token->line);
	parser->list_united = true;
	parser->list_depth--;
	return true;
}

static bool begins_list(const struct parser *parser)
{
	return lexer_is_word(&parser->last, "VALUES") || parser->list == LIST_COMMA ||
	       (lexer_is_sign(&parser->last, '(') && lexer_is_word(&parser->before, "IN"));
}

static bool take_sign(struct parser *parser, const struct lexer_token *token)
{
	bool closes = lexer_is_sign(token, ')'), ends_list;

	if (lexer_is_sign(token, '(')) {
		if (parser->list != LIST_OPEN && begins_list(parser))
			list_open(parser, token->line);
		parser->depth++;
	}
	if (closes && parser->depth == 0)
		return parser_fail(parser, token->line, "a ')' too many");
	parser->depth -= closes;
	ends_list = closes && parser->list == LIST_OPEN && parser->depth == parser->list_depth;
	if (ends_list && parser->list_united)
		list_close(parser);
	parser_append(parser, token);
	if (ends_list && !parser->list_united)
		list_close(parser);
	else if (ends_list || parser->list != LIST_OPEN)
		parser->list = lexer_is_sign(token, ',') && parser->list == LIST_CLOSED ? LIST_COMMA
		                                                                        : LIST_NONE;
	return true;
}

/* -- the verb ---------------------------------------------------------------- */

static bool first_word(struct parser *parser, const struct lexer_token *token)
{
	if (lexer_is_word(token, "WITH") || parser->half->verb_found)
		return true;
	if (parser->source->origin == STATEMENT_QUERY)
		return parser_fail(parser, token->line, "a query begins with SELECT or WITH, not with %.*s",
		                   parser_shown(token), token->text);
	return parser_fail(
	        parser, token->line,
	        "a statement begins with SELECT, INSERT, UPDATE, DELETE, REPLACE or WITH, not with %.*s "
	        "(tables are made by migrations: 001_what_it_does.sql)",
	        parser_shown(token), token->text);
}

static bool take_verb(struct parser *parser, const struct lexer_token *token)
{
	static const char *const writing[] = { "INSERT", "UPDATE", "DELETE", "REPLACE", NULL };
	static const char *const never[] = { "INTO", "UPDATE", "DELETE", NULL };
	bool query = parser->source->origin == STATEMENT_QUERY;

	if (!parser->half->verb_found &&
	    (!parser->half->begun || (parser->depth == 0 && lexer_is_sign(&parser->last, ')')))) {
		parser->half->writes = parser_is_one_of(token, writing);
		parser->half->updates = lexer_is_word(token, "UPDATE");
		parser->half->verb_found = parser->half->writes || lexer_is_word(token, "SELECT");
	}
	if (query && (parser->half->writes || parser_is_one_of(token, never)))
		return parser_fail(parser, token->line,
		                   "a query only reads: %.*s must not stand in it (as a name: in quotes)",
		                   parser_shown(token), token->text);
	return parser->half->begun || first_word(parser, token);
}

/* What a SELECT lists: up to its FROM. */
static void list_columns(struct parser *parser, const struct lexer_token *token)
{
	static const char *const only_selected[] = { "SELECT", "DISTINCT", "ALL", NULL };
	struct parser_half *half = parser->half;
	bool outside = parser->depth == 0;

	if (half->listing && outside && lexer_is_word(token, "FROM")) {
		half->listing = false;
	} else if (half->listing) {
		half->plain &= token->kind != LEXER_ARGUMENT && !parser_is_one_of(token, only_selected);
		append_to(half->columns, parser, token);
	} else if (outside && half->verb_found && !half->writes && half->columns->len == 0 &&
	           lexer_is_word(token, "SELECT")) {
		half->listing = half->plain = true;
	}
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
		return parser_fail(parser, token->line, "a query of the configuration has no key");
	if (parser->key != NULL)
		return parser_fail(parser, token->line, "a second key; the first is in line %u",
		                   parser->key_line);
	parser->key = g_strdup(text + strlen(mark));
	parser->key_line = token->line;
	return true;
}

static void end_half(struct parser *parser)
{
	g_string_truncate(parser->text, parser->text->len - g_str_has_suffix(parser->text->str, " "));
	flush(parser);
}

static bool begin_second(struct parser *parser, const struct lexer_token *token)
{
	if (parser->source->origin == STATEMENT_QUERY)
		return parser_fail(parser, token->line,
		                   "a second statement begins here; a query is one SELECT");
	if (parser->source->alone)
		return parser_fail(parser, token->line,
		                   "a second statement begins here; this database wants one (a result is "
		                   "asked for with RETURNING)");
	if (parser->half != parser->halves)
		return parser_fail(parser, token->line,
		                   "a third statement begins here; a file has one, or one that writes and "
		                   "a SELECT of what it writes");
	if (parser->depth > 0)
		return parser_fail(parser, parser->last.line, "a '(' is not closed");
	end_half(parser);
	parser->half++;
	parser->half->line = token->line;
	parser->ended = false;
	parser->list = LIST_NONE;
	return true;
}

static bool take_token(struct parser *parser, const struct lexer_token *token)
{
	switch (token->kind) {
	case LEXER_ARGUMENT: return take_argument(parser, token);
	case LEXER_SIGN: return take_sign(parser, token);
	case LEXER_BRACE:
		return is_brace(token, "{each}") && parser->source->origin == STATEMENT_FILE
		               ? take_each(parser, token)
		               : parser_take_brace(parser, token);
	default: parser_append(parser, token); return true;
	}
}

static bool take(struct parser *parser, const struct lexer_token *token)
{
	if (parser->ended && !begin_second(parser, token))
		return false;
	if (lexer_is_sign(token, ';')) {
		parser->ended = true;
		return true;
	}
	if (!take_verb(parser, token))
		return false;
	list_columns(parser, token);
	if (token->kind != LEXER_SIGN && parser->list != LIST_OPEN)
		parser->list = LIST_NONE;
	if (!take_token(parser, token))
		return false;
	parser->half->begun = true;
	parser->before = parser->last;
	parser->last = *token;
	return true;
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
		case LEXER_WRONG: return parser_fail(parser, token.line, "%s", reader.wrong);
		case LEXER_BLANK: append_blank(parser); break;
		case LEXER_COMMENT: good = take_comment(parser, &token); break;
		default: good = take(parser, &token);
		}
	}
	return false;
}

/* Whether it is text at all; the reader stops at a NUL. */
bool parser_check_bytes(struct parser *parser)
{
	const struct statement_source *source = parser->source;

	if (strlen(source->sql) != source->length || !text_is_utf8(source->sql, source->length))
		return parser_fail(parser, 1, "this is not text in UTF-8");
	return true;
}

bool statement_parse(struct statement *statement, struct arena *arena, const struct statement_source *source,
                     char **error)
{
	struct parser parser;
	bool good;

	parser_init(&parser, arena, source);
	good = parser_check_bytes(&parser) && take_all(&parser);
	if (good) {
		end_half(&parser);
		good = parser_finish(&parser, statement);
	}
	parser_clear(&parser, error);
	return good;
}
