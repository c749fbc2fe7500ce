/* name.c - names of domains as SPF uses them: bytes between dots, nothing escaped */
#include <string.h>
#include <glib.h>
#include "name.h"

enum { LABEL_MAX = 63 };

bool name_is_valid(const char *name)
{
	size_t label = 0, length = 0;

	for (; name[length] != '\0'; length++) {
		if (!g_ascii_isprint(name[length]) || length == NAME_SIZE - 1)
			return false;
		if (name[length] != '.') {
			if (++label > LABEL_MAX)
				return false;
		} else if (label == 0) {
			return false;
		} else {
			label = 0;
		}
	}
	return label > 0;
}

bool name_is_host(const char *name)
{
	return strchr(name, '\\') == NULL && name_is_valid(name);
}

bool name_is_domain(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot == NULL || !name_is_valid(name) || strpbrk(name, " []") != NULL)
		return false;
	return name_is_toplabel((struct span){ dot + 1, strlen(dot + 1) });
}

bool name_is_toplabel(struct span label)
{
	bool all_digits = true;

	if (label.length == 0 || label.bytes[0] == '-' || label.bytes[label.length - 1] == '-')
		return false;
	for (size_t i = 0; i < label.length; i++) {
		if (!g_ascii_isalnum(label.bytes[i]) && label.bytes[i] != '-')
			return false;
		all_digits = all_digits && g_ascii_isdigit(label.bytes[i]);
	}
	return !all_digits;
}

bool name_is_within(const char *name, const char *domain)
{
	size_t length = strlen(name), domain_length = strlen(domain);
	const char *end;

	if (length < domain_length)
		return false;
	end = name + length - domain_length;
	return g_ascii_strcasecmp(end, domain) == 0 && (end == name || end[-1] == '.');
}

void name_reverse(const pp_address_t *address, char name[NAME_SIZE])
{
	const uint8_t *bytes = address->bytes;
	size_t used = 0;

	if (address->family == 4) {
		g_snprintf(name, NAME_SIZE, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1],
		           bytes[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		used += (size_t)g_snprintf(name + used, NAME_SIZE - used, "%x.%x.", bytes[i] & 15,
		                           bytes[i] >> 4);
	g_strlcpy(name + used, "ip6.arpa", NAME_SIZE - used);
}
