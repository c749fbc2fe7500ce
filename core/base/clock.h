/* base/clock.h - what time it is; turned by hand in tests
 *
 * pp_now() and pp_time() (ppolicyd/module.h) read the machine's clocks, or the
 * ones set here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "ppolicyd/module.h"

int64_t clock_usec(void); /* monotonic microseconds, for measuring */

/* From now on time stands still and moves only by clock_advance(). Before any
 * other thread starts. */
void clock_fake(pp_msec_t time);
bool clock_is_fake(void);
void clock_advance(pp_msec_t length);

#endif
