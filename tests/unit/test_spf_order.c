/* unit/test_spf_order.c - SPF says the same in whatever order answers come, and as when all is known */
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include "asking.h"
#include "base/clock.h"
#include "check/dns.h"
#include "zone.h"

enum { WORLDS = 300, ORDERS = 3, DOMAINS = 7, HOSTS = 6, DELAY_MAX = 300 };

extern const pp_module_t pp_module;

/* As struct fields of spf.c. */
struct said {
	const char *result, *domain, *identity, *mechanism, *explanation;
	int64_t lookups;
	const char *received_spf, *authentication_results;
};

/* -- a world ------------------------------------------------------------- */

struct world {
	GRand *random;
	struct zone *zone;   /* for the evaluation that knows all */
	GHashTable *answers; /* the same for the module: struct dns_answer by "TYPE NAME" */
	GStringChunk *texts; /* of them */
	GRand *delays;
	unsigned given; /* by give_late() */
};

static pp_dns_type_t type_of(enum spf_type type)
{
	static const pp_dns_type_t types[] = { [SPF_TXT] = PP_DNS_TXT,
		                               [SPF_A] = PP_DNS_A,
		                               [SPF_AAAA] = PP_DNS_AAAA,
		                               [SPF_MX] = PP_DNS_MX,
		                               [SPF_PTR] = PP_DNS_PTR };

	return types[type];
}

static void answer_free(void *data)
{
	struct dns_answer *answer = data;

	g_free((void *)answer->records);
	g_free(answer);
}

static void add(struct world *world, const char *name, enum spf_type type, const char *data)
{
	char *key = g_strdup_printf("%d %s", type_of(type), name);
	struct dns_answer *answer = g_hash_table_lookup(world->answers, key);
	pp_dns_record_t *record;

	g_assert_true(zone_add(world->zone, name, type, data, strlen(data)));
	if (answer == NULL) {
		answer = g_new0(struct dns_answer, 1);
		answer->ttl = 60;
		g_hash_table_insert(world->answers, key, answer);
	} else {
		g_free(key);
	}
	if (answer->status == PP_DNS_SERVFAIL)
		return;
	answer->status = PP_DNS_FOUND;
	answer->records = g_renew(pp_dns_record_t, (void *)answer->records, answer->count + 1);
	record = (pp_dns_record_t *)&answer->records[answer->count++];
	*record = (pp_dns_record_t){ .text = g_string_chunk_insert(world->texts, data),
		                     .length = strlen(data),
		                     .ttl = 60 };
	if (type == SPF_A || type == SPF_AAAA)
		g_assert_true(pp_address_parse(data, &record->address));
}

static void fail(struct world *world, const char *name, enum spf_type type)
{
	struct dns_answer *answer = g_new0(struct dns_answer, 1);

	zone_fail(world->zone, name, type);
	*answer = (struct dns_answer){ .status = PP_DNS_SERVFAIL, .ttl = -1 };
	g_hash_table_replace(world->answers, g_strdup_printf("%d %s", type_of(type), name), answer);
}

static const struct dns_answer *give(void *data, pp_dns_type_t type, const struct dns_name *name,
                                     pp_msec_t *after)
{
	struct world *world = data;
	g_autofree char *key = NULL;
	char text[DNS_TEXT_MAX];

	*after = g_rand_int_range(world->delays, 0, DELAY_MAX) * g_rand_int_range(world->delays, 0, 2);
	dns_name_print(name, text);
	key = g_strdup_printf("%d %s", type, text);
	return g_hash_table_lookup(world->answers, key);
}

/* -- what is in it ------------------------------------------------------- */

static int draw(struct world *world, int end)
{
	return g_rand_int_range(world->random, 0, end);
}

static void add_term(struct world *world, GString *record)
{
	/* "@" is a number. */
	static const char *const targets[] = { "d@.example.org",      "h@.example.org", "%{p}.x@.example.org",
		                               "%{i}.x@.example.org", "d@.%{d2}",       "none@.example.org" };
	static const char *const terms[] = { "include:", "include:", "include:", "a:",      "a:",
		                             "mx:",      "exists:",  "ptr:",     "exists:", "mx:" };
	const char *term = terms[draw(world, G_N_ELEMENTS(terms))];
	const char *target = targets[draw(world, draw(world, 2) ? 2 : G_N_ELEMENTS(targets))];

	if (*term == 'i' && draw(world, 6) != 0)
		target = targets[0];
	g_string_append_c(record, ' ');
	if (draw(world, 4) == 0)
		g_string_append_c(record, "-~?+"[draw(world, 4)]);
	g_string_append(record, term);
	for (; *target != '\0'; target++)
		g_string_append_c(record, *target == '@' ? (char)('0' + draw(world, DOMAINS)) : *target);
}

static void add_record(struct world *world, const char *domain)
{
	g_autoptr(GString) record = g_string_new("v=spf1");

	for (int terms = draw(world, draw(world, 4) == 0 ? 9 : 4); terms > 0; terms--)
		add_term(world, record);
	switch (draw(world, 5)) {
	case 0: g_string_append_printf(record, " redirect=d%d.example.org", draw(world, DOMAINS)); break;
	case 1: break;
	default: g_string_append(record, " -all exp=%{p}.why.example.org"); break;
	}
	add(world, domain, SPF_TXT, record->str);
}

