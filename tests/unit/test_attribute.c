/* unit/test_attribute.c - names of attributes are found, and nothing else is */
#include <glib.h>
#include <string.h>
#include "request/attribute.h"

static void test_every_name_is_found(void)
{
	for (unsigned i = 1; i < PP_ATTRIBUTES; i++) {
		const char *name = attribute_info(i)->name;

		g_assert_cmpuint(attribute_find(name, strlen(name)), ==, i);
	}
	g_assert_cmpuint(attribute_find("client_address", 14), ==, PP_CLIENT_ADDRESS);
	g_assert_cmpuint(attribute_find("sender_domain", 13), ==, PP_SENDER_DOMAIN);
}

/* Nothing behind the name is looked at. */
static void test_the_length_counts(void)
{
	g_assert_cmpuint(attribute_find("sender=x", 6), ==, PP_SENDER);
	g_assert_cmpuint(attribute_find("sender_domain", 6), ==, PP_SENDER);
	g_assert_cmpuint(attribute_find("sender", 5), ==, PP_ATTRIBUTE_NONE);
}

static void test_other_names_are_not_found(void)
{
	static const char *const names[] = { "",       "x",           "Sender",
		                             "SENDER", "sende",       "senders",
		                             "sizes",  "helo-name",   "client_addres",
		                             "=",      "clienT_port", "xasl_method" };
	char name[200];

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_cmpuint(attribute_find(names[i], strlen(names[i])), ==, PP_ATTRIBUTE_NONE);
	memset(name, 's', sizeof(name));
	for (size_t length = 0; length <= sizeof(name); length++)
		g_assert_cmpuint(attribute_find(name, length), ==, PP_ATTRIBUTE_NONE);
}

/* One byte changed is another name. */
static void test_near_names_are_not_found(void)
{
	for (unsigned i = 1; i < PP_ATTRIBUTES; i++) {
		g_autofree char *name = g_strdup(attribute_info(i)->name);
		size_t length = strlen(name);

		for (size_t at = 0; at < length; at++) {
			char right = name[at];

			name[at] = (char)(right ^ 0x20);
			g_assert_cmpuint(attribute_find(name, length), ==, PP_ATTRIBUTE_NONE);
			name[at] = right;
		}
	}
}

/* request.c reckons with it. */
static void test_derived_ones_stand_at_the_end(void)
{
	for (unsigned i = 1; i < PP_ATTRIBUTES; i++)
		g_assert_cmpint(attribute_info(i)->kind == ATTRIBUTE_DERIVED, ==, i >= PP_SENDER_DOMAIN);
	g_assert_cmpint(attribute_info(PP_SIZE)->kind, ==, ATTRIBUTE_NUMBER);
	g_assert_cmpstr(attribute_info(PP_SIZE)->since, ==, "2.2");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/attribute/every name of the table is found", test_every_name_is_found);
	g_test_add_func("/attribute/only as many bytes as said are the name", test_the_length_counts);
	g_test_add_func("/attribute/other names are not found", test_other_names_are_not_found);
	g_test_add_func("/attribute/a name with one byte changed is not found",
	                test_near_names_are_not_found);
	g_test_add_func("/attribute/derived ones stand at the table's end",
	                test_derived_ones_stand_at_the_end);
	return g_test_run();
}
