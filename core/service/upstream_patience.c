/* service/upstream_patience.c - requests at a server that hangs go on to the next one */
#include "base/clock.h"
#include "service/upstream_pool.h"

#define LOOK_EVERY 50 /* ms */

static void look(struct loop_timer *timer);

static void look_again(struct upstream_pool *pool)
{
	if (pool->look.place == 0 && pool->calls.length > 0)
		loop_timer_set(pool->loop, &pool->look, pp_now() + LOOK_EVERY);
}

void upstream_patience_begin(struct upstream_call *call)
{
	struct upstream_pool *pool = call->pool;

	pool->look.expired = look;
	call->wait.data = call;
	call->waits_in = &pool->calls;
	g_queue_push_tail_link(&pool->calls, &call->wait);
	look_again(pool);
}

void upstream_patience_end(struct upstream_call *call)
{
	if (call->waits_in != NULL)
		g_queue_unlink(call->waits_in, &call->wait);
	call->waits_in = NULL;
}

void upstream_patience_clear(struct upstream_pool *pool)
{
	loop_timer_cancel(pool->loop, &pool->look);
}

static void put_aside(struct upstream_pool *pool)
{
	GList *each;

	while ((each = g_queue_pop_head_link(&pool->calls)) != NULL) {
		((struct upstream_call *)each->data)->waits_in = &pool->examined;
		g_queue_push_tail_link(&pool->examined, each);
	}
}

/* The last ones first: those that stay find out soonest that their server hangs. A call that goes
 * on may end, and others with it. */
static void move_some(struct upstream_pool *pool, uint64_t stuck)
{
	GList *each;

	put_aside(pool);
	while ((each = g_queue_pop_tail_link(&pool->examined)) != NULL) {
		struct upstream_call *call = each->data;

		if ((stuck >> call->server & 1) != 0 && upstream_call_may_leave(call) &&
		    upstream_leave(pool->upstream, call->server, call->tried)) {
			call->waits_in = NULL;
			upstream_call_leave(call);
		} else {
			call->waits_in = &pool->calls;
			g_queue_push_head_link(&pool->calls, each);
		}
	}
}

static void look(struct loop_timer *timer)
{
	struct upstream_pool *pool = (struct upstream_pool *)((char *)timer -
	                                                      offsetof(struct upstream_pool, look));
	uint64_t stuck = pool->calls.length > 0 ? upstream_find_stuck(pool->upstream) : 0;

	if (stuck != 0)
		move_some(pool, stuck);
	look_again(pool);
}
