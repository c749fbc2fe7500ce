/* daemon/peers.c - how many connections each address has to each listener, in all loops */
#include "daemon/peers.h"

#include <glib.h>

static struct {
	GMutex lock;
	GHashTable *counts; /* "PEER LISTENER" -> how many, none of them 0 */
} peers;

static unsigned change(const char *listener, const char *peer, int by)
{
	char *key = g_strconcat(peer, " ", listener, NULL);
	unsigned count;

	g_mutex_lock(&peers.lock);
	if (peers.counts == NULL)
		peers.counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	count = GPOINTER_TO_UINT(g_hash_table_lookup(peers.counts, key)) + (unsigned)by;
	if (count > 0)
		g_hash_table_replace(peers.counts, g_steal_pointer(&key), GUINT_TO_POINTER(count));
	else
		g_hash_table_remove(peers.counts, key);
	if (g_hash_table_size(peers.counts) == 0)
		g_clear_pointer(&peers.counts, g_hash_table_unref);
	g_mutex_unlock(&peers.lock);
	g_free(key);
	return count;
}

unsigned peers_enter(const char *listener, const char *peer)
{
	return change(listener, peer, 1);
}

void peers_leave(const char *listener, const char *peer)
{
	change(listener, peer, -1);
}
