/* managed.c - `ppolicyctl list`: what is on a list, and lists of ours changed */
#include <string.h>
#include "list.h"

#define EXPIRE_EVERY 10000 /* ms */

/* -- statements ------------------------------------------------------------ */

static const pp_row_t wish_rows[] = {
	PP_TEXT(struct managed_wish, value, .help = "Entry"),
	PP_TEXT(struct managed_wish, reason, .help = "Why it is on the list"),
	PP_TEXT(struct managed_wish, author, .help = "Who added it"),
	PP_DURATION(struct managed_wish, now, .help = "Now"),
	PP_DURATION(struct managed_wish, until, .help = "When it ends, 0 = never"),
	PP_END,
};

static const pp_row_t row_rows[] = {
	PP_TEXT(struct managed_row, value, .help = "Entry"),
	PP_TEXT(struct managed_row, reason, .help = "Why it is on the list"),
	PP_TEXT(struct managed_row, author, .help = "Who added it"),
	PP_DURATION(struct managed_row, added, .unit = "time", .help = "When it was added"),
	PP_DURATION(struct managed_row, until, .unit = "time", .help = "When it ends"),
	PP_END,
};

const pp_statement_t managed_statements[] = {
	PP_STATEMENT("find", wish_rows, row_rows, struct managed_row),
	PP_STATEMENT("all", wish_rows, row_rows, struct managed_row),
	PP_STATEMENT("add", wish_rows, row_rows, struct managed_row),
	PP_STATEMENT("remove", wish_rows, row_rows, struct managed_row),
	PP_STATEMENT("expire", wish_rows, NULL, struct managed_row),
	PP_STATEMENTS_END,
};

void managed_expire(struct list *list)
{
	const struct managed_wish wish = { .now = pp_time() };

	if (pp_now() - list->expired_at < EXPIRE_EVERY && list->expired_at != 0)
		return;
	list->expired_at = pp_now();
	if (!pp_duty())
		return;
	pp_sql_now("expire", &wish, NULL, NULL, NULL);
}

/* -- showing --------------------------------------------------------------- */

struct show_args {
	const char *value;
	int64_t limit;
};

static const pp_row_t show_rows[] = {
	PP_TEXT(struct show_args, value,
	        .help = "Only these entries; * and ? stand for any text and character"),
	PP_INT(struct show_args, limit, .dflt = "1000", .min = "1", .max = "1000000",
	       .help = "Show no more than this many"),
	PP_END,
};

struct entry_row {
	const char *value, *said;
	int64_t line;
};

static const pp_row_t entry_rows[] = {
	PP_TEXT(struct entry_row, value, .help = "Entry"),
	PP_TEXT(struct entry_row, said, .help = "What is said of it"),
	PP_INT(struct entry_row, line, .help = "Line of the file"),
	PP_END,
};

struct showing {
	pp_call_t *call;
	GPatternSpec *pattern; /* NULL: all */
	int64_t shown, limit;
	const char *value; /* that is asked about */
};

static bool is_wanted(struct showing *showing, const char *value)
{
	if (showing->pattern != NULL && !g_pattern_spec_match_string(showing->pattern, value))
		return false;
	return showing->shown++ < showing->limit;
}

static void show_managed(const void *columns, void *data)
{
	const struct managed_row *row = columns;
	struct showing *showing = data;

	if (is_wanted(showing, row->value))
		pp_call_row(showing->call, row_rows, row);
}

/* What is said of an entry; of a database its first text. */
static char *said_of(const struct conf *conf, const char *said)
{
	if (conf->sql == NULL && conf->managed == NULL)
		return g_strdup(said);
	return g_strndup(said + (*said != '\0'), strcspn(said + (*said != '\0'), "\x1e\x1f"));
}

static void show_snapshot(struct showing *showing, struct list *list)
{
	const struct conf *conf = pp_call_conf(showing->call);
	struct snapshot *snapshot = list_snapshot(list);

	for (uint32_t i = 0; i < snapshot->count; i++) {
		g_autofree char *said = said_of(conf, snapshot_value(snapshot, i));
		const struct entry_row row = { snapshot_key(snapshot, i), said, snapshot->entries[i].line };

		if (is_wanted(showing, row.value))
			pp_call_row(showing->call, entry_rows, &row);
	}
	snapshot_unref(snapshot);
}

static bool is_open(pp_call_t *call, const struct list *list)
{
	return list != NULL || pp_call_fail(call, "it could not be read yet; the log says why");
}

