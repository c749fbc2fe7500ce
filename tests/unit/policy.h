/* unit/policy.h - rule files in tests: the modules of DESIGN.md's example, which nobody can ask, and loading
 *
 * dnsbl, spf, greylist, list and record (asking is its purpose) have the words and
 * some of the fields they have in the world.
 */
#ifndef UNIT_POLICY_H
#define UNIT_POLICY_H

#include "rule/program.h"

/* Makes the modules known, and a folder for files to be the current one; removes it. */
void policy_begin(void);
void policy_end(void);

void policy_write(const char *name, const char *text);

/* Loads policy.lua with this text; nothing may be wrong with it. */
struct program *policy_load(const char *text, struct plan **plan);
void policy_unload(struct program *program, struct plan *plan);

#endif
