/* fuzz/fuzz_dns.c - the decoder of DNS answers: any bytes, within bounds, and plain text
 *
 * The first byte of the input is the type that is asked for; the rest is the message. The name is
 * that of its question, so that what stands behind is reached.
 */
#include <glib.h>
#include <string.h>
#include "fuzz.h"
#include "service/dns_answer.h"

static void check_text(const pp_dns_record_t *record, pp_dns_type_t type)
{
	struct dns_name again;

	g_assert_cmpuint(record->text[record->length], ==, '\0');
	if (type == PP_DNS_TXT) {
		g_assert_cmpint(record->has_nul, ==, strlen(record->text) != record->length);
		return;
	}
	g_assert_cmpuint(strlen(record->text), ==, record->length);
	for (size_t i = 0; i < record->length; i++)
		g_assert_true(g_ascii_isgraph(record->text[i]));
	if (type == PP_DNS_A || type == PP_DNS_AAAA)
		g_assert_cmpuint(record->address.family, ==, type == PP_DNS_A ? 4 : 6);
	else if (strcmp(record->text, ".") != 0 && strstr(record->text, "\\000") == NULL)
		g_assert_cmpstr(dns_name_parse(record->text, &again), ==, NULL);
}

static void check_answer(const struct dns_answer *answer, pp_dns_type_t type)
{
	size_t texts = 0;

	g_assert_cmpuint(answer->count, <=, DNS_RECORDS_MAX);
	g_assert_cmpint(answer->count > 0, ==, answer->status == PP_DNS_FOUND);
	g_assert_cmpint(answer->ttl >= 0, ==, answer->status <= PP_DNS_NODATA);
	for (size_t i = 0; i < answer->count; i++) {
		g_assert_cmpint(answer->ttl, <=, answer->records[i].ttl);
		check_text(&answer->records[i], type);
		texts += answer->records[i].length;
	}
	g_assert_cmpuint(texts, <=, DNS_TEXTS_MAX);
}

/* What is written as text and read again is the same, but for case. */
static void check_name(const struct dns_name *name)
{
	struct dns_name again;
	char text[DNS_TEXT_MAX];
	size_t length = dns_name_print(name, text);

	g_assert_cmpuint(length, <, DNS_TEXT_MAX);
	g_assert_cmpuint(strlen(text), ==, length);
	if (dns_name_parse(text, &again) == NULL)
		g_assert_true(dns_name_equal(name, &again));
	else
		g_assert_true(strcmp(text, ".") == 0 || strstr(text, "\\000") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const pp_dns_type_t types[] = { PP_DNS_A,   PP_DNS_AAAA, PP_DNS_MX,
		                               PP_DNS_PTR, PP_DNS_TXT,  PP_DNS_NS };
	struct dns_name name = { 1, { 0 } };
	struct dns_answer answer;
	struct arena arena;
	g_autofree uint8_t *exact = NULL;
	size_t place = 12;
	pp_dns_type_t type;

	if (size == 0)
		return 0;
	type = types[data[0] % G_N_ELEMENTS(types)];
	exact = g_memdup2(data + 1, size - 1);
	if (size - 1 > place && dns_name_read(exact, size - 1, &place, &name))
		check_name(&name);
	else
		name = (struct dns_name){ 1, { 0 } };
	arena_init(&arena);
	dns_answer_decode(exact, size - 1, type, &name, &arena, &answer);
	check_answer(&answer, type);
	arena_free(&arena);
	return 0;
}
