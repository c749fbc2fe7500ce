/* rule/expect.c - functions of rule tests: a request to a rule, or to a check */
#include "rule/expect.h"

#include <lauxlib.h>
#include <string.h>
#include "base/text.h"
#include "rule/actions.h"
#include "rule/stage.h"

/* -- requests ------------------------------------------------------------ */

static const char *const defaults[][2] = {
	{ "protocol_state", "RCPT" },
	{ "protocol_name", "ESMTP" },
	{ "helo_name", "client.example.net" },
	{ "sender", "sender@example.net" },
	{ "recipient", "recipient@example.org" },
	{ "client_address", "192.0.2.1" },
	{ "client_name", "client.example.net" },
	{ "reverse_client_name", "client.example.net" },
	{ "instance", NULL },
};

struct pairs {
	const char *item[2 * REQUEST_ATTRIBUTES_MAX + 1];
	unsigned count;
};

static void add_pair(struct pairs *pairs, const char *name, const char *value)
{
	pairs->item[pairs->count++] = name;
	pairs->item[pairs->count++] = value;
}

/* Postfix may send what we do not know, but a name that is nearly one is misspelt. */
static void check_name(lua_State *L, const char *name)
{
	pp_attribute_t attribute = attribute_find(name, strlen(name));
	const char *names[PP_ATTRIBUTES] = { NULL }, *nearest;

	if (attribute >= PP_SENDER_DOMAIN)
		stage_fail(L, "%s is made from what is sent and cannot be given", name);
	if (attribute != PP_ATTRIBUTE_NONE)
		return;
	for (int i = 1; i < PP_ATTRIBUTES; i++)
		names[i - 1] = attribute_info((pp_attribute_t)i)->name;
	nearest = text_nearest(name, names);
	if (nearest != NULL)
		stage_fail(L, "a request has no '%s' (did you mean '%s'?)", name, nearest);
}

/* The value on top of the stack. */
static const char *attribute_text(lua_State *L, struct arena *arena, const char *name)
{
	const char *text;
	size_t length;

	if (lua_isinteger(L, -1))
		return arena_printf(arena, "%lld", (long long)lua_tointeger(L, -1));
	if (lua_type(L, -1) != LUA_TSTRING)
		stage_fail(L, "%s: found %s, wanted a text or a whole number", name, program_describe(L, -1));
	text = lua_tolstring(L, -1, &length);
	if (strlen(text) != length)
		stage_fail(L, "%s: a text has a NUL in it", name);
	return arena_strdup(arena, text);
}

static void read_pairs(lua_State *L, struct arena *arena, int index, struct pairs *pairs)
{
	const unsigned room = 2 * (REQUEST_ATTRIBUTES_MAX - G_N_ELEMENTS(defaults) - 1);

	lua_pushnil(L);
	while (lua_next(L, index)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			stage_fail(
			        L,
			        "a request is a table of attributes, such as { sender = \"a@example.org\" }");
		if (pairs->count >= room)
			stage_fail(L, "a request has too many attributes");
		check_name(L, lua_tostring(L, -2));
		add_pair(pairs, arena_strdup(arena, lua_tostring(L, -2)),
		         attribute_text(L, arena, lua_tostring(L, -2)));
		lua_pop(L, 1);
	}
}

static bool has_name(const struct pairs *pairs, const char *name)
{
	for (unsigned i = 0; i < pairs->count; i += 2)
		if (strcmp(pairs->item[i], name) == 0)
			return true;
	return false;
}

/* One reference, the caller's. */
static struct request *make_request(lua_State *L, struct stage *stage, int index, const char *listener)
{
	struct pairs pairs = { .count = 0 };
	struct request *request;
	const char *reason;

	read_pairs(L, &stage->scratch, index, &pairs);
	stage->instances++;
	for (unsigned i = 0; i < G_N_ELEMENTS(defaults); i++)
		if (!has_name(&pairs, defaults[i][0]))
			add_pair(&pairs, defaults[i][0],
			         defaults[i][1] != NULL
			                 ? defaults[i][1]
			                 : arena_printf(&stage->scratch, "%x.test.0", stage->instances));
	request = request_new(stage->requests);
	reason = request_from_pairs(request, pairs.item);
	if (reason != NULL) {
		request_unref(request);
		stage_fail(L, "the request cannot be sent: %s", reason);
	}
	request->listener = listener;
	request->peer = "test";
	g_snprintf(request->id, sizeof(request->id), "test-%u", stage->instances);
	return request;
}

