/* lib/dns_probe.c - a module for tests: what came of one look-up, in words */
#include <string.h>
#include <ppolicyd/module.h>

#define SHOWN 3
#define BYTES 40

struct args {
	const char *name, *type;
};

static const pp_argument_t args[] = {
	PP_TEXT(struct args, name, .help = "Name that is looked up"),
	PP_CHOICE(struct args, type, .choices = "A AAAA MX PTR TXT NS", .help = "Type of its records"),
	PP_END,
};

struct state {
	pp_work_t *work;
	pp_dns_type_t type;
};

static pp_dns_type_t type_of(const char *name)
{
	static const struct {
		const char *name;
		pp_dns_type_t type;
	} types[] = { { "A", PP_DNS_A },     { "AAAA", PP_DNS_AAAA }, { "MX", PP_DNS_MX },
		      { "PTR", PP_DNS_PTR }, { "TXT", PP_DNS_TXT },   { "NS", PP_DNS_NS } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (name != NULL && strcmp(types[i].name, name) == 0)
			return types[i].type;
	return PP_DNS_A;
}

static const char *print_record(pp_ask_t *a, const struct state *state, size_t index)
{
	const pp_dns_record_t *record = pp_dns_record(state->work, index);
	const char *before = index == 0 ? ": " : ", ", *text = record->text;

	if (state->type == PP_DNS_MX)
		return pp_format(a, "%s%u %s", before, record->preference, text);
	if (record->length > BYTES)
		text = pp_format(a, "%.*s... (%u bytes)", BYTES, text, (unsigned)record->length);
	if (record->has_nul)
		text = pp_format(a, "%s (NUL, %u bytes)", text, (unsigned)record->length);
	return pp_format(a, "%s%s", before, text);
}

/* As tests/unit/dns_faults.c has it: "found for 300 s: 192.0.2.1, ... (12)". */
static const char *print_answer(pp_ask_t *a, const struct state *state)
{
	const char *text = pp_dns_status_name(pp_dns_status(state->work));
	size_t count = pp_dns_count(state->work);

	if (pp_dns_ttl(state->work) >= 0)
		text = pp_format(a, "%s for %d s", text, (int)pp_dns_ttl(state->work));
	for (size_t i = 0; i < count && i < SHOWN; i++)
		text = pp_format(a, "%s%s", text, print_record(a, state, i));
	return count <= SHOWN ? text : pp_format(a, "%s, ... (%u)", text, (unsigned)count);
}

static pp_step_t told(pp_ask_t *a)
{
	const struct state *state = pp_state(a);
	const char *text = print_answer(a, state);

	if (pp_work_state(state->work) != PP_WORK_DONE)
		return pp_unknown(a, "%s", text);
	return pp_dns_status(state->work) == PP_DNS_FOUND ? pp_yes(a, "%s", text) : pp_no(a, "%s", text);
}

static pp_step_t ask(pp_ask_t *a)
{
	const struct args *given = pp_args(a);
	struct state *state = pp_state(a);

	if (given->name == NULL)
		return pp_none(a, "there is no name");
	state->type = type_of(given->type);
	state->work = pp_dns(a, state->type, given->name);
	return pp_wait(a, told);
}

PP_MODULE(.name = "dns_probe", .question = "What does DNS say of a name?", .yes = "there", .no = "missing",
          .args_size = sizeof(struct args), .args = args, .state_size = sizeof(struct state), .ask = ask);
