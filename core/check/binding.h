/* check/binding.h - the stores that a check uses, and its module's statements there */
#ifndef CHECK_BINDING_H
#define CHECK_BINDING_H

#include "base/param.h"
#include "check/check.h"
#include "store/store.h"

/* The stores of a configuration, where its checks find theirs. */
struct check_stores {
	struct store *const *items; /* the one for statements is called "store" */
	unsigned count;
	pp_msec_t deadline; /* the longest one of a request; 0: not known */
};

/* A statement that the module declares. */
struct check_statement {
	const pp_statement_t *declared;
	const struct statement *statement;
	const pp_row_t **args; /* by argument of the statement */
	unsigned column_count;
	void *defaults; /* a struct of columns */
};

/* Around validate(), in which pp_query_new() looks for stores. stores may be NULL: none. */
void binding_begin(struct check *check, const struct check_stores *stores);
void binding_end(void);
/* For pp_query_new(): the store of that name (NULL: the one without), which the check that is
 * being made uses from now on. NULL: *reason is a sentence (g_free() it). */
struct store *binding_store(const char *name, char **reason);

/* The store for what lasts, which the check uses from now on; NULL: there is none. */
struct store *binding_use_store(struct check *check, const struct check_stores *stores);

/* Reads the statements of the check's module and makes them known to its store; without stores
 * its work will fail. What is wrong is added to error. */
void binding_make(struct check *check, const struct check_stores *stores, struct pp_error *error);
void binding_free(struct check *check);

/* NULL: the module declares none of that name, or the check has no store. */
const struct check_statement *binding_find(const struct check *check, const char *name);

#endif
