/* store/lexer.h - cuts SQL into its smallest parts
 *
 * One reader for all databases: what SQLite and MySQL would cut in different
 * places, such as a backslash before a quote, is refused.
 */
#ifndef STORE_LEXER_H
#define STORE_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum lexer_kind {
	LEXER_END,
	LEXER_BLANK,    /* all that stand together */
	LEXER_COMMENT,  /* from -- to the end of the line, or the other kind */
	LEXER_WORD,     /* a name, a keyword, a number */
	LEXER_QUOTED,   /* with its quotes: ' " ` or [] */
	LEXER_ARGUMENT, /* :name */
	LEXER_BRACE,    /* {name} */
	LEXER_SIGN,     /* one character, or :: */
	LEXER_WRONG     /* reader->wrong says why; there is no next one */
};

struct lexer_token {
	enum lexer_kind kind;
	const char *text; /* not NUL-terminated */
	size_t length;
	unsigned line; /* where it begins; the first is 1 */
};

struct lexer {
	const char *next; /* NUL-terminated */
	unsigned line;
	char wrong[160]; /* a sentence without a full stop */
};

void lexer_init(struct lexer *reader, const char *sql);
struct lexer_token lexer_next(struct lexer *reader);

bool lexer_is_word(const struct lexer_token *token, const char *word); /* in any case */
bool lexer_is_sign(const struct lexer_token *token, char sign);

#endif
