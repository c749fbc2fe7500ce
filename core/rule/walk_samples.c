/* rule/walk_samples.c - what ppolicyd -t tries: requests */
#include "rule/walk_samples.h"

#include <ctype.h>
#include <string.h>

#define COMPARED_MAX 32 /* samples made of comparisons */
#define BLANKS " \t"
#define DIGITS "0123456789"

/* What Postfix 3.7 sends, in its order, at RCPT. */
static const char *const ordinary[][2] = {
	{ "request", "smtpd_access_policy" },
	{ "protocol_state", "RCPT" },
	{ "protocol_name", "ESMTP" },
	{ "client_address", "192.0.2.25" },
	{ "client_name", "mail.sender.example.org" },
	{ "client_port", "52525" },
	{ "reverse_client_name", "mail.sender.example.org" },
	{ "server_address", "192.0.2.1" },
	{ "server_port", "25" },
	{ "helo_name", "mail.sender.example.org" },
	{ "sender", "alice@sender.example.org" },
	{ "recipient", "bob@example.org" },
	{ "recipient_count", "0" },
	{ "queue_id", "" },
	{ "instance", "4d2.6740a1b2.c3d4e.0" },
	{ "size", "4321" },
	{ "etrn_domain", "" },
	{ "stress", "" },
	{ "sasl_method", "" },
	{ "sasl_username", "" },
	{ "sasl_sender", "" },
	{ "ccert_subject", "" },
	{ "ccert_issuer", "" },
	{ "ccert_fingerprint", "" },
	{ "ccert_pubkey_fingerprint", "" },
	{ "encryption_protocol", "" },
	{ "encryption_cipher", "" },
	{ "encryption_keysize", "0" },
	{ "policy_context", "" },
	{ NULL, NULL },
};

#define STATE(state) "protocol_state", state
#define BEFORE_MAIL "sender", "", "recipient", "", "instance", "", "size", "0"

/* How other requests differ from the ordinary one. */
static const struct {
	const char *name;
	const char *set[16];
} variants[] = {
	{ NULL, { NULL } },
	{ "a null sender", { "sender", "" } },
	{ "no HELO name", { "helo_name", "" } },
	{ "a SASL user",
	  { "sasl_method", "PLAIN", "sasl_username", "alice@example.org", "sasl_sender",
	    "alice@example.org" } },
	{ "TLS",
	  { "encryption_protocol", "TLSv1.3", "encryption_cipher", "TLS_AES_256_GCM_SHA384",
	    "encryption_keysize", "256", "ccert_subject", "mail.sender.example.org", "ccert_issuer",
	    "Example+20CA", "ccert_fingerprint", "0A:1B:2C", "ccert_pubkey_fingerprint", "3D:4E:5F" } },
	{ "odd bytes",
	  { "helo_name", "he\001lo \"x y=z;%s\033[31m", "sender", "a b=c\"d%n\302\240\377@Sender.Example.ORG",
	    "recipient", "=\\' \033]0;\303\244\200@example.org", "client_name", "unknown" } },
	{ "an IPv6 client", { "client_address", "2001:db8::25", "server_address", "2001:db8::1" } },
	{ "an unknown client name", { "client_name", "unknown", "reverse_client_name", "unknown" } },
	{ "recipient postmaster", { "recipient", "postmaster" } },
	{ "stress and a large message", { "stress", "yes", "size", "100000000" } },
	{ "protocol_state CONNECT",
	  { STATE("CONNECT"), BEFORE_MAIL, "helo_name", "", "protocol_name", "SMTP" } },
	{ "protocol_state EHLO", { STATE("EHLO"), BEFORE_MAIL, "protocol_name", "SMTP" } },
	{ "protocol_state HELO", { STATE("HELO"), BEFORE_MAIL, "protocol_name", "SMTP" } },
	{ "protocol_state MAIL", { STATE("MAIL"), "recipient", "", "instance", "" } },
	{ "protocol_state DATA", { STATE("DATA"), "recipient_count", "1", "queue_id", "4XyZ1a2b3cz1" } },
	{ "protocol_state END-OF-MESSAGE",
	  { STATE("END-OF-MESSAGE"), "recipient", "", "recipient_count", "3", "queue_id", "4XyZ1a2b3cz1" } },
	{ "protocol_state VRFY",
	  { STATE("VRFY"), "sender", "", "recipient", "bob", "instance", "", "size", "0" } },
	{ "protocol_state ETRN", { STATE("ETRN"), BEFORE_MAIL, "etrn_domain", "example.org" } },
};

