/* unit/nameserver_says.c - what the name server of tests says, by a label of the name */
#include "nameserver_says.h"

#include <string.h>

/* -- what is said -------------------------------------------------------- */

static void say_silent(struct reply *reply)
{
	reply->silent = true;
}
static void say_servfail(struct reply *reply)
{
	reply_set_code(reply, 2);
}
static void say_refused(struct reply *reply)
{
	reply_set_code(reply, 5);
}
static void say_nosoa(struct reply *reply)
{
	reply_set_code(reply, 3);
}

static void say_nodata(struct reply *reply)
{
	/* MNAME and RNAME are the root; the minimum is 60, below the TTL. */
	REPLY_RECORD(reply, TYPE_SOA, 90, "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\74");
}

static void say_nxdomain(struct reply *reply)
{
	say_nodata(reply);
	reply_set_code(reply, 3);
}

static void say_always_truncated(struct reply *reply)
{
	reply->out->data[2] |= 2;
}

static void say_wrong_id(struct reply *reply)
{
	reply_say_address(reply);
	reply->out->data[0] ^= 0x55;
}

static void say_wrong_question(struct reply *reply)
{
	reply_say_address(reply);
	reply->out->data[13] ^= 1;
}

static void say_loop(struct reply *reply)
{
	const uint8_t self[2] = { (uint8_t)(0xc0 | reply->out->len >> 8), (uint8_t)reply->out->len };

	reply_add(reply, self, 2);
	reply_add(reply, "\0\1\0\1\0\0\0\1\0\4abcd", 14);
	reply_bump(reply, 6, 1);
}

static void say_large(struct reply *reply)
{
	uint8_t data[65000];

	if (reply_is_cut(reply))
		return;
	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < sizeof(data); i += 256)
		data[i] = (uint8_t)MIN(255, sizeof(data) - i - 1);
	reply_add_record(reply, NULL, TYPE_TXT, 300, data, sizeof(data));
}

static void say_addresses(struct reply *reply, unsigned count)
{
	for (unsigned i = 0; i < count && !reply_is_cut(reply); i++)
		reply_say_address(reply);
}

static void say_many(struct reply *reply)
{
	say_addresses(reply, 1001);
}
static void say_thousand(struct reply *reply)
{
	say_addresses(reply, 1000);
}

/* Few bytes that become many: each name is that of the question again. */
static void say_bomb(struct reply *reply)
{
	for (unsigned i = 0; i < 1000 && !reply_is_cut(reply); i++)
		REPLY_RECORD(reply, TYPE_NS, 300, "\300\14");
}

static void say_chain(struct reply *reply, unsigned steps)
{
	char owner[16], target[16];

	for (unsigned i = 0; i < steps; i++) {
		g_snprintf(owner, sizeof(owner), "\3c%02u", i);
		g_snprintf(target, sizeof(target), "\3c%02u", i + 1);
		reply_add_record(reply, i == 0 ? NULL : owner, TYPE_CNAME, i == 0 ? 5 : 300, target,
		                 strlen(target) + 1);
	}
	reply_add_record(reply, target, TYPE_A, 300, "\300\0\2\1", 4);
}

static void say_chain_16(struct reply *reply)
{
	say_chain(reply, 16);
}
static void say_chain_17(struct reply *reply)
{
	say_chain(reply, 17);
}
static void say_chain_30(struct reply *reply)
{
	say_chain(reply, 30);
}

static void say_circle(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_CNAME, 5, "\300\14");
}

static void say_byte(struct reply *reply)
{
	g_byte_array_set_size(reply->out, 1);
}
static void say_nothing(struct reply *reply)
{
	g_byte_array_set_size(reply->out, 0);
}

static void say_drip(struct reply *reply)
{
	reply->drips = true;
	reply_say_truncated(reply);
}

static void say_closed(struct reply *reply)
{
	reply->closes = reply->tcp;
	reply_say_truncated(reply);
}

static void say_short(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_A, 300, "\300\0\2");
}
static void say_cut(struct reply *reply)
{
	reply_say_address(reply);
	g_byte_array_set_size(reply->out, reply->out->len - 2);
}
static void say_text_broken(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_TXT, 300, "\7short");
}

static void say_garbage(struct reply *reply)
{
	for (unsigned i = 0; i < 100; i++)
		reply_add_16(reply, i * 40503);
	reply_bump(reply, 6, 7);
}

static void say_mx(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_MX, 300, "\0\12\2mx\300\14");
	REPLY_RECORD(reply, TYPE_MX, 100, "\0\24\6BackUp\7Example\3org\0");
}

static void say_null_mx(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_MX, 300, "\0\0\0");
}
static void say_text(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_TXT, 300, "\7v=spf1 \4-all");
}
static void say_nul(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_TXT, 300, "\5v=\0-a");
}
static void say_odd(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_PTR, 300, "\7a.b\\\n\200 \3org\0");
}
static void say_ns(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_NS, 300, "\2ns\300\14");
}
static void say_six(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_AAAA, 300, "\40\1\r\270\0\0\0\0\0\0\0\0\0\0\0\1");
}

static void say_stranger(struct reply *reply)
{
	reply_add_record(reply, "\5other\7example", TYPE_A, 300, "\300\0\2\1", 4);
}

static void say_case(struct reply *reply)
{
	for (size_t i = 12; i < reply->question - 4; i++)
		reply->out->data[i] = (uint8_t)g_ascii_toupper((char)reply->out->data[i]);
	reply_say_address(reply);
}

static void say_far_future(struct reply *reply)
{
	reply_say_address(reply);
	reply->out->data[reply->out->len - 10] = 0x80;
}

