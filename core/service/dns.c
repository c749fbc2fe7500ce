/* service/dns.c - look-ups in DNS: side by side, merged, bounded; nothing is kept */
#include "service/dns.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define SYSTEM_SERVERS "/etc/resolv.conf"
#define COUNT(stat, by)                                                                        \
	__atomic_store_n(&(stat), __atomic_load_n(&(stat), __ATOMIC_RELAXED) + (uint64_t)(by), \
	                 __ATOMIC_RELAXED)

const struct dns_answer dns_no_name = { .status = PP_DNS_NXDOMAIN, .ttl = 3600 };

/* A question under way, and who wants to know. */
struct dns_flight {
	struct dns_query query; /* first; its channel is set from the beginning */
	struct dns *dns;
	guint hash;
	int64_t started;                /* loop_usec() */
	const struct dns_answer *given; /* in place of a server's; NULL: ask */
	struct loop_timer timer;        /* of what is given */
	struct dns_wish *wishes;
	struct dns_flight *next; /* of those answered */
};

/* Tells those who wait, when c-ares has returned. */
struct teller {
	struct loop_task task; /* first */
	struct dns *dns;
	struct dns_flight *first, *last; /* answered */
};

struct dns {
	struct loop *loop;
	struct dns_channel *channel; /* NULL: there is none, or answers are given */
	GPtrArray *old;              /* channels that answer what they were asked */
	char *used;                  /* settings of the channel, as a text */
	bool failed;                 /* said already */
	dns_give_fn give;
	void *give_data;
	uint64_t seed;
	GHashTable *flights; /* those that equal look-ups may join */
	struct teller prompt, patient;
	struct dns_stats stats;
};

/* -- flights ------------------------------------------------------------- */

static guint flight_hash(const void *flight)
{
	return ((const struct dns_flight *)flight)->hash;
}

static gboolean flight_equal(const void *a, const void *b)
{
	const struct dns_query *one = &((const struct dns_flight *)a)->query;
	const struct dns_query *other = &((const struct dns_flight *)b)->query;

	return a == b || (one->channel == other->channel && one->type == other->type &&
	                  one->patient == other->patient && dns_name_equal(&one->name, &other->name));
}

static void flight_free(struct dns_flight *flight)
{
	g_free(flight->query.message);
	g_free(flight);
}

/* From now on nobody joins it. */
static void land(struct dns_flight *flight)
{
	struct dns *dns = flight->dns;
	struct teller *teller = flight->query.patient ? &dns->patient : &dns->prompt;

	g_hash_table_remove(dns->flights, flight);
	if (teller->last != NULL)
		teller->last->next = flight;
	else
		teller->first = flight;
	teller->last = flight;
	loop_task_set(dns->loop, &teller->task);
}

static struct dns_flight *take_answered(struct teller *teller)
{
	struct dns_flight *flight = teller->first;

	if (flight == NULL)
		return NULL;
	teller->first = flight->next;
	if (flight->next == NULL)
		teller->last = NULL;
	return flight;
}

static void answered(struct dns_query *query)
{
	land((struct dns_flight *)query);
}

static void given_time_over(struct loop_timer *timer)
{
	land((struct dns_flight *)((char *)timer - offsetof(struct dns_flight, timer)));
}

/* -- telling ------------------------------------------------------------- */

static void unlink_wish(struct dns_wish *wish)
{
	if (wish->previous != NULL)
		wish->previous->next = wish->next;
	else
		wish->flight->wishes = wish->next;
	if (wish->next != NULL)
		wish->next->previous = wish->previous;
	wish->flight = NULL;
	wish->next = wish->previous = NULL;
}

static bool takes_room(struct dns_wish *wish, size_t size)
{
	if (wish->room == NULL)
		return true;
	if (*wish->room < size)
		return false;
	*wish->room -= size;
	return true;
}

static void make_answer(const struct dns_flight *flight, struct dns_wish *wish)
{
	const struct dns_query *query = &flight->query;

	if (flight->given != NULL)
		wish->answer = *flight->given;
	else if (query->message != NULL && !takes_room(wish, query->size))
		wish->answer = (struct dns_answer){ .status = PP_DNS_TOO_LARGE, .ttl = -1 };
	else if (query->message != NULL)
		dns_answer_decode(query->message, query->size, query->type, &query->name, wish->arena,
		                  &wish->answer);
	else
		wish->answer = (struct dns_answer){ .status = query->status,
			                            .ttl = query->status == PP_DNS_NXDOMAIN ? 0 : -1 };
}

