/* store/writer.h - the thread that writes, and what reads where there are no readers */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/inside.h"

struct writer *writer_start(struct store *store);
/* When all that is in the queue is answered; accepts NULL. */
void writer_stop(struct writer *writer);

#endif
