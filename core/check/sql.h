/* check/sql.h - statements and queries run for asks, and for who may wait */
#ifndef CHECK_SQL_H
#define CHECK_SQL_H

#include "check/ask.h"
#include "store/store.h"

struct check_statement;

/* Something asked of a store. It outlives its ask if that ends first, and then its answer
 * is of no use to anybody. */
struct sql_ask {
	struct store_ask ask;            /* first; it is answered in a thread of the store ... */
	struct loop_message back;        /* ... and posted to the loop, while the host stands */
	struct ask_host *host;           /* until it is posted */
	struct sql_ask *next, *previous; /* in host->in_store */
	struct store *store;             /* held by the check */
	struct check *check;             /* a reference */
	struct pp_work *work;            /* NULL: nobody waits for it (any longer); the loop's thread only */
	const struct check_statement *bound; /* NULL: it is a query */
	unsigned index;                      /* of the loop, for statistics */
	struct database_value values[];
};

/* The result of pp_sql(): structs of columns, one behind the other. */
struct sql_rows {
	size_t count, size; /* size of one */
	const char *rows;
};

/* The result of pp_query(). */
struct query_rows {
	size_t count, columns;
	const char *const *names;
	const char *const *values;
};

/* Asks a store for the ask. The texts of the values are copied. later: nobody waits. In the
 * ask's arena: open, or failed already. */
struct pp_work *sql_start(struct pp_ask *ask, struct store *store, const struct check_statement *bound,
                          const struct statement *statement, const struct database_value *values, bool later);

/* Whether a store has not answered yet all that asks of this host started. */
bool sql_is_open(struct ask_host *host);
/* Waits until stores have answered all that asks of this host started, whether these asks are
 * still there or not, and wrote what was to be written later. What came back is run by the loop. */
void sql_settle(struct ask_host *host);

/* Waits for the answer; as pp_sql_now() says. *rows is the caller's. */
bool sql_run(struct store *store, const struct statement *statement, const struct database_value *values,
             struct store_rows **rows, const char **error);

/* A result for pp_query_count() and the others, in the ask's arena. */
const struct query_rows *query_rows_copy(const struct store_rows *rows, struct arena *arena);

#endif
