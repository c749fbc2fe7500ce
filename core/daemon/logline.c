/* daemon/logline.c - the line that says what was decided about a request, and why
 *
 * Written by hand rather than with printf: it is on the path of every request.
 */
#include "daemon/logline.h"

#include <string.h>
#include "base/text.h"

#define LINE_MAX_BYTES 4000
#define VALUE_MAX 256

struct line {
	char *at, *end;
};

static void add_bytes(struct line *line, const char *bytes, size_t length)
{
	length = MIN(length, (size_t)(line->end - line->at));
	memcpy(line->at, bytes, length);
	line->at += length;
}

static void add_text(struct line *line, const char *text)
{
	add_bytes(line, text, strlen(text));
}

/* Of a length known beforehand, so that no function is called for it. What does not
 * fit ends the line. */
static inline void add_literal(struct line *line, const char *text, size_t length)
{
	if (length > (size_t)(line->end - line->at)) {
		line->end = line->at;
		return;
	}
	memcpy(line->at, text, length);
	line->at += length;
}

#define ADD(line, literal) add_literal(line, literal, sizeof(literal) - 1)

static void add_number(struct line *line, uint64_t number)
{
	char digits[24], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	add_bytes(line, at, (size_t)(digits + sizeof(digits) - at));
}

static void add_escaped(struct line *line, const char *text, size_t length, bool blanks)
{
	size_t room = (size_t)(line->end - line->at);

	line->at += text_escape(line->at, MIN(room, VALUE_MAX), text, length, blanks);
}

static void add_attribute(struct line *line, struct request *request, pp_attribute_t attribute, bool blanks)
{
	size_t length;
	const char *value = request_get(request, attribute, &length);

	if (value != NULL)
		add_escaped(line, value, length, blanks);
}

static void add_or(struct line *line, struct request *request, pp_attribute_t attribute,
                   const char *otherwise)
{
	size_t length;
	const char *value = request_get(request, attribute, &length);

	if (value != NULL)
		add_escaped(line, value, length, false);
	else
		add_text(line, otherwise);
}

static void add_ask(struct line *line, const struct rule_ask *ask)
{
	const struct ask_wish *wish = &ask->wish;
	const struct check *check = ask->check->check;

	add_text(line, check->name);
	if (!wish->done) {
		ADD(line, "=open");
		return;
	}
	ADD(line, "=");
	add_text(line, check->module->word[wish->answer.word].word);
	ADD(line, "/");
	if (wish->answer.timed_out && wish->answer.word == WORD_UNKNOWN)
		ADD(line, "timeout");
	else
		add_text(line, answer_from_name(wish->answer.from));
	if (wish->usec >= 1000 && wish->answer.from != ANSWER_MEMORY) {
		ADD(line, "/");
		add_number(line, (uint64_t)wish->usec / 1000);
		ADD(line, "ms");
	}
}

static void add_checks(struct line *line, const struct run *run)
{
	ADD(line, " checks=[");
	for (const struct rule_ask *ask = run->first; ask != NULL; ask = ask->next) {
		add_ask(line, ask);
		if (ask->next != NULL)
			ADD(line, " ");
	}
	ADD(line, "]");
}

static void add_head(struct line *line, const struct run *run, const struct verdict *verdict, bool observed)
{
	struct request *request = run->order.request;
	size_t text;

	add_or(line, request, PP_QUEUE_ID, "NOQUEUE");
	ADD(line, ": ");
	if (observed)
		ADD(line, "observe-");
	add_text(line, verdict->action.verb == ACTION_CLOSE ? "close" : action_name(verdict->action.verb));
	ADD(line, ": ");
	add_or(line, request, PP_PROTOCOL_STATE, "UNKNOWN");
	ADD(line, " from ");
	add_or(line, request, PP_CLIENT_NAME, "unknown");
	ADD(line, "[");
	add_or(line, request, PP_CLIENT_ADDRESS, "unknown");
	ADD(line, "]: ");
	text = action_log_text(&verdict->action, line->at, (size_t)(line->end - line->at));
	line->at += text;
	if (text > 0)
		ADD(line, "; ");
}

static void add_attributes(struct line *line, struct request *request)
{
	ADD(line, " from=<");
	add_attribute(line, request, PP_SENDER, true);
	ADD(line, "> to=<");
	add_attribute(line, request, PP_RECIPIENT, true);
	ADD(line, "> sasl=");
	add_attribute(line, request, PP_SASL_USERNAME, false);
	ADD(line, " proto=");
	add_attribute(line, request, PP_PROTOCOL_NAME, false);
	ADD(line, " helo=<");
	add_attribute(line, request, PP_HELO_NAME, true);
	ADD(line, "> context=");
	add_attribute(line, request, PP_POLICY_CONTEXT, false);
	ADD(line, " instance=");
	add_attribute(line, request, PP_INSTANCE, false);
}

static void add_time(struct line *line, int64_t usec)
{
	ADD(line, " ms=");
	add_number(line, (uint64_t)usec / 1000);
	ADD(line, ".");
	add_number(line, (uint64_t)usec / 100 % 10);
}

void logline_write(struct log_buffer *log, const struct run *run, const struct verdict *verdict,
                   bool observed, int64_t usec)
{
	struct request *request = run->order.request;
	char *start = log_buffer_reserve(log, LINE_MAX_BYTES);
	struct line line = { start, start + LINE_MAX_BYTES - 1 };

	add_head(&line, run, verdict, observed);
	ADD(&line, "id=");
	add_text(&line, request->id);
	ADD(&line, " rule=");
	add_text(&line, verdict->rule);
	ADD(&line, ":");
	add_number(&line, (uint64_t)MAX(verdict->line, 0));
	add_checks(&line, run);
	add_attributes(&line, request);
	ADD(&line, " conf=");
	add_text(&line, run->order.program->plan->conf);
	add_time(&line, usec);
	for (unsigned i = 0; i < run->notes; i++) {
		ADD(&line, " ");
		add_text(&line, run->note[i].key);
		ADD(&line, "=");
		add_text(&line, run->note[i].value);
	}
	if (verdict->failed) {
		ADD(&line, " error=<");
		add_escaped(&line, verdict->error, strlen(verdict->error), true);
		ADD(&line, ">");
	}
	*line.at++ = '\n';
	log->length += (size_t)(line.at - start);
}
