/* rule/page.c - a manual page, for people at once or for man */
#include "rule/page.h"

#include <string.h>

#define WIDTH 78
#define WIDTH_MAN 72      /* before what man needs is added */
#define DATE "2026-11-21" /* man wants one; of the version */
#define INDENT "    "

/* -- texts --------------------------------------------------------------- */

void page_fill(GString *out, const char *text, const char *indent, size_t width)
{
	size_t column = 0;

	text += strspn(text, " \n");
	while (*text != '\0') {
		size_t length = strcspn(text, " \n"), shown = 0;

		for (size_t i = 0; i < length; i++)
			shown += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (column > 0 && column + 1 + shown > width) {
			g_string_append_c(out, '\n');
			column = 0;
		}
		g_string_append(out, column == 0 ? indent : " ");
		column += (column == 0 ? strlen(indent) : 1) + shown;
		g_string_append_len(out, text, (gssize)length);
		text += length;
		text += strspn(text, " \n");
	}
	g_string_append_c(out, '\n');
}

/* For man. Code keeps each byte as it is typed, so that it can be copied. */
static void escape(GString *out, const char *text, size_t length, bool code)
{
	bool bold = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if ((c == '.' || c == '\'') && (i == 0 || text[i - 1] == '\n'))
			g_string_append(out, "\\&");
		if (c == '\\')
			g_string_append(out, "\\e");
		else if (c == '`' && !code)
			g_string_append(out, (bold = !bold) ? "\\fB" : "\\fR");
		else if (c == '-' && (code || bold))
			g_string_append(out, "\\-");
		else if (c == '^')
			g_string_append(out, "\\(ha");
		else if (c == '~')
			g_string_append(out, "\\(ti");
		else
			g_string_append_c(out, c);
	}
}

static void append_filled(struct page *page, const char *text, const char *indent)
{
	g_autoptr(GString) filled = g_string_new(NULL);

	page_fill(filled, text, page->man ? "" : indent, page->man ? WIDTH_MAN : WIDTH);
	if (page->man)
		escape(page->out, filled->str, filled->len, false);
	else
		g_string_append(page->out, filled->str);
}

/* -- blocks -------------------------------------------------------------- */

/* What parts a block from the one before. */
static void begin_block(struct page *page, const char *macro)
{
	if (!page->man && page->begun)
		g_string_append_c(page->out, '\n');
	else if (page->man && page->begun && macro != NULL)
		g_string_append_printf(page->out, "%s\n", macro);
	page->begun = true;
	page->items = false;
}

void page_heading(struct page *page, const char *text)
{
	if (!page->man && page->out->len > 0)
		g_string_append_c(page->out, '\n');
	g_string_append_printf(page->out, "%s%s\n", page->man ? ".SH " : "", text);
	page->begun = false;
}

void page_subheading(struct page *page, const char *text)
{
	if (page->man) {
		g_string_append(page->out, ".SS ");
		escape(page->out, text, strlen(text), true);
		g_string_append_c(page->out, '\n');
	} else {
		g_string_append_printf(page->out, "%s  %s\n", page->begun ? "\n" : "", text);
	}
	page->begun = false;
}

void page_begin(struct page *page, const char *title, int section, const char *name, const char *line)
{
	g_autofree char *upper = g_ascii_strup(title, -1);

	page->begun = false;
	if (!page->man) {
		g_string_append_printf(page->out, "%s - %s\n", name, line);
		return;
	}
	g_string_append(page->out, ".\\\" made by ppolicyd --generate; do not edit\n.TH ");
	escape(page->out, upper, strlen(upper), true);
	g_string_append_printf(page->out, " %d " DATE " ppolicyd\n.SH NAME\n", section);
	escape(page->out, title, strlen(title), true);
	g_string_append(page->out, " \\- ");
	escape(page->out, line, strlen(line), false);
	g_string_append_c(page->out, '\n');
}

void page_text(struct page *page, const char *text)
{
	begin_block(page, ".PP");
	append_filled(page, text, INDENT);
}

void page_item(struct page *page, const char *name, const char *rest, const char *text)
{
	if (page->man) {
		g_string_append(page->out, ".TP\n\\fB");
		escape(page->out, name, strlen(name), true);
		g_string_append(page->out, "\\fR");
		escape(page->out, rest, strlen(rest), false);
		g_string_append_c(page->out, '\n');
	} else {
		g_string_append_printf(page->out, "%s" INDENT "%s%s\n",
		                       page->begun && !page->items ? "\n" : "", name, rest);
	}
	page->begun = page->items = true;
	append_filled(page, text, INDENT INDENT);
}

static void append_code(struct page *page, const char *lines, const char *indent)
{
	while (*lines != '\0') {
		size_t length = strcspn(lines, "\n");

		if (page->man)
			escape(page->out, lines, length, true);
		else if (length > 0)
			g_string_append_printf(page->out, "%s%.*s", indent, (int)length, lines);
		g_string_append_c(page->out, '\n');
		lines += length + (lines[length] == '\n');
	}
}

void page_code(struct page *page, const char *lines)
{
	begin_block(page, ".PP");
	if (page->man)
		g_string_append(page->out, ".RS 4\n.nf\n");
	append_code(page, lines, INDENT INDENT);
	if (page->man)
		g_string_append(page->out, ".fi\n.RE\n");
}

/* -- markdown ------------------------------------------------------------ */

enum block { PARAGRAPH, BULLET, CODE };

static void add_bullet(struct page *page, const char *text)
{
	size_t begin;

	begin_block(page, NULL);
	if (page->man)
		g_string_append(page->out, ".IP \\(bu 2\n");
	begin = page->out->len;
	append_filled(page, text, INDENT "  ");
	if (!page->man)
		page->out->str[begin + strlen(INDENT)] = '*';
}

static void add_block(struct page *page, enum block block, const char *text)
{
	g_autofree char *stripped = g_strchomp(g_strdup(text));

	if (*stripped == '\0')
		return;
	if (block == CODE)
		page_code(page, stripped);
	else if (block == PARAGRAPH)
		page_text(page, stripped);
	else
		add_bullet(page, stripped);
}

void page_markdown(struct page *page, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) gathered = g_string_new(NULL);
	enum block block = PARAGRAPH;

	for (char **line = lines; *line != NULL; line++) {
		bool code = g_str_has_prefix(*line, INDENT) && block != BULLET;
		enum block next = g_str_has_prefix(*line, "* ") ? BULLET : code ? CODE : PARAGRAPH;
		bool blank = **line == '\0';

		if (blank ? block != CODE : next == BULLET || (next != block && block != BULLET)) {
			add_block(page, block, gathered->str);
			g_string_truncate(gathered, 0);
			block = blank ? PARAGRAPH : next;
		}
		g_string_append_printf(gathered, "%s\n",
		                       *line + (blank            ? 0
		                                : next == BULLET ? 2
		                                : next == CODE   ? 4
		                                                 : 0));
	}
	add_block(page, block, gathered->str);
}
