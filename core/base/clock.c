/* base/clock.c - what time it is; turned by hand in tests */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static atomic_bool fake;
static _Atomic pp_msec_t fake_time;

static int64_t read_usec(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_usec(void)
{
	if (atomic_load_explicit(&fake, memory_order_relaxed))
		return atomic_load(&fake_time) * 1000;
	return read_usec(CLOCK_MONOTONIC);
}

pp_msec_t pp_now(void)
{
	return clock_usec() / 1000;
}

pp_msec_t pp_time(void)
{
	if (atomic_load_explicit(&fake, memory_order_relaxed))
		return atomic_load(&fake_time);
	return read_usec(CLOCK_REALTIME_COARSE) / 1000; /* a few milliseconds are near enough, and cheap */
}

void clock_fake(pp_msec_t time)
{
	atomic_store(&fake_time, time);
	atomic_store(&fake, true);
}

bool clock_is_fake(void)
{
	return atomic_load(&fake);
}

void clock_advance(pp_msec_t length)
{
	atomic_fetch_add(&fake_time, length);
}
