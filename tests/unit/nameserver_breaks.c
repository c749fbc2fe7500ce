/* unit/nameserver_breaks.c - messages and streams of the name server of tests that are none */
#include "nameserver_says.h"

#include <string.h>

/* -- what is wrong with the message --------------------------------------- */

/* The question as it came: it says of itself that it is none. */
static void say_echo(struct reply *reply)
{
	reply->out->data[2] &= 0x7f;
}

static void say_notimp(struct reply *reply)
{
	reply_set_code(reply, 4);
}
static void say_formerr(struct reply *reply)
{
	reply_set_code(reply, 1);
}

static void say_no_question(struct reply *reply)
{
	g_byte_array_set_size(reply->out, 12);
	memset(reply->out->data + 4, 0, 2);
	reply_add_record(reply, "\7example\3org", TYPE_A, 300, "\300\0\2\1", 4);
}

static void say_two_questions(struct reply *reply)
{
	reply_add(reply, reply->query + 12, reply->question - 12);
	reply_bump(reply, 4, 1);
	reply_say_address(reply);
}

static void say_spoofed(struct reply *reply)
{
	reply->before = 100;
	reply_say_address(reply);
}

static void say_elsewhere(struct reply *reply)
{
	reply->elsewhere = true;
	reply_say_address(reply);
}

static void say_more_behind(struct reply *reply)
{
	reply_say_address(reply);
	reply_add(reply, "more bytes than it says", 23);
}

/* Of another class. */
static void say_chaos(struct reply *reply)
{
	reply_say_address(reply);
	reply->out->data[reply->out->len - 11] = 3;
}

/* -- what is wrong with a stream ------------------------------------------- */

static void say_tcp_silent(struct reply *reply)
{
	reply->silent = reply->tcp;
	reply_say_truncated(reply);
}

static void say_tcp_wrong_id(struct reply *reply)
{
	reply_say_truncated(reply);
	if (reply->tcp)
		reply->out->data[0] ^= 0x55;
}

static void say_tcp_lies(struct reply *reply)
{
	reply->length = 400;
	reply->closes = reply->tcp;
	reply_say_truncated(reply);
}

static void say_tcp_empty(struct reply *reply)
{
	reply->is_empty_frame = true;
	reply_say_truncated(reply);
}

static void say_tcp_spoofed(struct reply *reply)
{
	reply->before = reply->tcp ? 100 : 0;
	reply_say_truncated(reply);
}

/* As much as a message can have. */
static void say_full(struct reply *reply)
{
	uint8_t data[65535];
	size_t size = sizeof(data) - reply->question - 12;

	if (reply_is_cut(reply))
		return;
	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < size; i += 256)
		data[i] = (uint8_t)MIN(255, size - i - 1);
	reply_add_record(reply, NULL, TYPE_TXT, 300, data, size);
}

const struct saying nameserver_breaks[] = {
	{ "echo", say_echo },
	{ "notimp", say_notimp },
	{ "formerr", say_formerr },
	{ "no-question", say_no_question },
	{ "two-questions", say_two_questions },
	{ "spoofed", say_spoofed },
	{ "elsewhere", say_elsewhere },
	{ "more-behind", say_more_behind },
	{ "chaos", say_chaos },
	{ "tcp-silent", say_tcp_silent },
	{ "tcp-wrong-id", say_tcp_wrong_id },
	{ "tcp-lies", say_tcp_lies },
	{ "tcp-empty", say_tcp_empty },
	{ "tcp-spoofed", say_tcp_spoofed },
	{ "full", say_full },
	{ NULL, NULL },
};
