/* ppolicyd/module.h - all a check module sees of ppolicyd
 *
 * A module answers one question about one request, in steps: a step answers, or
 * starts work and returns pp_wait(). It is a shared object with one constant
 * descriptor, made by PP_MODULE(). Everything handed out lives as long as the
 * ask; everything handed in is copied; a module frees nothing of ours.
 *
 * Threads: an ask lives and dies in one event loop, and several asks of one
 * check may run at once in different loops. So conf is constant, and a handle
 * that is shared must do its own locking.
 *
 * ABI history: 1 the first
 */
#ifndef PPOLICYD_MODULE_H
#define PPOLICYD_MODULE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PP_ABI 1
#define PP_EXPORT __attribute__((visibility("default")))
#define PP_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))

typedef int64_t pp_msec_t; /* a length of time, or a moment, in milliseconds */

typedef struct pp_ask pp_ask_t;           /* one check asked about one request */
typedef struct pp_work pp_work_t;         /* something started that takes time */
typedef struct pp_error pp_error_t;       /* where validate() and open() say what is wrong */
typedef struct pp_networks pp_networks_t; /* an immutable set of IP networks */
typedef struct pp_action pp_action_t;     /* what a rule may return, made by a constructor */

/* An IP address; an IPv4-mapped IPv6 address is IPv4. */
typedef struct pp_address {
	uint8_t family; /* 4 or 6; 0 = none */
	uint8_t bytes[16];
} pp_address_t;

/* -- attributes ---------------------------------------------------------- */

/* The attributes of a request: X(ENUMERATOR, name, kind, since, help).
 * Names and versions: Postfix's SMTPD_POLICY_README. kind TEXT or NUMBER;
 * DERIVED ones are made by us from the sent ones. */
#define PP_ATTRIBUTE_TABLE(X)                                                                         \
	X(REQUEST, request, TEXT, "2.1", "Kind of request, always smtpd_access_policy")               \
	X(PROTOCOL_STATE, protocol_state, TEXT, "2.1",                                                \
	  "CONNECT, EHLO, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY or ETRN")                      \
	X(PROTOCOL_NAME, protocol_name, TEXT, "2.1", "SMTP or ESMTP")                                 \
	X(HELO_NAME, helo_name, TEXT, "2.1", "Name the client gave with HELO or EHLO")                \
	X(QUEUE_ID, queue_id, TEXT, "2.1", "Queue id, once Postfix has one")                          \
	X(SENDER, sender, TEXT, "2.1", "Envelope sender; the null sender is the empty text")          \
	X(RECIPIENT, recipient, TEXT, "2.1", "Envelope recipient")                                    \
	X(RECIPIENT_COUNT, recipient_count, NUMBER, "2.1",                                            \
	  "Accepted recipients, at DATA and END-OF-MESSAGE only")                                     \
	X(CLIENT_ADDRESS, client_address, TEXT, "2.1", "IP address of the SMTP client")               \
	X(CLIENT_NAME, client_name, TEXT, "2.1", "Verified name of the SMTP client, or unknown")      \
	X(REVERSE_CLIENT_NAME, reverse_client_name, TEXT, "2.1",                                      \
	  "Name found for the client's address, not verified, or unknown")                            \
	X(INSTANCE, instance, TEXT, "2.1", "Ties the requests of one message together from RCPT on")  \
	X(SASL_METHOD, sasl_method, TEXT, "2.2", "SASL mechanism used")                               \
	X(SASL_USERNAME, sasl_username, TEXT, "2.2", "SASL login name")                               \
	X(SASL_SENDER, sasl_sender, TEXT, "2.2", "AUTH= parameter of MAIL FROM")                      \
	X(SIZE, size, NUMBER, "2.2", "Message size in bytes: declared, at END-OF-MESSAGE real")       \
	X(CCERT_SUBJECT, ccert_subject, TEXT, "2.2", "Subject of the verified client certificate")    \
	X(CCERT_ISSUER, ccert_issuer, TEXT, "2.2", "Issuer of the verified client certificate")       \
	X(CCERT_FINGERPRINT, ccert_fingerprint, TEXT, "2.2",                                          \
	  "Fingerprint of the client certificate, not verified")                                      \
	X(ENCRYPTION_PROTOCOL, encryption_protocol, TEXT, "2.3", "TLS protocol, such as TLSv1.3")     \
	X(ENCRYPTION_CIPHER, encryption_cipher, TEXT, "2.3", "TLS cipher")                            \
	X(ENCRYPTION_KEYSIZE, encryption_keysize, NUMBER, "2.3", "TLS session key size in bits")      \
	X(ETRN_DOMAIN, etrn_domain, TEXT, "2.3", "Argument of ETRN")                                  \
	X(STRESS, stress, TEXT, "2.5", "yes while Postfix is under stress")                           \
	X(CCERT_PUBKEY_FINGERPRINT, ccert_pubkey_fingerprint, TEXT, "2.9",                            \
	  "Fingerprint of the client's public key, not verified")                                     \
	X(CLIENT_PORT, client_port, NUMBER, "3.0", "TCP port of the SMTP client")                     \
	X(POLICY_CONTEXT, policy_context, TEXT, "3.1", "policy_context= of check_policy_service")     \
	X(SERVER_ADDRESS, server_address, TEXT, "3.2", "IP address the client connected to")          \
	X(SERVER_PORT, server_port, NUMBER, "3.2", "TCP port the client connected to")                \
	X(COMPATIBILITY_LEVEL, compatibility_level, TEXT, "3.8", "Postfix's compatibility_level")     \
	X(MAIL_VERSION, mail_version, TEXT, "3.8", "Postfix's version")                               \
	X(TLS_SNI, tls_sni, TEXT, "3.12", "Server name the client asked for in TLS")                  \
	X(SENDER_DOMAIN, sender_domain, DERIVED, "", "Domain of sender, in lower case")               \
	X(SENDER_LOCALPART, sender_localpart, DERIVED, "", "What stands before the last @ of sender") \
	X(RECIPIENT_DOMAIN, recipient_domain, DERIVED, "", "Domain of recipient, in lower case")      \
	X(RECIPIENT_LOCALPART, recipient_localpart, DERIVED, "", "What stands before the last @ of recipient")