static void free_sample(void *data)
{
	struct walk_sample *sample = data;

	g_free(sample->name);
	g_ptr_array_unref(sample->pairs);
	g_free(sample);
}

static struct walk_sample *copy_sample(const char *name, const char *const *pairs)
{
	struct walk_sample *sample = g_new0(struct walk_sample, 1);

	sample->name = g_strdup(name);
	sample->pairs = g_ptr_array_new_with_free_func(g_free);
	for (; *pairs != NULL; pairs++)
		g_ptr_array_add(sample->pairs, g_strdup(*pairs));
	g_ptr_array_add(sample->pairs, NULL);
	return sample;
}

static const char *const *pairs_of(const struct walk_sample *sample)
{
	return (const char *const *)sample->pairs->pdata;
}

static char **value_of(struct walk_sample *sample, const char *name)
{
	char **pair = (char **)sample->pairs->pdata;

	while (*pair != NULL && strcmp(*pair, name) != 0)
		pair += 2;
	return *pair != NULL ? pair + 1 : NULL;
}

static void set(struct walk_sample *sample, const char *name, const char *value)
{
	char **old = value_of(sample, name);

	if (old != NULL) {
		g_free(*old);
		*old = g_strdup(value);
		return;
	}
	g_ptr_array_remove_index(sample->pairs, sample->pairs->len - 1);
	g_ptr_array_add(sample->pairs, g_strdup(name));
	g_ptr_array_add(sample->pairs, g_strdup(value));
	g_ptr_array_add(sample->pairs, NULL);
}

/* Derived attributes are set in what they are derived from. */
static void set_attribute(struct walk_sample *sample, pp_attribute_t attribute, const char *value)
{
	bool sender = attribute == PP_SENDER_DOMAIN || attribute == PP_SENDER_LOCALPART;
	g_autofree char *address = NULL;

	if (attribute_info(attribute)->kind != ATTRIBUTE_DERIVED) {
		set(sample, attribute_info(attribute)->name, value);
		return;
	}
	if (attribute == PP_SENDER_DOMAIN || attribute == PP_RECIPIENT_DOMAIN)
		address = g_strdup_printf("%s@%s", sender ? "alice" : "bob", value);
	else
		address = g_strdup_printf("%s@%sexample.org", value, sender ? "sender." : "");
	set(sample, sender ? "sender" : "recipient", address);
}

/* -- what the file compares attributes with ------------------------------ */

static const struct walk_sample *sample_at(const GPtrArray *samples, const char *state)
{
	struct walk_sample *const *sample = (struct walk_sample *const *)samples->pdata;

	while (strcmp(*value_of(*sample, "protocol_state"), state) != 0)
		sample++;
	return *sample;
}

static void add_at(GPtrArray *samples, const char *state, pp_attribute_t attribute, const char *value)
{
	const char *name = attribute_info(attribute)->name;
	struct walk_sample *sample = copy_sample(NULL, pairs_of(sample_at(samples, state)));

	set_attribute(sample, attribute, value);
	if (strcmp(state, "RCPT") == 0)
		sample->name = g_strdup_printf("%s %s", name, value);
	else
		sample->name = g_strdup_printf("protocol_state %s, %s %s", state, name, value);
	g_ptr_array_add(samples, sample);
}

/* Where the attribute is set. */
static void add_compared(GPtrArray *samples, pp_attribute_t attribute, const char *value)
{
	switch (attribute) {
	case PP_REQUEST:
	case PP_PROTOCOL_STATE: break;
	case PP_ETRN_DOMAIN: add_at(samples, "ETRN", attribute, value); break;
	case PP_RECIPIENT_COUNT: add_at(samples, "END-OF-MESSAGE", attribute, value); break;
	case PP_SIZE:
		add_at(samples, "RCPT", attribute, value);
		add_at(samples, "END-OF-MESSAGE", attribute, value);
		break;
	default: add_at(samples, "RCPT", attribute, value); break;
	}
}

