/* rule/walk.c - ppolicyd -t: each rule run in every way it can go, asking nobody */
#include "rule/walk.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "rule/walk_cover.h"
#include "rule/walk_failure.h"
#include "rule/walk_tree.h"

#define TURN 50                      /* paths of a tree, before it is another one's turn */
#define LIMITED_MAX 2                /* runs that a limit ends, before the walk is given up */
#define RUN_TIME 1000                /* ms; most often the instructions are used up first */
#define ORDINARY_RUN_TIME 100        /* ms, as sandbox_new() has it */
#define WALK_TIME (10 * 1000 * 1000) /* usec */

struct walk {
	struct walker *walker;
	struct walk_report *report;
	GPtrArray *targets; /* of struct walk_target */
	GPtrArray *samples; /* of GPtrArray, each of struct walk_sample: what trees point to */
	GArray *trees;      /* of struct walk_tree */
	GHashTable *failures;
	GHashTable *warned; /* "policy.lua:7 zen" */
	int64_t started;
	unsigned limited; /* runs that a limit ended */
};

/* -- what is walked ------------------------------------------------------ */

static void free_target(void *data)
{
	struct walk_target *target = data;

	g_free(target->said);
	g_free(target);
}

static const void *pointer_of(lua_State *L, const struct program_rule *rule)
{
	const void *pointer;

	lua_rawgeti(L, LUA_REGISTRYINDEX, rule->function);
	pointer = lua_topointer(L, -1);
	lua_pop(L, 1);
	return pointer;
}

static void add_trees(struct walk *walk, const struct program_rule *rule,
                      const struct plan_listener *listener, const GPtrArray *samples)
{
	const struct plan *plan = walk->walker->program->plan;
	struct walk_target *target = g_new0(struct walk_target, 1);

	target->rule = *rule;
	target->function = pointer_of(walk->walker->program->L, rule);
	target->listener = listener;
	target->ordinary = samples->pdata[0];
	target->said = g_new0(uint32_t, plan->checks->len + 1);
	g_ptr_array_add(walk->targets, target);
	for (guint i = 0; i < samples->len; i++) {
		struct walk_tree tree;

		walk_tree_init(&tree, target, samples->pdata[i], i);
		g_array_append_val(walk->trees, tree);
	}
}

/* Of a route, which may lead to another: each of its rules. */
static void add_rule(struct walk *walk, const struct program_rule *rule, const struct plan_listener *listener,
                     const GPtrArray *samples)
{
	const struct program_route *route = program_route_of(walk->walker->program, rule);

	for (guint i = 0; route != NULL && i < route->rules->len; i++) {
		GPtrArray *with = walk_samples_with(samples, route->attribute, route->values->pdata[i]);

		g_ptr_array_add(walk->samples, with);
		add_rule(walk, &g_array_index(route->rules, struct program_rule, i), listener, with);
	}
	if (route == NULL)
		add_trees(walk, rule, listener, samples);
}

static void add_rules(struct walk *walk)
{
	struct program *program = walk->walker->program;
	GPtrArray *samples = walk_samples_new(program->plan);

	g_ptr_array_add(walk->samples, samples);
	for (guint i = 0; i < program->rules->len; i++)
		add_rule(walk, &g_array_index(program->rules, struct program_rule, i),
		         program->plan->listeners->pdata[i], samples);
}

/* -- walking ------------------------------------------------------------- */

static void note_unknown(const struct walk_tree *tree, const struct walker *walker, enum action_verb verb)
{
	const GPtrArray *checks = walker->program->plan->checks;

	for (guint i = 0; i < walker->path->len; i++) {
		const struct walk_choice *choice = &g_array_index(walker->path, struct walk_choice, i);

		if (choice->field >= 0 || walk_choice_word(choice, choice->value) != WORD_UNKNOWN)
			continue;
		for (guint j = 0; j < checks->len; j++)
			if (((struct plan_check *)checks->pdata[j])->check == choice->check)
				tree->target->said[j] |= 1u << verb;
	}
}