/* -- running a rule ------------------------------------------------------ */

/* What came of it, in the stage's scratch memory. */
struct outcome {
	struct stage *stage;
	struct rule_ask *first; /* in the request's arena */
	const char *printed;    /* the action */
	enum action_verb verb;
	const char *error; /* of a failed one */
	const char *where; /* the action was made */
	const char *asked;
};

static void note_outcome(struct run *run, const struct verdict *verdict)
{
	struct outcome *outcome = run->order.user;
	struct arena *arena = &outcome->stage->scratch;

	outcome->first = run->first;
	outcome->verb = verdict->action.verb;
	outcome->printed = arena_strdup(arena, action_print(&verdict->action, arena));
	if (verdict->failed)
		outcome->error = arena_strdup(arena, verdict->error);
	if (verdict->file != NULL && *verdict->file != '\0')
		outcome->where = arena_printf(arena, "%s:%d", verdict->file, verdict->line);
	outcome->asked = "";
	for (const struct rule_ask *ask = run->first; ask != NULL; ask = ask->next) {
		const struct answer *answer = &ask->wish.answer;
		const struct check *check = ask->check->check;

		outcome->asked = arena_printf(arena, "%s\n  asked: %s=%s%s%s%s", outcome->asked, check->name,
		                              ask->wish.done ? check->module->word[answer->word].word
		                                             : "(open)",
		                              ask->read ? "" : ", never read",
		                              ask->wish.done && answer->text_length > 0 ? ": " : "",
		                              ask->wish.done ? answer->text : "");
	}
}

/* A rule and the listener whose deadline, on_error and may it has. */
struct part {
	struct program_rule rule;
	const struct plan_listener *listener; /* NULL: none */
	uint32_t may;
};

static uint32_t may_of_all(const struct plan *plan)
{
	uint32_t may = 0;

	if (plan->listeners->len == 0)
		return UINT32_MAX;
	for (guint i = 0; i < plan->listeners->len; i++)
		may |= ((struct plan_listener *)plan->listeners->pdata[i])->may;
	return may;
}

/* A function that no listener has, such as one of a route, may give what any of them may. */
static struct part find_part(lua_State *L, const struct program *program, int index)
{
	const GPtrArray *listeners = program->plan->listeners;
	struct part part = { .rule = { LUA_NOREF, "rule" }, .may = may_of_all(program->plan) };
	bool given = !lua_isnoneornil(L, index);

	if (given && !lua_isfunction(L, index))
		stage_fail(L, "expect: found %s, wanted a rule", program_describe(L, index));
	if (!given && program->rules->len == 0)
		stage_fail(L, "expect: no listen() names a rule; wanted one: expect(action, request, rule)");
	for (guint i = 0; i < program->rules->len && part.listener == NULL; i++) {
		const struct program_rule *rule = &g_array_index(program->rules, struct program_rule, i);

		lua_rawgeti(L, LUA_REGISTRYINDEX, rule->function);
		if (!given || lua_rawequal(L, -1, index))
			part = (struct part){ *rule, listeners->pdata[i],
				              ((struct plan_listener *)listeners->pdata[i])->may };
		lua_pop(L, 1);
	}
	return part;
}

static struct run_order order_of(const struct stage *stage, const struct part *part, struct outcome *outcome)
{
	const struct plan *plan = stage->program->plan;
	const struct plan_listener *listener = part->listener;
	struct run_order order = {
		.program = stage->program,
		.host = (struct ask_host *)&stage->host,
		.rule = &part->rule,
		.deadline = plan->server.deadline,
		.on_error = plan->server.on_error,
		.may = part->may,
		.done = note_outcome,
		.user = outcome,
	};

