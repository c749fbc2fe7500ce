/* lib/tsan_glib.c - tells ThreadSanitizer of what it cannot see: GLib's locks, Lua's errors
 *
 * Linked into everything that --enable-tsan builds, with -Wl,--wrap for each of GLib's
 * functions: what stood before an unlock is seen by whoever locks next.
 */
#undef _FORTIFY_SOURCE /* where it is set, longjmp() is a call of __longjmp_chk() */
#include <glib.h>
#include <sanitizer/tsan_interface.h>
#include <setjmp.h>

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

/* Where Lua is built with _FORTIFY_SOURCE it raises errors by this function of glibc.
 * ThreadSanitizer knows only longjmp(): it would keep the functions that an error leaves
 * on its own stack of calls, and write past the end of that after 65536 of them. */
__attribute__((visibility("default"), noreturn)) void __longjmp_chk(jmp_buf place, int value);

void __longjmp_chk(jmp_buf place, int value)
{
	longjmp(place, value);
}
