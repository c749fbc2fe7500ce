/* unit/test_dns_now.c - look-ups for who may wait, against a server on loopback */
#include <glib.h>
#include <string.h>
#include "check/binding.h"
#include "check/check.h"
#include "check/dns_now.h"
#include "nameserver.h"

static struct check check; /* whose turn it is */

static void use(const struct nameserver *server)
{
	const char *address = nameserver_address(server);
	const pp_texts_t servers = { 1, &address };

	dns_now_use(&(struct dns_settings){ &servers, 100, 2 });
}

static void test_statuses(void)
{
	static const struct {
		const char *name;
		pp_dns_status_t status;
	} cases[] = {
		{ "address.example.org", PP_DNS_FOUND },
		{ "silent.example.org", PP_DNS_TIMEOUT },
		{ "servfail.example.org", PP_DNS_SERVFAIL },
		{ "refused.example.org", PP_DNS_REFUSED },
		{ "a..b", PP_DNS_BAD_NAME },
		{ "address.example.org", PP_DNS_FOUND },
	};
	struct nameserver *server = nameserver_new(NULL);
	pp_dns_question_t questions[G_N_ELEMENTS(cases)];

	use(server);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		questions[i] = (pp_dns_question_t){ .type = PP_DNS_A, .name = cases[i].name };
	check_enter(&check);
	pp_dns_now(questions, G_N_ELEMENTS(questions));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		bool found = cases[i].status == PP_DNS_FOUND;

		g_assert_cmpint(questions[i].status, ==, cases[i].status);
		g_assert_cmpuint(questions[i].count, ==, found ? 1 : 0);
		g_assert_cmpstr(found ? questions[i].records[0].text : "192.0.2.1", ==, "192.0.2.1");
		g_assert_true(found ? questions[i].ttl > 0 : questions[i].ttl < 0);
	}
	check_leave();
	nameserver_free(server);
}

static void test_other_servers(void)
{
	struct nameserver *one = nameserver_new("refused"), *other = nameserver_new("address");
	pp_dns_question_t question = { .type = PP_DNS_A, .name = "example.org" };

	check_enter(&check);
	use(one);
	pp_dns_now(&question, 1);
	g_assert_cmpint(question.status, ==, PP_DNS_REFUSED);
	use(other);
	pp_dns_now(&question, 1);
	g_assert_cmpint(question.status, ==, PP_DNS_FOUND);
	check_leave();
	nameserver_free(one);
	nameserver_free(other);
}

static void test_elsewhere(void)
{
	struct nameserver *server = nameserver_new("address");
	pp_dns_question_t question = { .type = PP_DNS_A, .name = "example.org" };

	use(server);
	pp_dns_now(&question, 1);
	g_assert_cmpint(question.status, ==, PP_DNS_NOT_ASKED);
	g_assert_cmpuint(nameserver_asked(server), ==, 0);
	nameserver_free(server);
}

static void *look_up(void *status)
{
	pp_dns_question_t question = { .type = PP_DNS_A, .name = "address.example.org" };

	check_enter(&check);
	pp_dns_now(&question, 1);
	*(int *)status = (int)question.status;
	check_leave();
	return NULL;
}

static void test_threads(void)
{
	struct nameserver *server = nameserver_new(NULL);
	GThread *threads[8];
	int statuses[8];

	use(server);
	for (int i = 0; i < 8; i++)
		threads[i] = g_thread_new("test", look_up, &statuses[i]);
	use(server);
	for (int i = 0; i < 8; i++) {
		g_thread_join(threads[i]);
		g_assert_cmpint(statuses[i], ==, PP_DNS_FOUND);
	}
	nameserver_free(server);
}

static const struct dns_answer *give(void *data, pp_dns_type_t type, const struct dns_name *name,
                                     pp_msec_t *after)
{
	static const struct dns_answer answer = { .status = PP_DNS_NXDOMAIN, .ttl = 5 };

	(void)type, (void)after;
	dns_name_print(name, data);
	return g_str_has_prefix(data, "unheard") ? NULL : &answer;
}

static void test_given(void)
{
	pp_dns_question_t questions[] = { { .type = PP_DNS_A, .name = "unheard.example.org" },
		                          { .type = PP_DNS_A, .name = "a..b" },
		                          { .type = PP_DNS_A, .name = "Example.ORG." } };
	char name[DNS_TEXT_MAX];

	dns_now_give(give, name);
	check_enter(&check);
	pp_dns_now(questions, 1);
	g_assert_cmpint(questions[0].status, ==, PP_DNS_NOT_ASKED);
	pp_dns_now(questions, 3);
	check_leave();
	dns_now_give(NULL, NULL);
	g_assert_cmpint(questions[0].status, ==, PP_DNS_NXDOMAIN);
	g_assert_cmpint((int)questions[0].ttl, ==, 3600);
	g_assert_cmpint(questions[1].status, ==, PP_DNS_BAD_NAME);
	g_assert_cmpint(questions[2].status, ==, PP_DNS_NXDOMAIN);
	g_assert_cmpint((int)questions[2].ttl, ==, 5);
	g_assert_cmpstr(name, ==, "example.org");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/dns now/each question has its own end", test_statuses);
	g_test_add_func("/dns now/other servers count from then on", test_other_servers);
	g_test_add_func("/dns now/whose turn it is not, it asks nobody", test_elsewhere);
	g_test_add_func("/dns now/several threads wait for their turn", test_threads);
	g_test_add_func("/dns now/rule tests give the answers", test_given);
	return g_test_run();
}
