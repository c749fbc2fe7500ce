/* fuzz/fuzz_dynamic_host.c - whatever a client is called and a file of patterns says, it is judged within
 * bounds
 *
 * The first line is the client's address, the second its name, the rest a file of
 * patterns. The same verdict is given twice, and what is found stands in the name.
 */
#include <glib.h>
#include <string.h>
#include "../../modules/dynamic_host/patterns.h"
#include "fuzz.h"

static void check_evidence(const char *name, const pp_address_t *address)
{
	g_autofree char *behind = g_strconcat("zz.", name, NULL);
	struct evidence evidence = evidence_find(name, address), again = evidence_find(behind, address);

	g_assert_cmpuint(evidence.start + evidence.length, <=, strlen(name));
	g_assert_true((evidence.strength == EVIDENCE_NONE) == (evidence.length == 0));
	/* What is before it changes nothing. */
	g_assert_cmpint(again.strength, ==, evidence.strength);
	g_assert_cmpuint(again.length, ==, evidence.length);
	if (evidence.strength != EVIDENCE_NONE)
		g_assert_cmpuint(again.start, ==, evidence.start + 3);
}

static void check_judgement(const struct patterns *patterns, const char *name, const pp_address_t *address)
{
	struct verdict verdict = patterns_judge(patterns, name, address);
	struct verdict again = patterns_judge(patterns, name, address);

	g_assert_cmpuint(verdict.start + verdict.length, <=, strlen(name));
	g_assert_true((verdict.line == 0) == (verdict.judgement == JUDGED_UNDECIDED));
	g_assert_true((verdict.why == NULL) == (verdict.line == 0));
	/* One that takes long may take too long another time. */
	if (verdict.judgement != JUDGED_TOO_LONG && again.judgement != JUDGED_TOO_LONG)
		g_assert_cmpuint(verdict.line, ==, again.line);
}

static void check_file(const char *text, size_t length, const char *name, const pp_address_t *address)
{
	struct problems problems;
	struct patterns *patterns;

	problems_init(&problems);
	patterns = patterns_parse(text, length, &problems);
	g_assert_true((patterns == NULL) == (problems.count > 0));
	g_assert_cmpuint(problems.texts->len, ==, MIN(problems.count, PROBLEMS_SHOWN));
	for (unsigned i = 0; i < problems.texts->len; i++)
		g_assert_true(g_ascii_isdigit(*(const char *)problems.texts->pdata[i]));
	if (patterns != NULL) {
		g_assert_cmpuint(patterns_count(patterns), >, 0);
		check_judgement(patterns, name, address);
	}
	patterns_unref(patterns);
	problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
	pp_address_t address = { 0 };
	g_autofree char *name = NULL;

	if (g_strv_length(lines) < 2)
		return 0;
	pp_address_parse(lines[0], &address);
	name = g_ascii_strdown(lines[1], -1);
	if (strlen(name) > NAME_MAX_LENGTH)
		name[NAME_MAX_LENGTH] = '\0';
	check_evidence(name, &address);
	if (lines[2] != NULL)
		check_file(lines[2], strlen(lines[2]), name, &address);
	return 0;
}
