/* bench/spf.c - what an evaluation of SPF costs when all of DNS is known
 *
 *   spf PAIRS SECONDS
 *
 * For each of three records it prints PAIRS lines of JSON: the nanoseconds on a processor
 * that one evaluation took by the strict engine, by the engine libspf2, and by the library
 * alone as most programs use it ("bare"): a server made once, its own reading of records,
 * nothing checked. All get their answers from the same table. Each of the three runs for SECONDS.
 */
#include "../../modules/spf/libspf2.h"

#include <err.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct row {
	const char *name;
	enum spf_type type;
	const char *data;
};

/* Three domains: one without look-ups, one as those of large providers, one with all there is. The
 * client is 192.0.2.1, and passes by the last term. */
static const struct row rows[] = {
	{ "plain.example", SPF_TXT, "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/25 ip4:192.0.2.0/24 -all" },
	{ "includes.example", SPF_TXT, "v=spf1 redirect=_spf.includes.example" },
	{ "_spf.includes.example", SPF_TXT,
	  "v=spf1 include:_a.includes.example include:_b.includes.example include:_c.includes.example ~all" },
	{ "_a.includes.example", SPF_TXT,
	  "v=spf1 ip4:198.51.100.0/26 ip4:198.51.100.64/26 ip4:198.51.100.128/26 ip4:203.0.113.0/26 "
	  "ip4:203.0.113.64/26 ip4:203.0.113.128/26 ip4:203.0.113.192/26 ~all" },
	{ "_b.includes.example", SPF_TXT,
	  "v=spf1 ip6:2001:db8:4000::/36 ip6:2001:db8:a000::/36 ip6:2001:db8:b000::/36 "
	  "ip6:2001:db8:c000::/36 ~all" },
	{ "_c.includes.example", SPF_TXT, "v=spf1 ip4:198.51.100.192/26 ip4:192.0.2.0/24 ~all" },
	{ "all.example", SPF_TXT,
	  "v=spf1 include:i1.all.example include:i2.all.example a mx ptr exists:%{ir}.sbl.all.example "
	  "redirect=more.all.example" },
	{ "i1.all.example", SPF_TXT, "v=spf1 ip4:198.51.100.0/24 -all" },
	{ "i2.all.example", SPF_TXT, "v=spf1 a:h1.all.example -all" },
	{ "more.all.example", SPF_TXT, "v=spf1 a:h2.all.example -all" },
	{ "all.example", SPF_A, "198.51.100.1" },
	{ "h1.all.example", SPF_A, "198.51.100.2" },
	{ "h2.all.example", SPF_A, "192.0.2.1" },
	{ "all.example", SPF_MX, "mx1.all.example" },
	{ "all.example", SPF_MX, "mx2.all.example" },
	{ "mx1.all.example", SPF_A, "198.51.100.3" },
	{ "mx2.all.example", SPF_A, "198.51.100.4" },
	{ "1.2.0.192.in-addr.arpa", SPF_PTR, "mail.example.org" },
	{ "mail.example.org", SPF_A, "192.0.2.1" },
};

/* -- DNS ------------------------------------------------------------------- */

struct known {
	struct spf_answer answer;
	struct spf_datum data[4];
};

static GHashTable *known; /* "TYPE NAME" to struct known */

static void fill_table(void)
{
	known = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char *key = g_strdup_printf("%d%s", rows[i].type, rows[i].name);
		struct known *entry = g_hash_table_lookup(known, key);
		struct spf_datum datum = { .text = { rows[i].data, strlen(rows[i].data) },
			                   .name = rows[i].data };

		if (rows[i].type == SPF_A && !pp_address_parse(rows[i].data, &datum.address))
			errx(1, "%s is no address", rows[i].data);
		if (entry == NULL)
			g_hash_table_insert(known, key, entry = g_new0(struct known, 1));
		entry->data[entry->answer.count++] = datum;
		entry->answer.data = entry->data;
	}
}

static const struct spf_answer *look(void *data, enum spf_type type, const char *name, bool ahead)
{
	static const struct spf_answer nothing = { .status = SPF_NOTHING };
	char key[NAME_SIZE + 1] = { (char)('0' + type) };
	const struct known *entry;

	(void)data;
	(void)ahead;
	g_strlcpy(key + 1, name, sizeof(key) - 1);
	entry = g_hash_table_lookup(known, key);
	return entry == NULL ? &nothing : &entry->answer;
}

/* -- evaluations ----------------------------------------------------------- */

struct place {
	const char *name, *domain;
	char sender[64];
	struct spf_question question;
	SPF_server_t *server; /* of the bare library */
};

static void evaluate(struct place *place, enum spf_engine engine)
{
	struct spf_outcome outcome;

	place->question.engine = engine;
	if (!spf_evaluate(&place->question, look, NULL, &outcome) || outcome.result != SPF_PASS)
		errx(1, "%s: %s: %s", place->name, spf_result_name(outcome.result), outcome.problem);
}

