/* unit/steer.h - a server in this process, and commands given to it through its control socket */
#ifndef UNIT_STEER_H
#define UNIT_STEER_H

#include <glib.h>
#include <stdbool.h>

extern char *steer_socket;
extern struct server *steer_server;

/* Starts it, with this rule file in a folder of its own; ends it. Its modules are adopted before. */
void steer_begin(const char *rules);
void steer_end(void);
const char *steer_folder(void);
void steer_write(const char *rules); /* another file, for a reload */

int steer_connect(void);
char *steer_reply(int fd); /* reads to the end and closes; g_free() it */
char *steer_exchange(const char *bytes, size_t size);
/* A command, its words separated by blanks, and what it prints, with its exit code. g_free() it. */
char *steer_tell(const char *words, bool json);
void steer_assert_has(const char *reply, const char *part);
void steer_expect(const char *words, const char *part);

#endif