static void add_domain(struct world *world, int number)
{
	g_autofree char *domain = g_strdup_printf("d%d.example.org", number);

	if (draw(world, 12) == 0)
		fail(world, domain, (enum spf_type)draw(world, SPF_PTR));
	if (draw(world, 12) != 0)
		add_record(world, domain);
	for (int hosts = draw(world, draw(world, 10) == 0 ? 12 : 4); hosts > 0; hosts--) {
		g_autofree char *host = g_strdup_printf("h%d.example.org", draw(world, 2 * HOSTS));

		add(world, domain, SPF_MX, host);
	}
	if (draw(world, 2) == 0)
		add(world, domain, SPF_A, "192.0.2.9");
}

static void add_host(struct world *world, int number)
{
	g_autofree char *host = g_strdup_printf("h%d.example.org", number);
	g_autofree char *address = g_strdup_printf("192.0.2.%d", 1 + draw(world, 6));

	if (draw(world, 10) == 0)
		fail(world, host, SPF_A);
	add(world, host, SPF_A, address);
	if (draw(world, 3) == 0)
		add(world, "1.2.0.192.in-addr.arpa", SPF_PTR, host);
}

static void world_begin_empty(struct world *world, unsigned seed)
{
	*world = (struct world){ .random = g_rand_new_with_seed(seed),
		                 .zone = zone_new(),
		                 .texts = g_string_chunk_new(1024) };
	world->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, answer_free);
}

static void world_begin(struct world *world, unsigned seed)
{
	world_begin_empty(world, seed);
	for (int i = 0; i < DOMAINS; i++)
		add_domain(world, i);
	for (int i = 0; i < HOSTS; i++)
		add_host(world, i);
	add(world, "h1.example.org.why.example.org", SPF_TXT, "%{p} it was");
	add(world, "unknown.why.example.org", SPF_TXT, "%{i} it was");
}

static void world_end(struct world *world)
{
	g_rand_free(world->random);
	zone_free(world->zone);
	g_hash_table_destroy(world->answers);
	g_string_chunk_free(world->texts);
}

/* -- asking -------------------------------------------------------------- */

static struct request *make_request(struct asking *f)
{
	const char *const pairs[] = { "request",
		                      "smtpd_access_policy",
		                      "protocol_state",
		                      "RCPT",
		                      "helo_name",
		                      "helo.example.net",
		                      "client_address",
		                      "192.0.2.1",
		                      "sender",
		                      "bob@d0.example.org",
		                      NULL };
	struct request *request = request_new(f->requests);

	g_assert_cmpstr(request_from_pairs(request, pairs), ==, NULL);
	return request;
}

static char *print(const char *result, const char *mechanism, int64_t lookups, const char *explanation)
{
	/* The word unknown has no other fields. */
	if (strcmp(result, "temperror") == 0)
		return g_strdup(result);
	return g_strdup_printf("%s by %s after %d: %s", result, *mechanism == '\0' ? "default" : mechanism,
	                       (int)lookups, explanation);
}

static char *print_answer(const struct check *check, const struct answer *answer)
{
	struct arena arena;
	char *text;
	const struct said *said;

	arena_init(&arena);
	said = answer_fields(check, answer, &arena);
	text = print(said->result, said->mechanism == NULL ? "" : said->mechanism, said->lookups,
	             said->explanation == NULL ? "" : said->explanation);
	arena_free(&arena);
	return text;
}

/* What the module says, answers coming in an order of their own. */
static void check_order(struct asking *f, struct world *world, unsigned order, const char *engine,
                        const char *wanted, const char *problem)
{
	struct check *check = asking_check(f, &pp_module, "keep", "0s", "engine", engine, NULL);
	struct request *request = make_request(f);
	struct asking_wish wish;
	g_autofree char *got = NULL;

	world->delays = g_rand_new_with_seed(order);
	f->host.dns = dns_new_given(f->loop, give, world);
	if (!asking_start(f, &wish, check, request))
		asking_pass(f, 19 * 1000);
	g_assert_true(wish.ask.done);
	got = print_answer(check, &wish.ask.answer);
	g_assert_cmpstr(got, ==, wanted);
	g_assert_nonnull(strstr(wish.ask.answer.text, problem));
	request_unref(request);
	check_unref(check);
	g_clear_pointer(&f->host.dns, dns_free);
	g_rand_free(world->delays);
}

static void check_world(struct asking *f, unsigned seed, unsigned results[])
{
	struct spf_question question = { .helo = "helo.example.net",
		                         .sender = "bob@d0.example.org",
		                         .receiver = "mx.example.net",
		                         .now = 1700000000,
		                         .explain = true };
	struct spf_outcome outcomes[2];
	struct world world;
	g_autofree char *wanted = NULL;

	world_begin(&world, seed);
	g_assert_true(pp_address_parse("192.0.2.1", &question.client));
	g_assert_null(zone_difference(world.zone, question, outcomes));
	results[outcomes->result]++;
	wanted = print(spf_result_name(outcomes->result), outcomes->mechanism, outcomes->lookups,
	               outcomes->explanation);
	for (unsigned order = 0; order < ORDERS; order++) {
		check_order(f, &world, seed + order, "strict", wanted, outcomes->problem);
		check_order(f, &world, seed + order, "libspf2", wanted, outcomes->problem);
	}
	world_end(&world);
}