typedef enum pp_attribute {
	PP_ATTRIBUTE_NONE,
#define PP_ATTRIBUTE_ROW(upper, lower, kind, since, help) PP_##upper,
	PP_ATTRIBUTE_TABLE(PP_ATTRIBUTE_ROW)
#undef PP_ATTRIBUTE_ROW
	        PP_ATTRIBUTES /* how many, and PP_ATTRIBUTE_NONE */
} pp_attribute_t;

/* The value of an attribute, NUL-terminated; NULL when absent or empty. The
 * null sender is "" (from MAIL on). Only what .reads lists may be read. */
PP_EXPORT const char *pp_attr(pp_ask_t *a, pp_attribute_t attribute);

/* The same by name, for a parameter that names one (PP_ATTR_NAME): any attribute
 * that was sent, known to Postfix or not. */
PP_EXPORT const char *pp_attr_named(pp_ask_t *a, const char *name);

/* -- rows: parameters, arguments, fields --------------------------------- */

typedef enum pp_type {
	PP_TYPE_END,
	PP_TYPE_BOOL,       /* bool */
	PP_TYPE_INT,        /* int64_t */
	PP_TYPE_NUMBER,     /* double */
	PP_TYPE_TEXT,       /* const char *, NULL = absent */
	PP_TYPE_DURATION,   /* pp_msec_t, written "5m" */
	PP_TYPE_BYTES,      /* int64_t, written "64M" */
	PP_TYPE_FILE,       /* const char *, a path made absolute, NULL = absent */
	PP_TYPE_CHOICE,     /* const char *, one of .choices */
	PP_TYPE_TEXTS,      /* const pp_texts_t *, NULL = absent */
	PP_TYPE_TABLE,      /* const pp_value_t *, whatever was written, NULL = absent */
	PP_TYPE_NETWORKS,   /* const pp_networks_t *, NULL = absent */
	PP_TYPE_ATTRIBUTE,  /* const char *, the name of an attribute; it counts as read */
	PP_TYPE_ATTRIBUTES, /* const pp_texts_t *, names of attributes; they count as read */
	PP_TYPE_FIELDS,     /* const pp_texts_t *, names of further fields of the answer, all text */
	PP_TYPE_ACTION      /* const pp_action_t *, such as dunno(), NULL = absent */
} pp_type_t;

typedef struct pp_texts {
	size_t count;
	const char *const *items;
} pp_texts_t;

/* A value as it was written in the rule file. */
typedef struct pp_value pp_value_t;
typedef struct pp_pair pp_pair_t;
typedef enum pp_kind {
	PP_NIL,
	PP_BOOLEAN,
	PP_INTEGER,
	PP_REAL,
	PP_STRING,
	PP_LIST,
	PP_MADE_ACTION
} pp_kind_t;

struct pp_value {
	pp_kind_t kind;
	int line; /* where it stands, 0 = not known */
	union {
		bool boolean;
		int64_t integer;
		double real;
		const char *string; /* NUL-terminated; a text with a NUL inside is refused at load */
		struct {
			size_t count;
			const pp_pair_t *pairs; /* first those without a key, then the others by key */
		} list;
		const pp_action_t *action;
	};
};

struct pp_pair {
	const char *key; /* NULL: it stands at a place, not under a key */
	pp_value_t value;
};

/* One row of a table of parameters, arguments or fields. Default, minimum and
 * maximum are texts in the user's own syntax and read by the same function as
 * the user's values, so that they cannot be invalid and print as they are typed. */