/* The text or the number that stands at at, such that the comparison holds. */
static char *compared_value(const char *at, const char *operator, bool is_number)
{
	int64_t number;

	if (!is_number) {
		size_t length = *at == '"' || *at == '\'' ? strcspn(at + 1, "\"'\\\r\n") : 0;

		return length > 0 && at[length + 1] == *at && operator[1] == '=' ? g_strndup(at + 1, length)
		                                                                 : NULL;
	}
	if (!isdigit((unsigned char)*at) || strspn(at, DIGITS) > 18)
		return NULL;
	number = g_ascii_strtoll(at, NULL, 10);
	if (operator[0] == '>' && operator[1] != '=')
		number++;
	else if (operator[0] == '<' && operator[1] != '=')
		number--;
	return g_strdup_printf("%" G_GINT64_FORMAT, MAX(number, 0));
}

/* "== 'text'", "> 1000" behind the name of an attribute. */
static char *read_comparison(const char *at, pp_attribute_t attribute)
{
	const char *operator;

	at += strspn(at, BLANKS);
	operator= at;
	if (strncmp(at, "==", 2) != 0 && strncmp(at, "~=", 2) != 0 && *at != '<' && *at != '>')
		return NULL;
	at += at[1] == '=' ? 2 : 1;
	at += strspn(at, BLANKS);
	return compared_value(at, operator, attribute_info(attribute)->kind == ATTRIBUTE_NUMBER);
}

/* Not a parser: names of attributes behind a dot, with a comparison behind them. */
static void add_comparisons(GPtrArray *samples, const struct plan_source *source)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (const char *dot = source->bytes;
	     (dot = strchr(dot, '.')) != NULL && g_hash_table_size(seen) < COMPARED_MAX;) {
		size_t length = strspn(++dot, "abcdefghijklmnopqrstuvwxyz_");
		pp_attribute_t attribute = attribute_find(dot, length);
		g_autofree char *value = NULL;

		if (attribute != PP_ATTRIBUTE_NONE)
			value = read_comparison(dot + length, attribute);
		if (value != NULL && g_hash_table_add(seen, g_strdup_printf("%d=%s", (int)attribute, value)))
			add_compared(samples, attribute, value);
	}
}

/* -- all of them --------------------------------------------------------- */

GPtrArray *walk_samples_new(const struct plan *plan)
{
	GPtrArray *samples = g_ptr_array_new_with_free_func(free_sample);

	for (unsigned i = 0; i < G_N_ELEMENTS(variants); i++) {
		struct walk_sample *sample = copy_sample(variants[i].name, &ordinary[0][0]);

		for (const char *const *pair = variants[i].set; *pair != NULL; pair += 2)
			set(sample, pair[0], pair[1]);
		g_ptr_array_add(samples, sample);
	}
	for (guint i = 0; i < plan->sources->len; i++)
		add_comparisons(samples, plan->sources->pdata[i]);
	return samples;
}

GPtrArray *walk_samples_with(const GPtrArray *samples, pp_attribute_t attribute, const char *value)
{
	const char *name = attribute_info(attribute)->name;
	GPtrArray *copies = g_ptr_array_new_with_free_func(free_sample);
	bool all;

	/* At another protocol state a request has other attributes too. */
	for (guint i = 0; attribute == PP_PROTOCOL_STATE && i < samples->len; i++) {
		struct walk_sample *sample = samples->pdata[i];

		if (strcmp(*value_of(sample, name), value) == 0)
			g_ptr_array_add(copies, copy_sample(sample->name, pairs_of(sample)));
	}
	all = copies->len == 0;
	for (guint i = 0; all && i < samples->len; i++) {
		struct walk_sample *sample = samples->pdata[i];
		struct walk_sample *copy = copy_sample(sample->name, pairs_of(sample));

		set_attribute(copy, attribute, value);
		g_ptr_array_add(copies, copy);
	}
	return copies;
}
