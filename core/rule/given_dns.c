/* rule/given_dns.c - DNS as a rule test gives it, in place of servers */
#include "rule/given_dns.h"

#include <stdlib.h>
#include <string.h>
#include "base/param.h"
#include "rule/stage.h"

struct given_answer {
	struct dns_answer answer;
	pp_msec_t after;
};

struct options {
	const char *fault;
	pp_msec_t ttl, after;
};

static const pp_row_t option_rows[] = {
	PP_CHOICE(struct options, fault,
	          .choices = "nxdomain nodata servfail refused timeout unreachable broken too_large",
	          .help = "What comes in place of records"),
	PP_DURATION(struct options, ttl, .dflt = "1h", .help = "How long the answer is good"),
	PP_DURATION(struct options, after, .dflt = "0s", .help = "How long the look-up takes"), PP_END
};

void given_dns_init(struct given_dns *given)
{
	arena_init(&given->arena);
	given->answers = g_hash_table_new(g_str_hash, g_str_equal);
	given->names = g_hash_table_new(g_str_hash, g_str_equal);
}

void given_dns_clear(struct given_dns *given)
{
	g_hash_table_remove_all(given->answers);
	g_hash_table_remove_all(given->names);
	arena_reset(&given->arena);
}

void given_dns_free(struct given_dns *given)
{
	g_hash_table_destroy(given->answers);
	g_hash_table_destroy(given->names);
	arena_free(&given->arena);
}

/* -- finding ------------------------------------------------------------- */

static const struct given_answer *look_up(const struct given_dns *given, const char *type, const char *name)
{
	char key[DNS_TEXT_MAX + 8];

	g_snprintf(key, sizeof(key), "%s %s", type, name);
	return g_hash_table_lookup(given->answers, key);
}

const struct dns_answer *given_dns_find(void *data, pp_dns_type_t type, const struct dns_name *name,
                                        pp_msec_t *after)
{
	static const struct dns_answer no_data = { .status = PP_DNS_NODATA, .ttl = 3600 };
	const struct given_dns *given = data;
	const struct given_answer *answer;
	char text[DNS_TEXT_MAX];

	dns_name_print(name, text);
	answer = look_up(given, dns_type_name(type), text);
	if (answer == NULL)
		answer = look_up(given, "*", text);
	if (answer == NULL)
		return g_hash_table_contains(given->names, text) ? &no_data : NULL;
	*after = answer->after;
	return &answer->answer;
}

/* -- reading ------------------------------------------------------------- */

static bool read_name(struct arena *arena, const char *text, pp_dns_record_t *record)
{
	char print[DNS_TEXT_MAX];
	struct dns_name name;

	if (strcmp(text, ".") != 0) {
		if (dns_name_parse(text, &name) != NULL)
			return false;
		dns_name_print(&name, print);
		text = print;
	}
	record->text = arena_strdup(arena, text);
	return true;
}

static bool read_mx(struct arena *arena, const char *text, pp_dns_record_t *record)
{
	char *end;
	unsigned long preference = strtoul(text, &end, 10);

	record->preference = (uint16_t)preference;
	return g_ascii_isdigit(*text) && *end == ' ' && preference <= UINT16_MAX &&
	       read_name(arena, end + 1, record);
}

static bool read_record(struct arena *arena, pp_dns_type_t type, const char *text, pp_dns_record_t *record)
{
	bool good = true;

	if (type == PP_DNS_A || type == PP_DNS_AAAA) {
		good = pp_address_parse(text, &record->address) &&
		       record->address.family == (type == PP_DNS_A ? 4 : 6);
		record->text = arena_strdup(arena, text);
	} else if (type == PP_DNS_TXT) {
		record->text = arena_strdup(arena, text);
	} else if (type == PP_DNS_MX) {
		good = read_mx(arena, text, record);
	} else {
		good = read_name(arena, text, record);
	}
	record->length = good ? strlen(record->text) : 0;
	return good;
}

static void read_records(lua_State *L, struct arena *arena, const char *key, pp_dns_type_t type,
                         const pp_value_t *values, struct dns_answer *answer)
{
	size_t most = values->kind == PP_LIST ? values->list.count : 1;
	pp_dns_record_t *records = arena_alloc0(arena, (most + 1) * sizeof(*records));

	answer->records = records;
	for (size_t i = 0; i < most; i++) {
		const pp_value_t *value = values->kind == PP_LIST ? &values->list.pairs[i].value : values;

		if (values->kind == PP_LIST && values->list.pairs[i].key != NULL)
			break;
		if (value->kind != PP_STRING || !read_record(arena, type, value->string, &records[i]))
			stage_fail(L, "given_dns: %s: found %s, which is no %s record", key,
			           value_show(arena, value), dns_type_name(type));
		records[i].ttl = (uint32_t)answer->ttl;
		answer->count++;
	}
}