typedef struct pp_row {
	const char *name;
	pp_type_t type;
	size_t offset;
	const char *dflt;    /* NULL = absent (a number's is then 0) */
	const char *min;     /* NULL = no limit */
	const char *max;     /* NULL = no limit */
	const char *unit;    /* of a bare number, such as "characters" */
	const char *choices; /* PP_CHOICE: the words, with spaces between */
	const char *samples; /* fields: values `ppolicyd -t` tries, with | between; NULL: it chooses */
	const char *when; /* fields: words with which it is set, "none" and "unknown" too, with spaces; NULL =
	                   * all of the module's own */
	const char *help; /* a sentence without a full stop */
	bool required;    /* parameters: must be given */
	bool inert;       /* parameters: does not shape the answer, so kept answers stay good */
} pp_row_t;

typedef pp_row_t pp_param_t;
typedef pp_row_t pp_argument_t;
typedef pp_row_t pp_field_t;

/* The offset of a member, which must have the C type of the row: a wrong one is
 * a compile error. */
#define PP_OFFSET(structure, member, ctype) \
	(offsetof(structure, member) + 0 * sizeof(_Generic(&((structure *)0)->member, ctype * : 1)))
#define PP_ROW(structure, member, kind, ctype, ...)                                                       \
	{                                                                                                 \
		.name = #member, .type = kind, .offset = PP_OFFSET(structure, member, ctype), __VA_ARGS__ \
	}

#define PP_BOOL(s, m, ...) PP_ROW(s, m, PP_TYPE_BOOL, bool, __VA_ARGS__)
#define PP_INT(s, m, ...) PP_ROW(s, m, PP_TYPE_INT, int64_t, __VA_ARGS__)
#define PP_NUMBER(s, m, ...) PP_ROW(s, m, PP_TYPE_NUMBER, double, __VA_ARGS__)
#define PP_TEXT(s, m, ...) PP_ROW(s, m, PP_TYPE_TEXT, const char *, __VA_ARGS__)
#define PP_DURATION(s, m, ...) PP_ROW(s, m, PP_TYPE_DURATION, pp_msec_t, __VA_ARGS__)
#define PP_BYTES(s, m, ...) PP_ROW(s, m, PP_TYPE_BYTES, int64_t, __VA_ARGS__)
#define PP_FILE(s, m, ...) PP_ROW(s, m, PP_TYPE_FILE, const char *, __VA_ARGS__)
#define PP_CHOICE(s, m, ...) PP_ROW(s, m, PP_TYPE_CHOICE, const char *, __VA_ARGS__)
#define PP_TEXTS(s, m, ...) PP_ROW(s, m, PP_TYPE_TEXTS, const pp_texts_t *, __VA_ARGS__)
#define PP_TABLE(s, m, ...) PP_ROW(s, m, PP_TYPE_TABLE, const pp_value_t *, __VA_ARGS__)
#define PP_NETWORKS(s, m, ...) PP_ROW(s, m, PP_TYPE_NETWORKS, const pp_networks_t *, __VA_ARGS__)
#define PP_ATTR_NAME(s, m, ...) PP_ROW(s, m, PP_TYPE_ATTRIBUTE, const char *, __VA_ARGS__)
#define PP_ATTR_NAMES(s, m, ...) PP_ROW(s, m, PP_TYPE_ATTRIBUTES, const pp_texts_t *, __VA_ARGS__)
#define PP_FIELD_NAMES(s, m, ...) PP_ROW(s, m, PP_TYPE_FIELDS, const pp_texts_t *, __VA_ARGS__)
#define PP_ACTION(s, m, ...) PP_ROW(s, m, PP_TYPE_ACTION, const pp_action_t *, __VA_ARGS__)
#define PP_END               \
	{                    \
		.name = NULL \
	}

/* -- what an ask has ----------------------------------------------------- */

PP_EXPORT const void *pp_conf(pp_ask_t *a); /* parameters, a struct of conf_size */
PP_EXPORT const void *pp_args(pp_ask_t *a); /* arguments, a struct of args_size */
PP_EXPORT void *
pp_fields(pp_ask_t *a);                /* fields to fill in, defaults set; texts are copied when you answer */
PP_EXPORT void *pp_state(pp_ask_t *a); /* memory of the ask, state_size zeroed bytes */
PP_EXPORT void *pp_handle(pp_ask_t *a); /* what open() returned; NULL without open() */

/* Sets a field that a PP_FIELD_NAMES parameter declared. */
PP_EXPORT void pp_field(pp_ask_t *a, const char *name, const char *value);

/* Memory that lives as long as the ask. Never NULL. */
PP_EXPORT void *pp_alloc(pp_ask_t *a, size_t size);
PP_EXPORT char *pp_format(pp_ask_t *a, const char *format, ...) PP_PRINTF(2, 3);

