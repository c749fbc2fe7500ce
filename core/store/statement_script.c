/* store/statement_script.c - migrations: scripts of several statements, kept as they are written */
#include "store/statement_parser.h"

static bool take_script(struct parser *parser, const struct lexer_token *token)
{
	static const char *const never[] = { "BEGIN",  "START",  "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE",
		                             "ATTACH", "DETACH", "PRAGMA", "VACUUM",   "USE",       NULL };

	if (token->kind == LEXER_ARGUMENT)
		return parser_fail(parser, token->line, "a migration has no arguments, such as %.*s",
		                   parser_shown(token), token->text);
	if (token->kind == LEXER_BRACE)
		return parser_take_brace(parser, token);
	if ((!parser->half->begun || lexer_is_sign(&parser->last, ';')) && parser_is_one_of(token, never))
		return parser_fail(
		        parser, token->line,
		        "%.*s does not go into a migration: ppolicyd runs each within a transaction",
		        parser_shown(token), token->text);
	parser_append(parser, token);
	return true;
}

static bool take_scripts(struct parser *parser)
{
	struct lexer reader;
	struct lexer_token token;

	lexer_init(&reader, parser->source->sql);
	while ((token = lexer_next(&reader)).kind != LEXER_END) {
		if (token.kind == LEXER_WRONG)
			return parser_fail(parser, token.line, "%s", reader.wrong);
		if (token.kind == LEXER_BLANK || token.kind == LEXER_COMMENT) {
			parser_append(parser, &token);
			continue;
		}
		if (!take_script(parser, &token))
			return false;
		parser->half->begun = true;
		parser->last = token;
	}
	return parser->half->begun || parser_fail(parser, 1, "no statement stands here");
}

const char *statement_parse_migration(struct arena *arena, const struct statement_source *source,
                                      char **error)
{
	const char *sql = NULL;
	struct parser parser;

	parser_init(&parser, arena, source);
	if (parser_check_bytes(&parser) && take_scripts(&parser))
		sql = arena_strndup(arena, parser.text->str, parser.text->len);
	parser_clear(&parser, error);
	return sql;
}