static void tell(struct dns *dns, struct dns_flight *flight)
{
	int64_t length = loop_usec(dns->loop) - flight->started;
	struct dns_wish *wish;

	while ((wish = flight->wishes) != NULL) {
		make_answer(flight, wish);
		unlink_wish(wish);
		COUNT(dns->stats.usec, length);
		COUNT(dns->stats.status[wish->answer.status], 1);
		wish->ready(wish);
	}
}

static void free_old(struct dns *dns)
{
	for (guint i = dns->old->len; i > 0; i--)
		if (dns_channel_open(dns->old->pdata[i - 1]) == 0)
			dns_channel_free(g_ptr_array_remove_index_fast(dns->old, i - 1));
}

/* Those who are told ask again, or run steps: those of one question at a time. */
static bool tell_next(struct loop_task *task)
{
	struct teller *teller = (struct teller *)task;
	struct dns *dns = teller->dns;
	struct dns_flight *flight = take_answered(teller);

	if (flight != NULL) {
		tell(dns, flight);
		COUNT(dns->stats.open, -1);
		flight_free(flight);
	}
	if (teller->first == NULL)
		free_old(dns);
	return teller->first != NULL;
}

/* -- asking -------------------------------------------------------------- */

static const char *refuse(struct dns *dns, struct dns_wish *wish, pp_dns_status_t status, const char *why)
{
	wish->answer = (struct dns_answer){ .status = status, .ttl = -1 };
	COUNT(dns->stats.refused, 1);
	return why;
}

static void add_wish(struct dns_flight *flight, struct dns_wish *wish)
{
	wish->flight = flight;
	wish->next = flight->wishes;
	if (wish->next != NULL)
		wish->next->previous = wish;
	flight->wishes = wish;
}

static void launch(struct dns_flight *flight)
{
	struct dns *dns = flight->dns;
	pp_msec_t after = 0;

	g_hash_table_add(dns->flights, flight);
	COUNT(dns->stats.open, 1);
	if (dns->give == NULL) {
		flight->query.answered = answered;
		dns_channel_ask(dns->channel, &flight->query);
		return;
	}
	flight->given = dns->give(dns->give_data, flight->query.type, &flight->query.name, &after);
	if (flight->given == NULL)
		flight->given = &dns_no_name;
	flight->timer.expired = given_time_over;
	if (after > 0)
		loop_timer_set(dns->loop, &flight->timer, pp_now() + after);
	else
		land(flight);
}

/* NULL: there is none to join. Patient ones may join any, the others would wait with a patient one. */
static struct dns_flight *find_flight(struct dns *dns, struct dns_flight *probe)
{
	const bool patient = probe->query.patient;
	struct dns_flight *flight;

	probe->query.patient = false;
	flight = g_hash_table_lookup(dns->flights, probe);
	probe->query.patient = patient;
	return flight == NULL && patient ? g_hash_table_lookup(dns->flights, probe) : flight;
}

const char *dns_ask(struct dns *dns, struct dns_wish *wish, pp_dns_type_t type, const char *name)
{
	struct dns_flight probe = { .query = { .type = type,
		                               .channel = dns->channel,
		                               .patient = wish->patient },
		                    .dns = dns },
	                  *flight;
	const char *wrong = dns_name_parse(name, &probe.query.name);

	COUNT(dns->stats.asked, 1);
	wish->flight = NULL;
	wish->next = wish->previous = NULL;
	if (wrong != NULL)
		return refuse(dns, wish, PP_DNS_BAD_NAME, wrong);
	if (dns->channel == NULL && dns->give == NULL)
		return refuse(dns, wish, PP_DNS_NOT_ASKED, "there is no DNS");
	probe.hash = (guint)XXH3_64bits_withSeed(probe.query.name.wire, probe.query.name.size,
	                                         dns->seed + type);
	flight = find_flight(dns, &probe);
	if (flight != NULL) {
		add_wish(flight, wish);
		COUNT(dns->stats.merged, 1);
		return NULL;
	}
	if (dns->stats.open >= DNS_OPEN_MAX)
		return refuse(dns, wish, PP_DNS_NOT_ASKED, "too many look-ups are under way");
	probe.started = loop_usec(dns->loop);
	flight = g_memdup2(&probe, sizeof(probe));
	add_wish(flight, wish);
	launch(flight);
	return NULL;
}

