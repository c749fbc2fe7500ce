/* rule/walk_uses.c - ppolicyd -t: what the text of a rule file does with a name */
#include "rule/walk_uses.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#define FOLLOWED_MAX 32 /* variables */

enum token_kind { TOKEN_NAME, TOKEN_STRING, TOKEN_OTHER };

struct token {
	const char *at;
	size_t length;
	int line;
	enum token_kind kind;
};

/* -- the tokens of a file ------------------------------------------------ */

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The length of "[[...]]", "[==[...]==]"; 0 = it is none. */
static size_t long_bracket(const char *at)
{
	size_t level = *at == '[' ? strspn(at + 1, "=") : 0;
	g_autofree char *close = NULL;
	const char *end;

	if (*at != '[' || at[level + 1] != '[')
		return 0;
	close = g_strnfill(level + 2, '=');
	close[0] = close[level + 1] = ']';
	end = strstr(at, close);
	return end != NULL ? (size_t)(end - at) + level + 2 : strlen(at);
}

static size_t comment(const char *at)
{
	size_t length;

	if (strncmp(at, "--", 2) != 0)
		return 0;
	length = long_bracket(at + 2);
	return length > 0 ? length + 2 : strcspn(at, "\n");
}

static size_t quoted(const char *at)
{
	size_t length = 1;

	while (at[length] != '\0' && at[length] != '\n' && at[length] != *at)
		length += at[length] == '\\' && at[length + 1] != '\0' ? 2 : 1;
	return length + (at[length] == *at);
}

static size_t mark(const char *at)
{
	static const char *const marks[] = { "...", "..", "==", "~=", "<=", ">=", "::", "<<", ">>", "//" };

	for (unsigned i = 0; i < G_N_ELEMENTS(marks); i++)
		if (g_str_has_prefix(at, marks[i]))
			return strlen(marks[i]);
	return 1;
}

static struct token token_at(const char *at, int line)
{
	struct token token = { .at = at, .line = line, .kind = TOKEN_OTHER };

	if (*at == '"' || *at == '\'') {
		token.kind = TOKEN_STRING;
		token.length = quoted(at);
	} else if ((token.length = long_bracket(at)) > 0) {
		token.kind = TOKEN_STRING;
	} else if (is_name_char(*at)) {
		token.kind = isdigit((unsigned char)*at) ? TOKEN_OTHER : TOKEN_NAME;
		while (is_name_char(at[token.length]))
			token.length++;
	} else {
		token.length = mark(at);
	}
	return token;
}

/* Of struct token, one that is nothing at each end. */
static GArray *read_tokens(const char *at)
{
	GArray *tokens = g_array_new(FALSE, FALSE, sizeof(struct token));
	struct token token = { .at = "", .kind = TOKEN_OTHER };
	int line = 1;

	g_array_append_val(tokens, token);
	while (*at != '\0') {
		size_t length = comment(at);

		if (length == 0 && !isspace((unsigned char)*at)) {
			token = token_at(at, line);
			g_array_append_val(tokens, token);
			length = token.length;
		}
		length = MAX(length, 1);
		for (size_t i = 0; i < length; i++)
			line += at[i] == '\n';
		at += length;
	}
	token = (struct token){ .at = "", .line = line, .kind = TOKEN_OTHER };
	g_array_append_val(tokens, token);
	return tokens;
}

static const struct token *get(const GArray *tokens, int i)
{
	return &g_array_index(tokens, struct token, (guint)CLAMP(i, 0, (int)tokens->len - 1));
}

static bool is(const GArray *tokens, int i, const char *text)
{
	const struct token *token = get(tokens, i);

	return token->kind != TOKEN_STRING && token->length == strlen(text) &&
	       memcmp(token->at, text, token->length) == 0;
}

static bool is_one_of(const GArray *tokens, int i, const char *const *texts)
{
	while (*texts != NULL && !is(tokens, i, *texts))
		texts++;
	return *texts != NULL;
}

static bool is_variable(const GArray *tokens, int i)
{
	static const char *const keywords[] = { "and",   "break", "do",    "else",     "elseif", "end",
		                                "false", "for",   "goto",  "function", "if",     "in",
		                                "local", "nil",   "not",   "or",       "repeat", "return",
		                                "then",  "true",  "until", "while",    NULL };

	return get(tokens, i)->kind == TOKEN_NAME && !is_one_of(tokens, i, keywords);
}

