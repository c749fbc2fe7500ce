/* store/checkpoint.h - the thread that moves what was committed to where it stays */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "store/inside.h"

struct checkpoint *checkpoint_start(struct store *store);
void checkpoint_stop(struct checkpoint *checkpoint); /* accepts NULL */
/* Around each transaction of the writer, which wrote so many rows: it may have to wait there for
 * a moment, when otherwise the log would grow and grow. Both accept NULL. */
void checkpoint_enter(struct checkpoint *checkpoint);
void checkpoint_leave(struct checkpoint *checkpoint, unsigned rows);

#endif