/* What is given may be given anew before its time. */
static void end_given(struct dns_flight *flight)
{
	struct dns *dns = flight->dns;

	g_hash_table_remove(dns->flights, flight);
	loop_timer_cancel(dns->loop, &flight->timer);
	COUNT(dns->stats.open, -1);
	flight_free(flight);
}

/* The question goes on: c-ares cannot take it back, and somebody may join it. */
void dns_cancel(struct dns_wish *wish)
{
	struct dns_flight *flight = wish->flight;

	if (flight == NULL)
		return;
	COUNT(flight->dns->stats.canceled, 1);
	unlink_wish(wish);
	if (flight->wishes == NULL && flight->timer.place != 0)
		end_given(flight);
}

bool dns_is_busy(const struct dns *dns)
{
	return dns->stats.open >= DNS_OPEN_MAX / 2;
}

bool dns_is_open(const struct dns *dns)
{
	return dns->give == NULL ? dns->stats.open > 0
	                         : dns->prompt.first != NULL || dns->patient.first != NULL;
}

void dns_stats_add(const struct dns *dns, struct dns_stats *sum)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)&dns->stats;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* -- a service ----------------------------------------------------------- */

static char *print_settings(const struct dns_settings *settings)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, settings->timeout,
	                       settings->tries);
	for (size_t i = 0; settings->servers != NULL && i < settings->servers->count; i++)
		g_string_append_printf(text, " %s", settings->servers->items[i]);
	return g_string_free(text, FALSE);
}

/* The system's servers may be others by now, but without the file c-ares would ask this machine. */
static bool is_current(const struct dns *dns, const struct dns_settings *settings, const char *text)
{
	return dns->channel != NULL && strcmp(dns->used, text) == 0 &&
	       (settings->servers != NULL || access(SYSTEM_SERVERS, R_OK) != 0);
}

void dns_use(struct dns *dns, const struct dns_settings *settings)
{
	g_autofree char *text = print_settings(settings), *reason = NULL;
	struct dns_channel *channel;

	if (is_current(dns, settings, text))
		return;
	channel = dns_channel_new(dns->loop, settings, &reason);
	if (channel == NULL) {
		pp_log(PP_LOG_ERROR, "DNS: %s; %s", reason,
		       dns->channel != NULL ? "the servers stay as they were" : "every look-up fails");
		return;
	}
	if (dns->channel != NULL)
		g_ptr_array_add(dns->old, dns->channel);
	dns->channel = channel;
	g_free(dns->used);
	dns->used = g_steal_pointer(&text);
	free_old(dns);
}

static struct dns *make(struct loop *loop)
{
	struct dns *dns = g_new0(struct dns, 1);

	dns->loop = loop;
	dns->prompt = (struct teller){ .task = { .run = tell_next }, .dns = dns };
	dns->patient = (struct teller){ .task = { .run = tell_next, .rank = LOOP_PATIENT }, .dns = dns };
	dns->old = g_ptr_array_new();
	dns->seed = (uint64_t)g_random_int() << 32 | g_random_int();
	dns->flights = g_hash_table_new(flight_hash, flight_equal);
	return dns;
}

struct dns *dns_new(struct loop *loop, const struct dns_settings *settings)
{
	struct dns *dns = make(loop);

	dns_use(dns, settings);
	return dns;
}

struct dns *dns_new_given(struct loop *loop, dns_give_fn give, void *data)
{
	struct dns *dns = make(loop);

	dns->give = give;
	dns->give_data = data;
	return dns;
}

static void drop(struct dns_flight *flight)
{
	while (flight->wishes != NULL)
		unlink_wish(flight->wishes);
	loop_timer_cancel(flight->dns->loop, &flight->timer);
	flight_free(flight);
}

void dns_free(struct dns *dns)
{
	struct dns_flight *flight;
	GHashTableIter iter;
	void *key;

	if (dns == NULL)
		return;
	dns_channel_free(dns->channel);
	for (guint i = 0; i < dns->old->len; i++)
		dns_channel_free(dns->old->pdata[i]);
	g_ptr_array_unref(dns->old);
	while ((flight = take_answered(&dns->prompt)) != NULL ||
	       (flight = take_answered(&dns->patient)) != NULL)
		drop(flight);
	g_hash_table_iter_init(&iter, dns->flights);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		g_hash_table_iter_remove(&iter);
		drop(key);
	}
	loop_task_cancel(dns->loop, &dns->prompt.task);
	loop_task_cancel(dns->loop, &dns->patient.task);
	g_hash_table_destroy(dns->flights);
	g_free(dns->used);
	g_free(dns);
}
