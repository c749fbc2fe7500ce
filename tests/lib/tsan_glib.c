/* lib/tsan_glib.c - tells ThreadSanitizer of GLib's locks, whose inside it cannot see
 *
 * Linked into everything that --enable-tsan builds, with -Wl,--wrap for each function:
 * what stood before an unlock is seen by whoever locks next.
 */
#include <glib.h>
#include <sanitizer/tsan_interface.h>

/* The linker makes these names: __wrap_x is called for x, __real_x is x. */
void __real_g_mutex_lock(GMutex *mutex);
gboolean __real_g_mutex_trylock(GMutex *mutex);
void __real_g_mutex_unlock(GMutex *mutex);
void __real_g_cond_wait(GCond *cond, GMutex *mutex);
gboolean __real_g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end);
void __wrap_g_mutex_lock(GMutex *mutex);
gboolean __wrap_g_mutex_trylock(GMutex *mutex);
void __wrap_g_mutex_unlock(GMutex *mutex);
void __wrap_g_cond_wait(GCond *cond, GMutex *mutex);
gboolean __wrap_g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end);

void __wrap_g_mutex_lock(GMutex *mutex)
{
	__real_g_mutex_lock(mutex);
	__tsan_acquire(mutex);
}

gboolean __wrap_g_mutex_trylock(GMutex *mutex)
{
	gboolean locked = __real_g_mutex_trylock(mutex);

	if (locked)
		__tsan_acquire(mutex);
	return locked;
}

void __wrap_g_mutex_unlock(GMutex *mutex)
{
	__tsan_release(mutex);
	__real_g_mutex_unlock(mutex);
}

void __wrap_g_cond_wait(GCond *cond, GMutex *mutex)
{
	__tsan_release(mutex);
	__real_g_cond_wait(cond, mutex);
	__tsan_acquire(mutex);
}

gboolean __wrap_g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end)
{
	gboolean woken;

	__tsan_release(mutex);
	woken = __real_g_cond_wait_until(cond, mutex, end);
	__tsan_acquire(mutex);
	return woken;
}
