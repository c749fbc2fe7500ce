/* dnsbl.h - what the files of the dnsbl module share */
#ifndef DNSBL_DNSBL_H
#define DNSBL_DNSBL_H

#include <pthread.h>
#include <stdatomic.h>
#include <glib.h>
#include <ppolicyd/module.h>

/* Points are counted in thousandths, so that 0.7 and 0.1 are 0.8. */
typedef int64_t points_t;

enum {
	POINT = 1000,
	POINTS_MAX = 1000000, /* points */
	LOOK_UPS_MAX = 50,    /* of an ask; as many again for reasons */
	REPLIES_MAX = 64,     /* of a zone: bits of a set */
	LABEL_MAX = 40,       /* characters */
	ZONE_NAME_MAX = 188,  /* of 253, with the nibbles of an IPv6 address before it */
	POINTS_TEXT_SIZE = 32,
};

/* -- subject.c: what of a request lists are asked about ------------------------------ */

enum subject {
	SUBJECT_CLIENT_ADDRESS,
	SUBJECT_CLIENT_NAME,
	SUBJECT_HELO_NAME,
	SUBJECT_SENDER_DOMAIN,
	SUBJECT_RECIPIENT_DOMAIN,
	SUBJECTS
};

/* NULL-terminated, in the order of the enumerators. */
extern const char *const subject_names[];
/* false: there is none of this name. */
bool subject_find(const char *name, enum subject *subject);

struct subject_value {
	const char *text;     /* the address, or the domain in lower case; NULL: there is none */
	const char *missing;  /* then why, a sentence */
	pp_address_t address; /* of SUBJECT_CLIENT_ADDRESS */
};
void subject_read(pp_ask_t *a, enum subject subject, struct subject_value *value);

/* -- reply.c: which addresses in a list's answer mean what ------------------------------- */

/* One of four parts: from low to high, or with one of the bits of mask if that is not 0. */
struct part {
	uint8_t low, high, mask;
};

struct reply {
	struct part part[4];
	points_t weight;
	char *label; /* NULL: none */
	bool broken; /* the list says with it that it cannot answer */
};

/* "127.0.0.2", "127.0.0.4-7", "127.0.*.2", "127.0.0.&8". False: it is none of that. */
bool reply_parse(const char *text, struct reply *reply);
bool reply_matches(const struct reply *reply, const pp_address_t *address);
/* In 127.255.255.0/24, or not in 127.0.0.0/8: it says nothing of the subject. */
bool reply_is_broken(const pp_address_t *address);

/* -- zones.c: the parameter zones ------------------------------------------------------------ */

struct zone {
	char *name;        /* in lower case, without a dot at the end */
	unsigned subjects; /* bits of 1 << enum subject */
	struct reply *replies;
	unsigned count;
	bool usual; /* replies were not given */
	bool self_test;
	points_t most; /* what its replies can add */
};

struct zones {
	struct zone *zone;
	unsigned count;
	unsigned subjects;        /* of all zones */
	points_t threshold, most; /* most: what all zones together can reach */
};

struct conf {
	const pp_value_t *zones;
	const pp_texts_t *subject;
	double threshold;
	bool reason;
	pp_msec_t linger, self_test;

	/* Made by validate() */
	struct zones *list;
};

/* NULL: error has been told what is wrong. */
struct zones *zones_new(const struct conf *conf, pp_error_t *error);
void zones_free(struct zones *zones); /* accepts NULL */

/* -- health.c: how lists do ------------------------------------------------------------------ */

enum standing { STANDING_UNTESTED, STANDING_GOOD, STANDING_QUARANTINED };
enum service { SERVICE_NOT_KNOWN, SERVICE_YES, SERVICE_NO };

/* Of a zone. The counters, standing, ipv6, complained and hurry: any thread. */
struct health {
	atomic_int standing; /* enum standing */
	atomic_int ipv6;     /* enum service: whether it lists IPv6 addresses */
	atomic_ullong asked, listed, broken, failed;
	atomic_bool complained; /* of a broken reply, since the last self-test that went well */
	atomic_bool hurry;      /* a self-test is wanted soon */
	bool misfit;            /* it was said that its replies fit no reply; with testing held */
	unsigned unanswered;    /* self-tests in a row; with testing held */
	pp_msec_t began, due;   /* pp_now() of the last self-test and of the next; with testing held */
	pp_msec_t tested;       /* pp_time() of the last one that was answered, 0: none; with lock held */
	char *why;              /* of the last one that did not go well, NULL; with lock held */
};

/* The handle of a check. */
struct dnsbl {
	const struct conf *conf;
	struct health *health; /* one for each zone */
	atomic_llong changed;  /* pp_time() when a list was quarantined or came back last, 0: never */
	atomic_uint quarantined;
	pthread_mutex_t testing; /* held during self-tests; before lock */
	pthread_mutex_t lock;
};

struct dnsbl *dnsbl_new(const struct conf *conf);
void dnsbl_free(struct dnsbl *dnsbl); /* accepts NULL */

/* Any thread: whether the zone is asked about the subject now. */
bool health_serves(struct dnsbl *dnsbl, unsigned zone, enum subject subject, const pp_address_t *address);
/* Any thread: a reply that says nothing of the subject. */
void health_note_broken(struct dnsbl *dnsbl, unsigned zone, const char *reply, const char *subject);
/* What tells kept answers apart that were made with other lists; "" most of the time. */
const char *health_mark(pp_ask_t *a, struct dnsbl *dnsbl);
/* With testing held. why: of a quarantine, taken. */
void health_set(struct dnsbl *dnsbl, unsigned zone, enum standing standing, char *why);

/* -- self_test.c: RFC 5782, 5 ----------------------------------------------------------------- */

/* Tests the lists that are due, or all of them, and waits. */
void self_test_run(struct dnsbl *dnsbl, bool all);

/* -- ask.c -------------------------------------------------------------------------------------- */

enum finding { FINDING_OPEN, FINDING_ANSWERED, FINDING_MISSING };

/* One look-up: one list about one subject. */
struct query {
	unsigned zone;
	const char *subject; /* its text */
	const char *name;    /* that is looked up */
	pp_work_t *work;
	enum finding finding;
	const char *why; /* missing: why */
	pp_work_t *text; /* the look-up of the reason, NULL: none */
};

struct state {
	bool begun;
	struct subject_value value[SUBJECTS];
	struct query *query;
	unsigned queries;
	uint64_t *matched;           /* for each zone, the replies that have come */
	points_t score, least, most; /* so far; what lists that are missing can add to it */
	pp_work_t *linger;
};

const char *dnsbl_key(pp_ask_t *a);
pp_step_t dnsbl_ask(pp_ask_t *a);

/* -- answer.c ------------------------------------------------------------------------------------ */

struct fields {
	double score;
	const char *lists, *labels, *missing, *reason;
};

const char *points_print(points_t points, char text[POINTS_TEXT_SIZE]);
/* Sets the fields and gives the answer. */
pp_step_t answer_give(pp_ask_t *a);

/* -- commands.c ----------------------------------------------------------------------------------- */

extern const pp_command_t dnsbl_commands[];

#endif
