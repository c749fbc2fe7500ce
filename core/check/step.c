/* check/step.c - an ask under way: its steps; what modules call */
#include "check/step.h"

#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "check/dns.h"
#include "check/work.h"

#define STEPS_MAX 10000 /* in a row without waiting: the module does not end */

/* -- steps --------------------------------------------------------------- */

void step_wake(struct pp_ask *ask)
{
	loop_task_cancel(ask->host->loop, &ask->waker);
	if (step_run(ask, ask->next))
		step_done(ask);
}

static bool wake_now(struct loop_task *task)
{
	step_wake((struct pp_ask *)((char *)task - offsetof(struct pp_ask, waker)));
	return false;
}

void step_wake_soon(struct pp_ask *ask)
{
	if (ask->waker.waits)
		return;
	ask->waker = (struct loop_task){ .run = wake_now,
		                         .rank = dns_is_patient(ask) ? LOOP_PATIENT : LOOP_PROMPT };
	loop_task_set(ask->host->loop, &ask->waker);
}

static void time_out(struct loop_timer *timer)
{
	struct pp_ask *ask = (struct pp_ask *)((char *)timer - offsetof(struct pp_ask, timer));

	work_end_all(ask, PP_WORK_TIMED_OUT);
	ask->timed_out = true;
	step_wake(ask);
}

static bool answered(struct pp_ask *ask, unsigned word, const char *text)
{
	if (text != NULL) {
		ask->word = word;
		ask->text = text;
	}
	loop_timer_cancel(ask->host->loop, &ask->timer);
	work_end_all(ask, PP_WORK_TIMED_OUT);
	return true;
}

bool step_run(struct pp_ask *ask, pp_step_fn step)
{
	for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
		pp_step_t result;

		ask->running = true;
		result = step(ask);
		ask->running = false;
		if (result.kind == STEP_ANSWERED)
			return answered(ask, 0, NULL);
		if (result.kind != STEP_WAIT && result.kind != STEP_WAIT_ANY)
			return answered(ask, WORD_UNKNOWN,
			                "the module returned neither an answer nor pp_wait()");
		/* After the timeout a step had its last chance: waiting again is no answer. */
		if (ask->timed_out)
			return answered(ask, WORD_UNKNOWN, "no answer in time");
		ask->wait_any = result.kind == STEP_WAIT_ANY;
		step = ask->next;
		if (ask->open_works > 0) {
			if (ask->timer.place == 0) {
				ask->timer.expired = time_out;
				loop_timer_set(ask->host->loop, &ask->timer, ask->due);
			}
			return false;
		}
	}
	return answered(ask, WORD_UNKNOWN, "the module's steps do not end");
}

bool step_is_blocked(const struct pp_ask *ask)
{
	const struct pp_work *work = ask->works;

	while (work != NULL && work->claim == NULL)
		work = work->next;
	return work != NULL;
}

void step_cancel(struct pp_ask *ask)
{
	loop_timer_cancel(ask->host->loop, &ask->timer);
	loop_task_cancel(ask->host->loop, &ask->waker);
	work_end_all(ask, PP_WORK_TIMED_OUT);
}

pp_step_t pp_wait(pp_ask_t *ask, pp_step_fn next)
{
	ask->next = next;
	return (pp_step_t){ STEP_WAIT };
}

pp_step_t pp_wait_any(pp_ask_t *ask, pp_step_fn next)
{
	ask->next = next;
	return (pp_step_t){ STEP_WAIT_ANY };
}

/* -- answers ------------------------------------------------------------- */

/* The module's own memory may be gone once its step has returned. */
static void copy_field_texts(struct pp_ask *ask)
{
	for (unsigned i = 0; i < ask->check->own_fields; i++) {
		const pp_row_t *row = ask->check->field[i].row;
		const char **text = (const char **)((char *)pp_fields(ask) + row->offset);

		if (row->type == PP_TYPE_TEXT)
			*text = arena_strdup(&ask->arena, *text);
	}
}

static pp_step_t G_GNUC_PRINTF(3, 0) answer(pp_ask_t *ask, unsigned word, const char *format, va_list args)
{
	const char *text = format != NULL ? arena_vprintf(&ask->arena, format, args) : "";
	size_t length = strlen(text);
	char *clean;

	length = MIN(length, ANSWER_TEXT_MAX);
	clean = arena_alloc(&ask->arena, length + 1);
	text_clean(clean, length + 1, text, length);
	ask->word = word;
	ask->text = clean;
	copy_field_texts(ask);
	return (pp_step_t){ STEP_ANSWERED };
}

static unsigned word_of_class(const struct module *module, pp_class_t outcome)
{
	for (unsigned i = WORD_FIRST; i < module->words; i++)
		if (module->word[i].outcome == outcome)
			return i;
	return WORD_UNKNOWN;
}

