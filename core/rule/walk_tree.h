/* rule/walk_tree.h - ppolicyd -t: all ways a rule can go for one request, depth first */
#ifndef RULE_WALK_TREE_H
#define RULE_WALK_TREE_H

#include "rule/walker.h"

struct walk_tree {
	const struct walk_target *target;
	const struct walk_sample *sample;
	unsigned number; /* of the tree: each begins elsewhere, in case that not all is walked */
	GArray *nodes;   /* of struct walk_node: the choices of the run that comes next */
	bool done;
	bool unsure; /* the same choices led elsewhere: the rule keeps something of its own */
	/* An action is given while an ask is unknown, and milder is a word with which all
	 * that is given is milder. */
	void (*hasty)(struct walk_tree *tree, const struct check *check, const struct walk_end *end,
	              const char *milder);
	void *user;
};

void walk_tree_init(struct walk_tree *tree, const struct walk_target *target,
                    const struct walk_sample *sample, unsigned number);
void walk_tree_clear(struct walk_tree *tree);

/* The walker's chooser, which is the tree. */
unsigned walk_tree_choose(struct walker *walker, const struct walk_choice *choice);
/* Books how the run ended, and sets out for the next; tree->done when there is none. */
void walk_tree_next(struct walk_tree *tree, const struct walker *walker, const struct walk_end *end);

#endif
