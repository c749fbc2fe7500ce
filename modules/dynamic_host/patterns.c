/* patterns.c - what names of dynamically assigned addresses look like: the entries of a file */
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include "entry.h"
#include "patterns_file.h"

#define ALL_LIMIT_NS 20000000 /* all entries for one name, CPU time: the loop stands still meanwhile */
#define ENTRIES_PER_LOOK 16   /* at the clock */

struct patterns {
	atomic_uint users;
	struct entry *entries;
	unsigned count;
	pcre2_match_context *context;
	char *text; /* that they were read from */
	size_t length;
};

/* -- their life ------------------------------------------------------------ */

struct patterns *patterns_new(const char *text, size_t length)
{
	struct patterns *patterns = g_new0(struct patterns, 1);

	atomic_init(&patterns->users, 1);
	patterns->text = g_memdup2(text, length);
	patterns->length = length;
	patterns->context = entry_limits();
	return patterns;
}

struct patterns *patterns_ref(struct patterns *patterns)
{
	atomic_fetch_add_explicit(&patterns->users, 1, memory_order_relaxed);
	return patterns;
}

void patterns_unref(struct patterns *patterns)
{
	if (patterns == NULL || atomic_fetch_sub_explicit(&patterns->users, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned i = 0; i < patterns->count; i++) {
		pcre2_code_free(patterns->entries[i].code);
		g_free(patterns->entries[i].why);
	}
	pcre2_match_context_free(patterns->context);
	g_free(patterns->entries);
	g_free(patterns->text);
	g_free(patterns);
}

struct entry *patterns_add(struct patterns *patterns)
{
	patterns->entries = g_renew(struct entry, patterns->entries, patterns->count + 1);
	patterns->entries[patterns->count] = (struct entry){ 0 };
	return &patterns->entries[patterns->count++];
}

const struct entry *patterns_entry(const struct patterns *patterns, unsigned index)
{
	return &patterns->entries[index];
}

unsigned patterns_count(const struct patterns *patterns)
{
	return patterns->count;
}

bool patterns_equal(const struct patterns *patterns, const char *text, size_t length)
{
	return patterns->length == length && (length == 0 || memcmp(patterns->text, text, length) == 0);
}

/* -- judging ----------------------------------------------------------------- */

static int64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct verdict verdict_of(const struct entry *entry, enum match match, size_t start, size_t length)
{
	return (struct verdict){ .judgement = match == MATCH_TOO_LONG ? JUDGED_TOO_LONG
		                              : entry->dynamic        ? JUDGED_DYNAMIC
		                                                      : JUDGED_STATIC,
		                 .line = entry->line,
		                 .why = entry->why,
		                 .by_address = entry->code == NULL,
		                 .start = start,
		                 .length = length };
}

static struct verdict try_all(const struct patterns *patterns, const struct candidate *candidate)
{
	int64_t end = cpu_time() + ALL_LIMIT_NS;

	for (unsigned i = 0; i < patterns->count; i++) {
		const struct entry *entry = &patterns->entries[i];
		size_t start = 0, length = 0;
		enum match match = entry_match(entry, candidate, &start, &length);

		if (i % ENTRIES_PER_LOOK == ENTRIES_PER_LOOK - 1 && match == MATCH_NO && cpu_time() > end)
			match = MATCH_TOO_LONG;
		if (match != MATCH_NO)
			return verdict_of(entry, match, start, length);
	}
	return (struct verdict){ .judgement = JUDGED_UNDECIDED };
}

struct verdict patterns_judge(const struct patterns *patterns, const char *name, const pp_address_t *address)
{
	struct candidate candidate = { .context = patterns->context };
	struct verdict verdict = { .judgement = JUDGED_TOO_LONG };

	candidate_init(&candidate, name, address);
	candidate.data = pcre2_match_data_create(1, NULL);
	if (candidate.data != NULL && candidate.context != NULL)
		verdict = try_all(patterns, &candidate);
	pcre2_match_data_free(candidate.data);
	return verdict;
}

bool patterns_entry_matches(const struct patterns *patterns, unsigned index, const char *name,
                            const pp_address_t *address)
{
	struct candidate candidate = { .context = patterns->context };
	size_t start, length;
	bool matches;

	candidate_init(&candidate, name, address);
	candidate.data = pcre2_match_data_create(1, NULL);
	matches = candidate.data != NULL && candidate.context != NULL &&
	          entry_match(&patterns->entries[index], &candidate, &start, &length) != MATCH_NO;
	pcre2_match_data_free(candidate.data);
	return matches;
}