/* Time: pp_now() for lengths, pp_time() for what is stored (since 1970). Rule
 * tests turn both forward. */
PP_EXPORT pp_msec_t pp_now(void);
PP_EXPORT pp_msec_t pp_time(void);
/* Until the ask's timeout; 0 = it is over, answer from what you have. */
PP_EXPORT pp_msec_t pp_time_left(pp_ask_t *a);

/* -- answering ----------------------------------------------------------- */

/* What a step returns. Only the functions below make one. */
typedef struct pp_step {
	int kind;
} pp_step_t;
typedef pp_step_t (*pp_step_fn)(pp_ask_t *a);

/* The text is for people: in the log and, where a rule says so, in the reply.
 * Answering cancels open work. */
PP_EXPORT pp_step_t pp_yes(pp_ask_t *a, const char *format, ...) PP_PRINTF(2, 3);
PP_EXPORT pp_step_t pp_no(pp_ask_t *a, const char *format, ...) PP_PRINTF(2, 3);
/* The question does not apply, or nobody answers it. */
PP_EXPORT pp_step_t pp_none(pp_ask_t *a, const char *format, ...) PP_PRINTF(2, 3);
/* Could not find out. */
PP_EXPORT pp_step_t pp_unknown(pp_ask_t *a, const char *format, ...) PP_PRINTF(2, 3);
/* One of .words. */
PP_EXPORT pp_step_t pp_word(pp_ask_t *a, const char *word, const char *format, ...) PP_PRINTF(3, 4);
/* With the answer: keep it no longer than this. */
PP_EXPORT void pp_keep_at_most(pp_ask_t *a, pp_msec_t length);

/* -- work ---------------------------------------------------------------- */

/* Runs next when all open work is done; the _any form when one more is. At the
 * ask's timeout open work ends as PP_WORK_TIMED_OUT and next runs once more, to
 * answer from what it has. Without open work next runs at once. */
PP_EXPORT pp_step_t pp_wait(pp_ask_t *a, pp_step_fn next);
PP_EXPORT pp_step_t pp_wait_any(pp_ask_t *a, pp_step_fn next);

typedef enum pp_work_state {
	PP_WORK_OPEN,
	PP_WORK_DONE,
	PP_WORK_FAILED,   /* could not be started or carried out, as when all workers are busy */
	PP_WORK_TIMED_OUT /* the ask's time was over first */
} pp_work_state_t;
PP_EXPORT pp_work_state_t pp_work_state(const pp_work_t *work);

/* Wakes the ask after a length of time. */
PP_EXPORT pp_work_t *pp_sleep(pp_ask_t *a, pp_msec_t length);

/* Runs a function that may block on a worker thread, with the handle of that
 * thread and a copy of data (size bytes), which it may change; the changed copy
 * is read with pp_work_data() once the work is done. The function must touch
 * nothing else: the ask may be gone by then. handle is NULL when open() failed. */
typedef void (*pp_blocking_fn)(void *handle, void *data);
PP_EXPORT pp_work_t *pp_blocking(pp_ask_t *a, pp_blocking_fn function, const void *data, size_t size);
PP_EXPORT void *pp_work_data(const pp_work_t *work);
/* Why it failed, a sentence; "" unless it did. */
PP_EXPORT const char *pp_work_error(const pp_work_t *work);

/* -- the database -------------------------------------------------------- */

/* A named statement of the module: the file sql/DRIVER/MODULE/NAME.sql, where DRIVER is
 * sqlite or mysql, beside the module or where ppolicyd keeps its own; sql/README says what
 * stands in it. Its arguments are rows of one struct, the columns of its result rows of
 * another; types: BOOL, INT, NUMBER, TEXT, DURATION, BYTES. A NULL text is SQL's NULL; where
 * the result has NULL, the row's default stands. */
typedef struct pp_statement {
	const char *name;
	const pp_row_t *args;    /* NULL: none */
	const pp_row_t *columns; /* NULL: no result is wanted */
	size_t columns_size;
} pp_statement_t;
#define PP_STATEMENT(statement, arg_rows, column_rows, column_struct)        \
	{                                                                    \
		.name = statement, .args = arg_rows, .columns = column_rows, \
		.columns_size = sizeof(column_struct)                        \
	}
#define PP_STATEMENTS_END    \
	{                    \
		.name = NULL \
	}

/* Runs a statement; args is the struct of its rows, copied. Done: it is committed. Equal
 * statements of many asks are run as one of many rows. */
PP_EXPORT pp_work_t *pp_sql(pp_ask_t *a, const char *statement, const void *args);
PP_EXPORT size_t pp_sql_count(const pp_work_t *work); /* rows of the result */
PP_EXPORT const void *pp_sql_row(const pp_work_t *work,
                                 size_t index); /* struct of columns; NULL: no such row */
