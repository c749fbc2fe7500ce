/* store/statement_parse.h - what one file of SQL says */
#ifndef STORE_STATEMENT_PARSE_H
#define STORE_STATEMENT_PARSE_H

#include "store/statement.h"

enum statement_origin {
	STATEMENT_FILE, /* of sql/ */
	STATEMENT_QUERY /* of the configuration: it only reads, and knows neither {table} nor keys */
};

struct statement_source {
	enum statement_origin origin;
	const char *file; /* for messages */
	const char *sql;
	size_t length;
	const char *table; /* what {table} stands for */
	bool alone;        /* the database has RETURNING for all: a second statement is refused */
};

/* A piece of the text: SQL, or one argument. */
struct statement_piece {
	const char *sql; /* NULL: an argument */
	unsigned arg;
	unsigned line;
};

/* One SQL statement. The pieces row_first up to, not with, row_end are repeated for each row. */
struct statement_text {
	unsigned piece_count, place_count; /* places: pieces that are arguments */
	unsigned row_first, row_end;       /* equal: there is none */
	const char *between;               /* rows: ", " or " UNION ALL " */
	const struct statement_piece *pieces;
};

/* Sets all but set, name and index; what it points to lies in the arena. False: *error is a
 * sentence that begins with FILE:LINE (a query's with a line only if it has several); g_free() it. */
bool statement_parse(struct statement *statement, struct arena *arena, const struct statement_source *source,
                     char **error);

/* The script of a migration with {table} replaced. NULL: *error. */
const char *statement_parse_migration(struct arena *arena, const struct statement_source *source,
                                      char **error);

#endif
