/* store/lexer.c - cuts SQL into its smallest parts */
#include "store/lexer.h"
#include <glib.h>
#include <string.h>
#include "base/text.h"

enum { SHOWN_MAX = 40 }; /* bytes of a file that a message repeats */

static bool begins_word(char c)
{
	return g_ascii_isalnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *text)
{
	size_t length = 0;

	while (begins_word(text[length]) || text[length] == '$')
		length++;
	return length;
}

static bool is_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && text[i] != '_')
			return false;
	return length > 0 && length <= 64 && !g_ascii_isdigit(*text);
}

static struct lexer_token wrong(struct lexer *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);
static struct lexer_token wrong(struct lexer *reader, const char *format, ...)
{
	struct lexer_token token = { .kind = LEXER_WRONG, .text = reader->next, .line = reader->line };
	va_list args;

	va_start(args, format);
	g_vsnprintf(reader->wrong, sizeof(reader->wrong), format, args);
	va_end(args);
	return token;
}

static struct lexer_token take(struct lexer *reader, enum lexer_kind kind, size_t length)
{
	struct lexer_token token = { kind, reader->next, length, reader->line };

	for (size_t i = 0; i < length; i++)
		reader->line += token.text[i] == '\n';
	reader->next += length;
	return token;
}

static bool is_escaped(const char *start, const char *quote)
{
	size_t backslashes = 0;

	while (quote - backslashes - 1 > start && quote[-1 - (ptrdiff_t)backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 1;
}

/* A doubled quote is the end of one and the begin of another, which is the same to us. */
static struct lexer_token take_quoted(struct lexer *reader, char end)
{
	const char *start = reader->next, *at = strchr(start + 1, end);

	if (at == NULL)
		return wrong(reader, "the %c that begins here is not closed", *start);
	if (end != ']' && is_escaped(start, at))
		return wrong(reader,
		             "a backslash before %c means different things to different databases: "
		             "do without, as in LIKE ... ESCAPE '!'",
		             end);
	return take(reader, LEXER_QUOTED, (size_t)(at + 1 - start));
}

static struct lexer_token take_comment(struct lexer *reader)
{
	const char *start = reader->next, *end;

	if (*start == '-')
		return take(reader, LEXER_COMMENT, strcspn(start, "\n"));
	if (start[2] == '!' || (start[2] == 'M' && start[3] == '!'))
		return wrong(reader,
		             "some databases carry out what stands in a comment like this: leave the ! out");
	end = strstr(start + 2, "*/");
	if (end == NULL)
		return wrong(reader, "the comment that begins here is not closed");
	return take(reader, LEXER_COMMENT, (size_t)(end + 2 - start));
}

static struct lexer_token take_argument(struct lexer *reader)
{
	const char *name = reader->next + 1;
	size_t length = word_length(name);

	if (*name == ':')
		return take(reader, LEXER_SIGN, 2);
	if (!is_name(name, length))
		return wrong(reader,
		             "':%.*s' is not an argument: its name has letters, digits and '_', at most 64",
		             (int)text_cut(name, length, SHOWN_MAX), name);
	return take(reader, LEXER_ARGUMENT, length + 1);
}

static struct lexer_token take_brace(struct lexer *reader)
{
	const char *name = reader->next + 1;
	size_t length = word_length(name);

	if (!is_name(name, length) || name[length] != '}')
		return wrong(reader, "a '{' stands for nothing here; for the table write {table}");
	return take(reader, LEXER_BRACE, length + 2);
}

static struct lexer_token take_sign(struct lexer *reader)
{
	char sign = *reader->next;

	if (strchr("()+-*/%<>=!,.;|&~^", sign) != NULL)
		return take(reader, LEXER_SIGN, 1);
	if (strchr("?@$", sign) != NULL)
		return wrong(reader, "a '%c' stands outside of quotes; an argument is written :name", sign);
	if (sign == '#')
		return wrong(reader, "a '#' stands outside of quotes; a comment begins with '-- '");
	if (g_ascii_isprint(sign))
		return wrong(reader, "a '%c' stands outside of quotes", sign);
	return wrong(reader, "a control character (0x%02x) stands outside of quotes", (unsigned char)sign);
}

void lexer_init(struct lexer *reader, const char *sql)
{
	*reader = (struct lexer){ .next = sql, .line = 1 };
}

struct lexer_token lexer_next(struct lexer *reader)
{
	const char *next = reader->next;
	size_t blank = strspn(next, " \t\n\r\f");

	if (*next == '\0')
		return take(reader, LEXER_END, 0);
	if (blank > 0)
		return take(reader, LEXER_BLANK, blank);
	if (begins_word(*next))
		return take(reader, LEXER_WORD, word_length(next));
	if ((next[0] == '-' && next[1] == '-') || (next[0] == '/' && next[1] == '*'))
		return take_comment(reader);
	switch (*next) {
	case '\'':
	case '"':
	case '`': return take_quoted(reader, *next);
	case '[': return take_quoted(reader, ']');
	case ':': return take_argument(reader);
	case '{': return take_brace(reader);
	default: return take_sign(reader);
	}
}

bool lexer_is_word(const struct lexer_token *token, const char *word)
{
	return token->kind == LEXER_WORD && strlen(word) == token->length &&
	       g_ascii_strncasecmp(token->text, word, token->length) == 0;
}

bool lexer_is_sign(const struct lexer_token *token, char sign)
{
	return token->kind == LEXER_SIGN && token->length == 1 && *token->text == sign;
}