/* The same, but nobody waits: it is written within half a second, and a failure is counted. */
PP_EXPORT void pp_sql_later(pp_ask_t *a, const char *statement, const void *args);

/* In open(), upkeep(), close() and commands only: waits. row (may be NULL) is called for each row of the
 * result. False: it failed, and *error, unless error is NULL, is a sentence that lives until the
 * next call. */
typedef void (*pp_sql_row_fn)(const void *columns, void *data);
PP_EXPORT bool pp_sql_now(const char *statement, const void *args, pp_sql_row_fn row, void *data,
                          const char **error);

/* In upkeep() only: whether this server is the one to look after the module's tables now, such as to
 * delete what is over its time. Of servers that share a store one is, at a time. */
PP_EXPORT bool pp_duty(void);

/* A SELECT of the configuration, with :names for its arguments; all of its result is text. */
typedef struct pp_query pp_query_t;
/* In validate(): store is the name of a store {} of the configuration, NULL = the one without a
 * name. NULL: error has been told what is wrong with param. */
PP_EXPORT pp_query_t *pp_query_new(const char *store, const char *sql, pp_error_t *error, const char *param);
PP_EXPORT void pp_query_free(pp_query_t *query); /* in invalidate(); accepts NULL */
PP_EXPORT size_t pp_query_args(const pp_query_t *query);
PP_EXPORT const char *pp_query_arg(const pp_query_t *query, size_t index); /* its name */
/* values: one for each argument, NULL = SQL's NULL. */
PP_EXPORT pp_work_t *pp_query(pp_ask_t *a, const pp_query_t *query, const char *const *values);
PP_EXPORT size_t pp_query_count(const pp_work_t *work); /* rows of the result */
PP_EXPORT size_t pp_query_columns(const pp_work_t *work);
PP_EXPORT const char *pp_query_column(const pp_work_t *work, size_t column);            /* its name */
PP_EXPORT const char *pp_query_value(const pp_work_t *work, size_t row, size_t column); /* NULL: SQL's NULL */
/* In open(), upkeep() and commands only; as pp_sql_now(). */
typedef void (*pp_query_row_fn)(size_t columns, const char *const *names, const char *const *values,
                                void *data);
PP_EXPORT bool pp_query_now(const pp_query_t *query, const char *const *values, pp_query_row_fn row,
                            void *data, const char **error);
/* Whether text can be the name of a table or column: letters, digits, '_', at most 64. */
PP_EXPORT bool pp_is_identifier(const char *text);

/* -- DNS ------------------------------------------------------------------ */

/* The types of records that can be looked up, as they are numbered by DNS. */
typedef enum pp_dns_type {
	PP_DNS_A = 1,
	PP_DNS_NS = 2,
	PP_DNS_PTR = 12,
	PP_DNS_MX = 15,
	PP_DNS_TXT = 16,
	PP_DNS_AAAA = 28
} pp_dns_type_t;

/* What came of a look-up. The first three are answers; the others are not, whatever the name. */
typedef enum pp_dns_status {
	PP_DNS_FOUND,       /* there is at least one record */
	PP_DNS_NXDOMAIN,    /* there is no such name */
	PP_DNS_NODATA,      /* the name has no record of this type */
	PP_DNS_SERVFAIL,    /* the server could not find out */
	PP_DNS_REFUSED,     /* the server does not answer us */
	PP_DNS_TIMEOUT,     /* nobody answered in time, or the ask's time was over first */
	PP_DNS_UNREACHABLE, /* no server can be reached */
	PP_DNS_BROKEN,      /* what the server sent makes no sense */
	PP_DNS_TOO_LARGE,   /* over 1,000 records, 64 KiB or 16 aliases */
	PP_DNS_BAD_NAME,    /* not asked: there can be no such name */
	PP_DNS_NOT_ASKED,   /* not asked: too many look-ups */
	PP_DNS_OPEN         /* under way */
} pp_dns_status_t;

/* Starts a look-up. name is in the text form of DNS ("mail.example.org", with or without a dot
 * at the end; "\." is a dot within a label, "\032" a byte), as the names in records are.
 * Done: FOUND, NXDOMAIN or NODATA. Failed: the rest, and pp_work_error() says it. Nothing is
 * kept; equal look-ups under way are one. An ask may start 150 of them, of which 32 are under way
 * at a time, all asks of a request 500. The answer is not kept longer than the smallest TTL that
 * the ask has seen. */
PP_EXPORT pp_work_t *pp_dns(pp_ask_t *a, pp_dns_type_t type, const char *name);
/* The names (PTR) of an address. */
PP_EXPORT pp_work_t *pp_dns_reverse(pp_ask_t *a, const pp_address_t *address);
PP_EXPORT pp_dns_status_t pp_dns_status(const pp_work_t *work);
/* "found", "NXDOMAIN", "no data", "SERVFAIL", ...: for texts. */
PP_EXPORT const char *pp_dns_status_name(pp_dns_status_t status);

