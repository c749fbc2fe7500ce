/* rule/walk.h - ppolicyd -t: each rule run in every way it can go, asking nobody
 *
 * For each listener's rule (of a route: each of its rules) and each sample request
 * the rule is run again and again. An answer is chosen when it is first read: each
 * word, none, unknown; a field when it is first read: its samples. So the runs are
 * the paths of a tree, walked depth first. Sample requests are the built-in ones
 * and one for each text or number that the file compares an attribute with
 * (req.size > 1000); what else a rule may branch on is not tried.
 */
#ifndef RULE_WALK_H
#define RULE_WALK_H

#include <glib.h>
#include <stdio.h>
#include "rule/program.h"

#define WALK_PATHS_MAX 10000

struct walk_report {
	char *path;                   /* of the file */
	GPtrArray *errors, *warnings; /* of char *, "policy.lua:7: ...", in the order of the lines */
	GString *table;               /* lines: what is said while a check is unknown */
	unsigned checks, rules, paths;
	bool cut; /* there were more paths */
};

/* Walks the rules of a program that is loaded, finished and bound. Fills in the report. */
void walk_rules(struct program *program, struct walk_report *report);
void walk_clear(struct walk_report *report);

/* Errors and warnings to err, a line each; the table and the counts to out. */
void walk_print(const struct walk_report *report, FILE *out, FILE *err);

#endif