	if (listener != NULL && listener->deadline > 0)
		order.deadline = listener->deadline;
	if (listener != NULL && listener->on_error.verb <= ACTION_VERBS)
		order.on_error = listener->on_error;
	return order;
}

/* -- expect -------------------------------------------------------------- */

static bool begins_with(const char *text, const char *part)
{
	return strncmp(text, part, strlen(part)) == 0;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && g_ascii_strncasecmp(text, word, length) == 0;
}

static bool matches(const struct outcome *outcome, const char *wanted)
{
	size_t length = strcspn(wanted, " "), printed = strcspn(outcome->printed, " ");
	const char *rest = wanted + length + strspn(wanted + length, " ");
	const char *got = outcome->printed + printed + strspn(outcome->printed + printed, " ");

	if (is_word(wanted, length, "error"))
		return outcome->error != NULL && strstr(outcome->error, rest) != NULL;
	if (outcome->error != NULL)
		return false;
	if (printed == length && g_ascii_strncasecmp(wanted, outcome->printed, length) == 0)
		return begins_with(got, rest);
	/* reply("521 5.7.1", ...) and restriction(...) are sent without a verb. */
	return is_word(wanted, length, action_name(outcome->verb)) && begins_with(outcome->printed, rest);
}

static const char *show_outcome(struct arena *arena, const struct outcome *outcome)
{
	if (outcome->error != NULL)
		return arena_printf(arena, "an error: %s", outcome->error);
	if (outcome->where != NULL)
		return arena_printf(arena, "%s, made at %s", outcome->printed, outcome->where);
	return outcome->printed;
}

/* The rule is the third argument unless it is a listener's. */
static void run_part(lua_State *L, struct stage *stage, const struct run_order *order, struct part *part)
{
	if (part->listener == NULL) {
		lua_pushvalue(L, 3);
		part->rule.function = luaL_ref(L, LUA_REGISTRYINDEX);
	}
	stage_run(stage, order);
	if (part->listener == NULL)
		luaL_unref(L, LUA_REGISTRYINDEX, part->rule.function);
}

int expect_call(lua_State *L)
{
	struct stage *stage = stage_of(L);
	int table = lua_istable(L, 1) ? 1 : 2, action = 3 - table;
	const struct lua_action *made = actions_get(L, action);
	struct outcome outcome = { .stage = stage };
	const char *wanted;
	struct run_order order;
	struct part part;
	bool good;

	lua_settop(L, 3);
	if (!lua_istable(L, table) || (made == NULL && lua_type(L, action) != LUA_TSTRING))
		return stage_fail(L,
		                  "expect: found %s and %s, wanted an action and a request: "
		                  "expect(\"dunno\", { sender = \"a@example.org\" })",
		                  program_describe(L, 1), program_describe(L, 2));
	part = find_part(L, stage->program, 3);
	order = order_of(stage, &part, &outcome);
	order.request = make_request(L, stage, table,
	                             part.listener != NULL ? part.listener->address : "test");
	run_part(L, stage, &order, &part);
	request_unref(order.request);
	wanted = made != NULL ? action_print(&made->action, &stage->scratch) : lua_tostring(L, action);
	good = made != NULL ? outcome.error == NULL && strcmp(outcome.printed, wanted) == 0
	                    : matches(&outcome, wanted);
	if (!good)
		return stage_fail(L, "got %s\n  wanted: %s%s", show_outcome(&stage->scratch, &outcome),
		                  wanted, outcome.asked);
	arena_reset(&stage->scratch);
	return 0;
}

/* -- ask ----------------------------------------------------------------- */

static int asked(lua_State *L, int status, lua_KContext context)
{
	(void)L;
	(void)status;
	(void)context;
	return 0;
}

/* The rule that asks. Upvalues: the check, the arguments. */
static int ask_rule(lua_State *L)
{
	struct run *run = objects_request(L, 1)->run;

	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(2));
	objects_ask(L, run, lua_touserdata(L, lua_upvalueindex(1)), 1, 2);
	if (run->first->wish.done)
		return 0;
	run->waiting = run->first;
	return lua_yieldk(L, 0, 0, asked);
}

