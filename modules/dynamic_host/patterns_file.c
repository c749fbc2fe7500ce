/* patterns_file.c - a file of patterns: its lines, and the tests in it
 *
 *	dynamic host /REGEX/ why        or static; host, name, address, address part
 *		match NAME [ADDRESS]    the entry above is the first that matches
 *		no match NAME [ADDRESS] it does not match, whatever the others do
 *	no entry NAME [ADDRESS]         no entry of the file matches
 *
 * '#' begins a comment at the start of a line and behind a blank, but not in a pattern.
 */
#include <string.h>
#include "patterns_file.h"

enum {
	LINE_LENGTH_MAX = 4096,
	ENTRIES_MAX = 1000, /* they are tried one by one */
	TRIALS_MAX = 10000,
	WHY_MAX = 200
};

/* -- problems ----------------------------------------------------------------- */

void problems_init(struct problems *problems)
{
	*problems = (struct problems){ .texts = g_ptr_array_new_with_free_func(g_free) };
}

void problems_clear(struct problems *problems)
{
	g_clear_pointer(&problems->texts, g_ptr_array_unref);
}

void problems_add(struct problems *problems, unsigned line, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	if (problems->count++ >= PROBLEMS_SHOWN)
		return;
	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(problems->texts, g_strdup_printf("%u: %s", line, message));
}

/* -- words ---------------------------------------------------------------------- */

enum test { TEST_MATCH, TEST_NO_MATCH, TEST_NO_ENTRY };

struct trial {
	enum test test;
	unsigned line, entry; /* entry: its index */
	char *name;
	bool has_address;
	pp_address_t address;
};

