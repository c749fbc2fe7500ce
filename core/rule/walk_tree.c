/* rule/walk_tree.c - ppolicyd -t: all ways a rule can go for one request, depth first */
#include "rule/walk_tree.h"

#define HARDEST 3

/* A choice on the way, and what was seen below it so far. */
struct walk_node {
	struct walk_choice choice;
	unsigned tried;             /* values before this one */
	uint8_t hardest[WORDS_MAX]; /* by value: the highest severity */
	GArray *refusals;           /* of struct walk_end: hard ones, given while it is unknown */
};

static struct walk_node *node_at(const struct walk_tree *tree, guint depth)
{
	return &g_array_index(tree->nodes, struct walk_node, depth);
}

static void cut_nodes(struct walk_tree *tree, guint depth)
{
	for (guint i = depth; i < tree->nodes->len; i++)
		if (node_at(tree, i)->refusals != NULL)
			g_array_unref(node_at(tree, i)->refusals);
	g_array_set_size(tree->nodes, depth);
}

void walk_tree_init(struct walk_tree *tree, const struct walk_target *target,
                    const struct walk_sample *sample, unsigned number)
{
	*tree = (struct walk_tree){ .target = target, .sample = sample, .number = number };
	tree->nodes = g_array_new(FALSE, FALSE, sizeof(struct walk_node));
}

void walk_tree_clear(struct walk_tree *tree)
{
	cut_nodes(tree, 0);
	g_array_unref(tree->nodes);
}

/* The first tree begins with the first value of each choice, others somewhere else. */
static unsigned value_of(const struct walk_tree *tree, guint depth, unsigned tried, unsigned values)
{
	uint32_t start = tree->number == 0 ? 0 : (tree->number * 2654435761u) ^ (depth * 2246822519u);

	return ((start >> 16) + tried) % values;
}

static bool is_same(const struct walk_choice *a, const struct walk_choice *b)
{
	return a->check == b->check && a->args == b->args && a->field == b->field && a->values == b->values;
}

unsigned walk_tree_choose(struct walker *walker, const struct walk_choice *choice)
{
	struct walk_tree *tree = walker->chooser;
	guint depth = walker->path->len;
	struct walk_node node = { .choice = *choice };

	if (depth < tree->nodes->len && !is_same(&node_at(tree, depth)->choice, choice)) {
		tree->unsure = true;
		cut_nodes(tree, depth);
	}
	if (depth == tree->nodes->len) {
		node.choice.value = value_of(tree, depth, 0, choice->values);
		g_array_append_val(tree->nodes, node);
	}
	return node_at(tree, depth)->choice.value;
}

static void add_refusal(struct walk_node *node, const struct walk_end *end)
{
	if (node->refusals == NULL)
		node->refusals = g_array_new(FALSE, FALSE, sizeof(struct walk_end));
	for (guint i = 0; i < node->refusals->len; i++)
		if (g_array_index(node->refusals, struct walk_end, i).at == end->at)
			return;
	g_array_append_val(node->refusals, *end);
}

static void book(struct walk_tree *tree, const struct walk_end *end)
{
	int severity = end->error != NULL ? HARDEST : end->severity;

	for (guint i = 0; i < tree->nodes->len; i++) {
		struct walk_node *node = node_at(tree, i);
		unsigned value = node->choice.value;

		if (node->choice.field >= 0)
			continue;
		node->hardest[value] = (uint8_t)MAX(node->hardest[value], severity);
		if (end->error == NULL && severity >= 2 &&
		    walk_choice_word(&node->choice, value) == WORD_UNKNOWN)
			add_refusal(node, end);
	}
}

/* All words of an ask were tried, whatever follows. */
static void judge(struct walk_tree *tree, const struct walk_node *node)
{
	const struct walk_choice *choice = &node->choice;

	for (guint i = 0; node->refusals != NULL && i < node->refusals->len; i++) {
		const struct walk_end *end = &g_array_index(node->refusals, struct walk_end, i);

		for (unsigned value = 0; value + 1 < choice->values; value++)
			if (node->hardest[value] < end->severity) {
				tree->hasty(
				        tree, choice->check, end,
				        choice->check->module->word[walk_choice_word(choice, value)].word);
				break;
			}
	}
}

void walk_tree_next(struct walk_tree *tree, const struct walker *walker, const struct walk_end *end)
{
	if (tree->nodes->len > walker->path->len) {
		tree->unsure = true;
		cut_nodes(tree, walker->path->len);
	}
	book(tree, end);
	while (tree->nodes->len > 0) {
		guint depth = tree->nodes->len - 1;
		struct walk_node *last = node_at(tree, depth);

		if (++last->tried < last->choice.values) {
			last->choice.value = value_of(tree, depth, last->tried, last->choice.values);
			break;
		}
		if (!tree->unsure)
			judge(tree, last);
		cut_nodes(tree, depth);
	}
	tree->done = tree->nodes->len == 0;
}