/* Upvalues: the check's name, a table of what an answer has. */
static int no_such_field(lua_State *L)
{
	const char *names[WORDS_MAX + 64] = { NULL }, *name = luaL_tolstring(L, 2, NULL), *nearest;
	unsigned count = 0;

	if (lua_getfield(L, lua_upvalueindex(2), name) != LUA_TNIL)
		return 0;
	lua_pushnil(L);
	while (count < G_N_ELEMENTS(names) - 1 && lua_next(L, lua_upvalueindex(2))) {
		names[count++] = lua_tostring(L, -2);
		lua_pop(L, 1);
	}
	nearest = text_nearest(name, names);
	if (nearest != NULL)
		return luaL_error(L, "an answer of '%s' has no '%s' (did you mean '%s'?)",
		                  lua_tostring(L, lua_upvalueindex(1)), name, nearest);
	return luaL_error(L, "an answer of '%s' has no '%s'", lua_tostring(L, lua_upvalueindex(1)), name);
}

/* The value on top of the stack becomes a field of the table below it; the table
 * of names is at index names. */
static void set_field(lua_State *L, int names, const char *name)
{
	lua_setfield(L, -2, name);
	lua_pushboolean(L, true);
	lua_setfield(L, names, name);
}

static void push_value(lua_State *L, const struct answer_value *value)
{
	switch (value->kind) {
	case PP_BOOLEAN: lua_pushboolean(L, value->boolean); break;
	case PP_INTEGER: lua_pushinteger(L, (lua_Integer)value->integer); break;
	case PP_REAL: lua_pushnumber(L, value->real); break;
	case PP_STRING: lua_pushlstring(L, value->string, value->length); break;
	default: lua_pushnil(L); break;
	}
}

/* A table, since the answer itself is over with its request. */
static void push_answer(lua_State *L, const struct check *check, const struct answer *answer)
{
	const struct module *module = check->module;
	int names;

	lua_newtable(L);
	names = lua_gettop(L);
	lua_newtable(L);
	for (unsigned i = 0; i < module->words; i++) {
		lua_pushboolean(L, answer->word == i);
		set_field(L, names, module->word[i].word);
	}
	lua_pushstring(L, module->word[answer->word].word);
	set_field(L, names, "word");
	lua_pushlstring(L, answer->text, answer->text_length);
	set_field(L, names, "text");
	lua_pushstring(L, answer_from_name(answer->from));
	set_field(L, names, "from");
	for (unsigned i = 0; i < check->fields; i++) {
		struct answer_value value = answer_field(check, answer, i);

		push_value(L, &value);
		set_field(L, names, check->field[i].name);
	}
	lua_newtable(L);
	lua_pushstring(L, check->name);
	lua_pushvalue(L, names);
	lua_pushcclosure(L, no_such_field, 2);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

int expect_ask(lua_State *L)
{
	struct stage *stage = stage_of(L);
	struct outcome outcome = { .stage = stage };
	struct part part = { .rule.name = "ask" };
	const struct lua_check *check;
	struct run_order order;

	lua_settop(L, 3);
	check = objects_check(L, 1);
	if (check == NULL || !lua_istable(L, 2) || (!lua_isnil(L, 3) && !lua_istable(L, 3)))
		return stage_fail(L,
		                  "ask: found %s, %s and %s, wanted a check, a request and arguments or nil",
		                  program_describe(L, 1), program_describe(L, 2), program_describe(L, 3));
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 3);
	lua_pushcclosure(L, ask_rule, 2);
	part.rule.function = luaL_ref(L, LUA_REGISTRYINDEX);
	order = order_of(stage, &part, &outcome);
	order.deadline = check->check->timeout + 1000;
	order.request = make_request(L, stage, 2, "test");
	stage->real = true;
	stage_run(stage, &order);
	stage->real = false;
	luaL_unref(L, LUA_REGISTRYINDEX, part.rule.function);
	if (outcome.first == NULL || !outcome.first->wish.done) {
		request_unref(order.request);
		return stage_fail(L, "ask: %s", outcome.error);
	}
	push_answer(L, check->check, &outcome.first->wish.answer);
	request_unref(order.request);
	arena_reset(&stage->scratch);
	return 1;
}
