/* store/door.c - keeps asks out of a store whose database is away, so that they lose no time */
#include "store/door.h"

#include <glib.h>

enum { OPEN, AJAR, SHUT };

void door_init(struct door *door)
{
	atomic_init(&door->state, OPEN);
	pthread_mutex_init(&door->lock, NULL);
	door->text[0] = '\0';
}

void door_clear(struct door *door)
{
	pthread_mutex_destroy(&door->lock);
}

bool door_enter(struct door *door, char *text)
{
	int state = atomic_load_explicit(&door->state, memory_order_acquire);

	if (state == OPEN || (state == AJAR && atomic_compare_exchange_strong(&door->state, &state, SHUT)))
		return true;
	pthread_mutex_lock(&door->lock);
	g_strlcpy(text, door->text, sizeof(door->text));
	pthread_mutex_unlock(&door->lock);
	return false;
}

void door_shut(struct door *door, const char *text)
{
	pthread_mutex_lock(&door->lock);
	g_strlcpy(door->text, text, sizeof(door->text));
	pthread_mutex_unlock(&door->lock);
	atomic_store(&door->state, SHUT);
}

void door_ajar(struct door *door)
{
	int state = SHUT;

	atomic_compare_exchange_strong(&door->state, &state, AJAR);
}

void door_open(struct door *door)
{
	if (atomic_load_explicit(&door->state, memory_order_relaxed) != OPEN)
		atomic_store(&door->state, OPEN);
}
