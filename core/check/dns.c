/* check/dns.c - look-ups in DNS run for asks */
#include "check/dns.h"

#include <string.h>
#include "check/step.h"

/* -- asking -------------------------------------------------------------- */

static bool is_answer(pp_dns_status_t status)
{
	return status == PP_DNS_FOUND || status == PP_DNS_NXDOMAIN || status == PP_DNS_NODATA;
}

static void note_ttl(struct pp_ask *ask, int64_t ttl)
{
	if (ttl >= 0 && (ask->dns_good < 0 || ask->dns_good > ttl * 1000))
		ask->dns_good = ttl * 1000;
}

static const char *describe_failure(const struct pp_work *work, const char *why)
{
	const struct dns_look_up *look_up = work->look_up;

	return arena_printf(&work->ask->arena, "%s of %s: %s", dns_type_name(look_up->type), look_up->name,
	                    why);
}

static bool asks_much(const struct pp_ask *ask)
{
	return ask->look_ups > DNS_LOOK_UPS_PROMPT;
}

bool dns_is_patient(const struct pp_ask *ask)
{
	return asks_much(ask) ||
	       (ask->look_ups > 0 && loop_now(ask->host->loop) - ask->looks_up_since > DNS_PROMPT_MSEC);
}

/* NULL: it is under way; else a sentence. */
static const char *launch(struct pp_ask *ask, struct dns_look_up *look_up)
{
	const char *wrong;

	look_up->wish.patient = dns_is_patient(ask);
	wrong = dns_ask(ask->host->dns, &look_up->wish, look_up->type, look_up->name);
	ask->look_ups_under_way += wrong == NULL;
	return wrong;
}

static bool can_launch(const struct pp_ask *ask)
{
	return ask->look_ups_waiting != NULL && ask->look_ups_under_way < DNS_LOOK_UPS_AT_A_TIME;
}

/* One of those that wait. */
static bool launch_next(struct loop_task *task)
{
	struct pp_ask *ask = (struct pp_ask *)((char *)task - offsetof(struct pp_ask, launcher));
	struct dns_look_up *look_up = ask->look_ups_waiting;
	const char *wrong;

	if (!can_launch(ask))
		return false;
	ask->look_ups_waiting = look_up->next;
	wrong = launch(ask, look_up);
	if (wrong == NULL)
		return can_launch(ask);
	/* The ask may end by it. */
	if (can_launch(ask))
		loop_task_set(ask->host->loop, task);
	look_up->work->error = describe_failure(look_up->work, wrong);
	work_finish(look_up->work, PP_WORK_FAILED);
	return false;
}

static void go_on(struct pp_ask *ask)
{
	if (!can_launch(ask) || ask->launcher.waits)
		return;
	ask->launcher = (struct loop_task){ .run = launch_next, .rank = LOOP_LAST };
	loop_task_set(ask->host->loop, &ask->launcher);
}

/* So that one who looks up much waits for himself, and not others for him. */
static void wait_in_line(struct pp_ask *ask, struct dns_look_up *look_up)
{
	if (ask->look_ups_waiting == NULL)
		ask->look_ups_end = &ask->look_ups_waiting;
	*ask->look_ups_end = look_up;
	ask->look_ups_end = &look_up->next;
	go_on(ask);
}

static void ready(struct dns_wish *wish)
{
	struct pp_work *work = ((struct dns_look_up *)wish)->work;
	struct pp_ask *ask = work->ask;
	bool known = is_answer(wish->answer.status);

	note_ttl(ask, wish->answer.ttl);
	if (!known)
		work->error = describe_failure(work, pp_dns_status_name(wish->answer.status));
	ask->look_ups_under_way--;
	go_on(ask);
	work_finish(work, known ? PP_WORK_DONE : PP_WORK_FAILED);
}

/* NULL: it is one more; else a sentence. */
static const char *count_look_up(struct pp_ask *ask)
{
	if (ask->host->dns == NULL)
		return "there is no DNS here";
	if (ask->look_ups >= DNS_LOOK_UPS_OF_ASK)
		return "over " G_STRINGIFY(DNS_LOOK_UPS_OF_ASK) " look-ups for one check";
	if (ask->request->look_ups >= DNS_LOOK_UPS_OF_REQUEST)
		return "over " G_STRINGIFY(DNS_LOOK_UPS_OF_REQUEST) " look-ups for one request";
	if (ask->look_ups >= DNS_LOOK_UPS_WHEN_BUSY && dns_is_busy(ask->host->dns))
		return "too many look-ups are under way";
	if (ask->look_ups++ == 0)
		ask->looks_up_since = loop_now(ask->host->loop);
	ask->request->look_ups++;
	return NULL;
}

pp_work_t *pp_dns(pp_ask_t *ask, pp_dns_type_t type, const char *name)
{
	pp_work_t *work = work_new(ask);
	struct dns_look_up *look_up = arena_new0(&ask->arena, struct dns_look_up);
	const char *wrong;

	work->look_up = look_up;
	look_up->work = work;
	look_up->type = type;
	look_up->name = arena_strdup(&ask->arena, name);
	look_up->wish = (struct dns_wish){ .ready = ready,
		                           .arena = &ask->arena,
		                           .room = &ask->dns_room,
		                           .answer = { .status = PP_DNS_NOT_ASKED, .ttl = -1 } };
	wrong = count_look_up(ask);
	/* The first ones are launched at once in any case, so that equal ones are one. */
	if (wrong == NULL && asks_much(ask))
		wait_in_line(ask, look_up);
	else if (wrong == NULL)
		wrong = launch(ask, look_up);
	if (wrong == NULL)
		work_begin(work, NULL);
	else
		work->error = describe_failure(work, wrong);
	return work;
}

const char *pp_dns_reverse_name(pp_ask_t *ask, const pp_address_t *address, const char *zone)
{
	const char *domain = zone != NULL ? zone : dns_name_reverse_zone(address);
	char reverse[DNS_REVERSE_MAX];
	size_t length = strlen(dns_name_reverse(address, reverse));
	char *name = arena_alloc(&ask->arena, length + strlen(domain) + 2);

	/* For each list of each mail: formatting takes longer than all else here. */
	memcpy(name, reverse, length);
	name[length] = '.';
	strcpy(name + length + 1, domain);
	return name;
}

pp_work_t *pp_dns_reverse(pp_ask_t *ask, const pp_address_t *address)
{
	return pp_dns(ask, PP_DNS_PTR, pp_dns_reverse_name(ask, address, NULL));
}

/* -- results ------------------------------------------------------------- */

pp_dns_status_t pp_dns_status(const pp_work_t *work)
{
	if (work->look_up == NULL)
		return PP_DNS_NOT_ASKED;
	if (work->state == PP_WORK_OPEN)
		return PP_DNS_OPEN;
	return work->state == PP_WORK_TIMED_OUT ? PP_DNS_TIMEOUT : work->look_up->wish.answer.status;
}

size_t pp_dns_count(const pp_work_t *work)
{
	return pp_dns_status(work) == PP_DNS_FOUND ? work->look_up->wish.answer.count : 0;
}

const pp_dns_record_t *pp_dns_record(const pp_work_t *work, size_t index)
{
	return index < pp_dns_count(work) ? &work->look_up->wish.answer.records[index] : NULL;
}

const char *pp_dns_text(const pp_work_t *work, size_t index)
{
	const pp_dns_record_t *record = pp_dns_record(work, index);

	return record != NULL ? record->text : NULL;
}

int64_t pp_dns_ttl(const pp_work_t *work)
{
	return is_answer(pp_dns_status(work)) ? work->look_up->wish.answer.ttl : -1;
}
