/* rule/walk_cover.h - ppolicyd -t: which lines run, and what answers and actions are called there
 *
 * An answer that no run reads may be read on a line that no run came to, because a
 * rule branches on what is not tried. So before anything is said of it, the rules
 * are walked once more and every line is looked at: by which names it can reach the
 * answer, and whether such a name stands on a line that never ran.
 */
#ifndef RULE_WALK_COVER_H
#define RULE_WALK_COVER_H

#include "rule/walker.h"

struct walk_cover;
struct walk_cover *walk_cover_new(void);
void walk_cover_free(struct walk_cover *cover);

/* In a run: an object was made at this place (may be NULL). From here on lines are looked at. */
void walk_cover_watch(struct walk_cover *cover, lua_State *L, const void *object,
                      const struct walk_place *place);
/* The run is over. */
void walk_cover_end(struct walk_cover *cover);

/* True: what is made at the place may be used on a line that never ran. */
bool walk_cover_excuses(const struct walk_cover *cover, const struct plan *plan,
                        const struct walk_place *place);
/* The line that ran last in the last run; 0 = not known. */
int walk_cover_last_line(const struct walk_cover *cover);

#endif
