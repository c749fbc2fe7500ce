/* answer.c - what is searched, and what is said of what was found
 *
 * Threads: see list.h. An ask holds a snapshot only while its step runs.
 */
#include <string.h>
#include "list.h"

/* -- what is searched ------------------------------------------------------ */

/* The null sender is on a list as "<>". */
static char *as_listed(pp_ask_t *a, const char *value)
{
	return pp_format(a, "%s", *value == '\0' ? "<>" : value);
}

/* The argument, or the attributes that the request has; of those that have to fit together
 * all or none. How many. */
static size_t searched_values(pp_ask_t *a, char ***values)
{
	const struct conf *conf = pp_conf(a);
	const struct args *given = pp_args(a);
	size_t wanted = conf->attribute != NULL ? conf->attribute->count : 0, count = 0;

	if (given->value != NULL && !conf->together) {
		*values = pp_alloc(a, 2 * sizeof(char *));
		(*values)[0] = as_listed(a, given->value);
		return 1;
	}
	*values = pp_alloc(a, (wanted + 1) * sizeof(char *));
	for (size_t i = 0; i < wanted; i++) {
		const char *value = pp_attr_named(a, conf->attribute->items[i]);

		if (value != NULL)
			(*values)[count++] = as_listed(a, value);
	}
	return conf->together && count < wanted ? 0 : count;
}

const char *list_key(pp_ask_t *a)
{
	char **values;
	size_t count = searched_values(a, &values);
	g_autofree char *joined = NULL;

	if (count < 2)
		return count == 1 ? values[0] : NULL;
	joined = g_strjoinv("\n", values);
	return pp_format(a, "%s", joined);
}

static pp_step_t nothing_to_search(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	GString *names = g_string_new(NULL);
	g_autofree char *text = NULL;

	for (size_t i = 0; conf->attribute != NULL && i < conf->attribute->count; i++)
		g_string_append_printf(names, "%s%s", i > 0 ? conf->together ? " and " : " or " : "",
		                       conf->attribute->items[i]);
	text = g_string_free(names, FALSE);
	if (*text == '\0')
		return pp_none(a, "nothing to search: the check has no attribute and the ask no value");
	return pp_none(a, "the request has no %s", text);
}

/* -- what was found -------------------------------------------------------- */

static bool begins_with(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=';
}

/* First the words with a name, then the others in order into what is left. */
static void set_named_fields(pp_ask_t *a, const pp_texts_t *names, const char *value)
{
	bool *set = memset(pp_alloc(a, names->count * sizeof(*set)), 0, names->count * sizeof(*set));
	g_auto(GStrv) words = g_strsplit_set(value, " \t", -1);
	size_t next = 0;

	for (char **word = words; *word != NULL; word++)
		for (size_t i = 0; i < names->count; i++)
			if (begins_with(*word, names->items[i])) {
				pp_field(a, names->items[i], *word + strlen(names->items[i]) + 1);
				set[i] = true;
				**word = '\0';
				break;
			}
	for (char **word = words; *word != NULL; word++) {
		while (next < names->count && set[next])
			next++;
		if (next < names->count && **word != '\0')
			pp_field(a, names->items[next++], *word);
	}
}

static void set_said(pp_ask_t *a, const char *said)
{
	const struct conf *conf = pp_conf(a);
	struct fields *answer = pp_fields(a);

	if (conf->file == NULL && conf->entries == NULL) {
		database_unpack(a, said, &answer->value);
	} else if (*said != '\0') {
		answer->value = pp_format(a, "%s", said);
		if (conf->fields != NULL)
			set_named_fields(a, conf->fields, said);
	}
}

pp_step_t list_found(pp_ask_t *a, const char *key, const char *said, uint32_t line)
{
	g_autofree char *source = list_source(pp_conf(a));
	struct fields *answer = pp_fields(a);

	answer->key = pp_format(a, "%s", key);
	answer->line = line;
	set_said(a, said);
	if (line == 0)
		return pp_yes(a, "%s (%s)", answer->key, source);
	return pp_yes(a, "%s (%s:%u)", answer->key, source, line);
}

static pp_step_t answer_of(pp_ask_t *a, const struct snapshot *snapshot, const struct result *result,
                           const char *value)
{
	const struct conf *conf = pp_conf(a);
	g_autofree char *source = list_source(conf);
	const char *key;

	switch (result->outcome) {
	case OUTCOME_FOUND:
		key = snapshot_key(snapshot, result->entry);
		return list_found(a, key, snapshot_value(snapshot, result->entry),
		                  snapshot->entries[result->entry].line);
	case OUTCOME_NONE: return pp_none(a, "'%s' %s", value, result->why);
	case OUTCOME_UNKNOWN:
		return pp_unknown(a, "%s (%s:%u) %s", snapshot_key(snapshot, result->entry), source,
		                  snapshot->entries[result->entry].line, result->why);
	default:
		return pp_no(a, "not on the list%s%s", conf->entries == NULL ? " " : "",
		             conf->entries == NULL ? source : "");
	}
}

/* -- asking ---------------------------------------------------------------- */

/* What says more of several values: found ends it; unknown might have been found. */
static bool says_more(enum outcome one, enum outcome other)
{
	static const int rank[] = {
		[OUTCOME_NONE] = 0, [OUTCOME_ABSENT] = 1, [OUTCOME_UNKNOWN] = 2, [OUTCOME_FOUND] = 3
	};

	return rank[one] > rank[other];
}

static pp_step_t search(pp_ask_t *a, char *const *values, size_t count)
{
	const struct conf *conf = pp_conf(a);
	struct list *list = pp_handle(a);
	struct snapshot *snapshot;
	struct result best = { 0 };
	size_t which = 0;
	pp_step_t step;

	if (list_is_too_old(list))
		return pp_unknown(a, "the database could not be read for too long");
	snapshot = list_snapshot(list);
	for (size_t i = 0; i < count && (i == 0 || best.outcome != OUTCOME_FOUND); i++) {
		struct result result = conf->method->find(snapshot, conf, pp_format(a, "%s", values[i]));

		if (i > 0 && !says_more(result.outcome, best.outcome))
			continue;
		best = result;
		which = i;
	}
	step = answer_of(a, snapshot, &best, values[which]);
	snapshot_unref(snapshot);
	return step;
}

pp_step_t list_ask(pp_ask_t *a)
{
	const struct conf *conf = pp_conf(a);
	char **values;
	size_t count = searched_values(a, &values);

	if (count == 0)
		return nothing_to_search(a);
	if (conf->whole || conf->file != NULL || conf->entries != NULL)
		return search(a, values, count);
	for (size_t i = 0; conf->ignore_case && i < count; i++)
		for (char *c = values[i]; *c != '\0'; c++)
			*c = g_ascii_tolower(*c);
	return database_look_up(a, values, count);
}
