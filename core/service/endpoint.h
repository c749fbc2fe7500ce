/* service/endpoint.h - addresses as Postfix writes them: inet:HOST:PORT, unix:PATH */
#ifndef SERVICE_ENDPOINT_H
#define SERVICE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

struct endpoint {
	struct sockaddr_storage address;
	socklen_t size;
};

/* "inet:127.0.0.1:10031", "inet:[2001:db8::1]:10031", "inet:localhost:10031",
 * "inet:*:10031" (all IPv4), "unix:/run/ppolicyd.sock" (relative to folder).
 * Host names other than localhost are refused: nothing here asks DNS. Port 0 is
 * any free one. False: *error is a static sentence that says what is wanted. */
bool endpoint_parse(const char *text, const char *folder, struct endpoint *endpoint, const char **error);
/* The same address as text, "inet:..." or "unix:...". */
const char *endpoint_print(const struct sockaddr *address, char buffer[160]);

#endif
