/* probe.c - the request of health checks */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "delegate.h"

#define PROBE_MAX 4096

struct text {
	char *bytes;
	size_t length;
	bool full;
};

static void add(struct text *text, const char *part)
{
	size_t length = strlen(part);

	if (text->length + length >= PROBE_MAX) {
		text->full = true;
		return;
	}
	memcpy(text->bytes + text->length, part, length + 1);
	text->length += length;
}

/* A client that connects, and nothing more: no greylist and no quota counts it. */
static const struct {
	const char *name, *value;
} usual[] = {
	{ "protocol_state", "CONNECT" },
	{ "protocol_name", "SMTP" },
	{ "helo_name", "" },
	{ "queue_id", "" },
	{ "sender", "" },
	{ "recipient", "" },
	{ "recipient_count", "0" },
	{ "client_address", "127.0.0.1" },
	{ "client_name", "localhost" },
	{ "reverse_client_name", "localhost" },
	{ "instance", "" },
};

static const pp_value_t *given(const pp_value_t *probe, const char *name)
{
	for (size_t i = 0; probe != NULL && i < probe->list.count; i++)
		if (probe->list.pairs[i].key != NULL && strcmp(probe->list.pairs[i].key, name) == 0)
			return &probe->list.pairs[i].value;
	return NULL;
}

static bool is_usual(const char *name)
{
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (strcmp(usual[i].name, name) == 0)
			return true;
	return false;
}

static void add_line(struct text *text, const char *name, const char *value)
{
	add(text, name);
	add(text, "=");
	add(text, value);
	add(text, "\n");
}

static bool add_given(struct text *text, const char *name, const pp_value_t *value, pp_error_t *error)
{
	char number[32];

	if (value->kind == PP_INTEGER) {
		snprintf(number, sizeof(number), "%lld", (long long)value->integer);
		add_line(text, name, number);
		return true;
	}
	if (value->kind != PP_STRING || strpbrk(value->string, "\r\n") != NULL)
		return pp_fail(error, "probe", "%s: wanted a text of one line, or a whole number", name);
	add_line(text, name, value->string);
	return true;
}

static bool add_others(struct text *text, const pp_value_t *probe, pp_error_t *error)
{
	for (size_t i = 0; probe != NULL && i < probe->list.count; i++) {
		const pp_pair_t *pair = &probe->list.pairs[i];

		if (pair->key == NULL)
			return pp_fail(error, "probe", "wanted attributes, written as name = value");
		if (strpbrk(pair->key, "=\r\n") != NULL || *pair->key == '\0' ||
		    strcmp(pair->key, "request") == 0)
			return pp_fail(error, "probe", "'%s' can be no attribute of a health check",
			               pair->key);
		if (!is_usual(pair->key) && !add_given(text, pair->key, &pair->value, error))
			return false;
	}
	return true;
}

bool probe_read(struct conf *conf, pp_error_t *error)
{
	struct text text = { calloc(1, PROBE_MAX), 0, false };

	if (text.bytes == NULL)
		return pp_fail(error, "probe", "no memory");
	conf->set.probe = text.bytes;
	add_line(&text, "request", "smtpd_access_policy");
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		const pp_value_t *value = given(conf->probe, usual[i].name);

		if (value == NULL)
			add_line(&text, usual[i].name, usual[i].value);
		else if (!add_given(&text, usual[i].name, value, error))
			return false;
	}
	if (!add_others(&text, conf->probe, error))
		return false;
	add(&text, "\n");
	return !text.full || pp_fail(error, "probe", "it is over %d bytes", PROBE_MAX);
}
