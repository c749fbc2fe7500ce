/* unit/nameserver_reply.c - how replies of the name server of tests are made */
#include "nameserver_reply.h"

#include <string.h>

void reply_add(struct reply *reply, const void *bytes, size_t size)
{
	g_byte_array_append(reply->out, bytes, (guint)size);
}

void reply_add_16(struct reply *reply, unsigned number)
{
	const uint8_t bytes[2] = { (uint8_t)(number >> 8), (uint8_t)number };

	reply_add(reply, bytes, 2);
}

void reply_bump(struct reply *reply, unsigned at, unsigned by)
{
	unsigned number = (unsigned)reply->out->data[at] << 8 | reply->out->data[at + 1];

	reply->out->data[at] = (uint8_t)((number + by) >> 8);
	reply->out->data[at + 1] = (uint8_t)(number + by);
}

void reply_add_record(struct reply *reply, const char *owner, unsigned type, unsigned ttl, const void *data,
                      size_t size)
{
	if (owner == NULL)
		reply_add_16(reply, 0xc00c);
	else
		reply_add(reply, owner, strlen(owner) + 1);
	reply_add_16(reply, type);
	reply_add_16(reply, 1);
	reply_add_16(reply, 0);
	reply_add_16(reply, ttl);
	reply_add_16(reply, (unsigned)size);
	reply_add(reply, data, size);
	reply_bump(reply, type == TYPE_SOA ? 8 : 6, 1);
}

void reply_set_code(struct reply *reply, unsigned code)
{
	reply->out->data[3] = (uint8_t)(0x80 | code);
}

bool reply_is_cut(struct reply *reply)
{
	if (reply->tcp)
		return false;
	reply->out->data[2] |= 2;
	return true;
}

void reply_say_address(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_A, 300, "\300\0\2\1");
}

void reply_say_truncated(struct reply *reply)
{
	if (!reply_is_cut(reply))
		reply_say_address(reply);
}
