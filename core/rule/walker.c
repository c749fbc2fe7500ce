/* rule/walker.c - ppolicyd -t: one run of a rule, with answers that somebody chooses */
#include "rule/walker.h"

#include <string.h>
#include "base/text.h"
#include "rule/actions.h"
#include "rule/run.h"
#include "rule/walk_cover.h"

#define CHOICES_MAX 64 /* in one run; what follows is not chosen */
#define DEADLINE 10000 /* ms; nothing waits for it */

/* What hangs on an ask. */
struct hooked {
	struct walk_place *place; /* NULL: not known */
	guint args;
	const struct answer_value *value[]; /* by field; NULL: not read yet */
};

unsigned walk_choice_word(const struct walk_choice *choice, unsigned value)
{
	if (value + 1 == choice->values)
		return WORD_UNKNOWN;
	return value + 2 == choice->values ? WORD_NONE : WORD_FIRST + value;
}

static void print_value(GString *out, const struct answer_value *value)
{
	char clean[100];

	switch (value->kind) {
	case PP_BOOLEAN: g_string_append(out, value->boolean ? "true" : "false"); break;
	case PP_INTEGER: g_string_append_printf(out, "%" G_GINT64_FORMAT, value->integer); break;
	case PP_REAL: g_string_append_printf(out, "%.14g", value->real); break;
	case PP_STRING:
		text_clean(clean, sizeof(clean), value->string, value->length);
		g_string_append_printf(out, "\"%s\"", clean);
		break;
	default: g_string_append(out, "nil"); break;
	}
}

void walk_choice_print(GString *out, const struct walk_choice *choice, const struct walk_values *values)
{
	const struct check *check = choice->check;

	g_string_append(out, check->name);
	if (choice->field >= 0) {
		g_string_append_printf(out, ".%s ", check->field[choice->field].name);
		print_value(out, &values->value[choice->value]);
	} else {
		g_string_append_printf(out, " %s",
		                       check->module->word[walk_choice_word(choice, choice->value)].word);
	}
}

/* -- choosing ------------------------------------------------------------ */

const struct walk_values *walker_values(struct walker *walker, const struct check *check, unsigned field)
{
	const struct walk_values *values = g_hash_table_lookup(walker->values, &check->field[field]);

	if (values == NULL) {
		values = walk_values_new(check, field, walker->program->plan->sources, &walker->arena);
		g_hash_table_insert(walker->values, &check->field[field], (void *)values);
	}
	return values;
}

static unsigned choose(struct walker *walker, struct rule_ask *ask, int field, unsigned values)
{
	struct walk_choice choice = { .check = ask->check->check,
		                      .args = ((struct hooked *)ask->hook)->args,
		                      .field = field,
		                      .values = values };

	if (walker->path->len == CHOICES_MAX) {
		walker->deep = true;
		return 0;
	}
	choice.value = walker->choose(walker, &choice);
	g_array_append_val(walker->path, choice);
	return choice.value;
}

/* The place of a check (NULL: of an action) on this line, made when it is first met. */
static struct walk_place *place_at(struct walker *walker, const char *file, int line,
                                   const struct check *check, enum action_verb verb)
{
	struct walk_place *place;
	char at[1024], name[1200];

	if (line <= 0)
		return NULL;
	g_snprintf(at, sizeof(at), "%s:%d", file, line);
	g_snprintf(name, sizeof(name), "%s %s%s", at, check != NULL ? "check " : "",
	           check != NULL ? check->name : action_name(verb));
	place = g_hash_table_lookup(walker->places, name);
	if (place == NULL) {
		place = g_new0(struct walk_place, 1);
		place->at = g_string_chunk_insert_const(walker->names, at);
		place->file = g_string_chunk_insert_const(walker->names, file);
		place->line = line;
		place->check = check;
		place->verb = verb;
		g_hash_table_insert(walker->places, g_string_chunk_insert_const(walker->names, name), place);
	}
	return place;
}

static bool ask(struct program_hooks *hooks, struct run *run, struct rule_ask *ask)
{
	const struct check *check = ask->check->check;
	struct walker *walker = (struct walker *)hooks;
	struct hooked *hooked;

	hooked = arena_alloc0(&run->order.request->arena,
	                      sizeof(*hooked) + check->fields * sizeof(hooked->value[0]));
	hooked->args = ask->args_key != NULL ? g_str_hash(ask->args_key) : 0;
	hooked->place = place_at(walker, ask->file, ask->line, check, 0);
	ask->hook = hooked;
	if (walker->cover != NULL)
		walk_cover_watch(walker->cover, run->thread, ask->object, hooked->place);
	return true;
}

