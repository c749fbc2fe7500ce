/* daemon/control_ask.c - ppolicyctl ask: a rule run for a request made of its arguments */
#include "daemon/control_call.h"

#include <pthread.h>
#include <string.h>
#include "base/text.h"
#include "daemon/trial.h"

/* What is sent where it is not given. */
static const char *const defaults[][2] = {
	{ "request", "smtpd_access_policy" },
	{ "protocol_state", "RCPT" },
	{ "protocol_name", "ESMTP" },
};

/* A client's thread that waits for the trial. */
struct waiter {
	struct trial trial; /* first */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
};

static void tell(struct trial *trial)
{
	struct waiter *waiter = (struct waiter *)trial;

	pthread_mutex_lock(&waiter->lock);
	waiter->done = true;
	pthread_cond_signal(&waiter->changed);
	pthread_mutex_unlock(&waiter->lock);
}

/* -- the request --------------------------------------------------------- */

static void remark_on_name(struct control_call *call, const char *name)
{
	const char *names[PP_ATTRIBUTES] = { NULL }, *nearest;
	pp_attribute_t attribute = attribute_find(name, strlen(name));
	g_autofree char *shown = g_strndup(name, 100);

	if (attribute != PP_ATTRIBUTE_NONE && attribute_info(attribute)->kind == ATTRIBUTE_DERIVED)
		control_remark(call, "%s is made of the address it is part of; what is given is not used",
		               shown);
	if (attribute != PP_ATTRIBUTE_NONE)
		return;
	for (int i = 1; i < PP_ATTRIBUTES; i++)
		names[i - 1] = attribute_info((pp_attribute_t)i)->name;
	nearest = text_nearest(name, names);
	control_remark(call, "Postfix has no attribute '%s'%s%s%s; it is sent as it is", shown,
	               nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
	               nearest != NULL ? "'?)" : "");
}

static bool has_name(const GPtrArray *pairs, const char *name)
{
	for (guint i = 0; i < pairs->len; i += 2)
		if (strcmp(pairs->pdata[i], name) == 0)
			return true;
	return false;
}

/* Names and values, NULL-terminated, texts owned; NULL: a word is wrong, which was said. */
static GPtrArray *read_pairs(struct control_call *call, char **listener)
{
	GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);

	for (char **word = call->words; *word != NULL; word++) {
		const char *equals = strchr(*word, '=');

		if (equals == NULL || equals == *word) {
			control_fail(
			        call, COMMAND_USAGE,
			        "ask: found '%.100s', wanted NAME=VALUE, such as helo_name=mail.example.net",
			        *word);
			g_ptr_array_unref(pairs);
			return NULL;
		}
		if (g_str_has_prefix(*word, "listener=")) {
			g_free(*listener);
			*listener = g_strdup(equals + 1);
			continue;
		}
		g_ptr_array_add(pairs, g_strndup(*word, (gsize)(equals - *word)));
		g_ptr_array_add(pairs, g_strdup(equals + 1));
		remark_on_name(call, pairs->pdata[pairs->len - 2]);
	}
	if (pairs->len == 0) {
		control_fail(call, COMMAND_USAGE, "ask: wanted attributes, such as client_address=192.0.2.1");
		g_ptr_array_unref(pairs);
		return NULL;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++)
		if (!has_name(pairs, defaults[i][0])) {
			g_ptr_array_add(pairs, g_strdup(defaults[i][0]));
			g_ptr_array_add(pairs, g_strdup(defaults[i][1]));
		}
	g_ptr_array_add(pairs, NULL);
	return pairs;
}

/* -- what happened ------------------------------------------------------- */

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static double number_of(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static void say_verdict(struct control_call *call, const json_t *row)
{
	const char *reply = text_of(row, "reply"), *action = text_of(row, "action"),
	           *failed = text_of(row, "failed");

	if (reply != NULL)
		control_say(call, "action=%s", reply);
	else
		control_say(call, "no reply, the connection is closed");
	if (reply != NULL && strcmp(reply, action) != 0)
		control_say(call, "observed, the rule says %s", action);
	control_say(call, "rule %s, line %d, listener %s, configuration %s, %.1f ms", text_of(row, "rule"),
	            (int)number_of(row, "line"), text_of(row, "listener"), text_of(row, "conf"),
	            number_of(row, "ms"));
	if (failed != NULL)
		control_say(call, "the rule failed, so it is on_error's action: %s", failed);
}

static void say_check(struct control_call *call, const json_t *row)
{
	const char *name = text_of(row, "check"), *word = text_of(row, "word"), *text = text_of(row, "text");

	if (word == NULL) {
		control_say(call, "check %s: open still", name);
		return;
	}
	control_say(call, "check %s: %s (%s, %.1f ms)%s%s", name, word, text_of(row, "from"),
	            number_of(row, "ms"), *text != '\0' ? ": " : "", text);
	control_say_fields(call, json_object_get(row, "fields"));
}

static void print_result(struct control_call *call, json_t *result)
{
	size_t index;
	json_t *row;

	json_array_foreach(result, index, row)
	{
		if (index == 0)
			say_verdict(call, row);
		else if (json_object_get(row, "note") != NULL)
			control_say(call, "note %s=%s", text_of(row, "note"), text_of(row, "value"));
		else
			say_check(call, row);
		control_row(call, json_incref(row));
	}
}

void control_ask(struct control_call *call)
{
	struct waiter waiter = { .trial = { .done = tell } };
	g_autofree char *listener = NULL;
	g_autoptr(GPtrArray) pairs = read_pairs(call, &listener);
	unsigned count;

	if (pairs == NULL)
		return;
	pthread_mutex_init(&waiter.lock, NULL);
	pthread_cond_init(&waiter.changed, NULL);
	waiter.trial.desk = server_desks(call->server, &count)[0];
	waiter.trial.pairs = (const char *const *)pairs->pdata;
	waiter.trial.listener = listener;
	trial_start(&waiter.trial);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		pthread_cond_wait(&waiter.changed, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	pthread_mutex_destroy(&waiter.lock);
	pthread_cond_destroy(&waiter.changed);
	if (waiter.trial.error != NULL)
		control_fail(call, COMMAND_USAGE, "ask: %s", waiter.trial.error);
	else
		print_result(call, waiter.trial.result);
	g_free(waiter.trial.error);
	json_decref(waiter.trial.result);
}
