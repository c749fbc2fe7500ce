/* store/statement_parser.h - what the files of the parser share; for nobody else
 */
#ifndef STORE_STATEMENT_PARSER_H
#define STORE_STATEMENT_PARSER_H

#include <glib.h>
#include "store/lexer.h"
#include "store/statement_parse.h"

/* Where we are in the parenthesized lists behind VALUES or IN (. */
enum parser_list { LIST_NONE, LIST_OPEN, LIST_CLOSED, LIST_COMMA };

/* One SQL statement of a file. */
struct parser_half {
	GArray *pieces;
	unsigned places, line;
	bool begun, verb_found, writes, updates;
	unsigned row_count, row_line, row_first, row_end; /* lists that are rows */
	bool united;                                      /* the row is a SELECT, repeated with UNION ALL */

	/* What a SELECT of columns lists. */
	GString *columns;
	bool listing, plain; /* plain: nothing that only a SELECT can list */
};

struct parser {
	const struct statement_source *source;
	struct arena *arena;
	char *error;
	struct lexer_token last, before; /* that are neither blank nor comment */
	GString *text;                   /* since the last piece */
	GPtrArray *args;
	char *key; /* what stands behind -- key: */
	unsigned key_line;
	unsigned depth; /* of parentheses */
	bool ended;
	struct parser_half halves[2], *half; /* half: the one that is being read */

	enum parser_list list;
	bool list_follows;                            /* another one and a comma */
	bool list_united;                             /* it is what {each} stands in front of */
	unsigned list_first, list_depth, list_places; /* when it was opened */
	unsigned list_line;                           /* of the newest */
};

void parser_init(struct parser *parser, struct arena *arena, const struct statement_source *source);
void parser_clear(struct parser *parser, char **error); /* *error: the parser's, now the caller's */

/* Sets the error. Returns false. */
bool parser_fail(struct parser *parser, unsigned line, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* How many bytes of a token a message shows. */
int parser_shown(const struct lexer_token *token);
bool parser_is_one_of(const struct lexer_token *token, const char *const *words);

/* Adds a token to the text, with {table} replaced. */
void parser_append(struct parser *parser, const struct lexer_token *token);
bool parser_take_brace(struct parser *parser, const struct lexer_token *token);
bool parser_check_bytes(struct parser *parser);

/* What was read makes a statement. False: the error is set. */
bool parser_finish(struct parser *parser, struct statement *statement);

#endif