static bool show(pp_call_t *call, void *handle)
{
	const struct show_args *args = pp_call_args(call);
	const struct conf *conf = pp_call_conf(call);
	g_autoptr(GPatternSpec) pattern = args->value != NULL ? g_pattern_spec_new(args->value) : NULL;
	struct showing showing = { .call = call, .pattern = pattern, .limit = args->limit };
	const struct managed_wish wish = { .now = pp_time() };
	const char *error;

	if (conf->managed != NULL) {
		if (!pp_sql_now("all", &wish, show_managed, &showing, &error))
			return pp_call_fail(call, "%s", error);
	} else if (conf->sql != NULL && !conf->whole) {
		return pp_call_fail(call, "the database is asked value by value: list query asks about one");
	} else if (is_open(call, handle)) {
		show_snapshot(&showing, handle);
	} else {
		return false;
	}
	if (showing.shown > showing.limit)
		pp_call_say(call, "%lld more; limit=NUMBER shows more",
		            (long long)(showing.shown - showing.limit));
	return showing.shown > 0;
}

/* -- asking ---------------------------------------------------------------- */

struct value_args {
	const char *value;
};

static const pp_row_t value_rows[] = {
	PP_TEXT(struct value_args, value, .required = true, .help = "Value"),
	PP_END,
};

static void note_managed(const void *columns, void *data)
{
	struct showing *showing = data;

	showing->shown++;
	pp_call_row(showing->call, row_rows, columns);
}

/* All of its columns are what is said of it. */
static void note_row(size_t columns, const char *const *names, const char *const *values, void *data)
{
	struct showing *showing = data;
	g_autoptr(GString) said = g_string_new(NULL);
	struct entry_row row = { .value = showing->value };

	if (showing->shown++ > 0)
		return;
	for (size_t i = 0; i < columns; i++)
		if (values[i] != NULL)
			g_string_append_printf(said, "%s%s=%s", said->len > 0 ? " " : "", names[i],
			                       values[i]);
	row.said = said->str;
	pp_call_row(showing->call, entry_rows, &row);
}

/* A look-up by one value; NULL or what is wrong. */
static const char *look_up_now(const struct conf *conf, struct showing *showing)
{
	const struct managed_wish wish = { .value = showing->value, .now = pp_time() };
	const char *error = NULL;

	if (conf->managed != NULL)
		pp_sql_now("find", &wish, note_managed, showing, &error);
	else if (pp_query_args(conf->sql) != 1 || conf->together)
		error = "this list is asked about several values at a time";
	else
		pp_query_now(conf->sql, &showing->value, note_row, showing, &error);
	return error;
}

static bool search_now(pp_call_t *call, struct list *list, const char *value)
{
	const struct conf *conf = pp_call_conf(call);
	struct snapshot *snapshot = list_snapshot(list);
	g_autofree char *copy = g_strdup(value);
	struct result result = conf->method->find(snapshot, conf, copy);
	bool found = result.outcome == OUTCOME_FOUND;

	if (found) {
		g_autofree char *said = said_of(conf, snapshot_value(snapshot, result.entry));
		const struct entry_row row = { snapshot_key(snapshot, result.entry), said,
			                       snapshot->entries[result.entry].line };

		pp_call_row(call, entry_rows, &row);
	} else if (result.why != NULL) {
		pp_call_say(call, "'%s' %s", value, result.why);
	}
	snapshot_unref(snapshot);
	return found;
}

static bool query(pp_call_t *call, void *handle)
{
	const struct value_args *args = pp_call_args(call);
	const struct conf *conf = pp_call_conf(call);
	g_autofree char *value = conf->ignore_case ? g_ascii_strdown(args->value, -1) : g_strdup(args->value);
	struct showing showing = { .call = call, .value = *value != '\0' ? value : "<>" };
	bool local = conf->sql == NULL && conf->managed == NULL;
	const char *error;

	if (local || conf->whole)
		return is_open(call, handle) && search_now(call, handle, showing.value);
	error = look_up_now(conf, &showing);
	if (error != NULL)
		return pp_call_fail(call, "%s", error);
	return showing.shown > 0;
}

/* -- changing -------------------------------------------------------------- */

struct add_args {
	const char *value, *reason, *author;
	pp_msec_t length;
};