static void ended(struct walker *walker, const struct walk_end *end)
{
	struct walk_tree *tree = walker->chooser;
	struct walk *walk = tree->user;

	if (end->error != NULL && walker->cover == NULL)
		walk_failures_add(walk->failures, walker, end, tree->target, tree->sample, tree->number);
	walk->limited += end->limited;
	note_unknown(tree, walker, end->verb);
	walk_tree_next(tree, walker, end);
}

static void hasty(struct walk_tree *tree, const struct check *check, const struct walk_end *end,
                  const char *milder)
{
	struct walk *walk = tree->user;

	if (!g_hash_table_add(walk->warned, g_strdup_printf("%s %s", end->at, check->name)))
		return;
	g_ptr_array_add(
	        walk->report->warnings,
	        g_strdup_printf("%s: %s is given while '%s' is unknown, though '%s' would lead to something "
	                        "milder; say what to do when it is unknown (%s.unknown)",
	                        end->at, action_name(end->verb), check->name, milder, check->name));
}

/* Each run that a limit ends takes its time. */
static bool goes_on(const struct walk *walk, unsigned paths)
{
	return paths < WALK_PATHS_MAX && walk->limited < LIMITED_MAX &&
	       clock_usec() - walk->started < WALK_TIME;
}

/* The trees take turns, so that each gets its share if there are too many paths. */
static unsigned walk_trees(struct walk *walk)
{
	unsigned paths = 0, open = walk->trees->len;

	while (open > 0 && goes_on(walk, paths)) {
		open = 0;
		for (guint i = 0; i < walk->trees->len; i++) {
			struct walk_tree *tree = &g_array_index(walk->trees, struct walk_tree, i);

			walk->walker->chooser = tree;
			for (unsigned turn = 0; turn < TURN && !tree->done && goes_on(walk, paths);
			     turn++, paths++)
				walker_run(walk->walker, tree->target, tree->sample);
			open += !tree->done;
		}
	}
	return paths;
}

static void prepare(struct walk *walk)
{
	walk->walker->choose = walk_tree_choose;
	walk->walker->ended = ended;
	for (guint i = 0; i < walk->trees->len; i++) {
		struct walk_tree *tree = &g_array_index(walk->trees, struct walk_tree, i);

		tree->user = walk;
		tree->hasty = hasty;
	}
}

static bool is_cut(const struct walk *walk)
{
	for (guint i = 0; i < walk->trees->len; i++) {
		const struct walk_tree *tree = &g_array_index(walk->trees, struct walk_tree, i);

		if (!tree->done)
			return true;
	}
	return walk->walker->deep;
}

/* -- what was never used ------------------------------------------------- */

/* What failed on a line need not be said twice. */
static bool is_suspect(const struct walk *walk, const struct walk_place *place)
{
	return !place->used && (place->check == NULL || !place->check->module->desc->unread) &&
	       !g_hash_table_contains(walk->failures, place->at);
}

static GPtrArray *find_suspects(const struct walk *walk)
{
	GPtrArray *suspects = g_ptr_array_new();
	GHashTableIter iter;
	gpointer place;

	g_hash_table_iter_init(&iter, walk->walker->places);
	while (g_hash_table_iter_next(&iter, NULL, &place))
		if (is_suspect(walk, place))
			g_ptr_array_add(suspects, place);
	return suspects;
}

static void report_unused(struct walk *walk, const struct walk_place *place)
{
	const char *name = place->check != NULL ? place->check->name : action_name(place->verb);
	char *text;

	if (place->check != NULL)
		text = g_strdup_printf("%s: '%s' is asked, but its answer is never read, as by %s(req).%s",
		                       place->at, name, name, place->check->module->word[WORD_FIRST].word);
	else
		text = g_strdup_printf("%s: %s() is made, but never returned; write return %s(...)",
		                       place->at, name, name);
	g_ptr_array_add(walk->report->errors, text);
}

/* Walks once more and looks closely. Where a limit ends the rule there is an error
 * already, and what it hides is not known. */
