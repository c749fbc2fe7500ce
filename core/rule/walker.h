/* rule/walker.h - ppolicyd -t: one run of a rule, with answers that somebody chooses
 *
 * The walker stands in the place of asking. What an answer is and what its fields
 * are is chosen when it is first read, by the chooser; walk_tree.c chooses one way
 * after the other, walk_example.c what it was given.
 */
#ifndef RULE_WALKER_H
#define RULE_WALKER_H

#include <glib.h>
#include "rule/program.h"
#include "rule/walk_samples.h"
#include "rule/walk_values.h"

#define WALK_INSTRUCTIONS_MAX 5000000 /* of a run */

struct walk_cover;

/* A rule to be walked. */
struct walk_target {
	struct program_rule rule;
	const void *function; /* which it is */
	const struct plan_listener *listener;
	const struct walk_sample *ordinary; /* the first of its samples */
	uint32_t *said; /* by place in plan->checks: bits 1 << verb, given while the check is unknown */
};
#define WALK_FAILED ACTION_VERBS /* the bit of a run that gave no action */

/* One thing that may be one way or another, and how it is. */
struct walk_choice {
	const struct check *check;
	guint args; /* hash of the arguments it was asked with */
	int field;  /* -1: the word */
	unsigned value, values;
};
/* The word that a value of a choice of words stands for: the module's own, none, unknown. */
unsigned walk_choice_word(const struct walk_choice *choice, unsigned value);
/* Appends "zen unknown", "zen.score 5". */
void walk_choice_print(GString *out, const struct walk_choice *choice, const struct walk_values *values);

/* A line where a check is asked or an action made, to be read or returned in some run. */
struct walk_place {
	const char *at, *file; /* "policy.lua:7" */
	int line;
	const struct check *check; /* NULL: an action */
	enum action_verb verb;
	bool used;
};

/* How a run ended. */
struct walk_end {
	const char *error; /* NULL: it gave an action; in the request's arena */
	bool limited;      /* a limit of the sandbox ended it */
	enum action_verb verb;
	int severity;   /* action_severity() */
	const char *at; /* where the action was made */
};

struct walker {
	struct program_hooks hooks; /* first */
	struct program *program;
	struct request_pool *requests;
	struct arena arena;
	GStringChunk *names;
	GHashTable *values; /* struct check_field -> struct walk_values */
	GHashTable *places; /* name -> struct walk_place */
	unsigned (*choose)(struct walker *walker, const struct walk_choice *choice); /* a value */
	void *chooser;
	/* Called when a run ended. */
	void (*ended)(struct walker *walker, const struct walk_end *end);
	struct walk_cover *cover; /* looks on; may be NULL */
	GArray *path;             /* of struct walk_choice: of this run so far */
	bool deep;                /* a run had more choices than are made */
};

struct walker *walker_new(struct program *program);
void walker_free(struct walker *walker);
void walker_run(struct walker *walker, const struct walk_target *target, const struct walk_sample *sample);
const struct walk_values *walker_values(struct walker *walker, const struct check *check, unsigned field);

#endif
