/* unit/nameserver_says.c - what the name server of tests says, by the first label of the name */
#include "nameserver_says.h"

#include <string.h>

enum { A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28 };

/* -- making replies ------------------------------------------------------ */

static void add(struct reply *reply, const void *bytes, size_t size)
{
	g_byte_array_append(reply->out, bytes, (guint)size);
}

static void add_16(struct reply *reply, unsigned number)
{
	const uint8_t bytes[2] = { (uint8_t)(number >> 8), (uint8_t)number };

	add(reply, bytes, 2);
}

static void bump(struct reply *reply, unsigned at, unsigned by)
{
	unsigned number = (unsigned)reply->out->data[at] << 8 | reply->out->data[at + 1];

	reply->out->data[at] = (uint8_t)((number + by) >> 8);
	reply->out->data[at + 1] = (uint8_t)(number + by);
}

/* "\3www\7example\0" and the like are written by hand; owner NULL: the name of the question. */
static void add_record(struct reply *reply, const char *owner, unsigned type, unsigned ttl, const void *data,
                       size_t size)
{
	if (owner == NULL)
		add_16(reply, 0xc00c);
	else
		add(reply, owner, strlen(owner) + 1);
	add_16(reply, type);
	add_16(reply, 1);
	add_16(reply, 0);
	add_16(reply, ttl);
	add_16(reply, (unsigned)size);
	add(reply, data, size);
	bump(reply, type == SOA ? 8 : 6, 1);
}

#define RECORD(reply, type, ttl, data) add_record(reply, NULL, type, ttl, data, sizeof(data) - 1)

static void set_code(struct reply *reply, unsigned code)
{
	reply->out->data[3] = (uint8_t)(0x80 | code);
}

/* On UDP only what fits; else the bit that says so. */
static bool truncated(struct reply *reply)
{
	if (reply->tcp)
		return false;
	reply->out->data[2] |= 2;
	return true;
}

static void say_address(struct reply *reply)
{
	RECORD(reply, A, 300, "\300\0\2\1");
}

/* -- what is said -------------------------------------------------------- */

static void say_silent(struct reply *reply)
{
	reply->silent = true;
}
static void say_servfail(struct reply *reply)
{
	set_code(reply, 2);
}
static void say_refused(struct reply *reply)
{
	set_code(reply, 5);
}
static void say_nosoa(struct reply *reply)
{
	set_code(reply, 3);
}

static void say_nodata(struct reply *reply)
{
	/* MNAME and RNAME are the root; the minimum is 60, below the TTL. */
	RECORD(reply, SOA, 90, "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\74");
}

static void say_nxdomain(struct reply *reply)
{
	say_nodata(reply);
	set_code(reply, 3);
}

static void say_truncated(struct reply *reply)
{
	if (!truncated(reply))
		say_address(reply);
}

static void say_always_truncated(struct reply *reply)
{
	reply->out->data[2] |= 2;
}

static void say_wrong_id(struct reply *reply)
{
	say_address(reply);
	reply->out->data[0] ^= 0x55;
}

static void say_wrong_question(struct reply *reply)
{
	say_address(reply);
	reply->out->data[13] ^= 1;
}

static void say_loop(struct reply *reply)
{
	const uint8_t self[2] = { (uint8_t)(0xc0 | reply->out->len >> 8), (uint8_t)reply->out->len };

	add(reply, self, 2);
	add(reply, "\0\1\0\1\0\0\0\1\0\4abcd", 14);
	bump(reply, 6, 1);
}

static void say_large(struct reply *reply)
{
	uint8_t data[65000];

	if (truncated(reply))
		return;
	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < sizeof(data); i += 256)
		data[i] = (uint8_t)MIN(255, sizeof(data) - i - 1);
	add_record(reply, NULL, TXT, 300, data, sizeof(data));
}

static void say_addresses(struct reply *reply, unsigned count)
{
	for (unsigned i = 0; i < count && !truncated(reply); i++)
		say_address(reply);
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
	for (unsigned i = 0; i < 1000 && !truncated(reply); i++)
		RECORD(reply, NS, 300, "\300\14");
}

static void say_chain(struct reply *reply, unsigned steps)
{
	char owner[16], target[16];

	for (unsigned i = 0; i < steps; i++) {
		g_snprintf(owner, sizeof(owner), "\3c%02u", i);
		g_snprintf(target, sizeof(target), "\3c%02u", i + 1);
		add_record(reply, i == 0 ? NULL : owner, CNAME, i == 0 ? 5 : 300, target, strlen(target) + 1);
	}
	add_record(reply, target, A, 300, "\300\0\2\1", 4);
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
	RECORD(reply, CNAME, 5, "\300\14");
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
	say_truncated(reply);
}