static void judge_unused(struct walk *walk)
{
	const struct plan *plan = walk->walker->program->plan;
	g_autoptr(GPtrArray) suspects = find_suspects(walk);

	if (suspects->len == 0 || walk->limited > 0)
		return;
	for (guint i = 0; i < walk->trees->len; i++) {
		struct walk_tree *tree = &g_array_index(walk->trees, struct walk_tree, i);
		struct walk_tree again;

		walk_tree_init(&again, tree->target, tree->sample, tree->number);
		walk_tree_clear(tree);
		*tree = again;
	}
	prepare(walk);
	walk->started = clock_usec();
	walk->walker->cover = walk_cover_new();
	walk_trees(walk);
	for (guint i = 0; i < suspects->len; i++)
		if (is_suspect(walk, suspects->pdata[i]) &&
		    !walk_cover_excuses(walk->walker->cover, plan, suspects->pdata[i]))
			report_unused(walk, suspects->pdata[i]);
	walk_cover_free(walk->walker->cover);
	walk->walker->cover = NULL;
}

/* -- the report ---------------------------------------------------------- */

static void report_failures(struct walk *walk)
{
	GHashTableIter iter;
	gpointer failure;

	g_hash_table_iter_init(&iter, walk->failures);
	while (g_hash_table_iter_next(&iter, NULL, &failure))
		g_ptr_array_add(walk->report->errors, walk_failure_print(failure, walk->walker));
}

static int by_place(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;
	const char *colon = strchr(one, ':'), *other_colon = strchr(other, ':');
	int order;

	if (colon != NULL && other_colon != NULL && colon - one == other_colon - other &&
	    strncmp(one, other, (size_t)(colon - one)) == 0) {
		order = atoi(colon + 1) - atoi(other_colon + 1);
		if (order != 0)
			return order;
	}
	return strcmp(one, other);
}

static const struct walk_target *target_at(const struct walk *walk, guint which)
{
	return walk->targets->pdata[which];
}

/* All that a rule says while the check is unknown, whatever listens. */
static uint32_t said_by(const struct walk *walk, const struct walk_target *target, guint check)
{
	uint32_t said = 0;

	for (guint i = 0; i < walk->targets->len; i++)
		if (target_at(walk, i)->function == target->function)
			said |= target_at(walk, i)->said[check];
	return said;
}

static void print_said(GString *out, const char *rule, const char *check, uint32_t said)
{
	const char *between = "";

	g_string_append_printf(out, "%s: while %s is unknown: ", rule, check);
	for (unsigned verb = 0; verb <= WALK_FAILED; verb++)
		if ((said & (1u << verb)) != 0) {
			g_string_append_printf(out, "%s%s", between,
			                       verb == WALK_FAILED ? "on_error"
			                                           : action_name((enum action_verb)verb));
			between = ", ";
		}
	g_string_append_c(out, '\n');
}

static bool is_first(const struct walk *walk, guint which)
{
	for (guint i = 0; i < which; i++)
		if (target_at(walk, i)->function == target_at(walk, which)->function)
			return false;
	return true;
}

static void make_table(struct walk *walk)
{
	const GPtrArray *checks = walk->walker->program->plan->checks;
	g_autofree bool *read = g_new0(bool, checks->len + 1);

	for (guint i = 0; i < walk->targets->len; i++) {
		const struct walk_target *target = target_at(walk, i);

		if (!is_first(walk, i))
			continue;
		walk->report->rules++;
		for (guint j = 0; j < checks->len; j++) {
			uint32_t said = said_by(walk, target, j);

			if (said != 0)
				print_said(walk->report->table, target->rule.name,
				           ((struct plan_check *)checks->pdata[j])->name, said);
			read[j] |= said != 0;
		}
	}
	for (guint j = 0; j < checks->len; j++)
		if (!read[j])
			g_string_append_printf(walk->report->table, "no rule reads %s\n",
			                       ((struct plan_check *)checks->pdata[j])->name);
}

