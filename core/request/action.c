/* request/action.c - what is done with a mail: the actions of access(5), checked and encoded */
#include <glib.h>
#include <string.h>
#include "base/text.h"
#include "request/action.h"
#include "request/action_inside.h"

enum text_use {
	TEXT_OPTIONAL,    /* may be absent */
	TEXT_CODED,       /* behind an enhanced code */
	TEXT_REPLY,       /* behind a reply code and an enhanced code */
	TEXT_HEADER,      /* "Name: value" */
	TEXT_TRANSPORT,   /* "transport:destination" */
	TEXT_ADDRESS,     /* "user@domain" */
	TEXT_RESTRICTION, /* a restriction's name, and nothing else is sent */
};

enum {
	TEXT_MAX = ACTION_TEXT_MAX,
	HEADER_MAX = 990, /* a line of a mail has 998 bytes */
	HEADER_NAME_MAX = 64,
	ID_MAX = 31,
	SHOWN_MAX = 60 /* of user text in an error */
};

struct verb {
	const char *name, *wire;
	enum action_class class;
	enum text_use use;
};

static const struct verb verbs[ACTION_VERBS] = {
#define VERB_ROW(upper, lower, wire, class, text) { #lower, wire, ACTION_##class, TEXT_##text },
	ACTION_TABLE(VERB_ROW)
#undef VERB_ROW
};

const char *action_name(enum action_verb verb)
{
	return verb < ACTION_VERBS ? verbs[verb].name : "close";
}

bool action_find(const char *name, enum action_verb *verb)
{
	for (unsigned i = 0; i < ACTION_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0) {
			*verb = (enum action_verb)i;
			return true;
		}
	return false;
}

enum action_class action_class(enum action_verb verb)
{
	return verb < ACTION_VERBS ? verbs[verb].class : ACTION_REFUSE;
}

int action_severity(const struct action *action)
{
	switch (action_class(action->verb)) {
	case ACTION_NEUTRAL: return 0;
	case ACTION_PERMIT: return 3;
	case ACTION_REFUSE: break;
	}
	return action->verb == ACTION_REJECT || action->code >= 500 ? 2 : 1;
}

bool pp_is_action(const char *name)
{
	enum action_verb verb;

	return action_find(name, &verb);
}

const char *action_word(enum action_verb verb)
{
	return verb < ACTION_VERBS ? verbs[verb].wire : "";
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* The length of the enhanced code (RFC 3463) of this class that the text begins
 * with, 0 = none. As Postfix's dsn_valid(): up to the end or a space. */
size_t action_enhanced_length(const char *text, char class)
{
	size_t subject, detail;

	if (text[0] != class || text[1] != '.')
		return 0;
	subject = digits(text + 2);
	if (subject < 1 || subject > 3 || text[2 + subject] != '.')
		return 0;
	detail = digits(text + 3 + subject);
	if (detail < 1 || detail > 3 ||
	    (text[3 + subject + detail] != '\0' && text[3 + subject + detail] != ' '))
		return 0;
	return 3 + subject + detail;
}

static bool is_enhanced(const char *text, char class)
{
	size_t length = action_enhanced_length(text, class);

	return length > 0 && text[length] == '\0';
}

static bool is_reply_code(const char *text)
{
	return (text[0] == '4' || text[0] == '5') && digits(text) == 3 && (text[3] == '\0' || text[3] == ' ');
}

static bool is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return length > 0;
}

/* These say what is wanted; NULL: the text is right. */

static const char *check_header(const char *text)
{
	size_t name = strcspn(text, ":");

	if (text[name] == '\0' || !is_printable(text, name) || name > HEADER_NAME_MAX)
		return "a header, 'Name: value'";
	return NULL;
}

static const char *check_transport(const char *text)
{
	size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	if (name == 0 || text[name] != ':' || strlen(text) > TEXT_MAX || !is_printable(text, strlen(text)))
		return "'transport:destination'";
	return NULL;
}

static const char *check_address(const char *text)
{
	static const char wanted[] = "one address, 'user@domain'";
	const char *at = strrchr(text, '@');
	size_t length = strlen(text);
	char clean[TEXT_MAX + 1];

	if (at == NULL || at == text || at[1] == '\0' || length > TEXT_MAX)
		return wanted;
	if (strpbrk(text, " <>(),;\"\\") != NULL || !text_is_utf8(text, length))
		return wanted;
	text_clean(clean, sizeof(clean), text, length);
	return strcmp(clean, text) == 0 ? NULL : wanted;
}

static const char *check_text(enum text_use use, const char *text)
{
	switch (use) {
	case TEXT_HEADER: return check_header(text);
	case TEXT_TRANSPORT: return check_transport(text);
	case TEXT_ADDRESS: return check_address(text);
	case TEXT_RESTRICTION: return action_check_restriction(text);
	case TEXT_OPTIONAL:
	case TEXT_CODED:
	case TEXT_REPLY: break;
	}
	return NULL;
}

