/* base/quantity.h - durations and sizes as people write them: "250ms", "5m", "64M" */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include "ppolicyd/module.h"

/* "250ms", "5s", "5m", "2h", "35d", "4w"; whole numbers or decimals ("1.5h"), one
 * unit, no sign, no blanks. A bare "0" has no unit and is refused as well.
 * False: *error is a static sentence that says what is wanted. */
bool duration_parse(const char *text, pp_msec_t *length, const char **error);
/* The shortest exact form: 300000 -> "5m", 1500 -> "1500ms", 0 -> "0s". */
const char *duration_print(pp_msec_t length, char buffer[32]);
/* For people, rounded to its two leading units at most: 272000 -> "4m32s". */
const char *duration_say(pp_msec_t length, char buffer[32]);

/* "4096", "64K", "64M", "2G" (powers of 1024). */
bool bytes_parse(const char *text, int64_t *bytes, const char **error);
const char *bytes_print(int64_t bytes, char buffer[32]);

#endif