/* -- what becomes of a value --------------------------------------------- */

enum use { UNUSED, USED, ASSIGNED };

static bool opens(const GArray *tokens, int i)
{
	return is(tokens, i, "(") || is(tokens, i, "[") || is(tokens, i, "{");
}

static bool closes(const GArray *tokens, int i)
{
	return is(tokens, i, ")") || is(tokens, i, "]") || is(tokens, i, "}");
}

static bool is_accessed(const GArray *tokens, int i)
{
	return is(tokens, i + 1, ".") || is(tokens, i + 1, "[") || is(tokens, i + 1, ":") ||
	       is(tokens, i + 1, "(");
}

static bool is_compared(const GArray *tokens, int operator)
{
	return is(tokens, operator, "==") || is(tokens, operator, "~=");
}

/* The bracket that closes the one at i. */
static int close_of(const GArray *tokens, int i)
{
	int depth = 0;

	do {
		depth += opens(tokens, i) - closes(tokens, i);
		i++;
	} while (depth > 0 && i < (int)tokens->len);
	return i - 1;
}

/* "function judge(" */
static bool begins_parameters(const GArray *tokens, int i)
{
	do
		i--;
	while (is_variable(tokens, i) || is(tokens, i, ".") || is(tokens, i, ":"));
	return is(tokens, i, "function");
}

static bool begins_call(const GArray *tokens, int i)
{
	return is_variable(tokens, i - 1) || closes(tokens, i - 1) ||
	       get(tokens, i - 1)->kind == TOKEN_STRING;
}

/* Goes back to what the value at i stands in; *assignment: its '='. */
static enum use use_of_value(const GArray *tokens, int i, int *assignment)
{
	static const char *const conditions[] = { "if", "elseif", "while", "until", NULL };
	static const char *const operators[] = { "and", "or", "not", "nil", "true", "false", NULL };
	int depth = 0;

	for (int at = i - 1; at > 0; at--) {
		if (closes(tokens, at)) {
			depth++;
		} else if (opens(tokens, at) && depth > 0) {
			depth--;
		} else if (opens(tokens, at)) {
			if (is(tokens, at, "(") && begins_parameters(tokens, at))
				return UNUSED;
			if (!is(tokens, at, "(") || begins_call(tokens, at) ||
			    is_accessed(tokens, close_of(tokens, at)))
				return USED;
		} else if (depth == 0 && is(tokens, at, "=")) {
			*assignment = at;
			return ASSIGNED;
		} else if (depth == 0 && is_one_of(tokens, at, conditions)) {
			return UNUSED;
		} else if (depth == 0 && get(tokens, at)->kind == TOKEN_NAME && !is_variable(tokens, at) &&
		           !is_one_of(tokens, at, operators)) {
			return USED;
		}
	}
	return USED;
}

/* The first of "a, b, c" that ends at i. */
static int first_of_list(const GArray *tokens, int i)
{
	while (is(tokens, i - 1, ",") && is_variable(tokens, i - 2))
		i -= 2;
	return i;
}

/* Declared or assigned to. */
static bool is_target(const GArray *tokens, int i)
{
	int before = first_of_list(tokens, i) - 1;

	if (is(tokens, before, "local") || is(tokens, before, "for") || is(tokens, i - 1, "function"))
		return true;
	while (is(tokens, i + 1, ",") && is_variable(tokens, i + 2))
		i += 2;
	return is(tokens, i + 1, "=") && !is(tokens, before, "{") && !is(tokens, before, ",");
}

static enum use use_at(const GArray *tokens, int i, int *assignment)
{
	static const char *const not_a_variable[] = { ".", ":", "::", "goto", NULL };

	if (is_one_of(tokens, i - 1, not_a_variable))
		return UNUSED;
	if (is_accessed(tokens, i))
		return USED;
	if (is_compared(tokens, i + 1) || is_compared(tokens, i - 1) || is(tokens, i + 1, "and") ||
	    is(tokens, i - 1, "not") || is(tokens, i + 1, "=") || is_target(tokens, i))
		return UNUSED;
	return use_of_value(tokens, i, assignment);
}

