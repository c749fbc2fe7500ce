/* store/reader.h - threads that read, each with a connection of its own */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/inside.h"

struct reader *reader_start(struct store *store, unsigned index);
/* All have been told by queue_end_readers(). */
void reader_join(struct reader *reader);

#endif
