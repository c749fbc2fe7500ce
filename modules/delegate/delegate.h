/* delegate.h - what the parts of the module share */
#ifndef DELEGATE_DELEGATE_H
#define DELEGATE_DELEGATE_H

#include <ppolicyd/module.h>

struct conf {
	const pp_value_t *servers, *probe;
	const char *stick, *retry;
	const pp_action_t *otherwise;
	const pp_texts_t *actions, *keep_key;
	bool verbatim;
	pp_msec_t connect, inter, fastinter, idle;
	int64_t rise, fall, error_limit, pool;
	pp_upstream_settings_t set; /* made of all that by validate() */
};

/* Each of them says what is wrong. What they make is freed by invalidate(). */
bool servers_read(struct conf *conf, pp_error_t *error);
bool probe_read(struct conf *conf, pp_error_t *error);

/* What kind of action begins with this verb: a word of the module's. The verb as it is written by
 * itself is in *verb (static, or NULL: as it came). length: of the verb in the text. */
const char *verb_word(const char *value, size_t length, const char **verb);

#endif
