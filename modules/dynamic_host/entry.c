/* entry.c - one entry of a file of patterns */
#include <string.h>
#include "entry.h"

#define MATCH_LIMIT 20000 /* steps of one pattern */
#define DEPTH_LIMIT 2000  /* without JIT */
#define HEAP_LIMIT 1024   /* KiB, without JIT */

pcre2_code *entry_compile(const char *pattern, char **wrong)
{
	PCRE2_UCHAR message[256] = "";
	PCRE2_SIZE offset;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	                                 PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &error,
	                                 &offset, NULL);

	if (code == NULL) {
		pcre2_get_error_message(error, message, sizeof(message));
		*wrong = g_strdup_printf("%s, at character %zu of the pattern", (const char *)message,
		                         offset + 1);
		return NULL;
	}
	/* Where memory must not be executable this fails, and the pattern is interpreted. */
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return code;
}

pcre2_match_context *entry_limits(void)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);

	if (context == NULL)
		return NULL;
	pcre2_set_match_limit(context, MATCH_LIMIT);
	pcre2_set_depth_limit(context, DEPTH_LIMIT);
	pcre2_set_heap_limit(context, HEAP_LIMIT);
	return context;
}

/* Before the last two labels, which are the domain as a rule. */
static size_t length_of_host(const char *name, size_t length)
{
	unsigned dots = 0;

	while (length > 0)
		if (name[--length] == '.' && ++dots == 2)
			return length;
	return 0;
}

void candidate_init(struct candidate *candidate, const char *name, const pp_address_t *address)
{
	candidate->name = name;
	candidate->length = strlen(name);
	candidate->host_length = length_of_host(name, candidate->length);
	candidate->evidence = address != NULL ? evidence_find(name, address) : (struct evidence){ 0 };
}

static enum match match_address(const struct candidate *candidate, enum strength wanted, size_t *start,
                                size_t *length)
{
	if (candidate->evidence.strength < wanted)
		return MATCH_NO;
	*start = candidate->evidence.start;
	*length = candidate->evidence.length;
	return MATCH_YES;
}

static enum match match_pattern(const struct entry *entry, const struct candidate *candidate, size_t *start,
                                size_t *length)
{
	size_t looked_at = entry->look == LOOK_HOST ? candidate->host_length : candidate->length;
	const PCRE2_SIZE *vector;
	int code;

	if (looked_at == 0)
		return MATCH_NO;
	code = pcre2_match(entry->code, (PCRE2_SPTR)candidate->name, looked_at, 0, 0, candidate->data,
	                   candidate->context);
	if (code == PCRE2_ERROR_NOMATCH)
		return MATCH_NO;
	if (code < 0)
		return MATCH_TOO_LONG;
	vector = pcre2_get_ovector_pointer(candidate->data);
	*start = vector[0];
	/* \K in a pattern may put the start behind the end. */
	*length = vector[1] > vector[0] ? vector[1] - vector[0] : 0;
	return MATCH_YES;
}

enum match entry_match(const struct entry *entry, const struct candidate *candidate, size_t *start,
                       size_t *length)
{
	switch (entry->look) {
	case LOOK_ADDRESS: return match_address(candidate, EVIDENCE_WHOLE, start, length);
	case LOOK_ADDRESS_PART: return match_address(candidate, EVIDENCE_PART, start, length);
	default: return match_pattern(entry, candidate, start, length);
	}
}