static void read_options(lua_State *L, struct arena *arena, const char *key, const pp_value_t *values,
                         struct options *options)
{
	const struct param_options how = { .lists_first = true };
	struct pp_error error = { .where = "given_dns", .noun = "option" };
	const char *reason = NULL;

	error.messages = g_ptr_array_new_with_free_func(g_free);
	if (!param_read(option_rows, values, &how, arena, options, &error))
		reason = arena_strdup(arena, error.messages->pdata[0]);
	g_ptr_array_unref(error.messages);
	if (reason != NULL)
		stage_fail(L, "%s (of '%s')", reason, key);
}

static pp_dns_status_t status_of_fault(const char *fault)
{
	static const struct {
		const char *fault;
		pp_dns_status_t status;
	} faults[] = {
		{ "nxdomain", PP_DNS_NXDOMAIN }, { "nodata", PP_DNS_NODATA },
		{ "servfail", PP_DNS_SERVFAIL }, { "refused", PP_DNS_REFUSED },
		{ "timeout", PP_DNS_TIMEOUT },   { "unreachable", PP_DNS_UNREACHABLE },
		{ "broken", PP_DNS_BROKEN },     { "too_large", PP_DNS_TOO_LARGE },
	};
	size_t i = 0;

	while (strcmp(faults[i].fault, fault) != 0)
		i++;
	return faults[i].status;
}

/* -- giving -------------------------------------------------------------- */

struct key {
	const char *type; /* "*" = all of them */
	pp_dns_type_t number;
	char name[DNS_TEXT_MAX];
};

/* "mail.example.org A", "192.0.2.1 PTR" or "example.org". */
static void read_key(lua_State *L, struct arena *arena, const char *text, struct key *key)
{
	const char *space = strchr(text, ' '), *wrong;
	const char *written = space != NULL ? arena_strndup(arena, text, (size_t)(space - text)) : text;
	char reverse[DNS_REVERSE_MAX];
	pp_address_t address;
	struct dns_name name;

	key->type = "*";
	if (space != NULL && !dns_type_find(space + 1, &key->number))
		stage_fail(L, "given_dns: %s: found '%s', wanted A, AAAA, MX, PTR, TXT or NS", text,
		           space + 1);
	if (space != NULL)
		key->type = dns_type_name(key->number);
	if (space != NULL && key->number == PP_DNS_PTR && pp_address_parse(written, &address))
		written = arena_printf(arena, "%s.%s", dns_name_reverse(&address, reverse),
		                       dns_name_reverse_zone(&address));
	wrong = dns_name_parse(written, &name);
	if (wrong != NULL)
		stage_fail(L, "given_dns: %s: %s", text, wrong);
	dns_name_print(&name, key->name);
}

static void give(lua_State *L, struct given_dns *given, const char *text, const pp_value_t *values)
{
	struct arena *arena = &given->arena;
	struct given_answer *answer = arena_new0(arena, struct given_answer);
	struct options options;
	struct key key;

	read_key(L, arena, text, &key);
	read_options(L, arena, text, values->kind == PP_LIST ? values : NULL, &options);
	answer->after = options.after;
	answer->answer.ttl = options.ttl / 1000;
	if (options.fault != NULL)
		answer->answer.status = status_of_fault(options.fault);
	else if (*key.type == '*')
		stage_fail(L, "given_dns: %s: wanted a type behind the name, such as \"%s A\"", text, text);
	else
		read_records(L, arena, text, key.number, values, &answer->answer);
	if (options.fault == NULL && answer->answer.count == 0)
		answer->answer.status = PP_DNS_NODATA;
	if (answer->answer.status > PP_DNS_NODATA)
		answer->answer.ttl = -1;
	g_hash_table_replace(given->answers, arena_printf(arena, "%s %s", key.type, key.name), answer);
	if (answer->answer.status != PP_DNS_NXDOMAIN)
		g_hash_table_add(given->names, arena_strdup(arena, key.name));
}

static void give_records(lua_State *L, const char *name, const pp_value_t *values)
{
	give(L, &stage_of(L)->given_dns, name, values);
}

int given_dns_call(lua_State *L)
{
	return given_each(L, &stage_of(L)->given_dns.arena, "given_dns",
	                  "given_dns { [\"mail.example.org A\"] = \"192.0.2.1\" }", "a name", give_records);
}
