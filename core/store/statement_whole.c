/* store/statement_whole.c - whether what was read from a file of SQL makes a statement */
#include "store/statement_parser.h"

#include <string.h>
#include "base/text.h"

enum { SHOWN_MAX = 40 }; /* bytes of a file that a message repeats */

static const struct statement_piece *piece_at(const struct parser_half *half, unsigned index)
{
	return &g_array_index(half->pieces, struct statement_piece, index);
}

static const char *arg_name(const struct parser *parser, unsigned index)
{
	return g_ptr_array_index(parser->args, index);
}

static bool check_end(struct parser *parser)
{
	if (!parser->half->begun)
		return parser_fail(parser, MAX(parser->half->line, 1), "no statement stands here");
	if (parser->depth > 0)
		return parser_fail(parser, parser->last.line, "a '(' is not closed");
	for (const struct parser_half *half = parser->halves; half <= parser->half; half++)
		if (!half->verb_found)
			return parser_fail(parser, parser->last.line,
			                   "behind WITH there is no SELECT, INSERT, UPDATE or DELETE");
	return true;
}

/* -- two of them --------------------------------------------------------------- */

static bool has_arg(const struct parser_half *half, unsigned arg)
{
	for (unsigned i = 0; i < half->pieces->len; i++)
		if (piece_at(half, i)->sql == NULL && piece_at(half, i)->arg == arg)
			return true;
	return false;
}

static bool check_pair(struct parser *parser, const struct parser_half *main,
                       const struct parser_half *result)
{
	if (main->writes == result->writes)
		return parser_fail(
		        parser, parser->half->line,
		        "a second statement begins here; of two one writes, and the other is a SELECT "
		        "of what it writes");
	for (unsigned i = 0; i < result->pieces->len; i++) {
		const struct statement_piece *piece = piece_at(result, i);

		if (piece->sql == NULL && !has_arg(main, piece->arg))
			return parser_fail(
			        parser, piece->line,
			        ":%s is no argument of the statement that writes; the SELECT has none "
			        "of its own",
			        arg_name(parser, piece->arg));
	}
	return true;
}

/* -- the key ------------------------------------------------------------------- */

static bool check_outside(struct parser *parser, const struct parser_half *half)
{
	for (unsigned i = 0; i < half->pieces->len; i++) {
		const struct statement_piece *piece = piece_at(half, i);
		const char *name;

		if (piece->sql != NULL || (i >= half->row_first && i < half->row_end))
			continue;
		name = arg_name(parser, piece->arg);
		return parser_fail(
		        parser, piece->line,
		        ":%s stands outside of the row behind VALUES; with a key each row has values "
		        "of its own (name it there: WITH asked(%s) AS (VALUES (:%s)) ...)",
		        name, name, name);
	}
	return true;
}

static bool check_row(struct parser *parser, const struct parser_half *half)
{
	if (half->row_count == 0 && half->line > 0)
		return parser_fail(parser, half->line,
		                   "with a key both statements want one row with arguments, to be repeated: "
		                   "behind VALUES, behind IN ( or behind {each}; here is none");
	if (half->row_count == 0)
		return parser_fail(parser, parser->key_line,
		                   "a statement with a key wants one row with arguments behind VALUES, to be "
		                   "repeated; there is none");
	if (half->row_count > 1)
		return parser_fail(parser, half->row_line,
		                   "a second row behind VALUES; of a statement with a key the one row is "
		                   "repeated");
	return check_outside(parser, half);
}

static bool key_fails(struct parser *parser, const char *word)
{
	const char *nearest;

	g_ptr_array_add(parser->args, NULL);
	nearest = text_nearest(word, (const char *const *)parser->args->pdata);
	return parser_fail(
	        parser, parser->key_line, "'%.*s' of the key is no argument of the statement%s%s%s",
	        (int)text_cut(word, strlen(word), SHOWN_MAX), word, nearest == NULL ? "" : " (did you mean '",
	        nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?)");
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
				return parser_fail(parser, parser->key_line, "'%s' stands twice in the key",
				                   *word);
		keys[statement->key_count++] = index;
	}
	if (statement->key_count == 0)
		return parser_fail(parser, parser->key_line, "the key names no argument");
	statement->keys = keys;
	for (const struct parser_half *half = parser->halves; half <= parser->half; half++)
		if (!check_row(parser, half))
			return false;
	return true;
}

/* -- the statement --------------------------------------------------------------- */

static struct statement_text *text_of(const struct parser *parser, const struct parser_half *half,
                                      bool repeated)
{
	struct statement_text *text = arena_new0(parser->arena, struct statement_text);
	size_t pieces = sizeof(struct statement_piece) * half->pieces->len;

	text->piece_count = half->pieces->len;
	text->pieces = memcpy(arena_alloc(parser->arena, pieces), half->pieces->data, pieces);
	text->place_count = half->places;
	text->between = half->united ? " UNION ALL " : ", ";
	if (repeated) {
		text->row_first = half->row_first;
		text->row_end = half->row_end;
	}
	return text;
}

/* MariaDB has INSERT, REPLACE and DELETE with RETURNING, and no UPDATE. */
static bool can_be_returned(const struct parser_half *main, const struct parser_half *result)
{
	return !main->updates && !result->listing && result->plain && result->columns->len > 0;
}

static void fill(struct parser *parser, struct statement *statement)
{
	const struct parser_half *first = &parser->halves[0], *second = &parser->halves[1];
	const struct parser_half *main = second->begun && second->writes ? second : first;
	const struct parser_half *result = main == first ? second : first;
	size_t args = sizeof(char *) * parser->args->len;
	bool repeated = statement->key_count > 0;

	statement->text = text_of(parser, main, repeated);
	statement->writes = main->writes;
	statement->arg_count = parser->args->len;
	if (args > 0)
		statement->args = memcpy(arena_alloc(parser->arena, args), parser->args->pdata, args);
	if (!second->begun)
		return;
	statement->result = text_of(parser, result, repeated);
	statement->result_first = result == first;
	if (can_be_returned(main, result))
		statement->returning = arena_strdup(parser->arena, g_strstrip(result->columns->str));
}

bool parser_finish(struct parser *parser, struct statement *statement)
{
	const struct parser_half *halves = parser->halves;
	bool swapped = halves[1].writes;

	statement->key_count = 0;
	statement->keys = NULL;
	statement->args = NULL;
	statement->result = NULL;
	statement->returning = NULL;
	statement->result_first = false;
	if (!check_end(parser))
		return false;
	if (parser->half != halves && !check_pair(parser, &halves[swapped], &halves[!swapped]))
		return false;
	if (parser->key != NULL && !take_key(parser, statement))
		return false;
	fill(parser, statement);
	return true;
}