static void read_answer(struct program_hooks *hooks, struct run *run, struct rule_ask *ask, int field)
{
	const struct module *module = ask->check->check->module;
	struct walker *walker = (struct walker *)hooks;
	struct hooked *hooked = ask->hook;
	struct walk_choice words = { .values = module->words };
	unsigned word;

	(void)field;
	if (hooked->place != NULL)
		hooked->place->used = true;
	/* Where it could not wait, a run that must wait fails. */
	if (ask->wish.done || !lua_isyieldable(run->thread))
		return;
	word = walk_choice_word(&words, choose(walker, ask, -1, module->words));
	objects_give_answer(ask, word,
	                    arena_printf(&run->order.request->arena, "%s: %s", ask->check->check->name,
	                                 module->word[word].word));
}

static struct answer_value read_field(struct program_hooks *hooks, struct run *run, struct rule_ask *ask,
                                      unsigned field)
{
	struct check *check = ask->check->check;
	struct walker *walker = (struct walker *)hooks;
	struct hooked *hooked = ask->hook;
	const struct walk_values *values;
	unsigned value = 0;

	(void)run;
	if (!module_sets(check->module, ask->wish.answer.word, check->field[field].row))
		return answer_field(check, &ask->wish.answer, field);
	if (hooked->value[field] == NULL) {
		values = walker_values(walker, check, field);
		if (values->count > 1)
			value = choose(walker, ask, (int)field, values->count);
		hooked->value[field] = &values->value[value];
	}
	return *hooked->value[field];
}

static void made(struct program_hooks *hooks, struct run *run, const struct lua_action *action)
{
	struct walker *walker = (struct walker *)hooks;
	struct walk_place *place = place_at(walker, action->file, action->line, NULL, action->action.verb);

	if (place != NULL && walker->cover != NULL)
		walk_cover_watch(walker->cover, run->thread, action, place);
}

/* -- running ------------------------------------------------------------- */

static const char *place_of_action(struct walker *walker, const struct verdict *verdict)
{
	struct walk_place *place = place_at(walker, verdict->file, verdict->line, NULL, verdict->action.verb);

	if (place == NULL)
		return walker->program->plan->main_path;
	place->used = true;
	return place->at;
}

static void done(struct run *run, const struct verdict *verdict)
{
	struct walker *walker = run->order.user;
	struct walk_end end = { .error = verdict->error, .severity = 0, .verb = WALK_FAILED };

	if (walker->cover != NULL)
		walk_cover_end(walker->cover);
	if (verdict->failed) {
		end.limited = sandbox_aborted(walker->program->sandbox) != NULL;
	} else {
		end.verb = verdict->action.verb;
		end.severity = action_severity(&verdict->action);
		end.at = place_of_action(walker, verdict);
	}
	walker->ended(walker, &end);
}

void walker_run(struct walker *walker, const struct walk_target *target, const struct walk_sample *sample)
{
	const struct plan_listener *listener = target->listener;
	struct request *request = request_new(walker->requests);
	const struct run_order order = {
		.program = walker->program,
		.request = request,
		.rule = &target->rule,
		.deadline = DEADLINE,
		.on_error = listener->on_error,
		.may = listener->may,
		.done = done,
		.user = walker,
	};

	request_from_pairs(request, (const char *const *)sample->pairs->pdata);
	request->listener = listener->address;
	request->peer = "127.0.0.1";
	g_array_set_size(walker->path, 0);
	run_start(&order);
	request_unref(request);
}

struct walker *walker_new(struct program *program)
{
	struct walker *walker = g_new0(struct walker, 1);

	walker->hooks = (struct program_hooks){
		.ask = ask, .read = read_answer, .field = read_field, .made = made
	};
	walker->program = program;
	walker->requests = request_pool_new();
	arena_init(&walker->arena);
	walker->names = g_string_chunk_new(1024);
	walker->values = g_hash_table_new(NULL, NULL);
	walker->places = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	walker->path = g_array_new(FALSE, FALSE, sizeof(struct walk_choice));
	return walker;
}

void walker_free(struct walker *walker)
{
	g_array_unref(walker->path);
	g_hash_table_unref(walker->places);
	g_hash_table_unref(walker->values);
	g_string_chunk_free(walker->names);
	arena_free(&walker->arena);
	request_pool_free(walker->requests);
	g_free(walker);
}
