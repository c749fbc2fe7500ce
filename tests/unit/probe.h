/* unit/probe.h - modules for test_ask.c: they do what the sender's local part says */
#ifndef UNIT_PROBE_H
#define UNIT_PROBE_H

#include <glib.h>
#include <string.h>
#include "ppolicyd/module.h"

struct conf {
	int64_t mark;
	const pp_texts_t *more;
	const char *attribute;
};
struct args {
	const char *suffix;
};
struct fields {
	int64_t count;
	const char *note;
};
struct state {
	pp_work_t *works[3];
	unsigned steps;
};

static int asked;        /* how often the module really ran */
static bool source_away; /* its source fails */
static int opened, closed, open_fails;

static const pp_row_t params[] = {
	PP_INT(struct conf, mark, .dflt = "1", .help = "Mark"),
	PP_FIELD_NAMES(struct conf, more, .help = "More fields"),
	PP_ATTR_NAME(struct conf, attribute, .help = "One more attribute"),
	PP_END,
};
static const pp_row_t arg_rows[] = {
	PP_TEXT(struct args, suffix, .help = "Suffix"),
	PP_END,
};
static const pp_row_t field_rows[] = {
	PP_INT(struct fields, count, .dflt = "7", .when = "listed", .help = "Count"),
	PP_TEXT(struct fields, note, .dflt = "", .help = "Note"),
	PP_END,
};

static pp_step_t end(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	const char *sender = pp_attr(a, PP_SENDER);
	struct fields *fields = pp_fields(a);
	char local[16] = "gone soon";

	state->steps++;
	if (source_away)
		return pp_unknown(a, "the source is away");
	if (pp_time_left(a) == 0 && strstr(sender, "last") == NULL)
		return pp_unknown(a, "timed out after %u steps", state->steps);
	fields->count = 3;
	fields->note = local;
	pp_field(a, "extra", "an extra value");
	if (strstr(sender, "short"))
		pp_keep_at_most(a, 1000);
	return strstr(sender, "clean") ? pp_no(a, "clean")
	                               : pp_yes(a, "listed after %u steps\r\n", state->steps);
}

static pp_step_t any(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	unsigned done = 0;

	state->steps++;
	for (int i = 0; i < 3; i++)
		done += pp_work_state(state->works[i]) == PP_WORK_DONE;
	return done < 2 ? pp_wait_any(a, any) : pp_yes(a, "%u done after %u steps", done, state->steps);
}

static pp_step_t ask(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	const struct args *args = pp_args(a);
	const char *sender = pp_attr(a, PP_SENDER);

	asked++;
	g_assert_cmpuint(state->steps++, ==, 0);
	if (sender == NULL)
		return pp_none(a, "no sender");
	if (source_away)
		return pp_unknown(a, "the source is away");
	if (args->suffix != NULL)
		return pp_yes(a, "%s%s", sender, args->suffix);
	if (strstr(sender, "wait")) {
		pp_sleep(a, 100);
		pp_sleep(a, 300);
		return pp_wait(a, end);
	}
	if (strstr(sender, "any")) {
		for (int i = 0; i < 3; i++)
			state->works[i] = pp_sleep(a, 100 * (i + 1));
		return pp_wait_any(a, any);
	}
	if (strstr(sender, "forever") || strstr(sender, "last")) {
		pp_sleep(a, 1000 * 1000);
		return pp_wait(a, strstr(sender, "forever") ? ask : end);
	}
	if (strstr(sender, "nosuchword"))
		return pp_word(a, "nosuchword", "x");
	if (strstr(sender, "unread"))
		return pp_yes(a, "%s", pp_attr(a, PP_HELO_NAME) == NULL ? "nothing" : "something");
	return end(a);
}

static bool probe_clean;

static pp_step_t ask_fickle(pp_ask_t *a)
{
	if (source_away)
		return pp_unknown(a, "the source is away");
	return probe_clean ? pp_no(a, "clean") : pp_yes(a, "listed");
}