static void judge_listeners(const struct plan *plan, GPtrArray *warnings)
{
	for (guint i = 0; i < plan->listeners->len; i++) {
		const struct plan_listener *listener = plan->listeners->pdata[i];

		if (listener->proxy.given && listener->proxy.is_closed)
			g_ptr_array_add(warnings,
			                g_strdup_printf("%s:%d: listen: proxy has no networks: "
			                                "nobody may connect to %s",
			                                listener->file, listener->line, listener->address));
	}
}

static void fill_report(struct walk *walk)
{
	struct walk_report *report = walk->report;

	report->paths = walk_trees(walk);
	report->cut = is_cut(walk);
	make_table(walk);
	judge_unused(walk);
	judge_listeners(walk->walker->program->plan, report->warnings);
	report_failures(walk);
	g_ptr_array_sort(report->errors, by_place);
	g_ptr_array_sort(report->warnings, by_place);
}

void walk_rules(struct program *program, struct walk_report *report)
{
	struct walk walk = { .walker = walker_new(program), .report = report, .started = clock_usec() };

	*report = (struct walk_report){ .path = g_strdup(program->plan->main_path),
		                        .checks = program->plan->checks->len };
	report->errors = g_ptr_array_new_with_free_func(g_free);
	report->warnings = g_ptr_array_new_with_free_func(g_free);
	report->table = g_string_new(NULL);
	walk.targets = g_ptr_array_new_with_free_func(free_target);
	walk.samples = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
	walk.trees = g_array_new(FALSE, FALSE, sizeof(struct walk_tree));
	walk.failures = walk_failures_new();
	walk.warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	add_rules(&walk);
	prepare(&walk);
	program->hooks = &walk.walker->hooks;
	sandbox_set_instructions(program->sandbox, WALK_INSTRUCTIONS_MAX);
	sandbox_set_time(program->sandbox, RUN_TIME);
	fill_report(&walk);
	sandbox_set_time(program->sandbox, ORDINARY_RUN_TIME);
	sandbox_set_instructions(program->sandbox, 0);
	program->hooks = NULL;
	for (guint i = 0; i < walk.trees->len; i++)
		walk_tree_clear(&g_array_index(walk.trees, struct walk_tree, i));
	g_array_unref(walk.trees);
	g_ptr_array_unref(walk.targets);
	g_ptr_array_unref(walk.samples);
	g_hash_table_unref(walk.failures);
	g_hash_table_unref(walk.warned);
	walker_free(walk.walker);
}

void walk_clear(struct walk_report *report)
{
	g_free(report->path);
	g_ptr_array_unref(report->errors);
	g_ptr_array_unref(report->warnings);
	g_string_free(report->table, TRUE);
	*report = (struct walk_report){ 0 };
}

/* -- printing ------------------------------------------------------------ */

static void print_count(FILE *out, unsigned count, const char *what)
{
	fprintf(out, "%u %s%s", count, what, count == 1 ? "" : "s");
}

static void print_found(FILE *out, unsigned count, const char *what)
{
	fputs(", ", out);
	if (count > 0)
		print_count(out, count, what);
	else
		fprintf(out, "no %ss", what);
}

/* "policy.lua:7: warning: ..." */
static void print_warning(FILE *err, const char *text)
{
	const char *rest = strstr(text, ": ");

	fprintf(err, "%.*s: warning: %s\n", (int)(rest - text), text, rest + 2);
}

void walk_print(const struct walk_report *report, FILE *out, FILE *err)
{
	for (guint i = 0; i < report->errors->len; i++)
		fprintf(err, "%s\n", (const char *)report->errors->pdata[i]);
	for (guint i = 0; i < report->warnings->len; i++)
		print_warning(err, report->warnings->pdata[i]);
	fputs(report->table->str, out);
	fprintf(out, "%s: ", report->path);
	print_count(out, report->checks, "check");
	fputs(", ", out);
	print_count(out, report->rules, "rule");
	fputs(", ", out);
	print_count(out, report->paths, "path");
	if (report->cut)
		fputs(" (there are more)", out);
	print_found(out, report->errors->len, "error");
	print_found(out, report->warnings->len, "warning");
	fputc('\n', out);
}
