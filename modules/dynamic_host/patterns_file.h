/* patterns_file.h - how patterns are made while their file is read */
#ifndef DYNAMIC_HOST_PATTERNS_FILE_H
#define DYNAMIC_HOST_PATTERNS_FILE_H

#include "entry.h"

struct patterns *patterns_new(const char *text, size_t length);
/* The next entry, to be filled in. */
struct entry *patterns_add(struct patterns *patterns);
const struct entry *patterns_entry(const struct patterns *patterns, unsigned index);
/* Whether the entry matches, the others aside. */
bool patterns_entry_matches(const struct patterns *patterns, unsigned index, const char *name,
                            const pp_address_t *address);

#endif
