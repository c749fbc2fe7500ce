/* rule/handed.c - answer:action(): the action that another policy server gave, handed on */
#include "rule/handed.h"

#include <string.h>
#include "base/text.h"
#include "rule/actions.h"

#define SHOWN_MAX 100
#define SAID_MAX 1000 /* different lines */

static bool has_name(const pp_texts_t *names, const char *name)
{
	for (size_t i = 0; names != NULL && i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

/* NULL: it may be handed on; else why not. */
static const char *check_handed(const struct run *run, const pp_handed_t *handed, const struct action *action)
{
	const char *name = action_name(action->verb);
	struct arena *arena = &run->order.request->arena;

	if (!has_name(handed->actions, name))
		return arena_printf(arena, "'%s' is not in its actions", name);
	if (action_class(action->verb) == ACTION_PERMIT && (run->order.may & (1u << action->verb)) == 0)
		return arena_printf(arena, "%s needs may = { \"%s\" } in its listen()", name, name);
	return NULL;
}

/* In the line of the request, and once for each kind of reason in a line of its own: why may hold
 * what the server says. */
static void withhold(struct run *run, const struct rule_ask *ask, const pp_handed_t *handed, const char *kind,
                     const char *why)
{
	struct program *program = run->order.program;
	g_autofree char *key = NULL;
	char shown[SHOWN_MAX + 1];

	run_add_note(run, "withheld", handed->value);
	if (program->hooks != NULL || run->order.quiet || g_hash_table_size(program->said) >= SAID_MAX)
		return;
	key = g_strdup_printf("withheld %s %s", ask->check->check->name, kind);
	if (!g_hash_table_add(program->said, g_steal_pointer(&key)))
		return;
	text_escape(shown, sizeof(shown), handed->value, strlen(handed->value), true);
	pp_log(PP_LOG_WARNING,
	       "check %s: server %s says '%s', but %s; DUNNO is given, and further ones like it are not told",
	       ask->check->check->name, handed->server != NULL ? handed->server : "-", shown, why);
}

/* The whole value. */
static void join(struct arena *arena, pp_handed_t *handed)
{
	if (handed->value != NULL && handed->verb_text != NULL && *handed->verb_text != '\0')
		handed->value = arena_printf(arena, "%s %s", handed->value, handed->verb_text);
}

static struct action make_handed(struct run *run, const struct rule_ask *ask, const pp_handed_t *handed)
{
	struct arena *arena = &run->order.request->arena;
	struct action action = { .verb = ACTION_RESTRICTION };
	const char *why = NULL;
	bool good = handed->verbatim
	                    ? action_read_verbatim(arena, handed->value, &action, &why)
	                    : action_read(arena, handed->value, run->order.program->classes, &action, &why);

	if (!good)
		withhold(run, ask, handed, action_name(action.verb),
		         arena_printf(arena, "it cannot be handed on: %s", why));
	else if ((why = check_handed(run, handed, &action)) == NULL)
		return action;
	else
		withhold(run, ask, handed, why, why);
	return (struct action){ .verb = ACTION_DUNNO, .text = "" };
}

static struct action make_own(struct run *run, const pp_handed_t *handed)
{
	struct action action = actions_of_value(handed->otherwise);

	if (handed->verbatim)
		action_set_verbatim(&run->order.request->arena, &action);
	return action;
}

void handed_push(lua_State *L, struct run *run, struct rule_ask *ask)
{
	const struct check *check = ask->check->check;
	struct program *program = run->order.program;
	bool walking = program->hooks != NULL && program->hooks->field != NULL;
	const void *fields = check->field_defaults;
	pp_handed_t handed = { 0 };
	struct action action;

	if (!walking && ask->wish.answer.bytes != NULL)
		fields = answer_fields(check, &ask->wish.answer, &run->order.request->arena);
	check->module->desc->action(check->conf, check->module->word[ask->wish.answer.word].word, fields,
	                            &handed);
	join(&run->order.request->arena, &handed);
	action = handed.value != NULL ? make_handed(run, ask, &handed) : make_own(run, &handed);
	actions_push(L, program, &action);
}
