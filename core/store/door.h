/* store/door.h - keeps asks out of a store whose database is away, so that they lose no time
 *
 * The threads of a store may wait for a database that does not answer; who comes
 * meanwhile is told at once. When it can be reached again, and nobody knows yet
 * whether it works, one ask is let in at a time, to find out. Any thread.
 */
#ifndef STORE_DOOR_H
#define STORE_DOOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct door {
	atomic_int state;
	pthread_mutex_t lock;
	char text[240]; /* why it is shut */
};

void door_init(struct door *door); /* it is open */
void door_clear(struct door *door);

/* False: text (240 bytes) says why not. */
bool door_enter(struct door *door, char *text);
void door_shut(struct door *door, const char *text);
void door_ajar(struct door *door); /* if it is shut: for one ask */
void door_open(struct door *door);

#endif