typedef struct pp_dns_record {
	/* A, AAAA: the address; MX, NS, PTR: the name; TXT: its strings, joined, as they came. */
	const char *text;
	size_t length;        /* of text; a TXT record may have NULs within */
	bool has_nul;         /* it has: what reads text as C does sees less than there is */
	pp_address_t address; /* A, AAAA */
	uint16_t preference;  /* MX */
	uint32_t ttl;         /* seconds */
} pp_dns_record_t;

/* Records of the wanted type, aliases followed, in the order they came. Names have no dot at the
 * end, the root is "."; bytes of a name that are no plain text are escaped. */
PP_EXPORT size_t pp_dns_count(const pp_work_t *work);
PP_EXPORT const pp_dns_record_t *pp_dns_record(const pp_work_t *work, size_t index); /* NULL: none */
PP_EXPORT const char *pp_dns_text(const pp_work_t *work, size_t index);              /* NULL: none */
/* Seconds that the answer is good for, of a negative one too; -1: it is none. */
PP_EXPORT int64_t pp_dns_ttl(const pp_work_t *work);

/* The same for who has no ask and may wait. */
typedef struct pp_dns_question {
	pp_dns_type_t type;
	const char *name;
	/* What came of it, as above; NOT_ASKED too where there is no DNS. */
	pp_dns_status_t status;
	size_t count;
	const pp_dns_record_t *records;
	int64_t ttl;
} pp_dns_question_t;
/* In upkeep() and commands only: looks all of these up, side by side, and waits. Records live
 * until the next call, or until upkeep() or the command returns. */
PP_EXPORT void pp_dns_now(pp_dns_question_t *questions, size_t count);

/* Whether two names are the same: case and a dot at the end do not count. */
PP_EXPORT bool pp_dns_equal(const char *name, const char *other);
/* "1.2.0.192.ZONE", or the nibbles of an IPv6 address; zone NULL: in-addr.arpa or ip6.arpa. */
PP_EXPORT const char *pp_dns_reverse_name(pp_ask_t *a, const pp_address_t *address, const char *zone);

/* -- other policy servers -------------------------------------------------- */

/* Servers that answer alike, and how they do, for all loops. */
typedef struct upstream pp_upstream_t;
typedef struct pp_upstream_server {
	const char *name;    /* in logs and commands */
	const char *address; /* pp_upstream_is_address() */
	int64_t priority;    /* the lowest one that can be asked is */
	int64_t weight;      /* 1 to 256: how much it is asked beside others of its priority */
	pp_msec_t timeout;   /* of one try */
	bool backup;         /* asked only when none of the others can be */
	int64_t send_proxy;  /* 1, 2: a connection begins with a PROXY header of this version; 0: none */
} pp_upstream_server_t;
typedef struct pp_upstream_settings {
	size_t count; /* 1 to 64 */
	const pp_upstream_server_t *servers;
	bool retry;          /* the next server is asked also if one has the request and did not answer */
	pp_msec_t connect;   /* how long connecting may take */
	pp_msec_t inter;     /* between health checks; 0: none, and requests try those that are down */
	pp_msec_t fastinter; /* the same, for one that is about to go down or come up */
	int64_t rise, fall;  /* checks in a row that bring one up, or down; fall counts timeouts, too */
	int64_t error_limit; /* failed requests in a row that take one down */
	pp_msec_t idle;      /* how long a connection is kept that is not used */
	int64_t pool;        /* such connections of a server, in a loop */
	const char *probe;   /* the request of health checks, its empty line included */
} pp_upstream_settings_t;

/* "10.0.0.1:10031", "[2001:db8::1]:10031", "mail.example.org:10031", "unix:/run/policy.sock". Names
 * are looked up by our DNS, again and again. */
PP_EXPORT bool pp_upstream_is_address(const char *text);
/* In open(): the handle is made of it. It is what `ppolicyctl upstream` shows and changes. */
PP_EXPORT pp_upstream_t *pp_upstream_open(const pp_upstream_settings_t *settings);
PP_EXPORT void pp_upstream_close(pp_upstream_t *servers); /* in close(); accepts NULL */
/* Sends the request as it came to one server after the other until one answers. Requests with an
 * equal stick go to the same server while it is there; NULL: each to the next. */
PP_EXPORT pp_work_t *pp_upstream(pp_ask_t *a, pp_upstream_t *servers, const char *stick);
typedef struct pp_upstream_reply {
	const char *action; /* the value of action=, as it came; never blank */
	const char *server; /* who said it */
	int64_t tries;      /* how many were asked */
	pp_msec_t delay;
	/* Of this server, as it was configured and since it is asked, this reply counted. */
	int64_t priority, weight, queries, answers, failed;
	const char *address; /* of the server, as it was configured */
} pp_upstream_reply_t;
/* NULL unless the work is done. */
PP_EXPORT const pp_upstream_reply_t *pp_upstream_reply(const pp_work_t *work);

