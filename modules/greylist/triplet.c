/* triplet.c - client, sender and recipient of an ask, as they are in the table */
#include <string.h>
#include <glib.h>
#include "greylist.h"

void triplet_network(const struct conf *conf, const pp_address_t *address, char network[FOLD_SIZE])
{
	int prefix = (int)(address->family == 6 ? conf->ipv6_prefix : conf->ipv4_prefix);
	char buffer[64], *end;

	end = stpcpy(network, pp_address_print(address, prefix, buffer));
	if (prefix == (address->family == 6 ? 128 : 32))
		return;
	*end++ = '/';
	if (prefix >= 100)
		*end++ = '1';
	if (prefix >= 10)
		*end++ = (char)('0' + prefix / 10 % 10);
	*end++ = (char)('0' + prefix % 10);
	*end = '\0';
}

static bool is_loopback(const pp_address_t *address)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (address->family == 4)
		return address->bytes[0] == 127;
	return address->family == 6 && memcmp(address->bytes, one, sizeof(one)) == 0;
}

static bool is_given(const char *text)
{
	return text != NULL && *text != '\0';
}

/* NULL: client is set; else why there is none. */
static const char *find_client(pp_ask_t *a, char client[FOLD_SIZE])
{
	const struct args *args = pp_args(a);
	const char *text = is_given(args->client) ? args->client : pp_attr(a, PP_CLIENT_ADDRESS);
	pp_address_t address = { .family = 0 };

	if (text == NULL)
		return "the request has no client address";
	if (!pp_address_parse(text, &address) && !is_given(args->client))
		return "the client's address is not known";
	if (is_loopback(&address))
		return "mail of this machine itself is not greylisted";
	if (is_given(args->domain))
		fold_text(args->domain, client);
	else if (address.family != 0)
		triplet_network(pp_conf(a), &address, client);
	else
		fold_text(text, client);
	return NULL;
}

int64_t triplet_number(const struct triplet *triplet)
{
	const char *const parts[] = { triplet->client, triplet->sender, triplet->recipient };
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize size = sizeof(digest);
	uint64_t id = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		g_checksum_update(checksum, (const guchar *)parts[i], (gssize)(strlen(parts[i]) + (i < 2)));
	g_checksum_get_digest(checksum, digest, &size);
	for (size_t i = 0; i < sizeof(id); i++)
		id = id << 8 | digest[i];
	return (int64_t)(id & INT64_MAX);
}

const char *triplet_of(pp_ask_t *a, struct triplet *triplet)
{
	const struct conf *conf = pp_conf(a);
	const char *sender = pp_attr(a, PP_SENDER), *recipient = pp_attr(a, PP_RECIPIENT), *missing;
	char *texts = pp_alloc(a, 3 * FOLD_SIZE);

	if (sender == NULL)
		return "the request has no sender yet";
	if (recipient == NULL)
		return "the request has no recipient: ask where it is, at RCPT";
	missing = find_client(a, texts);
	if (missing != NULL)
		return missing;
	if (*sender == '\0' && !conf->null_sender)
		return "the null sender is not greylisted";
	triplet->client = texts;
	triplet->sender = fold_sender(sender, conf->extension, texts + FOLD_SIZE);
	triplet->recipient = fold_recipient(recipient, conf->extension, texts + 2 * (size_t)FOLD_SIZE);
	return NULL;
}
