/* unit/test_dns_faults.c - look-ups with a server that does what servers do not: each fault, and what came of
 * it */
#include <string.h>
#include "asker.h"
#include "dns_faults.h"

#define FAULTS_MAX 100

/* True: what came of it is what is wanted. */
static bool judge(const struct dns_fault *fault, struct look_up *look_up)
{
	g_autofree char *got = asker_print(&look_up->wish.answer, fault->type);
	bool right = strcmp(got, fault->wanted) == 0;

	g_test_message("%-30.30s %-4s %s", fault->name, dns_type_name(fault->type), got);
	if (!right)
		g_test_message("  wanted: %s", fault->wanted);
	/* 80 + 160 ms, and what a busy machine adds. */
	g_assert_cmpint(look_up->took, <, GUARD / 2);
	arena_free(&look_up->arena);
	return right;
}

static void test_faults(void)
{
	struct nameserver *server = nameserver_new(NULL);
	static struct look_up look_ups[FAULTS_MAX];
	struct asker asker;
	bool all = true;

	asker_begin_with(&asker, server);
	for (size_t i = 0; dns_faults[i].name != NULL; i++) {
		const struct dns_fault *fault = &dns_faults[i];

		g_assert_cmpuint(i, <, FAULTS_MAX);
		if (!fault->alone)
			g_assert_cmpstr(asker_start(&asker, &look_ups[i], fault->type, fault->name), ==,
			                NULL);
	}
	asker_wait(&asker);
	for (size_t i = 0; dns_faults[i].name != NULL; i++)
		if (!dns_faults[i].alone)
			all &= judge(&dns_faults[i], &look_ups[i]);
	g_assert_true(all);
	asker_finish(&asker);
	nameserver_free(server);
}

static void test_streams(void)
{
	struct nameserver *server = nameserver_new(NULL);
	bool all = true;

	for (const struct dns_fault *fault = dns_faults; fault->name != NULL; fault++) {
		struct look_up look_up;
		struct asker asker;

		if (!fault->alone)
			continue;
		asker_begin_with(&asker, server);
		asker_start(&asker, &look_up, fault->type, fault->name);
		asker_wait(&asker);
		all &= judge(fault, &look_up);
		asker_finish(&asker);
	}
	g_assert_true(all);
	nameserver_free(server);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	asker_add_test("/dns/each fault has its own result", test_faults);
	asker_add_test("/dns/a stream that drips, ends, lies or says nothing is no answer", test_streams);
	return g_test_run();
}
