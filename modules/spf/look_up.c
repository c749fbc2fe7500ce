/* look_up.c - the answers of DNS that an ask has, for the evaluation */
#include <string.h>
#include <glib.h>
#include "look_up.h"

struct look_up {
	struct look_up *next, *next_in_chain;
	enum spf_type type;
	guint hash; /* of the name */
	const char *name;
	pp_work_t *work;
	bool seen;                       /* that it is over */
	const struct spf_answer *answer; /* NULL: not yet */
};

static enum spf_status status_of(pp_dns_status_t status)
{
	switch (status) {
	case PP_DNS_FOUND: return SPF_FOUND;
	case PP_DNS_NXDOMAIN:
	case PP_DNS_NODATA:
	case PP_DNS_BAD_NAME: return SPF_NOTHING;
	default: return SPF_UNANSWERED;
	}
}

static const struct spf_answer *answer_of(pp_ask_t *a, const pp_work_t *work)
{
	struct spf_answer *answer = pp_alloc(a, sizeof(*answer));
	struct spf_datum *data;

	*answer = (struct spf_answer){ .status = status_of(pp_dns_status(work)) };
	if (answer->status != SPF_FOUND)
		return answer;
	answer->count = pp_dns_count(work);
	answer->data = data = pp_alloc(a, answer->count * sizeof(*data));
	for (size_t i = 0; i < answer->count; i++) {
		const pp_dns_record_t *record = pp_dns_record(work, i);

		data[i] = (struct spf_datum){ .text = { record->text, record->length },
			                      .name = record->text,
			                      .address = record->address };
	}
	return answer;
}

/* The text form of DNS: a backslash would begin what is escaped. */
static const char *escaped(pp_ask_t *a, const char *name)
{
	char *text, *at;

	if (strchr(name, '\\') == NULL)
		return name;
	at = text = pp_alloc(a, 2 * strlen(name) + 1);
	for (; *name != '\0'; name++) {
		if (*name == '\\')
			*at++ = '\\';
		*at++ = *name;
	}
	*at = '\0';
	return text;
}

static struct look_up *start(struct look_ups *look_ups, enum spf_type type, guint hash, const char *name)
{
	static const pp_dns_type_t types[] = { [SPF_TXT] = PP_DNS_TXT,
		                               [SPF_A] = PP_DNS_A,
		                               [SPF_AAAA] = PP_DNS_AAAA,
		                               [SPF_MX] = PP_DNS_MX,
		                               [SPF_PTR] = PP_DNS_PTR };
	struct look_up *started = pp_alloc(look_ups->ask, sizeof(*started));
	struct look_up **chain = &look_ups->chain[hash % LOOK_UP_CHAINS];

	*started = (struct look_up){ .next = look_ups->first,
		                     .next_in_chain = *chain,
		                     .type = type,
		                     .hash = hash,
		                     .name = pp_format(look_ups->ask, "%s", name),
		                     .work = pp_dns(look_ups->ask, types[type],
		                                    escaped(look_ups->ask, name)) };
	look_ups->first = *chain = started;
	return started;
}

static bool is_over(pp_work_state_t state)
{
	return state == PP_WORK_DONE || state == PP_WORK_FAILED;
}

/* NULL: it is not looked up. */
static struct look_up *find_or_start(struct look_ups *look_ups, enum spf_type type, const char *name,
                                     bool ahead)
{
	guint hash = g_str_hash(name);
	struct look_up *found = look_ups->chain[hash % LOOK_UP_CHAINS];

	while (found != NULL &&
	       (found->hash != hash || found->type != type || strcmp(found->name, name) != 0))
		found = found->next_in_chain;
	if (found != NULL)
		return found;
	if (pp_time_left(look_ups->ask) == 0 || (ahead && look_ups->ahead == SPF_TERMS_MAX))
		return NULL;
	look_ups->ahead += ahead;
	return start(look_ups, type, hash, name);
}

const struct spf_answer *look_up(void *data, enum spf_type type, const char *name, bool ahead)
{
	struct look_ups *look_ups = data;
	struct look_up *found = find_or_start(look_ups, type, name, ahead);

	if (found == NULL)
		return NULL;
	/* That the ask's time is over says nothing of DNS, and is no reason for any result. */
	if (found->answer == NULL && is_over(pp_work_state(found->work)))
		found->answer = answer_of(look_ups->ask, found->work);
	if (found->answer == NULL && look_ups->wanted == NULL)
		look_ups->wanted = found;
	return found->answer;
}

bool look_up_news(struct look_ups *look_ups)
{
	bool news = false;

	for (struct look_up *look_up = look_ups->first; look_up != NULL; look_up = look_up->next) {
		if (look_up->seen || !is_over(pp_work_state(look_up->work)))
			continue;
		look_up->seen = true;
		news = news || look_up == look_ups->wanted ||
		       (look_up->type != SPF_A && look_up->type != SPF_AAAA);
	}
	if (news)
		look_ups->wanted = NULL;
	return news;
}
