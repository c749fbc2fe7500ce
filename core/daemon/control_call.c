/* daemon/control_call.c - one command being carried out: its words, and its reply */
#include "daemon/control_call.h"

#include <math.h>
#include <string.h>
#include "base/quantity.h"
#include "base/text.h"

#define WORDS_LIMIT 256

/* -- reading ------------------------------------------------------------- */

/* Whether the words are few and texts; a text holds no NUL since jansson refuses it. */
static bool take_words(struct control_call *call, const json_t *command)
{
	size_t count = json_array_size(command);

	if (!json_is_array(command) || count == 0 || count > WORDS_LIMIT)
		return false;
	call->all = g_new0(char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		const char *word = json_string_value(json_array_get(command, i));

		if (word == NULL)
			return false;
		call->all[i] = g_strdup(word);
	}
	return true;
}

bool control_call_read(struct control_call *call, const char *bytes, size_t size)
{
	json_t *request = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	g_autofree char *error = NULL;
	bool good = take_words(call, json_object_get(request, "command"));
	unsigned used = 0;

	call->json = json_is_true(json_object_get(request, "json"));
	json_decref(request);
	if (!good) {
		control_fail(call, COMMAND_USAGE, "that is no request; wanted { \"command\": [\"status\"] }");
		return false;
	}
	call->command = command_find((const char *const *)call->all, &used, &error);
	if (call->command == NULL)
		control_fail(call, COMMAND_USAGE, "%s", error);
	if (call->command == NULL)
		return false;
	call->words = call->all + used;
	if (*call->command->synopsis == '\0' && *call->words != NULL) {
		control_fail(call, COMMAND_USAGE, "%s takes no arguments", call->command->name);
		return false;
	}
	return true;
}

void control_call_clear(struct control_call *call)
{
	g_strfreev(call->all);
	if (call->reply != NULL)
		g_string_free(call->reply, TRUE);
}

/* -- replying ------------------------------------------------------------ */

static void put_line(struct control_call *call, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(12));

	json_decref(line);
	if (text == NULL)
		return;
	g_string_append(call->reply, text);
	g_string_append_c(call->reply, '\n');
	free(text);
}

/* False: the reply is as long as it may become, which is said once. */
static bool has_room(struct control_call *call)
{
	if (call->reply->len < CALL_REPLY_MAX)
		return true;
	if (!call->cut)
		put_line(call, json_pack("{s:s}", "err", "the reply is too long; the rest is left out"));
	call->cut = true;
	return false;
}

static void put_text(struct control_call *call, const char *kind, const char *format, va_list args)
        G_GNUC_PRINTF(3, 0);

static void put_text(struct control_call *call, const char *kind, const char *format, va_list args)
{
	g_autofree char *text = g_strdup_vprintf(format, args);
	g_autofree char *clean = g_malloc(strlen(text) + 1);

	text_clean(clean, strlen(text) + 1, text, strlen(text));
	put_line(call, json_pack("{s:s}", kind, clean));
}

void control_say(struct control_call *call, const char *format, ...)
{
	va_list args;

	if (call->json || !has_room(call))
		return;
	va_start(args, format);
	put_text(call, "out", format, args);
	va_end(args);
}

void control_remark(struct control_call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(call, "err", format, args);
	va_end(args);
}

void control_fail(struct control_call *call, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(call, "err", format, args);
	va_end(args);
	call->status = status;
}

void control_row(struct control_call *call, json_t *row)
{
	if (call->json && has_room(call))
		put_line(call, json_pack("{s:o}", "row", row));
	else
		json_decref(row);
}

void control_call_end(struct control_call *call)
{
	put_line(call, json_pack("{s:i}", "exit", call->status));
}

/* -- values -------------------------------------------------------------- */

/* In the log < and > end a value; here they are what the null sender is written with. Backslashes
 * are escaped as well, so each \x3c was one. */
static void restore_brackets(char *text)
{
	char *to = text;

	while (*text != '\0') {
		bool bracket = strncmp(text, "\\x3c", 4) == 0 || strncmp(text, "\\x3e", 4) == 0;

		*to++ = !bracket ? *text : text[3] == 'c' ? '<' : '>';
		text += bracket ? 4 : 1;
	}
	*to = '\0';
}

json_t *control_text(const char *text, size_t length)
{
	size_t room = length * 4 + 1;
	g_autofree char *clean = g_malloc(room);

	text_escape(clean, room, text, length, true);
	restore_brackets(clean);
	return json_string(clean);
}

json_t *control_string(const char *text)
{
	return text != NULL ? control_text(text, strlen(text)) : json_null();
}

json_t *control_plain(const char *text)
{
	size_t room = text != NULL ? strlen(text) + 1 : 0;
	g_autofree char *clean = g_malloc(room);

	if (text == NULL)
		return json_null();
	text_clean(clean, room, text, room - 1);
	return json_string(clean);
}