static const pp_row_t add_rows[] = {
	PP_TEXT(struct add_args, value, .required = true, .min = "1", .max = "1000", .help = "Entry"),
	PP_TEXT(struct add_args, reason, .max = "1000", .help = "Why it is on the list"),
	PP_TEXT(struct add_args, author, .max = "200",
	        .help = "Who says so; the user who gives the command if not given"),
	{ .name = "for", /* a word of C */
	  .type = PP_TYPE_DURATION,
	  .offset = PP_OFFSET(struct add_args, length, pp_msec_t),
	  .min = "1s",
	  .max = "36500d",
	  .help = "How long, such as 30d; for ever if not given" },
	PP_END,
};

static bool is_managed(pp_call_t *call)
{
	const struct conf *conf = pp_call_conf(call);
	g_autofree char *source = NULL;

	if (conf->managed != NULL)
		return true;
	source = list_source(conf);
	return pp_call_fail(call, "%s is read from %s; only a list with managed = \"TABLE\" is changed here",
	                    pp_call_check(call), conf->file != NULL ? conf->file : source);
}

/* What no search could find is refused here, not when the list is read; and what a database may take for
 * another entry: to MySQL blanks at the end are nothing. */
static bool is_entry(pp_call_t *call, const char *value)
{
	const struct conf *conf = pp_call_conf(call);
	struct snapshot *snapshot = snapshot_new(conf->method);
	g_autofree char *copy = g_strdup(value);
	char wrong[LIST_WRONG_SIZE] = "an entry does not end in a blank";
	bool good = !g_str_has_suffix(value, " ") && snapshot_add(snapshot, conf, copy, "", 0, wrong);

	snapshot_finish(snapshot);
	snapshot_unref(snapshot);
	return good || pp_call_fail(call, "'%s': %s", value, wrong);
}

static void changed(pp_call_t *call, struct list *list)
{
	if (list != NULL)
		atomic_store(&list->changed, true);
	pp_call_forget(call);
}

/* Where case does not matter, entries are in lower case: so a look-up finds them, and an entry
 * that is written in another way is the same one. */
static char *as_entry(const struct conf *conf, const char *value)
{
	bool matters = conf->method == &search_regex || (conf->method == &search_exact && !conf->ignore_case);

	return matters ? g_strdup(value) : g_ascii_strdown(value, -1);
}

static bool add(pp_call_t *call, void *handle)
{
	const struct add_args *args = pp_call_args(call);
	g_autofree char *value = as_entry(pp_call_conf(call), args->value);
	const struct managed_wish wish = { .value = value,
		                           .reason = args->reason,
		                           .author = args->author != NULL ? args->author : pp_call_user(call),
		                           .now = pp_time(),
		                           .until = args->length > 0 ? pp_time() + args->length : 0 };
	struct showing showing = { .call = call };
	const char *error;

	if (!is_managed(call) || !is_entry(call, value))
		return false;
	if (!pp_sql_now("add", &wish, note_managed, &showing, &error))
		return pp_call_fail(call, "%s", error);
	changed(call, handle);
	return true;
}

static bool take_off(pp_call_t *call, void *handle)
{
	const struct value_args *args = pp_call_args(call);
	g_autofree char *value = as_entry(pp_call_conf(call), args->value);
	const struct managed_wish wish = { .value = value };
	struct showing showing = { .call = call };
	const char *error;

	if (!is_managed(call))
		return false;
	if (!pp_sql_now("remove", &wish, note_managed, &showing, &error))
		return pp_call_fail(call, "%s", error);
	if (showing.shown == 0)
		return pp_call_fail(call, "'%s' is not on %s", args->value, pp_call_check(call));
	changed(call, handle);
	return true;
}

const pp_command_t list_commands[] = {
	{ .name = "show",
	  .args = show_rows,
	  .args_size = sizeof(struct show_args),
	  .words = "check value",
	  .help = "Show the entries of lists",
	  .run = show },
	{ .name = "query",
	  .args = value_rows,
	  .args_size = sizeof(struct value_args),
	  .words = "check value",
	  .help = "Tell whether a value is on a list, and which entry says so",
	  .run = query },
	{ .name = "add",
	  .args = add_rows,
	  .args_size = sizeof(struct add_args),
	  .words = "check value",
	  .changes = true,
	  .help = "Put an entry on a managed list, or change what is said of it",
	  .run = add },
	{ .name = "remove",
	  .args = value_rows,
	  .args_size = sizeof(struct value_args),
	  .words = "check value",
	  .changes = true,
	  .help = "Take an entry off a managed list",
	  .run = take_off },
	PP_COMMANDS_END,
};
