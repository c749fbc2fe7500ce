/* unit/test_abi.c - the binary interface of modules changes only together with PP_ABI
 *
 * Prints sizes, offsets and enumerators of ppolicyd/module.h and compares them with
 * tests/golden/abi.txt; run with --update it writes that file.
 */
#include <glib.h>
#include <string.h>
#include "ppolicyd/module.h"

#define SIZE(type) g_string_append_printf(out, "sizeof %s = %zu\n", #type, sizeof(type))
#define MEMBER(type, member) \
	g_string_append_printf(out, "%s.%s at %zu\n", #type, #member, offsetof(type, member))
#define NUMBER(name) g_string_append_printf(out, "%s = %d\n", #name, (int)(name))

static void describe_rows(GString *out)
{
	SIZE(pp_row_t);
	MEMBER(pp_row_t, name);
	MEMBER(pp_row_t, type);
	MEMBER(pp_row_t, offset);
	MEMBER(pp_row_t, dflt);
	MEMBER(pp_row_t, min);
	MEMBER(pp_row_t, max);
	MEMBER(pp_row_t, unit);
	MEMBER(pp_row_t, choices);
	MEMBER(pp_row_t, samples);
	MEMBER(pp_row_t, when);
	MEMBER(pp_row_t, help);
	MEMBER(pp_row_t, required);
	MEMBER(pp_row_t, inert);
	SIZE(pp_word_row_t);
	SIZE(pp_value_t);
	SIZE(pp_pair_t);
	SIZE(pp_texts_t);
	SIZE(pp_address_t);
	NUMBER(PP_TYPE_BOOL);
	NUMBER(PP_TYPE_FIELDS);
	NUMBER(PP_TYPE_ACTION);
	NUMBER(PP_LIST);
	NUMBER(PP_MADE_ACTION);
	NUMBER(PP_WORK_TIMED_OUT);
	NUMBER(PP_DNS_A);
	NUMBER(PP_DNS_NS);
	NUMBER(PP_DNS_PTR);
	NUMBER(PP_DNS_MX);
	NUMBER(PP_DNS_TXT);
	NUMBER(PP_DNS_AAAA);
	NUMBER(PP_DNS_NODATA);
	NUMBER(PP_DNS_OPEN);
	NUMBER(PP_LOG_DEBUG);
	NUMBER(PP_CLASS_NO);
}

static void describe_descriptor(GString *out)
{
	MEMBER(pp_module_t, abi);
	MEMBER(pp_module_t, size);
	MEMBER(pp_module_t, name);
	MEMBER(pp_module_t, question);
	MEMBER(pp_module_t, yes);
	MEMBER(pp_module_t, no);
	MEMBER(pp_module_t, words);
	MEMBER(pp_module_t, reads);
	MEMBER(pp_module_t, conf_size);
	MEMBER(pp_module_t, args_size);
	MEMBER(pp_module_t, fields_size);
	MEMBER(pp_module_t, state_size);
	MEMBER(pp_module_t, params);
	MEMBER(pp_module_t, args);
	MEMBER(pp_module_t, fields);
	MEMBER(pp_module_t, ask);
	MEMBER(pp_module_t, key);
	MEMBER(pp_module_t, validate);
	MEMBER(pp_module_t, invalidate);
	MEMBER(pp_module_t, open);
	MEMBER(pp_module_t, close);
	MEMBER(pp_module_t, upkeep);
	MEMBER(pp_module_t, effects);
	MEMBER(pp_module_t, blocking);
	MEMBER(pp_module_t, unread);
	MEMBER(pp_module_t, keep);
	MEMBER(pp_module_t, stale);
	MEMBER(pp_module_t, timeout);
	MEMBER(pp_module_t, version);
	MEMBER(pp_module_t, statements);
	MEMBER(pp_module_t, table);
	MEMBER(pp_module_t, commands);
	MEMBER(pp_module_t, action);
	MEMBER(pp_module_t, keep_with);
	MEMBER(pp_module_t, changed);
	SIZE(pp_module_t);
}

static void describe_what_modules_fill_in_or_get(GString *out)
{
	MEMBER(pp_statement_t, name);
	MEMBER(pp_statement_t, args);
	MEMBER(pp_statement_t, columns);
	MEMBER(pp_statement_t, columns_size);
	SIZE(pp_statement_t);
	MEMBER(pp_command_t, name);
	MEMBER(pp_command_t, args);
	MEMBER(pp_command_t, args_size);
	MEMBER(pp_command_t, words);
	MEMBER(pp_command_t, changes);
	MEMBER(pp_command_t, help);
	MEMBER(pp_command_t, run);
	SIZE(pp_command_t);
	MEMBER(pp_dns_record_t, text);
	MEMBER(pp_dns_record_t, length);
	MEMBER(pp_dns_record_t, has_nul);
	MEMBER(pp_dns_record_t, address);
	MEMBER(pp_dns_record_t, preference);
	MEMBER(pp_dns_record_t, ttl);
	SIZE(pp_dns_record_t);
	MEMBER(pp_dns_question_t, type);
	MEMBER(pp_dns_question_t, name);
	MEMBER(pp_dns_question_t, status);
	MEMBER(pp_dns_question_t, count);
	MEMBER(pp_dns_question_t, records);
	MEMBER(pp_dns_question_t, ttl);
	SIZE(pp_dns_question_t);
	MEMBER(pp_upstream_server_t, name);
	MEMBER(pp_upstream_server_t, send_proxy);
	SIZE(pp_upstream_server_t);
	MEMBER(pp_upstream_settings_t, count);
	MEMBER(pp_upstream_settings_t, probe);
	SIZE(pp_upstream_settings_t);
	MEMBER(pp_upstream_reply_t, action);
	MEMBER(pp_upstream_reply_t, failed);
	SIZE(pp_upstream_reply_t);
	MEMBER(pp_handed_t, value);
	MEMBER(pp_handed_t, verbatim);
	SIZE(pp_handed_t);
}

static void describe_attributes(GString *out)
{
#define ROW(upper, lower, kind, since, help) NUMBER(PP_##upper);
	PP_ATTRIBUTE_TABLE(ROW)
#undef ROW
	NUMBER(PP_ATTRIBUTES);
}

static const char *golden_path;

static char *describe(void)
{
	GString *out = g_string_new(
	        "# of x86-64 and other 64-bit systems; written by tests/unit/test_abi --update\n");

	NUMBER(PP_ABI);
	describe_descriptor(out);
	describe_what_modules_fill_in_or_get(out);
	describe_rows(out);
	describe_attributes(out);
	return g_string_free(out, FALSE);
}

static void test_golden(void)
{
	g_autofree char *now = describe(), *golden = NULL;

	if (sizeof(void *) != 8) {
		g_test_skip("the golden file is of 64-bit systems");
		return;
	}
	g_assert_true(g_file_get_contents(golden_path, &golden, NULL, NULL));
	g_assert_cmpstr(now, ==, golden);
}

int main(int argc, char **argv)
{
	const char *folder = g_getenv("top_srcdir");
	g_autofree char *path = g_build_filename(folder != NULL ? folder : ".", "tests", "golden", "abi.txt",
	                                         NULL);

	golden_path = path;
	if (argc > 1 && strcmp(argv[1], "--update") == 0) {
		g_autofree char *now = describe();

		return g_file_set_contents(path, now, -1, NULL) ? 0 : 1;
	}
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/abi/module.h is as tests golden abi.txt says; else PP_ABI changes as well",
	                test_golden);
	return g_test_run();
}
