/* request/action_inside.h - what the parts of actions share */
#ifndef REQUEST_ACTION_INSIDE_H
#define REQUEST_ACTION_INSIDE_H

#include "request/action.h"

#define ACTION_TEXT_MAX 400      /* with the id: an SMTP reply has 512 bytes, of which Postfix uses some */
#define ACTION_VERBATIM_MAX 1000 /* bytes */

/* The length of the enhanced code (RFC 3463) of this class that the text begins with, 0 = none. As
 * Postfix's dsn_valid(): up to the end or a space. */
size_t action_enhanced_length(const char *text, char class);

static inline const char *action_skip_blanks(const char *text)
{
	while (*text != '\0' && (unsigned char)*text <= ' ')
		text++;
	return text;
}

/* NULL: the text may be the name of a restriction; else what is wanted. */
const char *action_check_restriction(const char *text);
/* The same for one that smtpd knows; what is wanted is in the arena. */
const char *action_check_known(const char *text, const char *const *classes, struct arena *arena);

/* Writes it cleaned and cut, not terminated; returns its length. */
size_t action_put_verbatim(const char *value, char *out);

#endif