static void say_no_edns(struct reply *reply)
{
	if (reply->edns)
		reply_set_code(reply, 1);
	else
		reply_say_address(reply);
}

static void say_second(struct reply *reply)
{
	reply->silent = reply->times == 0;
	reply_say_address(reply);
}

/* -- what is wrong with a record, or with what it says --------------------- */

/* A name whose first label has a length with a bit that means nothing. */
static void say_label_kind(struct reply *reply)
{
	reply_add_record(reply, "\101x", TYPE_A, 300, "\300\0\2\1", 4);
}

/* Four labels of 63 bytes and what a pointer adds. */
static void say_long_name(struct reply *reply)
{
	char data[4 * 64 + 2];

	for (unsigned i = 0; i < 4; i++) {
		memset(data + (size_t)i * 64, 'n', 64);
		data[i * 64] = 63;
	}
	memcpy(data + 256, "\300\14", 2);
	reply_add_record(reply, NULL, TYPE_NS, 300, data, sizeof(data));
}

static void say_mx_short(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_MX, 300, "\0");
}

static void say_found_nowhere(struct reply *reply)
{
	reply_say_address(reply);
	reply_set_code(reply, 3);
}

/* Without what it is an alias of. */
static void say_alias_only(struct reply *reply)
{
	REPLY_RECORD(reply, TYPE_CNAME, 30, "\7nowhere\7example\3org\0");
}

static void say_alias_nowhere(struct reply *reply)
{
	say_alias_only(reply);
	say_nxdomain(reply);
}

/* As a server does that answers for its own zones only. */
static void say_alias_elsewhere(struct reply *reply)
{
	say_alias_only(reply);
	reply->out->data[2] |= 4;
	reply->out->data[3] = 0;
}

/* It does not know of the name, and does not ask others. */
static void say_no_recursion(struct reply *reply)
{
	reply->out->data[3] = 0;
}

/* Who else may know. */
static void say_referral(struct reply *reply)
{
	reply_add(reply, "\300\14\0\2\0\1\0\0\1\54\0\20\2ns\7example\3org", 28);
	reply_bump(reply, 8, 1);
}

static void say_lame(struct reply *reply)
{
	say_referral(reply);
	say_no_recursion(reply);
}

static void say_nxdomain_referral(struct reply *reply)
{
	say_referral(reply);
	reply_set_code(reply, 3);
}

static void say_nodata_cut(struct reply *reply)
{
	say_nodata(reply);
	g_byte_array_set_size(reply->out, reply->out->len - 2);
}

/* A text, all of it pointers, each to the one before; then aliases whose names are at its end. */
static void say_scattered(struct reply *reply)
{
	enum { POINTERS = 8000, ALIASES = 999 };
	unsigned from = (unsigned)reply->out->len + 12, last = from + 2 * (POINTERS - 1);
	uint8_t data[2 * POINTERS];

	if (reply_is_cut(reply))
		return;
	for (unsigned i = 0; i < POINTERS; i++) {
		unsigned to = i == 0 ? 12 : from + 2 * (i - 1);

		data[2 * i] = (uint8_t)(0xc0 | to >> 8);
		data[2 * i + 1] = (uint8_t)to;
	}
	reply_add_record(reply, NULL, TYPE_TXT, 300, data, sizeof(data));
	for (unsigned i = 0; i < ALIASES; i++) {
		reply_add_16(reply, 0xc000 | last);
		reply_add(reply, "\0\5\0\1\0\0\0\1\0\2\300\14", 12);
		reply_bump(reply, 6, 1);
	}
}

const struct saying nameserver_sayings[] = {
	{ "address", reply_say_address },
	{ "silent", say_silent },
	{ "servfail", say_servfail },
	{ "refused", say_refused },
	{ "nxdomain", say_nxdomain },
	{ "nosoa", say_nosoa },
	{ "nodata", say_nodata },
	{ "truncated", reply_say_truncated },
	{ "always-truncated", say_always_truncated },
	{ "wrong-id", say_wrong_id },
	{ "wrong-question", say_wrong_question },
	{ "loop", say_loop },
	{ "large", say_large },
	{ "many", say_many },
	{ "thousand", say_thousand },
	{ "bomb", say_bomb },
	{ "chain-16", say_chain_16 },
	{ "chain-17", say_chain_17 },
	{ "chain-30", say_chain_30 },
	{ "circle", say_circle },
	{ "byte", say_byte },
	{ "nothing", say_nothing },
	{ "drip", say_drip },
	{ "closed", say_closed },
	{ "short", say_short },
	{ "cut", say_cut },
	{ "text-broken", say_text_broken },
	{ "garbage", say_garbage },
	{ "mx", say_mx },
	{ "null-mx", say_null_mx },
	{ "text", say_text },
	{ "nul", say_nul },
	{ "odd", say_odd },
	{ "ns", say_ns },
	{ "six", say_six },
	{ "stranger", say_stranger },
	{ "case", say_case },
	{ "far-future", say_far_future },
	{ "no-edns", say_no_edns },
	{ "second", say_second },
	{ "label-kind", say_label_kind },
	{ "long-name", say_long_name },
	{ "mx-short", say_mx_short },
	{ "found-nowhere", say_found_nowhere },
	{ "alias-only", say_alias_only },
	{ "alias-elsewhere", say_alias_elsewhere },
	{ "alias-nowhere", say_alias_nowhere },
	{ "no-recursion", say_no_recursion },
	{ "referral", say_referral },
	{ "lame", say_lame },
	{ "nxdomain-referral", say_nxdomain_referral },
	{ "nodata-cut", say_nodata_cut },
	{ "scattered", say_scattered },
	{ NULL, NULL },
};