#define ANSWER_FUNCTION(name, which)                           \
	pp_step_t name(pp_ask_t *ask, const char *format, ...) \
	{                                                      \
		va_list args;                                  \
		pp_step_t step;                                \
                                                               \
		va_start(args, format);                        \
		step = answer(ask, which, format, args);       \
		va_end(args);                                  \
		return step;                                   \
	}

ANSWER_FUNCTION(pp_yes, word_of_class(ask->check->module, PP_CLASS_YES))
ANSWER_FUNCTION(pp_no, word_of_class(ask->check->module, PP_CLASS_NO))
ANSWER_FUNCTION(pp_none, WORD_NONE)
ANSWER_FUNCTION(pp_unknown, WORD_UNKNOWN)

pp_step_t pp_word(pp_ask_t *ask, const char *word, const char *format, ...)
{
	int index = module_word(ask->check->module, word);
	va_list args;
	pp_step_t step;

	if (index < 0) {
		ask->word = WORD_UNKNOWN;
		ask->text = arena_printf(&ask->arena, "the module answered '%s', which is none of its words",
		                         word);
		return (pp_step_t){ STEP_ANSWERED };
	}
	va_start(args, format);
	step = answer(ask, (unsigned)index, format, args);
	va_end(args);
	return step;
}

void pp_keep_at_most(pp_ask_t *ask, pp_msec_t length)
{
	ask->keep_at_most = MAX(length, 0);
}

/* -- what an ask has ----------------------------------------------------- */

static void warn_of_read(struct pp_ask *ask, const char *name)
{
	if (g_atomic_int_compare_and_exchange(&ask->check->warned, 0, 1))
		pp_log(PP_LOG_ERROR,
		       "check %s: module %s reads attribute %s, which neither its .reads nor a "
		       "parameter names; it gets nothing",
		       ask->check->name, ask->check->module->desc->name, name);
}

const char *pp_attr(pp_ask_t *ask, pp_attribute_t attribute)
{
	size_t length;

	if (!check_reads(ask->check, attribute)) {
		warn_of_read(ask, attribute > PP_ATTRIBUTE_NONE && attribute < PP_ATTRIBUTES
		                          ? attribute_info(attribute)->name
		                          : "outside of the table");
		return NULL;
	}
	return request_get(ask->request, attribute, &length);
}

const char *pp_attr_named(pp_ask_t *ask, const char *name)
{
	pp_attribute_t attribute;
	size_t length;

	if (name == NULL)
		return NULL;
	attribute = attribute_find(name, strlen(name));
	if (!check_reads_named(ask->check, name) &&
	    (attribute == PP_ATTRIBUTE_NONE || !check_reads(ask->check, attribute))) {
		warn_of_read(ask, name);
		return NULL;
	}
	if (attribute != PP_ATTRIBUTE_NONE)
		return request_get(ask->request, attribute, &length);
	return request_get_named(ask->request, name, &length);
}

const void *pp_conf(pp_ask_t *ask)
{
	return ask->check->conf;
}

const void *pp_args(pp_ask_t *ask)
{
	return ask->args;
}

void *pp_fields(pp_ask_t *ask)
{
	const struct check *check = ask->check;
	size_t size = check->module->desc->fields_size;

	if (ask->fields == NULL) {
		ask->fields = arena_alloc0(&ask->arena, size);
		if (size > 0)
			memcpy(ask->fields, check->field_defaults, size);
	}
	return ask->fields;
}

void *pp_state(pp_ask_t *ask)
{
	if (ask->state == NULL)
		ask->state = arena_alloc0(&ask->arena, ask->check->module->desc->state_size);
	return ask->state;
}

void *pp_handle(pp_ask_t *ask)
{
	return g_atomic_pointer_get(&ask->check->handle);
}

void pp_field(pp_ask_t *ask, const char *name, const char *value)
{
	const struct check *check = ask->check;
	unsigned own = check->own_fields;

	if (ask->extra == NULL)
		ask->extra = arena_alloc0(&ask->arena, (check->fields - own) * sizeof(*ask->extra));
	for (unsigned i = own; i < check->fields; i++)
		if (strcmp(check->field[i].name, name) == 0)
			ask->extra[i - own] = arena_strdup(&ask->arena, value);
}

void *pp_alloc(pp_ask_t *ask, size_t size)
{
	return arena_alloc0(&ask->arena, size);
}

char *pp_format(pp_ask_t *ask, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(&ask->arena, format, args);
	va_end(args);
	return text;
}

pp_msec_t pp_time_left(pp_ask_t *ask)
{
	return ask->timed_out ? 0 : MAX(ask->due - pp_now(), 0);
}
