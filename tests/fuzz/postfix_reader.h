/* fuzz/postfix_reader.h - what Postfix's smtpd makes of the bytes of a policy reply
 *
 * A model of attr_scan_plain() and check_table_result() (smtpd_check.c, 3.7 to
 * 3.10), written from how they behave and sharing nothing with the server.
 */
#ifndef POSTFIX_READER_H
#define POSTFIX_READER_H

#include <stdbool.h>
#include <stddef.h>

enum postfix_effect {
	POSTFIX_DEFAULT_ACTION, /* no reply that can be used: smtpd_policy_service_default_action */
	POSTFIX_SERVER_ERROR,   /* 451 4.3.5 Server configuration error */
	POSTFIX_IGNORED,        /* a warning in Postfix's log, and the mail goes on */
	POSTFIX_PASS,           /* DUNNO, and what only marks or logs: HOLD PREPEND WARN INFO */
	POSTFIX_REFUSE,         /* now */
	POSTFIX_REFUSE_IF,      /* defer_if_permit, defer_if_reject */
	POSTFIX_REROUTE,        /* FILTER REDIRECT BCC */
	POSTFIX_PERMIT,         /* OK RELAY digits DISCARD, nothing at all */
	POSTFIX_HANGUP,
	POSTFIX_RESTRICTIONS /* a list of restrictions is run */
};

struct postfix_reading {
	enum postfix_effect effect;
	size_t used;         /* bytes read, up to and with the empty line; 0 = it never came */
	unsigned attributes; /* lines that came, of any name */
	unsigned actions;    /* those named action */
	char value[4096];    /* of the first action */
	char word[64];       /* its first word, in upper case */
	int code;            /* of POSTFIX_REFUSE: the SMTP reply code */
	char enhanced[12];   /* and enhanced code */
	const char *text;    /* in value: what the SMTP client or the mail gets to see */
};

/* False: the value does not fit a reading. */
bool postfix_read(const char *bytes, size_t length, struct postfix_reading *reading);

/* Decodes strictly, as Postfix's valid_utf8_stringz(). */
bool postfix_valid_utf8(const char *text);

#endif