/* -- actions ---------------------------------------------------------------- */

/* Whether a constructor of actions has this name: "dunno", "reject", ... */
PP_EXPORT bool pp_is_action(const char *name);

/* What answer:action() gives in a rule. */
typedef struct pp_handed {
	const char *value;     /* the value of action= as another server said it; NULL: otherwise counts */
	const char *verb_text; /* what follows it, if value is its first word only; may be NULL or "" */
	const char *server;    /* which one, for the log; may be NULL */
	const pp_action_t *otherwise; /* the configuration's own */
	const pp_texts_t *actions;    /* names of constructors: what is not among them becomes DUNNO */
	bool verbatim;                /* it leaves as it came: no code is added, and no id */
} pp_handed_t;

/* -- keeping, by modules with effects ------------------------------------- */

/* With the answer: it is given from memory, without asking the module, for the length good;
 * then, up to the length held, the module is asked and finds it with pp_kept(). Only where the
 * module's page says so, and only with .key. */
PP_EXPORT void pp_keep(pp_ask_t *a, pp_msec_t good, pp_msec_t held);
/* The word of the answer that was kept under the ask's key, whose time good is over; NULL: none.
 * *fields (unless NULL) is set to its fields, a struct of fields_size. */
PP_EXPORT const char *pp_kept(pp_ask_t *a, const void **fields);

/* -- commands ------------------------------------------------------------- */

/* `ppolicyctl MODULE COMMAND name=value ...`, run for each check of the module that the word
 * check=NAME, if there is one, names; in a thread of its own, where it may wait. */
typedef struct pp_call pp_call_t;
typedef struct pp_command {
	const char *name;
	const pp_row_t *args; /* what may be given: name=value, or --name value; NULL: nothing */
	size_t args_size;
	const char *words; /* names of the args, and "check", that may stand without name=, in order */
	bool changes;      /* it changes something, so it is logged with who gave it */
	const char *help;  /* a sentence without a full stop */
	bool (*run)(pp_call_t *call, void *handle); /* false: the answer is no */
} pp_command_t;
#define PP_COMMANDS_END      \
	{                    \
		.name = NULL \
	}
PP_EXPORT const void *pp_call_args(pp_call_t *call);
PP_EXPORT const void *pp_call_conf(pp_call_t *call);
PP_EXPORT const char *pp_call_check(pp_call_t *call); /* name of the check */
PP_EXPORT const char *pp_call_user(pp_call_t *call);  /* of the system, who gave the command */
/* A row of the result: rows name the struct's members, in order; for people they are columns of a
 * table. Texts are cleaned. A duration is a length of time, except in rows with the unit "time",
 * which are moments since 1970. */
PP_EXPORT void pp_call_row(pp_call_t *call, const pp_row_t *rows, const void *structure);
PP_EXPORT void pp_call_say(pp_call_t *call, const char *format, ...) PP_PRINTF(2, 3);  /* a line for people */
PP_EXPORT bool pp_call_fail(pp_call_t *call, const char *format, ...) PP_PRINTF(2, 3); /* false */
/* The command changed the module's tables: drops what is kept of the answers of all checks that use
 * them (of a module without tables: of the check), in memory and in the store, here and, within seconds,
 * on other servers that share the store. */
PP_EXPORT void pp_call_forget(pp_call_t *call);

/* -- loading ------------------------------------------------------------- */

/* In validate(): reads a table within a parameter, as the rows say; what is wrong is told as of where,
 * "servers.grey1". Texts live as long as the check. */
PP_EXPORT bool pp_read_rows(pp_error_t *error, const char *where, const pp_row_t *rows,
                            const pp_value_t *values, void *structure);
/* In validate(): how long an ask may take: the check's timeout, or the longest deadline of a listener
 * if that is shorter. */
PP_EXPORT pp_msec_t pp_time_limit(void);

/* Says what is wrong with a parameter (NULL: with the check as a whole): what was
 * found and what is wanted. Returns false, so that validate() can return it. */
PP_EXPORT bool pp_fail(pp_error_t *error, const char *param, const char *format, ...) PP_PRINTF(3, 4);

/* The one of the names (NULL-terminated) that word was most likely meant to be, for such
 * messages; NULL: none is near. */
PP_EXPORT const char *pp_nearest(const char *word, const char *const *names);

/* Log levels: error = someone must act, warning = degraded, notice = a change of
 * state, debug = the rest. A line is cleaned and cut. */
typedef enum pp_level { PP_LOG_ERROR, PP_LOG_WARNING, PP_LOG_NOTICE, PP_LOG_INFO, PP_LOG_DEBUG } pp_level_t;
PP_EXPORT void pp_log(pp_level_t level, const char *format, ...) PP_PRINTF(2, 3);