static void test_orders(void)
{
	unsigned results[SPF_PERMERROR + 1] = { 0 };
	struct asking f = { 0 };

	asking_begin(&f);
	for (unsigned seed = 0; seed < WORLDS; seed++)
		check_world(&f, seed, results);
	for (int i = 0; i <= SPF_PERMERROR; i++)
		g_test_message("%s: %u", spf_result_name((enum spf_result)i), results[i]);
	for (int i = 0; i <= SPF_PERMERROR; i++)
		g_assert_cmpuint(results[i], >, 0);
	asking_end(&f);
}

/* Names have after a hyphen how long it takes. */
static const struct dns_answer *give_late(void *data, pp_dns_type_t type, const struct dns_name *name,
                                          pp_msec_t *after)
{
	struct world *world = data;
	g_autofree char *key = NULL;
	char text[DNS_TEXT_MAX];

	world->given++;
	dns_name_print(name, text);
	if (strchr(text, '-') != NULL)
		*after = atoi(strchr(text, '-') + 1);
	key = g_strdup_printf("%d %s", type, text);
	return g_hash_table_lookup(world->answers, key);
}

static void add_slow_world(struct world *world)
{
	add(world, "d0.example.org", SPF_TXT, "v=spf1 mx include:x-400.example.org -all");
	add(world, "x-400.example.org", SPF_TXT, "v=spf1 include:y-400.example.org -all");
	add(world, "y-400.example.org", SPF_TXT, "v=spf1 include:z-400.example.org -all");
	add(world, "z-400.example.org", SPF_TXT, "v=spf1 ip4:192.0.2.1 -all");
	for (int i = 0; i < 10; i++) {
		g_autofree char *host = g_strdup_printf("h-%d0.example.org", i == 0 ? 100 : i);

		add(world, "d0.example.org", SPF_MX, host);
		add(world, host, SPF_A, "192.0.2.9");
	}
}

/* Ten includes of ten each. */
static void add_wide_world(struct world *world)
{
	for (int i = -1; i < 10; i++) {
		const char *next = i < 0 ? "n" : "m";
		g_autoptr(GString) record = g_string_new("v=spf1");
		g_autofree char *name = i < 0 ? g_strdup("d0.example.org")
		                              : g_strdup_printf("n%d-400.example.org", i);

		for (int j = 0; j < 10; j++)
			g_string_append_printf(record, " include:%s%d-400.example.org", next,
			                       MAX(i, 0) * 10 + j);
		add(world, name, SPF_TXT, record->str);
	}
}

/* One mail of a world whose answers are late. */
struct late {
	struct asking asking;
	struct asking_wish wish;
	struct request *request;
	struct check *check;
	struct world world;
};

static void begin_late(struct late *late, void (*add_world)(struct world *))
{
	*late = (struct late){ 0 };
	asking_begin(&late->asking);
	world_begin_empty(&late->world, 0);
	add_world(&late->world);
	late->check = asking_check(&late->asking, &pp_module, NULL);
	late->request = make_request(&late->asking);
	late->asking.host.dns = dns_new_given(late->asking.loop, give_late, &late->world);
	g_assert_false(asking_start(&late->asking, &late->wish, late->check, late->request));
}

static void end_late(struct late *late)
{
	request_unref(late->request);
	check_unref(late->check);
	g_clear_pointer(&late->asking.host.dns, dns_free);
	world_end(&late->world);
	asking_end(&late->asking);
}

/* The first host of the mx takes 1 s, and the others come one by one; behind it are 3 includes. */
static void test_chain(void)
{
	struct late late;

	begin_late(&late, add_slow_world);
	asking_pass(&late.asking, 1195);
	g_assert_false(late.wish.ask.done);
	asking_pass(&late.asking, 50);
	g_assert_true(late.wish.ask.done);
	g_assert_cmpstr(late.wish.ask.answer.text, ==,
	                "192.0.2.1 may send mail of d0.example.org (include:x-400.example.org)");
	end_late(&late);
}

static void test_wide(void)
{
	struct late late;

	begin_late(&late, add_wide_world);
	for (int i = 0; i < 100 && !late.wish.ask.done; i++)
		asking_pass(&late.asking, 100);
	g_assert_true(late.wish.ask.done);
	/* The domain itself, the first include and the first within it, which are needed, and ten more. */
	g_assert_cmpuint(late.world.given, ==, 13);
	end_late(&late);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	clock_fake(1700000000000);
	g_test_add_func("/spf/in whatever order answers come it says the same", test_orders);
	g_test_add_func("/spf/what leads on is not held up by what does not", test_chain);
	g_test_add_func("/spf/ten terms are looked up ahead", test_wide);
	return g_test_run();
}