/* Cleaned and cut, without leading spaces: Postfix would not take them for text. */
static const char *clean(struct arena *arena, const char *text, size_t max)
{
	size_t length, size;
	char *out;

	text = action_skip_blanks(text);
	length = strlen(text);
	if (length == 0)
		return "";
	size = MIN(length, max) + 1;
	out = arena_alloc(arena, size);
	text_clean(out, size, text, length);
	return action_skip_blanks(out);
}

/* What an action is made from and where it goes. */
struct making {
	struct arena *arena;
	const struct verb *verb;
	const char *enhanced, *text;
	const char *const *classes;
	struct action *action;
	const char **error;
};

static bool refuse(struct making *m, const char *found, const char *wanted)
{
	char shown[SHOWN_MAX + 1];

	text_escape(shown, sizeof(shown), found, strlen(found), true);
	*m->error = arena_printf(m->arena, "%s: '%s' found; %s is wanted", m->verb->name, shown, wanted);
	return false;
}

static void set_enhanced(struct action *action, const char *code, size_t length)
{
	memcpy(action->enhanced, code, length);
	action->enhanced[length] = '\0';
}

static void add_code(struct action *action, char class)
{
	set_enhanced(action, class == '5' ? "5.7.1" : "4.7.1", 5);
	action->code_added = true;
}

static void add_text(struct action *action, char class)
{
	action->text = class == '5' ? "Refused by local policy" : "Try again later";
	action->text_added = true;
}

/* What the text says may come from a stranger, so it is never the cause of an
 * error, only read where it is a code and nothing else. */
static bool make_coded(struct making *m)
{
	char class = m->action->verb == ACTION_REJECT ? '5' : '4';

	if (m->enhanced != NULL) {
		if (!is_enhanced(m->enhanced, class))
			return refuse(m, m->enhanced,
			              class == '5' ? "an enhanced code such as 5.7.1"
			                           : "an enhanced code such as 4.7.1");
		set_enhanced(m->action, m->enhanced, strlen(m->enhanced));
	} else if (is_enhanced(m->text, class)) {
		set_enhanced(m->action, m->text, strlen(m->text));
		m->text = "";
	} else {
		add_code(m->action, class);
	}
	m->action->text = clean(m->arena, m->text, TEXT_MAX);
	if (*m->action->text == '\0')
		add_text(m->action, class);
	return true;
}

static bool make_reply(struct making *m)
{
	bool alone = m->enhanced != NULL;
	const char *code = action_skip_blanks(alone ? m->enhanced : m->text), *rest;
	size_t length;

	if (!is_reply_code(code))
		return refuse(m, code, "a reply code, 4NN or 5NN,");
	m->action->code = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 + code[2] - '0');
	rest = action_skip_blanks(code + 3);
	length = action_enhanced_length(rest, code[0]);
	if (alone && rest[length] != '\0')
		return refuse(m, code,
		              "a reply code and an enhanced code of its class, such as '521 5.7.1',");
	if (length > 0)
		set_enhanced(m->action, rest, length);
	else
		add_code(m->action, code[0]);
	m->action->text = clean(m->arena, alone ? m->text : rest + length, TEXT_MAX);
	if (*m->action->text == '\0')
		add_text(m->action, code[0]);
	return true;
}

static bool make_header(struct making *m)
{
	const char *header = action_skip_blanks(m->text), *wanted = check_header(header), *value;
	size_t name = strcspn(header, ":");

	if (wanted != NULL)
		return refuse(m, m->text, wanted);
	value = clean(m->arena, header + name + 1, HEADER_MAX - name - strlen(": "));
	if (*value == '\0')
		value = "(empty)";
	m->action->text = arena_printf(m->arena, "%.*s: %s", (int)name, header, value);
	return true;
}

static bool make_restriction(struct making *m)
{
	const char *wanted = action_check_restriction(m->text);

	if (wanted == NULL)
		wanted = action_check_known(m->text, m->classes, m->arena);
	if (wanted != NULL)
		return refuse(m, m->text, wanted);
	m->action->text = arena_strdup(m->arena, m->text);
	return true;
}

static bool make_exact(struct making *m)
{
	const char *wanted = check_text(m->verb->use, m->text);

	if (wanted != NULL)
		return refuse(m, m->text, wanted);
	m->action->text = arena_strdup(m->arena, m->text);
	return true;
}

