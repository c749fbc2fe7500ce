/* service/endpoint.c - addresses as Postfix writes them: inet:HOST:PORT, unix:PATH */
#include "service/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool parse_unix(const char *path, const char *folder, struct endpoint *endpoint, const char **error)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&endpoint->address;
	int length = snprintf(address->sun_path, sizeof(address->sun_path), "%s%s%s",
	                      *path != '/' && folder != NULL ? folder : "",
	                      *path != '/' && folder != NULL ? "/" : "", path);

	address->sun_family = AF_UNIX;
	endpoint->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length + 1);
	*error = *path == '\0' ? "unix: needs a path, such as \"unix:/run/ppolicyd/policy.sock\""
	                       : "the path of a unix socket has at most 107 bytes";
	return *path != '\0' && (size_t)length < sizeof(address->sun_path);
}

static bool parse_port(const char *text, in_port_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = htons((uint16_t)number);
	return *text >= '0' && *text <= '9' && *end == '\0' && number <= 65535;
}

static bool parse_inet(const char *text, struct endpoint *endpoint)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->address;
	const char *colon = strrchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	char host[64];

	if (length == 0 || length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		v6->sin6_family = AF_INET6;
		endpoint->size = sizeof(*v6);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 &&
		       parse_port(colon + 1, &v6->sin6_port);
	}
	v4->sin_family = AF_INET;
	endpoint->size = sizeof(*v4);
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (strcmp(host, "*") == 0)
		strcpy(host, "0.0.0.0");
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 && parse_port(colon + 1, &v4->sin_port);
}

bool endpoint_parse(const char *text, const char *folder, struct endpoint *endpoint, const char **error)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, folder, endpoint, error);
	*error = "wanted \"inet:ADDRESS:PORT\", \"inet:[IPV6]:PORT\" or \"unix:PATH\"";
	return strncmp(text, "inet:", 5) == 0 && parse_inet(text + 5, endpoint);
}

const char *endpoint_print(const struct sockaddr *address, char buffer[160])
{
	char host[INET6_ADDRSTRLEN];

	switch (address->sa_family) {
	case AF_INET: {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(buffer, 160, "inet:%s:%u", host, ntohs(v4->sin_port));
		break;
	}
	case AF_INET6: {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(buffer, 160, "inet:[%s]:%u", host, ntohs(v6->sin6_port));
		break;
	}
	default: snprintf(buffer, 160, "unix:%.107s", ((const struct sockaddr_un *)address)->sun_path); break;
	}
	return buffer;
}
