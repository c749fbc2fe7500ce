/* rule/walk_cover.h - ppolicyd -t: what answers and actions are called while a rule runs
 *
 * An answer that no run reads may be read where no run came to, because a rule
 * branches on what is not tried. So before anything is said of it, the rules are
 * walked once more and looked at closely: by which names they can reach the answer,
 * and whether the text behind does anything with such a name.
 */
#ifndef RULE_WALK_COVER_H
#define RULE_WALK_COVER_H

#include "rule/walker.h"

struct walk_cover;
struct walk_cover *walk_cover_new(void);
void walk_cover_free(struct walk_cover *cover);

/* The next run is looked at from its beginning, if the program ran before. Nothing counts
 * its instructions, so sandbox_set_instructions() is 0. */
void walk_cover_begin(struct walk_cover *cover, struct program *program);
/* In a run: an object was made at this place (may be NULL). From here on it is looked at. */
void walk_cover_watch(struct walk_cover *cover, lua_State *L, const void *object,
                      const struct walk_place *place);
/* The run is over. */
void walk_cover_end(struct walk_cover *cover);

/* True: what is made at the place may be used in a run that was not tried. */
bool walk_cover_excuses(const struct walk_cover *cover, const struct plan *plan,
                        const struct walk_place *place);
/* The line that ran last in the last run; 0 = not known. The file is the cover's. */
int walk_cover_last_line(const struct walk_cover *cover, const char **file);

#endif
