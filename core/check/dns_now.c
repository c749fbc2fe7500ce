/* check/dns_now.c - look-ups for who may wait: upkeep and commands
 *
 * They have a loop of their own, so that nothing is shared with the threads that answer
 * requests. Whoever looks up runs it; one at a time, since it happens a few times an hour.
 */
#include "check/dns_now.h"

#include <glib.h>
#include "check/binding.h"

static struct {
	GMutex lock; /* of what follows */
	struct dns_settings settings;
	pp_texts_t servers;
	char **names;     /* of servers */
	unsigned changes; /* of settings; 0 = there are none */
} wanted;

static struct {
	GMutex lock;       /* held while it runs */
	struct loop *loop; /* atomic; once made it stays */
	struct dns *dns;
	unsigned changes; /* of wanted, that dns knows of */
} service;

/* Of rule tests. */
static dns_give_fn given;
static void *given_data;

static _Thread_local struct arena *answers;

struct look_up_now {
	struct dns_wish wish; /* first */
	size_t *open;
};

/* -- whom to ask --------------------------------------------------------- */

void dns_now_use(const struct dns_settings *settings)
{
	size_t count = settings->servers != NULL ? settings->servers->count : 0;

	g_mutex_lock(&wanted.lock);
	g_strfreev(wanted.names);
	wanted.names = g_new0(char *, count + 1);
	for (size_t i = 0; i < count; i++)
		wanted.names[i] = g_strdup(settings->servers->items[i]);
	wanted.servers = (pp_texts_t){ count, (const char *const *)wanted.names };
	wanted.settings = *settings;
	wanted.settings.servers = settings->servers != NULL ? &wanted.servers : NULL;
	wanted.changes++;
	g_mutex_unlock(&wanted.lock);
	if (g_atomic_pointer_get(&service.loop) == NULL)
		g_atomic_pointer_set(&service.loop, loop_new("dns"));
}

void dns_now_give(dns_give_fn give, void *data)
{
	given = give;
	given_data = data;
}

/* False: there is no DNS. With service.lock. */
static bool is_ready(void)
{
	if (g_atomic_pointer_get(&service.loop) == NULL)
		return false;
	g_mutex_lock(&wanted.lock);
	if (service.dns == NULL)
		service.dns = dns_new(service.loop, &wanted.settings);
	else if (service.changes != wanted.changes)
		dns_use(service.dns, &wanted.settings);
	service.changes = wanted.changes;
	g_mutex_unlock(&wanted.lock);
	return true;
}

/* -- asking -------------------------------------------------------------- */

static void ready(struct dns_wish *wish)
{
	if (--*((struct look_up_now *)wish)->open == 0)
		loop_stop(service.loop);
}

/* With service.lock. */
static void ask_servers(const pp_dns_question_t *questions, struct look_up_now *look_ups, size_t count)
{
	size_t open = 0;

	for (size_t i = 0; i < count; i++) {
		look_ups[i].wish.ready = ready;
		look_ups[i].wish.arena = answers;
		look_ups[i].open = &open;
		if (dns_ask(service.dns, &look_ups[i].wish, questions[i].type, questions[i].name) == NULL)
			open++;
	}
	if (open > 0)
		loop_run(service.loop);
}

/* NULL: the test says nothing of the name. */
static const struct dns_answer *ask_given(const pp_dns_question_t *question)
{
	static const struct dns_answer bad_name = { .status = PP_DNS_BAD_NAME, .ttl = -1 };
	struct dns_name name;
	pp_msec_t after;

	if (dns_name_parse(question->name, &name) != NULL)
		return &bad_name;
	return given(given_data, question->type, &name, &after);
}

/* A test that says nothing of any of them does not care for them: they stay not asked. */
static void ask_test(const pp_dns_question_t *questions, struct look_up_now *look_ups, size_t count)
{
	bool cares = false;

	for (size_t i = 0; i < count; i++)
		cares |= ask_given(&questions[i]) != NULL;
	for (size_t i = 0; cares && i < count; i++) {
		const struct dns_answer *answer = ask_given(&questions[i]);

		look_ups[i].wish.answer = answer != NULL ? *answer : dns_no_name;
	}
}

static void fill_in(pp_dns_question_t *question, const struct dns_answer *answer)
{
	question->status = answer->status;
	question->count = answer->status == PP_DNS_FOUND ? answer->count : 0;
	question->records = question->count > 0 ? answer->records : NULL;
	question->ttl = answer->ttl;
}

static void look_up(pp_dns_question_t *questions, size_t count)
{
	struct look_up_now *look_ups = arena_alloc0(answers, count * sizeof(*look_ups));

	for (size_t i = 0; i < count; i++)
		look_ups[i].wish.answer = (struct dns_answer){ .status = PP_DNS_NOT_ASKED, .ttl = -1 };
	if (given != NULL) {
		ask_test(questions, look_ups, count);
	} else {
		g_mutex_lock(&service.lock);
		if (is_ready())
			ask_servers(questions, look_ups, count);
		g_mutex_unlock(&service.lock);
	}
	for (size_t i = 0; i < count; i++)
		fill_in(&questions[i], &look_ups[i].wish.answer);
}

void dns_now_forget(void)
{
	if (answers == NULL)
		return;
	arena_free(answers);
	g_clear_pointer(&answers, g_free);
}

void pp_dns_now(pp_dns_question_t *questions, size_t count)
{
	dns_now_forget();
	answers = g_new(struct arena, 1);
	arena_init(answers);
	if (check_current() != NULL) {
		look_up(questions, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		fill_in(&questions[i], &(struct dns_answer){ .status = PP_DNS_NOT_ASKED, .ttl = -1 });
}