/* Counts how often it was asked, as far as it is told. */
static pp_step_t ask_keeper(pp_ask_t *a)
{
	struct fields *fields = pp_fields(a);
	const void *kept;
	const char *word = pp_kept(a, &kept);

	if (source_away)
		return pp_unknown(a, "the source is away");
	if (probe_clean)
		return pp_no(a, "clean");
	fields->count = word != NULL ? ((const struct fields *)kept)->count + 1 : 1;
	fields->note = word != NULL ? ((const struct fields *)kept)->note : "noted";
	g_assert_cmpstr(fields->note, ==, "noted");
	pp_keep(a, 10 * 60 * 1000, 60 * 60 * 1000);
	return pp_yes(a, "%s %d", word != NULL ? word : "new", (int)fields->count);
}

static pp_step_t ask_forever(pp_ask_t *a)
{
	pp_sleep(a, 1000 * 1000);
	return pp_wait(a, ask_forever);
}

static pp_step_t ask_endless(pp_ask_t *a)
{
	return pp_wait(a, ask_endless);
}

static const char *domain_key(pp_ask_t *a)
{
	const char *sender = pp_attr(a, PP_SENDER), *at = sender != NULL ? strrchr(sender, '@') : NULL;

	return at;
}

static void work(void *handle, void *data)
{
	int *number = data;

	g_assert_cmpstr(handle, ==, "handle");
	*number *= 2;
	if (*number == 0)
		g_usleep(200 * 1000);
}

static pp_step_t worked(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	if (pp_work_state(state->works[0]) != PP_WORK_DONE)
		return pp_unknown(a, "state %d", (int)pp_work_state(state->works[0]));
	return pp_yes(a, "%d", *(int *)pp_work_data(state->works[0]));
}

static pp_step_t ask_worker(pp_ask_t *a)
{
	struct state *state = pp_state(a);
	int number = strstr(pp_attr(a, PP_SENDER), "slow") ? 0 : 21;

	state->works[0] = pp_blocking(a, work, &number, sizeof(number));
	return pp_wait(a, worked);
}

static void *open_it(const void *conf, pp_error_t *error)
{
	(void)conf;
	if (open_fails > 0) {
		open_fails--;
		pp_fail(error, NULL, "not today");
		return NULL;
	}
	opened++;
	return (void *)"handle";
}

static void close_it(void *handle)
{
	g_assert_cmpstr(handle, ==, "handle");
	closed++;
}

#define PROBE(what, function, ...)                                              \
	static const pp_module_t what = { .abi = PP_ABI,                        \
		                          .size = sizeof(pp_module_t),          \
		                          .name = #what,                        \
		                          .question = "Is it so?",              \
		                          .yes = "listed",                      \
		                          .no = "clean",                        \
		                          .reads = PP_READS(PP_SENDER),         \
		                          .conf_size = sizeof(struct conf),     \
		                          .args_size = sizeof(struct args),     \
		                          .fields_size = sizeof(struct fields), \
		                          .state_size = sizeof(struct state),   \
		                          .params = params,                     \
		                          .args = arg_rows,                     \
		                          .fields = field_rows,                 \
		                          .ask = function,                      \
		                          __VA_ARGS__ }
PROBE(probe, ask, .keep = "1h");
PROBE(effect, ask, .effects = true);
PROBE(narrow, ask, .key = domain_key, .keep = "1h");
PROBE(keeper, ask_keeper, .key = domain_key, .effects = true);
PROBE(keyless, ask_keeper, .effects = true);
PROBE(forever, ask_forever);
PROBE(probe_fickle, ask_fickle);
PROBE(endless, ask_endless);
PROBE(opening, ask, .open = open_it, .close = close_it);
PROBE(working, ask_worker, .open = open_it, .close = close_it, .blocking = true);

#endif