bool action_make(struct arena *arena, enum action_verb verb, const char *enhanced, const char *text,
                 const char *const *classes, struct action *action, const char **error)
{
	struct making m = { arena, &verbs[verb], enhanced, text == NULL ? "" : text, classes, action, error };

	*action = (struct action){ .verb = verb, .text = "" };
	if (enhanced != NULL && m.verb->use != TEXT_CODED && m.verb->use != TEXT_REPLY)
		return refuse(&m, enhanced, "no code, only a text,");
	switch (m.verb->use) {
	case TEXT_CODED: return make_coded(&m);
	case TEXT_REPLY: return make_reply(&m);
	case TEXT_HEADER: return make_header(&m);
	case TEXT_RESTRICTION: return make_restriction(&m);
	case TEXT_TRANSPORT:
	case TEXT_ADDRESS: return make_exact(&m);
	case TEXT_OPTIONAL: break;
	}
	action->text = clean(arena, m.text, TEXT_MAX);
	return true;
}

/* -- encoding ------------------------------------------------------------ */

/* The code before a refusing text, with a space behind it; 0 = not one of ours. */
static size_t put_code(const struct action *action, char *out, size_t size)
{
	char class = action->verb == ACTION_REJECT ? '5' : '4';

	if (verbs[action->verb].use == TEXT_CODED) {
		if (!is_enhanced(action->enhanced, class))
			return 0;
		return (size_t)g_snprintf(out, size, "%s ", action->enhanced);
	}
	if (action->code < 400 || action->code > 599)
		return 0;
	class = (char)('0' + action->code / 100);
	if (!is_enhanced(action->enhanced, class))
		return 0;
	return (size_t)g_snprintf(out, size, "%u %s ", action->code, action->enhanced);
}

/* "; id=ID", nothing for an empty one. */
static size_t put_id(const char *id, char out[ID_MAX + 5])
{
	size_t length = 5;

	if (id == NULL || *id == '\0')
		return 0;
	memcpy(out, "; id=", length);
	for (; *id != '\0' && length < ID_MAX + 5; id++)
		out[length++] = *id > ' ' && *id <= '~' ? *id : '?';
	return length;
}

/* The text, cleaned once more: nothing else stands between a struct filled in by
 * hand and Postfix. */
static size_t put_text(const struct action *action, const char *id, char *out)
{
	bool refusing = action_class(action->verb) == ACTION_REFUSE;
	size_t max = verbs[action->verb].use == TEXT_HEADER ? HEADER_MAX : TEXT_MAX, tail_length = 0, length;
	const char *text = action_skip_blanks(action->text);
	char tail[ID_MAX + 5];

	if (*text == '\0')
		return 0;
	if (check_text(verbs[action->verb].use, action->text) != NULL)
		return 0;
	if (refusing)
		tail_length = put_id(id, tail);
	length = text_clean(out, max - tail_length + 1, text, strlen(text));
	if (length > 0 && tail_length > 0) {
		memcpy(out + length, tail, tail_length);
		length += tail_length;
	}
	return length;
}

/* The value of action=, not terminated; 0: action_make() made no such action. out
 * has ACTION_REPLY_MAX bytes but those around the value. */
static size_t put_value(const struct action *action, const char *id, char *out)
{
	const struct verb *verb = &verbs[action->verb];
	size_t length = strlen(verb->wire), code, text;

	memcpy(out, verb->wire, length);
	if (length > 0)
		out[length++] = ' ';
	if (verb->class == ACTION_REFUSE) {
		code = put_code(action, out + length, 32);
		if (code == 0)
			return 0;
		length += code;
	}
	text = put_text(action, id, out + length);
	if (text == 0)
		return verb->use == TEXT_OPTIONAL ? length - 1 : 0;
	return length + text;
}

size_t action_encode(const struct action *action, const char *id, char out[ACTION_REPLY_MAX])
{
	static const char start[] = "action=";
	size_t length = strlen(start), value;

	if (action->verb >= ACTION_VERBS)
		return 0;
	memcpy(out, start, length);
	if (action->verbatim != NULL)
		value = action_put_verbatim(action->verbatim, out + length);
	else
		value = put_value(action, id, out + length);
	if (value == 0)
		return 0;
	length += value;
	out[length++] = '\n';
	out[length++] = '\n';
	return length;
}

const char *action_print(const struct action *action, struct arena *arena)
{
	char value[ACTION_REPLY_MAX];

	if (action->verb >= ACTION_VERBS)
		return action_name(action->verb);
	if (action->verbatim != NULL)
		return arena_strndup(arena, value, action_put_verbatim(action->verbatim, value));
	return arena_strndup(arena, value, put_value(action, NULL, value));
}

size_t action_log_text(const struct action *action, char *out, size_t size)
{
	char text[ACTION_REPLY_MAX];
	size_t code = 0;

	if (action->verb < ACTION_VERBS && verbs[action->verb].class == ACTION_REFUSE)
		code = put_code(action, text, sizeof(text));
	if (code == 0)
		return text_escape(out, size, action->text, strlen(action->text), true);
	g_strlcpy(text + code, action->text, sizeof(text) - code);
	return text_escape(out, size, text, strlen(text), true);
}
