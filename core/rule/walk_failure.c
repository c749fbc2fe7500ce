/* rule/walk_failure.c - ppolicyd -t: runs that gave no action, and the least that leads there */
#include "rule/walk_failure.h"

#include <ctype.h>
#include <string.h>
#include "base/text.h"
#include "rule/walk_cover.h"

#define FAILURES_MAX 100
#define TEXT_MAX 600
#define WITHOUT_ACTION "ends without an action"

static void free_failure(void *data)
{
	struct walk_failure *failure = data;

	g_free(failure->key);
	g_free(failure->text);
	g_array_unref(failure->path);
	g_free(failure);
}

GHashTable *walk_failures_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_failure);
}

/* How much of an error is its place, "policy.lua:7"; 0 = it has none. */
static size_t place_length(const char *error)
{
	for (const char *colon = strchr(error, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		size_t digits = strspn(colon + 1, "0123456789");

		if (digits > 0 && strncmp(colon + 1 + digits, ": ", 2) == 0)
			return (size_t)(colon - error) + 1 + digits;
	}
	return 0;
}

/* A limit ends a rule here or there. */
static char *key_of(const struct walk_end *end)
{
	size_t length = place_length(end->error);

	if (length > 0 && !end->limited)
		return g_strndup(end->error, length);
	return g_strdup(end->error + length);
}

static bool is_smaller(const struct walk_failure *than, const struct walker *walker, unsigned order)
{
	return order < than->order || (order == than->order && walker->path->len < than->path->len);
}

void walk_failures_add(GHashTable *failures, const struct walker *walker, const struct walk_end *end,
                       const struct walk_target *target, const struct walk_sample *sample, unsigned order)
{
	g_autofree char *key = key_of(end);
	struct walk_failure *failure = g_hash_table_lookup(failures, key);

	if (failure == NULL) {
		if (g_hash_table_size(failures) == FAILURES_MAX)
			return;
		failure = g_new0(struct walk_failure, 1);
		failure->key = g_steal_pointer(&key);
		failure->path = g_array_new(FALSE, FALSE, sizeof(struct walk_choice));
		g_hash_table_insert(failures, failure->key, failure);
	} else if (!is_smaller(failure, walker, order)) {
		return;
	}
	g_free(failure->text);
	failure->text = g_strdup(end->error);
	failure->limited = end->limited;
	failure->target = target;
	failure->sample = sample;
	failure->order = order;
	g_array_set_size(failure->path, 0);
	g_array_append_vals(failure->path, walker->path->data, walker->path->len);
}

/* -- the least that leads there ------------------------------------------ */

struct attempt {
	const struct walk_failure *failure; /* its choices; what it has not is the first value */
	bool failed;                        /* as it does */
};

static unsigned choose_given(struct walker *walker, const struct walk_choice *choice)
{
	const struct attempt *attempt = walker->chooser;

	for (guint i = 0; i < attempt->failure->path->len; i++) {
		const struct walk_choice *given = &g_array_index(attempt->failure->path, struct walk_choice,
		                                                 i);

		if (given->check == choice->check && given->args == choice->args &&
		    given->field == choice->field)
			return MIN(given->value, choice->values - 1);
	}
	return 0;
}

static void compare(struct walker *walker, const struct walk_end *end)
{
	struct attempt *attempt = walker->chooser;
	g_autofree char *key = end->error != NULL ? key_of(end) : NULL;

	attempt->failed = g_strcmp0(key, attempt->failure->key) == 0;
}

static bool fails(const struct walk_failure *failure, struct walker *walker, const struct walk_sample *sample)
{
	struct attempt attempt = { .failure = failure };

	walker->choose = choose_given;
	walker->chooser = &attempt;
	walker->ended = compare;
	walker_run(walker, failure->target, sample);
	walker->chooser = NULL;
	return attempt.failed;
}

/* The most ordinary request that is known to fail so. */
static const struct walk_sample *find_sample(const struct walk_failure *failure, struct walker *walker)
{
	const struct walk_sample *ordinary = failure->target->ordinary;

	return !failure->limited && fails(failure, walker, ordinary) ? ordinary : failure->sample;
}

/* A choice does not matter if the rule fails so with its other values as well. */
static bool matters(const struct walk_failure *failure, struct walker *walker,
                    const struct walk_sample *sample, struct walk_choice *choice)
{
	unsigned value = choice->value;
	bool failed = true;

	if (failure->limited)
		return true;
	for (unsigned other = 0; other < choice->values && failed; other++) {
		choice->value = other;
		failed = fails(failure, walker, sample);
	}
	choice->value = value;
	return !failed;
}

static void print_example(GString *out, const struct walk_failure *failure, struct walker *walker,
                          const struct walk_sample *sample)
{
	const char *between = " (with ";

	for (guint i = 0; i < failure->path->len; i++) {
		struct walk_choice *choice = &g_array_index(failure->path, struct walk_choice, i);
		const struct walk_values *values = NULL;

		if (!matters(failure, walker, sample, choice))
			continue;
		if (choice->field >= 0)
			values = walker_values(walker, choice->check, (unsigned)choice->field);
		g_string_append(out, between);
		walk_choice_print(out, choice, values);
		between = ", ";
	}
	if (sample->name != NULL) {
		g_string_append_printf(out, "%s%s", between, sample->name);
		between = ", ";
	}
	if (*between == ',')
		g_string_append_c(out, ')');
}

/* Runs it again, looking on. Where the rule came to its end: 0 = not known; *file is
 * g_free'd by the caller. */
static int last_line(const struct walk_failure *failure, struct walker *walker,
                     const struct walk_sample *sample, char **file)
{
	bool has_place = place_length(failure->text) > 0;
	const char *last;
	int line;

	if (failure->limited || (has_place && strstr(failure->text, WITHOUT_ACTION) == NULL))
		return 0;
	walker->cover = walk_cover_new();
	if (!has_place) {
		sandbox_set_instructions(walker->program->sandbox, 0);
		walk_cover_begin(walker->cover, walker->program);
	}
	fails(failure, walker, sample);
	sandbox_set_instructions(walker->program->sandbox, WALK_INSTRUCTIONS_MAX);
	line = walk_cover_last_line(walker->cover, &last);
	*file = g_strdup(last);
	walk_cover_free(walker->cover);
	walker->cover = NULL;
	return line;
}

static void print_place(GString *out, const struct walk_failure *failure, const struct walker *walker,
                        const char *file, int line)
{
	if (file != NULL && line > 0)
		g_string_append_printf(out, "%s:%d: ", file, line);
	else
		g_string_append_printf(out, "%s: rule %s: ", walker->program->plan->main_path,
		                       failure->target->rule.name);
}

char *walk_failure_print(const struct walk_failure *failure, struct walker *walker)
{
	const struct walk_sample *sample = find_sample(failure, walker);
	g_autofree char *file = NULL;
	int line = last_line(failure, walker, sample, &file);
	GString *out = g_string_new(NULL);
	char clean[TEXT_MAX];

	text_clean(clean, sizeof(clean), failure->text, strlen(failure->text));
	if (place_length(failure->text) == 0)
		print_place(out, failure, walker, file, line);
	g_string_append(out, clean);
	if (line > 0 && place_length(failure->text) > 0)
		g_string_append_printf(out, ", at line %d", line);
	print_example(out, failure, walker, sample);
	return g_string_free(out, FALSE);
}