static void say_closed(struct reply *reply)
{
	reply->closes = reply->tcp;
	say_truncated(reply);
}

static void say_short(struct reply *reply)
{
	RECORD(reply, A, 300, "\300\0\2");
}
static void say_cut(struct reply *reply)
{
	say_address(reply);
	g_byte_array_set_size(reply->out, reply->out->len - 2);
}
static void say_text_broken(struct reply *reply)
{
	RECORD(reply, TXT, 300, "\7short");
}

static void say_garbage(struct reply *reply)
{
	for (unsigned i = 0; i < 100; i++)
		add_16(reply, i * 40503);
	bump(reply, 6, 7);
}

static void say_mx(struct reply *reply)
{
	RECORD(reply, MX, 300, "\0\12\2mx\300\14");
	RECORD(reply, MX, 100, "\0\24\6BackUp\7Example\3org\0");
}

static void say_null_mx(struct reply *reply)
{
	RECORD(reply, MX, 300, "\0\0\0");
}
static void say_text(struct reply *reply)
{
	RECORD(reply, TXT, 300, "\7v=spf1 \4-all");
}
static void say_nul(struct reply *reply)
{
	RECORD(reply, TXT, 300, "\5v=\0-a");
}
static void say_odd(struct reply *reply)
{
	RECORD(reply, PTR, 300, "\7a.b\\\n\200 \3org\0");
}
static void say_ns(struct reply *reply)
{
	RECORD(reply, NS, 300, "\2ns\300\14");
}
static void say_six(struct reply *reply)
{
	RECORD(reply, AAAA, 300, "\40\1\r\270\0\0\0\0\0\0\0\0\0\0\0\1");
}

static void say_stranger(struct reply *reply)
{
	add_record(reply, "\5other\7example", A, 300, "\300\0\2\1", 4);
}

/* Who else may know. */
static void say_referral(struct reply *reply)
{
	add_record(reply, "\7example\3org", NS, 300, "\2ns\300\14", 5);
	bump(reply, 6, -1u);
	bump(reply, 8, 1);
}

static void say_nxdomain_referral(struct reply *reply)
{
	say_referral(reply);
	set_code(reply, 3);
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

	if (truncated(reply))
		return;
	for (unsigned i = 0; i < POINTERS; i++) {
		unsigned to = i == 0 ? 12 : from + 2 * (i - 1);

		data[2 * i] = (uint8_t)(0xc0 | to >> 8);
		data[2 * i + 1] = (uint8_t)to;
	}
	add_record(reply, NULL, TXT, 300, data, sizeof(data));
	for (unsigned i = 0; i < ALIASES; i++) {
		add_16(reply, 0xc000 | last);
		add(reply, "\0\5\0\1\0\0\0\1\0\2\300\14", 12);
		bump(reply, 6, 1);
	}
}

static void say_case(struct reply *reply)
{
	for (size_t i = 12; i < reply->question - 4; i++)
		reply->out->data[i] = (uint8_t)g_ascii_toupper((char)reply->out->data[i]);
	say_address(reply);
}

static void say_far_future(struct reply *reply)
{
	say_address(reply);
	reply->out->data[reply->out->len - 10] = 0x80;
}

static void say_no_edns(struct reply *reply)
{
	if (reply->edns)
		set_code(reply, 1);
	else
		say_address(reply);
}

static void say_second(struct reply *reply)
{
	reply->silent = reply->times == 0;
	say_address(reply);
}

static const struct {
	const char *label;
	void (*say)(struct reply *reply);
} sayings[] = {
	{ "address", say_address },
	{ "silent", say_silent },
	{ "servfail", say_servfail },
	{ "refused", say_refused },
	{ "nxdomain", say_nxdomain },
	{ "nosoa", say_nosoa },
	{ "nodata", say_nodata },
	{ "truncated", say_truncated },
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
	{ "referral", say_referral },
	{ "nxdomain-referral", say_nxdomain_referral },
	{ "nodata-cut", say_nodata_cut },
	{ "scattered", say_scattered },
	{ "case", say_case },
	{ "far-future", say_far_future },
	{ "no-edns", say_no_edns },
	{ "second", say_second },
};

void nameserver_say(struct reply *reply, const char *label)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sayings); i++)
		if (strcmp(sayings[i].label, label) == 0) {
			sayings[i].say(reply);
			return;
		}
	set_code(reply, 3);
}