/* -- following variables ------------------------------------------------- */

struct search {
	const GArray *tokens;
	unsigned followed;
};

static bool is_used(struct search *search, const char *name, int first, int last);

/* The variables before '='; all others are stores. */
static bool is_target_used(struct search *search, const char *name, int assignment, int last)
{
	const GArray *tokens = search->tokens;
	int begin = first_of_list(tokens, assignment - 1), first = 1;
	bool local = is(tokens, begin - 1, "local");

	if (!is_variable(tokens, begin) || is(tokens, begin - 1, ".") || is(tokens, begin - 1, "{") ||
	    is(tokens, begin - 1, ","))
		return true;
	if (local)
		first = assignment;
	else
		last = (int)tokens->len;
	for (int i = begin; i < assignment; i += 2) {
		g_autofree char *target = g_strndup(get(tokens, i)->at, get(tokens, i)->length);

		if (strcmp(target, name) != 0 && is_used(search, target, first, last))
			return true;
	}
	return false;
}

/* first and last are tokens. */
static bool is_used(struct search *search, const char *name, int first, int last)
{
	if (search->followed++ == FOLLOWED_MAX)
		return true;
	for (int i = first; i < last; i++) {
		int assignment = 0;
		enum use use = is(search->tokens, i, name) ? use_at(search->tokens, i, &assignment) : UNUSED;

		if (use == USED || (use == ASSIGNED && is_target_used(search, name, assignment, last)))
			return true;
	}
	return false;
}

bool walk_uses(const struct plan_source *source, const char *name, int first, int last)
{
	g_autoptr(GArray) tokens = read_tokens(source->bytes);
	struct search search = { .tokens = tokens };
	int begin = 1, end;

	while (begin < (int)tokens->len && get(tokens, begin)->line < first)
		begin++;
	end = begin;
	while (end < (int)tokens->len && get(tokens, end)->line <= last)
		end++;
	return is_used(&search, name, begin, end);
}

/* -- texts that are compared --------------------------------------------- */

static void add_text(GPtrArray *texts, const struct token *token, guint max)
{
	char *text;

	if (texts->len >= max || token->kind != TOKEN_STRING || *token->at == '[' || token->length < 2 ||
	    memchr(token->at, '\\', token->length) != NULL)
		return;
	text = g_strndup(token->at + 1, token->length - 2);
	if (g_ptr_array_find_with_equal_func(texts, text, g_str_equal, NULL))
		g_free(text);
	else
		g_ptr_array_add(texts, text);
}

static void add_compared_with_variable(const GArray *tokens, const char *name, GPtrArray *texts, guint max)
{
	for (int i = 1; i < (int)tokens->len; i++) {
		if (!is(tokens, i, name) || is(tokens, i - 1, "."))
			continue;
		if (is_compared(tokens, i + 1))
			add_text(texts, get(tokens, i + 2), max);
		if (is_compared(tokens, i - 1))
			add_text(texts, get(tokens, i - 2), max);
	}
}

static void add_compared_with_targets(const GArray *tokens, int assignment, GPtrArray *texts, guint max)
{
	int begin = first_of_list(tokens, assignment - 1);

	for (int i = begin; i < assignment && is_variable(tokens, i); i += 2) {
		g_autofree char *target = g_strndup(get(tokens, i)->at, get(tokens, i)->length);

		add_compared_with_variable(tokens, target, texts, max);
	}
}

void walk_uses_compared(const struct plan_source *source, const char *field, GPtrArray *texts, guint max)
{
	g_autoptr(GArray) tokens = read_tokens(source->bytes);

	for (int i = 2; i < (int)tokens->len && texts->len < max; i++) {
		int assignment = 0;

		if (!is(tokens, i, field) || !is(tokens, i - 1, "."))
			continue;
		if (is_compared(tokens, i + 1))
			add_text(texts, get(tokens, i + 2), max);
		else if (is_compared(tokens, i - 3))
			add_text(texts, get(tokens, i - 4), max);
		else if (use_of_value(tokens, i, &assignment) == ASSIGNED)
			add_compared_with_targets(tokens, assignment, texts, max);
	}
}