static json_t *value_of(struct answer_value value)
{
	switch (value.kind) {
	case PP_BOOLEAN: return json_boolean(value.boolean);
	case PP_INTEGER: return json_integer(value.integer);
	case PP_REAL: return isfinite(value.real) ? json_real(value.real) : json_null();
	case PP_STRING: return control_text(value.string, value.length);
	default: return json_null();
	}
}

json_t *control_fields(const struct check *check, const struct answer *answer)
{
	json_t *fields = json_object();

	for (unsigned i = 0; i < check->fields; i++)
		json_object_set_new(fields, check->field[i].name, value_of(answer_field(check, answer, i)));
	return fields;
}

static char *print_value(const json_t *value)
{
	char number[32];

	switch (json_typeof(value)) {
	case JSON_STRING: return g_strdup(json_string_value(value));
	case JSON_INTEGER: return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_REAL: return g_strdup(g_ascii_dtostr(number, sizeof(number), json_real_value(value)));
	case JSON_TRUE: return g_strdup("true");
	case JSON_FALSE: return g_strdup("false");
	default: return g_strdup("nil");
	}
}

void control_say_fields(struct control_call *call, const json_t *fields)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)fields, name, value)
	{
		g_autofree char *text = print_value(value);

		control_say(call, "    %s = %s", name, text);
	}
}

const char *control_bytes(int64_t bytes, char buffer[32])
{
	static const char units[] = "KMGT";
	double size = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		g_snprintf(buffer, 32, "%d", (int)bytes);
		return buffer;
	}
	for (size /= 1024; size >= 999.5 && units[unit + 1] != '\0'; unit++)
		size /= 1024;
	g_snprintf(buffer, 32, "%.*f%c", size < 9.95, size, units[unit]);
	return buffer;
}

json_t *control_moment(pp_msec_t time)
{
	g_autoptr(GDateTime) moment = time != 0 ? g_date_time_new_from_unix_utc(time / 1000) : NULL;
	g_autofree char *text = moment != NULL ? g_date_time_format(moment, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	return text != NULL ? json_string(text) : json_null();
}

/* -- tables -------------------------------------------------------------- */

static char *print_cell(const json_t *value, enum control_kind kind)
{
	char buffer[32];

	if (value == NULL || json_is_null(value))
		return g_strdup("-");
	switch (kind) {
	case CONTROL_MSEC:
		return g_strdup(json_integer_value(value) > 0
		                        ? duration_say(json_integer_value(value), buffer)
		                        : "-");
	case CONTROL_BYTES: return g_strdup(control_bytes(json_integer_value(value), buffer));
	case CONTROL_MEAN: return g_strdup_printf("%.1f", json_number_value(value));
	default: return print_value(value);
	}
}

struct table {
	GPtrArray *cells; /* of char *, row by row, the titles first */
	const struct control_column *columns;
	unsigned width; /* in columns */
	int *widths;    /* of each, in characters */
};

static void add_cell(struct table *table, unsigned column, char *text)
{
	g_ptr_array_add(table->cells, text);
	table->widths[column] = MAX(table->widths[column], (int)g_utf8_strlen(text, -1));
}

static void say_line(struct control_call *call, const struct table *table, guint first)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (unsigned i = 0; i < table->width; i++) {
		const char *text = table->cells->pdata[first + i];
		int blanks = table->widths[i] - (int)g_utf8_strlen(text, -1);
		bool left = table->columns[i].kind == CONTROL_TEXT;

		if (i > 0)
			g_string_append(line, "  ");
		g_string_append_printf(line, "%*s%s%*s", left ? 0 : blanks, "", text,
		                       left && i + 1 < table->width ? blanks : 0, "");
	}
	control_say(call, "%s", line->str);
}

static void say_table(struct control_call *call, const json_t *rows, const struct control_column *columns)
{
	struct table table = { .cells = g_ptr_array_new_with_free_func(g_free), .columns = columns };

	while (columns[table.width].key != NULL)
		table.width++;
	table.widths = g_new0(int, table.width);
	for (unsigned i = 0; i < table.width; i++)
		add_cell(&table, i, g_strdup(columns[i].title));
	for (size_t row = 0; row < json_array_size(rows); row++)
		for (unsigned i = 0; i < table.width; i++) {
			const json_t *value = json_object_get(json_array_get(rows, row), columns[i].key);

			add_cell(&table, i, print_cell(value, columns[i].kind));
		}
	for (guint first = 0; first < table.cells->len; first += table.width)
		say_line(call, &table, first);
	g_free(table.widths);
	g_ptr_array_unref(table.cells);
}

void control_table(struct control_call *call, json_t *rows, const struct control_column *columns)
{
	if (!call->json && json_array_size(rows) > 0)
		say_table(call, rows, columns);
	for (size_t i = 0; call->json && i < json_array_size(rows); i++)
		control_row(call, json_incref(json_array_get(rows, i)));
	json_decref(rows);
}
