/* check/upstream.h - requests passed on to other policy servers, as work of asks */
#ifndef CHECK_UPSTREAM_H
#define CHECK_UPSTREAM_H

#include "check/work.h"
#include "service/upstream_call.h"

struct upstream_work {             /* of pp_upstream(), in the ask's arena */
	struct upstream_call call; /* first */
	struct pp_work *work;
	struct proxy_ends ends;
	pp_upstream_reply_t reply;
};

#endif
