/* check/stored_row.c - an answer as a row of the table answers, and back */
#include <jansson.h>
#include <math.h>
#include <string.h>
#include "base/text.h"
#include "check/stored.h"

void stored_id(const void *key, size_t size, char id[STORED_ID_SIZE])
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	g_checksum_update(sum, key, (gssize)size);
	g_strlcpy(id, g_checksum_get_string(sum), STORED_ID_SIZE);
}

void stored_fingerprint(const struct check *check, char text[STORED_FINGERPRINT_SIZE])
{
	g_snprintf(text, STORED_FINGERPRINT_SIZE, "%016" G_GINT64_MODIFIER "x", check->fingerprint);
}

static bool sets_field(const struct check *check, unsigned word, unsigned field)
{
	return (check->field[field].words >> word & 1) != 0;
}

/* -- to the table -------------------------------------------------------- */

/* NULL: it cannot be one. */
static json_t *json_of(struct answer_value value)
{
	switch (value.kind) {
	case PP_BOOLEAN: return json_boolean(value.boolean);
	case PP_INTEGER: return json_integer(value.integer);
	case PP_REAL: return json_real(value.real);
	case PP_STRING: return json_stringn(value.string, value.length);
	default: return json_null();
	}
}

const char *stored_fields(const struct check *check, const struct answer *answer, struct arena *arena)
{
	json_t *fields = json_object();
	const char *copy = NULL;
	char *text = NULL;
	bool good = true;

	for (unsigned i = 0; i < check->fields && good; i++)
		if (sets_field(check, answer->word, i))
			good = json_object_set_new(fields, check->field[i].name,
			                           json_of(answer_field(check, answer, i))) == 0;
	if (good)
		text = json_dumps(fields, JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(fields);
	copy = arena_strdup(arena, text);
	free(text);
	return copy;
}

/* -- from the table ------------------------------------------------------ */

/* What is read of a row becomes. */
struct reading {
	const struct check *check;
	struct arena *arena;
	void *fields;       /* the module's struct */
	const char **extra; /* those that parameters named */
};

static bool read_text(struct reading *reading, const pp_row_t *row, const json_t *value, const char **text)
{
	const char *string = json_string_value(value);

	if (!json_is_string(value) && !json_is_null(value))
		return false;
	if (row != NULL && row->type == PP_TYPE_CHOICE && string != NULL &&
	    !text_has_word(row->choices, string))
		return false;
	*text = arena_strdup(reading->arena, string);
	return true;
}

static bool read_member(struct reading *reading, const pp_row_t *row, const json_t *value)
{
	void *member = (char *)reading->fields + row->offset;
	double real = json_number_value(value);
	int64_t integer = json_integer_value(value);
	bool truth = json_is_true(value);

	switch (row->type) {
	case PP_TYPE_TEXT:
	case PP_TYPE_CHOICE:
	case PP_TYPE_FILE: return read_text(reading, row, value, member);
	case PP_TYPE_BOOL: memcpy(member, &truth, sizeof(truth)); return json_is_boolean(value);
	case PP_TYPE_NUMBER:
		memcpy(member, &real, sizeof(real));
		return json_is_number(value) && isfinite(real);
	default: memcpy(member, &integer, sizeof(integer)); return json_is_integer(value);
	}
}

/* All that the word sets must be there, and nothing else. */
static bool read_fields(struct reading *reading, unsigned word, const json_t *fields)
{
	const struct check *check = reading->check;
	size_t count = 0;

	for (unsigned i = 0; i < check->fields; i++) {
		const json_t *value = json_object_get(fields, check->field[i].name);
		const pp_row_t *row = check->field[i].row;

		if (!sets_field(check, word, i))
			continue;
		count++;
		if (value == NULL)
			return false;
		if (row != NULL ? !read_member(reading, row, value)
		                : !read_text(reading, NULL, value, &reading->extra[i - check->own_fields]))
			return false;
	}
	return json_is_object(fields) && json_object_size(fields) == count;
}

static struct reading begin_reading(const struct check *check, struct arena *arena)
{
	size_t size = check->module->desc->fields_size;
	struct reading reading = { .check = check, .arena = arena };

	reading.fields = arena_alloc0(arena, size + 1);
	if (size > 0)
		memcpy(reading.fields, check->field_defaults, size);
	reading.extra = arena_alloc0(arena, (check->fields - check->own_fields + 1) * sizeof(*reading.extra));
	return reading;
}

static const char *clean(const char *text, struct arena *arena)
{
	size_t length = text_cut(text, strlen(text), ANSWER_TEXT_MAX);
	char *copy = arena_alloc(arena, length + 1);

	text_clean(copy, length + 1, text, length);
	return copy;
}

bool stored_read(const struct check *check, const struct stored_row *row, struct arena *arena,
                 struct answer *answer)
{
	int word = row->word != NULL ? module_word(check->module, row->word) : -1;
	char fingerprint[STORED_FINGERPRINT_SIZE];
	struct reading reading;
	json_t *fields;
	bool good;

	stored_fingerprint(check, fingerprint);
	if (word < 0 || word == WORD_UNKNOWN || g_strcmp0(row->check_name, check->name) != 0 ||
	    g_strcmp0(row->fingerprint, fingerprint) != 0 || row->text == NULL || row->fields == NULL)
		return false;
	reading = begin_reading(check, arena);
	fields = json_loads(row->fields, JSON_REJECT_DUPLICATES, NULL);
	good = read_fields(&reading, (unsigned)word, fields);
	json_decref(fields);
	if (good)
		answer_encode(check, arena, (unsigned)word, clean(row->text, arena), reading.fields,
		              reading.extra, answer);
	return good && answer->size <= ANSWER_BYTES_MAX;
}
