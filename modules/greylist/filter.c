/* filter.c - which rows of the table a command means */
#include <string.h>
#include <glib.h>
#include "greylist.h"

struct pattern {
	char *text; /* NULL: any */
	bool wild;  /* '*' in it stands for anything */
};

struct filter {
	struct pattern client, sender, recipient;
	pp_address_t network; /* family 0: the client is no network */
	int prefix;
};

typedef char *(*fold_fn)(const char *address, const char *extension, char folded[FOLD_SIZE]);

static struct pattern pattern_of(const char *text, fold_fn fold, const char *extension)
{
	struct pattern pattern = { .wild = text != NULL && strchr(text, '*') != NULL };
	char folded[FOLD_SIZE];

	if (text == NULL)
		return pattern;
	if (pattern.wild)
		pattern.text = g_ascii_strdown(text, -1);
	else
		pattern.text = g_strdup(fold != NULL ? fold(text, extension, folded)
		                                     : fold_text(text, folded));
	return pattern;
}

struct filter *filter_new(const struct conf *conf, const struct filter_args *args)
{
	struct filter *filter = g_new0(struct filter, 1);

	filter->client = pattern_of(args->client, NULL, "");
	filter->sender = pattern_of(args->sender, fold_sender, conf->extension);
	filter->recipient = pattern_of(args->recipient, fold_recipient, conf->extension);
	if (args->client == NULL || !pp_network_parse(args->client, false, &filter->network, &filter->prefix))
		filter->network.family = 0;
	return filter;
}

void filter_free(struct filter *filter)
{
	if (filter == NULL)
		return;
	g_free(filter->client.text);
	g_free(filter->sender.text);
	g_free(filter->recipient.text);
	g_free(filter);
}

/* Each '*' takes as little as it can, and more when what follows does not fit. */
static bool matches(const struct pattern *pattern, const char *text)
{
	const char *wanted = pattern->text, *star = NULL, *again = NULL;

	if (wanted == NULL)
		return true;
	if (!pattern->wild)
		return strcmp(wanted, text) == 0;
	while (*text != '\0') {
		if (*wanted == '*') {
			star = wanted++;
			again = text;
		} else if (*wanted == *text) {
			wanted++;
			text++;
		} else if (star != NULL) {
			wanted = star + 1;
			text = ++again;
		} else {
			return false;
		}
	}
	return wanted[strspn(wanted, "*")] == '\0';
}

/* One lies within the other. */
static bool overlap(const struct filter *filter, const char *client)
{
	pp_address_t network;
	int prefix;
	char one[64], other[64];

	if (!pp_network_parse(client, false, &network, &prefix) || network.family != filter->network.family)
		return false;
	prefix = MIN(prefix, filter->prefix);
	return strcmp(pp_address_print(&network, prefix, one),
	              pp_address_print(&filter->network, prefix, other)) == 0;
}

bool filter_wants(const struct filter *filter, const struct row *row)
{
	bool client = filter->network.family != 0 ? overlap(filter, row->client)
	                                          : matches(&filter->client, row->client);

	return client && matches(&filter->sender, row->sender) && matches(&filter->recipient, row->recipient);
}
