/* service/upstream_reply.h - the reply of a policy server found in a stream of bytes */
#ifndef SERVICE_UPSTREAM_REPLY_H
#define SERVICE_UPSTREAM_REPLY_H

#include <stddef.h>

#define UPSTREAM_REPLY_MAX 4096 /* bytes of a reply, its empty line included */

/* The reply that the bytes begin with. Returns its size, its empty line included, and in *action
 * and *length the value of its first action attribute; 0: more is needed; -1: it can be none, and
 * *wrong is a static sentence (a CR, a NUL, a line without '=', no action, an empty one, too long). */
long upstream_reply_find(const char *bytes, size_t size, const char **action, size_t *length,
                         const char **wrong);

#endif