/* -- helpers ------------------------------------------------------------- */

PP_EXPORT bool pp_address_parse(const char *text, pp_address_t *address);
/* Writes the address, host bits beyond prefix (negative: none) cleared. buffer has 64 bytes. */
PP_EXPORT const char *pp_address_print(const pp_address_t *address, int prefix, char buffer[64]);
/* "192.0.2.0/24", "2001:db8::/32" or an address; host bits must be 0 when strict. */
PP_EXPORT bool pp_network_parse(const char *text, bool strict, pp_address_t *address, int *prefix);

/* A set of networks, each with a number of the caller's, found by longest prefix. */
typedef struct pp_networks_builder pp_networks_builder_t;
PP_EXPORT pp_networks_builder_t *pp_networks_builder_new(void);
PP_EXPORT void pp_networks_add(pp_networks_builder_t *builder, const pp_address_t *address, int prefix,
                               uint32_t number);
PP_EXPORT pp_networks_t *pp_networks_build(pp_networks_builder_t *builder); /* frees the builder */
PP_EXPORT void pp_networks_free(pp_networks_t *networks);
/* The network with the longest prefix that holds the address; false if none does.
 * Of equal networks the one added first counts. number may be NULL. */
PP_EXPORT bool pp_networks_find(const pp_networks_t *networks, const pp_address_t *address, uint32_t *number);

/* -- the descriptor ------------------------------------------------------ */

typedef enum pp_class { PP_CLASS_YES, PP_CLASS_NO } pp_class_t;

typedef struct pp_word_row {
	const char *word;
	pp_class_t outcome;
	const char *help;
} pp_word_row_t;
#define PP_WORD(name, class_name, text)                           \
	{                                                         \
		.word = name, .outcome = class_name, .help = text \
	}
#define PP_WORDS_END         \
	{                    \
		.word = NULL \
	}

typedef struct pp_module {
	uint32_t abi;  /* PP_ABI */
	uint32_t size; /* of this struct as the module was compiled with it */
	const char *name;
	const char *question;        /* a sentence with a question mark */
	const char *yes, *no;        /* the two words ... */
	const pp_word_row_t *words;  /* ... or rows of words */
	const pp_attribute_t *reads; /* PP_READS(...): all it may read of a request */
	size_t conf_size, args_size, fields_size, state_size;
	const pp_param_t *params;
	const pp_argument_t *args;
	const pp_field_t *fields;
	pp_step_fn ask;
	/* The key of the answer, instead of all that is read and the arguments;
	 * NULL from it: this answer is neither kept nor merged. */
	const char *(*key)(pp_ask_t *a);
	bool (*validate)(void *conf, pp_error_t *error);    /* may complete conf; false stops the load */
	void (*invalidate)(void *conf);                     /* frees what validate() made */
	void *(*open)(const void *conf, pp_error_t *error); /* NULL: failed, tried again later */
	void (*close)(void *handle);
	void (*upkeep)(void *handle); /* about once a second, on a thread of its own, never twice at once */
	bool effects;                 /* asking changes something: never merged, nor kept */
	bool blocking;                /* uses pp_blocking(): one handle a worker thread, none in the loops */
	bool unread;         /* asking is the purpose: -t does not complain of an answer never read */
	const char *keep;    /* default of the parameter, NULL = "0s" */
	const char *stale;   /* default of the parameter, NULL = "0s" */
	const char *timeout; /* default of the parameter, NULL = "5s" */
	const char *version; /* of a module from elsewhere, for --manual */
	const pp_statement_t *statements; /* named statements; a check that uses them opens the store */
	/* Name of the TEXT parameter that names the table {table} of the statements; a check where it is
	 * neither given nor has a default uses none of them. NULL: the table has the module's name. */
	const char *table;
	const pp_command_t *commands;
	/* What answer:action() gives: of the answer's word, and its fields where they are known (where
	 * they are not, they have their defaults). NULL: answers have no action(). */
	void (*action)(const void *conf, const char *word, const void *fields, pp_handed_t *handed);
	/* With effects: name of the parameter with which answers may be kept, as long as keep says and under
	 * .key. NULL: they may not, but by pp_keep(). */
	const char *keep_with;
	/* A command changed the module's tables by way of another check, or of another server that shares
	 * the store: what is held of them is old. In the thread of upkeep(). */
	void (*changed)(void *handle);
} pp_module_t;

#define PP_READS(...) ((const pp_attribute_t[]){ __VA_ARGS__, PP_ATTRIBUTE_NONE })

#define PP_MODULE(...)                                \
	PP_EXPORT extern const pp_module_t pp_module; \
	PP_EXPORT const pp_module_t pp_module = { .abi = PP_ABI, .size = sizeof(pp_module_t), __VA_ARGS__ }

#ifdef __cplusplus
}
#endif
#endif
