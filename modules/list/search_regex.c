/* search_regex.c - the search for the first pattern that matches
 *
 * Patterns and values are bytes. A pattern that needs more than its limits is an
 * answer of its own: nobody knows whether it would have matched.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <string.h>
#include <time.h>
#include <pcre2.h>
#include "list.h"

#define PATTERNS_MAX 10000    /* they are tried one by one */
#define MATCH_LIMIT 100000    /* steps of one pattern: some milliseconds */
#define DEPTH_LIMIT 10000     /* without JIT */
#define HEAP_LIMIT 4096       /* KiB, without JIT */
#define ALL_LIMIT_NS 50000000 /* all patterns of an ask, CPU time: the loop stands still meanwhile */
#define PATTERNS_PER_LOOK 32  /* at the clock */

struct patterns {
	pcre2_match_context *context;
	uint32_t count, size;
	pcre2_code **codes; /* by entry number */
};

/* NULL: no memory. */
static struct patterns *patterns_of(struct snapshot *snapshot)
{
	struct patterns *patterns = snapshot->found_by;

	if (patterns != NULL)
		return patterns;
	patterns = g_new0(struct patterns, 1);
	patterns->context = pcre2_match_context_create(NULL);
	if (patterns->context == NULL) {
		g_free(patterns);
		return NULL;
	}
	pcre2_set_match_limit(patterns->context, MATCH_LIMIT);
	pcre2_set_depth_limit(patterns->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(patterns->context, HEAP_LIMIT);
	snapshot->found_by = patterns;
	return patterns;
}

static void explain(char *wrong, int code, size_t offset)
{
	PCRE2_UCHAR message[256] = "";

	pcre2_get_error_message(code, message, sizeof(message));
	g_snprintf(wrong, LIST_WRONG_SIZE, "%s, at character %zu of the pattern", (const char *)message,
	           offset + 1);
}

static bool add(struct snapshot *snapshot, const struct conf *conf, char *key, char *wrong)
{
	struct patterns *patterns = patterns_of(snapshot);
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C |
	                   (conf->ignore_case ? PCRE2_CASELESS : 0);
	int error;
	PCRE2_SIZE offset;
	pcre2_code *code;

	if (patterns == NULL || patterns->count == PATTERNS_MAX) {
		g_snprintf(wrong, LIST_WRONG_SIZE,
		           "there is room for %d patterns, since they are tried one by one", PATTERNS_MAX);
		return false;
	}
	code = pcre2_compile((PCRE2_SPTR)key, PCRE2_ZERO_TERMINATED, options, &error, &offset, NULL);
	if (code == NULL) {
		explain(wrong, error, offset);
		return false;
	}
	/* Where memory must not be executable this fails, and the pattern is interpreted. */
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	if (patterns->count == patterns->size) {
		patterns->size += patterns->size / 2 + 16;
		patterns->codes = g_renew(pcre2_code *, patterns->codes, patterns->size);
	}
	patterns->codes[patterns->count++] = code;
	return true;
}

static int64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const char *reason_of(int code)
{
	switch (code) {
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
	case PCRE2_ERROR_JIT_STACKLIMIT: return "takes more steps than a pattern may";
	default: return "could not be matched";
	}
}

static struct result try_all(const struct patterns *patterns, pcre2_match_data *data, const char *value)
{
	struct result result = { .outcome = OUTCOME_ABSENT };
	size_t length = strlen(value);
	int64_t end = cpu_time() + ALL_LIMIT_NS;

	for (uint32_t i = 0; i < patterns->count; i++) {
		int code;

		if (i % PATTERNS_PER_LOOK == PATTERNS_PER_LOOK - 1 && cpu_time() > end)
			return (struct result){ OUTCOME_UNKNOWN, i, "was not reached in time" };
		code = pcre2_match(patterns->codes[i], (PCRE2_SPTR)value, length, 0, 0, data,
		                   patterns->context);
		if (code >= 0)
			return (struct result){ OUTCOME_FOUND, i, NULL };
		if (code != PCRE2_ERROR_NOMATCH)
			return (struct result){ OUTCOME_UNKNOWN, i, reason_of(code) };
	}
	return result;
}

static struct result find(const struct snapshot *snapshot, const struct conf *conf, char *value)
{
	struct result result = { .outcome = OUTCOME_ABSENT };
	pcre2_match_data *data;

	(void)conf;
	if (snapshot->count == 0)
		return result;
	data = pcre2_match_data_create(1, NULL);
	if (data == NULL)
		return (struct result){ OUTCOME_UNKNOWN, 0, "could not be tried for want of memory" };
	result = try_all(snapshot->found_by, data, value);
	pcre2_match_data_free(data);
	return result;
}

static void clear(struct snapshot *snapshot)
{
	struct patterns *patterns = snapshot->found_by;

	if (patterns == NULL)
		return;
	for (uint32_t i = 0; i < patterns->count; i++)
		pcre2_code_free(patterns->codes[i]);
	g_free(patterns->codes);
	pcre2_match_context_free(patterns->context);
	g_free(patterns);
}

const struct search search_regex = {
	.name = "regex",
	.pattern = true,
	.add = add,
	.find = find,
	.free = clear,
};