static void evaluate_strict(struct place *place)
{
	evaluate(place, SPF_STRICT);
}

static void evaluate_libspf2(struct place *place)
{
	evaluate(place, SPF_LIBSPF2);
}

static bool type_of(ns_type type, enum spf_type *wanted)
{
	switch ((int)type) {
	case ns_t_txt: *wanted = SPF_TXT; return true;
	case ns_t_a: *wanted = SPF_A; return true;
	case ns_t_aaaa: *wanted = SPF_AAAA; return true;
	case ns_t_mx: *wanted = SPF_MX; return true;
	case ns_t_ptr: *wanted = SPF_PTR; return true;
	default: return false;
	}
}

static SPF_dns_rr_t *answer_bare(SPF_dns_server_t *layer, const char *name, ns_type type, int should_cache)
{
	SPF_dns_rr_t *answer = SPF_dns_rr_new_init(layer, name, type, 0, NO_DATA);
	const struct spf_answer *found;
	enum spf_type wanted;

	(void)should_cache;
	found = type_of(type, &wanted) ? look(NULL, wanted, name, false) : NULL;
	for (size_t i = 0; found != NULL && i < found->count; i++) {
		const struct spf_datum *datum = &found->data[i];
		const void *data = wanted == SPF_A ? (const void *)datum->address.bytes : datum->name;
		size_t size = wanted == SPF_A ? 4 : strlen(datum->name) + 1;

		if (SPF_dns_rr_buf_realloc(answer, answer->num_rr, size) != SPF_E_SUCCESS)
			errx(1, "no memory");
		memcpy(answer->rr[answer->num_rr++], data, size);
		answer->herrno = NETDB_SUCCESS;
	}
	return answer;
}

static void evaluate_bare(struct place *place)
{
	SPF_request_t *request = SPF_request_new(place->server);
	SPF_response_t *response = NULL;

	if (SPF_request_set_ipv4_str(request, "192.0.2.1") != SPF_E_SUCCESS ||
	    SPF_request_set_helo_dom(request, "mail.example.org") != SPF_E_SUCCESS ||
	    SPF_request_set_env_from(request, place->sender) != 0 ||
	    SPF_request_query_mailfrom(request, &response) != SPF_E_SUCCESS ||
	    SPF_response_result(response) != SPF_RESULT_PASS)
		errx(1, "%s: libspf2 alone does not say pass", place->name);
	SPF_response_free(response);
	SPF_request_free(request);
}

/* -- measuring ------------------------------------------------------------- */

static double cpu_now(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) < 0)
		err(1, "clock_gettime");
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double nanoseconds(struct place *place, void (*function)(struct place *), double seconds)
{
	double started = cpu_now(), spent = 0;
	unsigned count = 0;

	while (spent < seconds) {
		for (int i = 0; i < 100; i++)
			function(place);
		count += 100;
		spent = cpu_now() - started;
	}
	return spent * 1e9 / count;
}

static void measure(struct place *place, int pairs, double seconds)
{
	static void (*const functions[])(struct place *) = { evaluate_strict, evaluate_libspf2,
		                                             evaluate_bare };
	SPF_dns_server_t layer = { .lookup = answer_bare, .name = "bench" };

	g_snprintf(place->sender, sizeof(place->sender), "bob@%s", place->domain);
	place->question = (struct spf_question){ .helo = "mail.example.org",
		                                 .sender = place->sender,
		                                 .receiver = "mx.example.net" };
	pp_address_parse("192.0.2.1", &place->question.client);
	place->server = SPF_server_new_dns(&layer, 0);
	for (int pair = -1; pair < pairs; pair++) {
		double spent[3];

		for (int i = 0; i < 3; i++) {
			int which = (i + pair + 1) % 3;

			spent[which] = nanoseconds(place, functions[which], pair < 0 ? seconds / 5 : seconds);
		}
		if (pair >= 0)
			printf("{\"record\": \"%s\", \"pair\": %d, \"strict_ns\": %.0f, \"libspf2_ns\": "
			       "%.0f, "
			       "\"bare_ns\": %.0f}\n",
			       place->name, pair, spent[0], spent[1], spent[2]);
	}
	SPF_server_free(place->server);
}

int main(int argc, char **argv)
{
	struct place places[] = { { "no look-ups", "plain.example", "", { 0 }, NULL },
		                  { "redirect, 3 includes", "includes.example", "", { 0 }, NULL },
		                  { "9 terms of all kinds", "all.example", "", { 0 }, NULL } };
	int pairs = argc == 3 ? atoi(argv[1]) : 0;
	double seconds = argc == 3 ? g_ascii_strtod(argv[2], NULL) : 0;

	if (pairs < 1 || seconds <= 0)
		errx(2, "usage: spf PAIRS SECONDS");
	fill_table();
	for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
		measure(&places[i], pairs, seconds);
	return 0;
}
