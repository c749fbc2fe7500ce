/* rule/manual_rows.h - rows as items of a manual page */
#ifndef RULE_MANUAL_ROWS_H
#define RULE_MANUAL_ROWS_H

#include "base/param.h"
#include "rule/page.h"

/* An item for each row: " = duration from 1ms to 90s, default "5s"" and the help. */
void manual_rows_add(struct page *page, const pp_row_t *rows);
void manual_rows_add_one(struct page *page, const pp_row_t *row, const char *dflt);

/* What a row takes, behind its type: "from 1 to 255 characters, default 64". "" = nothing to say. */
char *manual_rows_limits(const pp_row_t *row, const char *dflt);
/* The default as it is written in a rule file; NULL: none. */
char *manual_rows_default(const pp_row_t *row, const char *dflt);

#endif
