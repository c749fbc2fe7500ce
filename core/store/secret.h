/* store/secret.h - a password, read from a file when it is needed and forgotten right after
 *
 * It is held in memory that is in no core dump and not swapped out.
 */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* NULL: failed, *error is a sentence that begins with the path (g_free() it) and never holds what
 * is in the file. A file that others may read is refused. */
char *secret_read(const char *path, char **error);
void secret_free(char *secret); /* accepts NULL */
/* Overwrites a text that is somebody else's; accepts NULL. */
void secret_wipe(char *text);

/* Overwrites what lies about of copies of a text of this length that this thread has just freed. No
 * allocator promises to hand them out again; those we know do. */
void secret_wipe_freed(size_t length);

/* Whether it could be read. */
bool secret_check(const char *path, char **error);

#endif
