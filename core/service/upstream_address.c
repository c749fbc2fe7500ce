/* service/upstream_address.c - where a server is: an address, or a host name to be looked up */
#include <stdlib.h>
#include <string.h>
#include "service/dns_name.h"
#include "service/upstream.h"

static bool port_of(const char *text, uint16_t *port)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number = strtoul(text, NULL, 10);

	*port = (uint16_t)number;
	return digits > 0 && digits < 6 && text[digits] == '\0' && number > 0 && number <= 65535;
}

static bool is_host_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	struct dns_name name;
	const char *last = strrchr(text, '.');

	/* What ends in a number is an address, or a slip. */
	return length > 0 && text[length] == '\0' && dns_name_parse(text, &name) == NULL &&
	       strspn(last != NULL ? last + 1 : text, "0123456789") != strlen(last != NULL ? last + 1 : text);
}

bool upstream_address_parse(const char *text, struct upstream_address *address)
{
	g_autofree char *whole = NULL;
	const char *bare = g_str_has_prefix(text, "inet:") ? text + 5 : text, *colon, *wrong;

	memset(address, 0, sizeof(*address));
	if (g_str_has_prefix(text, "unix:"))
		return text[5] == '/' && endpoint_parse(text, NULL, &address->endpoint, &wrong);
	colon = strrchr(bare, ':');
	if (colon == NULL || *bare == '*' || !port_of(colon + 1, &address->port))
		return false;
	whole = g_strconcat("inet:", bare, NULL);
	if (endpoint_parse(whole, NULL, &address->endpoint, &wrong))
		return true;
	address->endpoint.size = 0;
	if ((size_t)(colon - bare) >= sizeof(address->host))
		return false;
	memcpy(address->host, bare, (size_t)(colon - bare));
	return is_host_name(address->host);
}
