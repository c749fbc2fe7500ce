/* daemon/control_words.h - the words of a module's command, read as its rows say */
#ifndef DAEMON_CONTROL_WORDS_H
#define DAEMON_CONTROL_WORDS_H

#include "daemon/control_call.h"

struct control_words {
	struct control_call *call; /* its words behind the module and the command are read */
	const pp_command_t *command;
	const char *where;   /* "greylist list", for messages */
	struct arena *arena; /* of what is read */
	pp_pair_t *pairs;
	size_t count;
	const char *check; /* of check=, NULL = all */
};

/* The struct of the command's arguments, in the arena; clear it with param_clear(). NULL: it was said
 * what is wrong. */
void *control_words_read(struct control_words *reader);

#endif