struct reading {
	struct patterns *patterns;
	struct problems *problems;
	unsigned line;
	bool entry_is_bad; /* the last one, so nothing is said of its tests */
	GArray *trials;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

/* Takes the next word off the line; "" at its end. */
static char *cut_word(char **rest)
{
	char *word = skip_blanks(*rest), *end = word;

	while (*end != '\0' && !is_blank(*end))
		end++;
	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

static bool take_word(char **rest, const char *word)
{
	char *at = skip_blanks(*rest);
	size_t length = strlen(word);

	if (strncmp(at, word, length) != 0 || (at[length] != '\0' && !is_blank(at[length])))
		return false;
	*rest = at + length;
	return true;
}

static bool take_words(char **rest, const char *first, const char *second)
{
	char *at = *rest;

	if (!take_word(&at, first) || !take_word(&at, second))
		return false;
	*rest = at;
	return true;
}

/* A comment begins where a blank or nothing is before the '#'. */
static void cut_comment(char *text)
{
	char *end = text;

	while (*end != '\0' && !(*end == '#' && (end == text || is_blank(end[-1]))))
		end++;
	while (end > text && is_blank(end[-1]))
		end--;
	*end = '\0';
}

/* Takes "/.../" off the line; a slash within is behind a backslash, which PCRE understands.
 * NULL: there is none. */
static char *cut_pattern(char **rest)
{
	char *pattern = skip_blanks(*rest), *end;

	if (*pattern != '/')
		return NULL;
	for (end = ++pattern; *end != '\0' && *end != '/'; end++)
		if (*end == '\\' && end[1] != '\0')
			end++;
	if (*end == '\0' || (end[1] != '\0' && !is_blank(end[1])))
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return pattern;
}

/* -- entries ---------------------------------------------------------------------- */

static bool read_look(struct reading *reading, char **rest, enum look *look)
{
	if (take_word(rest, "host"))
		*look = LOOK_HOST;
	else if (take_word(rest, "name"))
		*look = LOOK_NAME;
	else if (take_word(rest, "address"))
		*look = take_word(rest, "part") ? LOOK_ADDRESS_PART : LOOK_ADDRESS;
	else {
		problems_add(reading->problems, reading->line,
		             "found '%.100s', wanted host /REGEX/, name /REGEX/, address or address part",
		             skip_blanks(*rest));
		return false;
	}
	return true;
}

static bool read_pattern(struct reading *reading, char **rest, pcre2_code **code)
{
	char *pattern = cut_pattern(rest);
	g_autofree char *wrong = NULL;

	if (pattern == NULL) {
		problems_add(reading->problems, reading->line,
		             "found '%.100s', wanted a pattern between slashes and a blank",
		             skip_blanks(*rest));
		return false;
	}
	*code = entry_compile(pattern, &wrong);
	if (*code == NULL)
		problems_add(reading->problems, reading->line, "/%.100s/: %s", pattern, wrong);
	return *code != NULL;
}

/* What is behind the pattern. False: it cannot be an entry. */
static bool read_why(struct reading *reading, char *rest, struct entry *entry)
{
	cut_comment(rest);
	if (*rest == '\0' || strlen(rest) > WHY_MAX) {
		problems_add(reading->problems, reading->line,
		             "say behind the pattern why, in 1 to 200 characters: it stands in the answer");
		return false;
	}
	if (patterns_count(reading->patterns) == ENTRIES_MAX) {
		problems_add(reading->problems, reading->line,
		             "there is room for 1000 entries, since they are tried one by one");
		return false;
	}
	entry->why = g_strdup(rest);
	return true;
}

static void read_entry(struct reading *reading, bool dynamic, char *rest)
{
	struct entry entry = { .line = reading->line, .dynamic = dynamic };

	reading->entry_is_bad = true;
	if (!read_look(reading, &rest, &entry.look))
		return;
	if ((entry.look == LOOK_HOST || entry.look == LOOK_NAME) &&
	    !read_pattern(reading, &rest, &entry.code))
		return;
	if (!read_why(reading, skip_blanks(rest), &entry)) {
		pcre2_code_free(entry.code);
		return;
	}
	*patterns_add(reading->patterns) = entry;
	reading->entry_is_bad = false;
}

/* -- tests ------------------------------------------------------------------------- */

/* The name and the address of a test. False: they are none. */
static bool read_subject(struct reading *reading, char *rest, struct trial *trial)
{
	char *name, *address;

	cut_comment(rest);
	name = cut_word(&rest);
	address = cut_word(&rest);
	trial->has_address = *address != '\0';
	if (*name == '\0' || *skip_blanks(rest) != '\0' || strlen(name) > NAME_MAX_LENGTH)
		problems_add(reading->problems, reading->line,
		             "wanted a name, and behind it an address or nothing");
	else if (trial->has_address && !pp_address_parse(address, &trial->address))
		problems_add(reading->problems, reading->line, "'%.100s' is no IP address", address);
	else
		trial->name = g_ascii_strdown(name, -1);
	return trial->name != NULL;
}

static void read_trial(struct reading *reading, enum test test, char *rest)
{
	unsigned entries = patterns_count(reading->patterns);
	struct trial trial = { .test = test, .line = reading->line };

	if (!read_subject(reading, rest, &trial))
		return;
	trial.entry = entries - (test != TEST_NO_ENTRY);
	if (test != TEST_NO_ENTRY && entries == 0 && !reading->entry_is_bad)
		problems_add(reading->problems, reading->line, "there is no entry above that could match");
	else if (reading->trials->len == TRIALS_MAX)
		problems_add(reading->problems, reading->line, "there is room for 10000 names to try");
	/* Where an entry is bad nothing more is said of its tests. */
	if (reading->problems->count > 0)
		g_free(trial.name);
	else
		g_array_append_val(reading->trials, trial);
}

/* What is wrong with a name that the entry of line should be the first to match, 0: none. */
static void compare(const struct trial *trial, unsigned line, const struct verdict *verdict,
                    struct problems *problems)
{
	if (verdict->judgement == JUDGED_TOO_LONG)
		problems_add(problems, trial->line, "%s: line %u takes more steps than an entry may",
		             trial->name, verdict->line);
	else if (verdict->line != line && line == 0)
		problems_add(problems, trial->line, "no entry %s: line %u matches it", trial->name,
		             verdict->line);
	else if (verdict->line != line && verdict->line != 0 && verdict->line < line)
		problems_add(problems, trial->line, "match %s: line %u matches it before line %u",
		             trial->name, verdict->line, line);
	else if (verdict->line != line)
		problems_add(problems, trial->line, "match %s: line %u does not match it", trial->name, line);
}

static void do_trial(const struct patterns *patterns, const struct trial *trial, struct problems *problems)
{
	const pp_address_t *address = trial->has_address ? &trial->address : NULL;
	unsigned line = trial->test != TEST_NO_ENTRY ? patterns_entry(patterns, trial->entry)->line : 0;
	struct verdict verdict;

	if (trial->test != TEST_NO_MATCH) {
		verdict = patterns_judge(patterns, trial->name, address);
		compare(trial, line, &verdict, problems);
	} else if (patterns_entry_matches(patterns, trial->entry, trial->name, address)) {
		problems_add(problems, trial->line, "no match %s: line %u matches it", trial->name, line);
	}
}

static void trial_clear(void *data)
{
	g_free(((struct trial *)data)->name);
}

/* -- the file -------------------------------------------------------------------------- */

static void read_line(struct reading *reading, char *line)
{
	char *rest = skip_blanks(line);

	if (*rest == '\0' || *rest == '#')
		return;
	if (take_word(&rest, "dynamic"))
		read_entry(reading, true, rest);
	else if (take_word(&rest, "static"))
		read_entry(reading, false, rest);
	else if (take_word(&rest, "match"))
		read_trial(reading, TEST_MATCH, rest);
	else if (take_words(&rest, "no", "match"))
		read_trial(reading, TEST_NO_MATCH, rest);
	else if (take_words(&rest, "no", "entry"))
		read_trial(reading, TEST_NO_ENTRY, rest);
	else
		problems_add(reading->problems, reading->line,
		             "found '%.100s', wanted dynamic, static, match, no match or no entry", rest);
}

static const char *wrong_bytes(const char *line, size_t length)
{
	if (length > LINE_LENGTH_MAX)
		return "the line has more than 4096 bytes";
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == '\x7f')
			return "the line has a control character";
	return NULL;
}

/* Without the CR that some systems put before the end of a line. */
static void take_line(struct reading *reading, const char *line, size_t length)
{
	g_autofree char *copy = NULL;
	const char *wrong;

	length -= length > 0 && line[length - 1] == '\r';
	copy = g_strndup(line, length);
	wrong = wrong_bytes(line, length);
	if (wrong != NULL)
		problems_add(reading->problems, reading->line, "%s", wrong);
	else
		read_line(reading, copy);
}

static void read_lines(struct reading *reading, const char *text, size_t length)
{
	static const char mark[] = "\xef\xbb\xbf"; /* editors on some systems begin a file with U+FEFF */
	size_t at = length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;

	while (at < length) {
		const char *stop = memchr(text + at, '\n', length - at);
		size_t end = stop != NULL ? (size_t)(stop - text) : length;

		reading->line++;
		take_line(reading, text + at, end - at);
		at = end + 1;
	}
}

/* Where something cannot be read, names tried would fail for that alone. */
static void do_trials(const struct reading *reading)
{
	if (reading->problems->count > 0)
		return;
	for (unsigned i = 0; i < reading->trials->len; i++)
		do_trial(reading->patterns, &g_array_index(reading->trials, struct trial, i),
		         reading->problems);
}

struct patterns *patterns_parse(const char *text, size_t length, struct problems *problems)
{
	struct reading reading = { .patterns = patterns_new(text, length), .problems = problems };

	reading.trials = g_array_new(FALSE, FALSE, sizeof(struct trial));
	g_array_set_clear_func(reading.trials, trial_clear);
	read_lines(&reading, text, length);
	if (problems->count == 0 && patterns_count(reading.patterns) == 0)
		problems_add(problems, MAX(reading.line, 1), "there is no entry in the file");
	do_trials(&reading);
	g_array_unref(reading.trials);
	if (problems->count > 0)
		g_clear_pointer(&reading.patterns, patterns_unref);
	return reading.patterns;
}
