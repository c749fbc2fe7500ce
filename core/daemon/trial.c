/* daemon/trial.c - a rule run for a request that nobody sent, without effects */
#include "daemon/trial.h"

#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "daemon/control_call.h"
#include "rule/run.h"

/* -- what happened ------------------------------------------------------- */

static double msec(int64_t usec)
{
	return (double)usec / 1000;
}

static json_t *describe_verdict(const struct run *run, const struct verdict *verdict,
                                const struct plan_listener *listener)
{
	struct request *request = run->order.request;
	const char *action = action_print(&verdict->action, &request->arena);
	bool closes = verdict->action.verb == ACTION_CLOSE;
	json_t *row = json_object();

	if (listener->observe)
		json_object_set_new(row, "reply", json_string("DUNNO"));
	else
		json_object_set_new(row, "reply", control_plain(closes ? NULL : action));
	json_object_set_new(row, "action", control_plain(action));
	json_object_set_new(row, "observe", json_boolean(listener->observe));
	json_object_set_new(row, "listener", control_string(listener->address));
	json_object_set_new(row, "rule", control_string(verdict->rule));
	json_object_set_new(row, "line", json_integer(verdict->line));
	json_object_set_new(row, "failed", control_string(verdict->failed ? verdict->error : NULL));
	json_object_set_new(row, "conf", json_string(run->order.program->plan->conf));
	json_object_set_new(row, "ms", json_real(msec(clock_usec() - request->started)));
	return row;
}

static const char *whence(const struct run *run, const struct check *check, const struct answer *answer)
{
	if (run->order.host->no_effects && check->module->desc->effects)
		return "not asked";
	if (answer->timed_out && answer->word == WORD_UNKNOWN)
		return "timeout";
	return answer_from_name(answer->from);
}

static json_t *describe_ask(const struct run *run, const struct rule_ask *ask)
{
	const struct check *check = ask->check->check;
	const struct answer *answer = &ask->wish.answer;
	json_t *row = json_pack("{s:s}", "check", check->name);

	if (!ask->wish.done) {
		json_object_set_new(row, "word", json_null());
		return row;
	}
	json_object_set_new(row, "word", json_string(check->module->word[answer->word].word));
	json_object_set_new(row, "from", json_string(whence(run, check, answer)));
	json_object_set_new(row, "ms", json_real(msec(ask->wish.usec)));
	json_object_set_new(row, "text", control_text(answer->text, answer->text_length));
	json_object_set_new(row, "fields", control_fields(check, answer));
	return row;
}

/* -- in the loop --------------------------------------------------------- */

static void decided(struct run *run, const struct verdict *verdict)
{
	struct trial *trial = run->order.user;
	const struct shift *shift = run->order.user2;
	unsigned index;
	const struct plan_listener *listener = world_listener(shift->world, run->order.request->listener,
	                                                      &index);

	trial->result = json_array();
	json_array_append_new(trial->result, describe_verdict(run, verdict, listener));
	for (unsigned i = 0; i < run->notes; i++) {
		json_t *row = json_object();

		json_object_set_new(row, "note", control_string(run->note[i].key));
		json_object_set_new(row, "value", json_string(run->note[i].value));
		json_array_append_new(trial->result, row);
	}
	for (const struct rule_ask *ask = run->first; ask != NULL; ask = ask->next)
		json_array_append_new(trial->result, describe_ask(run, ask));
}

static void over(const struct run_order *order)
{
	struct trial *trial = order->user;

	desk_leave(trial->desk, order->user2);
	trial->done(trial);
}

static const struct plan_listener *find_listener(const struct plan *plan, const char *address,
                                                 unsigned *index)
{
	for (*index = 0; *index < plan->listeners->len; ++*index) {
		const struct plan_listener *listener = plan->listeners->pdata[*index];

		if (address == NULL || strcmp(listener->address, address) == 0)
			return listener;
	}
	return NULL;
}

static char *no_such_listener(const struct plan *plan, const char *address)
{
	g_autofree const char **addresses = g_new0(const char *, plan->listeners->len + 1);
	const char *nearest;

	for (guint i = 0; i < plan->listeners->len; i++)
		addresses[i] = ((const struct plan_listener *)plan->listeners->pdata[i])->address;
	nearest = text_nearest(address, addresses);
	return g_strdup_printf("nothing listens on '%s'%s%s%s", address,
	                       nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
	                       nearest != NULL ? "'?)" : "");
}

static void run_rule(struct trial *trial, const struct plan_listener *listener, unsigned index,
                     struct request *request)
{
	struct desk *desk = trial->desk;
	struct shift *shift = desk_enter(desk);
	struct program *program = shift->world->programs[desk->index];
	const struct run_order order = {
		.program = program,
		.host = &desk->trials,
		.request = request,
		.rule = &g_array_index(program->rules, struct program_rule, index),
		.deadline = listener->deadline,
		.on_error = listener->on_error,
		.may = listener->may,
		.quiet = true,
		.done = decided,
		.over = over,
		.user = trial,
		.user2 = shift,
	};

	run_start(&order);
}

static void try(struct loop_message *message)
{
	struct trial *trial = (struct trial *)message;
	struct desk *desk = trial->desk;
	struct request *request;
	const struct plan_listener *listener;
	const char *wrong;
	unsigned index;

	listener = find_listener(desk->shift->world->plan, trial->listener, &index);
	if (listener == NULL) {
		trial->error = no_such_listener(desk->shift->world->plan, trial->listener);
		trial->done(trial);
		return;
	}
	request = request_new(desk->connections.requests);
	wrong = request_from_pairs(request, trial->pairs);
	if (wrong != NULL) {
		trial->error = g_strdup_printf("that makes no request: %s", wrong);
		request_unref(request);
		trial->done(trial);
		return;
	}
	request->listener = listener->address;
	request->peer = "ppolicyctl";
	request->started = clock_usec();
	g_strlcpy(request->id, "trial", sizeof(request->id));
	run_rule(trial, listener, index, request);
	request_unref(request);
}

void trial_start(struct trial *trial)
{
	trial->message.run = try;
	loop_post(trial->desk->loop, &trial->message);
}
